//! The rules that `check` knows, one by one; and that what we and ffmpeg write breaks none.

use fluvial_hls::{Playlist, Severity, check};

fn told(playlist: &str) -> Vec<String> {
    check(playlist.as_bytes())
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// The findings for some lines of a media playlist of version 12 with a target duration of 4 s, numbers of lines left out.
fn of_media(lines: &str) -> String {
    let text = format!("#EXTM3U\n#EXT-X-VERSION:12\n#EXT-X-TARGETDURATION:4\n{lines}\n");
    let findings = check(text.as_bytes());
    let texts = findings.iter().map(|f| format!("{}: {}", f.tag, f.what));
    texts.collect::<Vec<_>>().join("; ")
}

#[test]
fn a_clean_playlist_has_no_findings() {
    let media = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.01,CAN-SKIP-UNTIL=24\n\
        #EXT-X-PART-INF:PART-TARGET=0.33334\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:4.00008,\na.m4s\n\
        #EXT-X-PART:DURATION=0.33334,URI=\"b.0.m4s\",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.1,URI=\"b.1.m4s\"\n#EXTINF:0.43334,\nb.m4s\n\
        #EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"c.0.m4s\"\n";
    assert_eq!(told(media), [""; 0]);
    let multivariant = "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"en\",DEFAULT=YES,URI=\"a.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=1280000,CODECS=\"avc1.64001f,mp4a.40.2\",RESOLUTION=1280x720,AUDIO=\"a\"\nlow.m3u8\n";
    assert_eq!(told(multivariant), [""; 0]);
}

#[test]
fn each_rule_of_media_playlists() {
    for (lines, finding) in [
        (
            "#EXTINF:4.6,\na.ts",
            "EXTINF: 4.6 s, rounded, is more than the target duration of 4 s",
        ),
        ("a.ts", "URI: no EXTINF before the segment"),
        ("#EXTINF:4,\n#EXTINF:4,\na.ts", "EXTINF: no URI behind it"),
        (
            "#EXTINF:4,\na.ts\n#EXT-X-MEDIA-SEQUENCE:3",
            "EXT-X-MEDIA-SEQUENCE: stands behind a segment",
        ),
        (
            "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY-SEQUENCE:3",
            "EXT-X-DISCONTINUITY-SEQUENCE: stands behind a segment or an EXT-X-DISCONTINUITY",
        ),
        (
            "#EXT-X-KEY:METHOD=NONE,URI=\"k\"",
            "EXT-X-KEY: METHOD=NONE goes with no other attribute",
        ),
        (
            "#EXT-X-KEY:METHOD=AES-128",
            "EXT-X-KEY: its attribute URI is missing",
        ),
        (
            "#EXT-X-BYTERANGE:10\n#EXTINF:4,\na.ts",
            "EXT-X-BYTERANGE: no offset, and no range of the same resource before it",
        ),
        (
            "#EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:4,\na.ts",
            "EXT-X-PLAYLIST-TYPE: VOD without EXT-X-ENDLIST: a player waits for more",
        ),
        (
            "#EXT-X-TARGETDURATION:4",
            "EXT-X-TARGETDURATION: must not appear more than once",
        ),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1",
            "EXT-X-STREAM-INF: does not belong into this kind of playlist",
        ),
        (
            "#EXT-X-SERVER-CONTROL:HOLD-BACK=8",
            "EXT-X-SERVER-CONTROL: HOLD-BACK is less than three target durations",
        ),
        (
            "#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12",
            "EXT-X-SERVER-CONTROL: CAN-SKIP-UNTIL is less than six target durations",
        ),
        (
            "#EXT-X-PART-INF:PART-TARGET=1",
            "EXT-X-SERVER-CONTROL: is missing where there are parts",
        ),
        (
            "#EXT-X-PART:DURATION=1,URI=\"p\"",
            "EXT-X-PART: EXT-X-PART-INF is missing",
        ),
        (
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",END-ON-NEXT=YES",
            "EXT-X-DATERANGE: END-ON-NEXT needs CLASS",
        ),
        (
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXT-X-DATERANGE:ID=\"a\"",
            "EXT-X-DATERANGE: START-DATE is missing where ID appears first",
        ),
        (
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-02T00:00:00Z\",END-DATE=\"2026-01-01T00:00:00Z\"",
            "EXT-X-DATERANGE: END-DATE is before START-DATE",
        ),
        (
            "#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\"",
            "EXT-X-DATERANGE: needs an EXT-X-PROGRAM-DATE-TIME in the playlist",
        ),
        (
            "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00Z\n#EXT-X-DATERANGE:ID=\"a\",START-DATE=\"2026-01-01T00:00:00Z\",CLASS=\"com.apple.hls.interstitial\"",
            "EXT-X-DATERANGE: an interstitial has one of X-ASSET-URI and X-ASSET-LIST",
        ),
        (
            "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-MAP:URI=\"i\"",
            "EXT-X-MAP: the EXT-X-KEY before it has no IV, which a section needs that is encrypted",
        ),
        (
            "#EXT-X-START:TIME-OFFSET=-5\n#EXTINF:4,\na.ts\n#EXTINF:4,\nb.ts",
            "EXT-X-START: TIME-OFFSET should not be within three target durations of the end",
        ),
        (
            "#EXT-X-START:TIME-OFFSET=9\n#EXTINF:4,\na.ts\n#EXT-X-ENDLIST",
            "EXT-X-START: TIME-OFFSET is beyond the playlist",
        ),
        (
            "#EXT-X-RENDITION-REPORT:URI=\"http://a/b\",LAST-MSN=1",
            "EXT-X-RENDITION-REPORT: URI is not relative to the playlist",
        ),
        (
            "#EXT-X-RENDITION-REPORT:URI=\"b\"",
            "EXT-X-RENDITION-REPORT: LAST-MSN is missing",
        ),
        (
            "#EXT-X-DEFINE:NAME=\"a\",VALUE=\"1\"\n#EXT-X-DEFINE:IMPORT=\"a\"",
            "EXT-X-DEFINE: a second variable \"a\"",
        ),
        (
            "#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"a\"\n#EXT-X-PRELOAD-HINT:TYPE=MAP,URI=\"b\"",
            "EXT-X-PRELOAD-HINT: a second one of its TYPE",
        ),
    ] {
        assert_eq!(of_media(lines), finding, "{lines}");
    }
    let control = "#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=3\n#EXT-X-PART-INF:PART-TARGET=1\n";
    for (parts, finding) in [
        (
            "#EXT-X-PART:DURATION=1.5,URI=\"p\"",
            "EXT-X-PART: 1.5 s is more than the part target of 1 s",
        ),
        (
            "#EXT-X-PART:DURATION=0.8,URI=\"p\"\n#EXT-X-PART:DURATION=1,URI=\"q\"",
            "EXT-X-PART: 0.8 s is less than 85 % of the part target of 1 s",
        ),
        (
            "#EXT-X-PART:DURATION=1,URI=\"p\",BYTERANGE=\"7\"",
            "EXT-X-PART: no offset, and no range of the same resource before it",
        ),
        (
            "#EXT-X-PART:DURATION=1,URI=\"p\"\n#EXTINF:2,\na.ts",
            "EXT-X-PART: the parts do not last as long as their segment",
        ),
    ] {
        assert_eq!(of_media(&format!("{control}{parts}")), finding);
    }
    assert_eq!(
        told("#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MAP:URI=\"i\"\n#EXTINF:4,\na"),
        ["error: line 3: EXT-X-MAP: media initialization sections need version 6 (RFC 8216bis §8)",]
    );
    assert_eq!(
        told("\n#EXTM3U\n#EXTINF:4,\na"),
        [
            "error: line 1: EXTM3U: has to be the first line (RFC 8216bis §4.4.1.1)",
            "error: EXT-X-TARGETDURATION: is missing (RFC 8216bis §4.4.3.1)",
        ]
    );
}

#[test]
fn each_rule_of_multivariant_playlists() {
    let variant = "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"\na\n";
    for (lines, finding) in [
        (
            "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"c\",NAME=\"n\",INSTREAM-ID=\"CC1\",URI=\"u\"",
            "closed captions have no URI",
        ),
        (
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"n\",INSTREAM-ID=\"CC1\"",
            "INSTREAM-ID goes with closed captions, and only with them",
        ),
        (
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"c\",NAME=\"n\"",
            "subtitles need a URI",
        ),
        (
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"n\",FORCED=YES",
            "FORCED is for subtitles only",
        ),
        (
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"n\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"n\"",
            "a second NAME \"n\" in the group \"c\"",
        ),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\"",
            "has to be followed by a URI",
        ),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\",AUDIO=\"x\"\nb",
            "AUDIO names the group \"x\", which no EXT-X-MEDIA is in",
        ),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1,AVERAGE-BANDWIDTH=2,CODECS=\"mp4a.40.2\"\nb",
            "AVERAGE-BANDWIDTH is more than BANDWIDTH",
        ),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"avc1.64001f\"\nb",
            "RESOLUTION should be there for pictures",
        ),
        (
            "#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID=\"c\",NAME=\"n\",INSTREAM-ID=\"CC5\"",
            "INSTREAM-ID is none of CC1 to CC4 and SERVICE1 to SERVICE63",
        ),
        (
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"n\",DEFAULT=YES,AUTOSELECT=NO",
            "DEFAULT=YES goes with no AUTOSELECT=NO",
        ),
        (
            "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"c\",NAME=\"n\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"d\",NAME=\"n\"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"d\",NAME=\"m\"",
            "NAME \"m\" of the group \"d\" is missing in the group \"c\"",
        ),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\",CLOSED-CAPTIONS=NONE\nb",
            "CLOSED-CAPTIONS=NONE, but not for all variants",
        ),
        (
            "#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS=\"mp4a.40.2\",SCORE=2\nb",
            "SCORE should be there for all variants or for none",
        ),
        (
            "#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"\n#EXT-X-SESSION-KEY:METHOD=AES-128,URI=\"k\"",
            "the same key again",
        ),
        ("#EXT-X-SESSION-KEY:METHOD=NONE", "METHOD is NONE"),
        (
            "#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"1\"\n#EXT-X-SESSION-DATA:DATA-ID=\"a\",VALUE=\"2\"",
            "a second DATA-ID \"a\" of the same language",
        ),
    ] {
        let findings = check(format!("#EXTM3U\n{variant}{lines}\n").as_bytes());
        let texts: Vec<_> = findings.iter().map(|finding| &*finding.what).collect();
        assert_eq!(texts, [finding], "{lines}");
    }
}

#[test]
fn what_is_refused_has_an_error() {
    let Some(folder) = testing::corpus("hls") else {
        return;
    };
    let (mut clean, mut refused) = (0, 0);
    for path in testing::files(&folder) {
        let data = std::fs::read(&path).unwrap();
        let findings = check(&data);
        let is_bad = findings
            .iter()
            .any(|finding| finding.severity == Severity::Error);
        if Playlist::parse(&data).is_err() {
            assert!(is_bad, "{}", path.display());
            refused += 1;
        } else if !is_bad {
            clean += 1;
        }
    }
    assert!(
        clean > 50 && refused > 10,
        "{clean} clean, {refused} refused"
    );
}

#[test]
fn what_ffmpeg_writes_is_clean() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("x.m3u8");
    let args = format!(
        "-v error -f lavfi -i testsrc2=size=64x64 -f lavfi -i sine -t 10 -c:v libx264 -g 50 -c:a aac -hls_time 2 -hls_segment_type fmp4 \
         -hls_playlist_type vod -master_pl_name m.m3u8 {}",
        target.display()
    );
    if testing::run("ffmpeg", &args, b"").is_none() {
        return;
    }
    for name in ["x.m3u8", "m.m3u8"] {
        let text = std::fs::read(folder.path().join(name)).unwrap();
        let findings: Vec<_> = check(&text).iter().map(ToString::to_string).collect();
        assert_eq!(findings, [""; 0]);
    }
}
