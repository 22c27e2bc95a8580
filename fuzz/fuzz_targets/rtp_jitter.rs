//! What counts packets: jitter buffer, loss, reports, feedback and the estimator, under any sequence numbers and times.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::congestion::{Estimator, Recorder};
use rtp::jitter::{Buffer, Config, Output};
use rtp::nack::{Generator, GeneratorConfig};
use rtp::rtcp::NackEntry;
use rtp::reception::Reception;
use rtp::sources::{Limits, Sources};
use std::time::Duration;

fuzz_target!(|data: &[u8]| {
    let mut config = Config::new(90_000);
    config.packets = 64;
    let mut buffer = Buffer::new(config);
    let mut nack = Generator::new(GeneratorConfig::default());
    let mut reception = Reception::new(90_000);
    let (mut recorder, mut estimator) = (Recorder::default(), Estimator::new(rtp::congestion::Config::default()));
    let mut sources = Sources::new(1, 90_000, Limits::default());
    let (mut now, mut next) = (Duration::from_secs(1), None);
    for step in data.as_chunks::<5>().0 {
        let [a, b, ticks, millis, ssrc] = *step;
        now += Duration::from_millis(u64::from(millis) * u64::from(millis) / 16);
        let number = u16::from_be_bytes([a, b]);
        let timestamp = u32::from(ticks) * 3000;
        buffer.insert(number, timestamp, number, now);
        while let Some(output) = buffer.poll(now) {
            match output {
                Output::Packet { sequence_number, packet, .. } => {
                    assert_eq!(sequence_number.to_be_bytes()[6..], packet.to_be_bytes());
                    assert!(next.is_none_or(|next| next == sequence_number));
                    next = Some(sequence_number + 1);
                }
                Output::Lost { first, count } => {
                    assert!(count > 0 && next.is_none_or(|next| next == first));
                    next = Some(first + i64::from(count));
                }
                Output::Restart => next = None,
            }
        }
        assert!(buffer.len() <= 65);
        assert!(buffer.poll_timeout().is_none_or(|due| due > now && due <= now + Duration::from_millis(200)));
        nack.handle_packet(number, now);
        let lost = nack.poll(now);
        assert!(lost.len() <= 512 && nack.missing() <= 512);
        assert_eq!(NackEntry::of(lost.iter().copied()).flat_map(NackEntry::sequence_numbers).collect::<Vec<_>>(), lost);
        reception.handle_packet(number, timestamp, now);
        if millis % 8 == 0 {
            reception.report(ssrc.into(), now);
        }
        sources.handle_packet(ssrc.into(), number, timestamp, &b, now);
        recorder.handle_packet(number, now);
        estimator.handle_sent(number, usize::from(ticks) * 8, now);
        while let Some(feedback) = recorder.poll(now) {
            estimator.handle_feedback(&feedback, now);
        }
        estimator.handle_timeout(now);
        assert!((30_000..=50_000_000).contains(&estimator.target_rate()));
    }
});
