//! Throughput on an MPD of two timelines of 10 000 runs each. quick-xml's events are what reading the XML alone takes.

use criterion::{Criterion, Throughput};
use fluvial_dash::Mpd;
use fluvial_dash::address::Address;
use std::fmt::Write;
use std::hint::black_box;

fn timeline() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" \
         minBufferTime=\"PT2S\" availabilityStartTime=\"2026-01-01T00:00:00Z\">\n  <Period id=\"0\" start=\"PT0S\">\n",
    );
    for (id, content_type) in ["video", "audio"].iter().enumerate() {
        write!(
            text,
            "    <AdaptationSet id=\"{id}\" contentType=\"{content_type}\" mimeType=\"{content_type}/mp4\">\n      \
             <SegmentTemplate timescale=\"48000\" initialization=\"$RepresentationID$/init.mp4\" media=\"$RepresentationID$/$Time$.m4s\">\n        <SegmentTimeline>\n"
        )
        .unwrap();
        let mut t = 5_000_000_000_u64;
        for i in 0..10_000 {
            let (d, r) = (95_000 + i % 7 * 1024, i % 3);
            if i % 50 == 0 {
                writeln!(text, "          <S t=\"{t}\" d=\"{d}\" r=\"{r}\"/>").unwrap();
            } else {
                writeln!(text, "          <S d=\"{d}\" r=\"{r}\"/>").unwrap();
            }
            t += d * (r + 1);
        }
        text.push_str("        </SegmentTimeline>\n      </SegmentTemplate>\n");
        for rate in 1..5 {
            writeln!(text, "      <Representation id=\"{content_type}{rate}\" bandwidth=\"{rate}00000\" codecs=\"avc1.64001f\"/>").unwrap();
        }
        text.push_str("    </AdaptationSet>\n");
    }
    text.push_str("  </Period>\n</MPD>\n");
    text
}

/// Many periods with many small elements.
fn periods() -> String {
    let mut text = String::from(
        "<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" profiles=\"p\" minBufferTime=\"PT2S\">\n",
    );
    for period in 0..200 {
        writeln!(text, "  <Period id=\"{period}\" duration=\"PT30.5S\">\n    <AdaptationSet contentType=\"video\" segmentAlignment=\"true\">").unwrap();
        text.push_str("      <Role schemeIdUri=\"urn:mpeg:dash:role:2011\" value=\"main\"/>\n      <SegmentTemplate timescale=\"90000\" duration=\"180000\" media=\"$RepresentationID$/$Number%05d$.m4s\"/>\n");
        for rate in 1..8 {
            writeln!(text, "      <Representation id=\"v{rate}\" bandwidth=\"{rate}00000\" codecs=\"avc1.64001f\" width=\"1280\" height=\"720\" frameRate=\"30000/1001\" sar=\"1:1\"/>").unwrap();
        }
        text.push_str("    </AdaptationSet>\n  </Period>\n");
    }
    text.push_str("</MPD>\n");
    text
}

fn benches(criterion: &mut Criterion) {
    for (name, text) in [("20k runs", timeline()), ("200 periods", periods())] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len().try_into().unwrap()));
        group.bench_function("quick-xml events", |b| {
            b.iter(|| {
                let mut reader = quick_xml::Reader::from_str(black_box(&text));
                let mut attributes = 0;
                loop {
                    match reader.read_event().unwrap() {
                        quick_xml::events::Event::Eof => break,
                        quick_xml::events::Event::Start(tag)
                        | quick_xml::events::Event::Empty(tag) => {
                            attributes += tag.attributes().with_checks(false).count();
                        }
                        _ => {}
                    }
                }
                attributes
            });
        });
        group.bench_function("parse", |b| {
            b.iter(|| Mpd::parse(black_box(text.as_bytes())).unwrap());
        });
        let mpd: Mpd = text.parse().unwrap();
        let mut out = Vec::new();
        group.bench_function("write", |b| {
            b.iter(|| {
                out.clear();
                black_box(&mpd).write(&mut out);
                out.len()
            });
        });
        group.finish();
    }
    let mpd: Mpd = timeline().parse().unwrap();
    let mut group = criterion.benchmark_group("segments");
    group.throughput(Throughput::Elements(20_000));
    group.bench_function("of a timeline", |b| {
        b.iter(|| {
            let period = mpd.placed_periods().next().unwrap();
            let set = &period.period.adaptation_sets[0];
            let address = Address::new(
                &mpd,
                "http://host/a.mpd",
                &period,
                set,
                &set.representations[0],
            )
            .unwrap();
            address
                .segments()
                .unwrap()
                .map(|segment| segment.resource.url.len())
                .sum::<usize>()
        });
    });
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    benches(&mut criterion);
    criterion.final_summary();
}
