//! `fluvial remux`: the samples of one file in another.

use crate::format::Format;
use crate::input::{self, Source};
use crate::output::{self, Options};
use crate::progress::say;
use crate::time;
use anyhow::{Context, Result, bail};
use media::{Codec, Event, Kind, Sample, Time, Timescale, Track, TrackId, Tracks};
use std::collections::{HashMap, VecDeque};
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file, a URL (http, https, rtmp, rtmps, rtmpe, rtmpt, ...), or `-` for standard input.
    input: String,
    /// A file, a URL of the RTMP family, or `-` for standard output.
    output: String,
    /// Begin at the last keyframe that is not after this time, counted from where the input begins (seconds, or `[h:]m:s`).
    #[arg(long, value_parser = time::parse, value_name = "T")]
    from: Option<Time>,
    /// End before this time, counted likewise.
    #[arg(long, value_parser = time::parse, value_name = "T")]
    to: Option<Time>,
    /// End after so much, from where it begins.
    #[arg(long, value_parser = time::parse, value_name = "T")]
    duration: Option<Time>,
    /// Send to a server as fast as it takes it, not in the time that it lasts.
    #[arg(long)]
    fast: bool,
    /// Write MP4 in fragments.
    #[arg(long)]
    fragmented: bool,
    /// What the segments of HLS are.
    #[arg(long, value_enum, default_value = "mp4")]
    segments: output::SegmentKind,
    /// Seconds after which a segment of HLS and DASH ends, at the next keyframe.
    #[arg(long, value_parser = time::parse, default_value = "6", value_name = "T")]
    segment_duration: Time,
    /// Which tracks: ids or kinds (`video`, `audio`, `data`), with commas between them. Default: all that the output can carry.
    #[arg(long, value_delimiter = ',')]
    tracks: Vec<String>,
    /// The output's format, where its name does not tell it: an extension such as `ts`.
    #[arg(long)]
    format: Option<String>,
    #[command(flatten)]
    reading: input::Reading,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    output::check_apart(&args.input, &args.output)?;
    crate::stop::listen();
    let mut input = input::open(&args.input, &args.reading.options(input::Order::Time))?;
    if let Some(from) = args.from {
        input.source.seek(from);
    }
    input.source = Box::new(input::Splice::new(input.source));
    let start = Start::of(input.source.as_mut()).with_context(|| args.input.clone())?;
    let options = Options {
        fragmented: args.fragmented,
        segments: args.segments,
        segment_duration: args
            .segment_duration
            .to_duration()
            .unwrap_or_default()
            .max(std::time::Duration::from_millis(1)),
        is_live: input.is_live,
        // A live stream sets the pace itself.
        is_paced: !args.fast && !input.is_live,
        input: input.len,
    };
    let mut sink = output::create(&args.output, args.format.as_deref(), &options)?;
    let picked = pick(&start.tracks, &args.tracks)?;
    let explicit = !args.tracks.is_empty();
    let mut kept = Kept {
        wanted: picked.iter().map(|track| track.id).collect(),
        late: Vec::new(),
        explicit,
    };
    let carried = kept.carried(&picked, sink.as_ref())?;
    if !sink.keeps_matrix() {
        for track in carried.iter().filter(|track| track.matrix.is_some()) {
            let name = sink.name();
            say(format_args!(
                "warning: the pictures of track {} are to be shown turned or mirrored, which {name} cannot tell",
                track.id
            ));
        }
    }
    sink.set_tracks(&carried)?;
    let origin = origin(input.format, &start.tracks, &start.events);
    let mut span = Span::new(args, origin, input.is_live, &carried);
    if sink.begins_at_zero() {
        span.begin_at(origin, &start.events);
    }
    let mut events = VecDeque::from(start.events);
    let mut current = carried;
    let mut wrote = false;
    let mut write = |sample, sink: &mut dyn output::Sink| -> Result<()> {
        wrote = true;
        sink.handle_sample(sample)
    };
    loop {
        let event = match events.pop_front() {
            Some(event) => event,
            None => match input.source.next()? {
                Some(event) => event,
                None => break,
            },
        };
        if crate::stop::is_asked() {
            break;
        }
        match event {
            Event::Tracks(tracks) => {
                let picked = pick(&tracks, &args.tracks)?;
                let picked = kept.in_time(&picked, &current, sink.as_ref());
                let carried = kept.carried(&picked, sink.as_ref())?;
                for sample in span.flush() {
                    write(sample, sink.as_mut())?;
                }
                if carried != current {
                    sink.set_tracks(&carried)?;
                    span.set_tracks(&carried);
                    current = carried;
                }
            }
            Event::Sample(sample) => {
                if current.find(sample.track).is_none() {
                    continue;
                }
                span.push(sample);
                while let Some(sample) = span.pop() {
                    write(sample, sink.as_mut())?;
                }
                if span.is_over() {
                    break;
                }
            }
            event => {
                tell(&event);
                sink.handle_event(&event)?;
            }
        }
    }
    for sample in span.flush() {
        write(sample, sink.as_mut())?;
    }
    if !wrote && !crate::stop::is_asked() {
        let place = match (args.from, args.to) {
            (None, None) => "it has no samples",
            _ => "it has no samples between these times",
        };
        bail!("{}: {place}: there is nothing to write", args.input);
    }
    sink.finish().with_context(|| args.output.clone())?;
    input.bar.finish_and_clear();
    Ok(ExitCode::SUCCESS)
}

/// What an input begins with.
struct Start {
    tracks: Tracks,
    /// What was read, without the tracks.
    events: Vec<Event>,
}

/// How much is read of an input that does not say beforehand which tracks it has.
const SETTLE: Time = Time::from_millis(2000);
const SETTLE_BYTES: usize = 16 << 20;

impl Start {
    /// Reads until the tracks are known: containers without a list of them tell each when its first sample comes.
    fn of(source: &mut dyn Source) -> Result<Self> {
        let mut start = Self {
            tracks: Tracks::default(),
            events: Vec::new(),
        };
        let mut seen: Vec<(TrackId, Time)> = Vec::new();
        let mut bytes = 0;
        let is_known = source.knows_tracks();
        while bytes < SETTLE_BYTES {
            let Some(event) = source.next()? else { break };
            match event {
                Event::Tracks(tracks) => {
                    let stays = |old: &Track| {
                        let is_new = !seen.iter().any(|(id, _)| *id == old.id);
                        tracks.find(old.id).is_some_and(|new| is_new || new == old)
                    };
                    if start.tracks.iter().all(stays) {
                        start.tracks = tracks;
                    } else {
                        // A change, not more of the same.
                        start.events.push(Event::Tracks(tracks));
                        break;
                    }
                }
                Event::Sample(sample) => {
                    let timescale = start.tracks.find(sample.track).map(|track| track.timescale);
                    let time = timescale.map_or(Time::ZERO, |timescale| timescale.time(sample.dts));
                    bytes += sample.data.len();
                    let id = sample.track;
                    start.events.push(Event::Sample(sample));
                    match seen.iter().find(|(seen, _)| *seen == id) {
                        Some((_, first)) if time - *first >= SETTLE => break,
                        Some(_) => {}
                        None => seen.push((id, time)),
                    }
                    // A first sample may tell more of its track.
                    let has_come = |track: &Track| {
                        track.codec.kind() == Kind::Data
                            || seen.iter().any(|(seen, _)| *seen == track.id)
                    };
                    if is_known && start.tracks.iter().all(has_come) {
                        break;
                    }
                }
                Event::Discontinuity => {
                    start.events.push(Event::Discontinuity);
                    break;
                }
                event => start.events.push(event),
            }
        }
        if start.tracks.is_empty() {
            bail!("no track that could be read");
        }
        Ok(start)
    }
}

/// Where an input begins on its own time line: that of MP4 and DASH begins at zero, other clocks anywhere.
fn origin(format: Format, tracks: &Tracks, events: &[Event]) -> Time {
    if matches!(format, Format::Mp4 | Format::Dash) {
        return Time::ZERO;
    }
    let times = events.iter().filter_map(|event| match event {
        Event::Sample(sample) => {
            let track = tracks.find(sample.track)?;
            (track.codec.kind() != Kind::Data).then(|| track.timescale.time(sample.pts))
        }
        _ => None,
    });
    times.min().unwrap_or(Time::ZERO).max(Time::ZERO)
}

/// Warnings are for people: on standard error.
fn tell(event: &Event) {
    if let Event::Warning(warning) = event {
        say(format_args!("warning: {warning}"));
    }
}

/// The tracks that were asked for.
fn pick(tracks: &Tracks, asked: &[String]) -> Result<Tracks> {
    if asked.is_empty() {
        return Ok(tracks.clone());
    }
    let is = |name: &str, id: TrackId, kind: Kind| match name {
        "video" => kind == Kind::Video,
        "audio" => kind == Kind::Audio,
        "data" | "text" => kind == Kind::Data,
        number => number.parse() == Ok(id.0),
    };
    let wanted = |name: &String| {
        tracks
            .iter()
            .any(|track| is(name, track.id, track.codec.kind()))
    };
    if let Some(missing) = asked.iter().find(|name| !wanted(name)) {
        let ids: Vec<_> = tracks.iter().map(|track| track.id.to_string()).collect();
        bail!("there is no track {missing}: there are {}", ids.join(", "));
    }
    let picked = tracks.iter().filter(|track| {
        let kind = track.codec.kind();
        asked.iter().any(|name| is(name, track.id, kind))
    });
    Ok(picked.cloned().collect())
}

/// Whether the samples are still encrypted (ISO/IEC 14496-12 §8.12).
fn is_encrypted(track: &Track) -> bool {
    const ENCRYPTED: [&str; 4] = ["encv", "enca", "enct", "encs"];
    ENCRYPTED.contains(&&*track.codec.rfc6381())
}

/// What of the tracks the output gets.
struct Kept {
    wanted: Vec<TrackId>,
    /// Came too late, which was told.
    late: Vec<TrackId>,
    /// Whether tracks were named: then none may be left out.
    explicit: bool,
}

impl Kept {
    /// The tracks without those that come when it is too late for the output: cues of which nothing told before.
    fn in_time(&mut self, tracks: &Tracks, current: &Tracks, sink: &dyn output::Sink) -> Tracks {
        if sink.takes_more_tracks() {
            return tracks.clone();
        }
        let is_late =
            |track: &&Track| track.codec.kind() == Kind::Data && current.find(track.id).is_none();
        for track in tracks.iter().filter(is_late) {
            if !self.wanted.contains(&track.id) && !self.late.contains(&track.id) {
                let codec = track.codec.rfc6381();
                say(format_args!(
                    "warning: track {}, {codec}, comes too late and is left out",
                    track.id
                ));
                self.late.push(track.id);
            }
        }
        let in_time = tracks.iter().filter(|track| !is_late(track));
        in_time.cloned().collect()
    }

    fn carried(&mut self, tracks: &Tracks, sink: &dyn output::Sink) -> Result<Tracks> {
        // What opens samples is lost on the way.
        if let Some(track) = tracks.iter().find(|track| is_encrypted(track)) {
            bail!(
                "track {} is encrypted: give its key with --key, or choose others with --tracks",
                track.id
            );
        }
        let mut carried = Vec::new();
        let mut refused = Vec::new();
        for track in tracks {
            if sink.can_carry(&track.codec) && carried.len() < sink.max_tracks() {
                carried.push(track.clone());
            } else {
                refused.push(track);
            }
        }
        // Sound and pictures are not lost in silence, but for a format that is made to hold one of them.
        let lost = refused.iter().find(|track| {
            self.explicit || (track.codec.kind() != Kind::Data && sink.max_tracks() > 1)
        });
        if let Some(track) = lost {
            bail!(
                "{} cannot carry track {}, {}; choose others with --tracks",
                sink.name(),
                track.id,
                track.codec.rfc6381()
            );
        }
        if carried.is_empty() {
            let codecs: Vec<_> = tracks.iter().map(|track| track.codec.rfc6381()).collect();
            bail!("{} cannot carry {}", sink.name(), codecs.join(", "));
        }
        for track in refused {
            if self.wanted.contains(&track.id) {
                say(format_args!(
                    "warning: track {}, {}, is left out",
                    track.id,
                    track.codec.rfc6381()
                ));
                self.wanted.retain(|id| *id != track.id);
            }
        }
        Ok(carried.into_iter().collect())
    }
}

/// The part of the time line that is kept; times count from its start where one was asked for.
struct Span {
    from: Option<Time>,
    to: Option<Time>,
    duration: Option<Time>,
    /// Whether it begins with the first point to begin at, wherever that is.
    is_live: bool,
    tracks: Tracks,
    lead: TrackId,
    /// Samples since the last point to begin at, until it is known that there is none better.
    held: VecDeque<Sample>,
    /// Where it begins, once that is known.
    start: Option<Time>,
    over: Vec<TrackId>,
    /// Samples from the end on, until it is known whether one before it needs them.
    beyond: Vec<Sample>,
    /// Where tracks end of which that was so.
    ends: HashMap<TrackId, Time>,
}

impl Span {
    fn new(args: &Args, origin: Time, is_live: bool, tracks: &Tracks) -> Self {
        let lead = tracks.first_of(Kind::Video).or(tracks.first());
        Self {
            from: args.from.map(|from| from + origin),
            to: args.to.map(|to| to + origin),
            duration: args.duration,
            is_live,
            tracks: tracks.clone(),
            lead: lead.map_or(TrackId(0), |track| track.id),
            held: VecDeque::new(),
            start: (args.from.is_none() && !is_live).then_some(Time::ZERO),
            over: Vec::new(),
            beyond: Vec::new(),
            ends: HashMap::new(),
        }
    }

    fn set_tracks(&mut self, tracks: &Tracks) {
        self.tracks = tracks.clone();
    }

    /// Puts zero at the origin, where it begins with its first sample; at the first picture, where sound that begins before it is its
    /// decoder's start.
    fn begin_at(&mut self, origin: Time, events: &[Event]) {
        const PRIMING: Time = Time::from_millis(100);
        if self.start.is_none() || origin == Time::ZERO {
            return;
        }
        let lead = events.iter().filter_map(|event| match event {
            Event::Sample(sample) if sample.track == self.lead => {
                Some(self.time(sample.track, sample.pts))
            }
            _ => None,
        });
        let first = lead.min().filter(|first| *first - origin <= PRIMING);
        self.start = Some(first.unwrap_or(origin));
    }

    fn time(&self, track: TrackId, ticks: i64) -> Time {
        let track = self.tracks.find(track);
        track.map_or(Time::ZERO, |track| track.timescale.time(ticks))
    }

    /// A sample from the end on is kept if one before it, that follows in the order of decoding, may need it; then its track ends there.
    fn push(&mut self, sample: Sample) {
        let id = sample.track;
        if let Some(to) = self.to {
            let end = self.ends.get(&id).map_or(to, |end| to.max(*end));
            if self.time(id, sample.pts) >= end {
                if self.time(id, sample.dts) < end {
                    self.beyond.push(sample);
                } else if !self.over.contains(&id) {
                    self.over.push(id);
                }
                return;
            }
            let needed: Vec<_> = self
                .beyond
                .extract_if(.., |kept| kept.track == id)
                .collect();
            if let Some(last) = needed.iter().map(|kept| kept.pts).max() {
                self.ends.insert(id, self.time(id, last));
            }
            for sample in needed {
                self.keep(sample);
            }
        }
        self.keep(sample);
    }

    fn keep(&mut self, sample: Sample) {
        let is_lead = sample.track == self.lead;
        if self.start.is_some() {
            if is_lead && self.duration.is_some() {
                self.end_after(self.time(sample.track, sample.pts));
            }
            self.held.push_back(sample);
            return;
        }
        let pts = self.time(sample.track, sample.pts);
        let is_sync = sample.is_sync();
        if let Some(from) = self.from
            && is_lead
            && is_sync
            && pts <= from
        {
            // What comes from here on replaces what came before, but for other tracks' samples that sound later.
            let tracks = &self.tracks;
            self.held.retain(|held| {
                let time = tracks
                    .find(held.track)
                    .map(|track| track.timescale.time(held.pts));
                held.track != sample.track && time.is_some_and(|time| time >= pts)
            });
        }
        self.held.push_back(sample);
        match self.from {
            Some(from) if is_lead && pts >= from => self.begin(from),
            None if is_lead && is_sync => self.begin(pts),
            _ => {}
        }
    }

    /// Fixes the end, where it was told by the distance from the start.
    fn end_after(&mut self, start: Time) {
        if let Some(duration) = self.duration.take() {
            let end = start + duration;
            self.to = Some(self.to.map_or(end, |to| to.min(end)));
        }
    }

    /// Fixes the start: that of the lead's first sample that is held.
    fn begin(&mut self, from: Time) {
        let first = self
            .held
            .iter()
            .find(|held| held.track == self.lead && held.is_sync());
        let start = first.map_or(from, |first| self.time(first.track, first.pts));
        self.start = Some(start);
        self.end_after(start);
        let tracks = self.tracks.clone();
        let lead = self.lead;
        self.held.retain(|held| {
            let time = tracks
                .find(held.track)
                .map(|track| track.timescale.time(held.pts));
            held.track == lead || time.is_some_and(|time| time >= start)
        });
        while self
            .held
            .iter()
            .find(|held| held.track == lead)
            .is_some_and(|held| !held.is_sync())
        {
            let at = self.held.iter().position(|held| held.track == lead);
            at.map(|at| self.held.remove(at));
        }
    }

    fn pop(&mut self) -> Option<Sample> {
        let start = self.start?;
        let mut sample = self.held.pop_front()?;
        let track = self.tracks.find(sample.track)?;
        let shift = track.timescale.ticks(start);
        sample.dts -= shift;
        sample.pts -= shift;
        if track.codec == Codec::Scte35 && shift != 0 {
            // The times in a section move with it.
            let mut section = sample.data.to_vec();
            mpegts::scte35::shift_times(&mut section, -Timescale::KHZ_90.ticks(start));
            sample.data = section.into();
        }
        Some(sample)
    }

    /// What is left, at the end or before a change of tracks.
    fn flush(&mut self) -> Vec<Sample> {
        if self.start.is_none()
            && let Some(from) = self.from.or(self.is_live.then_some(Time::ZERO))
            && self
                .held
                .iter()
                .any(|held| self.time(held.track, held.pts) >= from)
        {
            self.begin(from);
        }
        std::iter::from_fn(|| self.pop()).collect()
    }

    fn is_over(&self) -> bool {
        self.to.is_some()
            && self
                .tracks
                .iter()
                .all(|track| self.over.contains(&track.id))
    }
}
