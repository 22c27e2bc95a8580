//! Any samples through a writer and a recorder: what a reader finds is what went in, whole, and never panics or grows.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::{Codec, Event, Flags, Sample, Time, Timescale, Track, TrackId, Tracks};
use mp4::recorder::{self, Recorder};
use mp4::writer::{Config, Planner, Write, Writer};
use mp4::{Demuxer, Limits};

/// A sample is 6 bytes of facts and 1 to 15 bytes of data: readers may pass over one without any.
fn samples(mut data: &[u8]) -> Vec<Sample> {
    let mut next = [i64::from(data.len() as u32) - 50, 0];
    let mut samples = Vec::new();
    while let Some((&[kind, size, d0, d1, o0, o1], rest)) = data.split_first_chunk::<6>() {
        let (bytes, rest) = rest.split_at(rest.len().min((1 + size % 15).into()));
        data = rest;
        if bytes.is_empty() {
            break;
        }
        let second = kind & 1 == 1;
        let at = &mut next[usize::from(second)];
        samples.push(Sample {
            track: TrackId(u32::from(second) + 1),
            dts: *at,
            pts: *at + i64::from(i16::from_be_bytes([o0, o1])),
            duration: None,
            flags: Flags::SYNC.when(kind & 2 == 0),
            data: bytes.to_vec().into(),
        });
        *at += i64::from(u16::from_be_bytes([d0, d1]));
    }
    samples
}

fn tracks() -> Tracks {
    let codec = || Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2).unwrap());
    let track = |(id, scale)| Track::new(TrackId(id), Timescale::new(scale).unwrap(), codec());
    [(1, 48_000), (2, 90_000)].into_iter().map(track).collect()
}

fn apply(write: &Write, file: &mut Vec<u8>) {
    let (at, data) = (write.offset as usize, write.data.concat());
    assert!(at <= file.len(), "a hole");
    file.resize(file.len().max(at + data.len()), 0);
    file[at..at + data.len()].copy_from_slice(&data);
}

/// Data of each track and what is a keyframe, and decoding times from its first sample on. What comes before an edit list's start is flagged by the
/// reader.
fn kept(samples: &[Sample]) -> [Vec<(i64, bool, &[u8])>; 2] {
    [1, 2].map(|track| {
        let own = || samples.iter().filter(|sample| sample.track.0 == track);
        let first = own().next().map_or(0, |sample| sample.dts);
        own().map(|sample| (sample.dts - first, sample.flags.contains(Flags::SYNC), &*sample.data)).collect()
    })
}

fn demux(file: &[u8]) -> Vec<Sample> {
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_input(file);
    demuxer.handle_eof();
    let mut samples = Vec::new();
    while let Ok(Some(event)) = demuxer.poll_event() {
        if let Event::Sample(sample) = event {
            samples.push(sample);
        }
    }
    samples
}

fuzz_target!(|data: &[u8]| {
    let (samples, tracks) = (samples(data), tracks());
    let mut config = recorder::Config::default();
    config.reserve = 2000;
    config.fragment = Time::from_millis(100);
    let (mut recorder, mut recorded) = (Recorder::new(config), Vec::new());
    let mut planner = Planner::new(Config::moov_last());
    recorder.set_tracks(&tracks).unwrap();
    planner.set_tracks(&tracks).unwrap();
    for sample in &samples {
        recorder.handle_sample(sample).unwrap();
        planner.handle_sample(sample).unwrap();
        while let Some(write) = recorder.poll_output() {
            apply(&write, &mut recorded);
        }
    }
    for (found, expected) in kept(&demux(&recorded)).iter().zip(kept(&samples)) {
        assert!(expected.starts_with(found));
    }
    recorder.finish().unwrap();
    while let Some(write) = recorder.poll_output() {
        apply(&write, &mut recorded);
    }

    let plan = planner.finish();
    let len = plan.file_len().unwrap();
    let (mut writer, mut file) = (Writer::with_plan(plan), Vec::new());
    writer.set_tracks(&tracks).unwrap();
    for sample in &samples {
        writer.handle_sample(sample).unwrap();
    }
    writer.finish().unwrap();
    while let Some(write) = writer.poll_output() {
        assert_eq!(write.offset, file.len() as u64);
        apply(&write, &mut file);
    }
    assert_eq!(file.len() as u64, len);
    // `moov` comes first here, so it can be read as it arrives.
    assert_eq!(kept(&demux(&file)), kept(&samples));
});
