use super::Error;
use alloc::format;
use alloc::string::String;
use bytes::Bytes;
use mpeg2::audio::{Header, Layer, Version};
use mpeg2::video::{PictureHeader, PictureType, Sequence, StartCode, units};

/// MPEG-1 or MPEG-2 video: the sequence header and the extensions after it, with their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MpegVideo {
    raw: Bytes,
    sequence: Sequence,
}

impl MpegVideo {
    /// Reads a sequence header and its extensions, start codes included.
    ///
    /// # Errors
    /// [`Error::Mpeg`] where the header cannot be read, [`Error::Invalid`] where there is none.
    pub fn parse(headers: &[u8]) -> Result<Self, Error> {
        Self::try_from(Bytes::copy_from_slice(headers))
    }

    /// The headers, as they came in.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What the headers say.
    #[must_use]
    pub const fn sequence(&self) -> &Sequence {
        &self.sequence
    }

    /// `objectTypeIndication` (ISO/IEC 14496-1, table 5): 0x6A for MPEG-1; for MPEG-2 0x60 to 0x65 by its profile.
    #[must_use]
    pub fn object_type_indication(&self) -> u8 {
        let Some(extension) = &self.sequence.extension else {
            return 0x6A;
        };
        // The escape bit, then the profile (ISO/IEC 13818-2 §8).
        match extension.profile_and_level_indication >> 4 {
            5 => 0x60,
            3 => 0x62,
            2 => 0x63,
            1 => 0x64,
            8.. => 0x65,
            _ => 0x61,
        }
    }

    /// The codec's element of a `CODECS` string after `mp4v.` (RFC 6381 §3.3): `61` for MPEG-2 of the Main profile.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        format!("{:02X}", self.object_type_indication())
    }
}

impl TryFrom<Bytes> for MpegVideo {
    type Error = Error;

    /// As [`parse`](MpegVideo::parse), without a copy.
    fn try_from(raw: Bytes) -> Result<Self, Error> {
        let sequence = Sequence::find(&raw)?.ok_or(Error::Invalid {
            field: "sequence_header_code",
            value: 0,
        })?;
        Ok(Self { raw, sequence })
    }
}

/// MPEG audio: what all frames of a stream have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MpegAudio {
    /// Which standard.
    pub version: Version,
    /// Which layer.
    pub layer: Layer,
    /// Samples per second.
    pub sampling_frequency: u32,
    /// Channels: 1 or 2.
    pub channels: u8,
}

impl MpegAudio {
    /// The stream that a frame belongs to; `None` where its sampling frequency is reserved.
    #[must_use]
    pub fn new(header: Header) -> Option<Self> {
        Some(Self {
            version: header.version,
            layer: header.layer,
            sampling_frequency: header.sampling_frequency()?,
            channels: header.channels(),
        })
    }

    /// Samples in a frame.
    #[must_use]
    pub const fn samples(&self) -> u32 {
        match (self.layer, self.version) {
            (Layer::I, _) => 384,
            (Layer::III, Version::Mpeg2 | Version::Mpeg25) => 576,
            _ => 1152,
        }
    }

    /// `objectTypeIndication` (ISO/IEC 14496-1, table 5): 0x6B for MPEG-1, 0x69 for the lower sampling frequencies.
    #[must_use]
    pub const fn object_type_indication(&self) -> u8 {
        match self.version {
            Version::Mpeg1 => 0x6B,
            Version::Mpeg2 | Version::Mpeg25 => 0x69,
        }
    }

    /// The codec's element of a `CODECS` string after `mp4a.` (RFC 6381 §3.3): `6B` or `69`.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        format!("{:02X}", self.object_type_indication())
    }
}

/// Whether decoding can start at a picture: whether it is intra-coded.
pub(super) fn is_sync(data: &[u8]) -> bool {
    units(data)
        .find(|unit| unit.code == StartCode::PICTURE)
        .and_then(|unit| PictureHeader::parse(unit.data).ok())
        .is_some_and(|picture| picture.picture_coding_type == PictureType::I)
}
