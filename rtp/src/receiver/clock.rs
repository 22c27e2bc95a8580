use crate::NtpTime;
use core::time::Duration;
use media::{Time, Timescale};

/// Which times of a stream are which times of the presentation.
#[derive(Debug, Clone, Default)]
pub(super) struct StreamClock {
    /// The unwrapped time stamp of the time 0.
    base: Option<i64>,
    /// The first time stamp, and when it came.
    first: Option<(i64, Duration)>,
    /// The last sender report: time on the wall, unwrapped time stamp.
    report: Option<(NtpTime, i64)>,
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

fn beyond(difference: Time, limit: Time) -> bool {
    difference > limit || difference < Time::ZERO - limit
}

impl StreamClock {
    pub(super) const fn base(&self) -> Option<i64> {
        self.base
    }

    pub(super) const fn first(&self) -> Option<(i64, Duration)> {
        self.first
    }

    pub(super) const fn is_exact(&self) -> bool {
        self.report.is_some() || self.told.is_some()
    }

    pub(super) fn see(&mut self, timestamp: i64, now: Duration) {
        self.first.get_or_insert((timestamp, now));
    }

    pub(super) const fn tell(&mut self, timestamp: i64) {
        self.told = Some(timestamp);
    }

    /// Takes a report. Gives by how much the times of the stream have to be moved, where they have to.
    pub(super) fn report(
        &mut self,
        wall: NtpTime,
        timestamp: i64,
        rate: Timescale,
        common: &mut Common,
    ) -> Option<Time> {
        self.report = Some((wall, timestamp));
        let base = self.base?;
        let Some(origin) = common.wall else {
            common.wall = Some(before(wall, rate.time(timestamp.saturating_sub(base))));
            self.exact = true;
            return None;
        };
        let time = Time::from_nanos(wall.nanos_since(origin));
        let exact = timestamp.saturating_sub(rate.ticks(time));
        let difference = rate.time(base.saturating_sub(exact));
        let limit = if self.exact { TOLERANCE } else { UNHEARD };
        if !beyond(difference, limit) {
            (self.exact, self.doubtful) = (true, false);
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
        self.base = match (self.report, common.wall, common.arrival) {
            _ if common.told && self.told.is_some() => {
                self.exact = true;
                self.told
            }
            (Some((wall, timestamp)), Some(origin), _) => {
                self.exact = true;
                let time = Time::from_nanos(wall.nanos_since(origin));
                Some(timestamp.saturating_sub(rate.ticks(time)))
            }
            (_, _, Some(origin)) if by_arrival => {
                let time = Time::from(arrival) - origin;
                Some(first.saturating_sub(rate.ticks(time)))
            }
            _ => None,
        };
    }
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
    let begun = |(clock, rate): &(&mut StreamClock, Timescale)| {
        let (first, arrival) = clock.first?;
        Some((first, arrival, clock.report, clock.told, *rate))
    };
    let all_told = streams
        .iter()
        .filter_map(begun)
        .all(|(.., told, _)| told.is_some());
    // A stream whose report says which time on the wall its first time stamp is.
    let reference =
        streams
            .iter()
            .filter_map(begun)
            .find_map(|(first, arrival, report, _, rate)| {
                let (wall, timestamp) = report?;
                Some((
                    before(wall, rate.time(timestamp.saturating_sub(first))),
                    arrival,
                ))
            });
    // When each begins, on whichever clock there is.
    let start = |first: i64,
                 arrival: Duration,
                 report: Option<(NtpTime, i64)>,
                 told: Option<i64>,
                 rate: Timescale| {
        match (told, reference, report) {
            (Some(told), ..) if all_told => rate.time(first.saturating_sub(told)),
            (_, Some((wall, _)), Some((at, timestamp))) => {
                Time::from_nanos(at.nanos_since(wall)) - rate.time(timestamp.saturating_sub(first))
            }
            (_, Some((_, then)), None) => Time::from(arrival) - Time::from(then),
            (_, None, _) => Time::from(arrival),
        }
    };
    let starts = streams.iter().filter_map(begun);
    let starts = starts.map(|(first, arrival, report, told, rate)| {
        let at = start(first, arrival, report, told, rate);
        (at, arrival)
    });
    let earliest = starts.min_by_key(|(at, _)| *at);
    let (earliest, arrival) = earliest.unwrap_or((Time::ZERO, Duration::ZERO));
    // Where all are told, the time 0 is the start of the presentation.
    let origin = if all_told { Time::ZERO } else { earliest };
    for stream in streams.iter_mut() {
        let Some((first, came, report, told, rate)) = begun(stream) else {
            continue;
        };
        let at = start(first, came, report, told, rate) - origin;
        stream.0.base = Some(first.saturating_sub(rate.ticks(at)));
        stream.0.exact = all_told || report.is_some();
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
