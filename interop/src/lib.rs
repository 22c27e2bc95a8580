//! The harness of the interop tests: real peers as child processes, the streaming server as one more,
//! and exact comparison of what went in with what came out.
//!
//! The tests are in `tests/interop/`; `README.md` says which peer is driven by which test.
//!
//! House rules, kept by everything here:
//!
//! * Nothing sleeps to synchronise: every wait is for a log line, a decoded frame, an HTTP answer or an
//!   exit, and has a deadline that only a hang can reach.
//! * Every child is killed when its [`process::Process`] is dropped, also by a panic, and then shows its log.
//! * Ports are chosen by the kernel, files are in temporary directories.
//! * A peer that is not installed skips its tests aloud; with `FLUVIAL_INTEROP=required` it fails them.

pub mod camera;
pub mod client;
pub mod clip;
pub mod clock;
pub mod flv;
pub mod frames;
pub mod http;
pub mod mcu;
pub mod media_server;
pub mod nats;
pub mod nginx;
pub mod p2p;
pub mod peer;
pub mod playlist;
pub mod process;
pub mod proxy;
pub mod raw;
pub mod reader;
pub mod recorder;
pub mod server;
pub mod sfu;
pub mod tool;
pub mod transport;

use std::time::{Duration, Instant};

/// How long a wait goes on before it counts as a hang: far more than a loaded two-core machine needs.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// Calls `poll` until it gives a value.
///
/// # Panics
///
/// When [`PATIENCE`] is at an end.
pub fn wait_for<T>(what: &str, poll: impl FnMut() -> Option<T>) -> T {
    wait_within(PATIENCE, poll).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Calls `poll` until it gives a value or `patience` is at an end.
pub fn wait_within<T>(patience: Duration, mut poll: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(value) = poll() {
            return Some(value);
        }
        if Instant::now() >= deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
