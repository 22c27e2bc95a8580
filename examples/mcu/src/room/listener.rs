//! One who gets the mix by WebRTC.

use super::pictures::Eye;
use super::share::{Format, STEPS, Unit};
use super::voices::Ear;
use crate::layout::Layout;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// Most that waits for a client that is not there yet, or does not come to its turn.
const WAITING: usize = 256;
/// What a rate needs of the estimate, in hundredths: to be kept, and to be begun.
const NEEDS: (u64, u64) = (105, 130);
/// For how many looks an estimate has to be high before the next better rate is taken.
const PATIENCE: u32 = 3;

/// What a client gets.
#[derive(Debug, Clone)]
pub(crate) enum Out {
    /// A packet of Opus, and its time in samples of the room's clock.
    Sound(i64, Bytes),
    Picture(Arc<Unit>),
}

/// A client.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) id: u64,
    /// Who it is in the room, if anybody.
    pub(crate) own: Option<u64>,
    pub(crate) hears: bool,
    pub(crate) sees: bool,
    waiting: Mutex<VecDeque<Out>>,
    pub(crate) news: Notify,
    wants_keyframe: AtomicBool,
    /// Bits per second that the network bears; 0: not known.
    estimate: AtomicU64,
    step: Mutex<(usize, u32)>,
    layout: Mutex<Option<Arc<Layout>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Listener {
    pub(crate) fn new(id: u64, own: Option<u64>, hears: bool, sees: bool) -> Self {
        Self {
            id,
            own,
            hears,
            sees,
            waiting: Mutex::default(),
            news: Notify::new(),
            wants_keyframe: AtomicBool::new(false),
            estimate: AtomicU64::new(0),
            step: Mutex::default(),
            layout: Mutex::default(),
        }
    }

    pub(crate) fn push(&self, out: Out) {
        let mut waiting = lock(&self.waiting);
        if waiting.len() >= WAITING {
            // It is far behind: it goes on with what is new.
            waiting.clear();
            self.want_keyframe();
        }
        waiting.push_back(out);
        drop(waiting);
        self.news.notify_one();
    }

    pub(crate) fn take(&self) -> VecDeque<Out> {
        std::mem::take(&mut *lock(&self.waiting))
    }

    pub(crate) fn want_keyframe(&self) {
        self.wants_keyframe.store(true, Ordering::Relaxed);
    }

    pub(crate) fn set_estimate(&self, bits: u64) {
        self.estimate.store(bits, Ordering::Relaxed);
    }

    pub(crate) fn set_layout(&self, layout: Option<Layout>) {
        *lock(&self.layout) = layout.map(Arc::new);
    }

    /// Its own layout, where it has one.
    pub(crate) fn layout(&self) -> Option<Arc<Layout>> {
        lock(&self.layout).clone()
    }

    /// Looks at the estimate, about once a second.
    pub(crate) fn choose(&self, format: &Format) {
        let estimate = self.estimate.load(Ordering::Relaxed);
        let mut step = lock(&self.step);
        *step = choose(*step, estimate, format);
    }

    pub(crate) fn ear(&self) -> Option<Ear> {
        self.hears.then_some(Ear {
            id: self.id,
            own: self.own,
        })
    }

    pub(crate) fn eye(&self, layout: &Arc<Layout>) -> Option<Eye> {
        self.sees.then(|| Eye {
            id: self.id,
            layout: self.layout().unwrap_or_else(|| Arc::clone(layout)),
            step: lock(&self.step).0,
            wants_keyframe: self.wants_keyframe.swap(false, Ordering::Relaxed),
            period: None,
        })
    }
}

/// The rate for an estimate, from the one it was and for how many looks a better one was within reach.
fn choose((step, patience): (usize, u32), estimate: u64, format: &Format) -> (usize, u32) {
    let bits = |step: usize| u64::from(format.step(step).bitrate);
    if estimate == 0 {
        return (step, 0);
    }
    if bits(step) * NEEDS.0 / 100 > estimate {
        let fits = (step..STEPS.len()).find(|step| bits(*step) * NEEDS.0 / 100 <= estimate);
        return (fits.unwrap_or(STEPS.len() - 1), 0);
    }
    if step > 0 && bits(step - 1) * NEEDS.1 / 100 <= estimate {
        return match patience + 1 >= PATIENCE {
            true => (step - 1, 0),
            false => (step, patience + 1),
        };
    }
    (step, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMAT: Format = Format {
        width: 1280,
        height: 720,
        rate: 25,
        bitrate: 2_000_000,
    };

    #[test]
    fn rates_go_down_at_once_and_up_step_by_step() {
        assert_eq!(choose((0, 0), 0, &FORMAT), (0, 0));
        assert_eq!(choose((0, 0), 3_000_000, &FORMAT), (0, 0));
        assert_eq!(choose((0, 0), 600_000, &FORMAT), (2, 0));
        assert_eq!(choose((0, 0), 1_000, &FORMAT), (3, 0));
        let mut at = (3, 0);
        let mut steps = Vec::new();
        for _ in 0..12 {
            at = choose(at, 2_700_000, &FORMAT);
            steps.push(at.0);
        }
        assert_eq!(steps, [3, 3, 2, 2, 2, 1, 1, 1, 0, 0, 0, 0]);
        // Between what keeps a rate and what begins it, nothing changes.
        assert_eq!(choose((1, 0), 2_200_000, &FORMAT), (1, 0));
        assert_eq!(choose((0, 0), 2_200_000, &FORMAT), (0, 0));
    }

    #[test]
    fn who_does_not_come_for_it_loses_what_is_old() {
        let listener = Listener::new(1, None, true, true);
        for at in 0..1000 {
            listener.push(Out::Sound(at, Bytes::new()));
        }
        let taken = listener.take();
        assert!(taken.len() <= WAITING);
        assert!(matches!(taken.back(), Some(Out::Sound(999, _))));
        assert!(listener.eye(&Arc::default()).unwrap().wants_keyframe);
        assert!(!listener.eye(&Arc::default()).unwrap().wants_keyframe);
    }
}
