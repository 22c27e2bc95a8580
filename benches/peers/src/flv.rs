//! FLV files: tags read and written.

use crate::{harness::Group, inputs::load};
use bytes::Bytes;
use fluvial_media::Event;
use fluvial_rtmp::{
    Limits,
    flv::{FileDemuxer, FileItem, FileReader},
};
use std::{hint::black_box, io::Cursor};

pub fn groups() -> Vec<Group> {
    vec![read()]
}

/// Bytes of one read.
const READ: usize = 64 << 10;

fn read() -> Group {
    let file = load("av.flv");
    let shared = Bytes::from_static(file);
    let mut tags = 0;
    let mut at = 13;
    while at + 11 <= file.len() {
        let len = u32::from_be_bytes([0, file[at + 1], file[at + 2], file[at + 3]]) as usize;
        at += 11 + len + 4;
        tags += 1;
    }
    Group::new("flv", "read", file.len(), tags, "tag")
        .case("fluvial FileReader (64K push)", move || {
            let mut reader = FileReader::new(&Limits::default());
            let mut n = 0;
            for mut piece in file.chunks(READ) {
                while let Some(item) = reader.read(&mut piece) {
                    n += u64::from(matches!(black_box(item), FileItem::Tag { .. }));
                }
            }
            Ok(n)
        })
        .case("fluvial FileDemuxer, to samples", move || {
            let mut demuxer = FileDemuxer::new(Limits::default());
            let mut n = 0;
            for piece in file.chunks(READ).map(Some).chain([None]) {
                match piece {
                    Some(piece) => demuxer.handle_input(piece),
                    None => demuxer.handle_eof(),
                }
                while let Some(event) = demuxer.poll_event().map_err(|e| e.to_string())? {
                    n += u64::from(matches!(black_box(event), Event::Sample(_)));
                }
            }
            Ok(n)
        })
        .case("scuffle-flv FlvFile (whole, shared)", move || {
            let mut cursor = Cursor::new(shared.clone());
            let flv =
                scuffle_flv::file::FlvFile::demux(&mut cursor).map_err(|e| format!("{e:?}"))?;
            Ok(black_box(flv).tags.len() as u64)
        })
}
