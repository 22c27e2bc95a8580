//! `AudioSpecificConfig()` and what is inside (ISO/IEC 14496-3 §1.6).

pub(crate) mod bits;
mod eld;
mod fields;
mod ga;
mod pce;
mod raw;
mod sbr;
mod usac;

pub use bits::Opaque;
pub use eld::{EldExtension, EldSpecificConfig, LdSbr};
pub use fields::{EpConfig, Extension, Fields, Specific};
pub use ga::{ErrorResilience, GaSpecificConfig};
pub use pce::{
    ChannelElement, CouplingElement, MatrixMixdown, ProgramConfigElement, SpeakerElements,
};
pub use sbr::{SbrBands, SbrHeader, SbrLimiter};
pub use usac::{Mps212, UsacChannels, UsacConfig, UsacCore, UsacElement, UsacExtension, UsacSbr};

use crate::{Error, ObjectType, tables};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use raw::Raw;

/// The configuration of an MPEG-4 audio decoder: `AudioSpecificConfig()` (ISO/IEC 14496-3 §1.6.2.1).
///
/// It keeps the bytes that it was read from, so that it goes out as it came in; [`fields`](Self::fields)
/// has all that they say. Clones are cheap.
///
/// ```
/// use fluvial_aac::AudioSpecificConfig;
///
/// // HE-AAC: a core of 24 kHz, 48 kHz after spectral band replication.
/// let config = AudioSpecificConfig::parse(&[0x2B, 0x11, 0x88, 0x00])?;
/// assert_eq!(config.sampling_frequency(), 24_000);
/// assert_eq!(config.output_sampling_frequency(), 48_000);
/// assert_eq!((config.frame_length(), config.channels()), (1024, 2));
/// assert_eq!(config.rfc6381(), "40.5");
/// # Ok::<(), fluvial_aac::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    raw: Raw,
    fields: Fields,
}

impl AudioSpecificConfig {
    /// AAC LC of 1024 samples per frame, as nearly every encoder makes it.
    ///
    /// # Errors
    /// [`Error::Invalid`] where no channel configuration has that many channels (1 to 8 and 24 do) or the rate is 0,
    /// [`Error::TooLong`] where the rate has more than 24 bits.
    pub fn lc(sampling_frequency: u32, channels: u16) -> Result<Self, Error> {
        match tables::channel_configuration(channels) {
            Some(configuration) => Self::new(Fields::ga(
                ObjectType::AAC_LC,
                sampling_frequency,
                configuration,
            )),
            None => Err(Error::Invalid {
                field: "channelConfiguration",
                value: u64::from(channels),
                bit: 0,
            }),
        }
    }

    /// A configuration that says what `fields` say.
    ///
    /// # Errors
    /// Whatever [`Fields::encode`] tells, and [`Error::Invalid`] where the fields contradict each other, so that they
    /// would not be read back as they are.
    pub fn new(fields: Fields) -> Result<Self, Error> {
        let mut raw = Vec::new();
        fields.encode(&mut raw)?;
        let read = Fields::parse(&raw)?;
        if read != fields {
            return Err(Error::Invalid {
                field: "audioObjectType",
                value: u64::from(fields.audio_object_type.number()),
                bit: 0,
            });
        }
        Ok(Self {
            raw: Raw::copy(&raw),
            fields,
        })
    }

    /// Reads a configuration that takes all of `data`; what follows its last known field is kept in [`raw`](Self::raw).
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where a field has a reserved value.
    #[inline]
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        // Made where it is to be, as moving it costs as much as reading it.
        if let Some(fields) = Fields::parse_plain(data) {
            let raw = Raw::copy(data);
            return Ok(Self { raw, fields });
        }
        Self::parse_any(data)
    }

    #[inline(never)]
    fn parse_any(data: &[u8]) -> Result<Self, Error> {
        let fields = Fields::parse(data)?;
        let raw = Raw::copy(data);
        Ok(Self { raw, fields })
    }

    /// Of fields that were read from these bytes.
    pub(crate) fn from_parts(raw: &[u8], fields: Fields) -> Self {
        let raw = Raw::copy(raw);
        Self { raw, fields }
    }

    /// The bytes that it was read from.
    #[must_use]
    #[inline]
    pub fn raw(&self) -> &[u8] {
        self.raw.as_slice()
    }

    /// All that the bytes say, field by field.
    #[must_use]
    pub const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Bytes that [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.raw().len()
    }

    /// Appends the bytes that it was read from.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.raw());
    }

    /// The object type of the core coder, below SBR and PS: AAC LC also for HE-AAC.
    #[must_use]
    pub const fn object_type(&self) -> ObjectType {
        self.fields.audio_object_type
    }

    /// Samples per second of the core coder, before SBR.
    #[must_use]
    pub fn sampling_frequency(&self) -> u32 {
        self.fields.core_sampling_frequency()
    }

    /// Samples per second that a decoder puts out: twice the core's, most often, where SBR is said to be there.
    #[must_use]
    pub fn output_sampling_frequency(&self) -> u32 {
        self.fields.output_sampling_frequency()
    }

    /// Channels of the core coder; 0 where the configuration does not say.
    #[must_use]
    pub fn channels(&self) -> u16 {
        self.fields.channels()
    }

    /// Channels that a decoder puts out: 2 for one channel with Parametric Stereo.
    #[must_use]
    pub fn output_channels(&self) -> u16 {
        self.fields.output_channels()
    }

    /// Samples per access unit and channel at the core's rate: 1024, 960, 512, 480, ...; 0 where the configuration does not say.
    #[must_use]
    pub fn frame_length(&self) -> u32 {
        self.fields.frame_length()
    }

    /// Samples per access unit and channel at the output rate.
    #[must_use]
    pub fn output_frame_length(&self) -> u32 {
        if let Specific::Usac(config) = &self.fields.specific {
            // The rates need not be whole multiples, the lengths are.
            let (multiple, per) = config.sbr_ratio().unwrap_or((1, 1));
            return config.core_frame_length() * multiple / per;
        }
        let length = u64::from(self.frame_length()) * u64::from(self.output_sampling_frequency());
        let per_second = u64::from(self.sampling_frequency());
        let length = length.checked_div(per_second).unwrap_or(0);
        u32::try_from(length).unwrap_or(0)
    }

    /// Whether SBR is used; `None` where the configuration does not say, and a decoder finds out from the frames
    /// (implicit signalling, §1.6.5).
    #[must_use]
    pub fn sbr(&self) -> Option<bool> {
        self.fields.sbr()
    }

    /// Whether Parametric Stereo is used; `None` where the configuration does not say.
    #[must_use]
    pub const fn ps(&self) -> Option<bool> {
        self.fields.ps()
    }

    /// The codec's element of a `CODECS` string after `mp4a.` (RFC 6381 §3.3): `40.2`, `40.5` with SBR, `40.29` with PS.
    #[must_use]
    pub fn rfc6381(&self) -> String {
        format!("40.{}", self.fields.profile().number())
    }
}

impl TryFrom<Bytes> for AudioSpecificConfig {
    type Error = Error;

    /// As [`parse`](AudioSpecificConfig::parse), without a copy of what is long.
    fn try_from(raw: Bytes) -> Result<Self, Error> {
        let fields = Fields::parse(&raw)?;
        let raw = raw.into();
        Ok(Self { raw, fields })
    }
}
