//! A movie of an hour and 277 000 samples in two tracks: opening it, visiting every sample, seeking.
#![allow(missing_docs)]

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_mp4::boxes::{
    CompositionOffset, Dinf, Dref, Hdlr, Mdhd, Mdia, Minf, Moov, Mvhd, SampleToChunk, Stbl, Stco,
    Stsc, Stsd, Stss, Stsz, Stts, TimeToSample, Tkhd, Trak,
};
use fluvial_mp4::{IsoBox, Limits, Movie, codec};
use media::Codec;
use std::hint::black_box;

const VIDEO: u32 = 108_000;
const AUDIO: u32 = 169_000;

fn trak(id: u32, codec: &Codec, timescale: u32, samples: u32, delta: u32, per_chunk: u32) -> Trak {
    let stsd = Stsd {
        entries: vec![codec::sample_entry(codec).unwrap()],
    };
    let mut stbl = Stbl::new(stsd);
    stbl.stts = Some(Stts::from_iter([TimeToSample {
        sample_count: samples,
        sample_delta: delta,
    }]));
    stbl.stsz = Some(Stsz::Each(
        (0..samples).map(|n| 300 + n * 7919 % 5000).collect(),
    ));
    stbl.stsc = Some(Stsc::from_iter([SampleToChunk {
        first_chunk: 1,
        samples_per_chunk: per_chunk,
        sample_description_index: 1,
    }]));
    stbl.stco = Some(
        (0..samples.div_ceil(per_chunk))
            .map(|n| 1000 + n * 20_000)
            .collect::<Stco>(),
    );
    if matches!(codec, Codec::H264(_)) {
        // B pictures, and a key frame every two seconds.
        let offsets = (0..samples).map(|n| CompositionOffset {
            sample_count: 1,
            sample_offset: [2, 5, 1, 0][n as usize % 4] * delta as i32,
        });
        stbl.ctts = Some(offsets.collect());
        stbl.stss = Some((0..samples).step_by(60).map(|n| n + 1).collect::<Stss>());
    }
    let handler = codec::handler_type(codec);
    Trak {
        tkhd: Tkhd::new(id),
        edts: None,
        mdia: Mdia {
            mdhd: Mdhd::new(timescale),
            hdlr: Hdlr::new(handler, ""),
            minf: Minf {
                vmhd: None,
                smhd: None,
                nmhd: None,
                dinf: Some(Dinf {
                    dref: Dref::default(),
                    other: vec![],
                }),
                stbl,
                other: vec![],
            },
            other: vec![],
        },
        other: vec![],
    }
}

fn moov() -> Bytes {
    let sps = [
        0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02,
        0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
    ];
    let pps = [0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];
    let config = h264::DecoderConfig::from_parameter_sets([&sps[..]], [&pps[..]]).unwrap();
    let aac = aac::AudioSpecificConfig::parse(&[0x11, 0x90]).unwrap();
    let moov = Moov {
        mvhd: Mvhd::new(1000, 3),
        traks: vec![
            trak(1, &Codec::H264(config), 90_000, VIDEO, 3000, 5),
            trak(2, &Codec::Aac(aac), 48_000, AUDIO, 1024, 8),
        ],
        mvex: None,
        other: vec![],
    };
    let mut out = Vec::new();
    moov.encode(&mut out).unwrap();
    out.into()
}

fn movie(c: &mut Criterion) {
    let bytes = moov();
    let open = || Movie::parse(bytes.clone(), 0, &Limits::default()).unwrap();
    let movie = open();
    assert_eq!(movie.tracks().len(), 2);
    let mut group = c.benchmark_group("movie");
    group.bench_function("open", |b| b.iter(open));
    group.throughput(Throughput::Elements((VIDEO + AUDIO).into()));
    group.bench_function("visit", |b| {
        b.iter(|| {
            let mut sum = 0u64;
            for track in movie.details() {
                for sample in track.samples().samples() {
                    sum = sum
                        .wrapping_add(sample.offset ^ u64::from(sample.size) ^ sample.pts() as u64);
                }
            }
            black_box(sum)
        });
    });
    group.throughput(Throughput::Elements(1));
    let track = &movie.details()[0];
    let mut n = 0u32;
    group.bench_function("seek", |b| {
        b.iter(|| {
            n = n.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let time = i64::from(n % VIDEO) * 3000;
            let sample = track.index().sample_at(track.samples(), time);
            let sync = track.samples().sync_before(sample);
            black_box(track.index().seek(track.samples(), sync).next())
        });
    });
    group.finish();
}

criterion_group!(benches, movie);
criterion_main!(benches);
