//! ADTS: made here, from the corpus, and damaged.

use fluvial_aac::adts::{Block, Frame, Frames, Header, Piece, Splitter, Writer};
use fluvial_aac::asc::{ChannelElement, Fields, ProgramConfigElement, Specific};
use fluvial_aac::{AudioSpecificConfig, Error, ObjectType};
use proptest::prelude::*;
use std::fs;
use std::sync::Arc;

/// A piece that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
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

fn walk(data: &[u8]) -> Vec<Owned> {
    Frames::new(data).map(own).collect()
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
        assert!(splitter.buffered_len() < 3 * 8192 + cut);
    }
    splitter.handle_input(rest);
    splitter.handle_eof();
    while let Some(piece) = splitter.poll_piece() {
        found.push(own(piece));
    }
    assert_eq!(splitter.buffered_len(), 0);
    found
}

fn frames(pieces: &[Owned]) -> usize {
    pieces
        .iter()
        .filter(|p| matches!(p, Owned::Frame(..)))
        .count()
}

/// A stream of access units and the frames that they are.
fn stream(units: &[Vec<u8>]) -> (Vec<u8>, Vec<Owned>) {
    let writer = Writer::new(&AudioSpecificConfig::lc(44_100, 2).unwrap()).unwrap();
    let mut data = Vec::new();
    let mut frames = Vec::new();
    for unit in units {
        let start = data.len();
        writer.write(unit, &mut data).unwrap();
        frames.push(Owned::Frame(start as u64, data[start..].to_vec()));
    }
    (data, frames)
}

#[test]
fn a_header_says_what_was_put_in() {
    let writer = Writer::new(&AudioSpecificConfig::lc(44_100, 2).unwrap()).unwrap();
    let mut out = Vec::new();
    writer.write(&[1, 2, 3], &mut out).unwrap();
    assert_eq!(out, [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x5F, 0xFC, 1, 2, 3]);
    let header = Header::parse(&out).unwrap();
    assert_eq!(header.object_type(), ObjectType::AAC_LC);
    assert_eq!(
        (header.sampling_frequency(), header.channel_configuration()),
        (44_100, 2)
    );
    assert_eq!((header.aac_frame_length(), header.headers_len()), (10, 7));
    assert_eq!(
        (header.adts_buffer_fullness(), header.raw_data_blocks()),
        (0x7FF, 1)
    );
    assert!(header.protection_absent() && !header.is_mpeg2());
    assert_eq!(header.samples(), 1024);
    assert_eq!(header.to_bytes(), out[..7]);
}

#[test]
fn errors_name_the_element() {
    let error = |data: &[u8]| Header::parse(data).unwrap_err().to_string();
    assert_eq!(
        error(&[0xFF; 3]),
        "adts_header at bit 0 needs 56 bits, 24 left"
    );
    assert_eq!(error(&[0; 7]), "syncword at bit 12 is 0");
    assert_eq!(error(&[0xFF; 7]), "layer at bit 15 is 3");
    assert_eq!(
        error(&[0xFF, 0xF1, 0x7C, 0, 0, 0, 0]),
        "sampling_frequency_index at bit 22 is 15"
    );
    assert_eq!(
        error(&[0xFF, 0xF1, 0x50, 0, 0, 0xC0, 0]),
        "aac_frame_length at bit 43 is 6"
    );
    let short = Frame::parse(&[0xFF, 0xF1, 0x50, 0x80, 0x01, 0x5F, 0xFC, 1, 2]).unwrap_err();
    assert_eq!(
        short.to_string(),
        "adts_frame at bit 0 needs 80 bits, 72 left"
    );
}

#[test]
fn what_adts_cannot_carry_is_refused() {
    let refused = |config: AudioSpecificConfig| Writer::new(&config).unwrap_err();
    let of = |raw: &[u8]| AudioSpecificConfig::parse(raw).unwrap();
    assert!(matches!(
        refused(of(&[0xB9, 0x89, 0])),
        Error::Invalid {
            field: "audioObjectType",
            value: 23,
            ..
        }
    ));
    assert!(matches!(
        refused(of(&[0x12, 0x14])),
        Error::Invalid {
            field: "frameLengthFlag",
            ..
        }
    ));
    assert!(matches!(refused(of(&[0x11, 0xD8])), Error::TooLong(_)));
    assert!(matches!(
        refused(AudioSpecificConfig::lc(44_056, 2).unwrap()),
        Error::Invalid {
            field: "samplingFrequency",
            value: 44_056,
            ..
        }
    ));
    let writer = Writer::new(&AudioSpecificConfig::lc(44_100, 2).unwrap()).unwrap();
    let mut out = Vec::new();
    assert!(matches!(
        writer.write(&[0; 8185], &mut out),
        Err(Error::TooLong(_))
    ));
    assert!(out.is_empty());
    writer.write(&[0; 8184], &mut out).unwrap();
}

#[test]
fn protected_frames_of_one_and_of_several_blocks_come_back() {
    // protection_absent 0.
    let header = Header::parse(&[0xFF, 0xF0, 0x50, 0x80, 0x01, 0x7F, 0xFC]).unwrap();
    let blocks = [
        Block {
            data: &[1; 20],
            crc: Some(0x1234),
        },
        Block {
            data: &[2; 30],
            crc: Some(0x5678),
        },
        Block {
            data: &[],
            crc: Some(0),
        },
        Block {
            data: &[4; 7],
            crc: Some(9),
        },
    ];
    for count in 1..=4 {
        let mut out = Vec::new();
        header.encode_frame(&blocks[..count], &mut out).unwrap();
        let frame = Frame::parse(&out).unwrap();
        assert_eq!(frame.bytes().len(), out.len());
        assert_eq!(frame.header().raw_data_blocks(), count);
        let found: Vec<Block<'_>> = frame.blocks().unwrap().collect();
        assert_eq!(found, blocks[..count]);
        assert_eq!(frame.is_header_intact(), (count > 1).then_some(true));
        let mut damaged = out.clone();
        damaged[3] ^= 0x20;
        let frame = Frame::parse(&damaged).unwrap();
        assert_eq!(frame.is_header_intact(), (count > 1).then_some(false));
        // The same without protection: blocks that only a decoder tells apart.
        let open = Header::parse(&[0xFF, 0xF1, 0x50, 0x80, 0x01, 0x5F, 0xFC]).unwrap();
        out.clear();
        open.encode_frame(&blocks[..count], &mut out).unwrap();
        assert_eq!(Frame::parse(&out).unwrap().blocks().is_ok(), count == 1);
    }
    let mut out = Vec::new();
    assert!(header.encode_frame(&[], &mut out).is_err());
    assert!(
        header
            .encode_frame(
                &[Block {
                    data: &[1],
                    crc: None
                }],
                &mut out
            )
            .is_err()
    );
    assert!(header.encode_frame(&[blocks[0]; 5], &mut out).is_err());
}

#[test]
fn a_layout_that_is_spelled_out_travels_in_the_frames() {
    let mut fields = Fields::ga(ObjectType::AAC_LC, 48_000, 0);
    let Specific::Ga(ga) = &mut fields.specific else {
        unreachable!()
    };
    ga.program_config_element = Some(Arc::new(ProgramConfigElement {
        object_type: 1,
        sampling_frequency_index: 3,
        front: vec![ChannelElement {
            is_cpe: true,
            tag: 0,
        }],
        lfe: vec![0],
        ..ProgramConfigElement::default()
    }));
    let config = AudioSpecificConfig::new(fields).unwrap();
    let mut out = Vec::new();
    let writer = Writer::new(&config).unwrap();
    writer.write(&[0x20, 1, 2], &mut out).unwrap();
    let frame = Frame::parse(&out).unwrap();
    assert_eq!(frame.config().unwrap(), config);
    let unit = frame.blocks().unwrap().next().unwrap().data.to_vec();
    assert!(unit.ends_with(&[0x20, 1, 2]) && unit.len() > 3);
    // Not a second time.
    let mut again = Vec::new();
    writer.write(&unit, &mut again).unwrap();
    assert_eq!(again, out);
}

#[test]
fn a_tag_is_passed_over_whatever_is_in_it() {
    let (data, frames) = stream(&[vec![1; 50], vec![2; 60], vec![3; 70]]);
    let mut tagged = b"ID3\x04\x00\x00\x00\x00\x02\x00".to_vec();
    // 256 bytes that look like frames.
    tagged.extend(
        [0xFF, 0xF1, 0x50, 0x80, 0x00, 0xFF, 0xFC, 0]
            .iter()
            .cycle()
            .take(256),
    );
    let tag = tagged.len() as u64;
    tagged.extend(&data);
    let found = walk(&tagged);
    assert_eq!(found[0], Owned::Junk(0, tag));
    assert_eq!(found.len(), 1 + frames.len());
}

#[test]
fn a_frame_that_was_cut_short_does_not_take_the_next_one_along() {
    let units: Vec<Vec<u8>> = (0..5).map(|n| vec![n; 100]).collect();
    let (data, _) = stream(&units);
    // The third frame loses its last 40 bytes.
    let mut cut = data[..3 * 107 - 40].to_vec();
    cut.extend(&data[3 * 107..]);
    let found = walk(&cut);
    assert_eq!(found[2], Owned::Junk(214, 67));
    assert_eq!(frames(&found), 4);
    // Junk between frames costs no frame.
    let mut junk = data[..214].to_vec();
    junk.extend([0x55; 33]);
    junk.extend(&data[214..]);
    let found = walk(&junk);
    assert_eq!(found[2], Owned::Junk(214, 33));
    assert_eq!(frames(&found), 5);
}

#[test]
fn at_a_boundary_nothing_is_waited_for() {
    let (data, frames) = stream(&[vec![1; 50], vec![2; 60]]);
    let mut splitter = Splitter::new();
    splitter.handle_input(&data);
    assert!(splitter.poll_piece().is_some());
    assert_eq!(splitter.poll_piece(), None);
    splitter.handle_boundary();
    assert_eq!(splitter.poll_piece().map(own).as_ref(), Some(&frames[1]));
    // The first frame of all, too, and half a frame stays.
    let mut splitter = Splitter::new();
    splitter.handle_input(&data[..57]);
    splitter.handle_boundary();
    assert!(matches!(splitter.poll_piece(), Some(Piece::Frame { .. })));
    splitter.handle_input(&data[57..80]);
    splitter.handle_boundary();
    assert_eq!(splitter.poll_piece(), None);
    splitter.handle_input(&data[80..]);
    splitter.handle_boundary();
    assert!(matches!(
        splitter.poll_piece(),
        Some(Piece::Frame { offset: 57, .. })
    ));
}

/// The sizes of the samples in a dump of androidx/media.
fn dump_sizes(dump: &str) -> Vec<usize> {
    // The ID3 tags are a track of their own.
    let audio = dump.split("\ntrack 1:").next().unwrap();
    let samples = audio
        .split("  sample ")
        .filter(|s| s.starts_with(|c: char| c.is_ascii_digit()));
    let sizes = samples.filter_map(|s| s.split("data = length ").nth(1)?.split(',').next());
    sizes.map(|s| s.parse().unwrap()).collect()
}

#[test]
fn files_walk_as_their_dumps_say() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let media = corpus.join("aac/androidx-media");
    for name in ["sample", "sample_cbs_truncated", "sample_with_id3"] {
        let data = fs::read(media.join(format!("media/ts/{name}.adts"))).unwrap();
        let dump = media.join(format!("extractordumps/ts/{name}.adts.0.dump"));
        let expected = dump_sizes(&fs::read_to_string(dump).unwrap());
        let units: Vec<usize> = Frames::new(&data)
            .filter_map(|piece| match piece {
                Piece::Frame { frame, .. } => Some(frame),
                Piece::Junk { .. } => None,
            })
            .map(|frame| frame.blocks().unwrap().map(|b| b.data.len()).sum())
            .collect();
        // The dumps' reader gives the last frame also where it is cut short.
        let whole = units.len();
        assert!(
            expected.len() - whole <= usize::from(name == "sample_cbs_truncated"),
            "{name}"
        );
        assert_eq!(units, expected[..whole], "{name}");
    }
}

/// Frames that the corpus has by other hands' count, where these say anything.
const COUNTS: [(&str, usize); 7] = [
    ("aac/Borewit-music-metadata/aac/adts-mpeg4-2.aac", 14),
    ("aac/androidx-media/media/aac/bbb_1ch_8kHz_aac_lc.aac", 25),
    ("aac/androidx-media/media/aac/sine.aac", 45),
    ("aac/androidx-media/media/ts/sample.adts", 144),
    ("aac/gpac-testsuite/auxiliary_files/enst_audio.aac", 330),
    ("aac/videojs-mux.js/segments/test-aac-segment.aac", 430),
    ("aac/wader-fq/adts", 3),
];

#[test]
fn files_have_the_frames_that_others_count() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    for (name, count) in COUNTS {
        let data = fs::read(corpus.join(name)).unwrap();
        let found = walk(&data);
        assert_eq!(frames(&found), count, "{name}");
        assert_eq!(
            split(&data, [1, 2, 3, 5000, 70, 70].into_iter().cycle().take(200)),
            found
        );
        let args = "-v error -f aac -show_entries packet=size -of csv=p=0 -";
        let Some(listed) = testing::run("ffprobe", args, &data) else {
            continue;
        };
        let listed: Vec<usize> = String::from_utf8(listed)
            .unwrap()
            .split_ascii_whitespace()
            .map(|size| size.trim_end_matches(',').parse().unwrap())
            .collect();
        let sizes: Vec<usize> = found
            .iter()
            .filter_map(|piece| match piece {
                Owned::Frame(_, bytes) => Some(bytes.len()),
                Owned::Junk(..) => None,
            })
            .collect();
        assert_eq!(sizes, listed, "{name}");
    }
}

#[test]
fn ffmpeg_reads_what_is_written_here_and_the_other_way_round() {
    let args = "-v error -f lavfi -i sine=440:d=1 -ac 2 -ar 48000 -c:a aac -f adts -";
    let Some(theirs) = testing::run("ffmpeg", args, &[]) else {
        return;
    };
    let mut ours = Vec::new();
    let mut config = None;
    for piece in Frames::new(&theirs) {
        let Piece::Frame { frame, .. } = piece else {
            panic!("{piece:?}")
        };
        let config = config.get_or_insert_with(|| frame.config().unwrap());
        let writer = Writer::new(config).unwrap();
        for block in frame.blocks().unwrap() {
            writer.write(block.data, &mut ours).unwrap();
        }
    }
    let config = config.unwrap();
    assert_eq!(
        (config.sampling_frequency(), config.channels()),
        (48_000, 2)
    );
    assert_eq!(ours, theirs);
}

#[test]
fn damaged_files_keep_their_other_frames() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut random = testing::Random::new(1);
    for path in testing::files(&corpus.join("aac")) {
        let data = fs::read(&path).unwrap();
        if data.is_empty() || data.len() > 200_000 {
            continue;
        }
        let whole = frames(&walk(&data));
        for _ in 0..200 {
            let cut = &data[..random.below(data.len())];
            let found = walk(cut);
            let bytes: u64 = found
                .iter()
                .map(|piece| match piece {
                    Owned::Frame(_, bytes) => bytes.len() as u64,
                    Owned::Junk(_, len) => *len,
                })
                .sum();
            assert_eq!(bytes, cut.len() as u64, "{}", path.display());
        }
        // One frame in ten loses a bit of its header: the others are still found.
        let mut flipped = data.clone();
        let mut hit = 0;
        for (at, piece) in Frames::new(&data).enumerate() {
            if let Piece::Frame { offset, .. } = piece
                && at % 10 == 5
            {
                flipped[offset as usize + random.below(7)] ^= 1 << random.below(8);
                hit += 1;
            }
        }
        let found = frames(&walk(&flipped));
        assert!(
            found + 2 * hit >= whole,
            "{}: {found} of {whole}, {hit} hit",
            path.display()
        );
        // One bit in a hundred.
        testing::flip_bits(&mut flipped, &mut random);
        assert_eq!(
            walk(&flipped),
            split(&flipped, std::iter::repeat_n(37, data.len() / 37))
        );
    }
}

proptest! {
    #[test]
    fn cuts_change_nothing(
        parts in prop::collection::vec(
            prop_oneof![
                4 => prop::collection::vec(any::<u8>(), 0..300).prop_map(|unit| {
                    let mut out = Vec::new();
                    let config = AudioSpecificConfig::lc(44_100, 2).unwrap();
                    Writer::new(&config).unwrap().write(&unit, &mut out).unwrap();
                    out
                }),
                1 => prop::collection::vec(any::<u8>(), 0..50),
                1 => Just(b"ID3\x04\x00\x10\x00\x00\x00\x20".to_vec()),
                1 => prop::collection::vec(prop::sample::select(&[0xFFu8, 0xF1, 0x50, 0x80, 0x01, b'I', b'D', b'3'][..]), 0..40),
            ],
            0..20,
        ),
        cuts in prop::collection::vec(0usize..200, 0..60),
    ) {
        let data = parts.concat();
        let found = walk(&data);
        prop_assert_eq!(&split(&data, cuts), &found);
        let mut at = 0;
        for piece in &found {
            let (offset, len) = match piece {
                Owned::Frame(offset, bytes) => {
                    prop_assert_eq!(&bytes[..], &data[at as usize..at as usize + bytes.len()]);
                    (*offset, bytes.len() as u64)
                }
                Owned::Junk(offset, len) => (*offset, *len),
            };
            prop_assert_eq!(offset, at);
            at += len;
        }
        prop_assert_eq!(at, data.len() as u64);
    }

    #[test]
    fn whole_streams_come_back(units in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..500), 1..20)) {
        let (data, frames) = stream(&units);
        prop_assert_eq!(walk(&data), frames);
    }

    #[test]
    fn frames_of_any_bytes_do_not_panic(mut data: Vec<u8>, tail: [u8; 6]) {
        data.splice(0..0, [&[0xFF], &tail[..]].concat());
        if let Ok(frame) = Frame::parse(&data) {
            let _ = (frame.config(), frame.is_header_intact());
            if let Ok(blocks) = frame.blocks() {
                prop_assert!(blocks.count() <= 4);
            }
        }
    }
}
