//! `fluvial repair`: a plain MP4, its tables first, of one whose end was lost.

use crate::input::{Pushed, Source};
use crate::output::{Target, check_apart};
use crate::progress::{self, Counted};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use media::{Event, Time};
use mp4::writer::{Config, Planner, Writer};
use mp4::{Demuxer, Limits};
use std::fs::File;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recording that was cut off: MP4 in fragments, or with its tables first.
    broken: String,
    /// The file to be made.
    output: String,
}

/// Gives all that can be read of a file to `each`. What was wrong with it ends the reading, not the repair.
fn events(
    path: &str,
    bar: &ProgressBar,
    mut each: impl FnMut(Event) -> Result<()>,
) -> Result<Option<anyhow::Error>> {
    let file = File::open(path).with_context(|| path.to_owned())?;
    let reader = Counted {
        inner: file,
        bar: bar.clone(),
    };
    let mut source = Pushed::new(Box::new(Demuxer::new(Limits::default())), reader);
    loop {
        match source.next() {
            Ok(Some(event)) => each(event)?,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error)),
        }
    }
}

pub fn run(args: &Args) -> Result<ExitCode> {
    check_apart(&args.broken, &args.output)?;
    let len = std::fs::metadata(&args.broken)
        .with_context(|| args.broken.clone())?
        .len();
    let bar = progress::bar(Some(2 * len));
    // Once to know the tables, once to write: memory does not depend on the length.
    let mut planner = Planner::new(Config::moov_last());
    let mut samples = 0_u64;
    let mut end = Time::ZERO;
    let mut tracks = media::Tracks::default();
    let stopped = events(&args.broken, &bar, |event| {
        match event {
            Event::Tracks(told) => {
                planner.set_tracks(&told)?;
                tracks = told;
            }
            Event::Sample(sample) => {
                planner.handle_sample(&sample)?;
                samples += 1;
                if let Some(track) = tracks.find(sample.track) {
                    end = end.max(track.timescale.time(sample.pts));
                }
            }
            Event::Warning(warning) => eprintln!("warning: {warning}"),
            _ => {}
        }
        Ok(())
    })?;
    match stopped {
        Some(error) if samples == 0 => return Err(error.context(args.broken.clone())),
        Some(error) => eprintln!("warning: {error:#}"),
        None if samples == 0 => bail!("{}: no sample that could be read", args.broken),
        None => {}
    }
    let mut writer = Writer::with_plan(planner.finish());
    let mut out = Target::create(&args.output);
    let mut drain = |writer: &mut Writer| -> Result<()> {
        while let Some(write) = writer.poll_output() {
            out.write_at(write.offset, write.data)?;
        }
        Ok(())
    };
    events(&args.broken, &bar, |event| {
        match event {
            Event::Tracks(tracks) => writer.set_tracks(&tracks)?,
            Event::Sample(sample) => writer.handle_sample(&sample)?,
            _ => {}
        }
        drain(&mut writer)
    })?;
    writer.finish()?;
    drain(&mut writer)?;
    out.finish()?;
    bar.finish_and_clear();
    println!("{samples} samples, up to {end}");
    Ok(ExitCode::SUCCESS)
}
