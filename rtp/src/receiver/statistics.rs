use crate::ntp::short_span;
use crate::rtcp::ReportBlock;
use core::time::Duration;
use media::Timescale;

/// What a receiver reports about a source (RFC 3550 §A.3, §A.8).
#[derive(Debug, Clone, Default)]
pub(super) struct Statistics {
    first: Option<i64>,
    highest: i64,
    received: u64,
    /// As of the last report.
    expected_before: u64,
    received_before: u64,
    /// Ticks between a packet's time stamp and its arrival, and by how much that differs, in 1/16 ticks.
    transit: Option<i64>,
    jitter: i64,
    last_sr: Option<(u32, Duration)>,
}

impl Statistics {
    pub(super) fn handle_packet(
        &mut self,
        sequence: i64,
        timestamp: i64,
        now: Duration,
        rate: Timescale,
    ) {
        if self.first.is_none() {
            // As if the numbers had begun in the first cycle.
            self.first = Some(sequence);
            self.highest = sequence;
        }
        self.highest = self.highest.max(sequence);
        self.received = self.received.saturating_add(1);
        let arrival = rate.ticks(now.into());
        let transit = arrival.saturating_sub(timestamp);
        if let Some(last) = self.transit {
            let difference = i64::try_from(transit.abs_diff(last)).unwrap_or(i64::MAX);
            let rounded = self.jitter.saturating_add(8) >> 4;
            self.jitter = self
                .jitter
                .saturating_add(difference.saturating_sub(rounded));
        }
        self.transit = Some(transit);
    }

    pub(super) const fn handle_report(&mut self, middle: u32, now: Duration) {
        self.last_sr = Some((middle, now));
    }

    fn expected(&self) -> u64 {
        let first = self.first.unwrap_or(0);
        let span = self.highest.saturating_sub(first).saturating_add(1);
        u64::try_from(span).unwrap_or(0)
    }

    /// Packets that did not come; negative where some came twice.
    pub(super) fn lost(&self) -> i64 {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        signed(self.expected()).saturating_sub(signed(self.received))
    }

    /// Mean deviation of the time between arrivals, in ticks.
    pub(super) fn jitter(&self) -> u32 {
        u32::try_from(self.jitter >> 4).unwrap_or(u32::MAX)
    }

    pub(super) fn report(&mut self, ssrc: u32, now: Duration) -> Option<ReportBlock> {
        self.first?;
        let expected = self.expected();
        let expected_now = expected.saturating_sub(self.expected_before);
        let received_now = self.received.saturating_sub(self.received_before);
        self.expected_before = expected;
        self.received_before = self.received;
        let lost_now = expected_now.saturating_sub(received_now);
        let fraction = lost_now.saturating_mul(256).checked_div(expected_now);
        let [.., a, b, c, d] = self.highest.to_be_bytes();
        let (last_sr, delay) = self.last_sr.map_or((0, 0), |(middle, then)| {
            (middle, short_span(now.saturating_sub(then)))
        });
        Some(ReportBlock {
            ssrc,
            fraction_lost: u8::try_from(fraction.unwrap_or(0)).unwrap_or(u8::MAX),
            cumulative_lost: i32::try_from(self.lost().clamp(-0x80_0000, 0x7F_FFFF)).unwrap_or(0),
            highest_sequence: u32::from_be_bytes([a, b, c, d]),
            jitter: self.jitter(),
            last_sr,
            delay_since_last_sr: delay,
        })
    }
}
