//! FLV tag bodies to samples and back: no panic, bounded memory, and what comes out can be muxed again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::Event;
use rtmp::{Limits, Message, TypeId, flv};
use wire::Reader;

/// Each message is a type (1 byte), a step in time (1 byte), a length (1 byte, in the low bits) and its body.
fn message(r: &mut Reader<'_>, clock: &mut u32) -> Option<Message> {
    let type_id = match r.u8("type").ok()? % 4 {
        0 => TypeId::AUDIO,
        1 => TypeId::DATA,
        _ => TypeId::VIDEO,
    };
    *clock = clock.wrapping_add(u32::from(r.u8("step").ok()?).pow(3));
    let len = usize::from(r.u8("length").ok()?).min(r.left());
    let payload = r.take(len, "body").ok()?.to_vec().into();
    Some(Message {
        timestamp: *clock,
        type_id,
        stream_id: 1,
        payload,
    })
}

fuzz_target!(|data: &[u8]| {
    let mut demuxer = flv::Demuxer::new(Limits::default());
    let mut muxer = flv::Muxer::new();
    let (mut r, mut clock, mut fed) = (Reader::new(data), 0, 0);
    let mut last = std::collections::HashMap::new();
    loop {
        match message(&mut r, &mut clock) {
            Some(message) => {
                fed += message.payload.len();
                demuxer.handle_message(&message);
            }
            None => demuxer.handle_eof(),
        }
        while let Ok(Some(event)) = demuxer.poll_event() {
            match event {
                Event::Tracks(tracks) => {
                    last.clear();
                    let _ = muxer.set_tracks(&tracks);
                }
                Event::Sample(sample) => {
                    let last = last.entry(sample.track).or_insert(i64::MIN);
                    assert!(
                        sample.dts >= *last,
                        "time goes back without a discontinuity"
                    );
                    *last = sample.dts;
                    let _ = muxer.handle_sample(&sample);
                }
                Event::Discontinuity => last.clear(),
                _ => {}
            }
            while muxer.poll_output().is_some() {}
        }
        assert!(demuxer.buffered_len() <= 64 * fed + 65536);
        if r.is_empty() {
            break;
        }
    }
});
