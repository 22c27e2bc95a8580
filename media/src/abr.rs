//! Which of several renditions of one content a player is to fetch next, told as a function of what it knows.
//!
//! [`choose`] has no state: the same conditions give the same choice, so that it can be tried on paper and in simulation
//! (`cargo run -p fluvial-media --example abr` does so, beside the rules of hls.js and BOLA). [`Throughput`] is what it
//! wants to know of the network, [`Adaptation`] what a client has to keep for it.
//!
//! ```
//! use fluvial_media::abr::{Conditions, Throughput, choose};
//! use fluvial_media::Time;
//!
//! let mut throughput = Throughput::new();
//! throughput.push(1_000_000, Time::from_millis(2_000)); // 4 Mbit/s
//! let conditions = Conditions {
//!     rates: &[500_000, 1_500_000, 3_000_000, 6_000_000],
//!     current: Some(1),
//!     throughput: throughput.estimate(),
//!     buffer: Time::from_millis(20_000),
//!     segment: Time::from_millis(4_000),
//!     max_buffer: Time::from_millis(30_000),
//! };
//! assert_eq!(choose(&conditions), 2);
//! ```

mod adaptation;

pub use adaptation::Adaptation;

use crate::Time;

/// What a choice is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conditions<'a> {
    /// Bit rates of the renditions, in bit/s, in any order.
    pub rates: &'a [u64],
    /// Index of the rendition that was fetched last.
    pub current: Option<usize>,
    /// What the network gives, in bit/s; `None`: not known yet.
    pub throughput: Option<u64>,
    /// Media that is there and has not been played.
    pub buffer: Time,
    /// How long the next segment lasts.
    pub segment: Time,
    /// Media at which the player pauses fetching.
    pub max_buffer: Time,
}

/// The share of the throughput, in thousandths, that a rate may have with an empty buffer, and with a full one: what is in
/// the buffer can be spent on a throughput that falls.
const SHARE_EMPTY: u64 = 600;
const SHARE_FULL: u64 = 1100;
/// What a rate above the current one has to leave of that, in thousandths: so that it does not go up and down.
const ROOM_TO_RISE: u64 = 1150;

/// Index of the rendition to fetch next; 0 where there are none.
///
/// * The rate is the greatest that fits into a share of the throughput, and the share grows with the buffer.
/// * It rises only with some room to spare, and not before a segment is in the buffer.
/// * It does not fall as long as the buffer lasts for a segment at the current rate with half of itself to spare.
/// * As long as the throughput is not known, it is the least.
#[must_use]
pub fn choose(conditions: &Conditions<'_>) -> usize {
    let rate = |index: usize| conditions.rates.get(index).copied().unwrap_or(0);
    let all = || 0..conditions.rates.len();
    let least = || all().min_by_key(|index| rate(*index)).unwrap_or(0);
    let Some(throughput) = conditions.throughput else {
        return least();
    };
    let nanos = |time: Time| u64::try_from(time.as_nanos()).unwrap_or(0);
    let (buffer, segment) = (nanos(conditions.buffer), nanos(conditions.segment));
    let full = nanos(conditions.max_buffer).max(1);
    let scale = |value: u64, part: u64, whole: u64| {
        let scaled = u128::from(value) * u128::from(part) / u128::from(whole.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    };
    let share = SHARE_EMPTY.saturating_add(scale(SHARE_FULL - SHARE_EMPTY, buffer.min(full), full));
    let budget = scale(throughput, share, 1000);
    let best_below = |budget: u64| {
        let fits = all().filter(|index| rate(*index) <= budget);
        fits.max_by_key(|index| rate(*index))
    };
    let best = best_below(budget).unwrap_or_else(least);
    let Some(current) = conditions
        .current
        .filter(|index| *index < conditions.rates.len())
    else {
        return best;
    };
    let now = rate(current);
    // Of two that are alike there is no reason to prefer the other one.
    if rate(best) == now {
        return current;
    }
    if rate(best) > now {
        let roomy = best_below(scale(budget, 1000, ROOM_TO_RISE));
        let roomy = roomy.filter(|index| rate(*index) > now && buffer >= segment);
        return roomy.unwrap_or(current);
    }
    let takes = scale(segment, now, throughput);
    if takes <= buffer / 2 {
        return current;
    }
    best
}

/// What the network gives, as measured: two means, of which one forgets fast and one slowly, and the lesser of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throughput {
    fast: Option<u64>,
    slow: Option<u64>,
}

/// How long the two means remember.
const FAST: Time = Time::from_millis(2_000);
const SLOW: Time = Time::from_millis(10_000);

impl Throughput {
    /// Not known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            fast: None,
            slow: None,
        }
    }

    /// So many bytes took so long. What takes no time, or has fewer bytes than fit into a packet or two, says nothing.
    pub fn push(&mut self, bytes: u64, took: Time) {
        let Some(nanos) = u64::try_from(took.as_nanos())
            .ok()
            .filter(|nanos| *nanos > 0)
        else {
            return;
        };
        if bytes < 3000 {
            return;
        }
        let rate = u128::from(bytes) * 8_000_000_000 / u128::from(nanos);
        let rate = u64::try_from(rate).unwrap_or(u64::MAX);
        for (mean, memory) in [(&mut self.fast, FAST), (&mut self.slow, SLOW)] {
            let memory = memory.as_nanos().unsigned_abs();
            *mean = Some(match *mean {
                None => rate,
                Some(before) => {
                    // The longer it took, the more it counts.
                    let sum = u128::from(before) * u128::from(memory)
                        + u128::from(rate) * u128::from(nanos);
                    let mixed = sum / (u128::from(memory) + u128::from(nanos));
                    u64::try_from(mixed).unwrap_or(u64::MAX)
                }
            });
        }
    }

    /// In bit/s; `None` before anything was measured.
    #[must_use]
    pub fn estimate(&self) -> Option<u64> {
        Some(self.fast?.min(self.slow?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const RATES: [u64; 4] = [500_000, 1_500_000, 3_000_000, 6_000_000];

    fn conditions(current: usize, throughput: u64, buffer: i64) -> Conditions<'static> {
        Conditions {
            rates: &RATES,
            current: Some(current),
            throughput: Some(throughput),
            buffer: Time::from_millis(buffer),
            segment: Time::from_millis(4_000),
            max_buffer: Time::from_millis(30_000),
        }
    }

    #[test]
    fn rises_with_room_and_falls_when_the_buffer_does() {
        assert_eq!(choose(&conditions(0, 4_000_000, 0)), 0);
        assert_eq!(choose(&conditions(0, 4_000_000, 5_000)), 1);
        assert_eq!(choose(&conditions(1, 4_000_000, 25_000)), 2);
        // It fits, but without room.
        assert_eq!(choose(&conditions(1, 3_000_000, 28_000)), 1);
        assert_eq!(choose(&conditions(2, 2_000_000, 28_000)), 2);
        assert_eq!(choose(&conditions(2, 2_000_000, 8_000)), 0);
        let unknown = Conditions {
            throughput: None,
            ..conditions(3, 0, 30_000)
        };
        assert_eq!(choose(&unknown), 0);
        let none = Conditions {
            rates: &[],
            ..conditions(3, 1, 30_000)
        };
        assert_eq!(choose(&none), 0);
    }

    #[test]
    fn throughput_falls_faster_than_it_rises() {
        let mut throughput = Throughput::new();
        assert_eq!(throughput.estimate(), None);
        throughput.push(100, Time::from_millis(1000));
        throughput.push(1_000_000, Time::ZERO);
        assert_eq!(throughput.estimate(), None);
        throughput.push(1_000_000, Time::from_millis(1000));
        assert_eq!(throughput.estimate(), Some(8_000_000));
        throughput.push(100_000, Time::from_millis(2000));
        let low = throughput.estimate().unwrap();
        assert!(low < 4_300_000);
        throughput.push(4_000_000, Time::from_millis(2000));
        assert!(throughput.estimate().unwrap() < 10_000_000);
    }

    proptest! {
        /// More throughput or more buffer never gives a lesser rate, and the order of the rates does not matter.
        #[test]
        fn more_is_never_less(
            rates in prop::collection::vec(1_u64..100_000_000, 1..8),
            current in prop::option::of(0_usize..10),
            throughput in 0_u64..200_000_000,
            buffer in 0_i64..60_000,
            more in 0_u64..50_000_000,
        ) {
            let rate = |conditions: &Conditions<'_>| conditions.rates[choose(conditions)];
            let base = Conditions {
                rates: &rates,
                current,
                throughput: Some(throughput),
                buffer: Time::from_millis(buffer),
                segment: Time::from_millis(4_000),
                max_buffer: Time::from_millis(30_000),
            };
            let faster = Conditions { throughput: Some(throughput + more), ..base };
            prop_assert!(rate(&faster) >= rate(&base));
            let fuller = Conditions { buffer: Time::from_millis(buffer + 5_000), ..base };
            prop_assert!(rate(&fuller) >= rate(&base));
            let reversed: Vec<u64> = rates.iter().rev().copied().collect();
            let current = current.filter(|at| *at < rates.len()).map(|at| rates.len() - 1 - at);
            let other = Conditions { rates: &reversed, current, ..base };
            prop_assert_eq!(rate(&other), rate(&base));
        }
    }
}
