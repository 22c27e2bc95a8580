//! MPDs.

use crate::harness::Group;
use fluvial_dash::Mpd;
use std::fmt::Write;
use std::hint::black_box;

pub fn groups() -> Vec<Group> {
    vec![
        parse("MPD parse (20k runs)", &timeline()),
        parse("MPD parse (200 periods)", &periods()),
        write("MPD write (20k runs)", &timeline()),
    ]
}

fn show<E: std::fmt::Debug>(e: E) -> String {
    format!("{e:?}").chars().take(160).collect()
}

/// Two timelines of 10 000 runs each, as a live window of some hours with sound has them.
fn timeline() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\"?>\n<MPD xmlns=\"urn:mpeg:dash:schema:mpd:2011\" type=\"dynamic\" profiles=\"urn:mpeg:dash:profile:isoff-live:2011\" \
         minBufferTime=\"PT2S\" availabilityStartTime=\"2026-01-01T00:00:00Z\">\n  <Period id=\"0\" start=\"PT0S\">\n",
    );
    for (id, kind) in ["video", "audio"].iter().enumerate() {
        write!(
            text,
            "    <AdaptationSet id=\"{id}\" contentType=\"{kind}\" mimeType=\"{kind}/mp4\">\n      \
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
            writeln!(text, "      <Representation id=\"{kind}{rate}\" bandwidth=\"{rate}00000\" codecs=\"avc1.64001f\"/>").unwrap();
        }
        text.push_str("    </AdaptationSet>\n");
    }
    text.push_str("  </Period>\n</MPD>\n");
    text
}

/// Many small elements, as a presentation with many advertisements has them.
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

fn parse(op: &'static str, text: &str) -> Group {
    let text: &'static str = String::leak(text.to_owned());
    let elements = text.matches('<').count() - text.matches("</").count();
    let elements = elements as u64 - u64::from(text.starts_with("<?"));
    Group::new("dash", op, text.len(), elements, "element")
        .case("quick-xml events baseline", move || {
            use quick_xml::events::Event;
            let mut reader = quick_xml::Reader::from_str(text);
            let mut n = 0;
            loop {
                match reader.read_event().map_err(show)? {
                    Event::Eof => return Ok(n),
                    Event::Start(tag) | Event::Empty(tag) => {
                        n += 1;
                        black_box(tag.attributes().with_checks(false).count());
                    }
                    _ => {}
                }
            }
        })
        .case("fluvial Mpd", move || {
            black_box(Mpd::parse(text.as_bytes()).map_err(show)?);
            Ok(elements)
        })
        .case("dash-mpd-core (serde)", move || {
            black_box(dash_mpd_core::parse(text).map_err(|e| show(e.to_string()))?);
            Ok(elements)
        })
}

fn write(op: &'static str, text: &str) -> Group {
    let ours = Mpd::parse(text.as_bytes()).map_err(show);
    let theirs = dash_mpd_core::parse(text).map_err(|e| show(e.to_string()));
    let runs = text.matches("<S ").count() as u64;
    Group::new("dash", op, text.len(), runs, "run")
        .case("fluvial write", move || {
            let mut out = Vec::new();
            ours.as_ref().map_err(Clone::clone)?.write(&mut out);
            black_box(out);
            Ok(runs)
        })
        .case("dash-mpd-core to_string", move || {
            let mpd = theirs.as_ref().map_err(Clone::clone)?;
            black_box(mpd.to_string());
            Ok(runs)
        })
}
