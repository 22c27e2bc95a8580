use super::bits::invalid;
use super::{EldSpecificConfig, GaSpecificConfig, Opaque, UsacConfig};
use crate::{Error, ObjectType, tables};
use alloc::sync::Arc;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// The syntax elements of `AudioSpecificConfig()` (ISO/IEC 14496-3 Table 1.15).
///
/// ```text
/// 5(+6) audioObjectType      31 escapes to 32 + 6 bits
/// 4(+24) samplingFrequency   index, 15 escapes to Hz
/// 4     channelConfiguration 0: in the program_config_element
///       5 or 29 (SBR, PS) in front: extension rate, then the core's type
/// ...   the type's own configuration
/// 2     epConfig             error resilient types only
/// 11+.. 0x2B7: SBR after the fact, 0x548: PS likewise
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fields {
    /// The type of the core coder, below SBR and PS.
    pub audio_object_type: ObjectType,
    /// `samplingFrequency` in Hz, 24 bits. The core's, for all types but USAC.
    pub sampling_frequency: u32,
    /// `channelConfiguration`, 4 bits: 1 to 6 are so many channels, 7, 12 and 14 are 7.1 in three layouts, 11 is 6.1, 13 is 22.2;
    /// 0 says that the layout is told elsewhere.
    pub channel_configuration: u8,
    /// How SBR and PS are signalled.
    pub extension: Extension,
    /// What the object type's own configuration says.
    pub specific: Specific,
    /// `epConfig`: how frames are protected, for the error resilient types only.
    pub ep_config: Option<EpConfig>,
}

/// How a configuration tells of spectral band replication and parametric stereo (ISO/IEC 14496-3 §1.6.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// Not at all. The frames may still have them (implicit signalling).
    Implicit,
    /// The object type in front is 5 or 29, the core's type comes after it (explicit, hierarchical signalling).
    Hierarchical {
        /// `extensionSamplingFrequency` in Hz: the output rate, 24 bits.
        sampling_frequency: u32,
        /// Whether the type in front is 29 (Parametric Stereo).
        ps: bool,
        /// `extensionChannelConfiguration`, 4 bits, where the core is BSAC.
        channel_configuration: Option<u8>,
    },
    /// After the core's configuration, where old decoders do not look (explicit, backward compatible signalling).
    BackwardCompatible {
        /// `extensionSamplingFrequency` in Hz, 24 bits; `None` where `sbrPresentFlag` is 0: there is no SBR.
        sampling_frequency: Option<u32>,
        /// `psPresentFlag`, where it is there.
        ps: Option<bool>,
        /// `extensionChannelConfiguration`, 4 bits, where the core is BSAC.
        channel_configuration: Option<u8>,
    },
}

/// `epConfig`: the error protection of an error resilient type's frames (ISO/IEC 14496-3 §1.6.3.9), 2 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EpConfig {
    /// 0: one access unit has all instances of all error sensitivity categories.
    Whole,
    /// 1: each category is an access unit of its own.
    PerCategory,
    /// 2 or 3: the error protection tool is used; its configuration is not read. Holds the number.
    Protected(u8),
}

/// The configuration that belongs to an object type.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Specific {
    /// AAC and the other General Audio coders (1-4, 6, 7, 17, 19-23).
    Ga(GaSpecificConfig),
    /// AAC Enhanced Low Delay (39).
    Eld(Arc<EldSpecificConfig>),
    /// USAC, so xHE-AAC (42).
    Usac(Arc<UsacConfig>),
    /// Any other type: its bits, not interpreted, up to the end of the configuration.
    Opaque(Opaque),
}

const SYNC_SBR: u32 = 0x2B7;
const SYNC_PS: u32 = 0x548;

impl Fields {
    /// A General Audio coder in its plainest form: 1024 samples per frame (512 for AAC LD), SBR not signalled.
    ///
    /// For `channel_configuration` 0, put a program config element into `specific`.
    #[must_use]
    pub fn ga(
        audio_object_type: ObjectType,
        sampling_frequency: u32,
        channel_configuration: u8,
    ) -> Self {
        Self {
            audio_object_type,
            sampling_frequency,
            channel_configuration,
            extension: Extension::Implicit,
            specific: Specific::Ga(GaSpecificConfig::new(audio_object_type)),
            ep_config: audio_object_type
                .is_error_resilient()
                .then_some(EpConfig::Whole),
        }
    }

    /// Reads a configuration that takes all of `data`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    #[inline]
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        match Self::parse_plain(data) {
            Some(fields) => Ok(fields),
            None => Self::decode(&mut BitReader::new(data), true),
        }
    }

    /// What nearly all configurations are, four times as fast: two bytes, or three, of AAC Main to LTP.
    #[inline(always)]
    pub(super) fn parse_plain(data: &[u8]) -> Option<Self> {
        let (&[a, b], [] | [_]) = data.split_first_chunk()? else {
            return None;
        };
        // 5 audioObjectType, 4 samplingFrequencyIndex, 4 channelConfiguration, then three flags, of which only the first
        // one is set: frameLengthFlag.
        let (object_type @ 1..=4, 0) = (a >> 3, b & 3) else {
            return None;
        };
        let index = usize::from((a & 7) << 1 | b >> 7);
        let sampling_frequency = *tables::SAMPLING_FREQUENCIES.get(index)?;
        let channel_configuration = b >> 3 & 15;
        tables::channels(channel_configuration)?;
        let object_type = ObjectType::new(object_type)?;
        let mut config = GaSpecificConfig::new(object_type);
        config.frame_length_flag = b & 4 != 0;
        Some(Self {
            audio_object_type: object_type,
            sampling_frequency,
            channel_configuration,
            extension: Extension::Implicit,
            specific: Specific::Ga(config),
            ep_config: None,
        })
    }

    /// Reads a configuration at a reader's position, which need not be at a byte.
    ///
    /// With `to_end`, the configuration takes the reader's whole input, and backward compatible signalling is looked for at
    /// its end. Without, as in LATM's version 0, it ends after the object type's own configuration.
    ///
    /// # Errors
    /// [`Error::Short`] where the input ends early, [`Error::Invalid`] where a field has a reserved value, or where the
    /// end of the configuration would have to be known and is not.
    pub fn decode(r: &mut BitReader<'_>, to_end: bool) -> Result<Self, Error> {
        let start = r.position();
        let mut audio_object_type = object_type(r)?;
        let sampling_frequency = frequency(r, "samplingFrequency")?;
        let channel_configuration = channel_configuration(r)?;
        let mut extension = Extension::Implicit;
        if matches!(audio_object_type, ObjectType::SBR | ObjectType::PS) {
            let ps = audio_object_type == ObjectType::PS;
            let sampling_frequency = frequency(r, "extensionSamplingFrequency")?;
            audio_object_type = object_type(r)?;
            extension = Extension::Hierarchical {
                sampling_frequency,
                ps,
                channel_configuration: match audio_object_type {
                    ObjectType::ER_BSAC => Some(r.bits8(4, "extensionChannelConfiguration")?),
                    _ => None,
                },
            };
        }
        let specific = match audio_object_type {
            core if core.is_general_audio() => Specific::Ga(GaSpecificConfig::decode(
                r,
                start,
                core,
                channel_configuration,
            )?),
            ObjectType::ER_AAC_ELD => Specific::Eld(Arc::new(EldSpecificConfig::decode(
                r,
                channel_configuration,
            )?)),
            ObjectType::USAC => Specific::Usac(Arc::new(UsacConfig::decode(r)?)),
            _ if to_end => Specific::Opaque(Opaque::decode(r, r.left(), "specific config")?),
            other => return Err(invalid(r, "audioObjectType", other.number())),
        };
        let mut fields = Self {
            audio_object_type,
            sampling_frequency,
            channel_configuration,
            extension,
            specific,
            ep_config: None,
        };
        if matches!(fields.specific, Specific::Opaque(_)) {
            return Ok(fields);
        }
        if audio_object_type.is_error_resilient() {
            let ep_config = match r.bits8(2, "epConfig")? {
                0 => EpConfig::Whole,
                1 => EpConfig::PerCategory,
                number => EpConfig::Protected(number),
            };
            fields.ep_config = Some(ep_config);
            if let EpConfig::Protected(number) = ep_config {
                // The tool's configuration follows, and what comes after is out of reach.
                return match to_end {
                    true => Ok(fields),
                    false => Err(invalid(r, "epConfig", number)),
                };
            }
        }
        if to_end && matches!(fields.extension, Extension::Implicit) {
            // Many writers pad with what is no extension, and a broken one must not cost the core.
            let mut ahead = *r;
            if let Ok(Some(extension)) = backward_compatible(&mut ahead) {
                fields.extension = extension;
                *r = ahead;
            }
        }
        Ok(fields)
    }

    /// Appends the configuration, filled up with zero bits to a whole byte.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut w = BitWriter::new(out);
        self.write(&mut w)?;
        w.align_zero();
        Ok(())
    }

    /// Writes the configuration at a writer's position, which need not be at a byte.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field, [`Error::Invalid`] where it has no place in this configuration.
    pub fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        let start = w.position();
        let core = self.audio_object_type;
        if let Extension::Hierarchical {
            sampling_frequency,
            ps,
            channel_configuration,
        } = self.extension
        {
            write_object_type(w, if ps { ObjectType::PS } else { ObjectType::SBR })?;
            write_frequency(w, "samplingFrequency", self.sampling_frequency)?;
            w.bits(4, "channelConfiguration", self.channel_configuration.into())?;
            write_frequency(w, "extensionSamplingFrequency", sampling_frequency)?;
            write_object_type(w, core)?;
            write_extension_channels(w, core, channel_configuration)?;
        } else {
            write_object_type(w, core)?;
            write_frequency(w, "samplingFrequency", self.sampling_frequency)?;
            w.bits(4, "channelConfiguration", self.channel_configuration.into())?;
        }
        match &self.specific {
            Specific::Ga(config) => config.write(w, start, core, self.channel_configuration)?,
            Specific::Eld(config) => config.write(w, self.channel_configuration)?,
            Specific::Usac(config) => config.write(w)?,
            Specific::Opaque(opaque) => return opaque.write(w, "specific config"),
        }
        match self.ep_config {
            None => {}
            Some(EpConfig::Whole) => drop(w.bits(2, "epConfig", 0)?),
            Some(EpConfig::PerCategory) => drop(w.bits(2, "epConfig", 1)?),
            Some(EpConfig::Protected(number)) => {
                return Err(Error::Invalid {
                    field: "epConfig",
                    value: number.into(),
                    bit: w.position(),
                });
            }
        }
        if let Extension::BackwardCompatible {
            sampling_frequency,
            ps,
            channel_configuration,
        } = self.extension
        {
            let bsac = core == ObjectType::ER_BSAC;
            w.bits(11, "syncExtensionType", SYNC_SBR)?;
            write_object_type(w, if bsac { core } else { ObjectType::SBR })?;
            w.bit(sampling_frequency.is_some());
            if let Some(hz) = sampling_frequency {
                write_frequency(w, "extensionSamplingFrequency", hz)?;
            }
            write_extension_channels(w, core, channel_configuration)?;
            if let (Some(_), Some(ps), false) = (sampling_frequency, ps, bsac) {
                w.bits(11, "syncExtensionType", SYNC_PS)?.bit(ps);
            }
        }
        Ok(())
    }

    pub(crate) fn core_sampling_frequency(&self) -> u32 {
        match &self.specific {
            Specific::Usac(config) => {
                let (multiple, per) = config.sbr_ratio().unwrap_or((1, 1));
                let hz = u64::from(config.sampling_frequency) * u64::from(per);
                u32::try_from(hz / u64::from(multiple)).unwrap_or(0)
            }
            _ => self.sampling_frequency,
        }
    }

    pub(crate) fn output_sampling_frequency(&self) -> u32 {
        match (self.extension, &self.specific) {
            (
                Extension::Hierarchical {
                    sampling_frequency, ..
                }
                | Extension::BackwardCompatible {
                    sampling_frequency: Some(sampling_frequency),
                    ..
                },
                _,
            ) => sampling_frequency,
            (_, Specific::Usac(config)) => config.sampling_frequency,
            (_, Specific::Eld(config)) if config.ld_sbr.as_ref().is_some_and(|s| s.dual_rate) => {
                self.sampling_frequency.saturating_mul(2)
            }
            _ => self.sampling_frequency,
        }
    }

    pub(crate) fn channels(&self) -> u16 {
        match &self.specific {
            Specific::Usac(config) => config.channels(),
            Specific::Ga(GaSpecificConfig {
                program_config_element: Some(pce),
                ..
            }) => pce.channels(),
            _ => tables::channels(self.channel_configuration).unwrap_or(0),
        }
    }

    pub(crate) fn output_channels(&self) -> u16 {
        let extended = match self.extension {
            Extension::Hierarchical {
                channel_configuration,
                ..
            }
            | Extension::BackwardCompatible {
                channel_configuration,
                ..
            } => channel_configuration.and_then(tables::channels),
            Extension::Implicit => None,
        };
        match (extended, self.ps(), self.channels()) {
            (Some(channels), ..) => channels,
            (None, Some(true), 1) => 2,
            (None, _, channels) => channels,
        }
    }

    pub(crate) fn frame_length(&self) -> u32 {
        match (&self.specific, self.audio_object_type) {
            (Specific::Ga(config), core) => match (core, config.frame_length_flag) {
                (ObjectType::ER_AAC_LD, false) => 512,
                (ObjectType::ER_AAC_LD, true) => 480,
                (_, false) => 1024,
                (_, true) => 960,
            },
            (Specific::Eld(config), _) => match config.frame_length_flag {
                false => 512,
                true => 480,
            },
            (Specific::Usac(config), _) => config.core_frame_length(),
            (_, ObjectType::LAYER_1) => 384,
            (_, ObjectType::LAYER_2) => 1152,
            // MPEG-2 and 2.5 halve the frame of layer III.
            (_, ObjectType::LAYER_3) if self.sampling_frequency <= 24_000 => 576,
            (_, ObjectType::LAYER_3) => 1152,
            _ => 0,
        }
    }

    pub(crate) fn sbr(&self) -> Option<bool> {
        match (self.extension, &self.specific) {
            (Extension::Hierarchical { .. }, _) => Some(true),
            (
                Extension::BackwardCompatible {
                    sampling_frequency, ..
                },
                _,
            ) => Some(sampling_frequency.is_some()),
            (_, Specific::Eld(config)) => Some(config.ld_sbr.is_some()),
            (_, Specific::Usac(config)) => Some(config.sbr_ratio().is_some()),
            _ => None,
        }
    }

    pub(crate) const fn ps(&self) -> Option<bool> {
        match self.extension {
            // A type of 5 in front leaves it open, a type of 29 says it.
            Extension::Hierarchical { ps: true, .. } => Some(true),
            Extension::BackwardCompatible { ps, .. } => ps,
            _ => None,
        }
    }

    /// The type that stands for core and extensions together: what a `codecs` parameter names.
    pub(crate) const fn profile(&self) -> ObjectType {
        match (self.extension, self.ps()) {
            (
                Extension::Hierarchical { .. }
                | Extension::BackwardCompatible {
                    sampling_frequency: Some(_),
                    ..
                },
                Some(true),
            ) => ObjectType::PS,
            (
                Extension::Hierarchical { .. }
                | Extension::BackwardCompatible {
                    sampling_frequency: Some(_),
                    ..
                },
                _,
            ) => ObjectType::SBR,
            _ => self.audio_object_type,
        }
    }
}

fn object_type(r: &mut BitReader<'_>) -> Result<ObjectType, Error> {
    let mut number = r.bits8(5, "audioObjectType")?;
    if number == 31 {
        number = 32 + r.bits8(6, "audioObjectTypeExt")?;
    }
    ObjectType::new(number).ok_or_else(|| invalid(r, "audioObjectType", number))
}

fn write_object_type(w: &mut BitWriter<'_>, object_type: ObjectType) -> Result<(), Error> {
    let number = u32::from(object_type.number());
    match number.checked_sub(32) {
        Some(extended) => {
            w.bits(5, "audioObjectType", 31)?
                .bits(6, "audioObjectTypeExt", extended)?
        }
        None => w.bits(5, "audioObjectType", number)?,
    };
    Ok(())
}

fn frequency(r: &mut BitReader<'_>, what: &'static str) -> Result<u32, Error> {
    let index = r.bits8(4, what)?;
    if index == 15 {
        return match r.bits(24, what)? {
            0 => Err(invalid(r, what, 0)),
            hz => Ok(hz),
        };
    }
    tables::SAMPLING_FREQUENCIES
        .get(usize::from(index))
        .copied()
        .ok_or_else(|| invalid(r, what, index))
}

fn write_frequency(w: &mut BitWriter<'_>, what: &'static str, hz: u32) -> Result<(), Error> {
    match tables::sampling_frequency_index(hz) {
        Some(index) => w.bits(4, what, index.into())?,
        None => w.bits(4, what, 15)?.bits(24, what, hz)?,
    };
    Ok(())
}

fn channel_configuration(r: &mut BitReader<'_>) -> Result<u8, Error> {
    let configuration = r.bits8(4, "channelConfiguration")?;
    if configuration != 0 && tables::channels(configuration).is_none() {
        return Err(invalid(r, "channelConfiguration", configuration));
    }
    Ok(configuration)
}

fn write_extension_channels(
    w: &mut BitWriter<'_>,
    core: ObjectType,
    configuration: Option<u8>,
) -> Result<(), Error> {
    if core == ObjectType::ER_BSAC {
        let configuration = configuration.unwrap_or(0).into();
        w.bits(4, "extensionChannelConfiguration", configuration)?;
    }
    Ok(())
}

fn backward_compatible(r: &mut BitReader<'_>) -> Result<Option<Extension>, Error> {
    if r.left() < 16 || r.bits(11, "syncExtensionType")? != SYNC_SBR {
        return Ok(None);
    }
    let object_type = object_type(r)?;
    if !matches!(object_type, ObjectType::SBR | ObjectType::ER_BSAC) {
        return Ok(None);
    }
    let mut sampling_frequency = None;
    let mut ps = None;
    let mut channel_configuration = None;
    if r.bit("sbrPresentFlag")? {
        sampling_frequency = Some(frequency(r, "extensionSamplingFrequency")?);
        if object_type == ObjectType::SBR && r.left() >= 12 {
            let mut ahead = *r;
            if ahead.bits(11, "syncExtensionType")? == SYNC_PS {
                ps = Some(ahead.bit("psPresentFlag")?);
                *r = ahead;
            }
        }
    }
    if object_type == ObjectType::ER_BSAC {
        channel_configuration = Some(r.bits8(4, "extensionChannelConfiguration")?);
    }
    Ok(Some(Extension::BackwardCompatible {
        sampling_frequency,
        ps,
        channel_configuration,
    }))
}
