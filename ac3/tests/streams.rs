//! Streams of ffmpeg and of the corpus: walked, read, written, changed, damaged.

use fluvial_ac3::{
    Bsi, Dac3, Dec3, Frame, Frames, Grouper, Header, Piece, Splitter, StreamType, ac3, eac3,
};
use proptest::prelude::*;
use std::fs;
use std::sync::OnceLock;
use wire::BitWriter;

fn frames(data: &[u8]) -> Vec<Frame<'_>> {
    Frames::new(data)
        .filter_map(|piece| match piece {
            Piece::Frame { frame, .. } => Some(frame),
            Piece::Junk { .. } => None,
        })
        .collect()
}

/// A stream that ffmpeg makes; `None` where there is no ffmpeg.
fn made(codec: &str, layout: &str, rate: u32, more: &str) -> Option<Vec<u8>> {
    let args = format!(
        "-v error -f lavfi -i sine=440:d=0.5:r={rate} -af aformat=channel_layouts={layout} -c:a {codec} {more} -f {codec} -"
    );
    testing::run("ffmpeg", &args, &[])
}

fn write(bsi: &Bsi, out: &mut Vec<u8>) -> u64 {
    let mut w = BitWriter::new(out);
    match bsi {
        Bsi::Ac3(bsi) => bsi.write(&mut w).unwrap(),
        Bsi::Eac3(bsi) => bsi.write(&mut w).unwrap(),
    }
    let bits = w.position();
    w.align_zero();
    bits
}

/// The information is read, and written back bit for bit (the check of AC-3 apart).
fn check_bsi(frame: &Frame<'_>) -> Bsi {
    let bsi = frame.bsi().unwrap();
    let mut out = Vec::new();
    let bits = write(&bsi, &mut out) as usize;
    let mut expected = frame.big_endian().into_owned();
    if matches!(bsi, Bsi::Ac3(_)) {
        expected[2..4].fill(0);
    }
    assert_eq!(out[..bits / 8], expected[..bits / 8]);
    if !bits.is_multiple_of(8) {
        let shift = 8 - bits % 8;
        assert_eq!(out[bits / 8] >> shift, expected[bits / 8] >> shift);
    }
    let (acmod, lfeon) = match &bsi {
        Bsi::Ac3(bsi) => (bsi.acmod, bsi.lfeon),
        Bsi::Eac3(bsi) => (bsi.acmod, bsi.lfeon),
    };
    assert_eq!(
        (frame.header().acmod(), frame.header().lfeon()),
        (acmod, lfeon)
    );
    bsi
}

#[test]
fn streams_of_ffmpeg_walk_and_read() {
    for codec in ["ac3", "eac3"] {
        for (layout, channels) in [
            ("mono", 1),
            ("stereo", 2),
            ("3.0", 3),
            ("quad", 4),
            ("4.0", 4),
            ("5.0", 5),
            ("5.1", 6),
        ] {
            let rates: &[u32] = if channels == 6 {
                &[48_000, 44_100, 32_000]
            } else {
                &[44_100]
            };
            for &rate in rates {
                let more = "-dialnorm -23 -mixing_level 90 -room_type large -dmix_mode loro -ltrt_cmixlev 0.707 -loro_surmixlev 0.5";
                let Some(data) = made(codec, layout, rate, more) else {
                    return;
                };
                let found = frames(&data);
                assert_eq!(
                    found.iter().map(|f| f.bytes().len()).sum::<usize>(),
                    data.len()
                );
                for frame in &found {
                    let header = frame.header();
                    assert!(frame.is_intact(), "{codec} {layout} {rate}");
                    assert_eq!(
                        (header.sampling_frequency(), header.channels()),
                        (rate, channels)
                    );
                    assert_eq!(header.is_eac3(), codec == "eac3");
                    match check_bsi(frame) {
                        Bsi::Ac3(bsi) => assert_eq!(bsi.programme.dialnorm, 23),
                        Bsi::Eac3(bsi) => assert_eq!(bsi.loudness.0, 23),
                    }
                }
                let list = format!("-v error -f {codec} -show_entries packet=size -of csv=p=0 -");
                let listed =
                    String::from_utf8(testing::run("ffprobe", &list, &data).unwrap()).unwrap();
                let listed: Vec<usize> = listed
                    .split_ascii_whitespace()
                    .map(|size| size.trim_end_matches(',').parse().unwrap())
                    .collect();
                let sizes: Vec<usize> = found.iter().map(|f| f.bytes().len()).collect();
                assert_eq!(sizes, listed);
            }
        }
    }
}

/// The content of a box of an MP4 file, wherever it is.
fn box_content<'a>(data: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    let at = data.windows(4).position(|w| w == name)?;
    let len = u32::from_be_bytes(data[at - 4..at].try_into().unwrap()) as usize;
    data.get(at + 4..at - 4 + len)
}

#[test]
fn configurations_are_those_of_ffmpeg() {
    for (codec, name) in [("ac3", b"dac3"), ("eac3", b"dec3")] {
        for layout in ["mono", "stereo", "5.1"] {
            let Some(data) = made(codec, layout, 48_000, "-b:a 192k") else {
                return;
            };
            let mp4 = format!(
                "-v error -f {codec} -i - -c copy -movflags frag_keyframe+delay_moov -f mp4 -"
            );
            let mp4 = testing::run("ffmpeg", &mp4, &data).unwrap();
            let theirs = box_content(&mp4, name).unwrap();
            let found = frames(&data);
            let mut ours = Vec::new();
            match found[0].bsi().unwrap() {
                Bsi::Ac3(bsi) => {
                    Dac3::new(&bsi).encode(&mut ours).unwrap();
                    let config = Dac3::parse(theirs).unwrap();
                    assert_eq!(config, Dac3::new(&bsi));
                    assert_eq!(
                        (config.bit_rate(), config.channels()),
                        (192_000, found[0].header().channels())
                    );
                }
                Bsi::Eac3(_) => {
                    let config = Dec3::new([found[0]]).unwrap();
                    assert_eq!(config.channels(), found[0].header().channels());
                    config.encode(&mut ours).unwrap();
                    assert_eq!(Dec3::parse(theirs).unwrap(), config);
                }
            }
            assert_eq!(ours, theirs, "{codec} {layout}");
        }
    }
}

/// A dependent substream with a pair of nearly silent channels: no mantissas, only exponents in the first block
/// (ETSI TS 102 366 Tables E.1.3, E.1.4).
fn dependent_pair(chanmap: u16) -> (eac3::Bsi, Vec<u8>) {
    let bsi = eac3::Bsi {
        stream_type: StreamType::Dependent,
        substream_id: 0,
        frmsiz: 63,
        fscod: 0,
        numblkscod: 3,
        acmod: 2,
        lfeon: false,
        bsid: 16,
        loudness: (31, None),
        second_loudness: None,
        chanmap: Some(chanmap),
        mixing: None,
        information: None,
        convsync: None,
        converted: None,
        addbsi: None,
    };
    let mut out = Vec::new();
    let mut w = BitWriter::new(&mut out);
    bsi.write(&mut w).unwrap();
    let mut put = |n, value| {
        w.bits(n, "", value).unwrap();
    };
    put(2, 0b10); // expstre, ahte
    put(2 + 8, 0); // snroffststr and what is told of the blocks: nothing
    put(6, 0); // no coupling
    for block in 0..6 {
        put(2 * 2, if block == 0 { 0b1111 } else { 0 }); // chexpstr: D45, then reuse
    }
    put(6 + 4, 0); // frmcsnroffst, frmfsnroffst: no mantissas
    put(1, 0); // blkstrtinfoe
    for block in 0..6 {
        put(1, 0); // dynrnge
        put(1, 0); // spxinu, then spxstre
        if block > 0 {
            put(1, 0); // rematstr
            continue;
        }
        put(4, 0); // rematflg
        put(6 * 2, 0); // chbwcod
        for _ in 0..2 {
            put(4, 15);
            for _ in 0..6 {
                put(7, 62); // no change within the group
            }
            put(2, 0); // gainrng
        }
    }
    w.align_zero();
    out.resize(128, 0);
    let sealed = Frame::parse(&out)
        .unwrap()
        .with_bsi(&Bsi::Eac3(bsi.clone()))
        .unwrap();
    (bsi, sealed)
}

#[test]
fn seven_one_built_of_two_substreams_groups_and_decodes() {
    let Some(data) = made("eac3", "5.1", 48_000, "-b:a 384k") else {
        return;
    };
    // Left and right rear surround.
    let (bsi, dependent) = dependent_pair(1 << 9);
    let frame = Frame::parse(&dependent).unwrap();
    assert!(frame.is_intact());
    assert_eq!(check_bsi(&frame), Bsi::Eac3(bsi));
    let expected: Vec<_> = frames(&data)
        .iter()
        .map(|core| [core.bytes(), &dependent].concat())
        .collect();
    let stream = expected.concat();
    let mut grouper = Grouper::new();
    let found = frames(&stream);
    let mut units: Vec<_> = found
        .iter()
        .filter_map(|frame| grouper.handle_frame(frame))
        .collect();
    units.extend(grouper.finish());
    assert!(units.iter().map(|unit| &unit.data).eq(&expected));
    assert!(
        units
            .iter()
            .all(|unit| unit.samples == 1536 && unit.headers.len() == 2)
    );
    let config = Dec3::new(frames(&units[0].data)).unwrap();
    assert_eq!(
        (config.channels(), config.substreams[0].num_dep_sub),
        (8, 1)
    );
    assert_eq!(config.substreams[0].chan_loc, 2);
    let mut raw = Vec::new();
    config.encode(&mut raw).unwrap();
    assert_eq!(Dec3::parse(&raw).unwrap(), config);
    // Two channels more come out of ffmpeg's decoder, and what it complains of is an error.
    let probe = "-v error -xerror -err_detect crccheck+explode -f eac3 -i - -f s16le -";
    let decoded = testing::run("ffmpeg", probe, &stream).unwrap();
    assert_eq!(decoded.len(), expected.len() * 1536 * 2 * 8);
}

#[test]
fn a_changed_dialogue_level_leaves_the_sound_and_the_checks_right() {
    let Some(data) = made("ac3", "5.1", 44_100, "") else {
        return;
    };
    let mut changed = Vec::new();
    for frame in frames(&data) {
        let Bsi::Ac3(mut bsi) = frame.bsi().unwrap() else {
            panic!()
        };
        bsi.programme.dialnorm = 11;
        let new = frame.with_bsi(&Bsi::Ac3(bsi.clone())).unwrap();
        assert!(Frame::parse(&new).unwrap().is_intact());
        bsi.programme.compr = Some(1);
        assert!(frame.with_bsi(&Bsi::Ac3(bsi)).is_err());
        changed.extend(new);
    }
    let decode =
        "-v error -xerror -err_detect crccheck+explode -f ac3 -drc_scale 0 -i - -f s16le -";
    let decoded = testing::run("ffmpeg", decode, &changed).unwrap();
    assert_eq!(
        decoded.len(),
        testing::run("ffmpeg", decode, &data).unwrap().len()
    );
    // With what it was, it is as it was.
    let frame = frames(&data)[0];
    assert_eq!(
        frame.with_bsi(&frame.bsi().unwrap()).unwrap(),
        frame.bytes()
    );
}

#[test]
fn little_endian_streams_are_the_same_streams() {
    let Some(data) = made("ac3", "5.1", 44_100, "") else {
        return;
    };
    let swapped: Vec<u8> = data.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
    let (big, little) = (frames(&data), frames(&swapped));
    assert_eq!(big.len(), little.len());
    for (big, little) in big.iter().zip(little) {
        assert!(little.header().is_little_endian() && little.is_intact());
        assert_eq!(little.big_endian(), big.bytes());
        assert_eq!(little.bsi(), big.bsi());
    }
}

/// Sizes of the samples in a dump of androidx/media, of its first track.
fn dump_sizes(dump: &str) -> Vec<usize> {
    let track = dump.split("\ntrack 1:").next().unwrap();
    track
        .split("  sample ")
        .filter(|s| s.starts_with(|c: char| c.is_ascii_digit()))
        .map(|s| {
            s.split("data = length ")
                .nth(1)
                .unwrap()
                .split(',')
                .next()
                .unwrap()
        })
        .map(|size| size.parse().unwrap())
        .collect()
}

#[test]
fn files_walk_as_their_dumps_say() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let media = corpus.join("ac3/androidx-media");
    for (name, blocks) in [
        ("sample.ac3", 6),
        ("sample.eac3", 1),
        ("sample_eac3joc.ec3", 6),
    ] {
        let data = fs::read(media.join(format!("media/ts/{name}"))).unwrap();
        let dump =
            fs::read_to_string(media.join(format!("extractordumps/ts/{name}.0.dump"))).unwrap();
        let expected = dump_sizes(&dump);
        let found = frames(&data);
        let sizes: Vec<usize> = found.iter().map(|f| f.bytes().len()).collect();
        assert_eq!(sizes, expected[..sizes.len()], "{name}");
        // Its last frame is not whole.
        assert!(
            expected.len() - sizes.len() <= usize::from(name == "sample.ac3"),
            "{name}"
        );
        for frame in &found {
            assert!(frame.is_intact(), "{name}");
            assert_eq!(frame.header().blocks(), blocks, "{name}");
            let bsi = check_bsi(frame);
            let joc = matches!(&bsi, Bsi::Eac3(bsi) if bsi.joc_complexity().is_some());
            assert_eq!(joc, name == "sample_eac3joc.ec3");
        }
        if blocks == 1 {
            let mut grouper = Grouper::of_six_blocks();
            let units = found.iter().filter_map(|f| grouper.handle_frame(f)).count();
            assert_eq!(units, (found.len() - 1) / 6);
        }
    }
    for (name, count) in [("silence-44-s.ac3", 106), ("silence-44-s.eac3", 106)] {
        let data = fs::read(corpus.join("ac3/quodlibet-mutagen").join(name)).unwrap();
        let found = frames(&data);
        assert_eq!(found.len(), count);
        for frame in &found {
            check_bsi(frame);
            assert!(frame.is_intact());
        }
    }
}

#[test]
fn boxes_of_files_agree_with_their_frames() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    for (name, joc) in [("sample_eac3", None), ("sample_eac3joc", Some(16))] {
        let path = corpus.join(format!("mp4/androidx-media/media/mp4/{name}.mp4"));
        let data = fs::read(path).unwrap();
        let raw = box_content(&data, b"dec3").unwrap();
        let config = Dec3::parse(raw).unwrap();
        let mut again = Vec::new();
        config.encode(&mut again).unwrap();
        assert_eq!(
            again[..raw.len().min(again.len())],
            raw[..again.len().min(raw.len())]
        );
        let found = frames(&data);
        let made = Dec3::new([found[0]]).unwrap();
        assert_eq!(made.substreams, config.substreams, "{name}");
        assert_eq!(
            made.joc_complexity.is_some(),
            config.joc_complexity.is_some(),
            "{name}"
        );
        assert_eq!(config.joc_complexity.is_some(), joc.is_some(), "{name}");
        assert_eq!(made.joc_complexity, config.joc_complexity);
    }
    let data = fs::read(corpus.join("mp4/androidx-media/media/mp4/sample_ac3.mp4")).unwrap();
    let config = Dac3::parse(box_content(&data, b"dac3").unwrap()).unwrap();
    let Bsi::Ac3(bsi) = frames(&data)[0].bsi().unwrap() else {
        panic!()
    };
    assert_eq!(Dac3::new(&bsi), config);
}

/// A piece that owns its bytes.
#[derive(Debug, PartialEq)]
enum Owned {
    Frame(u64, Vec<u8>),
    Junk(u64, u64),
}

fn own(piece: Piece<Frame<'_>>) -> Owned {
    match piece {
        Piece::Frame { offset, frame } => Owned::Frame(offset, frame.bytes().to_vec()),
        Piece::Junk { offset, len } => Owned::Junk(offset, len),
    }
}

fn split(data: &[u8], cuts: impl IntoIterator<Item = usize>) -> Vec<Owned> {
    let mut splitter = Splitter::new();
    let mut found = Vec::new();
    let mut rest = data;
    for cut in cuts {
        let (piece, more) = rest.split_at(cut.min(rest.len()));
        rest = more;
        splitter.handle_input(piece);
        while let Some(piece) = splitter.poll_piece() {
            found.push(own(piece));
        }
    }
    splitter.handle_input(rest);
    splitter.handle_eof();
    while let Some(piece) = splitter.poll_piece() {
        found.push(own(piece));
    }
    assert!(splitter.is_finished());
    found
}

#[test]
fn damaged_files_keep_their_other_frames() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut random = testing::Random::new(1);
    for path in testing::files(&corpus.join("ac3")) {
        let data = fs::read(&path).unwrap();
        if path.extension().is_some_and(|e| e == "dump") || data.is_empty() {
            continue;
        }
        for _ in 0..200 {
            let cut = &data[..random.below(data.len())];
            for frame in frames(cut) {
                let _ = (frame.is_intact(), frame.bsi());
            }
        }
        let whole = frames(&data).len();
        let mut flipped = data.clone();
        let mut hit = 0;
        for (at, piece) in Frames::new(&data).enumerate() {
            if let Piece::Frame { offset, .. } = piece
                && at % 10 == 5
            {
                flipped[offset as usize + random.below(2)] ^= 1 << random.below(8);
                hit += 1;
            }
        }
        assert!(
            frames(&flipped).len() + 2 * hit >= whole,
            "{}",
            path.display()
        );
        testing::flip_bits(&mut flipped, &mut random);
        let walked: Vec<_> = Frames::new(&flipped).map(own).collect();
        assert_eq!(
            walked,
            split(&flipped, std::iter::repeat_n(37, data.len() / 37))
        );
    }
}

/// A frame of no particular content.
fn any_frame(eac3: bool, code: u8, fill: u8) -> Vec<u8> {
    let head = match eac3 {
        true => [0x0B, 0x77, 0x00, code, 0x34, 0x80, 0x00, 0x00],
        false => [0x0B, 0x77, 0x00, 0x00, code % 38, 0x40, 0x40, 0x00],
    };
    let len = Header::parse(&head).map_or(16, Header::frame_len);
    let mut frame = vec![fill; len.max(16)];
    frame[..8].copy_from_slice(&head);
    frame
}

fn fixture() -> &'static [Vec<u8>] {
    static FRAMES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FRAMES.get_or_init(|| {
        ["ac3", "eac3"]
            .iter()
            .filter_map(|codec| made(codec, "5.1", 44_100, ""))
            .flat_map(|data| {
                frames(&data)
                    .iter()
                    .map(|f| f.bytes().to_vec())
                    .collect::<Vec<_>>()
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        parts in prop::collection::vec(
            prop_oneof![
                4 => (any::<bool>(), any::<u8>(), any::<u8>()).prop_map(|(eac3, code, fill)| any_frame(eac3, code, fill)),
                1 => prop::collection::vec(any::<u8>(), 0..50),
                1 => Just(b"ID3\x04\x00\x10\x00\x00\x00\x20".to_vec()),
                1 => prop::collection::vec(prop::sample::select(&[0x0Bu8, 0x77, b'I', b'D', b'3', 0x40][..]), 0..40),
            ],
            0..12,
        ),
        cuts in prop::collection::vec(0usize..400, 0..60),
    ) {
        let data = parts.concat();
        let found: Vec<_> = Frames::new(&data).map(own).collect();
        prop_assert_eq!(split(&data, cuts), found);
    }

    #[test]
    fn any_start_is_read_or_refused_and_what_was_read_is_written_back(
        eac3: bool, code: u8, body in prop::collection::vec(any::<u8>(), 200), flip in 0usize..4,
    ) {
        let mut data = any_frame(eac3, code, 0);
        data.resize(data.len().max(208), 0);
        data[8..208].copy_from_slice(&body);
        data[6] ^= body[0] & 0xE0;
        data[4] ^= if eac3 { body[1] & 0x0F } else { 0 };
        data[2] ^= if eac3 { [0, 0x40, 0x80, 0][flip] } else { 0 };
        data[5] = if eac3 { 0x80 | body[2] & 7 } else { [0x40, 0x30, 0x28, 0x48][flip] };
        let read = match eac3 {
            true => eac3::Bsi::parse(&data).map(Bsi::Eac3),
            false => ac3::Bsi::parse(&data).map(Bsi::Ac3),
        };
        let bsi = read.unwrap();
        let mut out = Vec::new();
        let bits = write(&bsi, &mut out) as usize;
        if !eac3 {
            data[2..4].fill(0);
        }
        prop_assert_eq!(&out[..bits / 8], &data[..bits / 8]);
    }

    #[test]
    fn frames_of_any_bytes_do_not_panic(mut data: Vec<u8>, eac3: bool, code: u8) {
        data.splice(0..0, any_frame(eac3, code, 0)[..8].iter().copied());
        if let Ok(frame) = Frame::parse(&data) {
            let _ = (frame.is_intact(), frame.bsi(), Dec3::new([frame]));
            if let Ok(bsi) = frame.bsi() {
                let _ = frame.with_bsi(&bsi);
            }
        }
        let _ = (Dec3::parse(&data), Dac3::parse(&data));
    }

    #[test]
    fn a_flipped_bit_is_found(which in 0usize..40, bit in 16usize..4000) {
        let frames = fixture();
        if let Some(frame) = frames.get(which % frames.len().max(1)) {
            let mut frame = frame.clone();
            let bit = 64 + bit % (frame.len() * 8 - 64);
            frame[bit / 8] ^= 0x80 >> (bit % 8);
            prop_assert!(!Frame::parse(&frame).unwrap().is_intact());
        }
    }
}
