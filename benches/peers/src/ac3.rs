//! AC-3 and E-AC-3: sync frames split, their headers read.

use crate::{harness::Group, inputs::load};
use fluvial_ac3::{Frames, Piece, Splitter};
use std::hint::black_box;
use transmux::ac3::{Ac3SyncframeInfo, split_ac3_syncframes, split_eac3_syncframes};

fn show<E: std::fmt::Debug>(e: E) -> String {
    format!("{e:?}")
}

pub fn groups() -> Vec<Group> {
    vec![ac3(), eac3()]
}

/// What a demuxer asks of a frame, and transmux's header has.
fn look_at(frame: fluvial_ac3::Frame<'_>) {
    let header = frame.header();
    black_box((
        header.sampling_frequency(),
        header.acmod(),
        header.lfeon(),
        header.samples(),
    ));
    black_box(frame.bytes());
}

fn ours(group: Group, data: &'static [u8]) -> Group {
    group
        .case("fluvial Frames (whole)", move || {
            let mut n = 0;
            for piece in Frames::new(black_box(data)) {
                if let Piece::Frame { frame, .. } = piece {
                    look_at(frame);
                    n += 1;
                }
            }
            Ok(n)
        })
        .case("fluvial Frames, whole bsi", move || {
            let mut n = 0;
            for piece in Frames::new(black_box(data)) {
                if let Piece::Frame { frame, .. } = piece {
                    black_box(frame.bsi().map_err(show)?);
                    n += 1;
                }
            }
            Ok(n)
        })
        .case("fluvial Splitter (4K push)", move || {
            let mut splitter = Splitter::new();
            let mut n = 0;
            for piece in data.chunks(4096).map(Some).chain([None]) {
                match piece {
                    Some(piece) => splitter.handle_input(piece),
                    None => splitter.handle_eof(),
                }
                while let Some(piece) = splitter.poll_piece() {
                    if let Piece::Frame { frame, .. } = piece {
                        look_at(frame);
                        n += 1;
                    }
                }
            }
            Ok(n)
        })
}

fn ac3() -> Group {
    let data = load("audio.ac3");
    let frames = split_ac3_syncframes(data).len() as u64;
    let group = Group::new("ac3", "AC-3 split + header", data.len(), frames, "frame");
    ours(group, data).case("transmux", move || {
        let mut n = 0;
        for frame in split_ac3_syncframes(black_box(data)) {
            black_box(Ac3SyncframeInfo::from_es(frame).map_err(show)?);
            n += 1;
        }
        Ok(n)
    })
}

fn eac3() -> Group {
    let data = load("audio.eac3");
    let frames = split_eac3_syncframes(data).len() as u64;
    let group = Group::new("ac3", "E-AC-3 split + header", data.len(), frames, "frame");
    ours(group, data).case("transmux", move || {
        let mut n = 0;
        for frame in split_eac3_syncframes(black_box(data)) {
            // Copied, with the dependent frames behind it, and read already.
            black_box((&frame.data, frame.info));
            n += 1;
        }
        Ok(n)
    })
}
