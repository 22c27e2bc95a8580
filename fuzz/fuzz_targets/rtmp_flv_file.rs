//! FLV files: no panic, bounded memory, no matter how the bytes are cut, and what comes out can be written again.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use media::Event;
use rtmp::{Limits, flv};

fn demux(data: &[u8], piece: usize, shared: bool) -> Vec<Event> {
    let mut demuxer = flv::FileDemuxer::new(Limits::default());
    let mut events = Vec::new();
    for piece in data.chunks(piece) {
        if shared {
            demuxer.handle_bytes(Bytes::copy_from_slice(piece));
        } else {
            demuxer.handle_input(piece);
        }
        while let Some(event) = demuxer.poll_event().unwrap() {
            events.push(event);
        }
        assert!(demuxer.buffered_len() <= 2 * data.len() + 65536);
    }
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event().unwrap() {
        events.push(event);
    }
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

fuzz_target!(|data: &[u8]| {
    let Some((piece, data)) = data.split_first() else {
        return;
    };
    let piece = usize::from(*piece) + 1;
    let events = demux(data, piece, false);
    // Numbers that are none are not equal to themselves.
    let told = format!("{events:?}");
    for (piece, shared) in [(usize::MAX, false), (usize::MAX, true), (8 * piece, true)] {
        assert_eq!(told, format!("{:?}", demux(data, piece, shared)));
    }
    let mut muxer = flv::FileMuxer::new().with_index(2);
    for event in &events {
        match event {
            Event::Tracks(tracks) => {
                let _ = muxer.set_tracks(tracks);
            }
            Event::Sample(sample) => {
                let _ = muxer.handle_sample(sample);
            }
            _ => {}
        }
    }
    let _ = muxer.finish();
    let mut len = 0;
    while let Some(output) = muxer.poll_output() {
        match output {
            flv::FileOutput::Append(data) => len += data.len(),
            flv::FileOutput::Patch { offset, data } => {
                assert!(usize::try_from(offset).unwrap() + data.len() <= len);
            }
        }
    }
});
