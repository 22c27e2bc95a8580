//! Every playlist of the public corpus is read, or refused for what its name says is wrong with it.

use fluvial_hls::tag::{ClosedCaptions, HdcpLevel, MediaType};
use fluvial_hls::{Error, Line, Lines, MediaPlaylist, MultivariantPlaylist, Playlist, Rule};
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let dir = std::env::var_os("FLUVIAL_CORPUS").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpus")),
        PathBuf::from,
    );
    let dir = dir.join("hls");
    if !dir.is_dir() {
        eprintln!("SKIPPED: corpus not found, set FLUVIAL_CORPUS");
        return None;
    }
    Some(dir)
}

fn files(dir: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// What is refused: the end of the path, the line, the tag, the rule.
const REFUSED: &[(&str, usize, &str, Rule)] = &[
    ("bad-media-playlist-with-gap.m3u8", 7, "URI", Rule::NoInf),
    (
        "negativeDurationMediaPlaylist.m3u8",
        2,
        "EXTINF",
        Rule::Value,
    ),
    ("twoMediaPlaylists.m3u8", 10, "EXTM3U", Rule::Repeated),
    (
        "emptyMediaSequence.m3u8",
        3,
        "EXT-X-MEDIA-SEQUENCE",
        Rule::Value,
    ),
    (
        "emptyPlaylistType.m3u8",
        2,
        "EXT-X-PLAYLIST-TYPE",
        Rule::Value,
    ),
    (
        "emptyTargetDuration.m3u8",
        2,
        "EXT-X-TARGETDURATION",
        Rule::Value,
    ),
    (
        "extXPlaylistTypeInvalidPlaylist.m3u8",
        2,
        "EXT-X-PLAYLIST-TYPE",
        Rule::Value,
    ),
    ("extinf.m3u8", 9, "EXTINF", Rule::Value),
    ("headerOnly.m3u8", 1, "playlist", Rule::Undecided),
    (
        "invalidMediaSequence.m3u8",
        3,
        "EXT-X-MEDIA-SEQUENCE",
        Rule::Value,
    ),
    (
        "invalidPlaylistType.m3u8",
        2,
        "EXT-X-PLAYLIST-TYPE",
        Rule::Value,
    ),
    (
        "invalidTargetDuration.m3u8",
        2,
        "EXT-X-TARGETDURATION",
        Rule::Value,
    ),
    ("liveMissingSegmentDuration.m3u8", 8, "URI", Rule::NoInf),
    (
        "manifestExtTTargetdurationNegative.m3u8",
        2,
        "EXT-X-TARGETDURATION",
        Rule::Value,
    ),
    ("manifestNoExtM3u.m3u8", 1, "EXTM3U", Rule::FirstLine),
    ("missingExtinf.m3u8", 8, "URI", Rule::NoInf),
    ("missingSegmentDuration.m3u8", 8, "URI", Rule::NoInf),
    (
        "negativeMediaSequence.m3u8",
        3,
        "EXT-X-MEDIA-SEQUENCE",
        Rule::Value,
    ),
    (
        "streamInfInvalid.m3u8",
        3,
        "EXT-X-STREAM-INF",
        Rule::MissingAttribute("BANDWIDTH"),
    ),
    (
        "twoMediaSequences.m3u8",
        4,
        "EXT-X-MEDIA-SEQUENCE",
        Rule::Repeated,
    ),
    ("versionInvalid.m3u8", 3, "EXT-X-VERSION", Rule::Value),
    // It has two target durations, but before the first one it has a segment without EXTINF.
    ("multipleTargetDurations.m3u8", 2, "URI", Rule::NoInf),
    // Its name does not say so, but it is no playlist: it does not start with #EXTM3U.
    ("integration/start.m3u8", 1, "EXTM3U", Rule::FirstLine),
];

/// Tags that are damaged and passed over: the end of the path, the line, the rule.
const PASSED_OVER: &[(&str, usize, Rule)] = &[
    (
        "Eyevinn-hls-m3u8/master-with-i-frame-stream-inf.m3u8",
        13,
        Rule::Attribute("BANDWIDTH"),
    ),
    (
        "rutgersc-m3u8-rs/master-with-i-frame-stream-inf.m3u8",
        13,
        Rule::Attribute("BANDWIDTH"),
    ),
    // Long lines that were broken for print.
    ("date_range_scte35.m3u8", 3, Rule::AttributeList),
    ("date_range_scte35.m3u8", 13, Rule::AttributeList),
];

#[test]
fn read_or_refused_for_its_name() {
    let Some(dir) = corpus() else { return };
    let mut paths = Vec::new();
    files(&dir, &mut paths);
    paths.sort();
    assert!(paths.len() > 150, "{} files", paths.len());
    let mut refused = 0;
    let mut passed_over = 0;
    for path in &paths {
        let name = path.to_str().unwrap();
        let bytes = std::fs::read(path).unwrap();
        let playlist = match Playlist::parse(&bytes) {
            Ok(playlist) => playlist,
            Err(Error::Invalid {
                line, tag, rule, ..
            }) => {
                let expected = REFUSED.iter().find(|entry| name.ends_with(entry.0));
                let expected =
                    expected.unwrap_or_else(|| panic!("{name}: line {line}: {tag}: {rule}"));
                assert_eq!(
                    (line, tag, rule),
                    (expected.1, expected.2, expected.3),
                    "{name}"
                );
                refused += 1;
                continue;
            }
            Err(error) => panic!("{name}: {error}"),
        };

        // Unchanged, it is written byte for byte, by each way of writing.
        let mut written = Vec::new();
        playlist.write(&mut written);
        assert_eq!(written, bytes, "{name}");
        assert_eq!(playlist.to_string().as_bytes(), bytes, "{name}");
        assert_eq!(Playlist::parse(&written).unwrap(), playlist, "{name}");

        let lines = Lines::parse(&bytes).unwrap();
        for line in lines {
            match line {
                Ok(line @ Line::Tag(_)) => {
                    // A tag written anew says the same as the one that was read.
                    let text = line.to_string();
                    let again = Lines::new(&text).next().unwrap().unwrap();
                    let again_text = again.to_string();
                    assert_eq!(text, again_text, "{name}");
                }
                Ok(_) => {}
                Err(Error::Invalid { line, rule, .. }) => {
                    let listed = PASSED_OVER
                        .iter()
                        .any(|entry| name.ends_with(entry.0) && (line, rule) == (entry.1, entry.2));
                    assert!(listed, "{name}: line {line}: {rule}");
                    passed_over += 1;
                }
                Err(error) => panic!("{name}: {error}"),
            }
        }
    }
    assert_eq!(refused, REFUSED.len());
    assert_eq!(passed_over, PASSED_OVER.len());
    println!(
        "{} playlists read, {refused} refused",
        paths.len() - refused
    );
}

#[test]
fn values() {
    let Some(dir) = corpus() else { return };
    let media = |path: &str| MediaPlaylist::parse(&std::fs::read(dir.join(path)).unwrap()).unwrap();
    let multivariant =
        |path: &str| MultivariantPlaylist::parse(&std::fs::read(dir.join(path)).unwrap()).unwrap();

    let low_latency = media("videojs-m3u8-parser/integration/llhls.m3u8");
    let control = low_latency.server_control().unwrap();
    assert!(control.can_block_reload && control.can_skip_dateranges);
    assert_eq!(control.can_skip_until.unwrap().to_string(), "12.0");
    assert_eq!(
        low_latency.part_inf().unwrap().part_target.to_string(),
        "0.33334"
    );
    assert_eq!(low_latency.media_sequence(), 266);
    assert!(
        low_latency
            .segments
            .iter()
            .any(|segment| segment.parts().count() == 12)
    );
    assert!(!low_latency.is_ended());

    let ranges = media("videojs-m3u8-parser/integration/byteRange.m3u8");
    let range = ranges.segments[1].byte_range().unwrap();
    assert_eq!((range.length, range.offset), (587_500, Some(522_828)));
    assert_eq!(ranges.segments[2].byte_range().unwrap().offset, None);

    // Its end tag stands among the segments.
    let early = media("videojs-m3u8-parser/integration/manifestExtXEndlistEarly.m3u8");
    assert!(early.is_ended());
    assert_eq!(early.segments.len(), 5);

    let spaced = media("videojs-m3u8-parser/integration/whiteSpace.m3u8");
    let uris: Vec<_> = spaced
        .segments
        .iter()
        .map(fluvial_hls::Segment::uri)
        .collect();
    assert_eq!(uris[1], "https://example.com/00002.ts");
    assert_eq!(uris[3], "http://example.com/00004.ts");

    let full = multivariant("Eyevinn-hls-m3u8/master-with-hlsv7.m3u8");
    assert_eq!(full.variants().count(), 9);
    let first = full.variants().next().unwrap();
    assert_eq!(first.uri, "sdr_720/prog_index.m3u8");
    let size = first.stream_inf.resolution.unwrap();
    assert_eq!((size.width, size.height), (1280, 720));
    assert_eq!(
        first.stream_inf.frame_rate.unwrap().as_nanos(),
        23_976_000_000
    );
    assert_eq!(first.stream_inf.hdcp_level, Some(HdcpLevel::None));
    assert_eq!(first.stream_inf.closed_captions, Some(ClosedCaptions::None));
    assert_eq!(full.i_frame_streams().count(), 9);

    let alternatives = multivariant("videojs-m3u8-parser/integration/alternateAudio.m3u8");
    let default = alternatives
        .renditions()
        .find(|media| media.default)
        .unwrap();
    assert_eq!(
        (default.kind, default.name, default.language),
        (MediaType::Audio, "English", Some("eng"))
    );
}
