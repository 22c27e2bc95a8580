//! Frames of MPEG audio: the corpus beside ffprobe, tags, checks, damage.

use fluvial_mpeg2::audio::{
    ChannelMode, Frame, Frames, Header, Lame, Layer, Piece, Splitter, Version, Xing,
};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};

fn frames(data: &[u8]) -> Vec<(u64, Frame<'_>)> {
    Frames::new(data)
        .filter_map(|piece| match piece {
            Piece::Frame { offset, frame } => Some((offset, frame)),
            Piece::Junk { .. } => None,
        })
        .collect()
}

fn media(corpus: &Path) -> Vec<PathBuf> {
    let mut files = testing::files(&corpus.join("mpegaudio"));
    files.retain(|path| {
        let extension = path.extension().and_then(|e| e.to_str());
        matches!(extension, Some("mp3" | "bit"))
    });
    files
}

/// Offset and size of each packet, as ffprobe sees them.
fn packets(path: &Path) -> Option<Vec<(u64, usize)>> {
    let args = format!(
        "-v error -f mp3 -show_entries packet=pos,size -of csv=p=0 {}",
        path.display()
    );
    let text = String::from_utf8(testing::ask("ffprobe", &args, &[])?).unwrap();
    Some(
        text.lines()
            .filter_map(|line| {
                let mut numbers = line.split(',').map_while(|part| part.parse::<u64>().ok());
                let (size, offset) = (numbers.next()?, numbers.next()?);
                Some((offset, size as usize))
            })
            .collect(),
    )
}

#[test]
fn frames_of_the_corpus_are_the_packets_of_ffprobe() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut compared = 0;
    for path in media(&corpus) {
        let data = fs::read(&path).unwrap();
        let ours: Vec<(u64, usize)> = frames(&data)
            .iter()
            .filter(|(_, frame)| frame.xing().is_none() && frame.vbri().is_none())
            .map(|(offset, frame)| (*offset, frame.bytes().len()))
            .collect();
        let Some(mut theirs) = packets(&path) else {
            return;
        };
        // It gives out junk and what is cut off too, and does not know free format.
        theirs.retain(|(at, len)| match Header::parse(&data[*at as usize..]) {
            Ok(header) => header.frame_len() == Some(*len),
            Err(_) => false,
        });
        let is_free = |at: &u64| {
            Header::parse(&data[*at as usize..])
                .unwrap()
                .is_free_format()
        };
        if theirs.is_empty() || ours.iter().any(|(at, _)| is_free(at)) {
            continue;
        }
        // While it finds out what it reads it loses up to two frames.
        let lost = ours.iter().position(|frame| *frame == theirs[0]).unwrap();
        assert!(lost <= 2, "{}", path.display());
        assert_eq!(ours[lost..], theirs, "{}", path.display());
        compared += ours.len();
    }
    assert!(compared > 7000, "{compared} frames");
}

#[test]
fn free_format_frames_follow_each_other_without_a_gap() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    for (name, count) in [
        ("l2-nonstandard-free_format.bit", 49),
        ("l3-he_free.bit", 68),
    ] {
        let data = fs::read(corpus.join("mpegaudio/lieff-minimp3").join(name)).unwrap();
        let found = frames(&data);
        assert_eq!(
            (found.len(), Frames::new(&data).count()),
            (count, count),
            "{name}"
        );
        let lens = found.iter().map(|(_, frame)| frame.bytes().len());
        assert!(
            lens.clone().max().unwrap() - lens.min().unwrap() <= 1,
            "{name}"
        );
    }
}

#[test]
fn headers_are_written_back_and_checks_are_right() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut checks = 0;
    for path in media(&corpus) {
        let data = fs::read(&path).unwrap();
        // Streams whose headers were changed after the checks had been made, or whose side information was damaged.
        let is_standard = !path.to_string_lossy().contains("nonstandard");
        for (_, frame) in frames(&data) {
            assert_eq!(frame.header().to_bytes().unwrap(), frame.bytes()[..4]);
            if let Some(intact) = frame.is_intact() {
                assert!(intact || !is_standard, "{}", path.display());
                checks += usize::from(intact);
            }
        }
    }
    assert!(checks > 500, "{checks} checks");
}

/// Whether the rate varies, frames, bytes and delay.
const XING: [(&str, bool, u32, u32, u16); 2] = [
    ("bear-vbr-xing-header-no-toc.mp3", true, 117, 38_352, 576),
    (
        "l3-nonstandard-sin1k0db_lame_vbrtag.bit",
        false,
        316,
        132_492,
        576,
    ),
];

#[test]
fn tags_of_the_corpus() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    for path in media(&corpus) {
        let data = fs::read(&path).unwrap();
        let Some(&(_, first)) = frames(&data).first() else {
            continue;
        };
        let name = path.file_name().and_then(|name| name.to_str()).unwrap();
        if let Some(mut tag) = first.xing() {
            if let Some((_, vbr, frames, bytes, delay)) =
                XING.into_iter().find(|(known, ..)| *known == name)
            {
                let found = (
                    tag.is_vbr,
                    tag.frames,
                    tag.bytes,
                    tag.lame.map(|lame| lame.delay),
                );
                assert_eq!(
                    found,
                    (vbr, Some(frames), Some(bytes), Some(delay)),
                    "{name}"
                );
            }
            let mut out = Vec::new();
            tag.encode(first.header(), &mut out).unwrap();
            let (_, again) = frames(&out)[0];
            if let Some(lame) = &mut tag.lame {
                lame.is_intact = true;
            }
            assert_eq!(again.xing(), Some(tag));
        }
        if let Some(tag) = first.vbri() {
            assert_eq!(
                (tag.bytes, tag.frames, tag.frames_per_entry),
                (38_160, 117, 29)
            );
            let mut out = Vec::new();
            tag.encode(first.header(), &mut out).unwrap();
            assert_eq!(frames(&out)[0].1.vbri(), Some(tag));
        }
    }
}

/// The pieces that a splitter finds, the input cut into pieces of `size` bytes.
fn split(data: &[u8], size: usize) -> Vec<String> {
    let mut splitter = Splitter::new();
    let mut found = Vec::new();
    for piece in data.chunks(size).map(Some).chain([None]) {
        match piece {
            Some(piece) => splitter.handle_input(piece),
            None => splitter.handle_eof(),
        }
        while let Some(piece) = splitter.poll_piece() {
            found.push(format!("{piece:?}"));
        }
        assert!(splitter.buffered_len() < 3 * 4608 + size);
    }
    assert!(splitter.is_finished());
    found
}

fn whole(data: &[u8]) -> Vec<String> {
    let pieces = Frames::new(data);
    pieces.map(|piece| format!("{piece:?}")).collect()
}

#[test]
fn damage_costs_no_more_than_what_is_damaged() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut random = testing::Random::new(1);
    for path in media(&corpus) {
        let mut data = fs::read(&path).unwrap();
        data.truncate(40_000);
        let count = frames(&data).len();
        for place in 0..200 {
            let cut = &data[..data.len() * place / 200];
            assert!(frames(cut).len() <= count + 1);
        }
        // One frame in ten loses its sync word: the others are found, unless only what follows a frame tells its end.
        let is_free = |frame: &Frame<'_>| frame.header().is_free_format();
        if !frames(&data).iter().any(|(_, frame)| is_free(frame)) {
            let mut flipped = data.clone();
            let hit = frames(&data).into_iter().skip(5).step_by(10);
            let hit = hit
                .map(|(offset, _)| flipped[offset as usize] ^= 0x10)
                .count();
            let found = frames(&flipped).len();
            assert!(
                found + 2 * hit >= count,
                "{}: {found} of {count}, {hit} hit",
                path.display()
            );
        }
        testing::flip_bits(&mut data, &mut random);
        for (_, frame) in frames(&data) {
            let _ = (frame.is_intact(), frame.xing(), frame.vbri());
        }
        assert_eq!(
            split(&data, 1 + random.below(3000)),
            whole(&data),
            "{}",
            path.display()
        );
    }
}

fn headers() -> impl Strategy<Value = Header> {
    (
        any::<[bool; 5]>(),
        0u8..3,
        0u8..3,
        0u8..15,
        0u8..3,
        0u8..4,
        0u8..4,
        0u8..4,
    )
        .prop_map(
            |(flags, version, layer, bitrate_index, rate, mode, mode_extension, emphasis)| Header {
                version: [Version::Mpeg1, Version::Mpeg2, Version::Mpeg25][usize::from(version)],
                layer: [Layer::I, Layer::II, Layer::III][usize::from(layer)],
                has_crc: flags[0],
                bitrate_index,
                sampling_frequency_index: rate,
                padding: flags[1],
                private: flags[2],
                mode: [
                    ChannelMode::Stereo,
                    ChannelMode::JointStereo,
                    ChannelMode::DualChannel,
                    ChannelMode::SingleChannel,
                ][usize::from(mode)],
                mode_extension,
                copyright: flags[3],
                original: flags[4],
                emphasis,
            },
        )
}

proptest! {
    #[test]
    fn headers_round_trip(header in headers()) {
        prop_assert_eq!(Header::parse(&header.to_bytes().unwrap()), Ok(header));
    }

    #[test]
    fn any_four_bytes_are_no_header_or_come_back(bytes: [u8; 4]) {
        let bytes = [0xFF, bytes[1] | 0xE0, bytes[2], bytes[3]];
        if let Ok(header) = Header::parse(&bytes) {
            prop_assert_eq!(header.to_bytes(), Ok(bytes));
        }
    }

    #[test]
    fn cuts_change_nothing(
        header in headers(),
        junk in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..9), 1..6),
        size in 1usize..700,
    ) {
        let mut stream = Vec::new();
        for junk in &junk {
            for _ in 0..3 {
                let at = stream.len();
                stream.extend(header.to_bytes().unwrap());
                stream.resize(at + header.frame_len().unwrap_or(333).max(4), 0x11);
            }
            stream.extend(junk);
        }
        let found = whole(&stream);
        prop_assert!(found.len() >= 3 * junk.len().min(1));
        prop_assert_eq!(split(&stream, size), found);
    }
}

#[test]
fn ffmpeg_honours_the_delay_that_is_written() {
    let args = "-v error -f lavfi -i sine=d=1:r=44100 -c:a libmp3lame -write_xing 0 -f mp3 -";
    let Some(sound) = testing::run("ffmpeg", args, &[]) else {
        return;
    };
    let sound = &sound[frames(&sound)[0].0 as usize..];
    let lame = Lame {
        encoder: *b"Lavc61.19",
        delay: 1000,
        // Less than the decoder's own delay: nothing is cut off.
        padding: 500,
        ..Lame::default()
    };
    let xing = Xing {
        frames: Some(frames(sound).len() as u32),
        bytes: Some(sound.len() as u32),
        lame: Some(lame),
        ..Xing::default()
    };
    let mut stream = Vec::new();
    let (_, first) = frames(sound)[0];
    xing.encode(
        Header {
            bitrate_index: 9,
            ..first.header()
        },
        &mut stream,
    )
    .unwrap();
    stream.extend(sound);
    let count = frames(sound).len() * 1152;
    let pcm = testing::run("ffmpeg", "-v error -f mp3 -i - -f s16le -", &stream).unwrap();
    assert_eq!(pcm.len() / 2, count - 1000 - 529);
}
