use crate::NtpTime;
use crate::clock::Clock;
use core::time::Duration;
use media::{Time, Timescale};

/// Which times of a stream are which times of the presentation.
#[derive(Debug, Clone)]
pub(super) struct StreamClock {
    /// The unwrapped time stamp of the time 0.
    base: Option<i64>,
    /// The first time stamp, and when it came.
    first: Option<(i64, Duration)>,
    /// Time stamps on the sender's wall clock, as its reports tell.
    wall: Clock,
    /// The time stamp of the presentation's start, as RTSP's `RTP-Info` tells it.
    told: Option<i64>,
    /// Whether the base is exact: from a report, or told.
    exact: bool,
    /// The last report did not fit the base.
    doubtful: bool,
}

/// The clock that the streams of a presentation have in common.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Common {
    /// When the time 0 was, on the clock of the reports.
    wall: Option<NtpTime>,
    /// When the time 0 came here.
    arrival: Option<Time>,
    /// The start of the presentation was told for each stream.
    told: bool,
}

/// By how much a report may differ from those before it; clocks that are read in software are off by milliseconds.
const TOLERANCE: Time = Time::from_millis(20);
/// What is not told when it is corrected.
const UNHEARD: Time = Time::from_millis(1);

/// A time stamp as it is in packets.
const fn wrapped(timestamp: i64) -> u32 {
    let [.., a, b, c, d] = timestamp.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

fn beyond(difference: Time, limit: Time) -> bool {
    difference > limit || difference < Time::ZERO - limit
}

impl StreamClock {
    pub(super) fn new(rate: Timescale) -> Self {
        Self {
            base: None,
            first: None,
            wall: Clock::new(rate.get()),
            told: None,
            exact: false,
            doubtful: false,
        }
    }

    pub(super) const fn base(&self) -> Option<i64> {
        self.base
    }

    /// The time stamp of a time of the presentation, as it is in packets.
    pub(super) fn timestamp(&self, time: i64) -> Option<u32> {
        Some(wrapped(self.base?.saturating_add(time)))
    }

    pub(super) const fn first(&self) -> Option<(i64, Duration)> {
        self.first
    }

    pub(super) fn is_exact(&self) -> bool {
        self.told.is_some() || self.on_wall(0).is_some()
    }

    pub(super) fn see(&mut self, timestamp: i64, now: Duration) {
        self.first.get_or_insert((timestamp, now));
    }

    pub(super) const fn tell(&mut self, timestamp: i64) {
        self.told = Some(timestamp);
    }

    /// When it was at the sender's, where reports have come.
    fn on_wall(&self, timestamp: i64) -> Option<NtpTime> {
        self.wall.time(wrapped(timestamp))
    }

    /// Takes a report. Gives by how much the times of the stream are moved, where that is to be heard of.
    pub(super) fn report(
        &mut self,
        wall: NtpTime,
        timestamp: i64,
        rate: Timescale,
        common: &mut Common,
    ) -> Option<Time> {
        self.wall.handle_report(wall, wrapped(timestamp));
        let base = self.base?;
        let wall = self.on_wall(timestamp)?;
        let Some(origin) = common.wall else {
            common.wall = Some(before(wall, rate.time(timestamp.saturating_sub(base))));
            self.exact = true;
            return None;
        };
        let time = Time::from_nanos(wall.nanos_since(origin));
        let exact = timestamp.saturating_sub(rate.ticks(time));
        let difference = rate.time(base.saturating_sub(exact));
        // Many reports together are as exact as they agree with each other: clocks that drift apart are followed.
        let drifts = self.wall.noise().filter(|_| self.exact);
        let limit = match drifts {
            Some(noise) => UNHEARD.max(Time::from_nanos(noise.saturating_mul(2))),
            None if self.exact => TOLERANCE,
            None => UNHEARD,
        };
        if !beyond(difference, limit) {
            (self.exact, self.doubtful) = (true, false);
            return None;
        }
        if drifts.is_some() && !beyond(difference, TOLERANCE) {
            (self.base, self.doubtful) = (Some(exact), false);
            return None;
        }
        // One report may be wrong; two are not.
        if self.exact && !self.doubtful {
            self.doubtful = true;
            return None;
        }
        self.base = Some(exact);
        (self.exact, self.doubtful) = (true, false);
        Some(difference)
    }

    /// Finds the base of a stream when the common clock runs already.
    pub(super) fn join(&mut self, rate: Timescale, common: &Common, by_arrival: bool) {
        let Some((first, arrival)) = self.first else {
            return;
        };
        self.base = match (self.on_wall(first), common.wall, common.arrival) {
            _ if common.told && self.told.is_some() => {
                self.exact = true;
                self.told
            }
            (Some(wall), Some(origin), _) => {
                self.exact = true;
                let time = Time::from_nanos(wall.nanos_since(origin));
                Some(first.saturating_sub(rate.ticks(time)))
            }
            (_, _, Some(origin)) if by_arrival => {
                let time = Time::from(arrival) - origin;
                Some(first.saturating_sub(rate.ticks(time)))
            }
            _ => None,
        };
    }

    /// How the stream begins, if it does.
    fn beginning(&self, rate: Timescale) -> Option<Beginning> {
        let (first, arrival) = self.first?;
        Some(Beginning {
            first,
            arrival,
            wall: self.on_wall(first),
            told: self.told.map(|told| rate.time(first.saturating_sub(told))),
        })
    }
}

/// How a stream begins.
struct Beginning {
    first: i64,
    arrival: Duration,
    /// On the sender's wall clock.
    wall: Option<NtpTime>,
    /// After the start that RTSP told.
    told: Option<Time>,
}

/// A time on the wall, so much earlier.
fn before(wall: NtpTime, span: Time) -> NtpTime {
    let ticks = (i128::from(span.as_nanos()) << 32) / 1_000_000_000;
    let [.., a, b, c, d, e, f, g, h] = ticks.to_be_bytes();
    NtpTime(
        wall.0
            .wrapping_sub(u64::from_be_bytes([a, b, c, d, e, f, g, h])),
    )
}

/// Puts the streams that have begun on one clock, the earliest of them at the time 0.
pub(super) fn resolve(streams: &mut [(&mut StreamClock, Timescale)]) -> Common {
    let begun: alloc::vec::Vec<_> = streams
        .iter()
        .filter_map(|(clock, rate)| clock.beginning(*rate))
        .collect();
    let all_told = begun.iter().all(|stream| stream.told.is_some());
    // A stream whose beginning is known on the wall.
    let reference = begun
        .iter()
        .find_map(|stream| Some((stream.wall?, stream.arrival)));
    // When each begins, on whichever clock there is.
    let start = |stream: &Beginning| match (stream.told, reference, stream.wall) {
        (Some(told), ..) if all_told => told,
        (_, Some((wall, _)), Some(at)) => Time::from_nanos(at.nanos_since(wall)),
        (_, Some((_, then)), None) => Time::from(stream.arrival) - Time::from(then),
        (_, None, _) => Time::from(stream.arrival),
    };
    let starts = begun.iter().map(|stream| (start(stream), stream.arrival));
    let earliest = starts.min_by_key(|(at, _)| *at);
    let (earliest, arrival) = earliest.unwrap_or((Time::ZERO, Duration::ZERO));
    // Where all are told, the time 0 is the start of the presentation.
    let origin = if all_told { Time::ZERO } else { earliest };
    for (clock, rate) in streams.iter_mut() {
        if let Some(stream) = clock.beginning(*rate) {
            let at = start(&stream) - origin;
            clock.base = Some(stream.first.saturating_sub(rate.ticks(at)));
            clock.exact = all_told || stream.wall.is_some();
        }
    }
    let wall = reference
        .filter(|_| !all_told)
        .map(|(wall, _)| before(wall, Time::ZERO - origin));
    Common {
        wall,
        arrival: Some(Time::from(arrival) - (earliest - origin)),
        told: all_told,
    }
}
