//! Whole files read at random, beside ffprobe.

mod common;

use bytes::Bytes;
use common::files::{events, open};
use common::{read, samples};
use fluvial_mp4::reader::Config;
use std::collections::BTreeMap;
use std::path::Path;
use testing::{corpus, csv, files};

type Row = (i64, i64, usize, bool);

/// What ffprobe makes of a file: by track, decoding and presentation time, duration, size and whether it is a key frame.
fn ffprobe(path: &Path) -> Option<BTreeMap<u32, Vec<Row>>> {
    let args = "-v quiet -show_entries stream=index,id -show_entries packet=stream_index,pts,dts,duration,size,flags -of csv";
    let args = format!("{args} {}", path.display());
    let mut ids = BTreeMap::new();
    let mut rows: Vec<(u32, Row)> = Vec::new();
    for line in csv("ffprobe", &args, &[])? {
        let number = |at: usize| line.get(at).and_then(|field| field.parse::<i64>().ok());
        match line.first().map(String::as_str) {
            Some("packet") => {
                let flags = line.get(6).cloned().unwrap_or_default();
                let dts = number(3).or(number(2)).unwrap_or(i64::MIN);
                let row = (
                    dts,
                    number(2).unwrap_or(dts),
                    number(5).unwrap_or(0) as usize,
                    flags.starts_with('K'),
                );
                rows.push((number(1)? as u32, row));
            }
            Some("stream") => {
                let id = line
                    .get(2)
                    .and_then(|id| u32::from_str_radix(id.trim_start_matches("0x"), 16).ok());
                ids.insert(number(1)? as u32, id.unwrap_or(0));
            }
            _ => {}
        }
    }
    let mut by_track: BTreeMap<u32, Vec<Row>> = BTreeMap::new();
    for (index, row) in rows {
        by_track.entry(*ids.get(&index)?).or_default().push(row);
    }
    Some(by_track)
}

fn ours(file: &Bytes) -> BTreeMap<u32, Vec<Row>> {
    let events = events(file, Config::default());
    let mut by_track: BTreeMap<u32, Vec<Row>> = BTreeMap::new();
    for sample in samples(&events) {
        by_track.entry(sample.track.0).or_default().push((
            sample.dts,
            sample.pts,
            sample.data.len(),
            sample.is_sync(),
        ));
    }
    by_track
}

/// What ffprobe has otherwise, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    /// Sizes: parameter sets and delimiters leave the samples of H.264, lengths get 4 bytes, what is broken goes.
    Canonical,
    /// Decoding times: where composition offsets are negative, ffprobe moves all decoding times back. Ours are the file's.
    Earlier,
    /// Sizes and decoding times.
    CanonicalEarlier,
    /// ffprobe moves times so that the first picture shown is at 0, where the edit list begins between two pictures.
    Snapped,
    /// ffprobe takes every frame of this codec for a key frame.
    AllSync,
    /// ffprobe takes the word of the stream, whose first picture is no IDR picture, over that of the file.
    NotIdr,
    /// ffprobe makes packets of what is left of a sample that the file ends in.
    Cut,
    /// ffprobe gives a track that no sample description tells the codec of.
    NoDescription,
    /// The file's `mdat` was taken out; ffprobe makes a packet without bytes.
    NoData,
    /// A cover picture that ffprobe makes a track of.
    Cover,
}

const OTHERWISE: &[(&str, u32, Other)] = &[
    ("abema-go-mp4/sample_fragmented.mp4", 1, Other::Canonical),
    ("sample_qt.mp4", 1, Other::NoData),
    ("big_buck_bunny_metadata.m4v", 0, Other::Cover),
    ("bt601.mov", 2, Other::Earlier),
    ("fragmented_captions.mp4", 1, Other::Canonical),
    ("iibbibb_editlist_videoonly.mp4", 1, Other::Snapped),
    ("sample_2_byte_NAL_length.mp4", 1, Other::CanonicalEarlier),
    ("sample_ac4_level4_fragmented.mp4", 1, Other::AllSync),
    ("sample_android_slow_motion.mp4", 1, Other::Canonical),
    ("sample_fragmented_uuid.mp4", 1, Other::NotIdr),
    ("sample_missing_stsd.mp4", 2, Other::NoDescription),
    ("sample_with_color_info.mp4", 1, Other::Earlier),
    (
        "sample_with_fake_auxiliary_tracks_interleaved_with_primary_video_tracks.mp4",
        1,
        Other::Canonical,
    ),
    ("sample_with_invalid_nalu.mp4", 1, Other::Canonical),
    ("sample_with_vobsub.mp4", 1, Other::Canonical),
    ("bbb.mp4", 2, Other::Cut),
    ("truncated-64bit.mp4", 1, Other::Cut),
];

#[test]
fn packets_are_those_of_ffprobe() {
    let Some(corpus) = corpus("mp4") else { return };
    let (mut compared, mut bad) = (0, 0);
    for path in files(&corpus) {
        let name = path
            .extension()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if !matches!(name, "mp4" | "mov" | "m4a" | "m4b" | "m4v" | "3gp") {
            continue;
        }
        let file = Bytes::from(read(&path));
        let Some(theirs) = ffprobe(&path) else { return };
        let mut ours = ours(&file);
        for (track, mut theirs) in theirs {
            let mut ours = ours.remove(&track).unwrap_or_default();
            let other = OTHERWISE
                .iter()
                .find(|(name, id, _)| path.ends_with(name) && *id == track);
            match other.map(|(_, _, other)| *other) {
                Some(Other::Cut | Other::NoData | Other::NoDescription | Other::Cover) => {
                    theirs.truncate(ours.len());
                }
                Some(
                    Other::Canonical
                    | Other::Earlier
                    | Other::CanonicalEarlier
                    | Other::Snapped
                    | Other::AllSync
                    | Other::NotIdr,
                ) => {
                    let (size, dts, pts, sync) = match other.map(|(_, _, other)| *other) {
                        Some(Other::Canonical) => (true, false, false, false),
                        Some(Other::Earlier) => (false, true, false, false),
                        Some(Other::CanonicalEarlier) => (true, true, false, false),
                        Some(Other::Snapped) => (false, true, true, false),
                        _ => (false, false, false, true),
                    };
                    for (ours, theirs) in ours.iter_mut().zip(&theirs) {
                        if dts {
                            ours.0 = theirs.0;
                        }
                        if pts {
                            ours.1 = theirs.1;
                        }
                        if size {
                            ours.2 = theirs.2;
                        }
                        if sync {
                            ours.3 = theirs.3;
                        }
                    }
                }
                None => {}
            }
            compared += theirs.len();
            if ours != theirs {
                bad += 1;
                let at = ours.iter().zip(&theirs).position(|(a, b)| a != b);
                println!(
                    "{} track {track}: {} and {} samples, first difference at {at:?}: {:?} {:?}",
                    path.display(),
                    ours.len(),
                    theirs.len(),
                    at.and_then(|at| ours.get(at)),
                    at.and_then(|at| theirs.get(at)),
                );
            }
        }
    }
    assert!(compared > 10_000, "{compared}");
    assert_eq!(bad, 0);
}

#[test]
fn opening_reads_little() {
    let Some(corpus) = corpus("mp4") else { return };
    for path in files(&corpus) {
        let file = Bytes::from(read(&path));
        let (movie, bytes) = open(&file);
        if let Ok(movie) = movie {
            let moov = movie.moov().len() as u64;
            assert!(
                bytes < moov + (1 << 20),
                "{}: {bytes} bytes for a moov of {moov}",
                path.display()
            );
        }
    }
}

#[test]
fn metadata_and_chapters_are_told() {
    let Some(corpus) = corpus("mp4/androidx-media/media/mp4") else {
        return;
    };
    let movie = |name: &str| open(&Bytes::from(read(&corpus.join(name)))).0.unwrap();
    let entries = |name: &str| -> Vec<String> {
        let metadata = movie(name).metadata();
        let entries = metadata.entries.iter();
        entries
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect()
    };
    let found = entries("sample_with_metadata.mp4");
    for name in ["album", "artist"] {
        assert!(
            found.iter().any(|entry| entry.starts_with(name)),
            "{found:?}"
        );
    }
    let chapters = movie("sample_with_nero_chapters_only.mp4").chapters();
    assert!(
        chapters.len() > 1 && chapters.is_sorted_by_key(|chapter| chapter.start),
        "{chapters:?}"
    );
    let quicktime = movie("sample_with_chapters.mp4");
    let refers = |track: &fluvial_mp4::movie::MovieTrack| {
        track
            .references()
            .iter()
            .any(|(kind, _)| kind.0 == *b"chap")
    };
    assert!(quicktime.details().iter().any(refers));
    let rotation = |name: &str| {
        movie(name).details()[0]
            .rotation()
            .map(|turn| (turn.degrees, turn.mirrored))
    };
    assert_eq!(rotation("sample_with_color_info.mp4"), Some((90, false)));
    // Rows become columns.
    assert_eq!(rotation("sample_rotate_and_reflect.mp4"), Some((270, true)));
    assert_eq!(rotation("sample.mp4"), Some((0, false)));
}

#[test]
fn the_layer_of_mpeg_audio_is_told_with_the_tracks() {
    use common::made::{AUDIO, events as made};
    use media::codec::MpegAudio;
    use media::{Codec, Event};
    // Layer II, 192 kbit/s, 48 kHz, two channels. The sample description has no word for the layer.
    let frame = [&[0xFF, 0xFD, 0xA4, 0x00][..], &[0; 572]].concat();
    let header = mpeg2::audio::Header::parse(&frame).unwrap();
    let layer_2 = Codec::MpegAudio(MpegAudio::new(header).unwrap());
    let mut events = made(4);
    for event in &mut events {
        match event {
            Event::Sample(sample) if sample.track == AUDIO => sample.data = frame.clone().into(),
            Event::Tracks(tracks) => {
                let sounds = |track: &media::Track| {
                    let mut track = track.clone();
                    if track.id == AUDIO {
                        track.codec = layer_2.clone();
                    }
                    track
                };
                *tracks = tracks.iter().map(sounds).collect();
            }
            _ => {}
        }
    }
    // The pictures are none that can be read.
    let sounds = |events: &[Event]| {
        let own = |sample: &&media::Sample| sample.track == AUDIO;
        samples(events).iter().filter(own).count()
    };
    let count = sounds(&events);
    let told = |events: &[Event]| {
        assert_eq!(sounds(events), count);
        let tracks = common::tracks(events);
        let last = tracks.last().unwrap().find(AUDIO).unwrap();
        assert_eq!(last.codec, layer_2);
        assert!(
            matches!(events[tracks.len() - 1], Event::Tracks(_)),
            "before all samples"
        );
        tracks.len()
    };
    let progressive = common::planned(&events, fluvial_mp4::writer::Config::moov_last());
    let cuts = media::segmenter::Config::segments(media::Time::from_millis(1000));
    let config = fluvial_mp4::packager::Config::muxed();
    let fragmented = common::file_of(&common::package(&events, cuts, config), None);
    for sizes in [&[0][..], &[1000]] {
        assert_eq!(told(&common::demux_pieces(&progressive, sizes)), 1);
        assert_eq!(told(&common::demux_pieces(&fragmented, sizes)), 1);
    }
    assert_eq!(
        told(&self::events(&progressive.into(), Config::default())),
        1
    );
    // The movie's first, then with what the fragments told.
    assert_eq!(
        told(&self::events(&fragmented.into(), Config::default())),
        2
    );
}
