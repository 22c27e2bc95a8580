//! What a receiver counts of a source, for its reports (RFC 3550 §6.4 and appendix A).

use crate::rtcp::ReportBlock;
use crate::{NtpTime, Unwrapper};
use core::time::Duration;

/// Interarrival jitter (RFC 3550 §6.4.1 and §A.8).
#[derive(Debug, Clone, Copy)]
pub struct Jitter {
    clock_rate: u32,
    /// Arrival less time stamp of the last packet, ticks modulo 2^32.
    transit: Option<u32>,
    /// Sixteenths of ticks.
    scaled: u32,
}

impl Jitter {
    /// For a clock of so many ticks a second.
    #[must_use]
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            clock_rate,
            transit: None,
            scaled: 0,
        }
    }

    /// Takes in a packet.
    pub fn update(&mut self, timestamp: u32, arrival: Duration) {
        let transit = ticks(arrival, self.clock_rate).wrapping_sub(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let difference = transit.wrapping_sub(last).cast_signed().unsigned_abs();
            // A step of the time stamps is no jitter: more than 10 s.
            if u64::from(difference) < u64::from(self.clock_rate).saturating_mul(10) {
                let decayed = self
                    .scaled
                    .saturating_sub(self.scaled.saturating_add(8) >> 4);
                self.scaled = decayed.saturating_add(difference);
            }
        }
    }

    /// In ticks, as reports carry it.
    #[must_use]
    pub const fn ticks(&self) -> u32 {
        self.scaled >> 4
    }

    /// As a time.
    #[must_use]
    pub fn duration(&self) -> Duration {
        let nanos = u64::from(self.scaled).saturating_mul(1_000_000_000 / 16);
        Duration::from_nanos(nanos.checked_div(self.clock_rate.into()).unwrap_or(0))
    }
}

/// A time in ticks modulo 2^32.
fn ticks(time: Duration, clock_rate: u32) -> u32 {
    let rate = u64::from(clock_rate);
    let part = u64::from(time.subsec_nanos()).saturating_mul(rate) / 1_000_000_000;
    let [.., a, b, c, d] = time
        .as_secs()
        .wrapping_mul(rate)
        .wrapping_add(part)
        .to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// Counts the packets of one source.
///
/// A source is valid once [`PROBATION`](Self::PROBATION) packets came in sequence; sequence numbers that jump are
/// believed when two come in sequence (RFC 3550 §A.1).
#[derive(Debug, Clone)]
pub struct Reception {
    jitter: Jitter,
    sequence: Unwrapper<u16>,
    first: i64,
    highest: i64,
    received: i64,
    /// At the last report.
    expected_prior: i64,
    received_prior: i64,
    /// Packets in sequence that are still wanted before the source is valid.
    probation: u8,
    /// The sequence number after one that jumped.
    bad: Option<u16>,
    sender_report: Option<(NtpTime, Duration)>,
}

impl Reception {
    /// Packets in sequence that make a source valid (`MIN_SEQUENTIAL` of RFC 3550 §A.1).
    pub const PROBATION: u8 = 2;

    /// A source that nothing came from so far; `clock_rate` in ticks a second.
    #[must_use]
    pub const fn new(clock_rate: u32) -> Self {
        Self {
            jitter: Jitter::new(clock_rate),
            sequence: Unwrapper::<u16>::new(),
            first: 0,
            highest: -1,
            received: 0,
            expected_prior: 0,
            received_prior: 0,
            probation: Self::PROBATION,
            bad: None,
            sender_report: None,
        }
    }

    /// Counts a packet. Gives whether the source is valid and the packet belongs to its sequence.
    pub fn handle_packet(&mut self, sequence_number: u16, timestamp: u32, now: Duration) -> bool {
        if self.probation > 0 {
            let follows = self
                .sequence
                .last()
                .is_some_and(|last| self.sequence.peek(sequence_number) == last.saturating_add(1));
            self.probation = if follows {
                self.probation.saturating_sub(1)
            } else {
                Self::PROBATION.saturating_sub(1)
            };
            if self.probation > 0 {
                self.sequence = Unwrapper::<u16>::new();
                self.sequence.unwrap(sequence_number);
                self.jitter.update(timestamp, now);
                return false;
            }
            self.start(sequence_number);
            // The one before was of the source too.
            self.first = self.first.saturating_sub(1);
            self.received = 1;
        } else {
            let ahead = self
                .sequence
                .peek(sequence_number)
                .saturating_sub(self.highest);
            if !(-100..3000).contains(&ahead) {
                if self.bad != Some(sequence_number) {
                    self.bad = Some(sequence_number.wrapping_add(1));
                    return false;
                }
                self.start(sequence_number);
            }
        }
        self.bad = None;
        let at = self.sequence.peek(sequence_number);
        if at > self.highest {
            // Counted on from the highest, so that a late packet does not set it back.
            self.highest = self.sequence.unwrap(sequence_number);
        }
        self.received = self.received.saturating_add(1);
        self.jitter.update(timestamp, now);
        true
    }

    fn start(&mut self, sequence_number: u16) {
        self.sequence = Unwrapper::<u16>::new();
        self.first = self.sequence.unwrap(sequence_number);
        self.highest = self.first;
        self.received = 0;
        self.expected_prior = 0;
        self.received_prior = 0;
    }

    /// Remembers a sender report for [`ReportBlock::last_sr`].
    pub const fn handle_sender_report(&mut self, ntp: NtpTime, now: Duration) {
        self.sender_report = Some((ntp, now));
    }

    /// Whether enough packets came in sequence.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.probation == 0
    }

    /// Packets that should have come so far.
    #[must_use]
    pub const fn expected(&self) -> u64 {
        if self.probation > 0 {
            return 0;
        }
        self.highest
            .saturating_sub(self.first)
            .saturating_add(1)
            .cast_unsigned()
    }

    /// Packets that came, duplicates included.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received.cast_unsigned()
    }

    /// Interarrival jitter.
    #[must_use]
    pub const fn jitter(&self) -> &Jitter {
        &self.jitter
    }

    /// The report on this source, which counts `fraction_lost` anew from here (RFC 3550 §A.3). `None` before the source is valid.
    pub fn report(&mut self, ssrc: u32, now: Duration) -> Option<ReportBlock> {
        if !self.is_valid() {
            return None;
        }
        let expected = self.expected().cast_signed();
        let lost = expected.saturating_sub(self.received);
        let interval = expected.saturating_sub(self.expected_prior);
        let lost_interval =
            interval.saturating_sub(self.received.saturating_sub(self.received_prior));
        self.expected_prior = expected;
        self.received_prior = self.received;
        let fraction = lost_interval
            .max(0)
            .saturating_mul(256)
            .checked_div(interval)
            .unwrap_or(0);
        let [.., a, b, c, d] = self.highest.to_be_bytes();
        let (last_sr, since) = self.sender_report.map_or((0, Duration::ZERO), |(ntp, at)| {
            (ntp.middle(), now.saturating_sub(at))
        });
        Some(ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(lost.clamp(-0x80_0000, 0x7F_FFFF)).unwrap_or(0),
            highest_sequence: u32::from_be_bytes([a, b, c, d]),
            jitter: self.jitter.ticks(),
            last_sr,
            delay_since_last_sr: crate::ntp::short_span(since),
        })
    }
}

/// The round trip that a report block tells its sender (RFC 3550 §6.4.1): the time now, less `LSR`, less `DLSR`; `None` where
/// the block knows of no sender report or the clock says that it cannot be.
#[must_use]
pub fn round_trip(now: NtpTime, last_sr: u32, delay_since_last_sr: u32) -> Option<Duration> {
    if last_sr == 0 {
        return None;
    }
    let ticks = now
        .middle()
        .wrapping_sub(last_sr)
        .wrapping_sub(delay_since_last_sr);
    (ticks < 1 << 31).then(|| crate::ntp::from_short_span(ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn loss_over_the_wrap() {
        let mut reception = Reception::new(8000);
        assert!(reception.report(5, ms(0)).is_none());
        let mut valid = 0;
        for n in 0..1000u32 {
            // One of ten is missing.
            if n % 10 != 5 {
                let sequence_number = 65_000u16.wrapping_add(n as u16);
                valid += u32::from(reception.handle_packet(
                    sequence_number,
                    n * 160,
                    ms(u64::from(n) * 20),
                ));
            }
        }
        assert_eq!(valid, 899);
        reception.handle_sender_report(NtpTime(0x1234_5678_9ABC_DEF0), ms(19_000));
        let report = reception.report(5, ms(20_000)).expect("valid");
        assert_eq!((report.fraction_lost, report.cumulative_lost), (25, 100));
        assert_eq!(report.highest_sequence, 65_999);
        assert_eq!(
            (report.last_sr, report.delay_since_last_sr),
            (0x5678_9ABC, 0x1_0000)
        );
        assert_eq!(report.jitter, 0);
        // Nothing came since; then a duplicate makes good for one.
        assert_eq!(
            reception
                .report(5, ms(20_000))
                .expect("valid")
                .fraction_lost,
            0
        );
        reception.handle_packet((65_999u32 % 65_536) as u16, 999 * 160, ms(20_000));
        assert_eq!(
            reception
                .report(5, ms(20_000))
                .expect("valid")
                .cumulative_lost,
            99
        );
    }

    #[test]
    fn jitter_of_the_standards_kind() {
        // Packets that are 10 ms early and late in turn: |D| = 20 ms = 160 ticks always; J goes to 160.
        let mut jitter = Jitter::new(8000);
        for n in 0..500u64 {
            jitter.update(
                (n * 160) as u32,
                ms(100 + n * 20 + if n % 2 == 0 { 0 } else { 20 }),
            );
        }
        assert!((155..=160).contains(&jitter.ticks()), "{}", jitter.ticks());
        assert!(jitter.duration() <= ms(20) && jitter.duration() >= ms(19));
    }

    #[test]
    fn one_packet_makes_no_source_and_a_jump_no_restart() {
        let mut reception = Reception::new(90_000);
        assert!(!reception.handle_packet(10, 0, ms(0)));
        assert!(!reception.handle_packet(500, 0, ms(0)), "not in sequence");
        assert!(!reception.is_valid());
        assert!(reception.handle_packet(501, 0, ms(0)));
        assert_eq!((reception.expected(), reception.received()), (2, 2));
        assert!(!reception.handle_packet(30_000, 0, ms(0)), "far off");
        assert!(reception.handle_packet(502, 0, ms(0)));
        assert!(!reception.handle_packet(40_000, 0, ms(0)));
        assert!(reception.handle_packet(40_001, 0, ms(0)), "believed");
        assert_eq!((reception.expected(), reception.received()), (1, 1));
        // A late one does not count as a wrap.
        assert!(reception.handle_packet(39_950, 0, ms(0)));
        assert_eq!(
            reception.report(5, ms(0)).expect("valid").highest_sequence,
            40_001
        );
    }

    #[test]
    fn round_trips() {
        let sent = NtpTime::from_unix_nanos(1_000_000_000_000);
        let now = NtpTime::from_unix_nanos(1_000_130_000_000);
        let delay = crate::ntp::short_span(ms(100));
        let trip = round_trip(now, sent.middle(), delay).expect("known");
        assert!(
            trip.abs_diff(ms(30)) < Duration::from_micros(50),
            "{trip:?}"
        );
        assert_eq!(round_trip(now, 0, 0), None);
        assert_eq!(
            round_trip(sent, now.middle(), 0),
            None,
            "before it was sent"
        );
    }
}
