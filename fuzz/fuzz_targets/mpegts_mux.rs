//! What is demuxed and muxed is demuxed again: the same tracks and samples, in packets that the checker finds no gap in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::{Event, Sample, Tracks};
use mpegts::check::{Checker, Rule};
use mpegts::mux::{Config, Muxer};
use mpegts::{Demuxer, Limits};

fn demux(data: &[u8]) -> (Option<Tracks>, Vec<Sample>, bool) {
    let mut demuxer = Demuxer::new(Limits::default());
    let (mut tracks, mut samples, mut changed) = (None, Vec::new(), false);
    demuxer.handle_input(data);
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event().unwrap() {
        match event {
            Event::Tracks(new) => changed |= tracks.replace(new).is_some(),
            Event::Sample(sample) => samples.push(sample),
            Event::Discontinuity => changed = true,
            _ => {}
        }
    }
    (tracks, samples, changed)
}

fuzz_target!(|data: &[u8]| {
    let Some((how, data)) = data.split_first() else {
        return;
    };
    let (Some(tracks), samples, changed) = demux(data) else {
        return;
    };
    let config = match how % 3 {
        0 => Config::default(),
        1 => Config::m2ts(),
        // Damage may make times that a constant rate would have to fill with null packets.
        _ if samples.len() < 50 && spread(&samples) < 1_000_000 => Config::constant(500_000),
        _ => Config::default(),
    };
    let mut muxer = Muxer::new(config);
    if changed || muxer.set_tracks(&tracks).is_err() {
        return;
    }
    for sample in &samples {
        if muxer.handle_sample(sample).is_err() {
            return;
        }
    }
    if muxer.finish().is_err() {
        return;
    }
    let stream = muxer.poll_output().unwrap_or_default();
    let mut checker = Checker::new();
    checker.handle_input(&stream);
    checker.handle_eof();
    while let Some(finding) = checker.poll_finding() {
        assert!(
            !matches!(
                finding.rule,
                Rule::TsSyncLoss | Rule::SyncByteError | Rule::ContinuityCountError | Rule::CrcError | Rule::TransportError
            ),
            "{finding}"
        );
    }
    demux(&stream);
});

fn spread(samples: &[Sample]) -> u64 {
    let times = || samples.iter().map(|sample| sample.dts);
    let (first, last) = (times().min().unwrap_or(0), times().max().unwrap_or(0));
    last.abs_diff(first)
}
