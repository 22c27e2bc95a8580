//! MPEG audio: a walk over frames. MPEG-2 video: start codes, pictures, headers.

use crate::{harness::Group, inputs::load};
use fluvial_mpeg2::{audio, video};
use oxideav_bitstream::mpeg2 as oxideav;
use std::{hint::black_box, io::Cursor};
use symphonia_bundle_mp3::MpaReader;
use symphonia_core::{
    formats::{FormatOptions, FormatReader},
    io::{MediaSourceStream, MediaSourceStreamOptions},
};
use transmux::mpeg_legacy::MpegAudioFrameHeader;

fn show<E: std::fmt::Debug>(e: E) -> String {
    format!("{e:?}")
}

pub fn groups() -> Vec<Group> {
    vec![walk(), split(), headers()]
}

fn walk() -> Group {
    let data = load("audio.mp3");
    // The first frame is the encoder's tag.
    let frames = audio::Frames::new(data)
        .filter(|piece| matches!(piece, audio::Piece::Frame { .. }))
        .count() as u64;
    Group::new(
        "mpeg2",
        "MPEG audio frame walk",
        data.len(),
        frames,
        "frame",
    )
    .case("fluvial audio::Frames (whole)", move || {
        let mut n = 0;
        for piece in audio::Frames::new(black_box(data)) {
            if let audio::Piece::Frame { frame, .. } = piece {
                black_box(frame.header().samples());
                black_box(frame.bytes());
                n += 1;
            }
        }
        Ok(n)
    })
    .case("fluvial audio::Splitter (4K push)", move || {
        let mut splitter = audio::Splitter::new();
        let mut n = 0;
        for piece in data.chunks(4096).map(Some).chain([None]) {
            match piece {
                Some(piece) => splitter.handle_input(piece),
                None => splitter.handle_eof(),
            }
            while let Some(piece) = splitter.poll_piece() {
                n += u64::from(matches!(piece, audio::Piece::Frame { .. }));
            }
        }
        Ok(n)
    })
    .case("access-unit (headers only)", move || {
        let (mut at, mut n) = (0, 0);
        while at < data.len() {
            let header = access_unit::mp3::parse_frame_header(&data[at..]).map_err(show)?;
            at += header.frame_length;
            n += 1;
        }
        Ok(n)
    })
    .case("transmux (headers only)", move || {
        let (mut at, mut n) = (0, 0);
        while at < data.len() {
            let header = MpegAudioFrameHeader::parse(&data[at..]).map_err(show)?;
            at += header.frame_length as usize;
            n += 1;
        }
        Ok(n)
    })
    .case("symphonia MpaReader (copies frames)", move || {
        let options = MediaSourceStreamOptions::default();
        let source = MediaSourceStream::new(Box::new(Cursor::new(data)), options);
        let mut reader = MpaReader::try_new(source, FormatOptions::default()).map_err(show)?;
        let mut n = 0;
        while let Some(packet) = reader.next_packet().map_err(show)? {
            black_box(&packet);
            n += 1;
        }
        Ok(n)
    })
}

fn split() -> Group {
    let data = load("video.m2v");
    let units = video::units(data).count() as u64;
    Group::new(
        "mpeg2",
        "MPEG-2 video split",
        data.len(),
        units,
        "start code",
    )
    .case("memchr memmem 00 00 01", move || {
        Ok(memchr::memmem::find_iter(black_box(data), &[0, 0, 1]).count() as u64)
    })
    .case("fluvial video::units", move || {
        let mut n = 0;
        for unit in video::units(black_box(data)) {
            black_box(unit.data);
            n += 1;
        }
        Ok(n)
    })
    .case("fluvial video::pictures", move || {
        Ok(video::pictures(black_box(data)).map(black_box).count() as u64)
    })
    .case("fluvial PictureSplitter (64K push)", move || {
        let mut splitter = video::PictureSplitter::new();
        let mut n = 0;
        for piece in data.chunks(64 << 10).map(Some).chain([None]) {
            match piece {
                Some(piece) => splitter.handle_input(piece),
                None => splitter.handle_eof(),
            }
            while let Some(piece) = splitter.poll_piece() {
                black_box(&piece);
                n += 1;
            }
        }
        Ok(n)
    })
    .case("oxideav-bitstream find_start_codes", move || {
        Ok(oxideav::find_start_codes(black_box(data)).len() as u64)
    })
}

/// Sequence header and extension, picture header and coding extension, of each picture that has them all.
fn headers() -> Group {
    let data = load("video.m2v");
    let units: Vec<video::Unit<'static>> = video::units(data)
        .filter(|unit| {
            matches!(
                unit.code,
                video::StartCode::SEQUENCE_HEADER
                    | video::StartCode::PICTURE
                    | video::StartCode::EXTENSION
            )
        })
        .collect();
    let units: &'static [_] = units.leak();
    let bytes = units.iter().map(|unit| unit.data.len()).sum();
    Group::new(
        "mpeg2",
        "MPEG-2 video headers",
        bytes,
        units.len() as u64,
        "header",
    )
    .case("fluvial", move || {
        let mut n = 0;
        for unit in black_box(units) {
            match unit.code {
                video::StartCode::SEQUENCE_HEADER => {
                    black_box(video::SequenceHeader::parse(unit.data).map_err(show)?);
                }
                video::StartCode::PICTURE => {
                    black_box(video::PictureHeader::parse(unit.data).map_err(show)?);
                }
                _ => {
                    black_box(video::Extension::parse(unit.data).map_err(show)?);
                }
            }
            n += 1;
        }
        Ok(n)
    })
    .case("oxideav-bitstream", move || {
        let mut n = 0;
        for unit in black_box(units) {
            match unit.code {
                video::StartCode::SEQUENCE_HEADER => {
                    black_box(oxideav::parse_sequence_header(unit.data).map_err(show)?);
                }
                video::StartCode::PICTURE => {
                    black_box(oxideav::parse_picture_header(unit.data).map_err(show)?);
                }
                _ if unit.data[0] >> 4 == 1 => {
                    black_box(oxideav::parse_sequence_extension(unit.data).map_err(show)?);
                }
                _ => {
                    black_box(oxideav::parse_picture_coding_extension(unit.data).map_err(show)?);
                }
            }
            n += 1;
        }
        Ok(n)
    })
}
