//! Splitting video into pictures beside a search for start codes, and walking over frames of audio.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_mpeg2::{audio, video};
use std::hint::black_box;

/// Pictures of 20 slices, 1000 bytes each, without start codes in them.
fn pictures(count: usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..count {
        stream.extend([0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8]);
        for row in 1..=20 {
            stream.extend([0, 0, 1, row]);
            stream.extend((0..1000u32).map(|n| ((n * 37) >> 2) as u8 | 1));
        }
    }
    stream
}

fn bench_video(c: &mut Criterion) {
    let stream = pictures(100);
    let mut group = c.benchmark_group("video");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("memmem", |b| {
        b.iter(|| memchr::memmem::find_iter(black_box(&stream), &[0, 0, 1]).count());
    });
    group.bench_function("units", |b| {
        b.iter(|| video::units(black_box(&stream)).count());
    });
    group.bench_function("pictures", |b| {
        b.iter(|| video::pictures(black_box(&stream)).count());
    });
    group.bench_function("picture splitter, 1316 bytes at a time", |b| {
        b.iter(|| {
            let mut splitter = video::PictureSplitter::new();
            let mut count = 0;
            for piece in black_box(&stream).chunks(1316) {
                splitter.handle_input(piece);
                while splitter.poll_piece().is_some() {
                    count += 1;
                }
            }
            count
        });
    });
    group.finish();
}

fn bench_audio(c: &mut Criterion) {
    let mut frame = vec![0x55; 417];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0x90, 0x00]);
    let stream = frame.repeat(2000);
    let mut group = c.benchmark_group("audio");
    group.throughput(Throughput::Elements(2000));
    group.bench_function("walk", |b| {
        b.iter(|| audio::Frames::new(black_box(&stream)).count());
    });
    group.finish();
}

criterion_group!(benches, bench_video, bench_audio);
criterion_main!(benches);
