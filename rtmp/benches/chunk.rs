//! Chunk stream read and written, beside copying the same bytes.
#![allow(missing_docs)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_rtmp::{Limits, Message, TypeId, chunk};
use std::hint::black_box;

/// What one read from a socket gives.
const READ: usize = 16 << 10;

/// Ten seconds of 20 Mbit/s video at 50 fps with key frames, and AAC between.
fn messages(count: usize) -> Vec<(u32, Message)> {
    let mut out = Vec::new();
    for i in 0..count {
        let (csid, type_id, len) = match i {
            _ if i % 3 == 2 => (4, TypeId::AUDIO, 371 + i % 40),
            _ if i % 75 == 0 => (6, TypeId::VIDEO, 260_000 + i),
            _ => (6, TypeId::VIDEO, 38_000 + i * 7919 % 9000),
        };
        let payload: Vec<u8> = (0..len).map(|j| (i * 31 + j * 7) as u8).collect();
        out.push((
            csid,
            Message {
                timestamp: i as u32 * 13,
                type_id,
                stream_id: 1,
                payload: Bytes::from(payload),
            },
        ));
    }
    out
}

fn written(messages: &[(u32, Message)], chunk_size: u32) -> Vec<u8> {
    let mut writer = chunk::Writer::new();
    let mut out = Vec::new();
    writer.set_chunk_size(chunk_size, &mut out).unwrap();
    for (csid, message) in messages {
        writer.write(*csid, message, &mut out).unwrap();
    }
    out
}

/// Audio and video messages of the same length whose 128-byte chunks strictly alternate.
fn alternating(count: u32) -> Vec<u8> {
    let len = 20_000u32;
    let mut out = Vec::new();
    for i in 0..count {
        for chunk in 0..len.div_ceil(128) {
            for (csid, type_id) in [(4u8, 8u8), (6, 9)] {
                if chunk == 0 {
                    out.push(csid);
                    out.extend_from_slice(&(i * 20).to_be_bytes()[1..]);
                    out.extend_from_slice(&len.to_be_bytes()[1..]);
                    out.extend_from_slice(&[type_id, 1, 0, 0, 0]);
                } else {
                    out.push(0xC0 | csid);
                }
                out.extend(std::iter::repeat_n(
                    chunk as u8,
                    128.min(len - chunk * 128) as usize,
                ));
            }
        }
    }
    out
}

fn read(c: &mut Criterion) {
    let few = messages(1000);
    let inputs = [
        ("4096", written(&few, 4096)),
        ("128", written(&few, 128)),
        ("128, alternating", alternating(800)),
    ];
    for (name, wire) in &inputs {
        let mut group = c.benchmark_group(format!("read, chunks of {name}"));
        group.throughput(Throughput::Bytes(wire.len() as u64));
        let mut copy = vec![0u8; wire.len()];
        group.bench_function("memcpy", |b| {
            b.iter(|| black_box(&mut copy).copy_from_slice(black_box(wire)));
        });
        group.bench_function("chunk::Reader", |b| {
            b.iter(|| {
                let mut reader = chunk::Reader::new(&Limits::default());
                let mut count = 0;
                for mut piece in wire.chunks(READ) {
                    while let Some(message) = reader.read(&mut piece).unwrap() {
                        black_box(&message.payload);
                        count += 1;
                    }
                }
                count
            });
        });
        group.finish();
    }
}

fn write(c: &mut Criterion) {
    let messages = messages(1000);
    for chunk_size in [4096, 128] {
        let mut group = c.benchmark_group(format!("write, chunks of {chunk_size}"));
        let total: usize = messages
            .iter()
            .map(|(_, message)| message.payload.len())
            .sum();
        group.throughput(Throughput::Bytes(total as u64));
        let source = vec![1u8; total];
        let mut copy = vec![0u8; total];
        group.bench_function("memcpy", |b| {
            b.iter(|| black_box(&mut copy).copy_from_slice(black_box(&source)));
        });
        let mut out = Vec::new();
        group.bench_function("chunk::Writer", |b| {
            b.iter(|| {
                let mut writer = chunk::Writer::new();
                writer.set_chunk_size(chunk_size, &mut out).unwrap();
                for (csid, message) in &messages {
                    out.clear();
                    writer.write(*csid, message, &mut out).unwrap();
                    black_box(&out);
                }
            });
        });
        group.finish();
    }
}

criterion_group!(benches, read, write);
criterion_main!(benches);
