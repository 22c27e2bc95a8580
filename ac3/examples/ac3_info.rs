//! Says what is in an AC-3 or E-AC-3 file.
//!
//! `cargo run -p fluvial-ac3 --example ac3_info -- in.ec3`

use fluvial_ac3::{Bsi, Frames, Grouper, Piece};
use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let path = env::args().nth(1).ok_or("usage: ac3_info FILE")?;
    let data = fs::read(path)?;
    let mut grouper = Grouper::new();
    let (mut units, mut samples, mut damaged) = (0, 0u64, 0);
    let mut last = None;
    for piece in Frames::new(&data) {
        match piece {
            Piece::Junk { offset, len } => println!("{offset}: {len} bytes of junk"),
            Piece::Frame { offset, frame } => {
                let header = frame.header();
                if last.replace((header.channels(), header.bsid())).is_none() {
                    println!("{offset}: {header:?}");
                    if let Bsi::Eac3(bsi) = frame.bsi()? {
                        println!("joint object coding: {:?}", bsi.joc_complexity());
                    }
                }
                damaged += usize::from(!frame.is_intact());
                if let Some(unit) = grouper.handle_frame(&frame) {
                    units += 1;
                    samples += u64::from(unit.samples);
                }
            }
        }
    }
    if let Some(unit) = grouper.finish() {
        units += 1;
        samples += u64::from(unit.samples);
    }
    println!("{units} access units, {samples} samples, {damaged} damaged frames");
    Ok(())
}
