//! Questions, cache, retransmission stream and jitter buffer together, over a path that was made up.

use fluvial_rtp::jitter::{Buffer, Config, Output};
use fluvial_rtp::nack::{Cache, CacheConfig, Generator, GeneratorConfig};
use fluvial_rtp::rtcp::NackEntry;
use fluvial_rtp::{Header, Packet, rtx};
use std::collections::BTreeMap;
use std::time::Duration;
use testing::Random;

const ONE_WAY: Duration = Duration::from_millis(25);

/// Loses packets: each by itself, or in bursts of four on average.
struct Channel {
    random: Random,
    percent: usize,
    bursts: bool,
    bad: bool,
}

impl Channel {
    fn new(seed: u64, percent: usize, bursts: bool) -> Self {
        Self {
            random: Random::new(seed),
            percent,
            bursts,
            bad: false,
        }
    }

    fn loses(&mut self) -> bool {
        if !self.bursts {
            return self.random.below(1000) < self.percent * 10;
        }
        let start = 250 * self.percent / (100 - self.percent);
        self.bad = if self.bad {
            self.random.below(1000) >= 250
        } else {
            self.random.below(1000) < start
        };
        self.bad
    }
}

/// Of 1000: lost packets that came in the end, and bytes of retransmissions and questions to bytes of media. And the most that a packet was held.
fn simulate(percent: usize, bursts: bool) -> (usize, usize, Duration) {
    let (mut there, mut back) = (
        Channel::new(1, percent, bursts),
        Channel::new(2, percent, false),
    );
    let mut config = Config::new(90_000);
    // Three questions and their answers.
    config.min_wait = Duration::from_millis(200);
    config.max_wait = Duration::from_millis(400);
    let mut buffer = Buffer::new(config);
    let (mut nack, mut cache) = (
        Generator::new(GeneratorConfig::default()),
        Cache::new(CacheConfig::default()),
    );
    nack.set_round_trip(ONE_WAY * 2);
    cache.set_round_trip(ONE_WAY * 2);
    let mut retransmission = rtx::Sender::new(97, 99, 7);
    let (mut media, mut questions) = (BTreeMap::new(), BTreeMap::new());
    let (mut media_bytes, mut extra_bytes, mut lost_on_the_way) = (0, 0, 0);
    let (mut came, mut lost, mut held, mut id) = (0, 0, Duration::ZERO, 0u64);
    // Two packets each 10 ms: 0.9 Mbit/s.
    for ms in 0..120_000u64 {
        let now = Duration::from_millis(ms);
        if ms % 5 == 0 && ms < 119_000 {
            let header = Header {
                payload_type: 96,
                sequence_number: (ms / 5 + 60_000) as u16,
                timestamp: (ms * 90) as u32,
                ssrc: 1,
                ..Header::default()
            };
            let mut packet = Vec::new();
            header.encode(&mut packet).expect("fits");
            packet.resize(560, ms as u8);
            media_bytes += packet.len();
            cache.handle_sent(header.sequence_number, packet.clone().into(), now);
            if there.loses() {
                lost_on_the_way += 1;
            } else {
                id += 1;
                media.insert((now + ONE_WAY, id), packet);
            }
        }
        while let Some(entry) = questions.first_entry().filter(
            |entry: &std::collections::btree_map::OccupiedEntry<
                '_,
                (Duration, u64),
                Vec<NackEntry>,
            >| { entry.key().0 <= now },
        ) {
            for number in entry
                .remove()
                .into_iter()
                .flat_map(NackEntry::sequence_numbers)
            {
                if let Some(packet) = cache.respond(number, now) {
                    let mut again = Vec::new();
                    retransmission
                        .encode(&packet, &mut again)
                        .expect("a packet");
                    extra_bytes += again.len();
                    if !there.loses() {
                        id += 1;
                        media.insert((now + ONE_WAY, id), again);
                    }
                }
            }
        }
        while let Some(entry) = media.first_entry().filter(|entry| entry.key().0 <= now) {
            let mut bytes = entry.remove();
            if Packet::parse(&bytes).expect("RTP").payload_type() == 97 {
                let again = std::mem::take(&mut bytes);
                rtx::decode(&again, 96, 1, &mut bytes).expect("a retransmission");
            }
            let packet = Packet::parse(&bytes).expect("RTP");
            assert_eq!(packet.payload_type(), 96);
            nack.handle_packet(packet.sequence_number(), now);
            buffer.insert(packet.sequence_number(), packet.timestamp(), (), now);
        }
        let lost_now = nack.poll(now);
        if !lost_now.is_empty() {
            let pairs: Vec<NackEntry> = NackEntry::of(lost_now).collect();
            extra_bytes += 12 + 4 * pairs.len();
            if !back.loses() {
                id += 1;
                questions.insert((now + ONE_WAY, id), pairs);
            }
        }
        while let Some(output) = buffer.poll(now) {
            match output {
                Output::Packet { arrival, .. } => {
                    came += 1;
                    held = held.max(now - arrival);
                }
                Output::Lost { count, .. } => lost += count as usize,
                Output::Restart => panic!("no restart"),
            }
        }
    }
    assert!(came + lost >= 23_700, "{came} came, {lost} lost");
    (
        (lost_on_the_way - lost) * 1000 / lost_on_the_way,
        extra_bytes * 1000 / media_bytes,
        held,
    )
}

#[test]
fn what_comes_again_at_which_loss() {
    for (percent, bursts, least, most) in [
        (1, false, 990, 25),
        (5, false, 990, 85),
        (20, false, 960, 350),
        (1, true, 970, 25),
        (5, true, 970, 85),
        (20, true, 900, 350),
    ] {
        let (share, overhead, held) = simulate(percent, bursts);
        let kind = if bursts { "bursts" } else { "single" };
        println!(
            "NACK and RTX: {percent} % lost ({kind}), {} % came again, {} % overhead, {held:?} held at most",
            share as f32 / 10.0,
            overhead as f32 / 10.0
        );
        assert!(
            share >= least,
            "{percent} % ({kind}): {share} per mille came again"
        );
        assert!(
            overhead <= most,
            "{percent} % ({kind}): {overhead} per mille overhead"
        );
        assert!(held <= Duration::from_millis(400), "{held:?}");
    }
}
