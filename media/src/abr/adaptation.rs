use super::Throughput;
use crate::Time;

/// What a client that fetches segments knows for a [choice](super::choose): the throughput that it sees, and the buffer that a player
/// would have which shows the first segment as soon as it is there, and each for as long as it lasts.
///
/// ```
/// use fluvial_media::Time;
/// use fluvial_media::abr::Adaptation;
///
/// let second = |seconds: i64| Time::from_millis(1000 * seconds);
/// let mut adaptation = Adaptation::new();
/// adaptation.fetched(500_000, second(1), None);
/// adaptation.arrived(second(0), second(100));
/// assert_eq!(adaptation.throughput(), Some(4_000_000));
/// // 4 seconds are there, of which one has been shown.
/// assert_eq!(adaptation.buffer(second(4), second(101)), second(3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Adaptation {
    throughput: Throughput,
    /// When the player would have shown media time 0, on the caller's clock.
    origin: Option<Time>,
}

impl Adaptation {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            throughput: Throughput::new(),
            origin: None,
        }
    }

    /// So many bytes took so long. What was fetched while it was being made (in chunks, at the live edge) cannot come faster than
    /// that; of it, `being_made` is how long it lasts as media, and it counts where it is faster than what is known, or took longer
    /// than it lasts.
    pub fn fetched(&mut self, bytes: u64, took: Time, being_made: Option<Time>) {
        if let (Some(lasts), Some(known)) = (being_made, self.throughput.estimate()) {
            let bits = i128::from(bytes) * 8_000_000_000;
            let is_slower = bits < i128::from(known) * i128::from(took.as_nanos());
            if is_slower && took <= lasts {
                return;
            }
        }
        self.throughput.push(bytes, took);
    }

    /// What starts at this media time is there. A player that was there before has stood still.
    pub fn arrived(&mut self, start: Time, now: Time) {
        let latest = now - start;
        self.origin = Some(self.origin.map_or(latest, |origin| origin.max(latest)));
    }

    /// The player goes elsewhere.
    pub const fn sought(&mut self) {
        self.origin = None;
    }

    /// In bit/s; `None` before anything was measured.
    #[must_use]
    pub fn throughput(&self) -> Option<u64> {
        self.throughput.estimate()
    }

    /// What is there and was not shown, where media is there up to `end`.
    #[must_use]
    pub fn buffer(&self, end: Time, now: Time) -> Time {
        let shown = self.origin.map_or(end, |origin| now - origin);
        (end - shown).max(Time::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn second(seconds: i64) -> Time {
        Time::from_millis(1000 * seconds)
    }

    #[test]
    fn who_stood_still_has_no_debts() {
        let mut adaptation = Adaptation::new();
        assert_eq!(adaptation.buffer(second(8), second(50)), Time::ZERO);
        adaptation.arrived(second(8), second(50));
        assert_eq!(adaptation.buffer(second(12), second(51)), second(3));
        // The next one comes 6 seconds after the last picture was shown.
        assert_eq!(adaptation.buffer(second(12), second(60)), Time::ZERO);
        adaptation.arrived(second(12), second(60));
        assert_eq!(adaptation.buffer(second(16), second(60)), second(4));
        adaptation.sought();
        adaptation.arrived(second(100), second(61));
        assert_eq!(adaptation.buffer(second(104), second(61)), second(4));
    }

    #[test]
    fn what_is_being_made_says_little() {
        let mut adaptation = Adaptation::new();
        adaptation.fetched(1_000_000, second(1), None);
        assert_eq!(adaptation.throughput(), Some(8_000_000));
        // 1 Mbit/s of media, as fast as it is made.
        for _ in 0..50 {
            adaptation.fetched(250_000, second(2), Some(second(2)));
        }
        assert_eq!(adaptation.throughput(), Some(8_000_000));
        // Slower than it is made.
        for _ in 0..50 {
            adaptation.fetched(250_000, second(4), Some(second(2)));
        }
        assert!(adaptation.throughput() < Some(510_000));
    }
}
