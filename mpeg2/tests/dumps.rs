//! MPEG audio of the corpus beside what others say of it: the dumps of androidx/media (frames, bytes, times, tags, places to seek
//! to), the dumps of fq (headers, checks, tags), and the corpus's own list.

use fluvial_mpeg2::audio::{
    ChannelMode, DECODER_DELAY, Frame, Frames, Header, Layer, Piece, Tag, Version, Xing,
};
use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use testing::dump::{Dump, Sample, hash};

fn frames(data: &[u8]) -> Vec<(u64, Frame<'_>)> {
    let frames = Frames::new(data).filter_map(|piece| match piece {
        Piece::Frame { offset, frame } => Some((offset, frame)),
        Piece::Junk { .. } => None,
    });
    frames.collect()
}

type Tagged<'a> = Option<(u64, Header, Tag)>;

/// The tag, and the frames of sound.
fn sound(data: &[u8]) -> (Tagged<'_>, Vec<(u64, Frame<'_>)>) {
    let mut frames = frames(data);
    let tag = frames
        .first()
        .and_then(|(offset, frame)| Some((*offset, frame.header(), frame.tag()?)));
    if tag.is_some() {
        frames.remove(0);
    }
    (tag, frames)
}

/// The dumps, each after the file that it is of.
fn dumps() -> Vec<(PathBuf, PathBuf)> {
    let Some(corpus) = testing::corpus("mpegaudio/androidx-media") else {
        return Vec::new();
    };
    let media = testing::files(&corpus.join("media"));
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let dumps = testing::files(&corpus.join("extractordumps"));
    let pairs = dumps.into_iter().filter_map(|dump| {
        let media = media
            .iter()
            .find(|file| name(&dump).starts_with(&name(file)));
        Some((media?.clone(), dump))
    });
    pairs.collect()
}

fn micros(frame: usize, header: Header) -> i64 {
    let samples = frame as i64 * i64::from(header.samples());
    samples * 1_000_000 / i64::from(header.sampling_frequency().unwrap())
}

fn content(frame: &Frame<'_>) -> (usize, u32) {
    (frame.bytes().len(), hash(frame.bytes()))
}

#[test]
fn frames_have_the_bytes_and_times_of_the_dumps() {
    let mut compared = 0;
    for (path, dump) in dumps() {
        let name = dump.display().to_string();
        let data = fs::read(path).unwrap();
        let (tag, ours) = sound(&data);
        let header = ours[0].1.header();
        let dump = Dump::read(&dump);
        let [track] = &dump.tracks[..] else {
            panic!("{name}")
        };
        let number = |key| track.value(key).map(|value| value.parse::<u32>().unwrap());
        assert_eq!(number("sampleRate"), header.sampling_frequency(), "{name}");
        assert_eq!(
            number("channelCount"),
            Some(header.channels().into()),
            "{name}"
        );

        // Those that seek first begin somewhere and go on to the end.
        let theirs: Vec<_> = track.samples.iter().map(|s| (s.len, s.hash)).collect();
        let start = ours.len() - theirs.len();
        assert!(start == 0 || !name.contains(".0.dump"), "{name}");
        let contents = ours[start..].iter().map(|(_, frame)| content(frame));
        assert!(contents.eq(theirs), "{name}");
        let first = track.samples.first().map_or(0, |sample| sample.time);
        for (n, &Sample { time, .. }) in track.samples.iter().enumerate() {
            assert_eq!(time - first, micros(n, header), "{name}");
        }
        // What a reader finds that lands just behind the start of the frame before.
        if let Some((before, _)) = start.checked_sub(1).map(|n| ours[n]) {
            let found = frames(&data[before as usize + 1..]);
            assert_eq!(found.len(), ours.len() - start, "{name}");
        }
        compared += track.samples.len();

        // They leave out what one of these says alone.
        if let Some(delay) = number("encoderDelay") {
            let (_, _, tag) = tag.as_ref().unwrap();
            assert_eq!(tag.priming(), Some(delay), "{name}");
            assert_eq!(
                tag.trim(),
                Some(number("encoderPadding").unwrap_or(0)),
                "{name}"
            );
        } else if let Some((_, _, tag)) = &tag {
            assert_eq!(tag.priming().filter(|&n| n > DECODER_DELAY), None, "{name}");
        }
        // Where the tag says how long it is, so do they: to the last sample.
        // But in the files that have a table within ID3 (MLLT) they go by that, to the end of the last frame.
        if let Some((_, header, tag @ Tag::Xing(_))) = &tag
            && number("encoderDelay").is_some()
            && !name.contains("bear-id3")
        {
            let samples = tag.samples(*header).unwrap() as i64 - 1;
            let rate = i64::from(header.sampling_frequency().unwrap());
            let expected = Some((samples * 1_000_000 / rate) as u64);
            assert_eq!(dump.duration, expected, "{name}");
        }
    }
    assert!(
        compared > 5000 || testing::corpus("").is_none(),
        "{compared}"
    );
}

#[test]
fn places_to_seek_to_are_where_the_frames_are() {
    let mut places = 0;
    let mut last = PathBuf::new();
    for (path, dump) in dumps() {
        if path == last {
            continue;
        }
        let data = fs::read(&path).unwrap();
        let (Some((at, header, tag)), sound) = sound(&data) else {
            continue;
        };
        let name = path.display();
        for (n, (offset, _)) in sound.iter().enumerate() {
            let Some(place) = tag.place(header, n as u32) else {
                continue;
            };
            let found = at + place.offset;
            if let Some(frame) = place.frame {
                assert_eq!(found, sound[frame as usize].0, "{name} {n}");
                assert!(frame as usize <= n);
            } else {
                // A hundredth of the time, and what 1/256 of the bytes rounds.
                let near = data.len() as u64 / 40 + 300;
                assert!(
                    found.abs_diff(*offset) < near,
                    "{name} {n}: {found} {offset}"
                );
            }
            places += 1;
        }
        assert_eq!(tag.place(header, sound.len() as u32), None);
        // Fraunhofer's table is exact, and read by the dumps' extractor as here.
        if matches!(tag, Tag::Vbri(_)) {
            for (_, theirs) in Dump::read(&dump).positions {
                let ours = (0..sound.len()).map(|n| tag.place(header, n as u32).unwrap());
                let ours: Vec<u64> = ours.map(|place| place.offset + at).collect();
                assert!(
                    theirs.iter().all(|(_, offset)| ours.contains(offset)),
                    "{name}"
                );
            }
        }
        last = path;
    }
    assert!(places > 500 || testing::corpus("").is_none(), "{places}");
}

/// What fq says under each name; of several fields of a name the first.
fn fq(text: &str) -> HashMap<String, String> {
    let mut fields = HashMap::new();
    for line in text.lines() {
        // Offset, hexadecimal and text columns come first.
        let field = line.rsplit_once('|').map_or("", |(_, field)| field);
        let Some((name, value)) = field.split_once(": ") else {
            continue;
        };
        fields
            .entry(name.trim().to_owned())
            .or_insert_with(|| value.trim().to_owned());
    }
    fields
}

/// The number that a value begins with, or has in brackets behind its name.
fn number(fields: &HashMap<String, String>, name: &str) -> u64 {
    let value = &fields[name];
    let digits = value.split(['(', ' ']).find(|part| {
        part.trim_end_matches(')')
            .strip_prefix("0b")
            .unwrap_or(part)
            .starts_with(|c: char| c.is_ascii_digit())
    });
    let digits = digits.unwrap().trim_end_matches(')');
    if let Some(bits) = digits.strip_prefix("0b") {
        return u64::from_str_radix(bits, 2).unwrap();
    }
    match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap_or_else(|_| panic!("{name}: {value}")),
        None => digits.parse().unwrap_or_else(|_| panic!("{name}: {value}")),
    }
}

#[test]
fn headers_are_as_fq_reads_them() {
    let Some(folder) = testing::corpus("mpegaudio/wader-fq/mpeg/testdata") else {
        return;
    };
    let mut compared = 0;
    for path in testing::files(&folder) {
        let Ok(text) = fs::read_to_string(path.with_added_extension("fqtest")) else {
            continue;
        };
        let name = path.display();
        let (fields, data) = (fq(&text), fs::read(&path).unwrap());
        let header = Header::parse(&data).unwrap();
        let is =
            |field: &str, value: u64| assert_eq!(number(&fields, field), value, "{name} {field}");
        is("sample_count", header.samples().into());
        is("bitrate", header.bit_rate().unwrap().into());
        is("sample_rate", header.sampling_frequency().unwrap().into());
        is("private", header.private.into());
        is("copyright", header.copyright.into());
        is("original", header.original.into());
        let mode = match header.mode {
            ChannelMode::Stereo => 0,
            ChannelMode::JointStereo => 1,
            ChannelMode::DualChannel => 2,
            ChannelMode::SingleChannel => 3,
        };
        is("channels", mode);
        assert_eq!(
            fields["protection_absent"].starts_with("false"),
            header.has_crc
        );
        assert_eq!(
            fields["padding"].contains("\"padded\""),
            header.padding,
            "{name}"
        );
        assert_eq!(header.layer, Layer::III);
        // A frame alone, so its end is that of the input.
        let [(0, frame)] = frames(&data)[..] else {
            panic!("{name}")
        };
        assert_eq!(frame.bytes().len(), data.len(), "{name}");
        let valid = fields.get("crc").map(|crc| crc.contains("(valid)"));
        assert_eq!(frame.is_intact(), valid, "{name}");
        if let Some(crc) = frame.crc().filter(|_| valid == Some(true)) {
            is("crc", crc.into());
        }
        compared += 1;
    }
    assert_eq!(compared, 18);
}

/// A frame of 320 kbit/s around a tag without one.
fn framed(tag: &[u8], offset: usize) -> Vec<u8> {
    let mut frame = vec![0; 1044];
    frame[..4].copy_from_slice(&[0xFF, 0xFB, 0xE0, 0x00]);
    frame[offset..offset + tag.len()].copy_from_slice(tag);
    frame
}

#[test]
fn tags_are_as_fq_reads_them() {
    let Some(folder) = testing::corpus("mpegaudio/wader-fq/mp3/testdata") else {
        return;
    };
    for name in ["mp3_frame_info", "mp3_frame_xing", "mp3_frame_vbri"] {
        let fields = fq(&fs::read_to_string(folder.join(name).with_extension("fqtest")).unwrap());
        let data = framed(&fs::read(folder.join(name)).unwrap(), 36);
        let [(0, frame)] = frames(&data)[..] else {
            panic!("{name}")
        };
        let is =
            |field: &str, value: u64| assert_eq!(number(&fields, field), value, "{name} {field}");
        match frame.tag().unwrap() {
            Tag::Xing(tag) => {
                assert_eq!(tag.is_vbr, name == "mp3_frame_xing");
                assert!(fields["quality"].starts_with("true") && tag.quality.is_some());
                let lame = tag.lame.unwrap();
                is("encoder_delay", lame.delay.into());
                is("encoder_padding", lame.padding.into());
                is("lowpass_filter", lame.lowpass.into());
                is("vbr_method", lame.vbr_method.into());
                is("length", lame.music_length.into());
                is("music_crc", lame.music_crc.into());
                assert!(
                    fields["encoder"].contains(std::str::from_utf8(&lame.encoder[..8]).unwrap())
                );
                let table = tag.table.unwrap();
                for (n, &entry) in table.iter().enumerate() {
                    is(&format!("[{n}]"), entry.into());
                }
            }
            Tag::Vbri(tag) => {
                is("delay", tag.delay.into());
                is("length", tag.bytes.into());
                is("frames", tag.frames.into());
                is("toc_entries", tag.table.len() as u64);
                is("scale_factor", tag.scale.into());
                is("toc_entry_size", tag.entry_len.into());
                is("frame_per_entry", tag.frames_per_entry.into());
                is("[0]", tag.table[0].into());
                is("[130]", tag.table[130].into());
            }
        }
    }
    // Junk before, between and behind; bytes that have a frame's header and nothing else.
    let unknown = fs::read(folder.join("unknown.mp3")).unwrap();
    let found: Vec<_> = frames(&unknown)
        .iter()
        .map(|(at, f)| (*at, f.tag().is_some()))
        .collect();
    assert_eq!(found, [], "frames that nothing confirms");
    let zeros = fs::read(folder.join("header-zeros-frames.mp3")).unwrap();
    assert_eq!(frames(&zeros).len(), 1);
    let both = fs::read(folder.join("headerfooter.mp3")).unwrap();
    let found: Vec<_> = frames(&both)
        .iter()
        .map(|(at, f)| (*at, f.bytes().len()))
        .collect();
    assert_eq!(found, [(61, 208), (269, 209)]);
}

#[test]
fn first_headers_are_as_the_corpus_lists_them() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut compared = 0;
    for file in testing::manifest() {
        let Some(what) = file.what.strip_prefix("MPEG audio v") else {
            continue;
        };
        let data = fs::read(corpus.join(&file.path)).unwrap();
        let mut words = what.split([' ', ';']);
        let version = match words.next() {
            Some("1") => Version::Mpeg1,
            Some("2") => Version::Mpeg2,
            _ => Version::Mpeg25,
        };
        let mut next = |prefix: &str| {
            let number = words.next().unwrap().strip_prefix(prefix).unwrap();
            number.parse::<u8>().unwrap()
        };
        let layer = [Layer::I, Layer::II, Layer::III][usize::from(next("layer") - 1)];
        let (rate, frequency) = (next("br_idx"), next("sr_idx"));
        let Some(&(_, frame)) = frames(&data).first() else {
            // Less than a frame.
            assert!(data.len() < 400, "{}", file.path);
            continue;
        };
        let header = frame.header();
        let found = (
            header.version,
            header.layer,
            header.bitrate_index,
            header.sampling_frequency_index,
        );
        assert_eq!(found, (version, layer, rate, frequency), "{}", file.path);
        assert_eq!(header.has_crc, what.contains(" CRC"), "{}", file.path);
        compared += 1;
    }
    assert!(compared > 40, "{compared}");
}

#[test]
fn a_tag_of_any_numbers_is_read() {
    let mut data = Vec::new();
    let header = Header::parse(&[0xFF, 0xFB, 0x90, 0x00]).unwrap();
    let tag = Xing {
        frames: Some(u32::MAX),
        bytes: Some(u32::MAX),
        table: Some(Box::new([255; 100])),
        ..Xing::default()
    };
    tag.encode(header, &mut data).unwrap();
    let tag = frames(&data)[0].1.tag().unwrap();
    let last = tag.place(header, u32::MAX - 1).unwrap();
    assert!(last.offset < u32::MAX.into() && last.offset > (u32::MAX - (u32::MAX >> 7)).into());
}

#[test]
fn a_tag_without_numbers_says_nothing() {
    let mut data = Vec::new();
    let header = Header::parse(&[0xFF, 0xFB, 0x90, 0x00]).unwrap();
    Xing::default().encode(header, &mut data).unwrap();
    let tag = frames(&data)[0].1.tag().unwrap();
    assert_eq!(
        (tag.frames(), tag.priming(), tag.trim()),
        (None, None, None)
    );
    assert_eq!((tag.samples(header), tag.place(header, 0)), (None, None));
}
