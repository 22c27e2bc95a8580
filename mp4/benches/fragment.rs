//! A fragment of one second: 30 pictures at 16 Mbit/s and 47 AAC frames.
#![allow(missing_docs)]

use bytes::Bytes;
use core::num::NonZeroU32;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_mp4::boxes::{Mfhd, Moof, SampleFlags, Tfdt, Tfhd, Traf, Trun, TrunFields, TrunSample};
use fluvial_mp4::packager::{Config, Output};
use fluvial_mp4::{Demuxer, IsoBox, Limits, Packager};
use media::{Codec, Cut, Event, Flags, Sample, Segmented, Timescale, Track, TrackId};
use std::hint::black_box;

const TRACKS: [TrackId; 2] = [TrackId(1), TrackId(2)];

fn samples(track: usize, second: i64) -> Vec<Sample> {
    let (count, duration, size) = [(30, 1000, 66_000), (47, 1024, 340)][track];
    let sample = |n: i64| Sample {
        track: TRACKS[track],
        dts: (second * count + n) * duration,
        pts: (second * count + n) * duration,
        duration: NonZeroU32::new(u32::try_from(duration).unwrap()),
        flags: Flags::SYNC.when(n == 0 || track == 1),
        data: Bytes::from(vec![0x41; size + usize::try_from(n * 37 % 100).unwrap()]),
    };
    (0..count).map(sample).collect()
}

fn tracks() -> Segmented {
    // The codec is of no matter here: both pass through as AAC does.
    let track = |id: &TrackId| {
        let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2).unwrap());
        Track::new(
            *id,
            Timescale::new([30_000, 48_000][id.0 as usize - 1]).unwrap(),
            codec,
        )
    };
    Segmented::Tracks(TRACKS.iter().map(track).collect())
}

/// The steps of one segment.
fn second(n: i64) -> Vec<Segmented> {
    let mut steps = Vec::new();
    for (track, id) in TRACKS.into_iter().enumerate() {
        let samples = samples(track, n);
        let cut = Cut {
            segment: u64::try_from(n).unwrap(),
            part: 0,
            time: samples[0].dts,
            independent: true,
            discontinuity: false,
        };
        steps.push(Segmented::Cut { track: id, cut });
        steps.extend(samples.into_iter().map(Segmented::Sample));
    }
    steps
}

fn packaged() -> (Vec<u8>, Vec<u8>) {
    let mut packager = Packager::new(Config::muxed());
    packager.handle(&tracks()).unwrap();
    second(0)
        .iter()
        .for_each(|step| packager.handle(step).unwrap());
    packager.handle(&Segmented::End).unwrap();
    let (mut init, mut media) = (Vec::new(), Vec::new());
    while let Some(output) = packager.poll_output() {
        match output {
            Output::Init(output) => init.extend_from_slice(&output.data),
            Output::Part(output) => media.extend_from_slice(&output.data),
            Output::Segment(_) => {}
        }
    }
    (init, media)
}

fn build(samples: &[Vec<Sample>; 2], sequence_number: u32) -> Moof {
    let traf = |samples: &Vec<Sample>| {
        let mut tfhd = Tfhd::new(samples[0].track.0);
        tfhd.default_sample_duration = samples[0].duration.map(NonZeroU32::get);
        let fields = TrunFields {
            size: true,
            flags: true,
            ..TrunFields::default()
        };
        let mut trun = Trun::with_capacity(fields, samples.len());
        trun.data_offset = Some(1000);
        for sample in samples {
            let flags = if sample.is_sync() {
                SampleFlags::SYNC
            } else {
                SampleFlags::NON_SYNC
            };
            let size = u32::try_from(sample.data.len()).ok();
            trun.push(TrunSample {
                size,
                flags: Some(flags),
                ..TrunSample::default()
            })
            .unwrap();
        }
        let tfdt = Some(Tfdt {
            base_media_decode_time: samples[0].dts.unsigned_abs(),
        });
        Traf {
            tfdt,
            truns: vec![trun],
            ..Traf::new(tfhd)
        }
    };
    Moof {
        mfhd: Mfhd { sequence_number },
        trafs: samples.iter().map(traf).collect(),
        other: Vec::new(),
    }
}

fn boxes(c: &mut Criterion) {
    let mut group = c.benchmark_group("moof of 77 samples");
    let samples = [samples(0, 0), samples(1, 0)];
    let mut bytes = Vec::new();
    build(&samples, 1).encode(&mut bytes).unwrap();
    group.bench_function("parse", |b| {
        b.iter(|| Moof::parse(black_box(&bytes)).unwrap());
    });
    group.bench_function("parse and visit", |b| {
        b.iter(|| {
            let moof = Moof::parse(black_box(&bytes)).unwrap();
            let runs = moof.trafs.iter().flat_map(|traf| &traf.truns);
            let sizes = runs
                .flat_map(Trun::samples)
                .filter_map(|sample| sample.size);
            sizes.map(u64::from).sum::<u64>()
        });
    });
    let mut out = Vec::new();
    group.bench_function("build and write", |b| {
        b.iter(|| {
            out.clear();
            build(black_box(&samples), 1).encode(&mut out).unwrap();
            out.len()
        });
    });
    group.finish();
}

fn media(c: &mut Criterion) {
    let (init, fragment) = packaged();
    let mut group = c.benchmark_group("one second at 16 Mbit/s");
    group.throughput(Throughput::Bytes(fragment.len() as u64));
    let mut copy = Vec::with_capacity(fragment.len());
    group.bench_function("memcpy", |b| {
        b.iter(|| {
            copy.clear();
            copy.extend_from_slice(black_box(&fragment));
            copy.len()
        });
    });
    // What a fresh buffer costs, which a packager's output always is.
    group.bench_function("memcpy into a new buffer", |b| {
        b.iter(|| black_box(&fragment).clone());
    });

    let mut packager = Packager::new(Config::muxed());
    packager.handle(&tracks()).unwrap();
    let mut n = 0;
    let steps = second(0);
    group.bench_function("package", |b| {
        b.iter(|| {
            for step in &steps {
                match step {
                    Segmented::Cut { track, cut } => {
                        let cut = Cut { segment: n, ..*cut };
                        packager
                            .handle(&Segmented::Cut { track: *track, cut })
                            .unwrap();
                    }
                    step => packager.handle(step).unwrap(),
                }
            }
            n += 1;
            core::iter::from_fn(|| packager.poll_output()).count()
        });
    });

    for piece in [1 << 12, 1 << 16] {
        let mut demuxer = Demuxer::new(Limits::default());
        demuxer.handle_input(&init);
        group.bench_function(format!("demux in pieces of {piece}"), |b| {
            b.iter(|| {
                let mut bytes = 0;
                for piece in fragment.chunks(piece) {
                    demuxer.handle_input(piece);
                    while let Some(event) = demuxer.poll_event().unwrap() {
                        if let Event::Sample(sample) = event {
                            bytes += sample.data.len();
                        }
                    }
                }
                bytes
            });
        });
    }
    group.finish();
}

criterion_group!(benches, boxes, media);
criterion_main!(benches);
