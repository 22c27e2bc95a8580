//! One participant: what comes in, until it is due.

use super::clocks::Watch;
use crate::timeline::Timeline;
use media::{Codec, Event, Kind, Sample, Timescale, TrackId};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most samples that wait of a track, and most bytes.
const WAITING: (usize, usize) = (2048, 32 << 20);
/// Without a picture for so long, there is none to be shown.
const STALE: i64 = 3_000_000_000;

/// No packet of sound has come, and one that does not say how loud it is: below and above the bits of all that may be said.
const NOTHING: u32 = 0;
const UNTOLD: u32 = u32::MAX;

/// What packets of sound that have come say of how loud they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Told {
    /// None has come.
    Nothing,
    /// One at least does not say it.
    Untold,
    /// The loudest of them, as a share of full scale.
    Level(f32),
}

/// By which way somebody takes part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// A browser, or another client of WebRTC.
    Webrtc,
    /// A publisher of RTMP or RTSP.
    Stream,
}

impl Way {
    /// The delays between arrival and play: the least, and the most.
    const fn delays(self) -> (Duration, Duration) {
        match self {
            Way::Webrtc => (Duration::from_millis(50), Duration::from_millis(400)),
            Way::Stream => (Duration::from_millis(80), Duration::from_millis(1500)),
        }
    }
}

/// What waits in a lane, with its time in nanoseconds of the participant's clock.
#[derive(Debug)]
pub(crate) enum Item {
    /// From here on it is that.
    Track(Codec, Timescale),
    /// From here on pictures need so many quarters of a turn, clockwise, to stand upright.
    Turn(u8),
    Sample(Sample, i64),
}

/// What has come of one kind.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    track: Option<(TrackId, Timescale)>,
    /// Kept for who begins to listen later.
    codec: Option<Codec>,
    turn: u8,
    items: VecDeque<Item>,
    bytes: usize,
}

impl Lane {
    fn push(&mut self, sample: &Sample, time: i64) {
        if self.items.len() >= WAITING.0 || self.bytes >= WAITING.1 {
            self.clear();
        }
        self.bytes += sample.data.len();
        self.items.push_back(Item::Sample(sample.clone(), time));
    }

    /// Leaves what it takes to begin: what has come since the newest keyframe.
    pub(crate) fn trim(&mut self) {
        let sync = |item: &Item| matches!(item, Item::Sample(sample, _) if sample.is_sync());
        if let Some(newest) = self.items.iter().rposition(sync)
            && self
                .items
                .iter()
                .take(newest)
                .any(|item| matches!(item, Item::Sample(..)))
        {
            let rest = self.items.split_off(newest);
            self.clear();
            for item in rest {
                if let Item::Sample(sample, _) = &item {
                    self.bytes += sample.data.len();
                }
                self.items.push_back(item);
            }
        }
    }

    fn clear(&mut self) {
        self.bytes = 0;
        self.items.clear();
        if let (Some(codec), Some((_, scale))) = (&self.codec, self.track) {
            self.items.push_back(Item::Track(codec.clone(), scale));
            self.items.push_back(Item::Turn(self.turn));
        }
    }

    /// Whether [`next`](Self::next) would give anything.
    fn has_next(&self, due: impl Fn(i64) -> bool) -> bool {
        self.items.front().is_some_and(|item| match item {
            Item::Sample(_, time) => due(*time),
            Item::Track(..) | Item::Turn(_) => true,
        })
    }

    /// The next that is a track, or was due by `due`.
    pub(crate) fn next(&mut self, due: impl Fn(i64) -> bool) -> Option<Item> {
        if let Item::Sample(sample, time) = self.items.front()? {
            if !due(*time) {
                return None;
            }
            self.bytes -= sample.data.len();
        }
        self.items.pop_front()
    }
}

/// What has come and is not due yet.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) timeline: Timeline,
    pub(crate) sound: Lane,
    pub(crate) picture: Lane,
}

/// A participant.
#[derive(Debug)]
pub struct Person {
    /// Its number.
    pub id: u64,
    /// What it is called.
    pub name: Arc<str>,
    /// How it takes part.
    pub way: Way,
    watch: Watch,
    arrival: Mutex<Arrival>,
    /// Nobody listens: no more is kept than is needed to begin.
    idle: Arc<AtomicBool>,
    wants_keyframe: AtomicBool,
    muted: AtomicBool,
    hidden: AtomicBool,
    screen: AtomicBool,
    /// Bits of the gain.
    gain: AtomicU32,
    /// Bits of the level that was heard last.
    pub(crate) level: AtomicU32,
    /// How loud the loudest packet says it is of those that have come since that was asked: its bits, or one of two that are no loudness.
    told: AtomicU32,
    /// Bytes that have come.
    pub(crate) received: AtomicU64,
    /// Pictures that were decoded.
    pub(crate) decoded: AtomicU64,
}

impl Person {
    pub(crate) fn new(id: u64, name: &str, way: Way, watch: Watch, idle: Arc<AtomicBool>) -> Self {
        let (least, most) = way.delays();
        Self {
            id,
            name: name.into(),
            way,
            watch,
            arrival: Mutex::new(Arrival {
                timeline: Timeline::new(least, most),
                sound: Lane::default(),
                picture: Lane::default(),
            }),
            idle,
            wants_keyframe: AtomicBool::new(false),
            muted: AtomicBool::new(false),
            hidden: AtomicBool::new(false),
            screen: AtomicBool::new(false),
            gain: AtomicU32::new(1.0_f32.to_bits()),
            level: AtomicU32::new(0),
            told: AtomicU32::new(NOTHING),
            received: AtomicU64::new(0),
            decoded: AtomicU64::new(0),
        }
    }

    pub(crate) fn arrival(&self) -> MutexGuard<'_, Arrival> {
        self.arrival.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything of its pictures is due.
    pub(crate) fn has_picture_due(&self, now: i64) -> bool {
        let arrival = self.arrival();
        let timeline = &arrival.timeline;
        arrival.picture.has_next(|time| timeline.due(time) <= now)
    }

    /// Takes what has come.
    pub(crate) fn handle(&self, event: &Event) {
        let now = self.watch.now();
        let mut arrival = self.arrival();
        let arrival = &mut *arrival;
        match event {
            Event::Tracks(tracks) => {
                for (kind, lane) in [
                    (Kind::Audio, &mut arrival.sound),
                    (Kind::Video, &mut arrival.picture),
                ] {
                    let track = tracks.first_of(kind);
                    lane.track = track.map(|track| (track.id, track.timescale));
                    let codec = track.map(|track| track.codec.clone());
                    if lane.codec != codec {
                        lane.codec = codec;
                        if let (Some(codec), Some((_, scale))) = (&lane.codec, lane.track) {
                            lane.items.push_back(Item::Track(codec.clone(), scale));
                        }
                    }
                }
            }
            Event::Sample(sample) => {
                self.received
                    .fetch_add(sample.data.len() as u64, Ordering::Relaxed);
                let idle = self.is_idle();
                for lane in [&mut arrival.sound, &mut arrival.picture] {
                    let Some((_, scale)) = lane.track.filter(|(id, _)| *id == sample.track) else {
                        continue;
                    };
                    let time = scale.time(sample.dts).as_nanos();
                    arrival.timeline.observe(time, now);
                    // Nobody needs what comes before the newest keyframe.
                    if idle && sample.is_sync() {
                        lane.clear();
                    }
                    lane.push(sample, time);
                }
            }
            _ => {}
        }
    }

    /// Its pictures that come now need so many quarters of a turn, clockwise, to stand upright.
    pub(crate) fn turn(&self, quarters: u8) {
        let lane = &mut self.arrival().picture;
        if lane.turn != quarters {
            lane.turn = quarters;
            lane.items.push_back(Item::Turn(quarters));
        }
    }

    /// A packet of sound has come, which says how loud it is, in decibels of full scale, or does not say it.
    pub(crate) fn loud(&self, decibels: Option<i8>) {
        // Of numbers that are not below zero the bits are in the order of the numbers.
        let level = |decibels: i8| 10_f32.powf(f32::from(decibels.min(0)) / 20.0);
        let told = decibels.map_or(UNTOLD, |decibels| level(decibels).to_bits());
        self.told.fetch_max(told, Ordering::Relaxed);
    }

    /// What packets of sound say of how loud they are that have come since this was asked.
    pub(crate) fn take_told(&self) -> Told {
        match self.told.swap(NOTHING, Ordering::Relaxed) {
            NOTHING => Told::Nothing,
            UNTOLD => Told::Untold,
            bits => Told::Level(f32::from_bits(bits)),
        }
    }

    pub(crate) fn want_keyframe(&self) {
        self.wants_keyframe.store(true, Ordering::Relaxed);
    }

    /// Whether nobody listens.
    pub(crate) fn is_idle(&self) -> bool {
        self.idle.load(Ordering::Relaxed)
    }

    /// Whether it is to send a keyframe; asked once for each wish.
    pub(crate) fn take_wish(&self) -> bool {
        self.wants_keyframe.swap(false, Ordering::Relaxed)
    }

    /// How loud it is made; 1 is as it comes.
    #[must_use]
    pub fn gain(&self) -> f32 {
        match self.is_muted() {
            true => 0.0,
            false => self.raw_gain(),
        }
    }

    /// The same, also while nobody hears it.
    #[must_use]
    pub fn raw_gain(&self) -> f32 {
        f32::from_bits(self.gain.load(Ordering::Relaxed))
    }

    /// Between arrival and play, at the least.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.arrival().timeline.delay()
    }

    /// Sets how loud it is made.
    pub fn set_gain(&self, gain: f32) {
        self.gain
            .store(gain.clamp(0.0, 8.0).to_bits(), Ordering::Relaxed);
    }

    /// Whether nobody hears it.
    #[must_use]
    pub fn is_muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    /// Lets nobody hear it, or everybody.
    pub fn set_muted(&self, muted: bool) {
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// Whether its picture is not shown.
    #[must_use]
    pub fn is_hidden(&self) -> bool {
        self.hidden.load(Ordering::Relaxed)
    }

    /// Shows a placeholder instead of its picture, or the picture again.
    pub fn set_hidden(&self, hidden: bool) {
        self.hidden.store(hidden, Ordering::Relaxed);
    }

    /// Whether it says that its picture is that of a screen.
    #[must_use]
    pub fn is_screen(&self) -> bool {
        self.screen.load(Ordering::Relaxed)
    }

    /// Takes its picture for that of a screen.
    pub fn set_screen(&self, screen: bool) {
        self.screen.store(screen, Ordering::Relaxed);
    }

    /// Whether it sends pictures.
    #[must_use]
    pub fn has_video(&self) -> bool {
        self.arrival().picture.codec.is_some()
    }
}

/// Whether the last picture of somebody is too old to be shown.
pub(crate) const fn is_stale(shown: i64, now: i64) -> bool {
    now - shown > STALE
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::{Flags, Track, Tracks};

    fn sample(time: i64, sync: bool) -> Event {
        Event::Sample(Sample {
            track: TrackId(1),
            dts: time,
            pts: time,
            duration: None,
            flags: Flags::SYNC.when(sync),
            data: vec![1, 2, 3].into(),
        })
    }

    #[test]
    fn an_idle_room_keeps_what_it_takes_to_begin() {
        let idle = Arc::new(AtomicBool::new(true));
        let person = Person::new(1, "ann", Way::Stream, Watch::new(), Arc::clone(&idle));
        let scale = Timescale::new(1000).unwrap();
        let codec = Codec::Vp8(media::codec::Vp::parse(&[0; 16]).unwrap());
        let track = Track::new(TrackId(1), scale, codec);
        person.handle(&Event::Tracks(Tracks::from(vec![track])));
        for time in 0..100 {
            person.handle(&sample(time * 40, time % 30 == 0));
        }
        assert!(person.has_video());
        let mut arrival = person.arrival();
        let mut times = Vec::new();
        let mut tracks = 0;
        while let Some(item) = arrival.picture.next(|_| true) {
            match item {
                Item::Track(..) => tracks += 1,
                Item::Turn(_) => {}
                Item::Sample(_, time) => times.push(time / 1_000_000),
            }
        }
        assert_eq!(tracks, 1);
        assert_eq!(times, (90..100).map(|time| time * 40).collect::<Vec<_>>());
        assert_eq!(arrival.picture.bytes, 0);
        drop(arrival);
        // What is not due is not given.
        idle.store(false, Ordering::Relaxed);
        person.handle(&sample(4000, false));
        let mut arrival = person.arrival();
        assert!(arrival.picture.next(|time| time < 4_000_000_000).is_none());
        assert!(arrival.picture.next(|time| time <= 4_000_000_000).is_some());
    }

    #[test]
    fn gains_and_mutes() {
        let person = Person::new(1, "ann", Way::Webrtc, Watch::new(), Arc::default());
        assert_eq!(person.gain(), 1.0);
        person.set_gain(100.0);
        assert_eq!(person.gain(), 8.0);
        person.set_muted(true);
        assert_eq!(person.gain(), 0.0);
        person.want_keyframe();
        assert!(person.take_wish() && !person.take_wish());
    }

    #[test]
    fn the_loudest_packet_counts_and_one_that_tells_nothing_counts_most() {
        let person = Person::new(1, "ann", Way::Webrtc, Watch::new(), Arc::default());
        assert_eq!(person.take_told(), Told::Nothing);
        for decibels in [-127, -20, -60] {
            person.loud(Some(decibels));
        }
        assert!(matches!(person.take_told(), Told::Level(level) if (level - 0.1).abs() < 1e-6));
        assert_eq!(person.take_told(), Told::Nothing);
        person.loud(Some(-127));
        assert!(matches!(person.take_told(), Told::Level(level) if level > 0.0 && level < 1e-6));
        person.loud(None);
        person.loud(Some(0));
        assert_eq!(person.take_told(), Told::Untold);
    }
}
