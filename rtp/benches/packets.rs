//! Packets parsed and built, H.264 laid into packets and put together, beside a copy of the same bytes.
#![allow(missing_docs, reason = "criterion makes a public function")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_rtp::payload::h264::{Depacketizer, Mode, Packetizer};
use fluvial_rtp::rtcp::{Nack, NackEntry, Packets, Pli, ReportBlock, SenderReport};
use fluvial_rtp::{Header, Limits, Packet};
use std::hint::black_box;

/// Access units as of an encoder at 8 Mbit/s, each NAL unit after its length; `slices` in each.
fn access_units(slices: usize) -> Vec<Vec<u8>> {
    let unit = |n: usize| {
        let len = if n.is_multiple_of(50) {
            160_000
        } else {
            20_000 + n * 7919 % 30_000
        } / slices;
        let mut out = Vec::new();
        for slice in 0..slices {
            out.extend_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
            out.push(if n.is_multiple_of(50) { 0x65 } else { 0x41 });
            out.extend((1..len).map(|i| (i * 31 + slice) as u8 | 1));
        }
        out
    };
    (0..100).map(unit).collect()
}

fn packets(units: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut packetizer = Packetizer::new(1200, Mode::NonInterleaved);
    let mut out = Vec::new();
    for (unit, n) in units.iter().zip(0u32..) {
        for payload in packetizer.packetize(unit).unwrap() {
            let header = Header {
                marker: payload.marker,
                payload_type: 96,
                sequence_number: out.len() as u16,
                timestamp: n * 3600,
                ..Header::default()
            };
            let mut packet = header.fixed().to_vec();
            payload.write(&mut packet);
            out.push(packet);
        }
    }
    out
}

fn h264(c: &mut Criterion) {
    for (name, slices) in [("one slice", 1), ("slices of some 200 bytes", 150)] {
        let units = access_units(slices);
        let packets = packets(&units);
        let bytes = units.iter().map(Vec::len).sum::<usize>();
        let mut group = c.benchmark_group(format!("H.264, {name}"));
        group.throughput(Throughput::Bytes(bytes as u64));
        let mut copy = Vec::new();
        group.bench_function("memcpy", |b| {
            b.iter(|| {
                for unit in &units {
                    copy.clear();
                    copy.extend_from_slice(black_box(unit));
                    black_box(&copy);
                }
            });
        });
        group.bench_function("packetize, borrowed", |b| {
            b.iter(|| {
                let mut packetizer = Packetizer::new(1200, Mode::NonInterleaved);
                for unit in &units {
                    packetizer
                        .packetize(unit)
                        .unwrap()
                        .for_each(|payload| _ = black_box(payload));
                }
            });
        });
        let mut out = Vec::new();
        group.bench_function("packetize, into a buffer", |b| {
            b.iter(|| {
                let mut packetizer = Packetizer::new(1200, Mode::NonInterleaved);
                for unit in &units {
                    out.clear();
                    for payload in packetizer.packetize(unit).unwrap() {
                        out.extend_from_slice(&Header::default().fixed());
                        payload.write(&mut out);
                    }
                    black_box(&out);
                }
            });
        });
        group.bench_function("depacketize", |b| {
            b.iter(|| {
                let mut depacketizer = Depacketizer::new(&Limits::default());
                for packet in &packets {
                    depacketizer
                        .handle_packet(&Packet::parse(packet).unwrap())
                        .unwrap();
                    while let Some(frame) = depacketizer.poll_frame() {
                        black_box(frame);
                    }
                }
            });
        });
        group.finish();
    }
}

fn headers(c: &mut Criterion) {
    let packet = [
        &[
            0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 2, 0x32, 1, 2, 3, 0x41, 9, 9, 0,
        ][..],
        &[7; 1000],
    ]
    .concat();
    c.bench_function("packet parse", |b| {
        b.iter(|| {
            let packet = Packet::parse(black_box(&packet)).unwrap();
            (
                packet.sequence_number(),
                packet.timestamp(),
                packet.extension(),
                packet.payload(),
            )
        });
    });
    let mut out = Vec::new();
    c.bench_function("packet build, 1012 bytes", |b| {
        b.iter(|| {
            out.clear();
            black_box(Header::default()).encode(&mut out).unwrap();
            out.extend_from_slice(black_box(&packet[24..]));
        });
    });
    let mut compound = Vec::new();
    let blocks = [ReportBlock::default(); 2];
    let report = SenderReport {
        reports: (&blocks[..]).into(),
        ..SenderReport::default()
    };
    report.encode(&mut compound).unwrap();
    let entries = [NackEntry {
        packet_id: 1,
        bitmask: 5,
    }];
    let nack = Nack {
        sender_ssrc: 1,
        media_ssrc: 2,
        entries: (&entries[..]).into(),
    };
    nack.encode(&mut compound).unwrap();
    Pli {
        sender_ssrc: 1,
        media_ssrc: 2,
    }
    .encode(&mut compound)
    .unwrap();
    c.bench_function("RTCP compound parse", |b| {
        b.iter(|| Packets::new(black_box(&compound)).for_each(|packet| _ = black_box(packet)));
    });
}

criterion_group!(benches, h264, headers);
criterion_main!(benches);
