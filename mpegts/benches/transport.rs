//! Transport streams read and written, beside a copy of the same bytes: pictures of about 66 KB in four slices, and sound.

#![allow(missing_docs, reason = "criterion makes a function without")]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fluvial_mpegts::mux::Config;
use fluvial_mpegts::reader::{Reader, Unit};
use fluvial_mpegts::{Demuxer, Limits, Muxer};
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks};
use std::hint::black_box;

/// Bytes that look random and contain no start code.
fn noise(len: usize, seed: &mut u32) -> Vec<u8> {
    let mut next = || {
        *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*seed >> 24) as u8 | 1
    };
    (0..len).map(|_| next()).collect()
}

fn samples() -> (Tracks, Vec<Sample>) {
    let sps = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
    let pps = [0x68, 0xCE, 0x0F, 0xC8];
    let avc = h264::DecoderConfig::from_parameter_sets([&sps[..]], [&pps[..]]).unwrap();
    let asc = aac::AudioSpecificConfig::lc(48_000, 2).unwrap();
    let video = Track::new(TrackId(0x100), Timescale::KHZ_90, Codec::H264(avc));
    let audio = Track::new(
        TrackId(0x101),
        Timescale::new(48_000).unwrap(),
        Codec::Aac(asc),
    );
    let (mut seed, mut samples) = (1, Vec::new());
    for n in 0..150i64 {
        let key = n % 30 == 0;
        let mut data = Vec::new();
        for slice in 0..4 {
            let mut nal = noise(16_500, &mut seed);
            nal[0] = if key { 0x65 } else { 0x41 };
            nal[1] = if slice == 0 { 0x88 } else { 0x40 };
            data.extend((nal.len() as u32).to_be_bytes());
            data.extend(nal);
        }
        let dts = n * 3000;
        samples.push(Sample {
            track: TrackId(0x100),
            dts,
            pts: dts,
            duration: None,
            flags: Flags::SYNC.when(key),
            data: data.into(),
        });
        for frame in 0..2 {
            let dts = (n * 2 + frame) * 1024;
            samples.push(Sample {
                track: TrackId(0x101),
                dts,
                pts: dts,
                duration: std::num::NonZeroU32::new(1024),
                flags: Flags::SYNC,
                data: noise(370, &mut seed).into(),
            });
        }
    }
    ([video, audio].into_iter().collect(), samples)
}

fn mux(tracks: &Tracks, samples: &[Sample]) -> usize {
    let mut muxer = Muxer::new(Config::default());
    muxer.set_tracks(tracks).unwrap();
    let mut bytes = 0;
    for sample in samples {
        muxer.handle_sample(sample).unwrap();
        bytes += muxer.poll_output().map_or(0, |out| black_box(out).len());
    }
    muxer.finish().unwrap();
    bytes + muxer.poll_output().map_or(0, |out| black_box(out).len())
}

fn transport(c: &mut Criterion) {
    let (tracks, samples) = samples();
    let mut muxer = Muxer::new(Config::default());
    muxer.set_tracks(&tracks).unwrap();
    for sample in &samples {
        muxer.handle_sample(sample).unwrap();
    }
    muxer.finish().unwrap();
    let stream = muxer.poll_output().unwrap();
    let mut group = c.benchmark_group("transport");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("memcpy", |b| {
        let mut out = vec![0; stream.len()];
        b.iter(|| {
            out.copy_from_slice(black_box(&stream));
            black_box(&mut out);
        });
    });
    for size in [65_536, 4096] {
        group.bench_function(format!("gathered PES, pieces of {size}"), |b| {
            b.iter_batched(
                || Reader::new(Limits::default()),
                |mut reader| {
                    let mut bytes = 0;
                    for mut piece in stream.chunks(size) {
                        while let Some(unit) = reader.next(&mut piece) {
                            if let Unit::Pes(pes) = unit {
                                bytes += black_box(pes).data.len();
                            }
                        }
                    }
                    bytes
                },
                BatchSize::SmallInput,
            );
        });
        group.bench_function(format!("samples, pieces of {size}"), |b| {
            b.iter_batched(
                || Demuxer::new(Limits::default()),
                |mut demuxer| {
                    let mut bytes = 0;
                    for piece in stream.chunks(size) {
                        demuxer.handle_input(piece);
                        while let Some(event) = demuxer.poll_event().unwrap() {
                            if let Event::Sample(sample) = event {
                                bytes += black_box(sample).data.len();
                            }
                        }
                    }
                    bytes
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.bench_function("mux", |b| b.iter(|| mux(&tracks, &samples)));
    group.finish();
}

criterion_group!(benches, transport);
criterion_main!(benches);
