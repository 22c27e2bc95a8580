//! `fluvial probe`: what is in a file.

use crate::fields::Fields;
use crate::format::Format;
use crate::input::{self, Look, Seen};
use crate::lines::Lines;
use crate::time::seconds;
use anyhow::Result;
use indicatif::ProgressDrawTarget;
use media::{Codec, Event, Kind, Time, Track, TrackId, Tracks};
use mp4::cenc::Protection;
use mpeg2::audio::Layer;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, a URL (http, https, rtmp, rtmps, ...), or `-` for standard input.
    input: String,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    /// Print a JSON line for each sample, in the order of the file.
    #[arg(long)]
    samples: bool,
    /// Look at so much of it only. Default: everything, but five seconds of what is live.
    #[arg(long, value_parser = crate::time::parse, value_name = "T")]
    duration: Option<Time>,
    #[command(flatten)]
    reading: input::Reading,
}

/// How much of what is live is looked at.
const LIVE: Time = Time::from_millis(5000);

/// What is told of a file.
#[derive(Serialize)]
struct Report {
    format: String,
    /// Seconds from where the first track begins to where the last one ends.
    duration: f64,
    tracks: Vec<TrackReport>,
    warnings: Vec<WarningReport>,
}

/// What is told of a track; what it has not is left out as `null`.
#[derive(Serialize)]
struct TrackReport {
    id: u32,
    kind: &'static str,
    codec: String,
    timescale: u32,
    samples: u64,
    sync_samples: u64,
    /// Seconds from the start of its first sample, or from zero, to the end of its last one.
    duration: f64,
    /// Seconds, on the time line that all tracks share.
    #[serde(skip)]
    start: f64,
    /// Bits per second.
    bitrate: u64,
    width: Option<u32>,
    height: Option<u32>,
    frame_rate: Option<f64>,
    sample_rate: Option<u32>,
    channels: Option<u16>,
    language: String,
    /// Whether no key opened its samples; its codec is what they are beneath.
    #[serde(skip_serializing_if = "is_false")]
    encrypted: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_false(value: &bool) -> bool {
    !*value
}

#[derive(Serialize)]
struct WarningReport {
    offset: Option<u64>,
    track: Option<u32>,
    skipped: u64,
    what: String,
}

/// Warnings that are kept; a file that is nothing but damage would fill memory with them.
const MAX_WARNINGS: usize = 1000;

/// What is counted of a track.
struct Counts {
    track: Track,
    samples: u64,
    sync_samples: u64,
    /// Ticks of a picture of the rate that the codec tells.
    told_step: Option<f64>,
    /// Steps from one to the next, and how many of them are that.
    steps: (u64, u64),
    /// Those that are the second field of a picture.
    halves: u64,
    fields: Option<Fields>,
    /// Those that are not shown, with their bytes: they take no time.
    hidden: (u64, u64),
    bytes: u64,
    first_pts: i64,
    /// The end of the last sample on the time line.
    end: i64,
    last_dts: i64,
    /// The distance between the two samples before, for those that do not tell how long they last.
    step: i64,
    /// Time before the last jump of the time line.
    before: i64,
}

impl Counts {
    fn new(track: Track) -> Self {
        Self {
            fields: Fields::of(&track.codec),
            halves: 0,
            told_step: told_step(&track),
            steps: (0, 0),
            track,
            samples: 0,
            sync_samples: 0,
            hidden: (0, 0),
            bytes: 0,
            first_pts: i64::MAX,
            end: i64::MIN,
            last_dts: i64::MIN,
            step: 0,
            before: 0,
        }
    }

    fn add(&mut self, seen: &Seen) {
        self.samples += 1;
        self.sync_samples += u64::from(seen.sync);
        self.bytes += seen.size as u64;
        if self.last_dts != i64::MIN && seen.dts > self.last_dts {
            self.step = seen.dts - self.last_dts;
            self.steps.0 += 1;
            // Clocks are rounded.
            let is_one = |told: f64| (told - self.step as f64).abs() <= 1.0;
            self.steps.1 += u64::from(self.told_step.is_some_and(is_one));
        }
        self.last_dts = seen.dts;
        if seen.hidden {
            self.hidden.0 += 1;
            self.hidden.1 += seen.size as u64;
            return;
        }
        let duration = seen.duration.map_or(self.step, i64::from);
        self.first_pts = self.first_pts.min(seen.pts);
        self.end = self.end.max(seen.pts.saturating_add(duration));
    }

    /// Whether its samples come when they come, and the next one tells nothing of the one before.
    fn is_sparse(&self) -> bool {
        self.track.codec.kind() == Kind::Data
    }

    fn jump(&mut self) {
        self.before = self.ticks();
        (self.first_pts, self.end) = (i64::MAX, i64::MIN);
        self.last_dts = i64::MIN;
    }

    /// How long it lasts. What comes before zero, where an edit list begins, is not part of that.
    fn ticks(&self) -> i64 {
        self.since(self.shown_from())
    }

    fn shown_from(&self) -> i64 {
        if self.end > 0 {
            self.first_pts.max(0)
        } else {
            self.first_pts
        }
    }

    /// Seconds at which it begins and ends to be shown; `None` without samples, or where its time line has jumped.
    fn shown(&self) -> Option<(f64, f64)> {
        let time = |ticks| seconds(self.track.timescale.time(ticks));
        (self.before == 0 && self.first_pts != i64::MAX)
            .then(|| (time(self.shown_from()), time(self.end)))
    }

    fn since(&self, first: i64) -> i64 {
        let now = self.end.saturating_sub(first).max(0);
        self.before
            .saturating_add(if self.first_pts == i64::MAX { 0 } else { now })
    }

    fn duration(&self) -> f64 {
        seconds(self.track.timescale.time(self.ticks()))
    }

    fn report(&self) -> TrackReport {
        let clear = original(&self.track.codec);
        let codec = clear.as_ref().unwrap_or(&self.track.codec);
        let duration = self.duration();
        let shown = (self.samples - self.hidden.0).saturating_sub(self.halves);
        // Rates are those of all that is there, before zero too.
        let span = seconds(self.track.timescale.time(self.since(self.first_pts)));
        let (width, height) = codec.dimensions().unzip();
        let measured = |()| (shown > 0 && span > 0.0).then(|| shown as f64 / span);
        let told = codec
            .frame_rate()
            .map(|(frames, seconds)| f64::from(frames) / f64::from(seconds));
        let frame_rate = match codec.kind() {
            // What the samples show weighs more than what the configuration says; that some are missing does not make the rate another.
            Kind::Video if self.steps.1 * 10 >= self.steps.0 * 9 => told.or_else(|| measured(())),
            Kind::Video => measured(()).or(told),
            _ => None,
        };
        let start = if self.first_pts == i64::MAX {
            0
        } else {
            self.first_pts
        };
        TrackReport {
            id: self.track.id.0,
            kind: match codec {
                Codec::Text(_) => "text",
                _ => kind(codec.kind()),
            },
            codec: codec.rfc6381(),
            timescale: self.track.timescale.get(),
            samples: self.samples,
            sync_samples: self.sync_samples,
            duration,
            start: seconds(self.track.timescale.time(start)),
            bitrate: if span > 0.0 {
                ((self.bytes - self.hidden.1) as f64 * 8.0 / span).round() as u64
            } else {
                0
            },
            width,
            height,
            frame_rate,
            sample_rate: codec.sample_rate(),
            channels: codec.channels(),
            language: self.track.language.as_str().to_owned(),
            encrypted: clear.is_some(),
        }
    }
}

fn told_step(track: &Track) -> Option<f64> {
    let (frames, seconds) = track.codec.frame_rate()?;
    Some(f64::from(track.timescale.get()) * f64::from(seconds) / f64::from(frames))
}

/// What is beneath the encryption of a track of an MP4 (ISO/IEC 14496-12 §8.12); `None` where it is clear.
fn original(codec: &Codec) -> Option<Codec> {
    let Codec::Other { kind, config, .. } = codec else {
        return None;
    };
    // Its sample entry, as all there is.
    let mut stsd = Vec::new();
    let len = u32::try_from(config.len() + 16).ok()?;
    for word in [len.to_be_bytes(), *b"stsd", [0; 4], 1u32.to_be_bytes()] {
        stsd.extend(word);
    }
    stsd.extend_from_slice(config);
    let stsd = <mp4::boxes::Stsd as mp4::IsoBox>::parse(&stsd).ok()?;
    let entry = stsd.entries.first()?;
    let clear = Protection::of(entry)?.remove(entry);
    let handler = match kind {
        Kind::Video => *b"vide",
        Kind::Audio => *b"soun",
        Kind::Data => *b"meta",
    };
    Some(mp4::codec::describe(&clear, mp4::FourCc(handler))?.codec)
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Video => "video",
        Kind::Audio => "audio",
        Kind::Data => "data",
    }
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let mut input = input::open(&args.input, &args.reading.options(input::Order::File))?;
    if args.samples && io::stdout().is_terminal() {
        // The lines show how far it is.
        input.bar.set_draw_target(ProgressDrawTarget::hidden());
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let mut counts: BTreeMap<TrackId, Counts> = BTreeMap::new();
    let mut order: Vec<TrackId> = Vec::new();
    let mut warnings = Vec::new();
    let mut lines = Lines::default();
    crate::stop::listen();
    let most = args.duration.or(input.is_live.then_some(LIVE));
    loop {
        let enough = |counts: &Counts| {
            most.is_some_and(|most| counts.track.timescale.time(counts.ticks()) >= most)
        };
        if crate::stop::is_asked() || counts.values().any(enough) {
            break;
        }
        let look = match input.source.look() {
            Ok(Some(look)) => look,
            Ok(None) => break,
            // What was read before is worth telling.
            Err(error) if !counts.is_empty() => {
                warnings.push(warning(media::Warning::new(format!("{error:#}"))));
                break;
            }
            Err(error) => return Err(error),
        };
        match look {
            Look::Event(Event::Sample(sample)) => {
                let mut seen = Seen::from(&sample);
                if let Some(counts) = counts.get_mut(&seen.track) {
                    let own = || counts.track.codec.duration(&sample.data);
                    seen.duration = seen.duration.or_else(own);
                    if args.samples {
                        lines.push(&seen, counts.is_sparse(), &mut out)?;
                    }
                    let is_second = |fields: &mut Fields| fields.is_second(&sample.data);
                    counts.halves += u64::from(counts.fields.as_mut().is_some_and(is_second));
                    counts.add(&seen);
                }
            }
            Look::Outline(seen) => {
                if let Some(counts) = counts.get_mut(&seen.track) {
                    if args.samples {
                        lines.push(&seen, counts.is_sparse(), &mut out)?;
                    }
                    counts.add(&seen);
                }
            }
            Look::Event(Event::Tracks(tracks)) => {
                if learn(&tracks, &mut counts, &mut order) {
                    lines.flush(&mut out)?;
                }
            }
            Look::Event(Event::Discontinuity) => {
                lines.flush(&mut out)?;
                counts.values_mut().for_each(Counts::jump);
            }
            Look::Event(Event::Warning(told)) if warnings.len() < MAX_WARNINGS => {
                warnings.push(warning(told));
            }
            Look::Event(_) => {}
        }
    }
    lines.flush(&mut out)?;
    input.bar.finish_and_clear();
    let tracks: Vec<_> = order
        .iter()
        .filter_map(|id| Some(counts.get(id)?.report()))
        .collect();
    let report = Report {
        format: name(input.format, &counts),
        duration: duration(counts.values()),
        tracks,
        warnings,
    };
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else if !args.samples {
        print(&report, &mut out)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Seconds from where the first track begins to where the last one ends.
fn duration<'a>(tracks: impl Iterator<Item = &'a Counts> + Clone) -> f64 {
    let longest = tracks.clone().map(Counts::duration).fold(0.0, f64::max);
    let lasting = tracks.filter(|counts| !counts.is_sparse());
    let (first, end) = lasting.filter_map(Counts::shown).fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(first, end), (from, to)| (f64::min(first, from), f64::max(end, to)),
    );
    longest.max(end - first)
}

/// Takes a set of tracks; whether one of them has another clock now.
fn learn(
    tracks: &Tracks,
    counts: &mut BTreeMap<TrackId, Counts>,
    order: &mut Vec<TrackId>,
) -> bool {
    let mut is_rescaled = false;
    for track in tracks {
        match counts.get_mut(&track.id) {
            Some(known) => {
                if known.track.timescale != track.timescale {
                    is_rescaled = true;
                    let rescale = |ticks: i64| match ticks {
                        i64::MAX | i64::MIN => ticks,
                        ticks => known.track.timescale.rescale(ticks, track.timescale),
                    };
                    (known.first_pts, known.end) = (rescale(known.first_pts), rescale(known.end));
                    known.before = rescale(known.before);
                }
                if known.track.codec != track.codec {
                    known.fields = Fields::of(&track.codec);
                }
                known.told_step = told_step(track);
                known.track = track.clone();
            }
            None => {
                order.push(track.id);
                counts.insert(track.id, Counts::new(track.clone()));
            }
        }
    }
    is_rescaled
}

fn warning(warning: media::Warning) -> WarningReport {
    WarningReport {
        offset: warning.offset,
        track: warning.track.map(|track| track.0),
        skipped: warning.skipped,
        what: warning.what.into_owned(),
    }
}

/// The format's name; that of E-AC-3, whose frames only tell it from AC-3, and that of the layer of MPEG audio.
fn name(format: Format, counts: &BTreeMap<TrackId, Counts>) -> String {
    let first = counts.values().next().map(|counts| &counts.track.codec);
    match (format, first) {
        (Format::Raw(elementary::Format::Ac3), Some(Codec::Eac3(_))) => "ec3".into(),
        (Format::Raw(elementary::Format::MpegAudio), Some(Codec::MpegAudio(audio))) => {
            match audio.layer {
                Layer::I => "mp1".into(),
                Layer::II => "mp2".into(),
                Layer::III => "mp3".into(),
            }
        }
        _ => format.to_string(),
    }
}

fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let duration = Time::from_nanos((report.duration * 1e9) as i64);
    writeln!(out, "{}, {duration}", report.format)?;
    for track in &report.tracks {
        write!(out, "track {}: {} {}", track.id, track.kind, track.codec)?;
        if let (Some(width), Some(height)) = (track.width, track.height) {
            write!(out, ", {width}x{height}")?;
        }
        if let Some(rate) = track.frame_rate {
            write!(out, ", {rate:.3} fps")?;
        }
        if let (Some(rate), Some(channels)) = (track.sample_rate, track.channels) {
            write!(out, ", {rate} Hz, {channels} ch")?;
        }
        if track.encrypted {
            write!(out, ", encrypted")?;
        }
        if track.language != "und" {
            write!(out, ", {}", track.language)?;
        }
        writeln!(
            out,
            ", {:.3} s from {:.3}, {:.1} kbit/s, {} samples, {} sync",
            track.duration,
            track.start,
            track.bitrate as f64 / 1000.0,
            track.samples,
            track.sync_samples
        )?;
    }
    for warning in &report.warnings {
        write!(out, "warning: {}", warning.what)?;
        if let Some(offset) = warning.offset {
            write!(out, " at offset {offset}")?;
        }
        if warning.skipped > 0 {
            write!(out, ", {} bytes skipped", warning.skipped)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
