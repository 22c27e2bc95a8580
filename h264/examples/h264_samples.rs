//! Lists the access units of an H.264 byte stream, with the times that they would have in a file:
//! `cargo run -p fluvial-h264 --example h264_samples -- stream.264`

use fluvial_h264::stream::{Demuxer, Event, Limits};
use std::error::Error;
use std::io::{BufWriter, Read, Write, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("which file?")?;
    let mut file = std::fs::File::open(path)?;
    let mut out = BufWriter::new(stdout().lock());
    let mut demuxer = Demuxer::new(Limits::default());
    let mut input = vec![0; 1 << 16];
    loop {
        let n = file.read(&mut input)?;
        if n == 0 {
            demuxer.handle_eof();
        } else {
            demuxer.handle_input(&input[..n]);
        }
        while let Some(event) = demuxer.poll_event() {
            match event {
                Event::Config { config, timescale } => {
                    let codec = config.rfc6381();
                    writeln!(out, "avc1.{codec}, {timescale} ticks in a second")?;
                }
                Event::AccessUnit(unit) => {
                    let sync = if unit.summary.is_sync() { " sync" } else { "" };
                    let (dts, pts, duration) = (unit.dts, unit.pts, unit.duration);
                    let len = unit.data.len();
                    writeln!(
                        out,
                        "dts {dts} pts {pts} duration {duration}, {len} bytes{sync}"
                    )?;
                }
                other => writeln!(out, "{other:?}")?,
            }
        }
        if n == 0 {
            return Ok(out.flush()?);
        }
    }
}
