use crate::asc::bits::invalid;
use crate::asc::{Extension, Fields, Opaque, Specific};
use crate::{AudioSpecificConfig, Error, ObjectType};
use alloc::vec;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// `StreamMuxConfig()`: the streams of a multiplex (ISO/IEC 14496-3 Table 1.42).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamMuxConfig {
    /// `taraBufferFullness`, 32 bits at most, in a multiplex of version 1; `None` is version 0, which tells no lengths of
    /// configurations and so carries neither backward compatible SBR signalling nor configurations that are not understood.
    pub version_1: Option<u32>,
    /// `allStreamsSameTimeFraming`: each element has the same number of access units of each layer, in order.
    pub all_streams_same_time_framing: bool,
    /// Access units of each layer in an element, 1 to 64 (`numSubFrames` is one less).
    pub sub_frames: u8,
    /// The layers of all programs, in order; at least one.
    pub layers: Vec<Layer>,
    /// `otherDataLenBits`: bits after the payloads of each element that are not audio.
    pub other_data_len_bits: Option<u32>,
    /// `crcCheckSum`, 8 bits, carried and not checked.
    pub crc: Option<u8>,
}

/// A layer of a program in a multiplex.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The program that it belongs to, 0 to 15.
    pub program: u8,
    /// Its configuration.
    pub config: AudioSpecificConfig,
    /// How the lengths of its access units are told.
    pub frame_length: FrameLength,
}

/// How the lengths of a layer's access units are told (`frameLengthType`, ISO/IEC 14496-3 Table 1.43).
///
/// The types for CELP and HVXC (3 to 7) are not supported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameLength {
    /// 0: in front of each.
    Variable {
        /// `latmBufferFullness`, 8 bits; 0xFF: variable bit rate.
        buffer_fullness: u8,
        /// `coreFrameOffset`, 6 bits, for a scalable AAC layer on top of a CELP one.
        core_frame_offset: Option<u8>,
    },
    /// 1: all alike. `frameLength`, 9 bits: bytes of an access unit, less 20.
    Fixed(u16),
}

impl FrameLength {
    /// Variable lengths at a variable bit rate, as nearly all streams have them.
    pub const VARIABLE: Self = Self::Variable {
        buffer_fullness: 0xFF,
        core_frame_offset: None,
    };
}

impl StreamMuxConfig {
    /// One stream, one access unit per element.
    #[must_use]
    pub fn new(config: AudioSpecificConfig) -> Self {
        let fields = config.fields();
        let needs_length = matches!(fields.extension, Extension::BackwardCompatible { .. })
            || matches!(fields.specific, Specific::Opaque(_));
        Self {
            version_1: needs_length.then_some(0xFF),
            all_streams_same_time_framing: true,
            sub_frames: 1,
            layers: vec![Layer {
                program: 0,
                config,
                frame_length: FrameLength::VARIABLE,
            }],
            other_data_len_bits: None,
            crc: None,
        }
    }

    /// Reads a configuration that was sent beside the stream, such as the `config` parameter of RFC 6416.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        Self::decode(&mut BitReader::new(data))
    }

    /// Reads a configuration at a reader's position, which need not be at a byte.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] for a later version, a reserved or unsupported
    /// `frameLengthType`, or, in version 0, an object type whose configuration has no known end.
    pub fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let mut version_1 = None;
        if r.bit("audioMuxVersion")? {
            if r.bit("audioMuxVersionA")? {
                return Err(invalid(r, "audioMuxVersionA", 1));
            }
            version_1 = Some(latm_value(r, "taraBufferFullness")?);
        }
        let all_streams_same_time_framing = r.bit("allStreamsSameTimeFraming")?;
        let sub_frames = r.bits8(6, "numSubFrames")? + 1;
        let programs = r.bits8(4, "numProgram")?;
        let mut layers: Vec<Layer> = Vec::new();
        for program in 0..=programs {
            for number in 0..=r.bits(3, "numLayer")? {
                let before = layers.last();
                let same = match before {
                    Some(before) if r.bit("useSameConfig")? => Some(before.config.clone()),
                    _ => None,
                };
                let config = match same {
                    Some(config) => config,
                    None => read_config(r, version_1.is_some())?,
                };
                let on_core = before.is_some_and(|before| {
                    number > 0
                        && !all_streams_same_time_framing
                        && has_core_frame_offset(before, &config)
                });
                let frame_length = FrameLength::decode(r, on_core)?;
                layers.push(Layer {
                    program,
                    config,
                    frame_length,
                });
            }
        }
        let other_data_len_bits = match (r.bit("otherDataPresent")?, version_1) {
            (false, _) => None,
            (true, Some(_)) => Some(latm_value(r, "otherDataLenBits")?),
            (true, None) => {
                let mut bits = 0u32;
                loop {
                    let escape = r.bit("otherDataLenEsc")?;
                    if bits >> 24 != 0 {
                        return Err(invalid(r, "otherDataLenEsc", 1));
                    }
                    bits = bits << 8 | r.bits(8, "otherDataLenTmp")?;
                    if !escape {
                        break Some(bits);
                    }
                }
            }
        };
        let crc = match r.bit("crcCheckPresent")? {
            true => Some(r.bits8(8, "crcCheckSum")?),
            false => None,
        };
        Ok(Self {
            version_1,
            all_streams_same_time_framing,
            sub_frames,
            layers,
            other_data_len_bits,
            crc,
        })
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
    /// [`Error::TooLong`] where a number does not fit its field, [`Error::Invalid`] where the layers' programs do not count up
    /// from 0, or where version 0 cannot say a configuration.
    pub fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bit(self.version_1.is_some());
        if let Some(fullness) = self.version_1 {
            w.bit(false);
            write_latm_value(w, "taraBufferFullness", fullness)?;
        }
        let invalid = |w: &BitWriter<'_>, field, value: u64| Error::Invalid {
            field,
            value,
            bit: w.position(),
        };
        let Some(sub_frames) = u32::from(self.sub_frames).checked_sub(1) else {
            return Err(invalid(w, "numSubFrames", 0));
        };
        let Some(last) = self.layers.last() else {
            return Err(invalid(w, "numProgram", 0));
        };
        w.bit(self.all_streams_same_time_framing)
            .bits(6, "numSubFrames", sub_frames)?
            .bits(4, "numProgram", last.program.into())?;
        let mut before: Option<&Layer> = None;
        let programs = self.layers.chunk_by(|a, b| a.program == b.program);
        for (program, layers) in programs.enumerate() {
            for (number, layer) in layers.iter().enumerate() {
                if usize::from(layer.program) != program {
                    return Err(invalid(w, "numProgram", layer.program.into()));
                }
                if number == 0 {
                    w.bits64(3, "numLayer", layers.len() as u64 - 1)?;
                }
                let same_config = before.map(|before| before.config == layer.config);
                if let Some(same) = same_config {
                    w.bit(same);
                }
                if same_config != Some(true) {
                    write_config(w, &layer.config, self.version_1.is_some())?;
                }
                let on_core = before.is_some_and(|before| {
                    number > 0
                        && !self.all_streams_same_time_framing
                        && has_core_frame_offset(before, &layer.config)
                });
                layer.frame_length.write(w, on_core)?;
                before = Some(layer);
            }
        }
        w.bit(self.other_data_len_bits.is_some());
        match (self.other_data_len_bits, self.version_1) {
            (None, _) => {}
            (Some(bits), Some(_)) => write_latm_value(w, "otherDataLenBits", bits)?,
            (Some(bits), None) => {
                let bytes = bits.to_be_bytes();
                let skip = (bits.leading_zeros() / 8).min(3) as usize;
                for (at, &byte) in bytes.iter().enumerate().skip(skip) {
                    w.bit(at < 3).bytes(&[byte]);
                }
            }
        }
        w.bit(self.crc.is_some());
        if let Some(crc) = self.crc {
            w.bits(8, "crcCheckSum", crc.into())?;
        }
        Ok(())
    }
}

impl FrameLength {
    fn decode(r: &mut BitReader<'_>, on_core: bool) -> Result<Self, Error> {
        match r.bits8(3, "frameLengthType")? {
            0 => Ok(Self::Variable {
                buffer_fullness: r.bits8(8, "latmBufferFullness")?,
                core_frame_offset: match on_core {
                    true => Some(r.bits8(6, "coreFrameOffset")?),
                    false => None,
                },
            }),
            1 => Ok(Self::Fixed(r.bits16(9, "frameLength")?)),
            other => Err(invalid(r, "frameLengthType", other)),
        }
    }

    fn write(self, w: &mut BitWriter<'_>, on_core: bool) -> Result<(), Error> {
        match self {
            Self::Variable {
                buffer_fullness,
                core_frame_offset,
            } => {
                w.bits(3, "frameLengthType", 0)?.bits(
                    8,
                    "latmBufferFullness",
                    buffer_fullness.into(),
                )?;
                if on_core {
                    let offset = core_frame_offset.unwrap_or(0);
                    w.bits(6, "coreFrameOffset", offset.into())?;
                }
            }
            Self::Fixed(length) => {
                w.bits(3, "frameLengthType", 1)?
                    .bits(9, "frameLength", length.into())?;
            }
        }
        Ok(())
    }
}

fn has_core_frame_offset(before: &Layer, config: &AudioSpecificConfig) -> bool {
    matches!(
        config.object_type(),
        ObjectType::AAC_SCALABLE | ObjectType::ER_AAC_SCALABLE
    ) && matches!(
        before.config.object_type(),
        ObjectType::CELP | ObjectType::ER_CELP
    )
}

fn read_config(r: &mut BitReader<'_>, has_length: bool) -> Result<AudioSpecificConfig, Error> {
    const WHAT: &str = "AudioSpecificConfig";
    if has_length {
        let len = latm_value(r, "ascLen")?;
        let raw = Opaque::decode(r, len.into(), WHAT)?;
        return AudioSpecificConfig::try_from(raw.bits().clone());
    }
    let mut start = *r;
    let fields = Fields::decode(r, false)?;
    let len = r.position() - start.position();
    let raw = Opaque::decode(&mut start, len, WHAT)?;
    Ok(AudioSpecificConfig::from_parts(raw.bits(), fields))
}

fn write_config(
    w: &mut BitWriter<'_>,
    config: &AudioSpecificConfig,
    has_length: bool,
) -> Result<(), Error> {
    if has_length {
        let bits = config.raw().len().saturating_mul(8);
        let bits = u32::try_from(bits).map_err(|_| wire::TooLong {
            what: "ascLen",
            value: bits as u64,
            max: u32::MAX.into(),
        })?;
        write_latm_value(w, "ascLen", bits)?;
        w.bytes(config.raw());
        return Ok(());
    }
    let fields = config.fields();
    if matches!(fields.specific, Specific::Opaque(_))
        || matches!(fields.extension, Extension::BackwardCompatible { .. })
    {
        return Err(Error::Invalid {
            field: "audioMuxVersion",
            value: 0,
            bit: w.position(),
        });
    }
    fields.write(w)
}

/// `LatmGetValue()` (ISO/IEC 14496-3 Table 1.44).
fn latm_value(r: &mut BitReader<'_>, what: &'static str) -> Result<u32, Error> {
    let bytes = r.bits(2, what)? + 1;
    Ok(r.bits(8 * bytes, what)?)
}

fn write_latm_value(w: &mut BitWriter<'_>, what: &'static str, value: u32) -> Result<(), Error> {
    let bytes = 4 - (value.leading_zeros() / 8).min(3);
    w.bits(2, what, bytes - 1)?.bits(8 * bytes, what, value)?;
    Ok(())
}
