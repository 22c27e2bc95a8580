//! Fragmented files of the corpus, against what Android's extractor says of them.

mod common;

use common::{corpus, demux, demux_pieces, read, samples, tracks, warnings};
use fluvial_mp4::IsoBox;
use fluvial_mp4::boxes::{Child, Children, Moof, Moov};
use media::Codec;
use std::path::{Path, PathBuf};

/// A sample in an expectation: time in microseconds, whether it is a sync sample, size, hash of the data.
type Expected = (i64, bool, usize, u32);

/// The tracks of an extractor dump, without the caption tracks that the extractor makes up (from 100 on).
fn parse_dump(text: &str) -> Vec<Vec<Expected>> {
    let mut tracks: Vec<Vec<Expected>> = Vec::new();
    let mut known = false;
    let (mut time, mut sync) = (0, false);
    for line in text.lines() {
        let number = |prefix: &str| line.trim().strip_prefix(prefix);
        if let Some(track) = line.strip_prefix("track ") {
            known = track.trim_end_matches(':').parse::<u32>().unwrap() < 100;
            tracks.extend(known.then(Vec::new));
        } else if let Some(value) = number("time = ") {
            time = value.parse().unwrap();
        } else if let Some(value) = number("flags = ") {
            sync = value.parse::<i32>().unwrap() & 1 == 1;
        } else if let Some(value) =
            number("data = length ").filter(|_| line.starts_with("    data") && known)
        {
            let (len, hash) = value.split_once(", hash ").unwrap();
            let hash = u32::from_str_radix(hash, 16).unwrap();
            tracks
                .last_mut()
                .unwrap()
                .push((time, sync, len.parse().unwrap(), hash));
        }
    }
    tracks
}

/// As Java hashes an array of bytes.
fn hash(data: impl IntoIterator<Item = u8>) -> u32 {
    let step = |hash: u32, byte: u8| {
        hash.wrapping_mul(31)
            .wrapping_add(i32::from(byte.cast_signed()).cast_unsigned())
    };
    data.into_iter().fold(1, step)
}

/// What we make of a file, in the form of the dump.
fn ours(data: &[u8]) -> Vec<Vec<Expected>> {
    let events = demux(data);
    let tracks = tracks(&events);
    let all = samples(&events);
    let of_track = |track: &media::Track| {
        let samples = all.iter().filter(|sample| sample.track == track.id);
        let row = |sample: &media::Sample| {
            let micros = i128::from(sample.pts) * 1_000_000 / i128::from(track.timescale.get());
            let mut bytes = Vec::new();
            match track.codec {
                Codec::H264(_) | Codec::Hevc(_) => {
                    h264::length_prefixed::to_annexb(&sample.data, 4, &mut bytes).unwrap();
                }
                _ => bytes.extend_from_slice(&sample.data),
            }
            (
                i64::try_from(micros).unwrap(),
                sample.is_sync(),
                bytes.len(),
                hash(bytes),
            )
        };
        samples.map(row).collect()
    };
    tracks
        .first()
        .map_or(Vec::new(), |tracks| tracks.iter().map(of_track).collect())
}

/// How far we agree with an expectation, and why not further.
#[derive(Clone, Copy, PartialEq)]
enum Agree {
    Whole,
    /// The extractor puts a sync header of 7 bytes before each AC-4 frame.
    Ac4,
    /// The samples are encrypted, and the extractor puts the keys' data before them.
    TimesOfEncrypted,
    /// The extractor leaves parameter sets and delimiters in the samples; ours are canonical.
    TimesOfCanonical,
}

#[test]
fn samples_are_those_of_the_extractor() {
    let Some(corpus) = corpus() else { return };
    let root = corpus.join("mp4/androidx-media");
    let files = [
        ("sample_ac3_fragmented", Agree::Whole),
        ("sample_ac4_fragmented", Agree::Ac4),
        ("sample_ac4_level4_fragmented", Agree::Ac4),
        ("sample_eac3_fragmented", Agree::Whole),
        ("sample_eac3joc_fragmented", Agree::Whole),
        ("sample_fragmented", Agree::Whole),
        ("sample_fragmented_large_bitrates", Agree::Whole),
        ("sample_fragmented_seekable", Agree::Whole),
        ("sample_fragmented_seekable_multiple_sidx", Agree::Whole),
        ("sample_fragmented_sgpd_v2", Agree::TimesOfEncrypted),
        ("sample_fragmented_uuid", Agree::Whole),
        (
            "sample_fragmented_variable_length_sgpd",
            Agree::TimesOfEncrypted,
        ),
        ("sample_opus_fragmented", Agree::Whole),
        ("fragmented_captions", Agree::TimesOfCanonical),
        ("fragmented_captions_h265", Agree::Whole),
        ("sample_partially_fragmented", Agree::Whole),
    ];
    for (file, agree) in files {
        let dump = read(&root.join(format!("extractordumps/mp4/{file}.mp4.0.dump")));
        let mut expected = parse_dump(&String::from_utf8(dump).unwrap());
        let mut found = ours(&read(&root.join(format!("media/mp4/{file}.mp4"))));
        assert_eq!(found.len(), expected.len(), "{file}: tracks");
        for (found, expected) in found.iter_mut().zip(&mut expected) {
            for (_, _, size, hash) in found.iter_mut().chain(expected.iter_mut()) {
                match agree {
                    Agree::Ac4 => *hash = 0,
                    Agree::TimesOfEncrypted | Agree::TimesOfCanonical => (*size, *hash) = (0, 0),
                    Agree::Whole => {}
                }
            }
            if agree == Agree::Ac4 {
                expected.iter_mut().for_each(|(_, _, size, _)| *size -= 7);
            }
            assert_eq!(found, expected, "{file}");
        }
    }
}

/// All files of the corpus that are MP4, the malformed ones and the fuzzers' finds included.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else if path.extension().is_none_or(|name| name != "dump")
            && path.metadata().unwrap().len() < 4 << 20
        {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn pieces_of_any_size_give_the_same_events() {
    let Some(corpus) = corpus() else { return };
    let files = files(&corpus.join("mp4"));
    assert!(files.len() > 100);
    for path in files {
        let data = read(&path);
        // The first megabyte has fragments enough.
        let data = &data[..data.len().min(1 << 20)];
        let whole = demux(data);
        for sizes in [&[1][..], &[7, 1, 64, 3], &[4096], &[1000, 1]] {
            assert!(
                demux_pieces(data, sizes) == whole,
                "{} in pieces of {sizes:?}",
                path.display()
            );
        }
    }
}

#[test]
fn boxes_survive_a_round_trip() {
    let Some(corpus) = corpus() else { return };
    let (mut moovs, mut moofs) = (0, 0);
    for path in files(&corpus.join("mp4")) {
        let data = read(&path);
        for child in Children::new(wire::Reader::new(&data)).map_while(Result::ok) {
            match child.header.box_type {
                Moov::TYPE => moovs += u32::from(round_trip::<Moov>(&child, &path)),
                Moof::TYPE => moofs += u32::from(round_trip::<Moof>(&child, &path)),
                _ => {}
            }
        }
    }
    assert!(moovs > 100 && moofs > 150, "{moovs} moov, {moofs} moof");
}

/// Reads, writes, reads again; says whether the box could be read at all.
fn round_trip<T: IsoBox + PartialEq + std::fmt::Debug>(child: &Child<'_>, path: &Path) -> bool {
    let Ok(first) = T::decode_body(&mut child.body()) else {
        return false;
    };
    let mut bytes = Vec::new();
    first.encode(&mut bytes).unwrap();
    assert_eq!(bytes.len(), first.encoded_len(), "{}", path.display());
    let second = T::parse(&bytes).unwrap();
    // Offsets of errors within damaged children move with what stands before them.
    let again = |value: &T| {
        let mut out = Vec::new();
        value.encode(&mut out).unwrap();
        out
    };
    assert_eq!(again(&second), bytes, "{}", path.display());
    true
}

/// Whatever can be read as a stream has the same samples as with random access.
#[test]
fn a_stream_has_the_samples_of_the_file() {
    let Some(corpus) = corpus() else { return };
    let (mut same, mut moov_last) = (0, 0);
    for path in files(&corpus.join("mp4")) {
        let data = read(&path);
        let mut demuxer = fluvial_mp4::Demuxer::new(fluvial_mp4::Limits::default());
        demuxer.handle_input(&data);
        demuxer.handle_eof();
        let mut streamed = Vec::new();
        let error = loop {
            match demuxer.poll_event() {
                Ok(Some(event)) => streamed.push(event),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if let Some(error) = error {
            let what = "a stream whose samples come before its moov (of a file, any place can be read) is not supported";
            assert_eq!(error.to_string(), what);
            assert_eq!(demuxer.poll_event(), Err(error));
            moov_last += 1;
            continue;
        }
        let file = bytes::Bytes::from(data);
        let whole = common::files::events(&file, fluvial_mp4::reader::Config::default());
        if whole.is_empty() || tracks(&streamed).is_empty() {
            continue;
        }
        let damaged = !warnings(&streamed).is_empty() || !warnings(&whole).is_empty();
        let (streamed, whole) = (samples(&streamed), samples(&whole));
        if streamed == whole {
            same += 1;
        } else {
            assert!(
                damaged,
                "{}: {} and {} samples",
                path.display(),
                streamed.len(),
                whole.len()
            );
        }
    }
    assert!(
        same > 60 && moov_last > 20,
        "{same} read alike, {moov_last} with moov last"
    );
}

#[test]
fn segments_of_one_track_are_read_one_after_the_other() {
    let Some(corpus) = corpus() else { return };
    let folder = corpus.join("mp4/androidx-media/media/cmaf/multi-segment");
    for kind in ["video", "audio"] {
        let mut data = read(&folder.join(format!("{kind}_init.mp4")));
        for n in 1..=12 {
            data.extend(read(&folder.join(format!("{kind}_{n}.m4s"))));
        }
        let events = demux(&data);
        assert_eq!(warnings(&events), [""; 0]);
        assert_eq!(tracks(&events).len(), 1);
        let samples = samples(&events);
        assert!(samples.len() > 40);
        for pair in samples.windows(2) {
            let end = pair[0].dts + i64::from(pair[0].duration.unwrap().get());
            assert!(
                (end - pair[1].dts).abs() <= 1,
                "{kind}: a gap at {}",
                pair[1].dts
            );
        }
    }
}
