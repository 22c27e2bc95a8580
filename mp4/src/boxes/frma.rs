use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// What a protected or otherwise transformed sample entry was called before (ISO/IEC 14496-12 §8.12.3).
///
/// ```text
/// data_format u32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frma {
    /// The name: `avc1`, `mp4a`, ...
    pub data_format: FourCc,
}

impl IsoBox for Frma {
    const TYPE: FourCc = FourCc(*b"frma");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            data_format: FourCc::read(r, "data_format")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        w.bytes(&self.data_format.0);
        Ok(())
    }

    fn body_len(&self) -> usize {
        4
    }
}
