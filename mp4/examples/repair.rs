//! Makes a plain file, `moov` first, of one in fragments whose end was lost: a recording that was cut off.
//!
//! `cargo run -p fluvial-mp4 --example repair -- BROKEN.mp4 OUT.mp4`

use fluvial_mp4::writer::{Config, Planner, Writer};
use fluvial_mp4::{Demuxer, Error, Limits};
use media::Event;
use std::fs::File;
use std::io::{Read, Write};

/// Gives all that can be read of a file to `each`.
fn events(
    path: &str,
    mut each: impl FnMut(Event) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut file, mut buffer) = (File::open(path)?, vec![0; 1 << 16]);
    let mut demuxer = Demuxer::new(Limits::default());
    loop {
        let n = file.read(&mut buffer)?;
        demuxer.handle_input(buffer.get(..n).unwrap_or_default());
        if n == 0 {
            demuxer.handle_eof();
        }
        while let Some(event) = demuxer.poll_event()? {
            each(event)?;
        }
        if n == 0 {
            return Ok(());
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(broken), Some(out)) = (args.next(), args.next()) else {
        return Err("repair BROKEN.mp4 OUT.mp4".into());
    };
    // Once to know the tables, once to write: memory does not depend on the length.
    let mut planner = Planner::new(Config::moov_last());
    let mut samples = 0u64;
    events(&broken, |event| {
        match event {
            Event::Tracks(tracks) => planner.set_tracks(&tracks)?,
            Event::Sample(sample) => {
                planner.handle_sample(&sample)?;
                samples += 1;
            }
            Event::Warning(warning) => eprintln!("{warning}"),
            _ => {}
        }
        Ok(())
    })?;
    let mut writer = Writer::with_plan(planner.finish());
    let mut file = File::create(&out)?;
    let mut drain = |writer: &mut Writer| -> std::io::Result<()> {
        while let Some(write) = writer.poll_output() {
            write
                .data
                .iter()
                .try_for_each(|piece| file.write_all(piece))?;
        }
        Ok(())
    };
    events(&broken, |event| {
        let done: Result<(), Error> = match event {
            Event::Tracks(tracks) => writer.set_tracks(&tracks),
            Event::Sample(sample) => writer.handle_sample(&sample),
            _ => Ok(()),
        };
        done?;
        Ok(drain(&mut writer)?)
    })?;
    writer.finish()?;
    drain(&mut writer)?;
    println!("{samples} samples");
    Ok(())
}
