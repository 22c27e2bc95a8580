//! Congestion control by transport-wide feedback: how much may be sent (Google's algorithm, draft-ietf-rmcat-gcc-02).
//!
//! Each packet carries a transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01). The receiver's
//! [`Recorder`] notes when each came and reports it; the sender's [`Estimator`] compares that with when each was sent. Where
//! the delay grows, a queue fills: the rate falls to 85 % of what got through. Where more than a tenth is
//! lost it falls as well. Else it rises: doubling in a second at first, and carefully near the rate where the queue
//! last filled.
//!
//! Three things are as in the drafts' successors rather than as in the drafts: a trend line in place of the Kalman filter,
//! the doubling at first in place of probes with padding, and that a rate is not raised past one and a half of what gets
//! through, so that a sender with little to send keeps an estimate that was tried.
//!
//! `examples/bandwidth.rs` simulates a bottleneck of 2 Mbit/s and writes what happens as CSV and as a picture (SVG).

mod delay;
mod estimator;
mod loss;
mod rate;
mod recorder;

pub use delay::Usage;
pub use estimator::{Config, Estimator};
pub use recorder::{Feedback, Recorder};
