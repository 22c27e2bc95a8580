//! Documents: nothing is lost, nothing from outside gets out of its place, nothing panics.

use fluvial_hls::tag::{DateRange, Inf, Key, KeyMethod, Map, Part, StreamInf};
use fluvial_hls::{
    Attributes, Block, ByteRange, DateTime, Decimal, Error, Limits, Line, Lines, MediaPlaylist,
    MultivariantPlaylist, Playlist, Resolution, Rule, Segment, Tag,
};
use proptest::prelude::*;

/// Lines that together make all sorts of playlists, good and bad.
const POOL: &[&str] = &[
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    "#EXT-X-VERSION: 07",
    "#EXT-X-TARGETDURATION:6",
    "#EXT-X-MEDIA-SEQUENCE:18446744073709551615",
    "#EXT-X-PLAYLIST-TYPE:EVENT",
    "#EXT-X-ENDLIST",
    "#EXTINF:5.96000,a title, with a comma",
    "#EXTINF:6",
    "#EXT-X-BYTERANGE:100@0",
    "#EXT-X-KEY:METHOD=AES-128, URI=\"k?a,b=c\",IV=0x00FF,X-NEW=1",
    "#EXT-X-MAP:URI=\"init.mp4\",URI=\"again.mp4\"",
    "#EXT-X-DISCONTINUITY",
    "#EXT-X-PART:DURATION=0.5,URI=\"p.m4s\",INDEPENDENT=NO",
    "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",X-COM=0x01",
    "#EXT-X-DATERANGE:ID=\"open",
    "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.64001F,mp4a.40.2\"",
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"é\",DEFAULT=YES",
    "#EXT-X-NEW-TAG:whatever",
    "# a comment",
    "",
    "   ",
    " https://example.com/a.ts?b=c ",
    "b.ts",
];

fn soup() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        8 => prop::sample::select(POOL).prop_map(String::from),
        1 => "\\PC{0,20}",
        1 => "#EXT[-A-Z0-9:=,\"@. ]{0,30}",
    ];
    let end = prop_oneof![8 => Just("\n"), 2 => Just("\r\n")];
    (
        any::<bool>(),
        prop::collection::vec((line, end), 0..30),
        any::<bool>(),
    )
        .prop_map(|(head, lines, ended)| {
            let mut text = String::from(if head { "#EXTM3U\n" } else { "" });
            for (line, end) in lines {
                text += &line;
                text += end;
            }
            if !ended {
                let length = text.trim_end_matches(['\r', '\n']).len();
                text.truncate(length);
            }
            text
        })
}

/// Text that can stand in a quoted string.
fn quotable() -> impl Strategy<Value = String> {
    "[^\"\r\n\\p{Cc}]{0,12}"
}

fn decimal() -> impl Strategy<Value = Decimal> {
    (0i64..1_000_000_000_000, 0u8..10).prop_map(|(nanos, digits)| Decimal::rounded(nanos, digits))
}

fn read(text: &str) -> Tag<'_> {
    let mut lines = Lines::new(text);
    let Some(Ok(Line::Tag(tag))) = lines.next() else {
        panic!("{text}")
    };
    assert!(lines.next().is_none(), "{text}");
    tag
}

proptest! {
    #[test]
    fn unchanged_text_comes_back(text in soup()) {
        for playlist in [Playlist::parse(text.as_bytes()), MediaPlaylist::parse(text.as_bytes()).map(Playlist::Media),
            MultivariantPlaylist::parse(text.as_bytes()).map(Playlist::Multivariant)].into_iter().flatten() {
            let mut out = Vec::new();
            playlist.write(&mut out);
            prop_assert_eq!(std::str::from_utf8(&out).unwrap(), &text);
            prop_assert_eq!(playlist.to_string(), text.clone());
            if let Playlist::Media(playlist) = playlist {
                for segment in &playlist.segments {
                    // A segment taken by itself is the same one, but that a playlist of I-frames may lack EXTINF, and
                    // that a damaged tag may stand between.
                    if let Ok(alone) = Segment::from_lines(segment.lines().clone()) {
                        prop_assert_eq!(&alone, segment);
                    }
                }
                prop_assert!(playlist.tags().count() <= text.lines().count());
            }
        }
    }

    #[test]
    fn any_bytes(bytes: Vec<u8>) {
        let _ = Playlist::parse(&bytes);
        let _ = MediaPlaylist::parse(&bytes);
        let _ = MultivariantPlaylist::parse(&bytes);
    }

    #[test]
    fn keeping_each_line_changes_nothing(text in soup()) {
        let mut block = Block::from(text.as_str());
        block.rewrite(|_, out| out.keep());
        prop_assert_eq!(block.as_str(), &text);
    }

    #[test]
    fn a_tag_written_from_values_reads_the_same(
        uri in quotable(), other in prop::option::of(quotable()), duration in decimal(), nanos: i64,
        numbers: (u64, u64, Option<u64>), flags: (bool, bool),
    ) {
        let range = ByteRange { length: numbers.0, offset: numbers.2 };
        let mut part = Part::new(&uri, duration);
        part.byte_range = Some(range);
        (part.independent, part.gap) = flags;
        let mut key = Key::new(KeyMethod::SampleAes);
        key.uri = Some(&uri);
        key.key_format = other.as_deref();
        let mut stream = StreamInf::new(numbers.0);
        stream.average_bandwidth = numbers.2;
        stream.codecs = other.as_deref();
        stream.resolution = Some(Resolution { width: numbers.0, height: numbers.1 });
        stream.frame_rate = Some(duration);
        let mut date_range = DateRange::new(&uri);
        date_range.start_date = Some(DateTime::from_unix_nanos(nanos));
        date_range.duration = Some(duration);
        date_range.end_on_next = flags.0;
        let mut map = Map::new(&uri);
        map.byte_range = Some(range);

        macro_rules! round_trip {
            ($($variant:ident($value:ident)),*) => {$(
                let text = Tag::$variant($value).to_string();
                let Tag::$variant(mut again) = read(&text) else { panic!("{text}") };
                // What was read can be written as it was read; but for that, both are equal.
                prop_assert_eq!(again.to_string(), $value.to_string());
                again.attributes = Attributes::default();
                prop_assert_eq!(again, $value);
            )*};
        }
        round_trip!(Part(part), Key(key), StreamInf(stream), DateRange(date_range), Map(map));

        for tag in [
            Tag::Version(numbers.0), Tag::ByteRange(range), Tag::Bitrate(numbers.1), Tag::Gap,
            Tag::ProgramDateTime(DateTime::from_unix_nanos(nanos)),
            Tag::Inf(Inf { duration, title: uri.trim() }),
        ] {
            let text = tag.to_string();
            prop_assert_eq!(read(&text), tag);
        }
    }

    /// Whatever a string holds, it adds no line and no attribute.
    #[test]
    fn nothing_breaks_out(hostile in "[\"\r\n,=#aé]{0,12}") {
        let mut key = Key::new(KeyMethod::Aes128);
        key.uri = Some(&hostile);
        let text = Tag::Key(key).to_string();
        let Tag::Key(key) = read(&text) else { panic!("{text}") };
        prop_assert_eq!(key.attributes.iter().count(), 2);

        let mut key = Key::new(KeyMethod::Other(&hostile));
        key.uri = Some("k");
        let text = Tag::Key(key).to_string();
        if let Some(Ok(line)) = Lines::new(&text).next() {
            let Line::Tag(Tag::Key(key)) = line else { panic!("{text}") };
            prop_assert_eq!(key.attributes.iter().count(), 2);
        }
        let mut block = Block::new();
        block.push(Line::Uri(&hostile));
        block.push(Line::Comment(&format!("EXT{hostile}")));
        prop_assert_eq!(block.lines().count(), 2);
        prop_assert_eq!(block.tags().count(), 0);

        let text = Tag::Inf(Inf { duration: Decimal::default(), title: &hostile }).to_string();
        prop_assert!(matches!(read(&text), Tag::Inf(_)));

        if let Ok(segment) = Segment::new(&hostile, Decimal::default()) {
            prop_assert_eq!(segment.lines().lines().count(), 2);
        }
    }
}

#[test]
fn edits_leave_the_rest() {
    let text = "#EXTM3U\r\n#EXT-X-TARGETDURATION:6\r\n# made by hand\r\n#EXT-X-KEY:METHOD=AES-128,X-A=1, URI=\"k\",X-B=\"2\"\r\n\
                #EXTINF:5.960,one\r\na.ts\r\n#EXTINF:6,\r\n b.ts";
    let mut playlist: MediaPlaylist = text.parse().unwrap();
    assert_eq!(
        playlist.head.as_str(),
        "#EXTM3U\r\n#EXT-X-TARGETDURATION:6\r\n# made by hand\r\n"
    );
    assert_eq!(playlist.segments[0].title(), "one");
    assert_eq!(playlist.segments[1].uri(), "b.ts");

    playlist.head.set(Tag::TargetDuration(7));
    playlist.head.set(Tag::Version(3));
    playlist.segments[0]
        .rewrite(|line, out| match line {
            Line::Tag(Tag::Key(mut key)) => {
                key.uri = Some("https://example.com/k");
                out.put(Tag::Key(key));
            }
            Line::Uri(uri) => out.put(Line::Uri(&format!("{uri}?token=1"))),
            _ => out.keep(),
        })
        .unwrap();
    playlist.segments[1].insert(Tag::Discontinuity);
    playlist
        .segments
        .push(Segment::new("c.ts", Decimal::from_nanos(1_500_000_000)).unwrap());
    playlist.tail.push(Tag::EndList);
    assert_eq!(
        playlist.to_string(),
        "#EXTM3U\r\n#EXT-X-TARGETDURATION:7\r\n# made by hand\r\n#EXT-X-VERSION:3\n\
         #EXT-X-KEY:METHOD=AES-128,X-A=1,URI=\"https://example.com/k\",X-B=\"2\"\r\n\
         #EXTINF:5.960,one\r\na.ts?token=1\r\n#EXT-X-DISCONTINUITY\r\n#EXTINF:6,\r\n b.ts\n#EXTINF:1.5,\nc.ts\n#EXT-X-ENDLIST\n"
    );
    assert_eq!(
        playlist
            .to_string()
            .parse::<MediaPlaylist>()
            .unwrap()
            .segments
            .len(),
        3
    );

    // A change that would leave no segment is none.
    let before = playlist.segments[0].clone();
    assert!(playlist.segments[0].rewrite(|_, _| {}).is_err());
    assert_eq!(playlist.segments[0], before);
}

#[test]
fn duplicate_and_unknown_attributes_are_kept() {
    let text = "#EXT-X-MAP:URI=\"a\",X-NEW=0x1,URI=\"b\"";
    let Tag::Map(map) = read(text) else { panic!() };
    assert_eq!((map.uri, map.attributes.get("X-NEW")), ("a", Some("0x1")));
    assert_eq!(map.attributes.iter().count(), 3);
    assert_eq!(
        Tag::Map(map).to_string(),
        "#EXT-X-MAP:URI=\"a\",X-NEW=0x1,URI=\"a\""
    );
}

#[test]
fn a_damaged_tag_takes_no_segment_with_it() {
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n#EXT-X-PROGRAM-DATE-TIME:yesterday\na.ts\n\
                #EXTINF:6,\n#EXT-X-DATERANGE:ID=\"open\nb.ts\n#EXT-X-DATERANGE:ID=\"broken\nover lines\"\n#EXTINF:6,\nc.ts\n";
    let playlist: MediaPlaylist = text.parse().unwrap();
    let uris: Vec<_> = playlist.segments.iter().map(Segment::uri).collect();
    assert_eq!(uris, ["a.ts", "b.ts", "c.ts"]);
    assert_eq!(playlist.segments[0].program_date_time(), None);
    assert_eq!(playlist.date_ranges().count(), 0);
    assert_eq!(playlist.to_string(), text);
    for segment in &playlist.segments {
        assert_eq!(
            &Segment::from_lines(segment.lines().clone()).unwrap(),
            segment
        );
    }
    // Where no list is broken off, a URI that comes from nowhere is an error.
    let error = "#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:yesterday\na.ts\n".parse::<MediaPlaylist>();
    assert!(matches!(
        error,
        Err(Error::Invalid {
            line: 3,
            rule: Rule::NoInf,
            ..
        })
    ));
}

#[test]
fn limits() {
    let mut limits = Limits::new();
    limits.segments = 2;
    limits.line_length = 40;
    limits.attributes = 3;
    let parse =
        |text: &str| MediaPlaylist::parse_with(format!("#EXTM3U\n{text}").as_bytes(), &limits);
    assert!(parse("#EXTINF:1,\na\n#EXTINF:1,\nb\n").is_ok());
    assert_eq!(
        parse("#EXTINF:1,\na\n#EXTINF:1,\nb\n#EXTINF:1,\nc\n"),
        Err(Error::Limit {
            line: 7,
            limit: "segments",
            max: 2
        })
    );
    assert_eq!(
        parse(&"x".repeat(41)),
        Err(Error::Limit {
            line: 2,
            limit: "bytes in a line",
            max: 40
        })
    );
    // A tag that could be passed over cannot be where reading it costs too much.
    assert_eq!(
        parse("#EXT-X-DATERANGE:A=1,B=2,C=3,D=4\n"),
        Err(Error::Limit {
            line: 2,
            limit: "attributes of a tag",
            max: 3
        })
    );
}

#[test]
fn text_that_is_none() {
    let rule = |bytes: &[u8]| match Playlist::parse(bytes) {
        Err(Error::Invalid { line, rule, .. }) => (line, rule),
        other => panic!("{other:?}"),
    };
    assert_eq!(rule(b"#EXTM3U\n#EXTINF:1,\n\xFF\n"), (3, Rule::Utf8));
    assert_eq!(rule(b"\xEF\xBB\xBF#EXTM3U\n"), (1, Rule::ByteOrderMark));
    assert_eq!(rule(b""), (1, Rule::Undecided));
    assert_eq!(rule(b"<html></html>\n"), (1, Rule::Undecided));
}

/// A thousand attributes and a line of a megabyte take no time to speak of.
#[test]
fn large_input_is_linear() {
    let mut limits = Limits::new();
    limits.attributes = usize::MAX;
    limits.line_length = usize::MAX;
    let many: String = (0..1_000_000).map(|i| format!("A{i}=1,")).collect();
    let text = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-DATERANGE:{many}ID=\"a\"\n");
    let playlist = MediaPlaylist::parse_with(text.as_bytes(), &limits).unwrap();
    assert_eq!(playlist.date_ranges().count(), 1);
    assert!(MediaPlaylist::parse(text.as_bytes()).is_err());
    // A hundred megabytes in a line, be it a comment, a URI or a tag that is passed over.
    for start in ["#", "", "#EXT-X-NEW:", "#EXTINF:4,"] {
        let mut long = format!("#EXTM3U\n#EXT-X-TARGETDURATION:1\n{start}").into_bytes();
        long.resize(100 << 20, b'x');
        assert!(Playlist::parse(&long).is_err(), "{start}");
        assert!(MediaPlaylist::parse(&long).is_err(), "{start}");
    }
}
