//! Loss repair: packets and repair packets in any order, bounded memory, and what is repaired is a packet.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::fec::{Limits, Recoverer, flex, ulp};
use rtp::{Packet, red, rtx};

/// The input as pieces, each after its length in a byte.
fn pieces(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = data.split_first()?;
        let (piece, rest) = rest.split_at(usize::from(*len).min(rest.len()));
        data = rest;
        Some(piece)
    })
}

fuzz_target!(|data: &[u8]| {
    let mut recoverer = Recoverer::new(Limits::default());
    for piece in pieces(data) {
        if let Ok(packet) = Packet::parse(piece) {
            if let Ok(repair) = flex::parse(&packet) {
                assert!(!repair.covered().is_empty());
                recoverer.handle_repair(repair);
            }
            if let Ok(repair) = ulp::parse(packet.payload(), packet.ssrc()) {
                recoverer.handle_repair(repair);
            }
            if let Ok(blocks) = red::Blocks::parse(packet.payload()) {
                let blocks: Result<Vec<_>, _> = blocks.collect();
                if let Ok(blocks) = blocks {
                    let mut out = Vec::new();
                    red::encode(&blocks, &mut out).expect("it was read");
                    assert_eq!(red::Blocks::parse(&out).expect("written").collect::<Result<Vec<_>, _>>(), Ok(blocks));
                }
            }
            let mut out = Vec::new();
            if rtx::decode(piece, 96, 7, &mut out).is_ok() {
                let mut again = Vec::new();
                rtx::Sender::new(packet.payload_type(), packet.ssrc(), packet.sequence_number()).encode(&out, &mut again).expect("a packet");
                assert_eq!(Packet::parse(&again).expect("a packet").payload(), packet.payload());
            }
        }
        recoverer.handle_packet(piece.to_vec().into());
        while let Some(packet) = recoverer.poll_output() {
            Packet::parse(&packet).expect("what is repaired is a packet");
        }
        // Packets of up to 267 bytes: those held on both sides of the newest one, repairs, and what was not polled.
        assert!(recoverer.buffered_len() <= (1025 + 64 + 513) * 267);
    }
});
