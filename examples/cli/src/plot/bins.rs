use media::Time;
use std::collections::BTreeMap;

/// Values that can be put together when bins get wider.
pub trait Merge: Clone + Default {
    fn merge(&mut self, other: Self);
}

/// Values over time, in so many bins at most: their width doubles as the time line grows, so that memory does not.
#[derive(Debug, Clone)]
pub struct Bins<T> {
    width: i64,
    bins: BTreeMap<i64, T>,
}

/// More than a picture is wide.
const MOST: usize = 4096;

/// Nanoseconds of a bin at first.
const NARROWEST: i64 = 1_000_000;

impl<T: Merge> Bins<T> {
    pub const fn new() -> Self {
        Self {
            width: NARROWEST,
            bins: BTreeMap::new(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    pub fn add(&mut self, time: Time, value: T) {
        let bin = time.as_nanos().div_euclid(self.width);
        self.bins.entry(bin).or_default().merge(value);
        while self.bins.len() > MOST {
            self.widen();
        }
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        let old = std::mem::take(&mut self.bins);
        for (bin, value) in old {
            self.bins.entry(bin.div_euclid(2)).or_default().merge(value);
        }
    }

    /// The same with bins of at least so many seconds, as far as the time line has several of them.
    pub fn at_least(&self, seconds: f64) -> Self {
        let mut wide = self.clone();
        while wide.width_seconds() < seconds && wide.bins.len() > 32 {
            wide.widen();
        }
        wide
    }

    pub fn width_seconds(&self) -> f64 {
        self.width as f64 / 1e9
    }

    /// The start of each bin in seconds, and what `value` makes of it and its width.
    pub fn points(&self, value: impl Fn(&T, f64) -> f64) -> Vec<(f64, f64)> {
        let width = self.width_seconds();
        let points = self.bins.iter();
        points
            .map(|(bin, of)| (*bin as f64 * width, value(of, width)))
            .collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Time, &T)> {
        let bins = self.bins.iter();
        bins.map(|(bin, value)| (Time::from_nanos(bin.saturating_mul(self.width)), value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Merge for u64 {
        fn merge(&mut self, other: Self) {
            *self += other;
        }
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_lost() {
        let mut bins: Bins<u64> = Bins::new();
        for n in -50_000..50_000 {
            bins.add(Time::from_millis(n * 40), 1);
        }
        assert!(bins.bins.len() <= MOST);
        assert_eq!(bins.bins.values().sum::<u64>(), 100_000);
        assert!(bins.at_least(10.0).width_seconds() >= 10.0);
    }
}
