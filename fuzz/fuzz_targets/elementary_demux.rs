//! Raw streams: the same events however the bytes are cut, an end to polling, and little held.
#![no_main]

use elementary::{Demuxer, Format, Limits};
use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;

fn events<'a>(format: Format, pieces: impl Iterator<Item = &'a [u8]>) -> Vec<String> {
    let mut demuxer = Demuxer::new(format, Limits::default());
    let mut events = Vec::new();
    for piece in pieces {
        demuxer.handle_input(piece);
        while let Some(event) = demuxer.poll_event() {
            events.push(format!("{event:?}"));
        }
    }
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event() {
        events.push(format!("{event:?}"));
    }
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

fuzz_target!(|data: &[u8]| {
    let Some((first, data)) = data.split_first() else {
        return;
    };
    let _ = Format::sniff(data);
    let formats = [
        Format::Adts,
        Format::Loas,
        Format::Ac3,
        Format::MpegAudio,
        Format::MpegVideo,
        Format::H264,
        Format::H265,
    ];
    let format = formats[usize::from(*first) % formats.len()];
    let whole = events(format, [data].into_iter());
    let cut = events(format, pieces(data));
    assert_eq!(whole, cut);
});
