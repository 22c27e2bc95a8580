//! `fluvial plot`: a file as a picture: bit rate, pictures, interleaving, buffer.

mod bins;
mod chart;
mod png;

use crate::input;
use anyhow::{Context, Result, bail};
use bins::Bins;
use chart::{Chart, Panel, Series};
use media::{Event, Flags, Kind, Time, TrackId, Tracks};
use std::path::Path;
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, a URL (http, https, rtmp, rtmps, ...), or `-` for standard input.
    input: String,
    /// The picture: a name that ends in `.svg` or `.png`.
    #[arg(short, long)]
    output: String,
    #[command(flatten)]
    reading: input::Reading,
}

/// Bytes of the samples of a track within a span of time.
#[derive(Debug, Clone, Copy, Default)]
struct Bytes(u64);

/// The largest pictures within a span of time.
#[derive(Debug, Clone, Copy, Default)]
struct Pictures {
    sync: u64,
    reference: u64,
    disposable: u64,
}

/// How far a track is ahead of the first one in the file, in nanoseconds.
#[derive(Debug, Clone, Copy)]
struct Ahead {
    least: i64,
    most: i64,
}

impl bins::Merge for Bytes {
    fn merge(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl bins::Merge for Pictures {
    fn merge(&mut self, other: Self) {
        self.sync = self.sync.max(other.sync);
        self.reference = self.reference.max(other.reference);
        self.disposable = self.disposable.max(other.disposable);
    }
}

impl Default for Ahead {
    fn default() -> Self {
        Self {
            least: i64::MAX,
            most: i64::MIN,
        }
    }
}

impl bins::Merge for Ahead {
    fn merge(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.most = self.most.max(other.most);
    }
}

impl Ahead {
    /// Whichever is further away.
    fn extreme(self) -> i64 {
        if self.most.saturating_add(self.least) < 0 {
            self.least
        } else {
            self.most
        }
    }
}

/// What is gathered of a track.
struct Lane {
    id: TrackId,
    name: String,
    kind: Kind,
    bytes: Bins<Bytes>,
    pictures: Bins<Pictures>,
    ahead: Bins<Ahead>,
    last: Option<Time>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let extension = Path::new(&args.output).extension().and_then(|e| e.to_str());
    let as_png = match extension {
        Some("svg") => false,
        Some("png") => true,
        _ => bail!(
            "{}: the name of a picture ends in .svg or .png",
            args.output
        ),
    };
    let mut input = input::open(&args.input, &args.reading.options(input::Order::File))?;
    let mut lanes: Vec<Lane> = Vec::new();
    let mut tracks = Tracks::default();
    while let Some(event) = input.source.next()? {
        match event {
            Event::Tracks(new) => {
                for track in &new {
                    if !lanes.iter().any(|lane| lane.id == track.id) {
                        lanes.push(Lane {
                            id: track.id,
                            name: format!("{} {}", track.id, track.codec.rfc6381()),
                            kind: track.codec.kind(),
                            bytes: Bins::new(),
                            pictures: Bins::new(),
                            ahead: Bins::new(),
                            last: None,
                        });
                    }
                }
                tracks = new;
            }
            Event::Sample(sample) => {
                let Some(track) = tracks.find(sample.track) else {
                    continue;
                };
                let time = track.timescale.time(sample.dts);
                let first = lanes.first().and_then(|lane| lane.last);
                let Some(lane) = lanes.iter_mut().find(|lane| lane.id == sample.track) else {
                    continue;
                };
                let size = sample.data.len() as u64;
                lane.bytes.add(time, Bytes(size));
                if lane.kind == Kind::Video {
                    let mut picture = Pictures::default();
                    if sample.is_sync() {
                        picture.sync = size;
                    } else if sample.flags.contains(Flags::DISPOSABLE) {
                        picture.disposable = size;
                    } else {
                        picture.reference = size;
                    }
                    lane.pictures.add(time, picture);
                }
                if let Some(first) = first {
                    let ahead = (time - first).as_nanos();
                    lane.ahead.add(
                        time,
                        Ahead {
                            least: ahead,
                            most: ahead,
                        },
                    );
                }
                lane.last = Some(time);
            }
            _ => {}
        }
    }
    input.bar.finish_and_clear();
    if lanes.iter().all(|lane| lane.bytes.is_empty()) {
        bail!("{}: no sample that could be drawn", args.input);
    }
    let title = Path::new(&args.input)
        .file_name()
        .map_or("standard input".into(), |name| name.to_string_lossy());
    let svg = chart(&title, &lanes).to_svg();
    let bytes = if as_png {
        png::render(&svg)?
    } else {
        svg.into_bytes()
    };
    std::fs::write(&args.output, bytes).with_context(|| args.output.clone())?;
    Ok(ExitCode::SUCCESS)
}

fn chart(title: &str, lanes: &[Lane]) -> Chart {
    let mut panels = vec![bit_rate(lanes)];
    panels.extend(
        lanes
            .iter()
            .filter(|lane| !lane.pictures.is_empty())
            .map(pictures),
    );
    if lanes.len() > 1 {
        panels.push(interleaving(lanes));
    }
    panels.push(buffer(lanes));
    Chart {
        title: title.to_owned(),
        panels,
    }
}

fn bit_rate(lanes: &[Lane]) -> Panel {
    let series = lanes.iter().map(|lane| {
        let rate = |bin: &Bytes, width: f64| bin.0 as f64 * 8.0 / 1000.0 / width;
        Series::line(&lane.name, lane.bytes.at_least(1.0).points(rate))
    });
    Panel::new("Bit rate", "kbit/s", series.collect())
}

fn pictures(lane: &Lane) -> Panel {
    let of = |name, size: fn(&Pictures) -> u64| {
        let points = lane.pictures.points(|bin, _| size(bin) as f64 / 1000.0);
        Series::bars(
            name,
            points.into_iter().filter(|(_, size)| *size > 0.0).collect(),
        )
    };
    let series = vec![
        of("others", |bin| bin.reference),
        of("disposable", |bin| bin.disposable),
        of("keyframes", |bin| bin.sync),
    ];
    Panel::new(&format!("Pictures of track {}", lane.name), "kB", series)
}

fn interleaving(lanes: &[Lane]) -> Panel {
    let series = lanes.iter().skip(1).map(|lane| {
        let points = lane.ahead.points(|bin, _| bin.extreme() as f64 / 1e6);
        let known = points.into_iter().filter(|(_, ahead)| ahead.abs() < 1e12);
        Series::line(&lane.name, known.collect())
    });
    let name = lanes.first().map_or("", |lane| lane.name.as_str());
    Panel::new(
        &format!("Ahead of track {name} in the file"),
        "ms",
        series.collect(),
    )
}

/// What a player holds that gets the file at its mean rate, and starts as late as it must.
fn buffer(lanes: &[Lane]) -> Panel {
    let mut all: Bins<Bytes> = Bins::new();
    for lane in lanes {
        for (time, bytes) in lane.bytes.iter() {
            all.add(time, *bytes);
        }
    }
    let bins: Vec<(f64, f64)> = all.points(|bin, _| bin.0 as f64 / 1000.0);
    let width = all.width_seconds();
    let total: f64 = bins.iter().map(|(_, bytes)| bytes).sum();
    let span = bins
        .last()
        .map_or(width, |(last, _)| last + width - bins[0].0);
    let rate = total / span;
    let mut level = 0.0;
    let mut points = Vec::new();
    let mut at = bins.first().map_or(0.0, |(first, _)| *first);
    for (time, bytes) in bins {
        level += (time - at) * rate - bytes;
        at = time;
        points.push((time, level));
    }
    let least = points.iter().map(|(_, level)| *level).fold(0.0, f64::min);
    for (_, level) in &mut points {
        *level -= least;
    }
    let delay = -least / rate;
    let what = format!("Buffer at {:.0} kbit/s, {delay:.2} s ahead", rate * 8.0);
    Panel::new(&what, "kB", vec![Series::line("held", points)])
}
