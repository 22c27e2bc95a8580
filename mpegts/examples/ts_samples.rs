//! Shows the tracks and samples of a transport stream: `cargo run -p fluvial-mpegts --example ts_samples -- FILE`.

use fluvial_mpegts::{Demuxer, Limits};
use media::Event;
use std::io::Read;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: samples FILE")?;
    let mut file = std::fs::File::open(path)?;
    let mut demuxer = Demuxer::new(Limits::default());
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = file.read(&mut buffer)?;
        if len == 0 {
            demuxer.handle_eof();
        }
        demuxer.handle_input(&buffer[..len]);
        while let Some(event) = demuxer.poll_event()? {
            match event {
                Event::Tracks(tracks) => {
                    for track in &tracks {
                        println!(
                            "track {}: {} ({})",
                            track.id,
                            track.codec.rfc6381(),
                            track.language.as_str()
                        );
                    }
                }
                Event::Sample(sample) => println!(
                    "track {} dts {} pts {} {:?}, {} bytes",
                    sample.track,
                    sample.dts,
                    sample.pts,
                    sample.flags,
                    sample.data.len()
                ),
                Event::Warning(warning) => println!("warning: {warning}"),
                Event::Discontinuity => println!("discontinuity"),
                _ => {}
            }
        }
        if len == 0 {
            return Ok(());
        }
    }
}
