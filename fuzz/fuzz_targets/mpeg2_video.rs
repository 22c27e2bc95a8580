//! A stream of MPEG video: the same pictures however it is cut; headers that are read can be written, and stay the same.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use mpeg2::audio::Piece;
use mpeg2::video::{
    Extension, GroupOfPictures, PictureHeader, PictureSplitter, SequenceHeader, Slice, StartCode,
    Timeline, UserData, pictures, units,
};

/// A unit read, and written again.
fn rewritten(code: StartCode, data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match code {
        StartCode::SEQUENCE_HEADER => SequenceHeader::parse(data).ok()?.encode(&mut out),
        StartCode::EXTENSION => Extension::parse(data).ok()?.encode(&mut out),
        StartCode::GROUP => GroupOfPictures::parse(data).ok()?.encode(&mut out),
        StartCode::PICTURE => PictureHeader::parse(data).ok()?.encode(&mut out),
        StartCode::USER_DATA => UserData::parse(data).ok()?.encode(&mut out),
        _ => return None,
    }
    .expect("it was read, so it can be written");
    Some(out)
}

fuzz_target!(|data: &[u8]| {
    let whole: Vec<String> = pictures(data).map(|piece| format!("{piece:?}")).collect();
    let mut splitter = PictureSplitter::new();
    let mut cut = Vec::new();
    for piece in pieces(data).map(Some).chain([None]) {
        match piece {
            Some(piece) => splitter.handle_input(piece),
            None => splitter.handle_eof(),
        }
        while let Some(piece) = splitter.poll_piece() {
            cut.push(format!("{piece:?}"));
        }
    }
    assert_eq!(splitter.buffered_len(), 0);
    assert_eq!(whole, cut);

    for unit in units(data) {
        if let Some(once) = rewritten(unit.code, unit.data) {
            assert_eq!(rewritten(unit.code, &once[4..]), Some(once));
        }
        let _ = Slice::parse(unit.code, unit.data, 2880);
    }

    let mut timeline = Timeline::new();
    let mut taken = 0;
    for piece in pictures(data) {
        if let Piece::Frame { frame, .. } = piece {
            taken += usize::from(timeline.push(&frame, ()).is_ok());
        }
    }
    timeline.finish();
    let times: Vec<_> = std::iter::from_fn(|| timeline.pop()).collect();
    assert_eq!(times.len(), taken);
});
