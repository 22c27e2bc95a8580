//! HLS playlists.

use crate::{harness::Group, inputs::load};
use fluvial_hls::{Line, Lines};
use hls_m3u8::MediaPlaylist;
use quick_m3u8::{HlsLine, Reader as QuickReader, config::ParsingOptionsBuilder};
use std::hint::black_box;

pub fn groups() -> Vec<Group> {
    vec![m3u8_parse(), m3u8_write()]
}

fn show<E: std::fmt::Debug>(e: E) -> String {
    format!("{e:?}").chars().take(160).collect()
}

const SEGMENTS: u64 = 10_000;

fn playlist() -> &'static str {
    std::str::from_utf8(load("media.m3u8")).unwrap()
}

fn m3u8_parse() -> Group {
    let text = playlist();
    Group::new(
        "hls",
        "M3U8 parse (10k segments)",
        text.len(),
        SEGMENTS,
        "segment",
    )
    .case("str::lines baseline", move || {
        Ok(text
            .lines()
            .filter(|l| !black_box(l).starts_with('#'))
            .count() as u64)
    })
    .case("fluvial Lines (borrowed, all tags)", move || {
        let mut n = 0;
        for line in Lines::parse(text.as_bytes()).map_err(show)? {
            let line = line.map_err(show)?;
            n += u64::from(matches!(line, Line::Uri(_)));
            black_box(&line);
        }
        Ok(n)
    })
    .case("fluvial MediaPlaylist", move || {
        let p = fluvial_hls::MediaPlaylist::parse(text.as_bytes()).map_err(show)?;
        Ok(black_box(p).segments.len() as u64)
    })
    .case("m3u8-rs", move || {
        let p =
            m3u8_rs::parse_media_playlist_res(text.as_bytes()).map_err(|e| show(e.to_string()))?;
        Ok(black_box(p).segments.len() as u64)
    })
    .case("hls_m3u8 (validates)", move || {
        let p = MediaPlaylist::try_from(text).map_err(show)?;
        Ok(black_box(p).segments.iter().count() as u64)
    })
    .case("broadcast-hls", move || {
        let p = broadcast_hls::MediaPlaylist::parse(text).map_err(show)?;
        Ok(black_box(p).segments.len() as u64)
    })
    .case("quick-m3u8 (events, all tags)", move || {
        let options = ParsingOptionsBuilder::new()
            .with_parsing_for_all_tags()
            .build();
        let mut reader = QuickReader::from_str(text, options);
        let mut n = 0;
        while let Some(line) = reader.read_line().map_err(show)? {
            n += u64::from(matches!(line, HlsLine::Uri(_)));
            black_box(line);
        }
        Ok(n)
    })
}

fn m3u8_write() -> Group {
    let text = playlist();
    let rs = m3u8_rs::parse_media_playlist_res(text.as_bytes()).unwrap();
    let hls = MediaPlaylist::try_from(text).map_err(show);
    let mut lines = Vec::new();
    let options = ParsingOptionsBuilder::new()
        .with_parsing_for_all_tags()
        .build();
    let mut reader = QuickReader::from_str(text, options);
    while let Ok(Some(line)) = reader.read_line() {
        lines.push(line);
    }
    Group::new(
        "hls",
        "M3U8 write (10k segments)",
        text.len(),
        SEGMENTS,
        "segment",
    )
    .case("fluvial write (unchanged document)", {
        let p = fluvial_hls::MediaPlaylist::parse(text.as_bytes()).map_err(show);
        move || {
            let p = p.as_ref().map_err(Clone::clone)?;
            let mut out = Vec::new();
            p.write(&mut out);
            Ok(black_box(out).len() as u64)
        }
    })
    .case("m3u8-rs write_to", move || {
        let mut out = Vec::new();
        rs.write_to(&mut out).map_err(show)?;
        Ok(black_box(out).len() as u64)
    })
    .case("hls_m3u8 Display", move || {
        let list = hls.as_ref().map_err(Clone::clone)?;
        Ok(black_box(list.to_string()).len() as u64)
    })
    .case("broadcast-hls to_m3u8", {
        let list = broadcast_hls::MediaPlaylist::parse(text).map_err(show);
        move || {
            let list = list.as_ref().map_err(Clone::clone)?;
            Ok(black_box(list.to_m3u8().map_err(show)?).len() as u64)
        }
    })
    .case("quick-m3u8 (clean lines, +clone)", move || {
        let mut writer = quick_m3u8::Writer::new(Vec::new());
        for line in &lines {
            writer.write_line(line.clone()).map_err(show)?;
        }
        Ok(black_box(writer.into_inner()).len() as u64)
    })
}
