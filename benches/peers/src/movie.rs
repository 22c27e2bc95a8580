//! An MP4 file of one hour and 277 000 samples: opening it, visiting every sample, seeking.

use crate::{
    harness::Group,
    inputs::{boxes, load},
};
use bytes::Bytes;
use fluvial_mp4::{Limits, Movie};
use mp4_atom::Decode;
use shiguredo_mp4::demux::{Input, Mp4FileDemuxer};
use std::{hint::black_box, io::Cursor};

fn show<E: std::fmt::Debug>(e: E) -> String {
    format!("{e:?}").chars().take(120).collect()
}

pub fn groups() -> Vec<Group> {
    let file = load("hour.mp4");
    let moov = boxes(file).into_iter().find(|(kind, _)| kind == b"moov");
    let moov = &file[moov.expect("the file has a moov").1];
    vec![open(file, moov), visit(file, moov), seek(moov)]
}

fn ours(moov: &'static [u8]) -> Result<Movie, String> {
    Movie::parse(Bytes::from_static(moov), 0, &Limits::default()).map_err(show)
}

fn samples(moov: &'static [u8]) -> u64 {
    let movie = ours(moov).expect("our own reader reads it");
    let tracks = movie.details().iter();
    tracks.map(|track| u64::from(track.samples().len())).sum()
}

fn shiguredo(file: &[u8]) -> Result<Mp4FileDemuxer, String> {
    let mut demux = Mp4FileDemuxer::new();
    while demux.required_input().is_some() {
        demux.handle_input(Input {
            position: 0,
            data: file,
        });
    }
    demux.tracks().map_err(show)?;
    Ok(demux)
}

/// The item is one opening: some peers read the tables, some make lists of samples of them.
fn open(file: &'static [u8], moov: &'static [u8]) -> Group {
    Group::new("movie", "open (1 h, A+V)", moov.len(), 1, "file")
        .case("fluvial Movie", move || {
            Ok(black_box(ours(moov)?).tracks().len() as u64)
        })
        .case("mp4 read_header", move || {
            let len = file.len() as u64;
            let r = mp4::Mp4Reader::read_header(Cursor::new(file), len).map_err(show)?;
            Ok(black_box(r).tracks().len() as u64)
        })
        .case("mp4-atom Moov::decode", move || {
            let moov = mp4_atom::Moov::decode(&mut &*moov).map_err(show)?;
            Ok(black_box(moov).trak.len() as u64)
        })
        .case("re_mp4", move || {
            let m = re_mp4::Mp4::read_bytes(file).map_err(show)?;
            Ok(black_box(m).tracks().len() as u64)
        })
        .case("shiguredo_mp4 Mp4FileDemuxer", move || {
            let d = shiguredo(file)?;
            Ok(black_box(d).tracks().map_err(show)?.len() as u64)
        })
}

fn visit(file: &'static [u8], moov: &'static [u8]) -> Group {
    let count = samples(moov);
    Group::new(
        "movie",
        "open + visit every sample",
        moov.len(),
        count,
        "sample",
    )
    .case("fluvial Movie", move || {
        let mut n = 0;
        for track in ours(moov)?.details() {
            for sample in track.samples().samples() {
                black_box((sample.offset, sample.size, sample.pts()));
                n += 1;
            }
        }
        Ok(n)
    })
    .case("re_mp4", move || {
        let m = re_mp4::Mp4::read_bytes(file).map_err(show)?;
        let mut n = 0;
        for track in m.tracks().values() {
            for sample in &track.samples {
                black_box((sample.byte_range(), sample.composition_timestamp));
                n += 1;
            }
        }
        Ok(n)
    })
    .case("shiguredo_mp4 (time-ordered)", move || {
        let mut d = shiguredo(file)?;
        let mut n = 0;
        while let Some(sample) = d.next_sample().map_err(show)? {
            black_box((sample.data_offset, sample.timestamp));
            n += 1;
        }
        Ok(n)
    })
}

/// To the sync sample before a random time, in an open movie. Peers search their lists of samples, if they have one.
fn seek(moov: &'static [u8]) -> Group {
    const SEEKS: u64 = 1000;
    Group::new("movie", "seek in an open movie", 0, SEEKS, "seek").case("fluvial Index", {
        let movie = ours(moov);
        let mut random = 1_u32;
        move || {
            let movie = movie.as_ref().map_err(Clone::clone)?;
            let track = &movie.details()[0];
            for _ in 0..SEEKS {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let ticks = u64::from(random) * track.samples().duration() >> 32;
                let sample = track.index().sample_at(track.samples(), ticks as i64);
                let sync = track.samples().sync_before(sample);
                black_box(track.index().seek(track.samples(), sync).next());
            }
            Ok(SEEKS)
        }
    })
}
