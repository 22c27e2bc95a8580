//! Walking over ADTS, reading configurations, and going through LATM.
#![allow(missing_docs, reason = "the macro writes an item without")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_aac::asc::Fields;
use fluvial_aac::latm::StreamMuxConfig;
use fluvial_aac::{AudioSpecificConfig, adts, latm};
use std::hint::black_box;

/// Access units of the sizes that 128 kbit/s has, and of any content.
fn units(count: usize) -> Vec<Vec<u8>> {
    let mut seed = 7u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        seed >> 8
    };
    (0..count)
        .map(|_| {
            let len = 250 + random() as usize % 240;
            (0..len).map(|_| random() as u8).collect()
        })
        .collect()
}

fn adts(c: &mut Criterion) {
    let units = units(20_000);
    let config = AudioSpecificConfig::lc(48_000, 2).unwrap();
    let writer = adts::Writer::new(&config).unwrap();
    let mut data = Vec::new();
    for unit in &units {
        writer.write(unit, &mut data).unwrap();
    }
    let mut group = c.benchmark_group("adts");
    group.throughput(Throughput::Elements(units.len() as u64));
    group.bench_function("walk", |b| {
        b.iter(|| {
            let mut sum = 0;
            for piece in adts::Frames::new(black_box(&data)) {
                if let adts::Piece::Frame { frame, .. } = piece {
                    sum += frame.bytes().len();
                }
            }
            assert_eq!(sum, data.len());
        });
    });
    group.bench_function("walk to access units", |b| {
        b.iter(|| {
            let mut sum = 0;
            for piece in adts::Frames::new(black_box(&data)) {
                if let adts::Piece::Frame { frame, .. } = piece {
                    sum += frame.blocks().map_or(0, |b| b.map(|b| b.data.len()).sum());
                }
            }
            sum
        });
    });
    group.bench_function("split as it comes, 1316 bytes each", |b| {
        b.iter(|| {
            let mut splitter = adts::Splitter::new();
            let mut count = 0;
            for piece in data.chunks(1316) {
                splitter.handle_input(piece);
                while splitter.poll_piece().is_some() {
                    count += 1;
                }
            }
            count
        });
    });
    group.bench_function("write", |b| {
        let mut out = Vec::with_capacity(data.len());
        b.iter(|| {
            out.clear();
            for unit in &units {
                writer.write(unit, &mut out).unwrap();
            }
        });
    });
    group.finish();

    let mut group = c.benchmark_group("latm");
    group.throughput(Throughput::Elements(units.len() as u64));
    let mut loas = Vec::new();
    group.bench_function("write LOAS", |b| {
        b.iter(|| {
            let mut writer = latm::Writer::in_band(StreamMuxConfig::new(config.clone()), 20);
            loas.clear();
            for unit in &units {
                writer.write_loas(&[unit], &mut loas).unwrap();
            }
        });
    });
    group.bench_function("read LOAS", |b| {
        let mut found = Vec::new();
        b.iter(|| {
            let mut reader = latm::Reader::in_band();
            for piece in latm::Frames::new(black_box(&loas)) {
                if let latm::Piece::Frame { frame, .. } = piece {
                    found.clear();
                    reader.read(frame, &mut found).unwrap();
                }
            }
        });
    });
    group.finish();
}

fn asc(c: &mut Criterion) {
    let mut group = c.benchmark_group("AudioSpecificConfig");
    for (name, raw) in [
        ("LC", &[0x12, 0x10][..]),
        ("HE-AAC", &[0x2B, 0x92, 0x08, 0x00]),
        (
            "HE-AAC v2, backward compatible",
            &[0x13, 0x88, 0x56, 0xE5, 0xA5, 0x48, 0x80],
        ),
    ] {
        group.bench_function(format!("fields, {name}"), |b| {
            b.iter(|| Fields::parse(black_box(raw)).unwrap());
        });
    }
    group.bench_function("with its bytes, LC", |b| {
        b.iter(|| AudioSpecificConfig::parse(black_box(&[0x12, 0x10])).unwrap());
    });
    group.finish();
}

criterion_group!(benches, adts, asc);
criterion_main!(benches);
