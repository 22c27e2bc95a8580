//! Files that are cut off, flipped, thinned out, or lie about themselves: `probe`, `remux`, `check` and `repair` end, say what was lost
//! where something was, and map no more memory than for a good one.
#![cfg(unix)]

mod support;

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use support::FLUVIAL;
use testing::Random;

/// KiB that a process may map, programs and reserves included.
const LIMIT: u32 = 300 << 10;
/// Seconds after which it hangs.
const PATIENCE: u32 = 120;

/// A damaged file, and what was done to it.
struct Case {
    what: String,
    format: &'static str,
    data: Vec<u8>,
    /// Whether samples are lost for certain, so that a warning has to say so.
    is_lossy: bool,
}

fn limited(args: &[&str]) -> Output {
    let script = format!("ulimit -v {LIMIT}; exec timeout {PATIENCE} \"$0\" \"$@\"");
    let mut command = Command::new("sh");
    command.args(["-c", &script, FLUVIAL]).args(args);
    testing::output(&mut command, b"").unwrap()
}

/// Runs the tool on a file in every way.
fn survive(case: &Case, path: &Path) {
    let file = path.to_str().unwrap();
    let beside = |ending: &str| path.with_extension(ending).to_str().unwrap().to_owned();
    let other = if case.format == "mp4" { "ts" } else { "mp4" };
    let (same, other) = (
        beside(&format!("out.{}", case.format)),
        beside(&format!("out.{other}")),
    );
    let mended = beside("mended.mp4");
    let mut runs = vec![
        vec!["probe", "--json", file],
        vec!["remux", file, &other],
        vec!["remux", file, &same],
        vec!["check", file],
    ];
    if case.format == "mp4" {
        runs.push(vec!["repair", file, &mended]);
    }
    for args in &runs {
        let output = limited(args);
        let said = String::from_utf8_lossy(&output.stderr);
        // Neither a panic (101), nor a signal, nor the end of patience (124).
        assert!(
            matches!(output.status.code(), Some(0 | 1)) && !said.contains("panicked"),
            "{}: {args:?}: {}: {said}",
            case.what,
            output.status
        );
        // Whatever it refuses, it says why.
        let is_told = !said.trim().is_empty() || args[0] == "check";
        assert!(
            output.status.success() || is_told,
            "{}: {args:?}",
            case.what
        );
        if args[0] == "probe" && output.status.success() {
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            let warnings = told["warnings"].as_array().unwrap();
            assert!(
                !case.is_lossy || !warnings.is_empty(),
                "{}: nothing is told of what was lost",
                case.what
            );
        }
    }
    for path in [&same, &other, &mended] {
        let _ = std::fs::remove_file(path);
    }
}

/// Boxes of an MP4, those within others too: where, and which.
fn boxes(file: &[u8], from: usize, to: usize, found: &mut Vec<(usize, [u8; 4])>) {
    const CONTAINERS: [&[u8; 4]; 10] = [
        b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex", b"dinf",
    ];
    let mut at = from;
    while at + 8 <= to {
        let size = u32::from_be_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let name: [u8; 4] = file[at + 4..at + 8].try_into().unwrap();
        if size < 8 {
            return;
        }
        found.push((at, name));
        if CONTAINERS.contains(&&name) {
            boxes(file, at + 8, to.min(at + size), found);
        }
        at += size;
    }
}

/// The file with other bytes at a place.
fn put(file: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut bad = file.to_vec();
    bad[at..at + bytes.len()].copy_from_slice(bytes);
    bad
}

fn boxed(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes()[..], name, body].concat()
}

/// What is said about a file that only its format can say: sizes, numbers of entries, places, depths.
fn lies(format: &'static str, file: &[u8], random: &mut Random) -> Vec<(String, Vec<u8>)> {
    let mut lies = Vec::new();
    match format {
        "mp4" => {
            let mut found = Vec::new();
            boxes(file, 0, file.len(), &mut found);
            for (at, name) in &found {
                let what = |lie: &str| format!("{} {lie}", String::from_utf8_lossy(name));
                let size = [0, 1, 7, u32::MAX][random.below(4)];
                lies.push((what("of another size"), put(file, *at, &size.to_be_bytes())));
                match name {
                    b"mdat" | b"moov" | b"moof" => {
                        let largest = [&1u32.to_be_bytes()[..], name, &[0xFF; 8]].concat();
                        lies.push((what("of 2^64 bytes"), put(file, *at, &largest)));
                    }
                    b"stts" | b"ctts" | b"stsc" | b"stss" | b"stsd" | b"trun" | b"elst" => {
                        lies.push((what("of 2^32 entries"), put(file, at + 12, &[0xFF; 4])));
                    }
                    b"stco" => {
                        lies.push((what("of 2^32 entries"), put(file, at + 12, &[0xFF; 4])));
                        // All chunks are the table itself.
                        let entries = file[at + 15] as usize;
                        let own = u32::try_from(*at).unwrap().to_be_bytes().repeat(entries);
                        lies.push((what("that names itself"), put(file, at + 16, &own)));
                    }
                    b"stsz" => {
                        let each = [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF];
                        lies.push((what("of 2^32 bytes"), put(file, at + 12, &each)));
                        lies.push((what("of 2^64 bytes"), put(file, at + 12, &[0xFF; 8])));
                    }
                    _ => {}
                }
            }
            for outer in [b"moov", b"moof", b"meta"] {
                let mut bomb = Vec::new();
                for _ in 0..10_000 {
                    bomb = boxed(b"trak", &bomb);
                }
                let data = [boxed(b"ftyp", b"isom\0\0\0\0"), boxed(outer, &bomb)].concat();
                lies.push(("boxes in boxes".into(), data));
            }
        }
        "ts" => {
            for lie in [0, 183, 255] {
                // An adaptation field of that length in a packet of any stream.
                let at = random.below(file.len() / 188) * 188 + 3;
                let bad = put(file, at, &[file[at] | 0x30, lie]);
                lies.push((format!("an adaptation field of {lie} bytes"), bad));
            }
            let pes = (0..file.len() / 188).map(|packet| packet * 188);
            let pes = pes.filter(|at| file[at + 4..at + 7] == [0, 0, 1]);
            for (n, at) in pes.enumerate().take(6) {
                let length = [0u16, 1, u16::MAX][n % 3].to_be_bytes();
                lies.push((
                    "a PES packet of another length".into(),
                    put(file, at + 8, &length),
                ));
            }
        }
        "mpg" => {
            let starts = file.windows(4).enumerate();
            let starts = starts.filter(|(_, four)| matches!(four, [0, 0, 1, 0xBB..=0xEF]));
            for (n, (at, _)) in starts.enumerate().take(9) {
                let length = [0u16, 1, u16::MAX][n % 3].to_be_bytes();
                lies.push((
                    "a packet of another length".into(),
                    put(file, at + 4, &length),
                ));
            }
        }
        "flv" => {
            let mut at = 13;
            for n in 0..12 {
                let size = [&[0][..], &file[at + 1..at + 4]].concat();
                let size = u32::from_be_bytes(size.try_into().unwrap()) as usize;
                let lie = [[0xFF; 3], [0; 3], [0, 0, 1]][n % 3];
                lies.push(("a tag of another size".into(), put(file, at + 1, &lie)));
                at += 15 + size;
                lies.push(("another size before".into(), put(file, at - 4, &[0xFF; 4])));
            }
            lies.push(("a header of 2^32 bytes".into(), put(file, 5, &[0xFF; 4])));
            let script = |value: &[u8]| {
                let body = [b"\x02\0\x0AonMetaData", value].concat();
                let size = u32::try_from(body.len()).unwrap();
                let tag = [&[18], &size.to_be_bytes()[1..], &[0; 7], &body].concat();
                let end = (size + 11).to_be_bytes();
                [&file[..13], &tag, &end, &file[13..]].concat()
            };
            let largest = [0x0A, 0xFF, 0xFF, 0xFF, 0xFF];
            lies.push(("an array of 2^32 values".into(), script(&largest)));
            lies.push((
                "arrays in arrays".into(),
                script(&[0x0A, 0, 0, 0, 1].repeat(60_000)),
            ));
            lies.push((
                "objects in objects".into(),
                script(&[3, 0, 1, b'a'].repeat(60_000)),
            ));
        }
        _ => {}
    }
    lies
}

/// What is done to any file.
fn harm(format: &'static str, file: &[u8], cases: &mut Vec<Case>, random: &mut Random) {
    let mut add = |what: String, data: Vec<u8>, is_lossy: bool| {
        cases.push(Case {
            what: format!("{format}: {what}"),
            format,
            data,
            is_lossy,
        });
    };
    for _ in 0..4 {
        let end = random.below(file.len());
        add(format!("cut off at {end}"), file[..end].to_vec(), false);
        let mut flipped = file.to_vec();
        for _ in 0..[1, 20][random.below(2)] {
            flipped[random.below(file.len())] ^= 1 << random.below(8);
        }
        add("flipped bits".into(), flipped, false);
        let mut thinned = file.to_vec();
        let start = random.below(file.len() - 2000);
        thinned.drain(start..start + 1 + random.below(2000));
        add(format!("a hole at {start}"), thinned, false);
    }
    if format == "ts" {
        let kept = file.chunks(188).enumerate();
        let kept = kept.filter(|(n, _)| n % 7 != 5).flat_map(|(_, one)| one);
        add("lost packets".into(), kept.copied().collect(), true);
    }
    if matches!(format, "mp4" | "flv") {
        let most = file.len() * 9 / 10;
        add(format!("cut off at {most}"), file[..most].to_vec(), true);
    }
    for (what, data) in lies(format, file, random) {
        add(what, data, false);
    }
}

#[test]
fn nothing_that_a_file_says_can_stop_the_tool() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut random = Random::new(11);
    let mut cases = Vec::new();
    let av = "-f lavfi -i testsrc2=size=64x48:rate=25 -f lavfi -i sine=sample_rate=48000 -t 1";
    for (format, options) in [
        (
            "mp4",
            "-c:v libx264 -bf 2 -g 10 -c:a aac -movflags +faststart",
        ),
        (
            "mp4",
            "-c:v libx264 -g 10 -c:a aac -movflags frag_keyframe+empty_moov+global_sidx",
        ),
        ("ts", "-c:v libx264 -bf 2 -g 10 -c:a aac"),
        ("mpg", "-c:v mpeg2video -bf 2 -c:a mp2"),
        ("flv", "-c:v libx264 -bf 2 -g 10 -c:a aac"),
    ] {
        let path = folder.join(format!("good.{format}"));
        let make = format!("-v error -y {av} {options} {}", path.display());
        if testing::run("ffmpeg", &make, b"").is_none() {
            return;
        }
        harm(
            format,
            &std::fs::read(&path).unwrap(),
            &mut cases,
            &mut random,
        );
    }
    assert!(cases.len() > 150, "{}", cases.len());
    let work = Mutex::new(cases.into_iter().enumerate());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().next();
                    let Some((n, case)) = next else { break };
                    let path: PathBuf = folder.join(format!("{n}.{}", case.format));
                    std::fs::write(&path, &case.data).unwrap();
                    survive(&case, &path);
                    std::fs::remove_file(&path).unwrap();
                }
            });
        }
    });
}

/// Samples and warnings of a file, read as a stream.
fn read<E: std::fmt::Debug>(
    mut poll: impl FnMut() -> Result<Option<media::Event>, E>,
) -> (usize, usize) {
    let (mut samples, mut warnings) = (0, 0);
    loop {
        match poll() {
            Ok(Some(media::Event::Sample(_))) => samples += 1,
            Ok(Some(media::Event::Warning(_))) => warnings += 1,
            Ok(Some(_)) => {}
            Ok(None) => return (samples, warnings),
            // The file is refused; that is told, too.
            Err(_) => return (samples, warnings + 1),
        }
    }
}

/// Reads a file by the demuxer of its format.
macro_rules! streamed {
    ($demuxer:expr, $file:expr) => {{
        let mut demuxer = $demuxer;
        demuxer.handle_input($file);
        demuxer.handle_eof();
        read(|| demuxer.poll_event())
    }};
}

fn demuxed(format: &str, file: &[u8]) -> (usize, usize) {
    match format {
        "mp4" => streamed!(mp4::Demuxer::new(mp4::Limits::default()), file),
        "ts" => streamed!(mpegts::Demuxer::new(mpegts::Limits::default()), file),
        "mpg" => {
            let limits = mpegts::Limits::default();
            streamed!(mpegts::Demuxer::program_stream(limits), file)
        }
        _ => streamed!(rtmp::flv::FileDemuxer::new(rtmp::Limits::default()), file),
    }
}

/// The same of an MP4 by its tables, as far as they can be read.
fn by_tables(file: &[u8]) -> (usize, usize) {
    let file = bytes::Bytes::copy_from_slice(file);
    let part = |range: &std::ops::Range<u64>| {
        file.slice(range.start as usize..(range.end as usize).min(file.len()))
    };
    let mut opener = mp4::Opener::new(file.len() as u64, mp4::Limits::default());
    while let Some(range) = opener.poll_read() {
        opener.handle_read(range.start, &part(&range));
    }
    let Ok(Some(movie)) = opener.poll_movie() else {
        return (0, 1);
    };
    let mut reader = mp4::Reader::new(movie, mp4::reader::Config::default());
    read(|| {
        loop {
            match reader.poll_event() {
                Ok(None) => match reader.poll_read() {
                    Some(range) => reader.handle_read(range.start, &part(&range)),
                    None => return Ok(None),
                },
                event => return event,
            }
        }
    })
}

/// Gives the number of samples and of warnings of a file of a format.
type Reading = fn(&str, &[u8]) -> (usize, usize);

/// At each byte: what lies before it is read, no less than of a shorter file.
#[test]
fn a_file_can_end_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let av = "-f lavfi -i testsrc2=size=32x32:rate=25 -f lavfi -i sine=sample_rate=8000 -t 0.4";
    for (format, options) in [
        (
            "mp4",
            "-c:v libx264 -bf 2 -g 5 -c:a aac -movflags +faststart",
        ),
        (
            "mp4",
            "-c:v libx264 -g 5 -c:a aac -movflags frag_keyframe+empty_moov",
        ),
        ("ts", "-c:v libx264 -bf 2 -g 5 -ar 48000 -c:a aac"),
        (
            "mpg",
            "-c:v mpeg2video -bf 2 -ar 48000 -c:a mp2 -muxrate 300k",
        ),
        ("flv", "-c:v libx264 -bf 2 -g 5 -ar 44100 -c:a aac"),
    ] {
        let path = folder.path().join(format!("good.{format}"));
        let make = format!("-v error -y {av} {options} {}", path.display());
        if testing::run("ffmpeg", &make, b"").is_none() {
            return;
        }
        let file = std::fs::read(&path).unwrap();
        let what = format!("{format} of {} bytes, {options}", file.len());
        let readers: &[Reading] = match format {
            "mp4" => &[demuxed, |_, file| by_tables(file)],
            _ => &[demuxed],
        };
        for read in readers {
            let (whole, warnings) = read(format, &file);
            assert!(whole > 12 && warnings == 0, "{what}: {whole}, {warnings}");
            let (mut most, mut told) = (0, 0);
            for end in 0..file.len() {
                let (samples, warnings) = read(format, &file[..end]);
                assert!(
                    samples >= most.max(1) - 1,
                    "{what}, cut at {end}: {samples}"
                );
                assert!(samples <= whole, "{what}, cut at {end}: {samples}");
                most = most.max(samples);
                told += usize::from(warnings > 0);
            }
            assert!(most + 1 >= whole, "{what}: {most} of {whole}");
            // A cut between two packets, tags or boxes cannot be seen.
            assert!(told > file.len() / 2 || format == "mpg", "{what}: {told}");
        }
    }
}

/// A sequence parameter set that is damaged from some byte on, in each of its copies.
fn damage_sps(file: &[u8], from: usize) -> Vec<u8> {
    let mut damaged = file.to_vec();
    let found = file.windows(4).enumerate();
    for (at, _) in found.filter(|(_, start)| start.starts_with(&[0x67, 0x64, 0])) {
        damaged[at + from..at + from + 4].copy_from_slice(&[0xFF, 0, 0xFF, 0]);
    }
    assert_ne!(damaged, file);
    damaged
}

/// A track without a size is better than none: decoders may know what to do, and what a container tells of times is right.
#[test]
fn a_damaged_parameter_set_gives_a_track() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let source = at("source.mp4");
    // Without SEI, so that it is in one packet of a transport stream.
    let args = format!(
        "-v error -f lavfi -i testsrc2=size=128x96:rate=25 -t 2 -c:v libx264 -g 25 -bsf:v filter_units=remove_types=6 {source}"
    );
    if testing::run("ffmpeg", &args, &[]).is_none() {
        return;
    }
    for format in ["ts", "mpg", "flv", "h264"] {
        let whole = at(&format!("whole.{format}"));
        support::works(&["remux", &source, &whole]);
        let whole = std::fs::read(whole).unwrap();
        // From before the size on; and of the video usability information alone, without which all is there.
        for (from, size) in [(6, None), (10, Some(128))] {
            let path = at(&format!("damaged.{format}"));
            std::fs::write(&path, damage_sps(&whole, from)).unwrap();
            let output = support::fluvial(&["probe", "--json", &path]);
            let told: Value = serde_json::from_slice(&output.stdout).unwrap();
            let track = &told["tracks"][0];
            assert_eq!(track["samples"], 50, "{format} {from}: {told}");
            assert_eq!(track["sync_samples"], 2, "{format} {from}: {told}");
            assert_eq!(track["width"].as_u64(), size, "{format} {from}: {told}");
            let is_told = told["warnings"].to_string().contains("parameter");
            assert!(
                format == "flv" || is_told || size.is_some(),
                "{format} {from}: {told}"
            );
        }
    }
}
