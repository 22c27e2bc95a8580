use alloc::collections::VecDeque;

/// Bit rates of a variant stream, in bit/s.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bandwidth {
    /// Largest bit rate of any run of segments that lasts 0.5 to 1.5 target durations: `BANDWIDTH`.
    pub peak: u64,
    /// Bytes over time: `AVERAGE-BANDWIDTH`.
    pub average: u64,
}

/// Measures a [`Bandwidth`] as segments come (peak and average segment bit rate, RFC 8216bis §4.1).
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Duration in nanoseconds and bytes of the last segments, as far as they fill 1.5 target durations.
    recent: VecDeque<(u64, u64)>,
    peak: u64,
    /// Rate of the fastest segment: what is told while none is long enough for a peak.
    fastest: u64,
    nanos: u64,
    bytes: u64,
}

impl Meter {
    pub(super) fn push(&mut self, nanos: u64, bytes: u64, target_duration: u64) {
        if nanos == 0 || bytes == 0 {
            return;
        }
        self.nanos = self.nanos.saturating_add(nanos);
        self.bytes = self.bytes.saturating_add(bytes);
        self.fastest = self.fastest.max(rate(bytes, nanos));
        self.recent.push_back((nanos, bytes));
        let half = target_duration.saturating_mul(500_000_000);
        let most = half.saturating_mul(3);
        let (mut run, mut run_bytes, mut count) = (0_u64, 0_u64, 0_usize);
        for (nanos, bytes) in self.recent.iter().rev() {
            run = run.saturating_add(*nanos);
            run_bytes = run_bytes.saturating_add(*bytes);
            if run > most {
                break;
            }
            count += 1;
            if run >= half {
                self.peak = self.peak.max(rate(run_bytes, run));
            }
        }
        while self.recent.len() > count.min(1000) {
            self.recent.pop_front();
        }
    }

    pub(super) fn bandwidth(&self) -> Option<Bandwidth> {
        (self.nanos > 0).then(|| {
            let average = rate(self.bytes, self.nanos);
            let peak = if self.peak == 0 {
                self.fastest
            } else {
                self.peak
            };
            Bandwidth {
                peak: peak.max(average),
                average,
            }
        })
    }
}

/// Bits per second, rounded up: a bandwidth that is told must not be passed.
fn rate(bytes: u64, nanos: u64) -> u64 {
    let bits = u128::from(bytes).saturating_mul(8_000_000_000);
    let rate = bits.div_ceil(u128::from(nanos.max(1)));
    u64::try_from(rate).unwrap_or(u64::MAX)
}
