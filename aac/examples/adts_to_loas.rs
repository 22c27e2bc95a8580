//! Turns an ADTS file into a LOAS file, and says what is in it.
//!
//! `cargo run -p fluvial-aac --example adts_to_loas -- in.aac out.loas`

use fluvial_aac::{adts, latm};
use std::error::Error;
use std::io::Read;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("usage: adts_to_loas IN.aac OUT.loas".into());
    };
    let mut file = fs::File::open(from)?;
    let mut splitter = adts::Splitter::new();
    let mut writer: Option<latm::Writer> = None;
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match file.read(&mut buffer)? {
            0 => splitter.handle_eof(),
            n => splitter.handle_input(&buffer[..n]),
        }
        while let Some(piece) = splitter.poll_piece() {
            match piece {
                adts::Piece::Junk { offset, len } => println!("{offset}: {len} bytes of junk"),
                adts::Piece::Frame { frame, .. } => {
                    let writer = match &mut writer {
                        Some(writer) => writer,
                        None => {
                            let config = frame.config()?;
                            println!(
                                "mp4a.{}, {} Hz, {} channels",
                                config.rfc6381(),
                                config.sampling_frequency(),
                                config.channels()
                            );
                            let mux = latm::StreamMuxConfig::new(config);
                            writer.insert(latm::Writer::in_band(mux, 20))
                        }
                    };
                    for block in frame.blocks()? {
                        writer.write_loas(&[block.data], &mut out)?;
                    }
                }
            }
        }
        if splitter.is_finished() {
            break;
        }
    }
    fs::write(to, out)?;
    Ok(())
}
