//! Whole files: a minute of 30 pictures a second at 16 Mbit/s, and of AAC.
#![allow(missing_docs)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_mp4::recorder::{self, Recorder};
use fluvial_mp4::writer::{Config, Planner, Write, Writer};
use media::{Codec, Flags, Sample, Timescale, Track, TrackId, Tracks};
use std::hint::black_box;

fn tracks() -> Tracks {
    // The codec is of no matter here: both pass through as AAC does.
    let track = |(id, scale)| {
        let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2).unwrap());
        Track::new(TrackId(id), Timescale::new(scale).unwrap(), codec)
    };
    [(1, 30_000), (2, 48_000)].into_iter().map(track).collect()
}

fn samples() -> Vec<Sample> {
    let sample = |track: u32, n: i64, duration: i64, size: usize| Sample {
        track: TrackId(track),
        dts: n * duration,
        pts: n * duration + if track == 1 { n % 3 * 1000 } else { 0 },
        duration: None,
        flags: Flags::SYNC.when(track == 2 || n % 60 == 0),
        data: Bytes::from(vec![0x41; size + usize::try_from(n * 37 % 100).unwrap()]),
    };
    let pictures = (0..1800).map(|n| sample(1, n, 1000, 66_000));
    let sound = (0..2812).map(|n| sample(2, n, 1024, 340));
    let mut samples: Vec<_> = pictures.chain(sound).collect();
    samples.sort_by_key(|sample| sample.dts * if sample.track.0 == 1 { 48 } else { 30 });
    samples
}

/// Takes what comes out without a look at its place: a file that is written through.
fn take(write: &Write, file: &mut Vec<u8>) {
    write
        .data
        .iter()
        .for_each(|piece| file.extend_from_slice(piece));
}

fn write(c: &mut Criterion) {
    let (tracks, samples) = (tracks(), samples());
    let payload: Vec<u8> = samples
        .iter()
        .flat_map(|sample| sample.data.to_vec())
        .collect();
    let mut file = Vec::with_capacity(2 * payload.len());
    let mut group = c.benchmark_group("a minute at 16 Mbit/s");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(payload.len() as u64));
    group.bench_function("memcpy of the samples, one by one", |b| {
        b.iter(|| {
            file.clear();
            black_box(&samples)
                .iter()
                .for_each(|sample| file.extend_from_slice(&sample.data));
            file.len()
        });
    });
    group.bench_function("writer, copied to memory", |b| {
        b.iter(|| {
            file.clear();
            let mut writer = Writer::new(Config::moov_last());
            writer.set_tracks(&tracks).unwrap();
            for sample in &samples {
                writer.handle_sample(sample).unwrap();
                while let Some(write) = writer.poll_output() {
                    take(&write, &mut file);
                }
            }
            writer.finish().unwrap();
            while let Some(write) = writer.poll_output() {
                take(&write, &mut file);
            }
            file.len()
        });
    });
    group.bench_function("recorder, copied to memory", |b| {
        b.iter(|| {
            file.clear();
            let mut recorder = Recorder::new(recorder::Config::default());
            recorder.set_tracks(&tracks).unwrap();
            for sample in &samples {
                recorder.handle_sample(sample).unwrap();
                while let Some(write) = recorder.poll_output() {
                    take(&write, &mut file);
                }
            }
            recorder.finish().unwrap();
            while let Some(write) = recorder.poll_output() {
                take(&write, &mut file);
            }
            file.len()
        });
    });
    group.throughput(Throughput::Elements(samples.len() as u64));
    group.bench_function("plan", |b| {
        b.iter(|| {
            let mut planner = Planner::new(Config::moov_last());
            planner.set_tracks(&tracks).unwrap();
            for sample in black_box(&samples) {
                planner.handle_sample(sample).unwrap();
            }
            planner.finish().file_len().unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, write);
criterion_main!(benches);
