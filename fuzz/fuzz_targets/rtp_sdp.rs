//! Session descriptions: read or refused, and what tracks they tell of can be described again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::{Track, TrackId};
use rtp::{Format, sdp};

fuzz_target!(|data: &[u8]| {
    let Ok(session) = sdp::parse(data) else {
        return;
    };
    for media in sdp::media(&session) {
        let Some(stream) = media.stream(TrackId(1)) else {
            continue;
        };
        let (Some(codec), Some(first)) = (stream.codec, stream.formats.first()) else {
            continue;
        };
        let track = Track::new(TrackId(1), first.clock_rate, codec);
        let Ok(format) = Format::of(&track, 96) else {
            continue;
        };
        let ours = sdp::session("-", 1, [127, 0, 0, 1].into());
        let ours = sdp::describe(ours, [(&track, format)], |_| None);
        let text = sdp::to_text(&ours).expect("text");
        let again = sdp::media(&sdp::parse(text.as_bytes()).expect("our own"));
        assert_eq!(again.len(), 1);
        assert!(again[0].stream(TrackId(1)).is_some(), "{text}");
    }
});
