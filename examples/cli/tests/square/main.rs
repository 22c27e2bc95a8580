//! The remux square: what ffmpeg made, put into every format that can carry it, and from there into every other one. Each decoded
//! frame has to stay what it was, each time within one tick of the coarser clock, and ffmpeg, GStreamer, mkvmerge, mediainfo
//! and Chromium have to take the file without a word.
#![allow(unreachable_pub, reason = "nothing of a test is public")]

mod peers;
#[path = "../support/mod.rs"]
mod support;
mod tables;
mod times;

use peers::{Decodable, Peers, Playable, ffmpeg, frames, make};
use std::cell::RefCell;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use support::{fluvial, works};
use times::Times;

/// A source: how ffmpeg makes it, and the formats that carry its codecs.
struct Source {
    name: &'static str,
    /// Ends with the options of a file.
    make: &'static str,
    /// The file that all others are made of.
    first: &'static str,
    formats: &'static [&'static str],
    /// Others that carry them, which only the whole square goes through; but for Opus in HLS of transport streams, which ffmpeg
    /// takes apart in files only.
    more: &'static [&'static str],
    /// Whether Chromium has decoders for it.
    in_browsers: bool,
    /// Raw streams of its pictures and of its sound.
    raw: &'static [(&'static str, &'static str)],
    /// How frames of sound are told apart. MPEG audio is not decoded: for MP4 and for transport streams ffmpeg takes decoders that
    /// round otherwise.
    sound: &'static str,
}

const DECODED: &str = "";
const COPIED: &str = "-c:a copy";
/// The streams that are looked at, pictures first.
const BOTH: &str = "-map 0:v -map 0:a";
const EVERYTHING: &[&str] = &[
    "mp4", "frag.mp4", "ts", "m2ts", "mpg", "flv", "m3u8", "ts.m3u8", "mpd",
];

const SOURCES: &[Source] = &[
    Source {
        name: "h264-aac-25",
        make: "{25} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx264 -bf 2 -g 25 -c:a aac",
        first: "mp4",
        formats: EVERYTHING,
        more: &[],
        in_browsers: true,
        raw: &[("video", "h264"), ("audio", "aac"), ("audio", "latm")],
        sound: DECODED,
    },
    Source {
        name: "h264-open-gop-23.976",
        make: "{24000/1001} -f lavfi -i sine=sample_rate=44100 -t 2 -c:v libx264 -bf 3 -b_strategy 2 -x264-params b-pyramid=normal:open-gop=1 -g 12 -c:a aac",
        first: "mp4",
        formats: &["mp4", "frag.mp4", "ts", "mpg", "flv"],
        more: &["m2ts", "m3u8", "ts.m3u8", "mpd"],
        in_browsers: true,
        raw: &[("video", "h264"), ("audio", "aac")],
        sound: DECODED,
    },
    Source {
        name: "h264-mbaff-29.97-ac3",
        make: "{30000/1001} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx264 -bf 2 -flags +ildct+ilme -x264-params tff=1 -g 30 -c:a ac3",
        first: "mp4",
        formats: &["mp4", "frag.mp4", "ts", "mpg"],
        more: &["m2ts", "m3u8", "ts.m3u8", "mpd"],
        in_browsers: false,
        raw: &[("video", "h264"), ("audio", "ac3")],
        sound: DECODED,
    },
    Source {
        name: "h264-fake-interlaced-50-eac3",
        make: "{50} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx264 -bf 2 -x264-params fake-interlaced=1 -g 50 -c:a eac3",
        first: "mp4",
        formats: &["mp4", "frag.mp4", "ts", "mpd"],
        more: &["m2ts", "m3u8", "ts.m3u8"],
        in_browsers: false,
        raw: &[("video", "h264"), ("audio", "ec3")],
        sound: DECODED,
    },
    Source {
        name: "h264-59.94-mp3",
        make: "{60000/1001} -f lavfi -i sine=sample_rate=44100 -t 2 -c:v libx264 -g 60 -c:a libmp3lame",
        first: "mp4",
        formats: &["mp4", "ts", "mpg", "flv"],
        more: &["frag.mp4", "m2ts", "m3u8", "ts.m3u8", "mpd"],
        in_browsers: true,
        raw: &[("audio", "mp3")],
        sound: COPIED,
    },
    Source {
        name: "mpeg2-interlaced-25-mp2",
        make: "{25} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v mpeg2video -bf 2 -g 12 -flags +ildct+ilme -top 1 -c:a mp2",
        first: "mp4",
        formats: &["mp4", "ts", "m2ts", "mpg"],
        more: &["frag.mp4", "m3u8", "ts.m3u8", "mpd"],
        in_browsers: false,
        raw: &[("video", "m2v"), ("audio", "mp2")],
        sound: COPIED,
    },
    Source {
        name: "mpeg4-29.97-mp2",
        make: "{30000/1001} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v mpeg4 -bf 2 -g 12 -c:a mp2",
        first: "mp4",
        formats: &["mp4", "frag.mp4", "ts", "m2ts", "mpg"],
        more: &["m3u8", "ts.m3u8", "mpd"],
        in_browsers: false,
        raw: &[("audio", "mp2")],
        sound: COPIED,
    },
    Source {
        name: "hevc-25-opus",
        make: "{25} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx265 -x265-params log-level=none -c:a libopus",
        first: "mp4",
        formats: &["mp4", "frag.mp4", "ts"],
        more: &["m2ts", "m3u8", "mpd"],
        in_browsers: false,
        raw: &[],
        sound: DECODED,
    },
    Source {
        name: "h264-30-opus",
        make: "{30} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx264 -bf 2 -g 30 -c:a libopus",
        first: "mp4",
        formats: &["mp4", "frag.mp4", "ts"],
        more: &["m2ts", "m3u8", "mpd"],
        in_browsers: true,
        raw: &[],
        sound: DECODED,
    },
    // An empty edit before the sound, and one over the pictures that are decoded before zero.
    Source {
        name: "edit-lists",
        make: "{25} -itsoffset 0.7 -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx264 -bf 2 -g 25 -c:a aac",
        first: "mp4",
        formats: &["mp4", "frag.mp4", "ts", "flv"],
        more: &["m2ts", "mpg", "m3u8", "ts.m3u8", "mpd"],
        in_browsers: true,
        raw: &[("audio", "adts")],
        sound: DECODED,
    },
    // Pictures that are shown before they are decoded. Of such fragments ffmpeg moves the pictures only, of its own ones too.
    Source {
        name: "negative-offsets",
        make: "{25} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx264 -bf 3 -x264-params b-pyramid=normal -g 25 -c:a aac -movflags +negative_cts_offsets",
        first: "mp4",
        formats: &["mp4", "ts", "m2ts", "mpg", "flv", "ts.m3u8"],
        more: &[],
        in_browsers: true,
        raw: &[("video", "h264")],
        sound: DECODED,
    },
    // The clock of 33 bits starts anew after a second.
    Source {
        name: "wrap",
        make: "{25} -f lavfi -i sine=sample_rate=48000 -t 2 -c:v libx264 -bf 2 -g 25 -c:a aac -muxdelay 0 -muxpreload 0 -output_ts_offset 95442.7",
        first: "ts",
        formats: &["mp4", "frag.mp4", "ts", "mpg", "flv"],
        more: &["m2ts", "m3u8", "ts.m3u8", "mpd"],
        in_browsers: true,
        raw: &[("audio", "aac")],
        sound: DECODED,
    },
];

/// Field pictures: no encoder of ffmpeg makes them.
const FIELDS: Source = Source {
    name: "h264-paff-25",
    make: "",
    first: "mp4",
    // With one keyframe, ffmpeg calls the index of an FLV invalid.
    formats: &["mp4", "frag.mp4", "ts", "mpg"],
    more: &["m2ts", "m3u8", "ts.m3u8", "mpd"],
    in_browsers: false,
    raw: &[("video", "h264")],
    sound: DECODED,
};

/// What a player hears: sound at the start and the end depends on how much a container says of priming.
fn same_sound(a: &[String], b: &[String]) -> bool {
    let matched = a.iter().filter(|frame| b.contains(frame)).count();
    matched + 4 >= a.len().max(b.len())
}

fn target(folder: &Path, name: &str, format: &str) -> PathBuf {
    // TS segments of the source are not those of its TS in a list.
    let folder = folder.join(format!("{name}-{}", format.replace('.', "_")));
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(format!("x.{}", format.rsplit('.').next().unwrap()))
}

/// Whether a format is a list of files.
pub fn is_list(format: &str) -> bool {
    matches!(format, "m3u8" | "ts.m3u8" | "mpd")
}

fn remux(from: &Path, to: &Path, format: &str) {
    let mut args = vec!["remux", from.to_str().unwrap(), to.to_str().unwrap()];
    match format {
        "frag.mp4" => args.push("--fragmented"),
        "ts.m3u8" => args.extend(["--segments", "ts"]),
        _ => {}
    }
    let output = fluvial(&args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{} to {}: {said}",
        from.display(),
        to.display()
    );
}

/// What is expected of all copies of a source.
struct Expected<'a> {
    source: &'a Source,
    pictures: Vec<String>,
    sound: Vec<String>,
    times: Times,
    /// What others are to decode of its copies, and what a browser is to play.
    decodable: RefCell<Vec<Decodable>>,
    playable: RefCell<Vec<Playable>>,
}

impl Expected<'_> {
    /// Checks a copy; gives its tick.
    fn check(&self, path: &Path, format: &str, from: f64, what: &str) -> f64 {
        // See `Times::of`.
        let lists = format == "mpd";
        let [pictures, sound] = if lists {
            let [pictures, _] = frames(path, "-map 0:v", "");
            let [sound, _] = frames(path, "-map 0:a", self.source.sound);
            [pictures, sound]
        } else {
            frames(path, BOTH, self.source.sound)
        };
        assert!(pictures == self.pictures, "{what}: {}", pictures.len());
        assert!(same_sound(&sound, &self.sound), "{what}");
        let times = Times::of(path, lists);
        let tick = times.tick().max(from);
        if lists {
            let text = std::fs::read_to_string(path).unwrap();
            let (_, told) = text.split_once("mediaPresentationDuration=\"PT").unwrap();
            let lasts: f64 = told.split_once("S\"").unwrap().0.parse().unwrap();
            let (_, video) = text.split_once("contentType=\"video\"").unwrap();
            let (video, _) = video.split_once("</AdaptationSet>").unwrap();
            let number = |name: &str| {
                let (_, value) = video.split_once(&format!(" {name}=\""))?;
                value.split_once('"')?.0.parse::<f64>().ok()
            };
            let offset = number("presentationTimeOffset").unwrap_or(0.0);
            let zero = offset / number("timescale").unwrap();
            // Players show nothing of what is further on.
            times.assert_within(zero, zero + lasts, tick, what);
        }
        times.assert_same(&self.times, tick, what);
        self.decodable.borrow_mut().push(Decodable {
            path: path.to_owned(),
            pictures: self.pictures.len() as u64,
            sound: times.sound() as u64,
        });
        // Media Source Extensions of Chromium take no MPEG audio in MP4 (it says so of `mp4a.6B`), as files they are played.
        let is_refused = matches!(format, "m3u8" | "mpd") && self.source.name.ends_with("mp3");
        let is_played = is_list(format) && !is_refused || matches!(format, "mp4" | "frag.mp4");
        if self.source.in_browsers && is_played {
            self.playable.borrow_mut().push(Playable {
                path: path.to_owned(),
                frames: self.pictures.len() - times.silent(),
                lasts: times.common(),
            });
        }
        tick
    }
}

/// Makes all copies of a source, and copies of the copies.
///
/// Gives those that a browser plays.
fn square(
    source: &Source,
    whole: bool,
    first: &Path,
    folder: &Path,
    peers: &Peers,
) -> Vec<Playable> {
    let [pictures, sound] = frames(first, BOTH, source.sound);
    let expected = Expected {
        source,
        pictures,
        sound,
        times: Times::of(first, false),
        decodable: RefCell::default(),
        playable: RefCell::default(),
    };
    assert!(expected.pictures.len() > 30, "{}", source.name);
    let tick = expected.times.tick();
    let mut formats = source.formats.to_vec();
    formats.extend(source.more.iter().filter(|_| whole));
    let mut made: HashMap<&str, (PathBuf, f64)> = HashMap::new();
    for &format in &formats {
        let path = target(folder, source.name, format);
        remux(first, &path, format);
        let what = format!("{} to {format}", source.name);
        let tick = expected.check(&path, format, tick, &what);
        peers.accept(&path, format, 2);
        made.insert(format, (path, tick));
    }
    for &from in &formats {
        for &to in formats.iter().filter(|to| **to != from) {
            let (copy, tick) = &made[from];
            let path = target(folder, &format!("{}-{from}", source.name), to);
            remux(copy, &path, to);
            let what = format!("{} from {from} to {to}", source.name);
            expected.check(&path, to, *tick, &what);
            peers.accept(&path, to, 2);
        }
    }
    for &(kind, format) in source.raw {
        for &from in &formats {
            let path = target(folder, &format!("{}-{from}", source.name), format);
            let (copy, out) = (made[from].0.to_str().unwrap(), path.to_str().unwrap());
            works(&["remux", "--tracks", kind, copy, out]);
            let what = format!("{} from {from} to {format}", source.name);
            let [found, _] = frames(&path, "-map 0", source.sound);
            if kind == "video" {
                assert!(found == expected.pictures, "{what}: {}", found.len());
            } else {
                assert!(same_sound(&found, &expected.sound), "{what}");
            }
        }
    }
    // There and back by fragments, the tables are what they were.
    if let (Some((mp4, _)), true) = (made.get("mp4"), made.contains_key("frag.mp4")) {
        let back = target(folder, &format!("{}-frag.mp4", source.name), "mp4");
        assert_eq!(tables::of(mp4), tables::of(&back), "{}", source.name);
    }
    peers.accept_in_gstreamer(&expected.decodable.borrow());
    expected.playable.into_inner()
}

#[test]
fn every_frame_stays_in_its_time() {
    squares(false);
}

#[test]
#[ignore = "ten minutes: cargo test -p fluvial-cli --test square -- --ignored"]
fn every_frame_stays_in_its_time_in_all_that_carry_it() {
    squares(true);
}

/// All sources; `whole`: in all formats that carry them, not only in those that differ most.
fn squares(whole: bool) {
    if testing::run("ffmpeg", "-version", b"").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let peers = Peers::look(folder);
    let mut work = Vec::new();
    if let (Some(corpus), true) = (
        testing::corpus("h264/lu-zero-fate-samples/FRext"),
        testing::run("mkvmerge", "--version", b"").is_some(),
    ) {
        work.push((&FIELDS, Some(corpus.join("freh10.264"))));
    }
    work.extend(SOURCES.iter().map(|source| (source, None)));
    let only = std::env::var("FLUVIAL_SQUARE").unwrap_or_default();
    work.retain(|(source, _)| source.name.contains(&only));
    let work = Mutex::new(work);
    let (failed, playable) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let next = work.lock().unwrap().pop();
                    let Some((source, fields)) = next else { break };
                    let first = folder.join(format!("{}.src.{}", source.name, source.first));
                    match fields {
                        Some(path) => fields_in_mp4(&path, &first),
                        None => {
                            let options = source
                                .make
                                .replace('{', "-f lavfi -i testsrc2=size=128x96:rate=")
                                .replace('}', "");
                            make(&format!("{options} -strict -2 {}", first.display()));
                        }
                    }
                    // The others go on where one fails.
                    let done = catch_unwind(AssertUnwindSafe(|| {
                        square(source, whole, &first, folder, &peers)
                    }));
                    match done {
                        Ok(files) => playable.lock().unwrap().extend(files),
                        Err(_) => failed.lock().unwrap().push(source.name),
                    }
                }
            });
        }
    });
    assert_eq!(failed.into_inner().unwrap(), [""; 0]);
    peers.accept_in_chromium(&playable.into_inner().unwrap());
}

/// A raw stream with times from mkvmerge, and sound.
fn fields_in_mp4(raw: &Path, first: &Path) {
    let mkv = first.with_extension("mkv");
    let times = format!(
        "-q --default-duration 0:25p --fix-bitstream-timing-information 0 -o {} {}",
        mkv.display(),
        raw.display()
    );
    assert!(testing::run("mkvmerge", &times, b"").is_some());
    make(&format!(
        "-i {} -f lavfi -i sine=sample_rate=48000 -map 0:v -map 1:a -c:v copy -c:a aac -shortest {}",
        mkv.display(),
        first.display()
    ));
}

#[test]
fn what_cannot_be_carried_is_refused() {
    if testing::run("ffmpeg", "-version", b"").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("x.mp4");
    ffmpeg(&format!(
        "-v error -f lavfi -i testsrc2=size=128x96:rate=25 -t 1 -c:v libx264 {}",
        first.display()
    ));
    let to = folder.path().join("x.aac");
    std::fs::write(&to, "what was there").unwrap();
    let output = fluvial(&["remux", first.to_str().unwrap(), to.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot carry avc1"), "{said}");
    assert_eq!(std::fs::read(&to).unwrap(), b"what was there");
    // A file is not lost by being put onto itself.
    let before = std::fs::read(&first).unwrap();
    let output = fluvial(&["remux", first.to_str().unwrap(), first.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read(&first).unwrap(), before);
}
