//! Speed of framing and of headers, beside `memmem` and a copy of the same bytes.
//!
//! `FLUVIAL_CORPUS` is not needed: the stream is made here, of NAL units of random length that start at every alignment.

#![allow(missing_docs, reason = "criterion_group! makes a public function")]

use bytes::Bytes;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fluvial_h264::access_unit::Canonical;
use fluvial_h264::annexb::{self, Piece, Splitter};
use fluvial_h264::{DecoderConfig, ParameterSets, SliceHeader, Sps, length_prefixed};
use memchr::memmem;
use std::hint::black_box;

const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02, 0x80,
    0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
];
const PPS: &[u8] = &[0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];

/// A small generator, so that runs compare.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

/// Access units of one large slice or a few small ones, with random payload that holds no start code.
fn access_units(total: usize) -> Vec<Vec<u8>> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut units = Vec::new();
    let mut bytes = 0;
    while bytes < total {
        let mut unit = Vec::new();
        let slices = 1 + random.next() % 4;
        for _ in 0..slices {
            unit.extend_from_slice(&[0, 0, 0, 1, 0x41]);
            let len = 200 + random.next() as usize % 12_000;
            unit.extend((0..len).map(|_| 1 + (random.next() % 255) as u8));
            // CABAC data has zeros too, each guarded.
            for _ in 0..len / 200 {
                let at = unit.len() - 4 - random.next() as usize % (len - 8);
                unit[at..at + 3].copy_from_slice(&[0, 0, 3]);
            }
        }
        bytes += unit.len();
        units.push(unit);
    }
    units
}

fn framing(c: &mut Criterion) {
    let units = access_units(64 << 20);
    let stream = units.concat();
    let mut prefixed = Vec::new();
    annexb::to_length_prefixed(&stream, &mut prefixed).unwrap();
    let mut out = Vec::with_capacity(stream.len() + 4096);
    let mut group = c.benchmark_group("framing");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.sample_size(20);

    group.bench_function("copy", |b| {
        b.iter(|| {
            out.clear();
            out.extend_from_slice(black_box(&stream));
        });
    });
    group.bench_function("memmem", |b| {
        b.iter(|| memmem::find_iter(black_box(&stream), &[0u8, 0, 1]).count());
    });
    group.bench_function("split", |b| {
        b.iter(|| {
            annexb::nals(black_box(&stream))
                .map(<[u8]>::len)
                .sum::<usize>()
        });
    });
    group.bench_function("split in pieces of 4096", |b| {
        b.iter(|| {
            let (mut splitter, mut sum) = (Splitter::default(), 0);
            for input in black_box(&stream).chunks(4096) {
                splitter.push(input, |piece| match piece {
                    Piece::Start { .. } => sum += 1,
                    Piece::Data(data) => sum += data.len(),
                });
            }
            sum
        });
    });
    group.bench_function("to length-prefixed, whole", |b| {
        b.iter(|| {
            out.clear();
            annexb::to_length_prefixed(black_box(&stream), &mut out).unwrap();
        });
    });
    group.bench_function("to length-prefixed, per access unit", |b| {
        b.iter(|| {
            for unit in black_box(&units) {
                let mut sample = Vec::new();
                annexb::to_length_prefixed(unit, &mut sample).unwrap();
                black_box(Bytes::from(sample));
            }
        });
    });
    group.bench_function("to length-prefixed, in place", |b| {
        b.iter_batched_ref(
            || stream.clone(),
            |data| annexb::make_length_prefixed(data).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("canonical, per access unit in place", |b| {
        let mut config = DecoderConfig::default();
        b.iter_batched(
            || units.clone(),
            |units| {
                for unit in units {
                    black_box(Canonical::from_annexb(unit, &mut config));
                }
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("to byte stream, whole", |b| {
        b.iter(|| {
            out.clear();
            length_prefixed::to_annexb(black_box(&prefixed), 4, &mut out).unwrap();
        });
    });
    group.finish();
}

fn headers(c: &mut Criterion) {
    let mut sets = ParameterSets::default();
    sets.insert(SPS).unwrap();
    sets.insert(PPS).unwrap();
    // Headers that x264 wrote: an IDR picture, a P slice with a weight table, a B slice.
    let idr = [
        0x65, 0x88, 0x84, 0x00, 0x33, 0xFF, 0xFE, 0xF6, 0xF0, 0xFE, 0x05, 0x36,
    ];
    let p = [
        0x41, 0x9A, 0x24, 0x6C, 0x43, 0x3F, 0xFE, 0x9E, 0x10, 0x00, 0x00, 0x45,
    ];
    let b = [
        0x01, 0x9E, 0x42, 0x78, 0x85, 0xFF, 0x00, 0x01, 0x83, 0x7F, 0x21, 0x44,
    ];
    c.bench_function("sps", |bench| bench.iter(|| Sps::parse(black_box(SPS))));
    for (name, slice) in [
        ("slice header, IDR", idr),
        ("slice header, P", p),
        ("slice header, B", b),
    ] {
        SliceHeader::parse(&slice, &sets).unwrap();
        c.bench_function(name, |bench| {
            bench.iter(|| SliceHeader::parse(black_box(&slice), &sets));
        });
    }
}

criterion_group!(benches, framing, headers);
criterion_main!(benches);
