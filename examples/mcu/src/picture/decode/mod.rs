//! From access units and frames to pictures.

mod h264;
mod vp8;

pub use h264::H264;
pub use vp8::Vp8;

use super::Picture;
use media::{Codec, Sample};

/// Decodes one stream, and shows nothing that is broken: after a loss it waits for a keyframe.
#[derive(Debug)]
pub enum Decoder {
    /// Of H.264.
    H264(Box<H264>),
    /// Of VP8.
    Vp8(Vp8),
}

impl Decoder {
    /// For a track, after what decoded the one before it; none for codecs that are not understood.
    #[must_use]
    pub fn after(before: Option<Self>, codec: &Codec) -> Option<Self> {
        Some(match (codec, before) {
            (Codec::H264(config), Some(Self::H264(mut decoder))) => {
                decoder.set_config(config.clone());
                Self::H264(decoder)
            }
            (Codec::H264(config), _) => Self::H264(Box::new(H264::new(config.clone()))),
            (Codec::Vp8(_), Some(Self::Vp8(decoder))) => Self::Vp8(decoder),
            (Codec::Vp8(_), _) => Self::Vp8(Vp8::new()),
            _ => return None,
        })
    }

    /// Whether a keyframe is needed to go on.
    #[must_use]
    pub const fn waits(&self) -> bool {
        match self {
            Self::H264(decoder) => decoder.waits(),
            Self::Vp8(decoder) => decoder.waits(),
        }
    }

    /// Forgets all: what comes next is to be a keyframe.
    pub fn reset(&mut self) {
        match self {
            Self::H264(decoder) => decoder.reset(),
            Self::Vp8(decoder) => decoder.reset(),
        }
    }

    /// Decodes a sample, and gives a picture with the time at which it is to be shown (PTS), if one is complete.
    pub fn decode(&mut self, sample: &Sample) -> Option<(i64, Picture)> {
        match self {
            Self::H264(decoder) => decoder.decode(sample),
            Self::Vp8(decoder) => decoder.decode(sample),
        }
    }
}
