#![allow(dead_code, reason = "each test uses a part of it")]

use fluvial_mpegts::reader::{Pes, Reader, Unit};
use fluvial_mpegts::{Demuxer, Limits};
use media::{Event, Sample, Tracks, Warning};

/// All that a demuxer finds.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) tracks: Vec<Tracks>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) discontinuities: usize,
    /// Times of the stream, and what a clock on the wall showed then, in seconds since 1970.
    pub(crate) clocks: Vec<(media::Time, i64)>,
}

impl Found {
    pub(crate) fn of(&self, track: u32) -> Vec<&Sample> {
        let samples = self.samples.iter();
        samples.filter(|sample| sample.track.0 == track).collect()
    }

    pub(crate) fn last_tracks(&self) -> Tracks {
        self.tracks.last().cloned().unwrap_or_default()
    }
}

/// Every event of a stream that comes in these pieces.
pub(crate) fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut events = Vec::new();
    for piece in pieces {
        demuxer.handle_input(piece);
        while let Some(event) = demuxer.poll_event().unwrap() {
            events.push(event);
        }
    }
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event().unwrap() {
        events.push(event);
    }
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

pub(crate) fn demux(stream: &[u8]) -> Found {
    let mut found = Found::default();
    for event in events(stream.chunks(65_536)) {
        match event {
            Event::Tracks(tracks) => found.tracks.push(tracks),
            Event::Sample(sample) => found.samples.push(sample),
            Event::Warning(warning) => found.warnings.push(warning),
            Event::Discontinuity => found.discontinuities += 1,
            Event::Clock { time, wall } => {
                let seconds = wall.as_unix_nanos() / 1_000_000_000;
                found.clocks.push((time, seconds));
            }
            other => panic!("{other:?}"),
        }
    }
    found
}

/// The PES packets of a stream, in the order in which they begin.
pub(crate) fn pes_packets(stream: &[u8]) -> Vec<Pes> {
    let mut reader = Reader::new(Limits::default());
    let mut found = Vec::new();
    for mut piece in [stream, &[]] {
        if piece.is_empty() {
            reader.handle_eof();
        }
        while let Some(unit) = reader.next(&mut piece) {
            if let Unit::Pes(pes) = unit {
                found.push(pes);
            }
        }
    }
    found.sort_by_key(|pes| pes.offset);
    found
}
