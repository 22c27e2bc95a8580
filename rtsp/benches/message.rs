//! Messages in and out, and interleaved frames.

#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_rtsp::{Frame, Item, Limits, Reader};
use std::hint::black_box;

const SETUP: &[u8] = b"SETUP rtsp://192.168.1.20:554/live/stream/trackID=1 RTSP/1.0\r\nCSeq: 4\r\n\
    User-Agent: Lavf59.27.100\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 6310936469860791894\r\n\r\n";

fn messages(c: &mut Criterion) {
    let mut reader = Reader::new(Limits::default());
    c.bench_function("parse SETUP", |b| {
        b.iter(|| {
            let mut input = black_box(SETUP);
            reader.read(&mut input).unwrap()
        });
    });
    let mut input = SETUP;
    let Some(Item::Message(message)) = reader.read(&mut input).unwrap() else {
        panic!("no message")
    };
    let mut out = Vec::new();
    c.bench_function("encode SETUP", |b| {
        b.iter(|| {
            out.clear();
            black_box(&message).encode(&mut out);
            out.len()
        });
    });
}

fn frames(c: &mut Criterion) {
    let mut stream = Vec::new();
    for index in 0..1000_usize {
        Frame::encode(0, &vec![0; 200 + index % 1200], &mut stream).unwrap();
    }
    let mut group = c.benchmark_group("frames");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("read", |b| {
        let mut reader = Reader::new(Limits::default());
        b.iter(|| {
            let mut count = 0;
            for piece in black_box(&stream).chunks(64 << 10) {
                let mut input = piece;
                while reader.read(&mut input).unwrap().is_some() {
                    count += 1;
                }
            }
            count
        });
    });
    group.bench_function("memcpy", |b| b.iter(|| black_box(&stream).to_vec()));
}

criterion_group!(benches, messages, frames);
criterion_main!(benches);
