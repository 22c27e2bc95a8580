//! Checks of sections, tables and splice information read; program streams to samples beside a copy of their bytes.
#![allow(missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fluvial_mpegts::psi::descriptor::{AvcVideo, Iso639, Iso639Language};
use fluvial_mpegts::psi::{
    Descriptors, ElementaryStream, Pmt, Section, StreamType, Table, Version, crc32,
};
use fluvial_mpegts::scte35::SpliceInfoSection;
use std::hint::black_box;

/// A map of video and two languages.
fn pmt() -> Vec<u8> {
    let mut video = Descriptors::new();
    let avc = AvcVideo {
        profile_idc: 100,
        constraint_flags: 0,
        level_idc: 40,
        still_present: false,
        avc_24_hour_picture: false,
        frame_packing_sei_not_present: true,
    };
    video.push(&avc).unwrap();
    let stream = |stream_type, elementary_pid, descriptors| ElementaryStream {
        stream_type,
        elementary_pid,
        descriptors,
    };
    let mut streams = vec![stream(StreamType::H264, 0x100, video)];
    for (pid, code) in [(0x101, *b"eng"), (0x102, *b"deu")] {
        let language = Iso639Language {
            iso_639_language_code: code,
            audio_type: 0,
        };
        let mut descriptors = Descriptors::new();
        let languages = vec![language];
        descriptors.push(&Iso639 { languages }).unwrap();
        streams.push(stream(StreamType::AAC_ADTS, pid, descriptors));
    }
    let table = Pmt {
        program_number: 1,
        version: Version::FIRST,
        pcr_pid: 0x100,
        descriptors: Descriptors::new(),
        streams,
    };
    table.encode().unwrap().remove(0)
}

fn tables(c: &mut Criterion) {
    let mut group = c.benchmark_group("crc32");
    for len in [40, 184, 4096] {
        let data: Vec<u8> = (0..len).map(|n: usize| (n * 31) as u8).collect();
        group.throughput(Throughput::Bytes(len as u64));
        group.bench_function(format!("{len} bytes"), |b| {
            b.iter(|| crc32(black_box(&data)));
        });
    }
    group.finish();
    let pmt = pmt();
    let mut group = c.benchmark_group("tables");
    group.bench_function("program map, checked and decoded", |b| {
        b.iter(|| Pmt::decode(&Section::parse(black_box(&pmt)).unwrap()).unwrap());
    });
    let cue = [
        0xFC, 0x30, 0x34, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xF0, 0x05, 0x06, 0xFE, 0x72, 0xBD, 0,
        0x50, 0, 0x1E, 2, 0x1C, 0x43, 0x55, 0x45, 0x49, 0x48, 0, 0, 0x8E, 0x7F, 0xCF, 0, 1, 0xA5,
        0x99, 0xB0, 8, 8, 0, 0, 0, 0, 0x2C, 0xA0, 0xA1, 0x8A, 0x34, 2, 0, 0x9A, 0xC9, 0xD1, 0x7E,
    ];
    group.bench_function("splice information, checked and decoded", |b| {
        b.iter(|| SpliceInfoSection::parse(black_box(&cue)).unwrap());
    });
    group.finish();
}

#[cfg(feature = "media")]
fn program_stream(c: &mut Criterion) {
    use fluvial_mpegts::ps::{Muxer, mux::Config};
    use fluvial_mpegts::{Demuxer, Limits};
    use media::{Codec, Flags, Sample, Timescale, Track, TrackId, Tracks};

    let header = mpeg2::audio::Header::parse(&[0xFF, 0xFD, 0xE4, 0x04]).unwrap();
    let len = header.frame_len().unwrap();
    let codec = Codec::MpegAudio(media::codec::MpegAudio::new(header).unwrap());
    let khz_48 = Timescale::new(48_000).unwrap();
    let tracks = Tracks::from(vec![Track::new(TrackId(0xC0), khz_48, codec)]);
    let mut frame = vec![0x55; len];
    frame[..4].copy_from_slice(&[0xFF, 0xFD, 0xE4, 0x04]);
    let samples: Vec<Sample> = (0..2000)
        .map(|n| Sample {
            track: TrackId(0xC0),
            dts: n * 1152,
            pts: n * 1152,
            duration: None,
            flags: Flags::SYNC,
            data: frame.clone().into(),
        })
        .collect();
    let mux = || {
        let mut muxer = Muxer::new(Config::file());
        muxer.set_tracks(&tracks).unwrap();
        let mut out = Vec::new();
        for sample in &samples {
            muxer.handle_sample(sample).unwrap();
            if let Some(packs) = muxer.poll_output() {
                out.push(packs);
            }
        }
        muxer.finish();
        out.extend(muxer.poll_output());
        out
    };
    let stream = mux().concat();
    let mut group = c.benchmark_group("program stream");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    group.bench_function("copy", |b| b.iter(|| black_box(&stream).to_vec()));
    group.bench_function("mux", |b| b.iter(mux));
    group.bench_function("demux", |b| {
        b.iter(|| {
            let mut demuxer = Demuxer::program_stream(Limits::default());
            let mut events = 0;
            for piece in black_box(&stream).chunks(65_536) {
                demuxer.handle_input(piece);
                while let Some(event) = demuxer.poll_event().unwrap() {
                    black_box(event);
                    events += 1;
                }
            }
            demuxer.handle_eof();
            while let Some(event) = demuxer.poll_event().unwrap() {
                black_box(event);
                events += 1;
            }
            assert_eq!(events, samples.len() + 1);
        });
    });
    group.finish();
}

#[cfg(not(feature = "media"))]
fn program_stream(_: &mut Criterion) {}

criterion_group!(benches, tables, program_stream);
criterion_main!(benches);
