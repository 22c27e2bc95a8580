use super::ProgramConfigElement;
use crate::{Error, ObjectType};
use alloc::sync::Arc;
use wire::{BitReader, BitWriter};

/// `GASpecificConfig()`: the configuration of the General Audio coders (ISO/IEC 14496-3 §4.4.1, Table 4.1).
///
/// What only some object types have is `None` for the others.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct GaSpecificConfig {
    /// `frameLengthFlag`: 960 samples per frame in place of 1024 (480 in place of 512 for AAC LD).
    pub frame_length_flag: bool,
    /// `coreCoderDelay`, 14 bits: samples by which the core coder is to be delayed, where `dependsOnCoreCoder`.
    pub core_coder_delay: Option<u16>,
    /// `program_config_element()`, where the channel configuration is 0.
    pub program_config_element: Option<Arc<ProgramConfigElement>>,
    /// `layerNr`, 3 bits, for the scalable types.
    pub layer_nr: Option<u8>,
    /// `extensionFlag`: it precedes what the error resilient types have.
    pub extension_flag: bool,
    /// `numOfSubFrame` (5 bits) and `layer_length` (11 bits), for BSAC with `extensionFlag`.
    pub bsac: Option<(u8, u16)>,
    /// The resilience flags, for ER AAC LC, LTP, Scalable and LD with `extensionFlag`.
    pub error_resilience: Option<ErrorResilience>,
    /// `extensionFlag3`, reserved for a version 3.
    pub extension_flag3: bool,
}

/// The data resilience flags of the error resilient AAC types (ISO/IEC 14496-3 §4.5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ErrorResilience {
    /// `aacSectionDataResilienceFlag`: virtual codebooks.
    pub section_data: bool,
    /// `aacScalefactorDataResilienceFlag`: reversible variable length coding.
    pub scalefactor_data: bool,
    /// `aacSpectralDataResilienceFlag`: Huffman codeword reordering.
    pub spectral_data: bool,
}

impl ErrorResilience {
    pub(super) fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(Self {
            section_data: r.bit("aacSectionDataResilienceFlag")?,
            scalefactor_data: r.bit("aacScalefactorDataResilienceFlag")?,
            spectral_data: r.bit("aacSpectralDataResilienceFlag")?,
        })
    }

    pub(super) fn write(self, w: &mut BitWriter<'_>) {
        w.bit(self.section_data)
            .bit(self.scalefactor_data)
            .bit(self.spectral_data);
    }
}

const fn is_scalable(object_type: ObjectType) -> bool {
    matches!(
        object_type,
        ObjectType::AAC_SCALABLE | ObjectType::ER_AAC_SCALABLE
    )
}

const fn has_resilience_flags(object_type: ObjectType) -> bool {
    matches!(
        object_type,
        ObjectType::ER_AAC_LC
            | ObjectType::ER_AAC_LTP
            | ObjectType::ER_AAC_SCALABLE
            | ObjectType::ER_AAC_LD
    )
}

impl GaSpecificConfig {
    /// The plainest configuration that an object type can have, its frames of full length.
    #[must_use]
    #[inline]
    pub fn new(object_type: ObjectType) -> Self {
        // The standard wants `extensionFlag` set for the types from 17 on.
        let extension_flag = object_type.number() >= 17;
        Self {
            frame_length_flag: false,
            core_coder_delay: None,
            program_config_element: None,
            layer_nr: is_scalable(object_type).then_some(0),
            extension_flag,
            bsac: (extension_flag && object_type == ObjectType::ER_BSAC).then_some((0, 0)),
            error_resilience: (extension_flag && has_resilience_flags(object_type))
                .then(ErrorResilience::default),
            extension_flag3: false,
        }
    }

    /// `start` is where the AudioSpecificConfig begins, to which `byte_alignment()` refers.
    pub(super) fn decode(
        r: &mut BitReader<'_>,
        start: u64,
        object_type: ObjectType,
        channel_configuration: u8,
    ) -> Result<Self, Error> {
        let frame_length_flag = r.bit("frameLengthFlag")?;
        let core_coder_delay =
            r.option("dependsOnCoreCoder", |r| r.bits16(14, "coreCoderDelay"))?;
        let extension_flag = r.bit("extensionFlag")?;
        let program_config_element = match channel_configuration {
            0 => Some(Arc::new(ProgramConfigElement::decode(r, start)?)),
            _ => None,
        };
        let layer_nr = match is_scalable(object_type) {
            true => Some(r.bits8(3, "layerNr")?),
            false => None,
        };
        let mut config = Self {
            frame_length_flag,
            core_coder_delay,
            program_config_element,
            layer_nr,
            extension_flag,
            bsac: None,
            error_resilience: None,
            extension_flag3: false,
        };
        if extension_flag {
            if object_type == ObjectType::ER_BSAC {
                let sub_frames = r.bits8(5, "numOfSubFrame")?;
                config.bsac = Some((sub_frames, r.bits16(11, "layer_length")?));
            }
            if has_resilience_flags(object_type) {
                config.error_resilience = Some(ErrorResilience::decode(r)?);
            }
            config.extension_flag3 = r.bit("extensionFlag3")?;
        }
        Ok(config)
    }

    pub(super) fn write(
        &self,
        w: &mut BitWriter<'_>,
        start: u64,
        object_type: ObjectType,
        channel_configuration: u8,
    ) -> Result<(), Error> {
        w.bit(self.frame_length_flag)
            .bit(self.core_coder_delay.is_some());
        if let Some(delay) = self.core_coder_delay {
            w.bits(14, "coreCoderDelay", delay.into())?;
        }
        w.bit(self.extension_flag);
        match (channel_configuration, &self.program_config_element) {
            (0, Some(pce)) => pce.write(w, start)?,
            (1.., None) => {}
            _ => {
                return Err(Error::Invalid {
                    field: "channelConfiguration",
                    value: channel_configuration.into(),
                    bit: w.position(),
                });
            }
        }
        if is_scalable(object_type) {
            w.bits(3, "layerNr", self.layer_nr.unwrap_or(0).into())?;
        }
        if self.extension_flag {
            if object_type == ObjectType::ER_BSAC {
                let (sub_frames, length) = self.bsac.unwrap_or((0, 0));
                w.bits(5, "numOfSubFrame", sub_frames.into())?.bits(
                    11,
                    "layer_length",
                    length.into(),
                )?;
            }
            if has_resilience_flags(object_type) {
                self.error_resilience.unwrap_or_default().write(w);
            }
            w.bit(self.extension_flag3);
        }
        Ok(())
    }
}
