use super::crc::crc16;
use super::word::Word;
use super::{Header, Layer, Tag, Vbri, Xing, layer2};

/// A frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    header: Word,
    data: &'a [u8],
}

impl<'a> Frame<'a> {
    #[inline]
    pub(super) const fn new(header: Word, data: &'a [u8]) -> Self {
        Self { header, data }
    }

    /// Its header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> Header {
        self.header.header()
    }

    /// Its bytes, header included.
    #[must_use]
    #[inline]
    pub const fn bytes(&self) -> &'a [u8] {
        self.data
    }

    /// Whether its check is right; `None` where it has none.
    #[must_use]
    pub fn is_intact(&self) -> Option<bool> {
        if !self.header().has_crc {
            return None;
        }
        Some(self.crc().is_some_and(|crc| {
            let found = self.data.get(4..).and_then(|rest| rest.first_chunk());
            found == Some(&crc.to_be_bytes())
        }))
    }

    /// `crc_check` of the frame, as it ought to be; `None` where the frame is too short for what the check covers, which is
    /// behind the place for the check.
    #[must_use]
    pub fn crc(&self) -> Option<u16> {
        let covered = self.data.get(6..)?;
        let header = self.header();
        let bits = match header.layer {
            Layer::I => {
                let bound = header.intensity_bound();
                4 * (bound * usize::from(header.channels()) + 32 - bound)
            }
            Layer::II => layer2::protected_bits(header, covered)?,
            Layer::III => 8 * header.side_info_len(),
        };
        if covered.len() * 8 < bits {
            return None;
        }
        let start = crc16(0xFFFF, self.data.get(2..4)?, 16);
        Some(crc16(start, covered, bits))
    }

    /// The tag that the frame is in place of sound, of whatever kind. Only the first frame of a stream is looked at for one.
    #[must_use]
    pub fn tag(&self) -> Option<Tag> {
        Tag::find(self)
    }

    /// The tag of Xing or LAME, where the frame is one.
    #[must_use]
    pub fn xing(&self) -> Option<Xing> {
        Xing::find(self)
    }

    /// The tag of Fraunhofer's encoder, where the frame is one.
    #[must_use]
    pub fn vbri(&self) -> Option<Vbri> {
        Vbri::find(self)
    }
}
