//! Sync frames of AC-3 and E-AC-3: the same however the bytes are cut, little held, and what is read can be written.
#![no_main]

use ac3::{Bsi, Dac3, Dec3, Frame, Frames, Grouper, Piece, Splitter, descriptor};
use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;

fn show(piece: Piece<Frame<'_>>) -> String {
    format!("{piece:?}")
}

fuzz_target!(|data: &[u8]| {
    let whole: Vec<String> = Frames::new(data).map(show).collect();
    let mut splitter = Splitter::new();
    let mut cut = Vec::new();
    for piece in pieces(data).map(Some).chain([None]) {
        match piece {
            Some(piece) => splitter.handle_input(piece),
            None => splitter.handle_eof(),
        }
        while let Some(piece) = splitter.poll_piece() {
            cut.push(show(piece));
        }
        assert!(splitter.buffered_len() < 3 * 4096 + 64);
    }
    assert!(splitter.is_finished());
    assert_eq!(whole, cut);

    let mut grouper = Grouper::of_six_blocks();
    for piece in Frames::new(data) {
        let Piece::Frame { frame, .. } = piece else {
            continue;
        };
        let _ = (frame.is_intact(), grouper.handle_frame(&frame));
        if let Ok(bsi) = frame.bsi() {
            // What follows the information may be damaged.
            if let Ok(written) = frame.with_bsi(&bsi) {
                let again = Frame::parse(&written).expect("our own");
                assert_eq!(again.bsi().as_ref(), Ok(&bsi));
                assert!(again.is_intact());
            }
            match &bsi {
                Bsi::Ac3(bsi) => drop(Dac3::new(bsi)),
                Bsi::Eac3(_) => drop(Dec3::new([frame])),
            }
        }
    }
    let _ = grouper.finish();

    let mut out = Vec::new();
    if let Ok(config) = Dac3::parse(data) {
        config.encode(&mut out).expect("it was read");
        assert_eq!(Dac3::parse(&out).expect("our own"), config);
    }
    out.clear();
    if let Ok(config) = Dec3::parse(data) {
        config.encode(&mut out).expect("it was read");
        assert_eq!(Dec3::parse(&out).expect("our own"), config);
    }
    let _ = descriptor::Ac3::parse(data);
    let _ = descriptor::EnhancedAc3::parse(data);
    let _ = descriptor::AtscAc3::parse(data);
});
