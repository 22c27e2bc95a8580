//! FLV files: no panic, bounded memory, no matter how the bytes are cut, and what comes out can be written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::Event;
use rtmp::{Limits, flv};

fn demux(data: &[u8], piece: usize) -> Vec<Event> {
    let mut demuxer = flv::FileDemuxer::new(Limits::default());
    let mut events = Vec::new();
    for piece in data.chunks(piece) {
        demuxer.handle_input(piece);
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
    let events = demux(data, usize::from(*piece) + 1);
    // Numbers that are none are not equal to themselves.
    assert_eq!(
        format!("{events:?}"),
        format!("{:?}", demux(data, usize::MAX))
    );
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
