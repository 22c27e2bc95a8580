use super::Source;
use anyhow::Result;
use media::{Event, Sample, Time, Timescale, Track, TrackId, Tracks};
use std::collections::{BTreeMap, VecDeque};

/// Renditions that belong together, as one source: its tracks are all of theirs, its samples come in the order of their times.
pub struct Merge {
    parts: Vec<Part>,
    /// Events to be given before the next sample.
    ready: VecDeque<Event>,
    /// The time of the first sample that was given since one waits at a jump.
    waiting: Option<Time>,
}

struct Part {
    source: Box<dyn Source>,
    tracks: Tracks,
    /// What the ids of its tracks are here.
    ids: BTreeMap<TrackId, TrackId>,
    /// Its next sample.
    sample: Option<(Time, Sample)>,
    /// Its time line jumps next, which it does when those of the others do.
    jumps: bool,
    ended: bool,
}

/// How far the others may go while one waits at a jump.
const LONGEST: Time = Time::from_millis(10_000);

impl Merge {
    /// Ids are changed where two sources use the same.
    pub fn new(sources: Vec<Box<dyn Source>>) -> Self {
        let parts = sources.into_iter().map(|source| Part {
            source,
            tracks: Tracks::default(),
            ids: BTreeMap::new(),
            sample: None,
            jumps: false,
            ended: false,
        });
        Self {
            parts: parts.collect(),
            ready: VecDeque::new(),
            waiting: None,
        }
    }

    /// Reads on until each source that has not ended has a sample.
    fn fill(&mut self) -> Result<()> {
        let mut told = false;
        for at in 0..self.parts.len() {
            while !self.parts[at].ended && !self.parts[at].jumps && self.parts[at].sample.is_none()
            {
                match self.parts[at].source.next()? {
                    None => self.parts[at].ended = true,
                    Some(Event::Tracks(tracks)) => {
                        self.adopt(at, &tracks);
                        told = true;
                    }
                    Some(Event::Sample(mut sample)) => {
                        let part = &mut self.parts[at];
                        let Some(&id) = part.ids.get(&sample.track) else {
                            continue;
                        };
                        let timescale = part
                            .tracks
                            .find(sample.track)
                            .map_or(Timescale::MILLIS, |track| track.timescale);
                        let time = timescale.time(sample.dts);
                        sample.track = id;
                        part.sample = Some((time, sample));
                    }
                    Some(Event::Discontinuity) => self.parts[at].jumps = true,
                    Some(event) => self.ready.push_back(event),
                }
            }
        }
        if told {
            let all = self.parts.iter().flat_map(|part| {
                part.tracks.iter().filter_map(|track| {
                    let mut track: Track = track.clone();
                    track.id = *part.ids.get(&track.id)?;
                    Some(track)
                })
            });
            self.ready.push_front(Event::Tracks(all.collect()));
        }
        Ok(())
    }

    fn adopt(&mut self, at: usize, tracks: &Tracks) {
        for track in tracks {
            if self.parts[at].ids.contains_key(&track.id) {
                continue;
            }
            let taken = |id: TrackId| {
                self.parts
                    .iter()
                    .any(|part| part.ids.values().any(|used| *used == id))
            };
            let mut id = track.id;
            while taken(id) {
                id = TrackId(id.0.wrapping_add(1));
            }
            self.parts[at].ids.insert(track.id, id);
        }
        self.parts[at].tracks = tracks.clone();
    }
}

impl Source for Merge {
    fn next(&mut self) -> Result<Option<Event>> {
        self.fill()?;
        if let Some(event) = self.ready.pop_front() {
            return Ok(Some(event));
        }
        let waiting = self.parts.iter_mut().filter(|part| part.sample.is_some());
        let first = waiting.min_by_key(|part| part.sample.as_ref().map(|(time, _)| *time));
        let (next, sample) = first.and_then(|part| part.sample.take()).unzip();
        if !self.parts.iter().any(|part| part.jumps) {
            self.waiting = None;
        } else if next.is_none_or(|next| next - *self.waiting.get_or_insert(next) >= LONGEST) {
            // One jump for all.
            self.waiting = None;
            self.parts.iter_mut().for_each(|part| part.jumps = false);
            self.ready.extend(sample.map(Event::Sample));
            return Ok(Some(Event::Discontinuity));
        }
        Ok(sample.map(Event::Sample))
    }
}
