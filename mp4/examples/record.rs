//! Records the samples of a fragmented file as if they came from a camera; kill it at any moment, the file plays.
//!
//! `cargo run -p fluvial-mp4 --example record -- FRAGMENTED.mp4 OUT.mp4`

use fluvial_mp4::recorder::{Config, Recorder};
use fluvial_mp4::{Demuxer, Limits};
use media::Event;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

/// Does what the recorder asks for, in its order.
fn drain(recorder: &mut Recorder, file: &mut File) -> std::io::Result<()> {
    while let Some(write) = recorder.poll_output() {
        file.seek(SeekFrom::Start(write.offset))?;
        write
            .data
            .iter()
            .try_for_each(|piece| file.write_all(piece))?;
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(input), Some(out)) = (args.next(), args.next()) else {
        return Err("record FRAGMENTED.mp4 OUT.mp4".into());
    };
    let (mut input, mut out) = (File::open(input)?, File::create(out)?);
    let (mut demuxer, mut recorder) = (
        Demuxer::new(Limits::default()),
        Recorder::new(Config::default()),
    );
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = input.read(&mut buffer)?;
        demuxer.handle_input(buffer.get(..n).unwrap_or_default());
        if n == 0 {
            demuxer.handle_eof();
        }
        while let Some(event) = demuxer.poll_event()? {
            match event {
                Event::Tracks(tracks) => recorder.set_tracks(&tracks)?,
                Event::Sample(sample) => recorder.handle_sample(&sample)?,
                Event::Warning(warning) => eprintln!("{warning}"),
                _ => {}
            }
            drain(&mut recorder, &mut out)?;
        }
        if n == 0 {
            break;
        }
    }
    recorder.finish()?;
    Ok(drain(&mut recorder, &mut out)?)
}
