//! `fluvial repair`: a plain MP4, its tables first, of one whose end was lost.

use crate::input::{self, Options, Pushed, Source};
use crate::output::{Target, check_apart, mp4_origin};
use crate::progress::{self, Counted, say};
use crate::salvage::{self, Like, Salvage, Tables};
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
    /// A file that the same recorder made with the same settings and that is whole: where the tables are lost, pictures (H.264, H.265) and sound
    /// (AAC LC) are found by what it tells. Without one, pictures are found if their parameter sets stand among them.
    #[arg(long, value_name = "GOOD.mp4")]
    like: Option<String>,
}

/// How the media of the broken file are found.
enum Way {
    /// By its own tables, which come first.
    Tables,
    /// By its own tables, which come last.
    Places,
    /// Without them, by what a good file tells, if there is one.
    Search(Option<Box<Like>>),
}

impl Way {
    fn of(args: &Args) -> Result<Self> {
        let way = match salvage::tables(&args.broken)? {
            Tables::First => Some(Self::Tables),
            Tables::Last => Some(Self::Places),
            // What is left of them may do: behind the tracks stands nothing that is needed.
            Tables::Cut if args.like.is_none() => has_tracks(&args.broken).then_some(Self::Places),
            Tables::Cut => None,
            Tables::Lost => None,
        };
        if let Some(way) = way {
            if args.like.is_some() {
                say(format_args!(
                    "note: {} has its tables: --like is not needed",
                    args.broken
                ));
            }
            return Ok(way);
        }
        let like = args.like.as_deref().map(Like::of).transpose()?;
        Ok(Self::Search(like.map(Box::new)))
    }
}

/// Whether what is left of a file's tables tells of tracks.
fn has_tracks(path: &str) -> bool {
    let Ok(mut input) = input::open(path, &Options::default()) else {
        return false;
    };
    let first = input.source.next();
    input.bar.finish_and_clear();
    matches!(first, Ok(Some(Event::Tracks(tracks))) if !tracks.is_empty())
}

/// Gives all that can be read of a file to `each`. What was wrong with it ends the reading, not the repair.
fn events(
    args: &Args,
    way: &Way,
    bar: &ProgressBar,
    mut each: impl FnMut(Event) -> Result<()>,
) -> Result<Option<anyhow::Error>> {
    let path = &args.broken;
    let mut other = ProgressBar::hidden();
    let mut source: Box<dyn Source> = match way {
        Way::Search(like) => Box::new(Salvage::open(path, like.as_deref())?),
        Way::Places => {
            let input = input::open(path, &Options::default())?;
            other = input.bar;
            input.source
        }
        Way::Tables => {
            let file = File::open(path).with_context(|| path.to_owned())?;
            let reader = Counted {
                inner: file,
                bar: bar.clone(),
            };
            let demuxer = Box::new(Demuxer::new(Limits::default()));
            Box::new(Pushed::new(demuxer, reader))
        }
    };
    let end = loop {
        match source.next() {
            Ok(Some(event)) => each(event)?,
            Ok(None) => break None,
            Err(error) => break Some(error),
        }
    };
    other.finish_and_clear();
    Ok(end)
}

pub fn run(args: &Args) -> Result<ExitCode> {
    check_apart(&args.broken, &args.output)?;
    let len = std::fs::metadata(&args.broken)
        .with_context(|| args.broken.clone())?
        .len();
    let bar = progress::bar(Some(2 * len));
    let way = Way::of(args)?;
    // Once to know the tables, once to write: memory does not depend on the length.
    let mut planner: Option<Planner> = None;
    let mut samples = 0_u64;
    let mut end = Time::ZERO;
    let mut tracks = media::Tracks::default();
    let stopped = events(args, &way, &bar, |event| {
        match event {
            Event::Tracks(told) => {
                if let Some(planner) = &mut planner {
                    planner.set_tracks(&told)?;
                }
                tracks = told;
            }
            Event::Sample(sample) => {
                let planner = match &mut planner {
                    Some(planner) => planner,
                    None => {
                        let mut config = Config::moov_last();
                        config.origin = mp4_origin(&tracks, &sample);
                        let planner = planner.insert(Planner::new(config));
                        planner.set_tracks(&tracks)?;
                        planner
                    }
                };
                planner.handle_sample(&sample)?;
                samples += 1;
                if let Some(track) = tracks.find(sample.track) {
                    end = end.max(track.timescale.time(sample.pts));
                }
            }
            Event::Warning(warning) => say(format_args!("warning: {warning}")),
            _ => {}
        }
        Ok(())
    })?;
    match stopped {
        Some(error) if samples == 0 => return Err(error.context(args.broken.clone())),
        Some(error) => say(format_args!("warning: {error:#}")),
        None if samples == 0 => match way {
            Way::Search(None) => bail!(
                "{}: its tables (moov) are lost, and nothing else in it tells how its pictures and sound were coded; a whole file of the same recorder \
                 does: --like GOOD.mp4",
                args.broken
            ),
            Way::Search(Some(_)) => bail!(
                "{}: its tables (moov) are lost, and nothing in it fits what the file of --like has",
                args.broken
            ),
            Way::Tables | Way::Places => bail!("{}: no sample that could be read", args.broken),
        },
        None => {}
    }
    let planner = planner.context("no sample was planned")?;
    let mut writer = Writer::with_plan(planner.finish());
    let mut out = Target::create(&args.output);
    let mut drain = |writer: &mut Writer| -> Result<()> {
        while let Some(write) = writer.poll_output() {
            out.write_at(write.offset, write.data)?;
        }
        Ok(())
    };
    events(args, &way, &bar, |event| {
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
