//! Lists what is in a fragmented MP4 file: tracks, samples, warnings.
//!
//! ```text
//! cargo run -p fluvial-mp4 --example mp4_samples -- FILE [FILE ...]
//! ```
//!
//! Several files are read as one, such as an init segment and its media segments.

use fluvial_mp4::{Demuxer, Limits};
use media::Event;
use std::io::{Read, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    let mut demuxer = Demuxer::new(Limits::default());
    let mut buffer = vec![0; 1 << 16];
    for path in std::env::args_os().skip(1) {
        let mut file = std::fs::File::open(path)?;
        loop {
            let len = file.read(&mut buffer)?;
            if len == 0 {
                break;
            }
            demuxer.handle_input(&buffer[..len]);
            print(&mut demuxer, &mut out)?;
        }
    }
    demuxer.handle_eof();
    print(&mut demuxer, &mut out)
}

fn print(demuxer: &mut Demuxer, out: &mut impl Write) -> Result<(), Box<dyn std::error::Error>> {
    while let Some(event) = demuxer.poll_event()? {
        match event {
            Event::Tracks(tracks) => {
                for track in &tracks {
                    let scale = track.timescale.get();
                    writeln!(
                        out,
                        "track {}: {}, {scale} ticks/s",
                        track.id,
                        track.codec.rfc6381()
                    )?;
                }
            }
            Event::Sample(sample) => {
                let (track, size) = (sample.track, sample.data.len());
                let duration = sample.duration.map_or(0, std::num::NonZero::get);
                let (dts, pts, flags) = (sample.dts, sample.pts, sample.flags);
                writeln!(
                    out,
                    "{track}: dts {dts} pts {pts} duration {duration} size {size} {flags:?}"
                )?;
            }
            Event::Warning(warning) => writeln!(out, "warning: {warning}")?,
            other => writeln!(out, "{other:?}")?,
        }
    }
    Ok(())
}
