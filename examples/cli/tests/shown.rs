//! What players show, in every format: turned pictures as they are to be seen, and of a cut the same pictures, from a keyframe on.

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use support::fluvial;

/// Everything that takes H.264, and how it is asked for.
const OUTPUTS: [(&str, &[&str]); 9] = [
    ("x.mp4", &[]),
    ("y.mp4", &["--fragmented"]),
    ("x.ts", &[]),
    ("x.flv", &[]),
    ("x.mpg", &[]),
    ("x.m3u8", &[]),
    ("y.m3u8", &["--segments", "ts"]),
    ("x.mpd", &[]),
    ("x.h264", &[]),
];

/// Three seconds of pictures and sound.
fn source(folder: &Path) -> Option<String> {
    let path = folder.join("source.mp4").display().to_string();
    let args = format!(
        "-v error -f lavfi -i testsrc2=s=128x96:r=25 -f lavfi -i sine=r=48000 -t 3 -c:v libx264 -g 25 -bf 2 -c:a aac {path}"
    );
    testing::run("ffmpeg", &args, &[])?;
    Some(path)
}

/// What `remux` says on standard error.
fn said(args: &[&str]) -> String {
    let output = fluvial(&[&["remux"], args].concat());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

/// The sums of the pictures that ffmpeg decodes.
fn frames(path: &str) -> Vec<String> {
    let args = format!("-v error -i {path} -map 0:v -vsync passthrough -f framemd5 -");
    let lines = testing::csv("ffmpeg", &args, b"").unwrap().into_iter();
    let lines = lines.filter(|line| !line[0].starts_with('#'));
    lines.filter_map(|mut line| line.pop()).collect()
}

#[test]
fn pictures_that_are_turned_stay_so() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let turned = at("turned.mp4");
    let make = format!("-v error -i {source} -c copy -metadata:s:v:0 rotate=90 {turned}");
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    // ffmpeg turns what it decodes.
    let wanted = frames(&turned);
    assert!(wanted.len() == 75 && wanted != frames(&source));
    let fragments = at("fragments.mp4");
    assert_eq!(said(&["--fragmented", &turned, &fragments]), "");
    assert!(frames(&fragments) == wanted);
    for between in [&turned, &fragments, &at("x.m3u8"), &at("x.mpd")] {
        if !Path::new(between).exists() {
            assert_eq!(said(&[&turned, between]), "");
        }
        let back = at("back.mp4");
        assert_eq!(said(&[between, &back]), "");
        assert!(frames(&back) == wanted, "{between}");
    }
    // As it comes.
    let piped = at("piped.mp4");
    let mut child = Command::new(env!("CARGO_BIN_EXE_fluvial"))
        .args(["remux", "-", &piped])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let data = fs::read(&fragments).unwrap();
    child.stdin.take().unwrap().write_all(&data).unwrap();
    assert!(testing::wait(child).status.success());
    assert!(frames(&piped) == wanted);
    for other in ["x.ts", "x.mpg", "x.flv"] {
        let told = said(&[&turned, &at(other)]);
        assert!(
            told.contains("turned or mirrored, which"),
            "{other}: {told}"
        );
    }
}

/// An edit list that begins in the midst of pictures: those before are decoded, and not shown.
#[test]
fn what_an_edit_list_hides_stays_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let cut = at("cut.mp4");
    let make = format!("-v error -ss 1.5 -i {source} -c copy -metadata title=Cut {cut}");
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    let (all, wanted) = (frames(&source), frames(&cut));
    assert!((35..=40).contains(&wanted.len()), "{}", wanted.len());
    assert!(all.ends_with(&wanted));
    let copy = at("copy.mp4");
    assert_eq!(said(&[&cut, &copy]), "");
    assert!(frames(&copy) == wanted);
    let mended = at("mended.mp4");
    assert!(fluvial(&["repair", &cut, &mended]).status.success());
    assert!(frames(&mended) == wanted);
    // Of a segment, what is hidden is no part.
    let list = at("x.mpd");
    assert_eq!(said(&[&cut, &list]), "");
    let checked = fluvial(&["check", &list]).stdout;
    let clean = "dash: 0 errors, 0 warnings\n";
    assert_eq!(String::from_utf8_lossy(&checked), clean);
    let args =
        format!("-v error -show_entries stream=start_time:format_tags=title -of csv=p=0 {copy}");
    let told = testing::csv("ffprobe", &args, b"").unwrap();
    assert_eq!(told[0][0].parse(), Ok(0.0), "{told:?}");
    assert!(told[1][0].parse::<f64>().unwrap() < 0.03, "{told:?}");
    assert_eq!(told[2], ["Cut"], "what the file says of itself");
}

/// An edit list that ends in the midst of pictures: those behind are shown in no format.
#[test]
fn what_an_edit_list_hides_at_the_end_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    // Of the first track, the pictures, 2.2 of 3 seconds.
    let mut data = fs::read(&source).unwrap();
    let edits = data.windows(4).position(|name| name == b"elst").unwrap();
    assert_eq!(
        data[edits + 4..edits + 16],
        [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x0B, 0xB8]
    );
    data[edits + 12..edits + 16].copy_from_slice(&2200_u32.to_be_bytes());
    let cut = at("cut.mp4");
    fs::write(&cut, data).unwrap();
    let (all, wanted) = (frames(&source), frames(&cut));
    assert!(wanted.len() == 55 && all.starts_with(&wanted));
    for (name, options) in [
        ("x.mp4", &[][..]),
        ("y.mp4", &["--fragmented"]),
        ("x.ts", &[]),
        ("x.flv", &[]),
        ("x.mpg", &[]),
        ("x.m3u8", &[]),
    ] {
        let copy = at(name);
        assert_eq!(said(&[options, &[&cut, &copy]].concat()), "");
        // B-frames that are shown may need one or two pictures more.
        let shown = frames(&copy);
        assert!((55..=57).contains(&shown.len()), "{name}: {}", shown.len());
        assert!(all.starts_with(&shown), "{name}");
    }
}

/// The same file with these edits in all tracks: how many seconds, and from which one on; `None`: nothing.
fn with_edits(file: &[u8], edits: &[(f64, Option<f64>)]) -> Vec<u8> {
    let mut data = file.to_vec();
    let find = |data: &[u8], name: &[u8; 4], from: usize| {
        let at = data[from..].windows(4).position(|four| four == name);
        at.map(|at| from + at)
    };
    let int = |data: &[u8], at: usize| u32::from_be_bytes(data[at..at + 4].try_into().unwrap());
    let moov = find(&data, b"moov", 0).unwrap();
    let scale = f64::from(int(&data, find(&data, b"mvhd", moov).unwrap() + 16));
    let next = |trak: &usize| find(file, b"trak", *trak + 1);
    let traks: Vec<_> = std::iter::successors(find(file, b"trak", moov), next).collect();
    for trak in traks.into_iter().rev() {
        let edts = find(&data, b"edts", trak).unwrap();
        let elst = find(&data, b"elst", trak).unwrap();
        let ticks = f64::from(int(&data, find(&data, b"mdhd", trak).unwrap() + 16));
        assert_eq!(int(&data, elst + 8), 1, "edits");
        let first = int(&data, elst + 16);
        let entries = edits.iter().flat_map(|(length, from)| {
            let from = from.map_or(u32::MAX, |from| first + (from * ticks) as u32);
            [(length * scale) as u32, from, 1 << 16]
        });
        let entries: Vec<u8> = entries.flat_map(u32::to_be_bytes).collect();
        let more = u32::try_from(entries.len() - 12).unwrap();
        data.splice(elst + 12..elst + 24, entries);
        let count = u32::try_from(edits.len()).unwrap();
        data[elst + 8..elst + 12].copy_from_slice(&count.to_be_bytes());
        for container in [moov, trak, edts, elst] {
            let size = int(&data, container - 4) + more;
            data[container - 4..container].copy_from_slice(&size.to_be_bytes());
        }
    }
    data
}

/// Each of them shows what it names, in its own time and no more; what is decoded before that, formats that cannot hide it show.
#[test]
fn edits_one_after_the_other_show_what_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let long = at("long.mp4");
    let make = format!(
        "-v error -f lavfi -i testsrc2=s=128x96:r=25 -f lavfi -i sine=r=48000 -t 6 -c:v libx264 -g 25 -bf 3 -c:a aac {long}"
    );
    if testing::run("ffmpeg", &make, b"").is_none() {
        return;
    }
    let file = fs::read(&long).unwrap();
    // Whatever lies close together is given, too.
    let frames = |path: &str| support::clip::frames(Path::new(path));
    let all = frames(&long);
    // How many pictures are decoded for the later ones, and how many after each end for B-pictures before it.
    for (name, edits, before, behind) in [
        ("two", &[(1.0, Some(1.0)), (1.0, Some(4.0))][..], 0, 0),
        (
            "late",
            &[
                (0.48, None),
                (1.0, Some(1.0)),
                (0.8, None),
                (1.0, Some(3.0)),
            ],
            0,
            0,
        ),
        ("back", &[(1.0, Some(4.0)), (1.0, Some(1.0))], 0, 0),
        (
            "again",
            &[(1.2, Some(1.0)), (1.2, Some(1.0)), (1.0, Some(3.0))],
            0,
            2,
        ),
        ("within", &[(1.0, Some(1.0)), (1.0, Some(4.2))], 5, 0),
    ] {
        let cut = at("cut.mp4");
        fs::write(&cut, with_edits(&file, edits)).unwrap();
        // ffmpeg itself shows something in an empty edit behind another one.
        let picture = |time: f64| (time * 25.0).round() as usize;
        let shown = edits.iter().filter_map(|(length, from)| {
            let from = picture((*from)?);
            Some(&all[from..from + picture(*length)])
        });
        let wanted = shown.collect::<Vec<_>>().concat();
        for (to, options) in [
            ("x.ts", &[][..]),
            ("x.mp4", &[]),
            ("y.mp4", &["--fragmented"]),
            ("x.flv", &[]),
            ("x.m3u8", &[]),
            ("x.mpd", &[]),
        ] {
            let copy = at(to);
            assert_eq!(said(&[options, &[&cut, &copy]].concat()), "", "{name} {to}");
            let shown = frames(&copy);
            let mut given = shown.iter();
            assert!(
                wanted.iter().all(|one| given.any(|other| one == other)),
                "{name} {to}"
            );
            let more = shown.len() - wanted.len();
            assert!(
                more <= before + behind * edits.len(),
                "{name} {to}: {more} more"
            );
            // Decoding times go on, and no picture is decoded after it is shown.
            let lines = fluvial(&["probe", "--samples", &copy]).stdout;
            let lines = String::from_utf8(lines).unwrap();
            let times = lines.lines().map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                ["track", "dts", "pts"].map(|name| line[name].as_i64().unwrap())
            });
            let mut last = std::collections::HashMap::new();
            for [track, dts, pts] in times {
                let last = last.insert(track, dts);
                assert!(last.is_none_or(|last| last < dts), "{name} {to}: {dts}");
                assert!(dts <= pts, "{name} {to}: {dts} {pts}");
            }
        }
    }
}

#[test]
fn cuts_have_the_same_pictures_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    let all = frames(&source);
    for (name, options) in OUTPUTS {
        let cut = at(name);
        let span = ["--from", "1.3", "--to", "2.5"];
        let quiet = said(&[&span[..], options, &[&source, &cut]].concat());
        assert!(quiet.is_empty() || name == "x.h264", "{name}: {quiet}");
        // From the keyframe at one second on, up to 2.5 s and what the last B-frames before that need: two more pictures at most.
        let cut = frames(&cut);
        assert!((38..=40).contains(&cut.len()), "{name}: {}", cut.len());
        assert!(cut == all[25..25 + cut.len()], "{name}");
    }
    // Times count from the start, wherever the clock is then; here it starts anew after a second and a half.
    let wrap = at("wrap.ts");
    let make = format!("-v error -i {source} -c copy -muxdelay 0 -output_ts_offset 95442.2 {wrap}");
    assert!(testing::run("ffmpeg", &make, b"").is_some());
    for (span, from) in [
        (&["--from", "1.3", "--to", "2.5"][..], 25),
        (&["--to", "1.5"], 0),
    ] {
        let cut = at("wrap.mp4");
        assert_eq!(said(&[span, &[&wrap, &cut]].concat()), "");
        let cut = frames(&cut);
        assert!((37..=40).contains(&cut.len()), "{}", cut.len());
        assert!(cut == all[from..from + cut.len()]);
    }
}

/// Streams whose picture parameter sets change between pictures that are no keyframes.
#[test]
fn pictures_with_parameter_sets_of_their_own_stay() {
    let Some(corpus) = testing::corpus("h264/lu-zero-fate-samples/FRext") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let source = corpus.join("FRExt3_Panasonic.avc").display().to_string();
    let sums = format!("-v error -i {source} -map 0:v -f framemd5 -");
    if testing::run("ffmpeg", &sums, b"").is_none() {
        return;
    }
    let all = frames(&source);
    assert_eq!(all.len(), 11);
    for (name, options) in OUTPUTS {
        let out = at(name);
        said(&[options, &[&source, &out]].concat());
        assert!(frames(&out) == all, "{name}");
    }
}

#[test]
fn pictures_that_change_their_size_are_in_one_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let codecs = [
        ("libx264 -bf 2", "h264"),
        ("libx265 -x265-params log-level=none", "h265"),
        ("mpeg2video -bf 2", "m2v"),
    ];
    for (codec, raw) in codecs {
        let format = match raw {
            "h265" => "hevc",
            "m2v" => "mpeg2video",
            raw => raw,
        };
        let mut joined = Vec::new();
        for size in ["128x96", "64x48", "128x96"] {
            let args = format!(
                "-v error -f lavfi -i testsrc2=s={size}:r=25 -t 1 -c:v {codec} -f {format} -"
            );
            let Some(piece) = testing::run("ffmpeg", &args, b"") else {
                return;
            };
            joined.extend(piece);
        }
        let source = at(&format!("source.{raw}"));
        fs::write(&source, joined).unwrap();
        let all = frames(&source);
        // Decoders may drop the last pictures of another size, as that of H.265 does.
        assert!(all.len() > 70, "{raw}: {}", all.len());
        let outputs = [
            ("x.mp4", &[][..]),
            ("y.mp4", &["--fragmented"]),
            ("x.ts", &[]),
            ("x.flv", &[]),
        ];
        for (name, options) in outputs {
            // ffmpeg 5.1 reads no other kind there.
            if name == "x.flv" && raw != "h264" {
                continue;
            }
            let out = at(name);
            assert_eq!(said(&[options, &[&source, &out]].concat()), "");
            assert!(frames(&out) == all, "{raw} in {name}");
            // There are no rules for FLV.
            if name != "x.flv" {
                assert!(fluvial(&["check", &out]).status.success(), "{name}");
            }
        }
    }
}

#[test]
fn what_lasts_from_one_track_s_start_to_another_s_end_is_the_duration() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let Some(source) = source(folder.path()) else {
        return;
    };
    // Sound from 2 to 5 s, pictures from 0 to 3 s.
    for name in ["late.mp4", "late.ts", "late.flv"] {
        let make = format!(
            "-v error -i {source} -itsoffset 2 -i {source} -map 0:v -map 1:a -c copy {}",
            at(name)
        );
        assert!(testing::run("ffmpeg", &make, b"").is_some());
        let report: serde_json::Value =
            serde_json::from_slice(&support::works(&["probe", "--json", &at(name)])).unwrap();
        let duration = report["duration"].as_f64().unwrap();
        assert!((duration - 5.0).abs() < 0.1, "{name}: {duration}");
        for track in report["tracks"].as_array().unwrap() {
            let duration = track["duration"].as_f64().unwrap();
            assert!((duration - 3.0).abs() < 0.1, "{name}: {track}");
        }
    }
}
