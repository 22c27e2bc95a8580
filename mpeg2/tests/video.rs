//! Streams of ffmpeg: taken apart, read, written, timed, damaged.

use fluvial_mpeg2::video::{
    Bars, CaptionType, Captions, Extension, GroupOfPictures, Picture, PictureHeader,
    PictureSplitter, PictureType, Sequence, SequenceHeader, Slice, StartCode, Timeline, Timing,
    UserData, pictures, units,
};
use proptest::prelude::*;
use wire::framing::Piece;

const SOURCE: &str = "-v error -f lavfi -i testsrc2=s=176x144:r=25:d=2";

fn made(options: &str) -> Option<Vec<u8>> {
    let stream = testing::run("ffmpeg", &format!("{SOURCE} {options} -"), &[])?;
    assert!(!stream.is_empty(), "{options}");
    Some(stream)
}

const STREAMS: [&str; 6] = [
    "-c:v mpeg2video -bf 2 -g 12 -f mpeg2video",
    "-c:v mpeg2video -bf 0 -g 5 -f mpeg2video",
    "-c:v mpeg2video -bf 2 -flags +ildct+ilme+cgop -sc_threshold 1000000000 -alternate_scan 1 -pix_fmt yuv422p -f mpeg2video",
    "-c:v mpeg2video -flags low_delay -f mpeg2video",
    "-c:v mpeg1video -bf 2 -g 12 -f mpeg1video",
    "-c:v mpeg1video -bf 1 -s 352x288 -r 30000/1001 -f mpeg1video",
];

fn whole(stream: &[u8]) -> Vec<Picture<'_>> {
    let pieces = pictures(stream).map(|piece| match piece {
        Piece::Frame { frame, .. } => frame,
        Piece::Junk { .. } => panic!("{piece:?}"),
    });
    pieces.collect()
}

/// A unit read, and written again.
fn rewritten(code: StartCode, data: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match code {
        StartCode::SEQUENCE_HEADER => SequenceHeader::parse(data).ok()?.encode(&mut out),
        StartCode::EXTENSION => Extension::parse(data).ok()?.encode(&mut out),
        StartCode::GROUP => GroupOfPictures::parse(data).ok()?.encode(&mut out),
        StartCode::PICTURE => PictureHeader::parse(data).ok()?.encode(&mut out),
        StartCode::USER_DATA => UserData::parse(data).ok()?.encode(&mut out),
        _ => return None,
    }
    .unwrap();
    Some(out)
}

#[test]
fn headers_are_written_back_bit_for_bit() {
    for options in STREAMS {
        let Some(stream) = made(options) else { return };
        for unit in units(&stream) {
            if let Some(out) = rewritten(unit.code, unit.data) {
                let expected = &stream[unit.offset..unit.offset + 4 + unit.data.len()];
                assert_eq!(out, expected, "{options} {:?}", unit.code);
            } else if unit.code.is_slice() {
                let (slice, bits) = Slice::parse(unit.code, unit.data, 144).unwrap();
                let mut out = Vec::new();
                let mut w = wire::BitWriter::new(&mut out);
                slice.write(144, &mut w).unwrap();
                assert_eq!(w.position(), bits + 32);
                w.align_zero();
                let full = bits as usize / 8;
                assert_eq!(out[4..4 + full], unit.data[..full]);
            } else {
                assert_eq!(unit.code, StartCode::SEQUENCE_END);
            }
        }
    }
}

fn timings(stream: &[u8]) -> Vec<(Timing, PictureType)> {
    let mut timeline = Timeline::new();
    for picture in whole(stream) {
        let (header, _) = picture.headers().next().unwrap().unwrap();
        timeline.push(&picture, header.picture_coding_type).unwrap();
    }
    timeline.finish();
    std::iter::from_fn(|| timeline.pop()).collect()
}

#[test]
fn times_are_those_of_ffmpeg() {
    for (options, frame) in [
        ("-c:v mpeg2video -bf 2 -g 12", 3600),
        (
            "-c:v mpeg2video -bf 2 -g 12 -flags +cgop -sc_threshold 1000000000",
            3600,
        ),
        ("-c:v mpeg2video -bf 0", 3600),
        ("-c:v mpeg1video -bf 2 -g 12", 3600),
    ] {
        // The encoder knows the times; a stream without a container has to be asked for them.
        let Some(ts) = made(&format!("{options} -f mpegts")) else {
            return;
        };
        let args = "-v error -f mpegts -show_entries packet=pts,dts -of csv=p=0 -";
        let text = testing::run("ffprobe", args, &ts).unwrap();
        let text = String::from_utf8(text).unwrap();
        let theirs: Vec<(i64, i64)> = text
            .lines()
            .filter_map(|line| {
                let mut numbers = line.split(',').map_while(|part| part.parse().ok());
                let pts: i64 = numbers.next()?;
                Some((numbers.next()?, pts))
            })
            .collect();
        let format = options.split(' ').nth(1).unwrap();
        let args = format!("-v error -i - -c copy -f {format} -");
        let es = testing::run("ffmpeg", &args, &ts).unwrap();
        let ours = timings(&es);
        assert_eq!(ours.len(), theirs.len(), "{options}");
        let start = theirs.iter().map(|(_, pts)| pts).min().unwrap();
        for ((timing, _), (dts, pts)) in ours.iter().zip(&theirs) {
            assert_eq!(timing.pts * frame / 2, pts - start, "{options}");
            if !options.contains("-bf 0") {
                assert_eq!(timing.dts * frame / 2, dts - start, "{options}");
            }
        }
    }
}

#[test]
fn pictures_and_sizes_are_those_of_ffprobe() {
    for options in STREAMS {
        let Some(stream) = made(options) else { return };
        let args = "-v error -f mpegvideo -show_entries packet=size -of csv=p=0 -";
        let text = String::from_utf8(testing::run("ffprobe", args, &stream).unwrap()).unwrap();
        let sizes: Vec<usize> = text
            .lines()
            .filter_map(|line| line.split(',').next()?.parse().ok())
            .collect();
        let found = whole(&stream);
        let ours: Vec<usize> = found.iter().map(|picture| picture.data.len()).collect();
        assert_eq!(ours, sizes, "{options}");
        let args =
            "-v error -f mpegvideo -show_entries stream=width,height,r_frame_rate -of csv=p=0 -";
        let text = String::from_utf8(testing::run("ffprobe", args, &stream).unwrap()).unwrap();
        let sequence = found[0].sequence().unwrap().unwrap();
        let rate = sequence.frame_rate().unwrap();
        let shown = format!(
            "{},{},{}/{}",
            sequence.width(),
            sequence.height(),
            rate.frames,
            rate.seconds
        );
        assert_eq!(shown, text.trim().trim_end_matches(','), "{options}");
        assert_eq!(sequence.is_mpeg2(), options.contains("mpeg2video"));
    }
}

/// The stream with its picture coding extensions changed.
fn with_coding(
    stream: &[u8],
    mut change: impl FnMut(usize, &mut fluvial_mpeg2::video::PictureCoding),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut count = 0;
    for unit in units(stream) {
        match Extension::parse(unit.data) {
            Ok(Extension::PictureCoding(mut coding)) if unit.code == StartCode::EXTENSION => {
                change(count, &mut coding);
                count += 1;
                Extension::PictureCoding(coding).encode(&mut out).unwrap();
            }
            _ => {
                out.extend(unit.code.bytes());
                out.extend(unit.data);
            }
        }
    }
    out
}

#[test]
fn repeated_fields_are_shown_as_long_as_ffprobe_says() {
    let Some(stream) = made("-c:v mpeg2video -bf 2 -flags +ildct -f mpeg2video") else {
        return;
    };
    // 3:2 pull-down of decoding order: any pattern will do.
    let stream = with_coding(&stream, |n, coding| {
        coding.progressive_frame = true;
        coding.chroma_420_type = true;
        coding.frame_pred_frame_dct = true;
        coding.repeat_first_field = n % 2 == 1;
    });
    let args = "-v error -f mpegvideo -show_entries frame=repeat_pict -of csv=p=0 -";
    let text = String::from_utf8(testing::run("ffprobe", args, &stream).unwrap()).unwrap();
    let theirs: Vec<u32> = text
        .lines()
        .filter_map(|line| line.trim_matches(',').parse().ok())
        .collect();
    let mut ours = timings(&stream);
    ours.sort_by_key(|(timing, _)| timing.pts);
    assert!(
        ours.windows(2)
            .all(|pair| pair[0].0.pts + i64::from(pair[0].0.duration) == pair[1].0.pts)
    );
    let ours: Vec<u32> = ours.iter().map(|(timing, _)| timing.duration - 2).collect();
    assert_eq!(ours, theirs);
    assert!(ours.contains(&1));
}

#[test]
fn the_order_of_times_is_that_of_temporal_references() {
    let Some(stream) = made(STREAMS[0]) else {
        return;
    };
    let mut timeline = Timeline::new();
    let mut groups = 0;
    for picture in whole(&stream) {
        groups += i64::from(picture.units().any(|unit| unit.code == StartCode::GROUP));
        let (header, _) = picture.headers().next().unwrap().unwrap();
        timeline
            .push(&picture, (groups, header.temporal_reference))
            .unwrap();
    }
    timeline.finish();
    let mut shown: Vec<_> = std::iter::from_fn(|| timeline.pop()).collect();
    assert!(shown.windows(2).all(|pair| pair[0].0.dts < pair[1].0.dts));
    shown.sort_by_key(|(timing, _)| timing.pts);
    assert!(shown.windows(2).all(|pair| pair[0].1 < pair[1].1));
}

/// A stream of two fields per frame, made by hand.
fn fields() -> Vec<u8> {
    let Some(stream) = made(STREAMS[0]) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for picture in whole(&stream) {
        let mut second = Vec::new();
        for unit in picture.units() {
            let mut data = unit.data.to_vec();
            let is_coding = unit.code == StartCode::EXTENSION && data[0] >> 4 == 8;
            if is_coding {
                data[2] = data[2] & !3 | 1;
            }
            out.extend(unit.code.bytes());
            out.extend(&data);
            if unit.code == StartCode::PICTURE || is_coding || unit.code.is_slice() {
                if is_coding {
                    data[2] = data[2] & !3 | 2;
                }
                second.extend(unit.code.bytes());
                second.extend(&data);
            }
        }
        out.extend(second);
    }
    out
}

#[test]
fn the_fields_of_a_frame_stay_together() {
    let stream = fields();
    if stream.is_empty() {
        return;
    }
    let found = whole(&stream);
    assert_eq!(found.len(), 50);
    assert!(found.iter().all(|picture| picture.headers().count() == 2));
    assert!(
        timings(&stream)
            .iter()
            .all(|(timing, _)| timing.duration == 2)
    );
    // The first field of one and the first of another are two frames.
    let half: Vec<u8> = found
        .iter()
        .flat_map(|picture| {
            let second = picture
                .units()
                .filter(|unit| unit.code == StartCode::PICTURE)
                .nth(1);
            picture.data[..second.unwrap().offset].to_vec()
        })
        .collect();
    assert_eq!(whole(&half).len(), 50);
    assert_eq!(split(&stream, 77), pieces(&stream));
}

fn split(stream: &[u8], size: usize) -> Vec<String> {
    let mut splitter = PictureSplitter::new();
    let mut found = Vec::new();
    for piece in stream.chunks(size).map(Some).chain([None]) {
        match piece {
            Some(piece) => splitter.handle_input(piece),
            None => splitter.handle_eof(),
        }
        while let Some(piece) = splitter.poll_piece() {
            found.push(format!("{piece:?}"));
        }
    }
    assert_eq!(splitter.buffered_len(), 0);
    found
}

fn pieces(stream: &[u8]) -> Vec<String> {
    pictures(stream).map(|piece| format!("{piece:?}")).collect()
}

#[test]
fn what_is_too_long_for_a_picture_is_dropped() {
    let mut stream = [StartCode::GROUP.bytes(), [0, 8, 0, 0x40]].concat();
    let picture = [0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8, 0, 0, 1, 1, 0x11];
    stream.extend(picture);
    stream.resize(17 << 20, 0x55);
    stream.extend(picture);
    stream.extend(picture);
    let found = pieces(&stream);
    assert_eq!(found.len(), 3);
    assert_eq!(split(&stream, 1 << 16), found);
}

#[test]
fn damage_makes_no_difference_between_ways_to_cut() {
    let mut random = testing::Random::new(1);
    for options in STREAMS {
        let Some(mut stream) = made(options) else {
            return;
        };
        stream.truncate(30_000);
        for place in 0..200 {
            let cut = &stream[..stream.len() * place / 200];
            let total: usize = pictures(cut)
                .map(|piece| match piece {
                    Piece::Frame { frame, .. } => frame.data.len(),
                    Piece::Junk { len, .. } => len as usize,
                })
                .sum();
            assert_eq!(total, cut.len());
        }
        testing::flip_bits(&mut stream, &mut random);
        let mut timeline = Timeline::new();
        for piece in pictures(&stream) {
            if let Piece::Frame { frame, .. } = piece {
                let _ = timeline.push(&frame, ());
                let _ = Sequence::find(frame.data);
            }
        }
        for unit in units(&stream) {
            if let Some(once) = rewritten(unit.code, unit.data) {
                assert_eq!(rewritten(unit.code, &once[4..]), Some(once));
            }
        }
        assert_eq!(
            split(&stream, 1 + random.below(3000)),
            pieces(&stream),
            "{options}"
        );
    }
}

#[test]
fn ffmpeg_finds_the_captions_and_formats_that_are_written() {
    let Some(stream) = made(STREAMS[0]) else {
        return;
    };
    let captions = UserData::Captions(Captions {
        process_cc_data: true,
        pairs: vec![
            (CaptionType::Field1, true, [0x94, 0x2C]),
            (CaptionType::PacketData, false, [0, 0]),
        ],
    });
    let mut out = Vec::new();
    for unit in units(&stream) {
        if unit.code == StartCode::FIRST_SLICE {
            captions.encode(&mut out).unwrap();
            UserData::ActiveFormat(Some(10)).encode(&mut out).unwrap();
            UserData::Bars(Bars {
                top: Some(20),
                bottom: Some(120),
                ..Bars::default()
            })
            .encode(&mut out)
            .unwrap();
        }
        out.extend(unit.code.bytes());
        out.extend(unit.data);
    }
    let args = "-v error -f mpegvideo -show_frames -";
    let text = String::from_utf8(testing::run("ffprobe", args, &out).unwrap()).unwrap();
    assert_eq!(text.matches("Closed Captions").count(), 50);
    assert_eq!(text.matches("Active format").count(), 50);
    let read = units(&out).filter(|unit| unit.code == StartCode::USER_DATA);
    let read: Vec<_> = read
        .take(3)
        .map(|unit| UserData::parse(unit.data).unwrap())
        .collect();
    assert_eq!(read[0], captions);
    assert_eq!(read[1], UserData::ActiveFormat(Some(10)));
}

proptest! {
    #[test]
    fn units_read_are_the_units_written(code in 0u8..=0xB8, data in proptest::collection::vec(any::<u8>(), 0..120)) {
        let code = StartCode([0x00, 0xB2, 0xB3, 0xB5, 0xB8][usize::from(code) % 5]);
        if let Some(once) = rewritten(code, &data) {
            prop_assert_eq!(rewritten(code, &once[4..]), Some(once));
        }
    }

    #[test]
    fn extensions_read_are_the_extensions_written(id in 0u8..16, mut data in proptest::collection::vec(any::<u8>(), 3..40)) {
        data[0] = data[0] & 15 | id << 4;
        if let Ok(extension) = Extension::parse(&data) {
            let mut out = Vec::new();
            extension.encode(&mut out).unwrap();
            prop_assert_eq!(Extension::parse(&out[4..]), Ok(extension));
        }
    }

    #[test]
    fn cuts_change_nothing(
        parts in proptest::collection::vec(prop_oneof![
            4 => Just(vec![0, 0, 1, 0, 0, 0x0F, 0xFF, 0xF8]),
            3 => (1u8..4).prop_map(|structure| vec![0, 0, 1, 0xB5, 0x8F, 0xFF, 0xF0 | structure, 0x80]),
            2 => Just(vec![0, 0, 1, 0xB3, 1, 2]),
            1 => Just(vec![0, 0, 1, 0xB8, 1]),
            3 => Just(vec![0, 0, 1, 1, 9, 9]),
            2 => proptest::collection::vec(0u8..2, 0..5),
        ], 0..20),
        size in 1usize..20,
    ) {
        let stream = parts.concat();
        prop_assert_eq!(split(&stream, size), pieces(&stream));
    }
}

/// Every file of the corpus that has MPEG video, in whatever container, but `sample_with_junk`: of that one ffmpeg loses packets, so
/// that the elementary stream which it makes is another one.
const SOURCES: [&str; 9] = [
    "mpeg2video/sindresorhus-file-type/fixture.mpg",
    "mpeg2video/androidx-media/media/ts/sample_h262_mpeg_audio.ts",
    "mpeg2video/androidx-media/media/ts/sample_with_sdt.ts",
    "mpegps/UniversalMediaServer-UniversalMediaServer/videos/action_success-512.mpg",
    "mpegps/UniversalMediaServer-UniversalMediaServer/videos/button_cancel-512.mpg",
    "mpegps/androidx-media/media/ts/sample_h262_mpeg_audio.ps",
    "mpegts/androidx-media/media/ts/bbb_2500ms.ts",
    "mpegts/androidx-media/media/ts/sample_scte35.ts",
    "mpegts/androidx-media/media/ts/sample_h262_mpeg_audio.ts",
];

#[test]
fn the_corpus_is_shown_as_ffprobe_shows_it() {
    let Some(corpus) = testing::corpus("") else {
        return;
    };
    let mut shown = 0;
    for name in SOURCES {
        let file = std::fs::read(corpus.join(name)).unwrap();
        let args = "-v error -i - -map 0:v:0 -c copy -f mpeg2video -";
        let Some(mut stream) = testing::ask("ffmpeg", args, &file) else {
            return;
        };
        let args = "-v error -f mpegvideo -show_entries packet=size -of csv=p=0 -";
        let sizes: Vec<usize> = testing::csv("ffprobe", args, &stream)
            .unwrap()
            .iter()
            .map(|line| line[0].parse().unwrap())
            .collect();
        let found = whole(&stream);
        let ours: Vec<usize> = found.iter().map(|picture| picture.data.len()).collect();
        assert_eq!(ours, sizes, "{name}");

        // In the order of our times: types and durations of what comes out of the decoder.
        let args = "-v quiet -f mpegvideo -show_entries frame=pict_type,repeat_pict -of csv=p=0 -";
        let theirs: Vec<(String, u32)> = testing::csv("ffprobe", args, &stream)
            .unwrap()
            .into_iter()
            .filter_map(|line| {
                let kind = line
                    .iter()
                    .find(|field| matches!(&***field, "I" | "P" | "B"))?;
                let repeat = line.iter().find_map(|field| field.parse().ok())?;
                Some((kind.clone(), repeat))
            })
            .collect();
        let mut ours = timings(&stream);
        assert_eq!(ours.len(), found.len(), "{name}");
        assert!(
            ours.windows(2).all(|pair| pair[0].0.dts < pair[1].0.dts),
            "{name}"
        );
        assert!(
            ours.iter().all(|(timing, _)| timing.dts <= timing.pts),
            "{name}"
        );
        ours.sort_by_key(|(timing, _)| timing.pts);
        let ours: Vec<(String, u32)> = ours
            .iter()
            .map(|(timing, kind)| (format!("{kind:?}"), timing.duration - 2))
            .collect();
        assert_eq!(ours, theirs, "{name}");
        shown += theirs.len();

        for unit in units(&stream) {
            if let Some(out) = rewritten(unit.code, unit.data) {
                assert_eq!(out, stream[unit.offset..][..out.len()], "{name}");
            }
        }
        for at in (0..stream.len()).step_by(97) {
            stream[at] ^= 1 << (at % 8);
        }
        assert_eq!(split(&stream, 188), pieces(&stream), "{name}");
    }
    assert!(shown > 100, "{shown}");
}
