//! Takes a transport stream apart and writes it anew:
//! `cargo run -p fluvial-mpegts --example remux -- IN OUT [BITS_PER_SECOND | m2ts]`.

use fluvial_mpegts::mux::Config;
use fluvial_mpegts::{Demuxer, Limits, Muxer};
use media::Event;
use std::io::{Read, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(from), Some(to)) = (args.next(), args.next()) else {
        return Err("usage: remux IN OUT [BITS_PER_SECOND | m2ts]".into());
    };
    let config = match args.next().as_deref() {
        None => Config::default(),
        Some("m2ts") => Config::m2ts(),
        Some(rate) => Config::constant(rate.parse()?),
    };
    let mut input = std::fs::File::open(from)?;
    let mut output = std::io::BufWriter::new(std::fs::File::create(to)?);
    let mut demuxer = Demuxer::new(Limits::default());
    let mut muxer = Muxer::new(config);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = input.read(&mut buffer)?;
        if len == 0 {
            demuxer.handle_eof();
        }
        demuxer.handle_input(&buffer[..len]);
        while let Some(event) = demuxer.poll_event()? {
            match event {
                Event::Tracks(tracks) => muxer.set_tracks(&tracks)?,
                Event::Sample(sample) => muxer.handle_sample(&sample)?,
                Event::Warning(warning) => eprintln!("{warning}"),
                _ => {}
            }
        }
        if len == 0 {
            muxer.finish()?;
        }
        while let Some(bytes) = muxer.poll_output() {
            output.write_all(&bytes)?;
        }
        if len == 0 {
            break;
        }
    }
    let late = muxer.lateness();
    if late > media::Time::ZERO {
        eprintln!("the rate is too low: data is up to {late} late");
    }
    Ok(())
}
