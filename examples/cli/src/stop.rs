//! Ending early: the first Ctrl-C asks for an end at which the output is whole, the second one does not ask.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From here on, Ctrl-C asks first.
pub fn listen() {
    let asked = || {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
    };
    // Without it, Ctrl-C ends the process as ever.
    let _ = ctrlc::set_handler(asked);
}

/// Whether an end was asked for.
pub fn is_asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}

/// Waits, not longer than until an end is asked for; whether that was so.
pub fn sleep(span: Duration) -> bool {
    const STEP: Duration = Duration::from_millis(50);
    let end = Instant::now() + span;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if is_asked() || left.is_zero() {
            return is_asked();
        }
        std::thread::sleep(left.min(STEP));
    }
}
