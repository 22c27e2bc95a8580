//! Cues, captions and timed metadata through `remux`: kept where the output has a place for them, left out aloud elsewhere.

mod support;

use mpegts::scte35::{
    BreakDuration, SpliceCommand, SpliceEvent, SpliceInfoSection, SpliceInsert, SpliceTime,
    SpliceTimes, SpliceWhen,
};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{fluvial, works};

/// Three seconds of pictures and sound.
fn source(folder: &Path) -> Option<String> {
    let path = folder.join("source.mp4").display().to_string();
    let args = format!(
        "-v error -f lavfi -i testsrc2=s=128x96:r=25 -f lavfi -i sine=r=48000 -t 3 -c:v libx264 -g 25 -c:a aac {path}"
    );
    testing::run("ffmpeg", &args, &[])?;
    Some(path)
}

/// The lines of `probe --samples` of the tracks with these codecs: times in seconds, sizes.
fn samples(path: &str, codec: &str) -> Vec<(f64, u64)> {
    let json = works(&["probe", "--json", path]);
    let told: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let tracks = told["tracks"].as_array().unwrap();
    let track = tracks.iter().find(|track| track["codec"] == codec);
    let Some(track) = track else {
        return Vec::new();
    };
    let scale = track["timescale"].as_f64().unwrap();
    let lines = String::from_utf8(works(&["probe", "--samples", path])).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines
        .filter(|line| line["track"] == track["id"])
        .map(|line| {
            let time = line["pts"].as_f64().unwrap() / scale;
            (time, line["size"].as_u64().unwrap())
        })
        .collect()
}

/// What `remux` says on standard error.
fn said(args: &[&str]) -> String {
    let output = fluvial(&[&["remux"], args].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

/// Packets of a stream, as ffprobe sees them: times, sizes and what is in them.
fn packets(path: &str, which: &str) -> Vec<Vec<String>> {
    let args = format!(
        "-v error -select_streams {which} -show_data_hash md5 -show_entries packet=pts_time,size,data_hash -of csv=p=0 {path}"
    );
    testing::csv("ffprobe", &args, b"").unwrap()
}

/// They refer to places in the file in which they are.
#[test]
fn hint_tracks_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let make = format!(
        "-v error -i {source} -c copy -movflags rtphint {}",
        at("hints.mp4")
    );
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    for (out, options) in [("x.mp4", &[][..]), ("y.mp4", &["--fragmented"])] {
        let said = said(&[options, &[&at("hints.mp4"), &at(out)]].concat());
        assert!(
            said.contains("rtp , is left out") && said.lines().count() == 2,
            "{said}"
        );
        let checked = fluvial(&["check", &at(out)]);
        let told = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(told, "mp4: 0 errors, 0 warnings\n");
    }
}

#[test]
fn captions_go_from_mp4_to_fragments_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let srt = "1\n00:00:00,500 --> 00:00:01,200\nOne\n\n2\n00:00:01,500 --> 00:00:02,800\nTwo <i>and</i> three\n";
    fs::write(at("a.srt"), srt).unwrap();
    let make = format!(
        "-v error -i {source} -i {} -map 0 -map 1 -c copy -c:s mov_text {}",
        at("a.srt"),
        at("tx3g.mp4")
    );
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    let mut files = vec![("tx3g.mp4", "tx3g")];
    let make = format!("-v error -i {} {}", at("a.srt"), at("a.vtt"));
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    let text = |format: &str, out: &str| {
        format!(
            "in={},stream=text,format={format},output={}",
            at("a.vtt"),
            at(out)
        )
    };
    // One that has captions only.
    let args = [text("mp4", "wvtt.mp4"), text("ttml+mp4", "stpp.mp4")];
    if testing::shaka_packager(&args).is_some() {
        files.extend([("wvtt.mp4", "wvtt"), ("stpp.mp4", "stpp.ttml.im1t")]);
    }
    for (file, codec) in files {
        let file = at(file);
        let (fragments, back) = (at("fragments.mp4"), at("back.mp4"));
        assert_eq!(said(&["--fragmented", &file, &fragments]), "", "{codec}");
        assert_eq!(said(&[&fragments, &back]), "", "{codec}");
        let wanted = samples(&file, codec);
        assert!(!wanted.is_empty(), "{codec}");
        assert_eq!(samples(&fragments, codec), wanted);
        assert_eq!(samples(&back, codec), wanted);
        let hashes = |path: &str| -> Vec<String> {
            let packets = packets(path, "s").into_iter();
            packets.filter_map(|mut packet| packet.pop()).collect()
        };
        assert_eq!(hashes(&back), hashes(&file), "{codec}");
        // In a manifest each track has segments of its own.
        let (list, again) = (at("list.mpd"), at("again.mp4"));
        let short = ["--segment-duration", "1"];
        assert_eq!(said(&[&short[..], &[&file, &list]].concat()), "", "{codec}");
        assert_eq!(said(&[&list, &again]), "", "{codec}");
        assert_eq!(samples(&again, codec), wanted, "{codec}");
        // A caption lasts until after its segment, and the next one has none.
        for path in [&fragments, &back, &list] {
            let checked = fluvial(&["check", path]);
            let told = String::from_utf8_lossy(&checked.stdout).into_owned();
            assert!(
                told.ends_with(": 0 errors, 0 warnings\n"),
                "{codec}: {told}"
            );
        }
        if codec == "tx3g" {
            for other in ["x.ts", "x.m2ts", "x.mpg", "x.flv"] {
                let said = said(&[&file, &at(other)]);
                assert_eq!(said, "warning: track 3, tx3g, is left out\n", "{other}");
            }
        } else {
            // Nothing else is there.
            let output = fluvial(&["remux", &file, &at("y.ts")]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(
                !output.status.success() && said.contains("cannot carry"),
                "{said}"
            );
        }
    }
}

#[test]
fn timecodes_are_left_out_of_manifests() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let (file, list) = (at("code.mov"), at("x.mpd"));
    let make = format!("-v error -i {source} -c copy -timecode 01:00:00:00 {file}");
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    assert_eq!(
        said(&[&file, &list]),
        "warning: track 3, tmcd, is left out\n"
    );
    assert!(fluvial(&["check", &list]).status.success());
}

/// An event as a box, written by hand (ISO/IEC 23009-1 §5.10.3.3, version 1, milliseconds).
fn emsg(scheme: &str, time: u64, message: &[u8]) -> Vec<u8> {
    let body = [
        &[1, 0, 0, 0][..],
        &1000_u32.to_be_bytes(),
        &time.to_be_bytes(),
        &u32::MAX.to_be_bytes(),
        &1_u32.to_be_bytes(),
        scheme.as_bytes(),
        &[0, 0],
        message,
    ]
    .concat();
    let size = u32::try_from(8 + body.len()).unwrap();
    [&size.to_be_bytes()[..], b"emsg", &body].concat()
}

/// Puts boxes before the fragments with these numbers.
fn insert(file: &[u8], boxes: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let (mut out, mut rest, mut fragment) = (Vec::new(), file, 0);
    while let Some(size) = rest.first_chunk::<4>() {
        if &rest[4..8] == b"moof" {
            let here = boxes.iter().filter(|(number, _)| *number == fragment);
            here.for_each(|(_, data)| out.extend(data));
            fragment += 1;
        }
        let (this, next) = rest.split_at(u32::from_be_bytes(*size) as usize);
        out.extend(this);
        rest = next;
    }
    out
}

/// The same in fragments by ffmpeg, which nobody here wrote.
fn in_fragments(source: &str, to: String) -> String {
    let make = format!(
        "-v error -i {source} -c copy -movflags frag_keyframe+empty_moov+default_base_moof {to}"
    );
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    to
}

#[test]
fn metadata_among_fragments_goes_to_transport_streams_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let plain = in_fragments(&source, at("plain.mp4"));
    // Splice null, with its checksum; a tag without frames; a key of 16 bytes with one byte.
    let splice = [
        0xFC, 0x30, 0x11, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0x4F, 0x25, 0x33, 0x96,
    ];
    let tag = b"ID3\x04\0\0\0\0\0\x0A0123456789";
    let klv = b"\x06\x0E\x2B\x34\x02\x0B\x01\x01\x0E\x01\x03\x01\x01\0\0\0\x01\x7F";
    let boxes = [
        (1, emsg("https://aomedia.org/emsg/ID3", 1500, tag)),
        (1, emsg("urn:scte:scte35:2013:bin", 1200, &splice)),
        (2, emsg("urn:misb:KLV:bin:1910.1", 2250, klv)),
        (2, emsg("urn:example:unknown", 2500, b"?")),
    ];
    let file = at("events.mp4");
    fs::write(&file, insert(&fs::read(&plain).unwrap(), &boxes)).unwrap();
    let wanted = [
        ("id3 ", "timed_id3", 1.5, tag.len()),
        ("scte", "scte_35", 1.2, splice.len()),
        ("klva", "klv", 2.25, klv.len()),
    ];
    let start = |path: &str| {
        let first = samples(path, "avc1.64000A").first().copied();
        first.unwrap().0
    };
    let begins = start(&file);
    let keeps = |path: &str| {
        let shift = start(path) - begins;
        for (codec, _, time, size) in wanted {
            let found = samples(path, codec);
            assert_eq!(found.len(), 1, "{path}, {codec}");
            let (at, len) = found[0];
            // A section has no time of its own: a demuxer takes that of the clock, which is told every 40 ms.
            let within = if codec == "scte" { 0.2 } else { 0.001 };
            assert!(
                (at - shift - time).abs() < within && len == size as u64,
                "{path}, {codec}: {found:?}"
            );
        }
    };
    keeps(&file);
    let (ts, m2ts, again, tables) = (at("x.ts"), at("x.m2ts"), at("again.mp4"), at("tables.mp4"));
    for (from, to, more) in [
        (&file, &ts, &[][..]),
        (&ts, &m2ts, &[]),
        (&m2ts, &again, &["--fragmented"]),
        (&again, &tables, &[]),
        (&tables, &ts, &[]),
    ] {
        assert_eq!(said(&[&[&from[..], &to[..]], more].concat()), "");
        keeps(to);
        let checked = fluvial(&["check", to]);
        assert!(checked.status.success(), "{to}: {checked:?}");
    }
    // What others see in the stream.
    let args =
        format!("-v error -select_streams d -show_entries stream=codec_name -of csv=p=0 {ts}");
    let mut names: Vec<_> = testing::csv("ffprobe", &args, b"")
        .unwrap()
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .collect();
    names.sort();
    names.dedup();
    let mut theirs: Vec<_> = wanted.iter().map(|(_, name, ..)| *name).collect();
    theirs.sort_unstable();
    assert_eq!(names, theirs);
    // Out of a pipe nobody can look ahead; a recording takes what comes.
    for other in ["x.flv", "x.mpg"] {
        let said = said(&[&file, &at(other)]);
        assert_eq!(said.matches("is left out").count(), 3, "{other}: {said}");
    }
}

/// Away from the programme at a time of 90 kHz, for a second.
fn splice_insert(pts_time: u64) -> Vec<u8> {
    let times = SpliceTimes::Program(SpliceTime {
        pts_time: Some(pts_time),
    });
    let event = SpliceEvent {
        out_of_network_indicator: true,
        when: SpliceWhen {
            event_id_compliance_flag: true,
            times,
        },
        break_duration: Some(BreakDuration {
            auto_return: true,
            duration: 90_000,
        }),
        unique_program_id: 1,
        avail_num: 0,
        avails_expected: 0,
    };
    let insert = SpliceInsert {
        splice_event_id: 7,
        event: Some(event),
    };
    let mut section = Vec::new();
    let whole = SpliceInfoSection::new(SpliceCommand::Insert(insert), Vec::new());
    whole.encode(&mut section).unwrap();
    section
}

#[test]
fn splices_are_told_at_their_own_times() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let plain = in_fragments(&source, at("plain.mp4"));
    // Told twice, 1.8 s and 1 s before it is to be done.
    let cue = splice_insert(180_000);
    let boxes: Vec<_> = [(0, 200), (1, 1000)]
        .into_iter()
        .map(|(fragment, time)| (fragment, emsg("urn:scte:scte35:2013:bin", time, &cue)))
        .collect();
    let file = at("cued.mp4");
    fs::write(&file, insert(&fs::read(&plain).unwrap(), &boxes)).unwrap();
    // In a transport stream, all times are later: the cue's are by its `pts_adjustment`.
    let ts = at("cued.ts");
    assert_eq!(said(&[&file, &ts]), "");
    for from in [&file, &ts] {
        for segments in ["mp4", "ts"] {
            let list = at("x.m3u8");
            let options = ["--segments", segments, "--segment-duration", "1"];
            assert_eq!(said(&[&options[..], &[from, &list]].concat()), "");
            let text = fs::read_to_string(&list).unwrap();
            let tags = ["#EXTINF", "#EXT-X-CUE-OUT", "#EXT-X-CUE-IN"];
            let lines: Vec<_> = text
                .lines()
                .filter_map(|line| line.split([':', ',']).next())
                .filter(|line| tags.contains(line))
                .collect();
            let wanted = ["#EXTINF", "#EXTINF", "#EXT-X-CUE-OUT", "#EXTINF"];
            assert_eq!(lines, wanted, "{from} in {segments}: {text}");
        }
        let manifest = at("x.mpd");
        assert_eq!(said(&[from, &manifest]), "");
        let text = fs::read_to_string(&manifest).unwrap();
        let told = |name: &str, text: &str| -> Option<f64> {
            let value = text.split(&format!("{name}=\"")).nth(1)?;
            value.split('"').next()?.parse().ok()
        };
        let stream = text.split("<EventStream").nth(1).unwrap();
        let scale = told("timescale", stream).unwrap_or(1.0);
        let offset = told("presentationTimeOffset", stream).unwrap_or(0.0);
        let time = told("presentationTime", stream.split("<Event ").nth(1).unwrap()).unwrap();
        let seconds = (time - offset) / scale;
        // Manifests of transport streams begin with the first picture, which comes two pictures after the first sound.
        let wanted = if *from == ts { 1.92 } else { 2.0 };
        assert!((seconds - wanted).abs() < 0.01, "{from}: {text}");
    }
}

#[test]
fn metadata_of_transport_streams_stays() {
    let files = [
        ("mpegts/shaka-project-shaka-player/id3-metadata.ts", "id3 "),
        ("mpegts/androidx-media/media/ts/sample_scte35.ts", "scte"),
    ];
    for (file, codec) in files {
        let Some(file) = testing::corpus(file) else {
            return;
        };
        let file = file.to_str().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let wanted = samples(file, codec);
        assert!(wanted.len() > 1);
        let sizes = |path: &str| -> Vec<u64> {
            let found = samples(path, codec).into_iter();
            found.map(|(_, size)| size).collect()
        };
        let steps = |path: &str| -> Vec<i64> {
            let found = samples(path, codec);
            let steps = found.windows(2);
            steps
                .map(|pair| ((pair[1].0 - pair[0].0) * 1e3).round() as i64)
                .collect()
        };
        for (name, more) in [
            ("x.ts", &[][..]),
            ("x.mp4", &["--fragmented"]),
            ("y.mp4", &[]),
        ] {
            let out = at(name);
            assert_eq!(
                said(&[&[file, &out], more].concat()),
                "",
                "{file} to {name}"
            );
            assert_eq!(
                (sizes(&out), steps(&out)),
                (sizes(file), steps(file)),
                "{file} to {name}"
            );
        }
    }
}

#[test]
fn nothing_is_made_of_no_samples() {
    let folder = tempfile::tempdir().unwrap();
    let Some(source) = source(folder.path()) else {
        return;
    };
    for (name, cut) in [
        ("late.ts", &["--from", "100"][..]),
        ("late.mp4", &["--from", "100", "--fragmented"]),
    ] {
        let out = folder.path().join(name);
        let output = fluvial(&[&["remux", &source, out.to_str().unwrap()], cut].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(said.contains("no samples between"), "{name}: {said}");
        assert!(!out.exists(), "{name}");
    }
}

#[test]
fn flv_of_a_single_key_frame_is_read_without_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let out = folder.path().join("one.flv").display().to_string();
    works(&["remux", "--to", "0.9", &source, &out]);
    let read = format!("-v warning -i {out} -c copy -f null -");
    let output = testing::output(
        std::process::Command::new("ffmpeg").args(read.split_whitespace()),
        b"",
    )
    .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn a_file_on_standard_input_is_read_wherever_its_tables_are() {
    let folder = tempfile::tempdir().unwrap();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let wanted = works(&["probe", "--json", &source]);
    let probe = |stdin: Stdio| {
        let mut tool = Command::new(support::FLUVIAL);
        tool.args(["probe", "--json", "-"]).stdin(stdin);
        tool.stdout(Stdio::piped()).stderr(Stdio::piped());
        tool.spawn().unwrap()
    };
    let file = fs::File::open(&source).unwrap();
    let output = testing::wait(probe(file.into()));
    assert!(output.status.success() && output.stderr.is_empty());
    assert_eq!(output.stdout, wanted);
    // Of a pipe, what has gone by cannot be read again.
    let mut tool = probe(Stdio::piped());
    let mut pipe = tool.stdin.take().unwrap();
    let data = fs::read(&source).unwrap();
    // It may have given up before.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&data)));
    let output = testing::wait(tool);
    writer.join().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("of a file, any place can be read"), "{said}");
}
