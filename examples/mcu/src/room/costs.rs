use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Time spent on something, all in all.
#[derive(Debug, Default)]
pub(crate) struct Cost(AtomicU64);

impl Cost {
    /// Does it.
    pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(0);
        self.0.fetch_add(nanos, Ordering::Relaxed);
        result
    }

    /// In seconds.
    pub(crate) fn seconds(&self) -> f64 {
        self.0.load(Ordering::Relaxed) as f64 / 1e9
    }
}

/// What a room's time goes into.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    pub(crate) decode: Cost,
    pub(crate) compose: Cost,
    pub(crate) encode: Cost,
    /// All of the sound.
    pub(crate) mix: Cost,
}
