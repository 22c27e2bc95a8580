//! From the RTP clocks of several sources to one: times on the sender's wall clock, by its reports (RFC 3550 §6.4.1).
//!
//! Each source has a clock of its own, with a random origin. A sender report tells for one of its time stamps what
//! the wall clock said, which is the same for all sources of a participant. [`Clock`] draws a line through the
//! reports, so that it neither jumps with each of them nor drifts off between them; sources that are shown at the
//! times that their clocks give are in lip sync.
//!
//! ```
//! use fluvial_rtp::{NtpTime, clock::Clock};
//!
//! let at = |nanos: i64| NtpTime::from_unix_nanos(1_700_000_000_000_000_000 + nanos);
//! let (mut video, mut audio) = (Clock::new(90_000), Clock::new(48_000));
//! video.handle_report(at(0), 4_294_967_000);
//! audio.handle_report(at(2_000_000), 1_000);
//! // 20 ms after its report, over the wrap; and 18 ms after the other.
//! let (picture, sound) = (video.time(1_504).unwrap(), audio.time(1_864).unwrap());
//! assert_eq!(picture, sound);
//! ```

use crate::{NtpTime, Unwrapper};
use alloc::collections::VecDeque;

const NANOS: i128 = 1_000_000_000;
/// Points of a line.
const POINTS: usize = 32;
/// Points from which on the slope is believed.
const SLOPE_POINTS: usize = 6;
/// How far from the line a report is a step of the sender's clock.
const STEP: i64 = 100_000_000;

/// A straight line through the newest points, by least squares.
#[derive(Debug, Clone, Default)]
struct Line {
    /// x and y, nanoseconds; x counts from any origin.
    points: VecDeque<(i64, i64)>,
    /// Middle of the points, and slope in 2^-40.
    middle: (i64, i64),
    slope: i64,
    /// How far the points are from the line, on average; `None` while there are too few of them.
    noise: Option<i64>,
}

impl Line {
    fn push(&mut self, x: i64, y: i64) {
        if self.points.len() >= POINTS {
            self.points.pop_front();
        }
        self.points.push_back((x, y));
        if self.points.len() < SLOPE_POINTS {
            (self.middle, self.slope, self.noise) = ((x, y), 0, None);
            return;
        }
        let (x0, y0) = self.points.front().copied().unwrap_or_default();
        // Relative to the first point, and in microseconds: sums of 32 products of less than 2^45 fit.
        let relative = || {
            self.points.iter().map(|(x, y)| {
                (
                    i128::from(x.saturating_sub(x0)),
                    i128::from(y.saturating_sub(y0)),
                )
            })
        };
        let count = i128::try_from(self.points.len()).unwrap_or(1).max(1);
        let (sum_x, sum_y) =
            relative().fold((0, 0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let (mean_x, mean_y) = (sum_x / count, sum_y / count);
        let (mut xx, mut xy) = (0i128, 0i128);
        for (x, y) in relative() {
            let (dx, dy) = ((x - mean_x) / 1000, y - mean_y);
            xx = xx.saturating_add(dx.saturating_mul(dx));
            xy = xy.saturating_add(dx.saturating_mul(dy));
        }
        let slope = xy
            .saturating_mul(1 << 40)
            .checked_div(xx.saturating_mul(1000))
            .unwrap_or(0);
        self.slope = i64::try_from(slope).unwrap_or(0);
        let add = |origin: i64, mean: i128| origin.saturating_add(i64::try_from(mean).unwrap_or(0));
        self.middle = (add(x0, mean_x), add(y0, mean_y));
        let off = self.points.iter().map(|(x, y)| y.abs_diff(self.at(*x)));
        let off = off.fold(0, |sum, off| i128::from(off).saturating_add(sum));
        self.noise = i64::try_from(off / count).ok();
    }

    fn at(&self, x: i64) -> i64 {
        let along = (i128::from(x.saturating_sub(self.middle.0)) * i128::from(self.slope)) >> 40;
        self.middle
            .1
            .saturating_add(i64::try_from(along).unwrap_or(0))
    }

    /// Parts per billion.
    fn slope_ppb(&self) -> i64 {
        i64::try_from((i128::from(self.slope) * NANOS) >> 40).unwrap_or(0)
    }
}

/// What a report did to a [`Clock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Update {
    /// The report has no time (NTP time 0: the sender has no wall clock); it was passed over.
    None,
    /// The first: times are known from now on.
    First,
    /// The clock goes on as it did; times move by less than the reports' own noise.
    Steady,
    /// The sender's wall clock, or its time stamps, jumped by more than 100 ms.
    Step,
}

/// From the time stamps of one source to the sender's wall clock.
#[derive(Debug, Clone)]
pub struct Clock {
    clock_rate: u32,
    stamps: Unwrapper<u32>,
    origin: Option<NtpTime>,
    /// x: media time; y: wall clock since `origin` less media time.
    line: Line,
}

impl Clock {
    /// For a clock of so many ticks a second.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            stamps: Unwrapper::<u32>::new(),
            origin: None,
            line: Line::default(),
        }
    }

    fn media_nanos(&self, stamp: i64) -> i64 {
        let nanos = (i128::from(stamp) * NANOS)
            .checked_div(self.clock_rate.into())
            .unwrap_or(0);
        i64::try_from(nanos).unwrap_or(i64::MAX)
    }

    /// Takes a sender report: its NTP time and its RTP time stamp.
    pub fn handle_report(&mut self, ntp: NtpTime, timestamp: u32) -> Update {
        if ntp.0 == 0 {
            return Update::None;
        }
        let stamp = self.stamps.unwrap(timestamp);
        let media = self.media_nanos(stamp);
        let Some(origin) = self.origin else {
            self.origin = Some(ntp);
            self.line.push(media, media.saturating_neg());
            return Update::First;
        };
        let offset = ntp.nanos_since(origin).saturating_sub(media);
        if offset.abs_diff(self.line.at(media)) > STEP.unsigned_abs() {
            self.line = Line::default();
            self.line.push(media, offset);
            return Update::Step;
        }
        self.line.push(media, offset);
        Update::Steady
    }

    /// When the sender's wall clock was at this time stamp; `None` before the first report. The time stamp is taken to be
    /// the one nearest to the last report's: within 2^31 ticks.
    #[must_use]
    pub fn time(&self, timestamp: u32) -> Option<NtpTime> {
        let media = self.media_nanos(self.stamps.peek(timestamp));
        let nanos = media.saturating_add(self.line.at(media));
        let ticks = ((i128::from(nanos) << 32) + NANOS / 2).div_euclid(NANOS);
        Some(NtpTime(
            self.origin?
                .0
                .wrapping_add_signed(i64::try_from(ticks).ok()?),
        ))
    }

    /// How far the reports are from the line through them, on average, nanoseconds; `None` before six of them came.
    #[must_use]
    pub const fn noise(&self) -> Option<i64> {
        self.line.noise
    }

    /// How much faster the wall clock runs than the source's clock, parts per billion; 0 before six reports came.
    #[must_use]
    pub fn drift(&self) -> i64 {
        self.line.slope_ppb()
    }
}

/// How the clock of a source runs against the receiver's own, from arrivals alone: for senders whose reports are absent or wrong,
/// and for who resamples.
///
/// In each second the packet that was least delayed counts; a line goes through these.
#[derive(Debug, Clone)]
pub struct Skew {
    clock: Clock,
    origin: Option<(i64, core::time::Duration)>,
    /// The second that is being looked at, and its point of least delay.
    second: i64,
    best: Option<(i64, i64)>,
}

impl Skew {
    /// For a clock of so many ticks a second.
    #[must_use]
    pub fn new(clock_rate: u32) -> Self {
        Self {
            clock: Clock::new(clock_rate),
            origin: None,
            second: 0,
            best: None,
        }
    }

    /// Takes in the arrival of a packet.
    pub fn handle_packet(&mut self, timestamp: u32, now: core::time::Duration) {
        let media = self.clock.stamps.unwrap(timestamp);
        let media = self.clock.media_nanos(media);
        let (first, start) = *self.origin.get_or_insert((media, now));
        let media = media.saturating_sub(first);
        let local = i64::try_from(now.saturating_sub(start).as_nanos()).unwrap_or(i64::MAX);
        let delay = local.saturating_sub(media);
        let second = local / 1_000_000_000;
        if second != self.second {
            self.second = second;
            if let Some((x, y)) = self.best.take() {
                self.clock.line.push(x, y);
            }
        }
        if self.best.is_none_or(|(_, least)| delay < least) {
            self.best = Some((media, delay));
        }
    }

    /// How much faster the receiver's clock runs than the source's, parts per billion; 0 in the first seconds.
    #[must_use]
    pub fn drift(&self) -> i64 {
        self.clock.line.slope_ppb()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use testing::Random;

    const START: i64 = 1_700_000_000_000_000_000;

    /// Two sources of one participant, whose clocks drift apart; reports each 5 s with noise. Times of the same moment agree.
    #[test]
    fn lip_sync_within_a_millisecond() {
        let mut random = Random::new(5);
        for (video_ppm, audio_ppm, noise) in [
            (0i128, 0i128, 0),
            (40, -60, 0),
            (100, -90, 0),
            (40, -40, 300_000),
            (0, 0, 500_000),
        ] {
            let (mut video, mut audio) = (Clock::new(90_000), Clock::new(44_100));
            let stamp = |nanos: i64, rate: i128, ppm: i128, origin: u32| {
                let ticks = i128::from(nanos) * rate * (1_000_000 + ppm) / 1_000_000 / NANOS;
                origin.wrapping_add(ticks as u32)
            };
            for second in 0..600i64 {
                let now = second * 1_000_000_000;
                let mut wall = || {
                    NtpTime::from_unix_nanos(
                        START + now + random.below(noise + 1) as i64 - noise as i64 / 2,
                    )
                };
                if second % 5 == 0 {
                    let update =
                        video.handle_report(wall(), stamp(now, 90_000, video_ppm, 4_200_000_000));
                    assert_eq!(
                        update,
                        if second == 0 {
                            Update::First
                        } else {
                            Update::Steady
                        }
                    );
                    audio.handle_report(
                        wall(),
                        stamp(now + 1_000_000, 44_100, audio_ppm, 7).wrapping_sub(44),
                    );
                }
                let moment = now + 700_000_000;
                let picture = video
                    .time(stamp(moment, 90_000, video_ppm, 4_200_000_000))
                    .expect("known");
                let sound = audio
                    .time(stamp(moment, 44_100, audio_ppm, 7))
                    .expect("known");
                let apart = picture.nanos_since(sound).abs();
                assert!(
                    apart < 1_000_000,
                    "{apart} ns apart after {second} s at {video_ppm}, {audio_ppm}, {noise}"
                );
                let off = (picture.unix_nanos() - START - moment).abs();
                assert!(off < 1_000_000, "{off} ns off after {second} s");
            }
            let told = audio.drift();
            assert!(
                (told + audio_ppm as i64 * 1000).abs() < 10_000,
                "{told} ppb of {audio_ppm} ppm"
            );
        }
    }

    #[test]
    fn a_step_is_told_and_no_clock_is_no_time() {
        let mut clock = Clock::new(90_000);
        assert_eq!(clock.handle_report(NtpTime(0), 1), Update::None);
        assert_eq!(clock.time(1), None);
        assert_eq!(
            clock.handle_report(NtpTime::from_unix_nanos(START), 0),
            Update::First
        );
        assert_eq!(
            clock.handle_report(NtpTime::from_unix_nanos(START + 1_001_000_000), 90_000),
            Update::Steady
        );
        assert_eq!(
            clock.handle_report(NtpTime::from_unix_nanos(START + 7_000_000_000), 180_000),
            Update::Step
        );
        assert_eq!(
            clock.time(270_000).expect("known").unix_nanos(),
            START + 8_000_000_000
        );
        // Before the origin, and over the wrap.
        assert_eq!(
            clock
                .time(0u32.wrapping_sub(90_000))
                .expect("known")
                .unix_nanos(),
            START + 4_000_000_000
        );
    }

    #[test]
    fn skew_of_arrivals() {
        let mut random = Random::new(9);
        for ppm in [-200i64, 0, 50] {
            let mut skew = Skew::new(48_000);
            for n in 0..60 * 50u64 {
                // A packet each 20 ms of the sender's clock, which the receiver sees ppm slower, with up to 15 ms of queues.
                let nanos = n as i64 * 20_000_000;
                let now = nanos
                    + nanos * ppm / 1_000_000
                    + random.below(15_000_000) as i64
                    + 5_000_000_000;
                skew.handle_packet((n * 960) as u32, Duration::from_nanos(now as u64));
            }
            let told = skew.drift() / 1000;
            assert!((told - ppm).abs() < 40, "{told} of {ppm} ppm");
        }
    }
}
