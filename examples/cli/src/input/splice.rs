use super::Source;
use anyhow::Result;
use media::{Event, Sample, Time, Timescale, TrackId, Tracks};
use std::collections::{HashMap, VecDeque};

/// A source whose time line does not jump: what follows a jump is put behind what came before it.
pub struct Splice {
    source: Box<dyn Source>,
    tracks: Tracks,
    /// Added to all times.
    shift: Time,
    /// Where each track ends so far, on the line that is given.
    ends: Vec<End>,
    /// What follows a jump, until it is known where it has to go.
    held: VecDeque<Event>,
    is_holding: bool,
    /// What goes out before the source is asked.
    ready: VecDeque<Event>,
}

/// Where a track ends, in ticks of its own.
struct End {
    track: TrackId,
    timescale: Timescale,
    ticks: i64,
}

/// How much is looked at behind a jump, for a sample of each track.
const SAMPLES: usize = 300;
const BYTES: usize = 16 << 20;
/// A jump forward that is none: a little is missing there.
const SMALL: Time = Time::from_millis(1000);

impl Splice {
    pub fn new(source: Box<dyn Source>) -> Self {
        Self {
            source,
            tracks: Tracks::default(),
            shift: Time::ZERO,
            ends: Vec::new(),
            held: VecDeque::new(),
            is_holding: false,
            ready: VecDeque::new(),
        }
    }

    fn time(&self, sample: &Sample, ticks: i64) -> Time {
        let track = self.tracks.find(sample.track);
        track.map_or(Time::ZERO, |track| track.timescale.time(ticks))
    }

    /// Whether enough is held to know where it goes.
    fn is_enough(&self) -> bool {
        let samples = || {
            self.held.iter().filter_map(|event| match event {
                Event::Sample(sample) => Some(sample),
                _ => None,
            })
        };
        let bytes: usize = samples().map(|sample| sample.data.len()).sum();
        let missing = self
            .tracks
            .iter()
            .filter(|track| self.ends.iter().any(|end| end.track == track.id))
            .any(|track| !samples().any(|sample| sample.track == track.id));
        !missing || bytes > BYTES || samples().count() > SAMPLES
    }

    /// Finds where what is held goes, and lets it go there.
    fn place(&mut self) {
        self.is_holding = false;
        let mut firsts: HashMap<TrackId, Time> = HashMap::new();
        for event in &self.held {
            if let Event::Sample(sample) = event {
                let time = self.time(sample, sample.dts);
                firsts.entry(sample.track).or_insert(time);
            }
        }
        // No track may go back; one of them goes on at once.
        let shifts = self.ends.iter().filter_map(|end| {
            let first = firsts.get(&end.track)?;
            Some(end.timescale.time(end.ticks) - *first)
        });
        if let Some(least) = shifts.max() {
            let goes_on = self.shift >= least && self.shift - least <= SMALL;
            if !goes_on {
                self.shift = least;
            }
        }
        let held = std::mem::take(&mut self.held);
        for event in held {
            let event = self.pass(event);
            self.ready.push_back(event);
        }
    }

    /// Puts an event where it goes.
    fn pass(&mut self, event: Event) -> Event {
        let Event::Sample(mut sample) = event else {
            return event;
        };
        if let Some(track) = self.tracks.find(sample.track) {
            let timescale = track.timescale;
            if self.shift != Time::ZERO {
                let shift = timescale.ticks(self.shift);
                sample.dts = sample.dts.saturating_add(shift);
                sample.pts = sample.pts.saturating_add(shift);
            }
            let duration = sample.duration.map_or(1, |duration| duration.get().into());
            let end = End {
                track: sample.track,
                timescale,
                ticks: sample.dts.saturating_add(duration),
            };
            match self.ends.iter_mut().find(|end| end.track == sample.track) {
                Some(known) => *known = end,
                None => self.ends.push(end),
            }
        }
        Event::Sample(sample)
    }
}

impl Source for Splice {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(event));
            }
            let event = self.source.next()?;
            if let Some(Event::Tracks(tracks)) = &event {
                self.tracks = tracks.clone();
            }
            match event {
                Some(Event::Discontinuity) => self.is_holding = true,
                Some(event) if self.is_holding => {
                    self.held.push_back(event);
                    if self.is_enough() {
                        self.place();
                    }
                }
                Some(event) => return Ok(Some(self.pass(event))),
                None if self.is_holding => self.place(),
                None => return Ok(None),
            }
        }
    }

    fn seek(&mut self, time: Time) -> bool {
        self.source.seek(time)
    }

    fn knows_tracks(&self) -> bool {
        self.source.knows_tracks()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{Codec, Flags, Timescale, Track};

    struct List(VecDeque<Event>);

    impl Source for List {
        fn next(&mut self) -> Result<Option<Event>> {
            Ok(self.0.pop_front())
        }
    }

    fn sample(track: u32, dts: i64) -> Event {
        Event::Sample(Sample {
            track: TrackId(track),
            dts,
            pts: dts + 10,
            duration: std::num::NonZeroU32::new(40),
            flags: Flags::SYNC,
            data: (&b"x"[..]).into(),
        })
    }

    #[test]
    fn what_follows_a_jump_goes_on() {
        let track = |id| Track::new(TrackId(id), Timescale::MILLIS, Codec::Klv);
        let tracks: Tracks = [track(1), track(2)].into_iter().collect();
        let events = [
            Event::Tracks(tracks),
            sample(1, 0),
            sample(2, 20),
            sample(1, 40),
            Event::Discontinuity,
            sample(1, 5000),
            sample(2, 4990),
            sample(1, 5040),
            Event::Discontinuity,
            // A little is missing: no reason to close the gap.
            sample(1, 5400),
            sample(2, 5400),
        ];
        let mut splice = Splice::new(Box::new(List(events.into())));
        let mut times = Vec::new();
        while let Some(event) = splice.next().unwrap() {
            match event {
                Event::Sample(sample) => {
                    assert_eq!(sample.pts, sample.dts + 10);
                    times.push((sample.track.0, sample.dts));
                }
                event => assert!(matches!(event, Event::Tracks(_))),
            }
        }
        assert_eq!(
            times,
            [
                (1, 0),
                (2, 20),
                (1, 40),
                (1, 80),
                (2, 70),
                (1, 120),
                (1, 480),
                (2, 480)
            ]
        );
    }
}
