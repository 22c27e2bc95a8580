//! A receiver of two streams: any datagrams at any times, little is held, and polling ends.
//!
//! For each datagram: a byte that says which stream and how much later, a byte of length, and its bytes, of which the first is made
//! that of RTP or RTCP. The first stream has retransmissions and repair packets, of payload types that the first byte of the body chooses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media::{Codec, TrackId};
use rtp::receiver::{Config, StreamConfig};
use rtp::{Format, Receiver};
use std::time::Duration;

fuzz_target!(|data: &[u8]| {
    let h264 = Format {
        payload_type: 96,
        clock_rate: media::Timescale::KHZ_90,
        layout: rtp::payload::Layout::H264 {
            mode: rtp::payload::h264::Mode::NonInterleaved,
            interleaving_depth: 0,
        },
    };
    let (pcmu, codec) = Format::fixed(0).expect("PCMU");
    assert!(matches!(codec, Some(Codec::Pcm(_))));
    let mut config = Config::new(1, "fuzz");
    config.limits.frame_size = 4096;
    config.limits.held_size = 8192;
    config.limits.reorder_packets = 16;
    config.limits.events = 32;
    let mut first = StreamConfig::new(TrackId(0), h264, None);
    first.repair.nack = Some(rtp::nack::GeneratorConfig::default());
    first.repair.retransmissions = vec![(97, 96)];
    (first.repair.ulpfec, first.repair.flexfec) = (Some(98), Some(99));
    first.repair.key_frames = true;
    let streams = vec![
        first,
        StreamConfig::new(TrackId(1), pcmu, codec),
    ];
    let mut receiver = Receiver::new(config, streams).expect("two streams");
    let (mut rest, mut now) = (data, Duration::ZERO);
    let mut last = [i64::MIN; 2];
    while let [first, len, after @ ..] = rest {
        let (body, after) = after.split_at(after.len().min(usize::from(*len)));
        rest = after;
        now += Duration::from_millis(u64::from(first >> 2) * 7);
        let kind = if first & 2 == 0 {
            [0x80, 0x60 | body.first().map_or(0, |byte| byte & 3)]
        } else {
            [0x80, 200]
        };
        let datagram = [&kind[..], body].concat();
        receiver.handle_datagram(TrackId(u32::from(first & 1)), &datagram, now);
        receiver.handle_timeout(now);
        if first & 64 != 0 {
            continue;
        }
        while let Ok(Some(event)) = receiver.poll_event() {
            match event {
                media::Event::Sample(sample) => {
                    let last = &mut last[sample.track.0 as usize];
                    assert!(sample.dts >= *last);
                    *last = sample.dts;
                }
                media::Event::Discontinuity => last = [i64::MIN; 2],
                _ => {}
            }
        }
        while receiver.poll_transmit().is_some() {}
        assert!(receiver.buffered_len() < 256 * 1024);
    }
    receiver.handle_eof(now);
    while let Ok(Some(_)) = receiver.poll_event() {}
    assert_eq!(receiver.buffered_len(), 0);
});
