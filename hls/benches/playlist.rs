//! Throughput on a media playlist of 10 000 segments. `str::lines` is what finding the lines alone takes.

use criterion::{Criterion, Throughput};
use fluvial_hls::{Line, Lines, MediaPlaylist, Tag};
use std::fmt::Write;
use std::hint::black_box;

/// An event playlist with a date every 100 segments and a discontinuity every 1000.
fn playlist() -> String {
    let mut text = String::from(
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1000\n\
         #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MAP:URI=\"init.mp4\"\n",
    );
    for i in 0..10_000 {
        if i % 100 == 0 {
            let (hour, minute, second) = (i * 6 / 3600 % 24, i * 6 / 60 % 60, i * 6 % 60);
            writeln!(
                text,
                "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T{hour:02}:{minute:02}:{second:02}.000Z"
            )
            .unwrap();
        }
        if i % 1000 == 999 {
            text.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let number = i + 1000;
        let hundredths = 590 + i % 7 * 2;
        let (seconds, rest) = (hundredths / 100, hundredths % 100);
        write!(
            text,
            "#EXTINF:{seconds}.{rest:02}000,\nsegment_{number:08}.m4s?token=abcdef0123456789\n"
        )
        .unwrap();
    }
    text.push_str("#EXT-X-ENDLIST\n");
    text
}

/// The same with eight parts to a segment.
fn low_latency() -> String {
    let mut text = String::from(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5\n",
    );
    for i in 0..1000 {
        for part in 0..8 {
            let independent = if part == 0 { ",INDEPENDENT=YES" } else { "" };
            writeln!(
                text,
                "#EXT-X-PART:DURATION=0.5,URI=\"segment_{i}.{part}.m4s\"{independent}"
            )
            .unwrap();
        }
        write!(text, "#EXTINF:4.00000,\nsegment_{i}.m4s\n").unwrap();
    }
    text
}

fn benches(criterion: &mut Criterion) {
    for (name, text) in [("10k segments", playlist()), ("8k parts", low_latency())] {
        let bytes = text.as_bytes();
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(bytes.len().try_into().unwrap()));
        group.bench_function("str::lines", |b| {
            b.iter(|| {
                black_box(text.as_str())
                    .lines()
                    .filter(|line| !line.starts_with('#'))
                    .count()
            });
        });
        group.bench_function("lines", |b| {
            b.iter(|| {
                let (mut nanos, mut uris) = (0, 0);
                for line in Lines::parse(black_box(bytes)).unwrap() {
                    match &line {
                        Ok(Line::Tag(Tag::Inf(inf))) => nanos += inf.duration.as_nanos(),
                        Ok(Line::Tag(Tag::Part(part))) => nanos += part.duration.as_nanos(),
                        Ok(Line::Uri(uri)) => uris += uri.len(),
                        line => assert!(line.is_ok()),
                    }
                }
                (nanos, uris)
            });
        });
        group.bench_function("parse", |b| {
            b.iter(|| MediaPlaylist::parse(black_box(bytes)).unwrap());
        });
        let playlist = MediaPlaylist::parse(bytes).unwrap();
        let mut out = Vec::new();
        group.bench_function("write", |b| {
            b.iter(|| {
                out.clear();
                black_box(&playlist).write(&mut out);
                out.len()
            });
        });
        group.bench_function("write tags", |b| {
            // Each line anew from its values, nothing from the text that was read.
            b.iter(|| {
                out.clear();
                for line in Lines::new(&text) {
                    use std::io::Write;
                    writeln!(out, "{}", line.unwrap()).unwrap();
                }
                out.len()
            });
        });
        group.finish();
    }
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
