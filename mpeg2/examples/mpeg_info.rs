//! Says what an elementary stream of MPEG video or audio has in it: `cargo run --example mpeg_info FILE`.

use fluvial_mpeg2::audio::{Frames, Piece};
use fluvial_mpeg2::video::{Timeline, pictures};
use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: mpeg_info FILE")?;
    let data = std::fs::read(path)?;
    if data.starts_with(&[0, 0, 1]) {
        video(&data)
    } else {
        audio(&data);
        Ok(())
    }
}

fn video(data: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut timeline = Timeline::new();
    for piece in pictures(data) {
        let Piece::Frame { offset, frame } = piece else {
            println!("{piece:?}");
            continue;
        };
        if let Some(sequence) = frame.sequence()? {
            println!("{}x{}", sequence.width(), sequence.height());
        }
        if let Some(header) = frame.headers().next() {
            let kind = header?.0.picture_coding_type;
            timeline.push(&frame, (offset, kind))?;
        }
    }
    timeline.finish();
    while let Some((timing, (offset, kind))) = timeline.pop() {
        println!("{offset:8} {kind:?} {timing:?}");
    }
    Ok(())
}

fn audio(data: &[u8]) {
    for piece in Frames::new(data) {
        let Piece::Frame { offset, frame } = piece else {
            println!("{piece:?}");
            continue;
        };
        println!(
            "{offset:8} {} bytes {:?}",
            frame.bytes().len(),
            frame.header()
        );
        if let Some(tag) = frame.xing() {
            println!("{tag:?}");
        }
        if let Some(tag) = frame.vbri() {
            println!("{tag:?}");
        }
    }
}
