//! Sound: decoded, and encoded as Opus. All is 48 kHz stereo, interleaved, in frames of 20 ms.

mod decode;
mod encode;
mod g711;
mod voice;

pub use decode::Decoder;
pub use encode::{DELAY, Opus};
pub use voice::{Spoken, Voice};

/// Samples per second, of each channel.
pub const RATE: usize = 48_000;
/// Samples of a frame, of each channel.
pub const FRAME: usize = RATE / 50;

/// A frame of 20 ms: left and right by turns.
pub type Frame = [f32; 2 * FRAME];

/// Root of the mean of the squares.
#[must_use]
pub fn level(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return 0.0;
    }
    let sum: f32 = samples.iter().map(|sample| sample * sample).sum();
    (sum / samples.len() as f32).sqrt()
}
