//! What several tests share.

#![allow(dead_code, reason = "each test binary uses some of it")]

use fluvial_mp4::{Demuxer, Limits};
use media::{Event, Sample, Tracks};
use std::path::{Path, PathBuf};

/// The corpus of public files, if it is there.
pub(crate) fn corpus() -> Option<PathBuf> {
    let beside =
        || Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")).to_path_buf();
    let root = std::env::var_os("FLUVIAL_CORPUS").map_or_else(beside, PathBuf::from);
    if root.is_dir() {
        return Some(root);
    }
    eprintln!("SKIPPED: corpus not found, set FLUVIAL_CORPUS");
    None
}

pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All events of a file given in pieces of these sizes, over and over; a size of 0 stands for the rest.
pub(crate) fn demux_pieces(data: &[u8], sizes: &[usize]) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut events = Vec::new();
    let mut rest = data;
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let size = if *size == 0 {
            rest.len()
        } else {
            (*size).min(rest.len())
        };
        let (piece, after) = rest.split_at(size);
        rest = after;
        demuxer.handle_input(piece);
        while let Ok(Some(event)) = demuxer.poll_event() {
            events.push(event);
        }
    }
    demuxer.handle_eof();
    while let Ok(Some(event)) = demuxer.poll_event() {
        events.push(event);
    }
    events
}

pub(crate) fn demux(data: &[u8]) -> Vec<Event> {
    demux_pieces(data, &[0])
}

pub(crate) fn tracks(events: &[Event]) -> Vec<Tracks> {
    let tracks = events.iter().filter_map(|event| match event {
        Event::Tracks(tracks) => Some(tracks.clone()),
        _ => None,
    });
    tracks.collect()
}

pub(crate) fn samples(events: &[Event]) -> Vec<Sample> {
    let samples = events.iter().filter_map(|event| match event {
        Event::Sample(sample) => Some(sample.clone()),
        _ => None,
    });
    samples.collect()
}

pub(crate) fn warnings(events: &[Event]) -> Vec<String> {
    let warnings = events.iter().filter_map(|event| match event {
        Event::Warning(warning) => Some(warning.to_string()),
        _ => None,
    });
    warnings.collect()
}
