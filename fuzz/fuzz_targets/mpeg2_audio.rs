//! Frames of MPEG audio: the same however the bytes are cut, little held; tags that are read can be written.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use mpeg2::audio::{Frames, Piece, Splitter};

fuzz_target!(|data: &[u8]| {
    let whole: Vec<String> = Frames::new(data)
        .map(|piece| format!("{piece:?}"))
        .collect();
    let mut splitter = Splitter::new();
    let mut cut = Vec::new();
    for piece in pieces(data).map(Some).chain([None]) {
        match piece {
            Some(piece) => splitter.handle_input(piece),
            None => splitter.handle_eof(),
        }
        while let Some(piece) = splitter.poll_piece() {
            cut.push(format!("{piece:?}"));
        }
        assert!(splitter.buffered_len() < 3 * 4608 + 64);
    }
    assert!(splitter.is_finished());
    assert_eq!(whole, cut);

    for piece in Frames::new(data) {
        let Piece::Frame { frame, .. } = piece else {
            continue;
        };
        let header = frame.header();
        assert_eq!(header.to_bytes().expect("it was read"), frame.bytes()[..4]);
        let _ = frame.is_intact();
        let mut out = Vec::new();
        if let Some(mut tag) = frame.xing()
            && tag.encode(header, &mut out).is_ok()
        {
            if let Some(lame) = &mut tag.lame {
                lame.is_intact = true;
            }
            let Some(Piece::Frame { frame, .. }) = Frames::new(&out).next() else {
                panic!("our own");
            };
            assert_eq!(frame.xing(), Some(tag));
        }
        if let Some(tag) = frame.tag() {
            let _ = (tag.samples(header), tag.priming(), tag.trim());
            let frames = tag.frames().unwrap_or(0);
            for n in [0, frames / 2, frames.saturating_sub(1), u32::MAX] {
                if let Some(place) = tag.place(header, n) {
                    assert!(n < frames && place.frame.is_none_or(|found| found <= n));
                }
            }
        }
    }
});
