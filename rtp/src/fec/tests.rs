use super::*;
use crate::{Error, Header, Packet};
use bytes::Bytes;
use proptest::prelude::*;
use std::collections::BTreeSet;
use testing::Random;

fn media(sequence_number: u16, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        marker: sequence_number.is_multiple_of(3),
        payload_type: 96,
        sequence_number,
        timestamp: u32::from(sequence_number) * 3000,
        ssrc: 77,
        ..Header::default()
    };
    let mut packet = Vec::new();
    header.encode(&mut packet).expect("short enough");
    packet.extend_from_slice(payload);
    packet
}

/// A format and a plan, as one generator of whole repair packets.
enum Sender {
    Ulp(ulp::Generator),
    Flex(flex::Generator),
}

impl Sender {
    fn send(&mut self, packet: &[u8]) -> Vec<Vec<u8>> {
        match self {
            Self::Ulp(generator) => {
                generator.handle_packet(packet).expect("a packet");
                std::iter::from_fn(|| generator.poll_output()).collect()
            }
            Self::Flex(generator) => {
                generator.handle_packet(packet).expect("a packet");
                std::iter::from_fn(|| generator.poll_output()).collect()
            }
        }
    }

    fn receive(&self, repair: &[u8]) -> Repair {
        match self {
            Self::Ulp(_) => ulp::parse(repair, 77).expect("a repair"),
            Self::Flex(_) => {
                flex::parse(&Packet::parse(repair).expect("a packet")).expect("a repair")
            }
        }
    }
}

use super::recover::Repair;

/// Whether the next packet is lost: each by itself, or in bursts of four on average.
struct Channel {
    random: Random,
    percent: usize,
    bursts: bool,
    bad: bool,
}

impl Channel {
    fn loses(&mut self) -> bool {
        if !self.bursts {
            return self.random.below(1000) < self.percent * 10;
        }
        let end = 250;
        // Lost share = start / (start + end) of the two states.
        let start = end * self.percent / (100 - self.percent);
        self.bad = if self.bad {
            self.random.below(1000) >= end
        } else {
            self.random.below(1000) < start
        };
        self.bad
    }
}

/// Recovered share of the lost media packets, and overhead in bytes, in per mille.
fn simulate(mut sender: Sender, percent: usize, bursts: bool) -> (u64, u64) {
    let mut channel = Channel {
        random: Random::new(11),
        percent,
        bursts,
        bad: false,
    };
    let mut random = Random::new(12);
    let mut recoverer = Recoverer::default();
    let (mut lost, mut media_bytes, mut repair_bytes) = (BTreeSet::new(), 0u64, 0u64);
    let mut recovered = 0u64;
    let mut sent = std::collections::VecDeque::new();
    for n in 0..if percent == 1 { 12_000u32 } else { 4000 } {
        let number = (n as u16).wrapping_add(60_000);
        // Video packets: most of them full, the last of a frame any length.
        let len = if n % 5 == 4 {
            1 + random.below(400)
        } else {
            400
        };
        let packet = media(number, &vec![n as u8; len]);
        media_bytes += packet.len() as u64;
        sent.push_back((number, packet.clone()));
        if sent.len() > 600 {
            sent.pop_front();
        }
        let repairs = sender.send(&packet);
        if channel.loses() {
            lost.insert(n);
        } else {
            recoverer.handle_packet(packet.into());
        }
        for repair in repairs {
            repair_bytes += repair.len() as u64;
            if !channel.loses() {
                recoverer.handle_repair(sender.receive(&repair));
            }
        }
        while let Some(packet) = recoverer.poll_output() {
            let number = Packet::parse(&packet).expect("repaired").sequence_number();
            let original = sent
                .iter()
                .find(|(n, _)| *n == number)
                .expect("sent lately");
            assert_eq!(packet, original.1, "repaired to what was sent");
            recovered += 1;
        }
        assert!(recoverer.buffered_len() < 600 * 1200);
    }
    (
        recovered * 1000 / lost.len() as u64,
        repair_bytes * 1000 / media_bytes,
    )
}

/// The table of the module's documentation, and more: run with `--nocapture` to see it.
#[test]
fn what_is_repaired_at_which_loss() {
    let ulp =
        |packets, repairs| Sender::Ulp(ulp::Generator::new(Protection::new(packets, repairs)));
    let flex = |packets, repairs| {
        Sender::Flex(flex::Generator::new(
            Protection::new(packets, repairs),
            97,
            5,
            65_530,
        ))
    };
    let grid = |grid| Sender::Flex(flex::Generator::grid(grid, 97, 5, 0));
    type Case = (&'static str, Sender, usize, bool, u64, u64);
    let both = |columns, rows| grid(flex::Grid::Both { columns, rows });
    let cases: Vec<Case> = vec![
        // What, at which loss, the least share repaired and the most overhead, per mille.
        ("ULPFEC, 1 of 10", ulp(10, 1), 1, false, 860, 180),
        ("ULPFEC, 2 of 10", ulp(10, 2), 5, false, 700, 330),
        ("ULPFEC, 5 of 10", ulp(10, 5), 20, false, 580, 700),
        ("ULPFEC, 4 of 40", ulp(40, 4), 1, true, 300, 180),
        ("ULPFEC, 8 of 40", ulp(40, 8), 5, true, 550, 330),
        ("FlexFEC, 10 of 100", flex(100, 10), 1, true, 500, 180),
        ("FlexFEC, 20 of 100", flex(100, 20), 5, true, 650, 330),
        ("FlexFEC, 50 of 100", flex(100, 50), 20, true, 550, 750),
        ("FlexFEC, 10 x 10", both(10, 10), 1, true, 750, 330),
        ("FlexFEC, 10 x 10", both(10, 10), 5, false, 930, 330),
        ("FlexFEC, 4 x 4", both(4, 4), 20, false, 730, 750),
        (
            "FlexFEC, 8 x 8 columns",
            grid(flex::Grid::Columns {
                columns: 8,
                rows: 8,
            }),
            5,
            true,
            430,
            220,
        ),
        (
            "FlexFEC, rows of 8",
            grid(flex::Grid::Rows { columns: 8 }),
            1,
            false,
            850,
            220,
        ),
    ];
    let mut bad = Vec::new();
    for (what, sender, percent, bursts, least, most) in cases {
        let (share, overhead) = simulate(sender, percent, bursts);
        let kind = if bursts { "bursts" } else { "single" };
        println!(
            "{what}: {percent} % lost ({kind}), {} % repaired, {} % overhead",
            share as f32 / 10.0,
            overhead as f32 / 10.0
        );
        if share < least || overhead > most {
            bad.push((what, percent, bursts, share, overhead));
        }
    }
    assert!(bad.is_empty(), "{bad:?}");
}

/// Written by hand after RFC 5109 §7.3 and §7.4: two packets, A and B, and their repair.
#[test]
fn bytes_of_ulpfec() {
    let a = [0x80, 0x80 | 11, 0, 8, 0, 0, 0, 3, 0, 0, 0, 2, 0xAA, 0xBB];
    let b = [0x80, 18, 0, 9, 0, 0, 0, 5, 0, 0, 0, 2, 0x0F, 0x0F, 0x0F];
    let mut generator = ulp::Generator::new(Protection::new(2, 1));
    generator.handle_packet(&a).expect("a packet");
    generator.handle_packet(&b).expect("a packet");
    let repair = generator.poll_output().expect("full");
    // E L P X CC; M, PT; SN base; TS; length 2 ^ 3; protection length; mask of the first two.
    assert_eq!(
        repair,
        [
            0,
            0x80 | (11 ^ 18),
            0,
            8,
            0,
            0,
            0,
            6,
            0,
            1,
            0,
            3,
            0xC0,
            0,
            0xA5,
            0xB4,
            0x0F
        ]
    );
    let mut recoverer = Recoverer::default();
    recoverer.handle_packet(Bytes::copy_from_slice(&b));
    recoverer.handle_repair(ulp::parse(&repair, 2).expect("reads"));
    assert_eq!(recoverer.poll_output().as_deref(), Some(&a[..]));
}

/// Written by hand after RFC 8627 §4.2.2.
#[test]
fn bytes_of_flexfec() {
    let a = [0x80, 0x80 | 11, 0, 8, 0, 0, 0, 3, 0, 0, 0, 2, 0xAA, 0xBB];
    let b = [0x80, 18, 0, 9, 0, 0, 0, 5, 0, 0, 0, 2, 0x0F, 0x0F, 0x0F];
    let mut generator = flex::Generator::new(Protection::new(2, 1), 97, 6, 1000);
    let mut grid = flex::Generator::grid(flex::Grid::Rows { columns: 2 }, 97, 6, 1000);
    for packet in [&a[..], &b[..]] {
        generator.handle_packet(packet).expect("a packet");
        grid.handle_packet(packet).expect("a packet");
    }
    let rtp = [0x81, 97, 3, 0xE8, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 2];
    let masked = [
        0,
        0x80 | (11 ^ 18),
        0,
        1,
        0,
        0,
        0,
        6,
        0,
        8,
        0x60,
        0,
        0xA5,
        0xB4,
        0x0F,
    ];
    let fixed = [
        0x40,
        0x80 | (11 ^ 18),
        0,
        1,
        0,
        0,
        0,
        6,
        0,
        8,
        2,
        0,
        0xA5,
        0xB4,
        0x0F,
    ];
    assert_eq!(generator.poll_output(), Some([&rtp[..], &masked].concat()));
    assert_eq!(grid.poll_output(), Some([&rtp[..], &fixed].concat()));
}

#[test]
fn long_masks() {
    for (packets, ulp_len, flex_len) in [
        (15u16, 14, 12),
        (16, 14, 16),
        (17, 18, 16),
        (46, 18, 16),
        (48, 18, 24),
        (110, 18, 24),
    ] {
        let mut ulp = ulp::Generator::new(Protection::new(packets.min(48), 1));
        let mut flex = flex::Generator::new(Protection::new(packets, 1), 97, 6, 0);
        for n in 0..packets {
            let packet = media(n.wrapping_add(65_500), b"x");
            ulp.handle_packet(&packet).expect("a packet");
            flex.handle_packet(&packet).expect("a packet");
        }
        let (by_ulp, by_flex) = (
            ulp.poll_output().expect("full"),
            flex.poll_output().expect("full"),
        );
        assert_eq!(
            (by_ulp.len(), by_flex.len()),
            (ulp_len + 1, 16 + flex_len + 1),
            "{packets}"
        );
        let all = |count: u16| {
            (0..count)
                .map(|n| n.wrapping_add(65_500))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            ulp::parse(&by_ulp, 77).expect("reads").covered(),
            all(packets.min(48))
        );
        assert_eq!(
            flex::parse(&Packet::parse(&by_flex).expect("reads"))
                .expect("reads")
                .covered(),
            all(packets)
        );
    }
}

#[test]
fn what_is_not_done_is_refused() {
    assert!(matches!(
        ulp::parse(&[0x80; 20], 1),
        Err(Error::Invalid { field: "E", .. })
    ));
    assert!(matches!(
        ulp::parse(&[0; 14], 1),
        Err(Error::Invalid { field: "mask", .. })
    ));
    assert!(matches!(ulp::parse(&[0; 13], 1), Err(Error::Short(_))));
    let refused = |csrcs: &[u32], payload: &[u8]| {
        let mut packet = Vec::new();
        Header {
            csrcs,
            ..Header::default()
        }
        .encode(&mut packet)
        .expect("fits");
        packet.extend_from_slice(payload);
        flex::parse(&Packet::parse(&packet).expect("reads")).expect_err("refused")
    };
    assert!(matches!(refused(&[1, 2], &[0; 30]), Error::Unsupported(_)));
    assert!(matches!(refused(&[1], &[0x80; 30]), Error::Unsupported(_)));
    assert!(matches!(
        refused(&[1], &[0; 30]),
        Error::Invalid { field: "mask", .. }
    ));
    assert!(matches!(refused(&[1], &[0x40; 11]), Error::Short(_)));
}

#[test]
fn a_flood_of_repairs_is_bounded() {
    let mut recoverer = Recoverer::new(Limits {
        packets: 100,
        repairs: 8,
    });
    for n in 0..5000u16 {
        // Covers two packets that never come.
        let mut payload = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 100, 0xC0, 0];
        payload[2..4].copy_from_slice(&n.to_be_bytes());
        payload.extend([7; 100]);
        recoverer.handle_repair(ulp::parse(&payload, 1).expect("reads"));
        recoverer.handle_packet(media(n.wrapping_mul(7), &[0; 50]).into());
    }
    assert!(recoverer.buffered_len() <= 201 * 62 + 8 * 100);
}

#[test]
fn repairs_of_one_packet_each_are_bounded_too() {
    let mut recoverer = Recoverer::new(Limits {
        packets: 100,
        repairs: 8,
    });
    recoverer.handle_packet(media(0, &[0; 50]).into());
    for n in 0..=u16::MAX {
        let mut payload = vec![0, 0, 0, 0, 0, 0, 0, 0, 0, 100, 0, 100, 0x80, 0];
        payload[2..4].copy_from_slice(&n.to_be_bytes());
        payload.extend([7; 100]);
        recoverer.handle_repair(ulp::parse(&payload, 77).expect("reads"));
    }
    assert!(
        recoverer.buffered_len() <= 302 * 112,
        "{}",
        recoverer.buffered_len()
    );
}

proptest! {
    #[test]
    fn any_one_packet_is_repaired(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..60), 1..48),
        lost: proptest::sample::Index,
        late: bool,
        first: u16,
        flex: bool,
    ) {
        let count = payloads.len() as u16;
        let protection = Protection::new(count, 1);
        let mut sender = if flex { Sender::Flex(flex::Generator::new(protection, 97, 5, 0)) } else { Sender::Ulp(ulp::Generator::new(protection)) };
        let packets: Vec<Vec<u8>> = payloads.iter().zip(0u16..).map(|(payload, n)| media(first.wrapping_add(n), payload)).collect();
        let repairs: Vec<Vec<u8>> = packets.iter().flat_map(|packet| sender.send(packet)).collect();
        prop_assert_eq!(repairs.len(), 1);
        let lost = lost.index(packets.len());
        let mut recoverer = Recoverer::default();
        if !late {
            recoverer.handle_repair(sender.receive(&repairs[0]));
        }
        for (n, packet) in packets.iter().enumerate() {
            if n != lost {
                recoverer.handle_packet(packet.clone().into());
            }
        }
        if late {
            recoverer.handle_repair(sender.receive(&repairs[0]));
        }
        prop_assert_eq!(recoverer.poll_output(), Some(packets[lost].clone()));
        prop_assert_eq!(recoverer.poll_output(), None);
    }

    #[test]
    fn noise_is_read_or_refused(noise in proptest::collection::vec(any::<u8>(), 0..80), packets in proptest::collection::vec(any::<u16>(), 0..20)) {
        let mut recoverer = Recoverer::default();
        packets.iter().for_each(|n| recoverer.handle_packet(media(*n, b"x").into()));
        if let Ok(repair) = ulp::parse(&noise, 77) {
            recoverer.handle_repair(repair);
        }
        if let Some(repair) = Packet::parse(&noise).ok().and_then(|packet| flex::parse(&packet).ok()) {
            recoverer.handle_repair(repair);
        }
        while let Some(packet) = recoverer.poll_output() {
            prop_assert!(Packet::parse(&packet).is_ok());
        }
    }
}
