//! `fluvial repair`: a plain MP4, its tables first, of one whose end was lost.

use crate::input::{self, Pushed, Source};
use crate::output::{Target, check_apart};
use crate::progress::{self, Counted};
use crate::salvage::{Found, Salvage};
use anyhow::{Context, Result, bail};
use indicatif::ProgressBar;
use media::{Codec, Event, Time, Warning};
use mp4::writer::{Config, Planner, Writer};
use mp4::{Demuxer, Limits};
use std::fs::File;
use std::process::ExitCode;
use std::rc::Rc;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A recording that was cut off: MP4 in fragments, or with its tables first.
    broken: String,
    /// The file to be made.
    output: String,
    /// A file that the same recorder made with the same settings and that is whole: where the tables are lost, the pictures
    /// (H.264) are found by its parameter sets. Sound cannot be found, and is left out.
    #[arg(long, value_name = "GOOD.mp4")]
    like: Option<String>,
}

/// The configuration of the pictures in a file.
fn pictures(path: &str) -> Result<h264::DecoderConfig> {
    let mut input = input::open(path, &input::Options::default())?;
    while let Some(event) = input.source.next()? {
        let Event::Tracks(tracks) = event else {
            continue;
        };
        let mut tracks = tracks.iter();
        let found = tracks.find_map(|track| match &track.codec {
            Codec::H264(config) => Some(config.clone()),
            _ => None,
        });
        return found.with_context(|| format!("{path}: there is no track of H.264"));
    }
    bail!("{path}: there are no tracks")
}

/// Gives all that can be read of a file to `each`. What was wrong with it ends the reading, not the repair.
fn events(
    args: &Args,
    bar: &ProgressBar,
    mut each: impl FnMut(Event) -> Result<()>,
) -> Result<Option<anyhow::Error>> {
    let path = &args.broken;
    let found = Rc::new(Found::default());
    let mut source: Box<dyn Source> = if let Some(good) = &args.like {
        let reader = Salvage::open(path, &pictures(good)?, found.clone())?;
        let demuxer =
            elementary::Demuxer::new(elementary::Format::H264, elementary::Limits::default());
        Box::new(Pushed::new(Box::new(demuxer), reader))
    } else {
        let file = File::open(path).with_context(|| path.to_owned())?;
        let reader = Counted {
            inner: file,
            bar: bar.clone(),
        };
        Box::new(Pushed::new(
            Box::new(Demuxer::new(Limits::default())),
            reader,
        ))
    };
    loop {
        match source.next() {
            Ok(Some(event)) => each(event)?,
            Ok(None) => {
                if args.like.is_some() && found.other.get() > 0 {
                    let what = "bytes are no pictures that fit: other tracks, of which only the lost tables knew";
                    each(Event::Warning(Warning::new(format!(
                        "{} {what}",
                        found.other.get()
                    ))))?;
                }
                return Ok(None);
            }
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
    let stopped = events(args, &bar, |event| {
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
    events(args, &bar, |event| {
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
