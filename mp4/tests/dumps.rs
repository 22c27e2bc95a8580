//! Every `.dump` of the corpus's MP4 files: what Android's extractor finds in them, sample by sample.

mod common;

use bytes::Bytes;
use common::files::{drain, events, open};
use common::{read, samples, tracks};
use fluvial_mp4::Reader;
use fluvial_mp4::reader::Config;
use media::{Codec, Kind, Sample, Time, Track};
use std::path::{Path, PathBuf};
use testing::dump::{self, Dump};
use testing::{corpus, files};

/// The file that a dump is of, and the number of the dump.
fn file_of(dump: &Path) -> (PathBuf, String) {
    let name = dump.file_name().unwrap().to_str().unwrap();
    let name = name.strip_suffix(".dump").unwrap();
    let (file, number) = name.rsplit_once('.').unwrap();
    let root = dump.ancestors().nth(3).unwrap();
    (root.join("media/mp4").join(file), number.to_owned())
}

/// A sample as a dump has it.
fn in_dump(track: &Track, sample: &Sample) -> dump::Sample {
    let micros = i128::from(sample.pts) * 1_000_000;
    let micros = micros.div_euclid(i128::from(track.timescale.get()));
    let mut data = Vec::new();
    match &track.codec {
        Codec::H264(_) | Codec::Hevc(_) => {
            h264::length_prefixed::to_annexb(&sample.data, 4, &mut data).unwrap();
        }
        _ => data.extend_from_slice(&sample.data),
    }
    dump::Sample {
        time: micros as i64,
        flags: sample.is_sync().into(),
        len: data.len(),
        hash: dump::hash(&data),
    }
}

/// What an expectation has otherwise, and why.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    /// Bytes: the extractor puts a sync header of 7 bytes before each AC-4 frame.
    Ac4Header,
    /// Bytes: the samples are encrypted, and the extractor puts what their keys need before them.
    Encrypted,
    /// Bytes: the extractor leaves parameter sets and delimiters in the samples; ours are canonical.
    ParameterSets,
    /// Bytes: lengths before NAL units have 2 bytes in the file, and a delimiter goes.
    LengthSize,
    /// Bytes: a NAL unit goes past the end of its sample; we leave it out.
    BrokenNal,
    /// How uncompressed sound is cut into samples: 8192 bytes there, 1024 frames here.
    Chunks,
    /// The extractor begins sound with the sample that the edit list begins in; we up to a second earlier, as decoders
    /// need it, and tell it as priming.
    Priming,
    /// Out of scope: the track is told to the extractor by its caller, not by the file.
    Sideloaded,
    /// The extractor leaves out the text track that has the chapters.
    ChapterTrack,
    /// The extractor leaves out tracks of timed metadata, and goes on past the end of the edit list with sound.
    PastTheEnd,
}

const OTHERWISE: &[(&str, Other)] = &[
    ("fragmented_captions.mp4", Other::ParameterSets),
    ("sample_2_byte_NAL_length.mp4", Other::LengthSize),
    ("sample_ac4.mp4", Other::Ac4Header),
    ("sample_ac4_fragmented.mp4", Other::Ac4Header),
    ("sample_ac4_level4.mp4", Other::Ac4Header),
    ("sample_ac4_level4_fragmented.mp4", Other::Ac4Header),
    ("sample_ac4_protected.mp4", Other::Encrypted),
    ("sample_android_slow_motion.mp4", Other::ParameterSets),
    ("sample_fixed_rechunk_no_elst.mp4", Other::Chunks),
    ("sample_fragmented_sgpd_v2.mp4", Other::Encrypted),
    (
        "sample_fragmented_variable_length_sgpd.mp4",
        Other::Encrypted,
    ),
    ("sample_fragmented_sideloaded_track.mp4", Other::Sideloaded),
    ("sample_opus.mp4", Other::Priming),
    ("sample_with_chapters.mp4", Other::ChapterTrack),
    ("sample_with_color_info.mp4", Other::PastTheEnd),
    (
        "sample_with_fake_auxiliary_tracks_interleaved_with_primary_video_tracks.mp4",
        Other::ParameterSets,
    ),
    ("sample_with_invalid_nalu.mp4", Other::BrokenNal),
];

#[test]
fn samples_are_those_of_the_extractor() {
    let Some(corpus) = corpus("mp4/androidx-media/extractordumps/mp4") else {
        return;
    };
    let (mut dumps, mut compared) = (0, 0);
    for path in files(&corpus) {
        let (file, number) = file_of(&path);
        if !matches!(number.as_str(), "0" | "unknown_length") {
            continue;
        }
        dumps += 1;
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let other = OTHERWISE.iter().find(|(file, _)| *file == name);
        let other = other.map(|(_, other)| *other);
        let events = events(&Bytes::from(read(&file)), Config::default());
        let all = samples(&events);
        let set = tracks(&events).last().cloned().unwrap_or_default();
        // A track without samples is none to the extractor, and the captions from 100 on it makes up.
        let mut found: Vec<_> = set
            .iter()
            .filter(|track| all.iter().any(|sample| sample.track == track.id))
            .collect();
        let expected = Dump::read(&path).tracks.into_iter();
        let expected: Vec<_> = expected.filter(|track| track.id < 100).collect();
        match other {
            Some(Other::Sideloaded) => {
                assert!(found.is_empty());
                continue;
            }
            Some(Other::ChapterTrack | Other::PastTheEnd) => {
                found.retain(|track| track.codec.kind() != Kind::Data);
            }
            _ => {}
        }
        assert_eq!(found.len(), expected.len(), "{name}: tracks");
        for (track, expected) in found.into_iter().zip(expected) {
            let samples = all.iter().filter(|sample| sample.track == track.id);
            let mut ours: Vec<_> = samples.map(|sample| in_dump(track, sample)).collect();
            let mut theirs = expected.samples;
            theirs.iter_mut().for_each(|sample| sample.flags &= 1);
            match other {
                Some(Other::Chunks) => {
                    let bytes = |samples: &[dump::Sample]| {
                        samples.iter().map(|sample| sample.len).sum::<usize>()
                    };
                    assert_eq!(bytes(&ours), bytes(&theirs), "{name}");
                    assert_eq!(ours[0].time, theirs[0].time);
                    continue;
                }
                Some(Other::Priming) => drop(ours.drain(..ours.len() - theirs.len())),
                Some(Other::PastTheEnd) => theirs.truncate(ours.len()),
                Some(Other::Ac4Header) => theirs.iter_mut().for_each(|sample| {
                    (sample.len, sample.hash) = (sample.len - 7, 0);
                }),
                _ => {}
            }
            let bytes_differ = matches!(
                other,
                Some(
                    Other::Encrypted | Other::ParameterSets | Other::LengthSize | Other::BrokenNal
                )
            );
            assert_eq!(ours.len(), theirs.len(), "{name}: samples of {}", track.id);
            let tick = 1_000_000 / i64::from(track.timescale.get()) + 1;
            for (at, (ours, theirs)) in ours.iter_mut().zip(&mut theirs).enumerate() {
                // The extractor's delays are exact to the microsecond, ours to the track's tick.
                if (ours.time - theirs.time).abs() <= tick {
                    ours.time = theirs.time;
                }
                if bytes_differ {
                    (ours.len, ours.hash) = (theirs.len, theirs.hash);
                }
                if other == Some(Other::Ac4Header) {
                    ours.hash = 0;
                }
                assert_eq!(ours, theirs, "{name}: sample {at} of track {}", track.id);
                compared += 1;
            }
        }
    }
    assert!(
        dumps > 80 && compared > 8000,
        "{dumps} dumps, {compared} samples"
    );
}

/// Seeks of the dumps 1 to 3: to thirds of the duration.
#[test]
fn seeks_begin_where_those_of_the_extractor_do() {
    let Some(corpus) = corpus("mp4/androidx-media/extractordumps/mp4") else {
        return;
    };
    let mut compared = 0;
    for path in files(&corpus) {
        let (file, number) = file_of(&path);
        let Ok(number @ 1..=3) = number.parse::<i64>() else {
            continue;
        };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let expected = Dump::read(&path);
        let data = Bytes::from(read(&file));
        let movie = open(&data).0.unwrap();
        let Some(lead) = movie.tracks().first_of(Kind::Video).cloned() else {
            continue;
        };
        let at = movie
            .tracks()
            .iter()
            .position(|track| track.id == lead.id)
            .unwrap();
        let duration = expected.duration.unwrap() as i64;
        let time = duration * number / 3;
        let mut reader = Reader::new(movie, Config::default());
        reader.seek(Time::from_nanos(time * 1000));
        let (events, _) = drain(&mut reader, &data);
        let all = samples(&events);
        let first = all.iter().find(|sample| sample.track == lead.id);
        let ours = first.map(|sample| in_dump(&lead, sample).time);
        let theirs = expected
            .tracks
            .get(at)
            .and_then(|track| track.samples.first());
        let theirs = theirs.map(|sample| sample.time);
        let tick = 1_000_000 / i64::from(lead.timescale.get()) + 1;
        let same = ours
            .zip(theirs)
            .is_some_and(|(ours, theirs)| (ours - theirs).abs() <= tick);
        if !same {
            println!("{name}: seek to {time}: {ours:?} {theirs:?}");
        }
        compared += u32::from(same);
    }
    assert!(compared > 80, "{compared}");
}
