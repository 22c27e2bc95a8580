//! How many samples an encoder put in front of the sound, and behind it.
//!
//! A frame of AAC overlaps the one before it, so encoders begin with silence and fill up the last frame. Containers say how
//! much with an edit list, or in a comment named `iTunSMPB`, which [`Gapless`] reads and writes. Where nothing says it, these
//! numbers are what to expect.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// Samples at the output rate that decoders drop where nothing is said (Apple TN2258).
pub const IMPLICIT_DELAY: u32 = 2112;

/// Samples at the core's rate that an SBR decoder adds to its delay: 962 at twice the rate (ISO/IEC 14496-24).
pub const SBR_DECODER_DELAY: u32 = 481;

/// Access units to be decoded, and not heard, before one that is jumped to: the overlap needs one (`roll_distance` -1,
/// ISO/IEC 14496-12 §10.1).
pub const PRE_ROLL: u32 = 1;

/// What an `iTunSMPB` comment says, in samples at the output rate.
///
/// ```
/// use fluvial_aac::gapless::Gapless;
///
/// let text = " 00000000 00000840 000001CA 00000000003F31F6 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000";
/// let gapless: Gapless = text.parse()?;
/// assert_eq!((gapless.delay, gapless.padding, gapless.samples), (2112, 458, 4_141_558));
/// assert_eq!(gapless.to_string(), text);
/// # Ok::<(), fluvial_aac::gapless::NotGapless>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Gapless {
    /// Samples in front of the sound, to be dropped.
    pub delay: u32,
    /// Samples behind it.
    pub padding: u32,
    /// Samples of the sound itself.
    pub samples: u64,
}

/// A comment that is no `iTunSMPB`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no iTunSMPB comment: {0:?}")]
pub struct NotGapless(String);

impl FromStr for Gapless {
    type Err = NotGapless;

    fn from_str(text: &str) -> Result<Self, NotGapless> {
        let parse = || {
            let mut words = text.split_ascii_whitespace();
            words.next()?;
            let mut number = || u64::from_str_radix(words.next()?, 16).ok();
            Some(Self {
                delay: u32::try_from(number()?).ok()?,
                padding: u32::try_from(number()?).ok()?,
                samples: number()?,
            })
        };
        parse().ok_or_else(|| NotGapless(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Gapless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            delay,
            padding,
            samples,
        } = self;
        write!(f, " 00000000 {delay:08X} {padding:08X} {samples:016X}")?;
        (0..8).try_for_each(|_| f.write_str(" 00000000"))
    }
}
