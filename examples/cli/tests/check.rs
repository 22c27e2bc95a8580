//! `fluvial check` of what lies behind playlists and manifests, and encrypted segments that are read.

mod support;

use std::fs;
use std::path::Path;
use support::{fluvial, works};

/// Six seconds of pictures and sound, a keyframe each second.
fn source(folder: &Path) -> Option<String> {
    let path = folder.join("source.mp4").display().to_string();
    let args = format!(
        "-v error -f lavfi -i testsrc2=s=320x180:r=25:d=6 -f lavfi -i sine=f=440:r=48000:d=6 -c:v libx264 -preset fast -g 25 -c:a aac {path}"
    );
    testing::run("ffmpeg", &args, &[])?;
    Some(path)
}

/// What `check` says, and its exit status.
fn check(args: &[&str]) -> (String, Option<i32>) {
    let output = fluvial(&[&["check"], args].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    (said, output.status.code())
}

#[test]
fn segments_are_checked_too() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    for (name, more, segment, format) in [
        ("a.m3u8", &[][..], "a-segment-1.m4s", "hls"),
        ("t.m3u8", &["--segments", "ts"], "t-segment-1.ts", "hls"),
        ("d.mpd", &[], "d-segment-1-1.m4s", "dash"),
    ] {
        let list = at(name);
        works(&[&["remux", &source, &list, "--segment-duration", "2"], more].concat());
        let clean = format!("{format}: 0 errors, 0 warnings\n");
        assert_eq!(check(&[&list]), (clean.clone(), Some(0)), "{name}");
        // A box or a packet that is none.
        let whole = fs::read(at(segment)).unwrap();
        let mut damaged = whole.clone();
        damaged[188 * 3..188 * 4].fill(0xFF);
        fs::write(at(segment), damaged).unwrap();
        let (said, status) = check(&[&list]);
        assert_eq!(status, Some(1), "{said}");
        let place = format!("error: {}: offset ", at(segment));
        assert!(said.contains(&place), "{said}");
        let json = fluvial(&["check", "--json", &list]).stdout;
        let line = String::from_utf8(json).unwrap();
        let finding: serde_json::Value =
            serde_json::from_str(line.lines().next().unwrap()).unwrap();
        assert!(finding["place"].as_str().unwrap().starts_with(&at(segment)));
        // The list alone is right.
        assert_eq!(check(&[&list, "--shallow"]), (clean, Some(0)));
        // One that is not there.
        fs::remove_file(at(segment)).unwrap();
        let (said, status) = check(&[&list]);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("unreadable"), "{said}");
    }
}

/// Lists tell how long each segment lasts; what their media say of it is another thing.
#[test]
fn durations_are_compared_with_the_media() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    for (name, more) in [("a.m3u8", &[][..]), ("t.m3u8", &["--segments", "ts"])] {
        let list = at(name);
        works(&[&["remux", &source, &list, "--segment-duration", "2"], more].concat());
        let text = fs::read_to_string(&list).unwrap();
        assert_eq!(text.matches("#EXTINF:2,").count(), 3, "{text}");
        for (told, severity) in [("2.3", "warning"), ("1.2", "error"), ("2.01", "")] {
            let changed = text.replacen("#EXTINF:2,", &format!("#EXTINF:{told},"), 1);
            fs::write(&list, changed).unwrap();
            let (said, status) = check(&[&list]);
            let line = said.lines().find(|line| line.contains("segment-duration"));
            assert_eq!(
                line.map_or("", |line| line.split(':').next().unwrap()),
                severity,
                "{said}"
            );
            assert_eq!(status, Some(i32::from(severity == "error")), "{said}");
        }
        // Each is within what nobody notices, all of them together are not.
        let changed = text.replace("#EXTINF:2,", "#EXTINF:1.91,");
        fs::write(&list, changed).unwrap();
        let clean = "hls: 0 errors, 0 warnings\n".to_owned();
        assert_eq!(check(&[&list]), (clean, Some(0)), "three of them are few");
        let short = at(&format!("short-{name}"));
        works(&[&["remux", &source, &short, "--segment-duration", "1"], more].concat());
        let fine = fs::read_to_string(&short).unwrap();
        fs::write(&short, fine.replace("#EXTINF:1,", "#EXTINF:0.905,")).unwrap();
        let (said, status) = check(&[&short]);
        assert!(
            said.contains("segment-drift") && status == Some(1),
            "{said}"
        );
        // A segment that is left out, and one that is told to be a gap.
        let lines: Vec<_> = text.lines().collect();
        let second = lines
            .iter()
            .position(|line| line.contains("-segment-1."))
            .unwrap();
        let rest = [&lines[..second - 1], &lines[second + 1..]].concat();
        fs::write(&list, rest.join("\n") + "\n").unwrap();
        let (said, status) = check(&[&list]);
        assert!(
            said.contains("segment-gap: begins 2.000000 s off") && status == Some(1),
            "{said}"
        );
        let gap = [&lines[..second], &["#EXT-X-GAP"], &lines[second..]].concat();
        fs::write(&list, gap.join("\n") + "\n").unwrap();
        let (said, _) = check(&[&list]);
        assert!(!said.contains("segment-gap"), "{said}");
    }
    let list = at("d.mpd");
    works(&["remux", &source, &list, "--segment-duration", "2"]);
    let text = fs::read_to_string(&list).unwrap();
    // One entry for three segments, of each track.
    let line = text.lines().find(|line| line.contains("<S ")).unwrap();
    let ticks: u64 = line
        .split("d=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next()?.parse().ok())
        .unwrap();
    let longer = format!("d=\"{}\"", ticks * 3 / 2);
    let changed = text.replacen(&format!("d=\"{ticks}\""), &longer, 1);
    fs::write(&list, changed).unwrap();
    let (said, status) = check(&[&list]);
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("segment-duration: 3.000000 s by the list, 2.000000 s by its media"),
        "{said}"
    );
    assert!(said.contains("segment-start: at 3.000000 s"), "{said}");
}

/// What lists say of codecs, rates and ends, beside what their media are. Nothing is found where ffmpeg and shaka-packager tell the truth.
#[test]
fn promises_are_compared_with_the_media() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let dash = "-f dash -seg_duration 2";
    let hls = "-f hls -hls_time 2 -hls_playlist_type vod";
    for (name, list, args) in [
        ("x.mpd", "x.mpd", dash.to_owned()),
        ("s.mpd", "s.mpd", format!("{dash} -single_file 1")),
        ("n.mpd", "n.mpd", format!("{dash} -use_timeline 0")),
        (
            "v.m3u8",
            "m.m3u8",
            format!("{hls} -hls_segment_type fmp4 -master_pl_name m.m3u8"),
        ),
    ] {
        let args = format!("-v error -i {source} -c copy {args} {}", at(name));
        testing::run("ffmpeg", &args, b"").unwrap();
        let (said, status) = check(&[&at(list)]);
        let wrong = |what| said.contains(what);
        assert!(
            status == Some(0)
                && !["codecs:", "rate", "BANDWIDTH", "bandwidth:", "timeline"]
                    .into_iter()
                    .any(wrong),
            "{name}: {said}"
        );
    }
    let stream = |kind: &str| {
        let list = at(&format!("{kind}.m3u8"));
        format!(
            "in={source},stream={kind},output={},playlist_name={list},hls_group_id=a",
            at(&format!("{kind}.mp4"))
        )
    };
    let args = [
        stream("video"),
        stream("audio"),
        format!("--mpd_output={}", at("p.mpd")),
        format!("--hls_master_playlist_output={}", at("p.m3u8")),
    ];
    if testing::shaka_packager(&args).is_some() {
        for (list, format) in [("p.mpd", "dash"), ("p.m3u8", "hls")] {
            let clean = format!("{format}: 0 errors, 0 warnings\n");
            assert_eq!(check(&[&at(list)]), (clean, Some(0)));
        }
    }

    works(&["remux", &source, &at("d.mpd"), "--segment-duration", "2"]);
    let mpd = fs::read_to_string(at("d.mpd")).unwrap();
    let (_, video) = mpd.split_once("bandwidth=\"").unwrap();
    let bandwidth = video.split_once('"').unwrap().0;
    let few = format!("bandwidth=\"{}\"", bandwidth.parse::<u32>().unwrap() / 4);
    let media = fs::read_to_string(at("p.m3u8")).unwrap_or_default();
    for (list, text, from, to, said, status) in [
        (
            "d.mpd",
            &mpd,
            "avc1.",
            "hvc1.1.6.L93.B0,avc9.",
            "error: representation 1: codecs: ",
            1,
        ),
        (
            "d.mpd",
            &mpd,
            "avc1.64",
            "avc1.42",
            "warning: representation 1: codecs: ",
            0,
        ),
        (
            "d.mpd",
            &mpd,
            &format!("bandwidth=\"{bandwidth}\""),
            &few,
            "warning: representation 1: bandwidth: ",
            0,
        ),
        (
            "d.mpd",
            &mpd,
            "\"PT6S\"",
            "\"PT9S\"",
            "Representation[1]: the timeline ends 3.000 s before",
            0,
        ),
        (
            "d.mpd",
            &mpd,
            "\"PT6S\"",
            "\"PT5S\"",
            "Representation[1]: the timeline goes on 1.000 s behind",
            0,
        ),
        (
            "d.mpd",
            &mpd,
            "\"PT6S\"",
            "\"PT4S\"",
            "Representation[1]: a segment of the timeline begins behind",
            0,
        ),
        ("p.m3u8", &media, "mp4a.40.2", "ac-3", "codecs: ", 1),
        (
            "p.m3u8",
            &media,
            ":BANDWIDTH=",
            ":BANDWIDTH=1,X-OLD=",
            "video.m3u8: BANDWIDTH: 1 bit/s are told",
            1,
        ),
        (
            "p.m3u8",
            &media,
            "AVERAGE-BANDWIDTH=",
            "AVERAGE-BANDWIDTH=1,X-OLD=",
            "AVERAGE-BANDWIDTH: 1 bit/s are told",
            0,
        ),
    ] {
        if text.is_empty() {
            continue;
        }
        assert!(text.contains(from), "{text}");
        fs::write(at(list), text.replace(from, to)).unwrap();
        let found = check(&[&at(list)]);
        assert!(
            found.0.contains(said) && found.1 == Some(status),
            "{to}: {found:?}"
        );
    }
}

#[test]
fn playlists_behind_a_playlist_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    works(&["remux", &source, &at("v.m3u8"), "--segments", "ts"]);
    let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS=\"avc1.64000D,mp4a.40.2\",FRAME-RATE=25.000,RESOLUTION=320x180\nv.m3u8\n";
    fs::write(at("m.m3u8"), text).unwrap();
    assert_eq!(check(&[&at("m.m3u8")]).1, Some(0));
    let list = fs::read_to_string(at("v.m3u8")).unwrap();
    fs::write(
        at("v.m3u8"),
        list.replace("#EXT-X-TARGETDURATION", "#EXT-X-NO"),
    )
    .unwrap();
    let (said, status) = check(&[&at("m.m3u8")]);
    assert_eq!(status, Some(1));
    assert!(said.contains("v.m3u8: "), "{said}");
}

#[test]
fn encrypted_samples_in_transport_streams_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let key = "0102030405060708090a0b0c0d0e0f10";
    let stream = |kind: &str, extension: &str| {
        format!(
            "in={source},stream={kind},segment_template={},playlist_name={}",
            at(&format!("{kind}{extension}$Number$.{extension}")),
            at(&format!("{kind}{extension}.m3u8")),
        )
    };
    let mut args: Vec<String> = [
        stream("video", "ts"),
        stream("audio", "ts"),
        stream("audio", "aac"),
        "--segment_duration=2".into(),
        "--enable_raw_key_encryption".into(),
        "--protection_scheme=cbcs".into(),
        "--clear_lead=2".into(),
    ]
    .into();
    args.push(format!("--hls_master_playlist_output={}", at("m.m3u8")));
    args.push(format!("--iv={}", "a5".repeat(16)));
    args.push(format!(
        "--keys=label=:key_id={}:key={key}",
        "11".repeat(16)
    ));
    if testing::shaka_packager(&args).is_none() {
        return;
    }
    let probe = |name: &str| -> serde_json::Value {
        let told = works(&["probe", "--json", "--key", key, &at(name)]);
        serde_json::from_slice(&told).unwrap()
    };
    let clear: serde_json::Value =
        serde_json::from_slice(&works(&["probe", "--json", &source])).unwrap();
    for (name, track) in [
        ("videots.m3u8", 0),
        ("audiots.m3u8", 1),
        ("audioaac.m3u8", 1),
    ] {
        let told = probe(name);
        assert_eq!(told["warnings"], serde_json::json!([]), "{name}");
        let (ours, theirs) = (&told["tracks"][0], &clear["tracks"][track]);
        for field in ["codec", "samples", "sync_samples"] {
            assert_eq!(ours[field], theirs[field], "{name}, {field}");
        }
    }
    // The samples of the pictures are those of the source.
    let pictures = |input: &str, more: &[&str]| {
        let out = at("out.h264");
        works(&[&["remux", input, &out, "--tracks", "video"], more].concat());
        fs::read(out).unwrap()
    };
    assert!(pictures(&at("videots.m3u8"), &["--key", key]) == pictures(&source, &[]));
    assert_eq!(check(&[&at("m.m3u8")]).1, Some(0));
}

#[test]
fn clocks_of_transport_streams_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let (constant, varying, other) = (at("c.ts"), at("v.ts"), at("x.ts"));
    for (path, rate) in [(&constant, "-muxrate 3000k -pcr_period 20"), (&varying, "")] {
        let args = format!("-v error -i {source} -c copy {rate} {path}");
        testing::run("ffmpeg", &args, &[]).unwrap();
        let clean = "ts: 0 errors, 0 warnings\n".to_owned();
        assert_eq!(check(&[path]), (clean, Some(0)));
    }
    // Changes the clock references: by ticks of 27 MHz, or away.
    let change = |path: &str, change: &dyn Fn(usize) -> Option<u64>| {
        let mut stream = fs::read(path).unwrap();
        let mut places = Vec::new();
        for (at, packet) in stream.chunks_exact_mut(188).enumerate() {
            if packet[3] & 0x20 == 0 || packet[4] < 7 || packet[5] & 0x10 == 0 {
                continue;
            }
            let pcr = packet[6..12]
                .iter()
                .fold(0, |pcr, byte| (pcr << 8) | u64::from(*byte));
            match change(places.len()) {
                Some(ticks) => {
                    let ticks = (pcr >> 15) * 300 + (pcr & 0x1FF) + ticks;
                    let pcr = ((ticks / 300) << 15) | (0x3F << 9) | (ticks % 300);
                    packet[6..12].copy_from_slice(&pcr.to_be_bytes()[2..]);
                }
                None => packet[5] &= !0x10,
            }
            places.push(at * 188);
        }
        fs::write(&other, stream).unwrap();
        let (said, status) = check(&[&other]);
        (said, status, places)
    };
    let (said, status, places) = change(&constant, &|n| Some(if n == 70 { 100 } else { 0 }));
    let expected = format!(
        "error: offset {}, PID 256: 2.4 PCR_accuracy_error",
        places[70]
    );
    assert!(said.starts_with(&expected) && status == Some(1), "{said}");
    for path in [&constant, &varying] {
        let (said, status, _) = change(path, &|_| None);
        let expected = "PID 256: 2.3a PCR_repetition_error: the clock of a program has no";
        assert!(said.contains(expected) && status == Some(1), "{said}");
    }
}

/// Sound has a constant rate but for the tables between: nobody meant it to keep one.
#[test]
fn sound_alone_has_no_inaccurate_clock() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let make = format!(
        "-v error -f lavfi -i anoisesrc=r=48000 -t 3 -af aformat=channel_layouts=5.1 -c:a ac3 {}",
        at("x.ac3")
    );
    if testing::run("ffmpeg", &make, b"").is_none() {
        return;
    }
    for name in ["x.ts", "x.m2ts"] {
        support::works(&["remux", &at("x.ac3"), &at(name)]);
        let (said, status) = check(&[&at(name)]);
        let kind = name.trim_start_matches("x.");
        assert_eq!(
            (&*said, status),
            (&*format!("{kind}: 0 errors, 0 warnings\n"), Some(0))
        );
    }
}

/// Transport streams one after the other, as recorders leave them: other tracks, another time line.
#[test]
fn tracks_may_change_within_the_first_segment() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let picture = "-f lavfi -i testsrc2=s=128x96:r=25:d=1";
    let sound = "-f lavfi -i sine=f=440:r=48000:d=1";
    let mut joined = Vec::new();
    for more in [
        "-c:a aac",
        "-f lavfi -i sine=r=44100:d=1 -map 0 -map 1 -map 2 -c:a aac -ar:a:0 44100",
    ] {
        let args = format!("-v error {picture} {sound} {more} -c:v libx264 -f mpegts -");
        let Some(stream) = testing::run("ffmpeg", &args, b"") else {
            return;
        };
        joined.extend(stream);
    }
    fs::write(at("joined.ts"), joined).unwrap();
    for (name, format) in [("x.mpd", "dash"), ("x.ts", "ts")] {
        let output = fluvial(&["remux", &at("joined.ts"), &at(name)]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {said}");
        assert_eq!(
            check(&[&at(name)]),
            (format!("{format}: 0 errors, 0 warnings\n"), Some(0)),
            "{name}"
        );
    }
}

/// What others write, of which each is right in its own way.
#[test]
fn what_others_write_is_not_blamed() {
    use fluvial_interop::peer;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    // An index behind an empty edit: times with it, as ffmpeg 9 has them, or without, as 5.1.
    let programs = [
        Some(std::path::PathBuf::from("ffmpeg")),
        peer::all_here(&[peer::FFMPEG_9])
            .then(peer::ffmpeg_9)
            .flatten(),
    ];
    for program in programs.into_iter().flatten() {
        let program = program.display().to_string();
        let list = at("x.m3u8");
        let make = format!(
            "-v error -y -i {source} -c copy -hls_time 2 -hls_segment_type fmp4 -hls_list_size 0 {list}"
        );
        assert!(testing::run(&program, &make, b"").is_some());
        let (said, status) = check(&[&list]);
        assert_eq!(status, Some(0), "{program}: {said}");
        assert!(!said.contains("index"), "{program}: {said}");
    }
    // WebM, which nobody here reads.
    let webm = format!(
        "-v error -f lavfi -i testsrc2=s=64x48:r=25:d=2 -c:v libvpx -deadline realtime -dash_segment_type webm -f dash {}",
        at("webm.mpd")
    );
    assert!(testing::run("ffmpeg", &webm, b"").is_some());
    let (said, status) = check(&[&at("webm.mpd")]);
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("WebM is not read"), "{said}");
    // Two Periods of one movie, whose header tells how long all of it is.
    let stream = |kind: &str| {
        format!(
            "in={source},stream={kind},init_segment={},segment_template={}",
            at(&format!("{kind}.mp4")),
            at(&format!("{kind}_$Number$.m4s"))
        )
    };
    let (video, audio, list) = (stream("video"), stream("audio"), at("periods.mpd"));
    let more = ["--segment_duration", "1", "--ad_cues", "3.0"];
    let last = ["--generate_static_live_mpd", "--mpd_output", &list];
    let args = [&[&video[..], &audio], &more[..], &last].concat();
    if testing::shaka_packager(&args).is_some() {
        let text = fs::read_to_string(&list).unwrap();
        assert_eq!(text.matches("<Period ").count(), 2, "{text}");
        let clean = "dash: 0 errors, 0 warnings\n".to_owned();
        assert_eq!(check(&[&list]), (clean, Some(0)));
    }
}

/// Live manifests count segments from 1970 on, or tell that all that will ever be can be had.
#[test]
fn what_has_no_end_is_not_looked_at_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mpd");
    for offset in ["0", "INF"] {
        let manifest = format!(
            r#"<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" profiles="urn:mpeg:dash:profile:isoff-live:2011" type="dynamic"
             availabilityStartTime="1970-01-01T00:00:00Z" publishTime="1970-01-01T00:00:00Z" minimumUpdatePeriod="PT2S" minBufferTime="PT2S" timeShiftBufferDepth="PT1M">
             <Period id="P0" start="PT0S"><AdaptationSet contentType="video" segmentAlignment="true" mimeType="video/mp4">
             <SegmentTemplate media="$Number$.m4s" duration="2" startNumber="0" availabilityTimeOffset="{offset}"/>
             <Representation id="V" bandwidth="48000" codecs="avc1.64001e" width="320" height="180" frameRate="25"/>
             </AdaptationSet></Period></MPD>"#
        );
        fs::write(&path, manifest).unwrap();
        let (said, status) = check(&[path.to_str().unwrap()]);
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains("unreadable"), "{said}");
        assert!(said.len() < 10_000, "{}", said.len());
    }
}

/// Short text has the sync byte of transport packets somewhere, too.
#[test]
fn a_playlist_with_words_before_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x");
    let text = "# A playlist that Goes on\n#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=240000\nmedia.m3u8\n# Good Grief\n";
    fs::write(&path, text.repeat(3)).unwrap();
    let (said, status) = check(&[path.to_str().unwrap()]);
    assert_eq!(status, Some(1));
    assert!(said.contains("EXTM3U: has to be the first line"), "{said}");
}
