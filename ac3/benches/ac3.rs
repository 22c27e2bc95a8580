//! Walking over sync frames, reading their information, checking them.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_ac3::{Frame, Frames, Header, Piece};
use std::hint::black_box;

/// AC-3 of 384 kbit/s, 5.1, with any content.
fn stream(count: usize) -> Vec<u8> {
    let head = [0x0B, 0x77, 0, 0, 0x1C, 0x40, 0xE1, 0xDE];
    let len = Header::parse(&head).unwrap().frame_len();
    let mut frame: Vec<u8> = (0..len).map(|n| (n * 31) as u8).collect();
    frame[..8].copy_from_slice(&head);
    frame.repeat(count)
}

fn ac3(c: &mut Criterion) {
    let data = stream(2000);
    let mut group = c.benchmark_group("ac3");
    group.throughput(Throughput::Elements(2000));
    let each = |f: &mut dyn FnMut(&Frame<'_>)| {
        for piece in Frames::new(black_box(&data)) {
            if let Piece::Frame { frame, .. } = piece {
                f(&frame);
            }
        }
    };
    group.bench_function("walk, samples and rate", |b| {
        b.iter(|| {
            let mut sum = 0;
            each(&mut |frame| sum += frame.header().samples() + frame.header().bit_rate());
            sum
        });
    });
    group.bench_function("walk and read bsi", |b| {
        b.iter(|| each(&mut |frame| drop(black_box(frame.bsi()))));
    });
    group.finish();
    let mut group = c.benchmark_group("crc");
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("check", |b| {
        b.iter(|| {
            let mut intact = 0;
            each(&mut |frame| intact += usize::from(frame.is_intact()));
            intact
        });
    });
    group.finish();
}

criterion_group!(benches, ac3);
criterion_main!(benches);
