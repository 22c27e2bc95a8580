use super::lane::{Entry, Expired, Lane, Resource};
use super::{Addressing, Config, LiveEvent, Presentation};
use crate::Error;
use crate::address::{Template, Values};
use media::{Kind, Timescale, TrackId, Tracks};

/// A span of the stream without a jump.
#[derive(Debug)]
pub(super) struct Period {
    pub(super) id: u64,
    /// Number of its first segment, on all tracks.
    pub(super) first_number: u64,
    pub(super) tracks: Tracks,
    pub(super) lanes: Vec<Lane>,
    pub(super) events: Vec<LiveEvent>,
    /// Media time at which it starts, in nanoseconds; zero where its first sound is before that, which nobody shows.
    pub(super) media_start: i64,
    /// Where it is on the presentation's time line, in nanoseconds.
    pub(super) start: u64,
    /// Unix time of media time 0, in nanoseconds.
    pub(super) clock: i64,
    /// How long a segment is taken to be, in nanoseconds, where segments are told by number.
    pub(super) nominal: i64,
    /// Its start cannot move any more.
    opened: bool,
}

impl Period {
    fn lane(&mut self, track: Option<TrackId>) -> Option<&mut Lane> {
        self.lanes.iter_mut().find(|lane| lane.track == track)
    }

    /// Whether all tracks that a player waits for have begun.
    pub(super) fn is_open(&self) -> bool {
        self.opened
    }

    /// Whether any segment of it is in the window.
    pub(super) fn is_listed(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.segments.is_empty())
    }

    /// Media time at which its tracks of these kinds end, in nanoseconds.
    fn end_of(&self, is: impl Fn(Kind) -> bool) -> Option<i64> {
        let is = |lane: &&Lane| {
            let track = lane.track.and_then(|track| self.tracks.find(track));
            track.is_some_and(|track| is(track.codec.kind()))
        };
        let ends = self.lanes.iter().filter(is).filter(|lane| lane.lasts());
        ends.map(|lane| lane.nanos(lane.last.end())).max()
    }

    /// Media time at which all of it has ended, in nanoseconds.
    fn whole_end(&self) -> i64 {
        let all = || self.lanes.iter().map(|lane| lane.nanos(lane.last.end()));
        self.end_of(|kind| kind != Kind::Data)
            .or_else(|| all().max())
            .unwrap_or(self.media_start)
            .max(self.media_start)
    }

    /// Media time at which it ends where another one may follow, in nanoseconds: where its pictures end, or else its longest track.
    /// Sound that goes on for a part of a frame is not waited for.
    fn media_end(&self) -> i64 {
        let pictures = self.end_of(|kind| kind == Kind::Video);
        pictures.map_or_else(|| self.whole_end(), |end| end.max(self.media_start))
    }

    /// A media time on the presentation's time line, in nanoseconds.
    fn at(&self, time: i64) -> u64 {
        let length = time.saturating_sub(self.media_start);
        self.start
            .saturating_add(u64::try_from(length).unwrap_or(0))
    }

    /// Where its last segment ends on the presentation's time line, in nanoseconds.
    pub(super) fn end(&self) -> u64 {
        self.at(self.media_end())
    }

    /// The same where nothing follows: sound is heard to its end.
    pub(super) fn last_end(&self) -> u64 {
        self.at(self.whole_end())
    }

    /// The same as Unix time.
    pub(super) fn wall_end(&self) -> i64 {
        self.clock.saturating_add(self.media_end())
    }

    pub(super) fn push(
        &mut self,
        track: Option<TrackId>,
        entry: Entry,
        init: u32,
    ) -> Result<(), Error> {
        let Some(lane) = self.lane(track) else {
            return Err(Error::State("a segment of a track that was not told"));
        };
        let last = lane.segments.back().or(lane.leaving.back());
        if last.is_some_and(|last| entry.number <= last.number) {
            return Err(Error::State("segment numbers must rise"));
        }
        lane.init = init;
        lane.push(entry);
        Ok(())
    }

    /// Whether a segment is where its number says, give or take half a segment.
    fn fits(&self, number: u64, start: i64) -> bool {
        let count = number.saturating_sub(self.first_number);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let expected = self
            .media_start
            .saturating_add(count.saturating_mul(self.nominal));
        start.saturating_sub(expected).unsigned_abs() <= self.nominal.unsigned_abs() / 2
    }

    /// Opens it once each track that a player waits for has a segment, or one of them has gone on without the others.
    pub(super) fn open(&mut self, dynamic: bool) {
        for lane in self
            .lanes
            .iter_mut()
            .filter(|lane| dynamic && lane.told.is_none())
        {
            // With some room, as it must not change any more.
            let told = lane.peak.saturating_add(lane.peak / 4);
            lane.told = Some(told).filter(|told| *told > 0);
        }
        if self.opened {
            return;
        }
        let mut awaited = self
            .tracks
            .iter()
            .filter(|track| track.codec.kind() != Kind::Data);
        let muxed = self.lanes.iter().any(|lane| lane.track.is_none());
        let begun = |track: &media::Track| {
            let mut lanes = self.lanes.iter();
            lanes.any(|lane| lane.track == Some(track.id) && !lane.segments.is_empty())
        };
        let all = muxed || awaited.all(begun);
        let gone_on = self
            .lanes
            .iter()
            .any(|lane| lane.segments.len() + lane.leaving.len() > 1);
        if all || gone_on {
            self.opened = true;
        }
    }
}

impl Presentation {
    /// Whether no other period follows it yet.
    pub(super) fn is_last(&self, period: &Period) -> bool {
        self.periods.back().is_some_and(|last| last.id == period.id)
    }

    /// The period that a segment belongs to; a new one where it has to begin.
    pub(super) fn place(
        &mut self,
        track: Option<TrackId>,
        timescale: Timescale,
        entry: &Entry,
        init: u32,
        broken: bool,
    ) -> Result<usize, Error> {
        if self.ended {
            return Err(Error::State(
                "the presentation has ended: no segment can be added",
            ));
        }
        let clock = match self.clock {
            Some(clock) => clock,
            None if self.config.dynamic => {
                return Err(Error::State("a dynamic presentation needs a clock"));
            }
            None => 0,
        };
        // `@presentationTimeOffset` cannot be negative.
        let start = timescale.time(entry.start).as_nanos().max(0);
        let index = self
            .periods
            .iter()
            .rposition(|period| period.first_number <= entry.number);
        let last = self.periods.len().checked_sub(1);
        let new = match index.and_then(|index| self.periods.get_mut(index)) {
            None => true,
            Some(period) if period.first_number == entry.number => false,
            // What comes late for a period that is over belongs to it all the same.
            Some(_) if index != last => false,
            Some(period) => {
                let by_number = self.config.addressing == Addressing::Number;
                let awry = by_number && period.opened && !period.fits(entry.number, start);
                let lane = period.lane(track);
                let other_init = lane.as_ref().is_some_and(|lane| lane.init != init);
                let skipped = lane.is_some_and(|lane| {
                    !lane.segments.is_empty() && entry.number > lane.last.number.saturating_add(1)
                });
                broken || self.broken || awry || other_init || skipped
            }
        };
        let index = match index {
            Some(index) if !new => index,
            _ => {
                self.begin(entry, timescale, start, clock);
                self.periods.len().saturating_sub(1)
            }
        };
        let Some(period) = self.periods.get_mut(index) else {
            return Err(Error::State("there is no period"));
        };
        if period.lane(track).is_none() {
            if track.is_some_and(|track| period.tracks.find(track).is_none()) {
                return Err(Error::State("a segment of a track that was not told"));
            }
            if !period.opened && start < period.media_start {
                period.media_start = start;
            }
            period.lanes.push(Lane::new(track, timescale, *entry, init));
            // As the tracks are told, not as they come.
            let order = |lane: &Lane| {
                let mut tracks = period.tracks.iter();
                tracks.position(|track| Some(track.id) == lane.track)
            };
            period.lanes.sort_by_key(order);
        }
        Ok(index)
    }

    fn begin(&mut self, entry: &Entry, timescale: Timescale, start: i64, clock: i64) {
        self.broken = false;
        let delay = i64::try_from(self.config.publish_delay.as_nanos()).unwrap_or(i64::MAX);
        let wall = clock.saturating_add(start).saturating_add(delay);
        let origin = *self.origin.get_or_insert(wall);
        let before = self.periods.back().map_or(self.left_end, Period::end);
        let at = if self.config.dynamic {
            u64::try_from(wall.saturating_sub(origin))
                .unwrap_or(0)
                .max(before)
        } else {
            before
        };
        let target = i64::try_from(self.config.segment_duration.as_nanos()).unwrap_or(i64::MAX);
        // As long as they were lately; at first as long as they are expected to be.
        let lately = self.periods.back().and_then(|period| {
            let lane = period.lanes.first()?;
            let lengths = lane.last.number.checked_sub(lane.first.number)?;
            let span = lane
                .nanos(lane.last.start)
                .saturating_sub(lane.nanos(lane.first.start));
            span.checked_div(i64::try_from(lengths).ok()?)
        });
        // What a first segment says counts unless it is far from what is expected.
        let own = i64::try_from(entry.duration).map(|ticks| timescale.time(ticks).as_nanos());
        let near = |nanos: &i64| *nanos > target / 2 && *nanos < target.saturating_mul(3) / 2;
        let own = own.ok().filter(near);
        let nominal = lately.filter(|span| *span > 0).or(own).unwrap_or(target);
        self.periods.push_back(Period {
            id: self.next_id,
            first_number: entry.number,
            tracks: self.tracks.clone(),
            lanes: Vec::new(),
            events: Vec::new(),
            media_start: start,
            start: at,
            clock,
            nominal,
            opened: false,
        });
        self.next_id = self.next_id.saturating_add(1);
    }

    /// Lets segments go that are out of the window, and periods that are empty then.
    pub(super) fn slide(&mut self) {
        let newest = self.periods.iter().map(Period::end).max().unwrap_or(0);
        let window = self
            .config
            .window
            .map(|window| u64::try_from(window.as_nanos()).unwrap_or(u64::MAX));
        let mut expired = Vec::new();
        let periods = self.periods.len();
        for (index, period) in self.periods.iter_mut().enumerate() {
            let (media_start, at) = (period.media_start, period.start);
            let first_number = period.first_number;
            for lane in &mut period.lanes {
                while let Some(first) = lane.segments.front() {
                    let end = lane
                        .timescale
                        .time(first.end())
                        .as_nanos()
                        .saturating_sub(media_start);
                    let end = at.saturating_add(u64::try_from(end).unwrap_or(0));
                    let out = window.is_some_and(|window| newest.saturating_sub(end) > window);
                    let last = index + 1 == periods && lane.segments.len() == 1;
                    if last || !(out || lane.segments.len() > self.config.max_segments) {
                        break;
                    }
                    lane.leaving.extend(lane.segments.pop_front());
                }
                // As long as a client that has an older version may come for it (§A.3.2).
                while let Some(first) = lane.leaving.front() {
                    let end = lane
                        .timescale
                        .time(first.end())
                        .as_nanos()
                        .saturating_sub(media_start);
                    let end = at.saturating_add(u64::try_from(end).unwrap_or(0));
                    let gone = window.unwrap_or(0).saturating_mul(2);
                    if newest.saturating_sub(end) <= gone
                        && lane.leaving.len() <= self.config.max_segments
                    {
                        break;
                    }
                    expired.push(self.config.expired(
                        first_number,
                        lane,
                        Resource::Segment(first.number),
                        first.start,
                    ));
                    lane.leaving.pop_front();
                }
            }
            let passed = |event: &LiveEvent| {
                let end = event.time.as_nanos().saturating_sub(media_start);
                let end = at.saturating_add(u64::try_from(end).unwrap_or(0));
                let length = event
                    .duration
                    .map_or(0, |length| u64::try_from(length.as_nanos()).unwrap_or(0));
                window.is_some_and(|window| {
                    newest.saturating_sub(end.saturating_add(length)) > window
                })
            };
            period.events.retain(|event| !passed(event));
        }
        while self.periods.len() > 1 {
            let done = |lane: &Lane| lane.segments.is_empty() && lane.leaving.is_empty();
            if !self
                .periods
                .front()
                .is_some_and(|period| period.lanes.iter().all(done))
            {
                break;
            }
            let Some(period) = self.periods.pop_front() else {
                break;
            };
            self.left_end = period.end();
            for lane in &period.lanes {
                let kept = self.periods.front().is_some_and(|next| {
                    let mut lanes = next.lanes.iter();
                    lanes.any(|next| next.track == lane.track && next.init == lane.init)
                });
                if !kept {
                    expired.push(self.config.expired(
                        period.first_number,
                        lane,
                        Resource::Init(lane.init),
                        0,
                    ));
                }
            }
        }
        self.expired.extend(expired);
    }
}

impl Config {
    /// The URI template of initialization segments of this number.
    pub(super) fn initialization(&self, init: u32) -> String {
        self.initialization.replace("{init}", &init.to_string())
    }

    /// The URI template of the media segments of a period.
    pub(super) fn media(&self, first_number: u64) -> String {
        self.media.replace("{first}", &first_number.to_string())
    }

    fn expired(&self, first_number: u64, lane: &Lane, resource: Resource, time: i64) -> Expired {
        let id = lane.id();
        let mut values = Values {
            representation_id: &id,
            time: u64::try_from(time).unwrap_or(0),
            ..Values::default()
        };
        let text = match resource {
            Resource::Segment(number) => {
                values.number = number;
                self.media(first_number)
            }
            Resource::Init(init) => self.initialization(init),
        };
        let uri = Template::parse(&text).map(|template| template.url(&values));
        Expired {
            track: lane.track,
            resource,
            uri: uri.unwrap_or(text),
        }
    }
}
