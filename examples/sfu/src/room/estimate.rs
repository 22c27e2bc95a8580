//! What can be sent to somebody, out of what their connection tells: bits per second, and how much at once.

use super::{FIRST_ESTIMATE, FLOOR, STRAINED_FLOOR};
use std::time::{Duration, Instant};
use str0m::stats::PeerStats;

/// A part that is lost, and how long that is remembered.
const STRAIN: f32 = 0.1;
const STRAINED: Duration = Duration::from_secs(30);

/// How long a network that became narrow is not asked for more: what waits in front of it has to get through first.
const CALM: Duration = Duration::from_secs(5);

/// An estimate that stands still for so long, while more is wanted, is stuck, and has to be started anew; where nothing comes of it, again after twice
/// as long, up to the second.
const STUCK: [Duration; 2] = [Duration::from_secs(4), Duration::from_secs(32)];

/// A round trip that takes so much longer than the shortest one: something waits on the way.
const QUEUE: Duration = Duration::from_millis(150);

/// The same of three figures, one after the other: chance makes one of them long, or two, where a machine is busy, but hardly three. And where they
/// grow.
const STANDS: Duration = Duration::from_millis(60);
const GROWS: Duration = Duration::from_millis(30);

/// For how long so much has to arrive that it counts as proven.
const PROOF: Duration = Duration::from_secs(1);

/// What may be sent at once, as halves of what arrives: pictures are not to wait for a rate that is close to their own, and
/// a keyframe is several of them. And how long it may be saved.
const BURST: u64 = 5;
const SAVED: Duration = Duration::from_millis(100);

/// A part of what was sent within a second that is lost where something waits: the queue is full.
const OVERFLOW: f32 = 0.03;

/// The shortest one is forgotten by so much with each report: ways change.
const CREEP: Duration = Duration::from_millis(1);

/// The mean over some seconds, which is what rises, and the last figures, which fall at once where a network becomes narrow. One low
/// figure alone means little, unless round trips take longer, too: where a machine is busy, reports come late.
#[derive(Debug)]
pub(super) struct Estimate {
    mean: u64,
    last: [u64; 2],
    /// What a network that became narrow is trusted with: a fortieth more each time, since a short burst may get through where no
    /// stream of that rate does.
    trusted: u64,
    /// What arrived within some second since something waited or was lost last, and half of it more, as rates of pictures waver: whoever measures
    /// delays takes those of a busy machine for those of a network, and is not believed below it.
    proven: u64,
    /// Bytes that had been sent when the present second began, and when that was.
    proof: Option<(u64, Instant)>,
    /// The shortest round trip, and how much longer the last one was, and the two before.
    shortest: Duration,
    queue: Duration,
    queued: [Duration; 2],
    told: Option<(Duration, Instant)>,
    /// The mean rose once: until then it comes down from what was assumed.
    is_found: bool,
    /// Until when much of it counts as lost.
    strained: Option<Instant>,
    /// When much of it was lost last.
    lost: Option<Instant>,
    /// What it was, since when it has been that, more or less, and how long it may be.
    stands: (u64, Instant, Duration),
    /// When it fell by a third or more, or more was sent than fits.
    fell: Option<Instant>,
    /// More is sent than gets through, and what does not fit is lost.
    overflows: bool,
    /// Bytes that had been sent at the last report, and when that was; bits per second, of the last half second above all.
    sent: Option<(u64, Instant)>,
    sending: u64,
    /// Bytes that may be sent at once, less than none where too many were, and when that was.
    allowance: (i64, Instant),
}

impl Estimate {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            mean: FIRST_ESTIMATE,
            last: [u64::MAX; 2],
            trusted: u64::MAX,
            proven: 0,
            proof: None,
            shortest: Duration::MAX,
            queue: Duration::ZERO,
            queued: [Duration::ZERO; 2],
            told: None,
            is_found: false,
            strained: None,
            lost: None,
            stands: (0, now, STUCK[0]),
            fell: None,
            overflows: false,
            sent: None,
            sending: 0,
            allowance: (0, now),
        }
    }

    /// What arrives.
    pub(super) fn rate(&self) -> u64 {
        let last = self.last[0].max(self.last[1]);
        self.mean.min(last).max(self.proven).min(self.trusted)
    }

    /// What may be sent: less, while what was too much is still on its way, and the least there is, while a part of that is lost.
    pub(super) fn budget(&self, now: Instant) -> u64 {
        match (self.overflows, self.is_calm(now)) {
            (true, _) => 0,
            (false, true) => self.rate(),
            (false, false) => self.rate() / 10 * 7,
        }
    }

    /// What is to be looked for, where so much is wanted: bursts of twice that are sent to find out, and they displace pictures where
    /// there is no room for them.
    pub(super) fn probe(&self, wanted: u64, now: Instant) -> u64 {
        let is_recent = |lost: Instant| now.saturating_duration_since(lost) < CALM;
        match (self.is_calm(now), self.lost.is_some_and(is_recent)) {
            (false, _) => wanted.min(self.rate() / 2),
            (true, true) => wanted.min(self.rate() / 2 * 3),
            (true, false) => wanted,
        }
    }

    /// Where so much is wanted, and the estimate has not moved for long: from which rate on it is to be looked for anew.
    pub(super) fn starts_anew(&mut self, wanted: u64, now: Instant) -> Option<u64> {
        let (rate, since, patience) = self.stands;
        let from = self.mean.min(self.last[0].max(self.last[1]));
        let stands = now.saturating_duration_since(since) >= patience;
        if !stands || wanted <= from || !self.is_calm(now) {
            return None;
        }
        self.stands = (rate, now, (patience * 2).min(STUCK[1]));
        Some(from)
    }

    /// So much is sent from now on, which is more than before: whether that arrives is to be seen before there is more. A fourth above
    /// it is what going up takes.
    pub(super) fn climb(&mut self, sent: u64) {
        if self.trusted < u64::MAX {
            self.trusted = self.trusted.min(sent + sent / 4);
        }
    }

    fn is_calm(&self, now: Instant) -> bool {
        self.fell
            .is_none_or(|fell| now.saturating_duration_since(fell) >= CALM)
    }

    /// Whether so much waits on the way that whatever does not fit comes too late, and only holds up what does.
    pub(super) fn is_jammed(&self, now: Instant) -> bool {
        self.queue > QUEUE && !self.is_calm(now)
    }

    /// Whether it became narrow of late, or loses much.
    pub(super) fn is_narrow(&self, now: Instant) -> bool {
        !self.is_calm(now) || self.is_strained(now)
    }

    /// What is sent in any case, as long as nothing speaks against it.
    pub(super) fn floor(&self, now: Instant) -> u64 {
        match self.is_strained(now) {
            true => STRAINED_FLOOR,
            false => FLOOR,
        }
    }

    /// So many bytes are to be sent: whether that may be at once. What goes beyond is owed, and paced.
    pub(super) fn spend(&mut self, bytes: usize, now: Instant) -> bool {
        let rate = self.rate().max(self.floor(now)) / 2 * BURST / 8;
        let most = (u128::from(rate) * SAVED.as_millis() / 1000) as i64;
        let (left, then) = self.allowance;
        let passed = now.saturating_duration_since(then).min(10 * SAVED);
        let earned = (u128::from(rate) * passed.as_micros() / 1_000_000) as i64;
        let left = left.saturating_add(earned).min(most) - bytes as i64;
        self.allowance = (left.max(-most), now);
        left >= 0
    }

    /// Whether so much was lost of late that nothing is to be sent beyond the estimate.
    pub(super) fn is_strained(&self, now: Instant) -> bool {
        self.strained.is_some_and(|until| now < until)
    }

    /// Whether the mean is a lower one now, which is known at once.
    pub(super) fn set_mean(&mut self, mean: u64, now: Instant) -> bool {
        let before = self.rate();
        self.is_found |= mean > self.mean;
        self.mean = mean;
        self.falls(before, now)
    }

    /// Whether there is less room than before.
    pub(super) fn handle(&mut self, stats: &PeerStats, now: Instant) -> bool {
        let before = (self.rate(), self.is_strained(now));
        if let Some(rtt) = stats.rtt {
            let (before, then) = self.told.unwrap_or((Duration::MAX, now));
            self.shortest = rtt.min(self.shortest.saturating_add(CREEP));
            // The same to the nanosecond: nothing was reported since then.
            if before != rtt {
                // Where nothing at all came through meanwhile, a machine stood still rather than that a queue grew.
                let stood_still = rtt.saturating_sub(before) > now.saturating_duration_since(then);
                self.queued = match stood_still {
                    true => [Duration::ZERO; 2],
                    false => [self.queued[1], self.queue],
                };
                self.queue = rtt.saturating_sub(self.shortest);
                self.told = Some((rtt, now));
            }
        }
        if self.is_calm(now) {
            self.trusted = self.trusted.saturating_add(self.trusted / 40);
        }
        let (arrives, fills) = self.arrives(stats, now);
        self.prove(stats, fills, now);
        if let Some(rate) = stats.bwe_tx {
            let rate = rate.as_u64();
            if rate.abs_diff(self.stands.0) > self.stands.0 / 20 {
                self.stands = (rate, now, STUCK[0]);
            }
            let rate = rate.min(arrives);
            self.last = match self.queue > QUEUE {
                true => [rate; 2],
                false => [self.last[1], rate],
            };
        }
        if stats.egress_loss_fraction.is_some_and(|loss| loss > STRAIN) {
            self.strained = Some(now + STRAINED);
            self.lost = Some(now);
        }
        let lost = stats.egress_loss_fraction.unwrap_or_default();
        let overflowed = self.overflows;
        self.overflows = self.queue > QUEUE && (overflowed || lost > OVERFLOW || fills);
        if self.overflows {
            self.fell = Some(now);
            self.trusted = self.rate().max(STRAINED_FLOOR);
        }
        let is_strained = self.is_strained(now) && !before.1;
        self.falls(before.0, now) || is_strained || self.overflows && !overflowed
    }

    /// Whether so much waits on the way, and has waited, that it is no chance.
    fn waits(&self, least: Duration) -> bool {
        let [before, then] = self.queued;
        self.queue.min(then).min(before) > least
    }

    /// Whatever is sent arrives, as long as nothing waits and nothing is lost.
    fn prove(&mut self, stats: &PeerStats, fills: bool, now: Instant) {
        let lost = stats.egress_loss_fraction.unwrap_or_default();
        if fills || self.waits(STANDS) || lost > OVERFLOW {
            (self.proven, self.proof) = (0, None);
            return;
        }
        let (before, began) = *self.proof.get_or_insert((stats.bytes_tx, now));
        let passed = now.saturating_duration_since(began);
        if passed >= PROOF {
            let rate = per_second(stats.bytes_tx.saturating_sub(before), passed);
            self.proven = self.proven.max(rate + rate / 2);
            self.proof = Some((stats.bytes_tx, now));
        }
    }

    /// What arrived since the last report, where that is less than was sent, and whether more and more waits on the way; or what was sent waits as
    /// long as it can, and the rest is lost. The figure of who measures delays comes late there, as it looks for a trend, of which there is none in the end.
    fn arrives(&mut self, stats: &PeerStats, now: Instant) -> (u64, bool) {
        let Some((before, then)) = self.sent.replace((stats.bytes_tx, now)) else {
            return (u64::MAX, false);
        };
        let lost = stats.egress_loss_fraction.unwrap_or_default();
        // Two reports of one moment are no part of nothing.
        let passed = now
            .saturating_duration_since(then)
            .max(Duration::from_millis(1));
        let sent = per_second(stats.bytes_tx.saturating_sub(before), passed);
        self.sending = match self.sending {
            0 => sent,
            before => (3 * before + sent) / 4,
        };
        // What arrived within that time was sent within so much less.
        let longer = self
            .queue
            .saturating_sub(self.queued[1])
            .min(passed / 8 * 7);
        let fills = self.waits(GROWS) && self.queue > QUEUE && longer > passed / 4;
        if self.queue <= QUEUE || self.sending == 0 || lost <= STRAIN && !fills {
            return (u64::MAX, false);
        }
        let longer = if fills { longer } else { Duration::ZERO };
        let part = 1.0 - longer.as_secs_f64() / passed.as_secs_f64();
        let arrives = self.sending as f64 * part * f64::from(1.0 - lost);
        (arrives as u64, fills)
    }

    fn falls(&mut self, before: u64, now: Instant) -> bool {
        // What was assumed before anything was known is no network that became narrow, unless something waits or is lost.
        let is_known = self.is_found || self.queue > QUEUE || self.is_strained(now);
        if is_known && self.rate() < before / 3 * 2 {
            self.fell = Some(now);
            self.trusted = self.rate().max(STRAINED_FLOOR);
        }
        self.rate() < before
    }
}

/// Bits per second.
fn per_second(bytes: u64, passed: Duration) -> u64 {
    let bits = u128::from(bytes) * 8000 / passed.as_millis().max(1);
    u64::try_from(bits).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::bwe::Bitrate;

    fn stats(rate: u64, rtt: u64, loss: f32, now: Instant) -> PeerStats {
        PeerStats {
            peer_bytes_rx: 0,
            peer_bytes_tx: 0,
            bytes_rx: 0,
            bytes_tx: 0,
            timestamp: now,
            bwe_tx: Some(Bitrate::bps(rate)),
            egress_loss_fraction: Some(loss),
            ingress_loss_fraction: None,
            rtt: Some(Duration::from_millis(rtt)),
            selected_candidate_pair: None,
        }
    }

    #[test]
    fn one_low_figure_is_chance_unless_round_trips_are_long() {
        let now = Instant::now();
        let mut estimate = Estimate::new(now);
        assert!(!estimate.handle(&stats(1_000_000, 10, 0.0, now), now));
        assert!(!estimate.handle(&stats(300_000, 10, 0.0, now), now));
        assert_eq!(estimate.rate(), 1_000_000);
        assert!(estimate.handle(&stats(310_000, 10, 0.0, now), now), "two");
        assert_eq!(estimate.rate(), 310_000);
        assert!(!estimate.is_jammed(now), "nothing waits");
        let mut estimate = Estimate::new(now);
        assert!(!estimate.handle(&stats(1_000_000, 10, 0.0, now), now));
        assert!(estimate.handle(&stats(300_000, 200, 0.0, now), now));
        assert_eq!((estimate.rate(), estimate.budget(now)), (300_000, 210_000));
        assert!(estimate.is_jammed(now));
    }

    /// `sent`: bytes so far.
    fn report(sent: u64, rate: u64, rtt: u64, now: Instant) -> PeerStats {
        PeerStats {
            bytes_tx: sent,
            ..stats(rate, rtt, 0.0, now)
        }
    }

    #[test]
    fn what_arrives_while_nothing_waits_is_no_less_for_a_low_figure() {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        let at = |step: u64| start + Duration::from_millis(200 * step);
        // 800 kbit/s, on a machine that comes to its packets late every now and then.
        for step in 0..20 {
            let rtt = if step % 4 == 2 { 190 } else { 20 };
            let rate = if step < 10 { 2_000_000 } else { 250_000 };
            estimate.handle(&report(step * 20_000, rate, rtt, at(step)), at(step));
        }
        estimate.set_mean(250_000, at(20));
        assert_eq!(estimate.rate(), 1_200_000);
        assert!(!estimate.is_narrow(at(20)));
        // Where something waits that was no chance, it is not proven any more.
        for step in 20..23 {
            assert_eq!(estimate.rate(), 1_200_000);
            let told = report(step * 20_000, 250_000, 90 + step, at(step));
            assert_eq!(estimate.handle(&told, at(step)), step == 22, "{step}");
        }
        assert_eq!(estimate.rate(), 250_000);
    }

    #[test]
    fn a_queue_that_grows_tells_what_gets_through_it() {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        let at = |step: u64| start + Duration::from_millis(100 * step);
        // 1.2 Mbit/s: within the last 100 ms what was sent within 26 ms arrived.
        for (step, rtt) in [20, 20, 70, 130, 205].into_iter().enumerate() {
            let step = step as u64;
            let told = report(step * 15_000, 4_000_000, rtt, at(step));
            assert_eq!(estimate.handle(&told, at(step)), step == 4, "{step}");
        }
        assert!(
            (300_000..330_000).contains(&estimate.rate()),
            "{estimate:?}"
        );
        assert!(estimate.is_jammed(at(4)));
        assert_eq!(estimate.budget(at(4)), 0, "the least until it has emptied");
    }

    #[test]
    fn what_was_assumed_before_anything_was_known_does_not_fall() {
        let now = Instant::now();
        let mut estimate = Estimate::new(now);
        estimate.handle(&stats(200_000, 40, 0.0, now), now);
        assert!(estimate.set_mean(400_000, now));
        assert_eq!(estimate.probe(4_000_000, now), 4_000_000);
        estimate.set_mean(900_000, now);
        estimate.set_mean(400_000, now);
        assert!(estimate.probe(4_000_000, now) < 400_000, "now it does");
        // Where something waits, it does at once.
        let mut estimate = Estimate::new(now);
        estimate.handle(&stats(1_000_000, 40, 0.0, now), now);
        estimate.handle(&stats(300_000, 400, 0.0, now), now);
        estimate.set_mean(400_000, now);
        assert!(estimate.probe(4_000_000, now) < 400_000);
    }

    #[test]
    fn of_what_does_not_fit_the_rest_arrives() {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        let at = |report: u64| start + Duration::from_millis(200 * report);
        for report in 0..5 {
            let full = report >= 3;
            let now = at(report);
            let told = PeerStats {
                bytes_tx: report * 25_000,
                ..stats(
                    1_000_000,
                    if full { 320 } else { 20 },
                    if full { 0.7 } else { 0.0 },
                    now,
                )
            };
            assert_eq!(estimate.handle(&told, now), report == 3, "{report}");
        }
        assert!(estimate.is_jammed(at(5)));
        assert!(
            (290_000..310_000).contains(&estimate.rate()),
            "{estimate:?}"
        );
    }

    #[test]
    fn where_a_full_queue_loses_the_least_is_sent_until_it_has_emptied() {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        let at = |report: u64| start + Duration::from_millis(200 * report);
        estimate.handle(&stats(2_000_000, 20, 0.0, at(0)), at(0));
        assert!(!estimate.handle(&stats(2_000_000, 300, 0.0, at(1)), at(1)));
        assert!(estimate.handle(&stats(2_000_000, 320, 0.05, at(2)), at(2)));
        assert!(estimate.is_jammed(at(2)) && estimate.is_narrow(at(2)));
        assert_eq!(estimate.budget(at(2)), 0);
        estimate.handle(&stats(500_000, 250, 0.0, at(3)), at(3));
        assert_eq!(estimate.budget(at(3)), 0, "the rest of it");
        estimate.handle(&stats(500_000, 50, 0.0, at(4)), at(4));
        assert_eq!(estimate.budget(at(4)), 350_000);
        // Lost without a queue: that is no jam.
        let mut other = Estimate::new(start);
        other.handle(&stats(1_000_000, 20, 0.05, at(0)), at(0));
        assert_eq!(other.budget(at(0)), 1_000_000);
    }

    #[test]
    fn a_picture_goes_at_once_and_a_flood_does_not() {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        let mut now = start + SAVED;
        assert!(
            (0..31).all(|_| estimate.spend(1000, now)),
            "a tenth of 2.5 Mbit/s"
        );
        assert!(!estimate.spend(1000, now));
        for _ in 0..100 {
            assert!(!estimate.spend(1000, now));
        }
        now += Duration::from_millis(90);
        assert!(!estimate.spend(1, now), "as much is owed at the most");
        now += Duration::from_millis(20);
        for _ in 0..50 {
            assert!(estimate.spend(1500, now), "2.4 Mbit/s go on");
            now += Duration::from_millis(5);
        }
    }

    #[test]
    fn what_became_narrow_is_trusted_step_by_step() {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        estimate.handle(&stats(1_000_000, 10, 0.0, start), start);
        estimate.handle(&stats(300_000, 200, 0.2, start), start);
        assert_eq!(
            estimate.probe(2_000_000, start),
            150_000,
            "no more than is there"
        );
        // A short burst came through, and the mean tells of it.
        let at = |reports: u32| start + CALM + reports * Duration::from_millis(100);
        estimate.set_mean(2_000_000, at(0));
        for report in 0..10 {
            let now = at(report);
            assert!(!estimate.handle(&stats(2_000_000, 10, 0.0, now), now));
        }
        let now = at(10);
        assert!(
            (380_000..390_000).contains(&estimate.rate()),
            "{estimate:?}"
        );
        assert_eq!(
            estimate.probe(2_000_000, now),
            2_000_000,
            "what the queue lost is over"
        );
        estimate.climb(240_000);
        assert_eq!(estimate.rate(), 300_000);
        for report in 11..120 {
            estimate.handle(&stats(2_000_000, 10, 0.0, at(report)), at(report));
        }
        assert_eq!(estimate.rate(), 2_000_000, "all of it in the end");
        let mut lossy = Estimate::new(start);
        lossy.handle(&stats(400_000, 10, 0.2, start), start);
        lossy.handle(&stats(400_000, 10, 0.2, start), start);
        let later = start + CALM;
        lossy.handle(&stats(400_000, 10, 0.2, later), later);
        assert_eq!(lossy.probe(2_000_000, later), 600_000, "where it loses on");
        let mut other = Estimate::new(start);
        other.climb(1);
        assert_eq!(other.rate(), FIRST_ESTIMATE, "it was never narrow");
    }

    #[test]
    fn an_estimate_that_stands_still_is_started_anew() {
        let start = Instant::now();
        let mut estimate = Estimate::new(start);
        let at = |second: u64| start + Duration::from_secs(second);
        let mut runs = |seconds: std::ops::Range<u64>, rate: u64, wanted: u64| {
            let mut anew = Vec::new();
            for second in seconds {
                estimate.handle(&stats(rate, 10, 0.0, at(second)), at(second));
                if let Some(from) = estimate.starts_anew(wanted, at(second)) {
                    assert_eq!(from, rate);
                    anew.push(second);
                }
            }
            anew
        };
        assert_eq!(runs(0..60, 281_000, 1_000_000), [4, 12, 28], "ever later");
        // It moved.
        assert_eq!(runs(60..70, 400_000, 1_000_000), [64]);
        assert_eq!(runs(70..99, 400_000, 300_000), [0; 0], "it does");
    }
}
