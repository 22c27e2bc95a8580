use super::bits::{Escaped, invalid};
use super::sbr::{SbrBands, SbrLimiter, decode_extras, write_extras};
use crate::{Error, tables};
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter};

/// `UsacConfig()`: the configuration of USAC, which xHE-AAC is a profile of (ISO/IEC 23003-3 §5.2, Table 5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsacConfig {
    /// `usacSamplingFrequency` in Hz, 24 bits: the output rate.
    pub sampling_frequency: u32,
    /// `coreSbrFrameLengthIndex`, 0 to 4: the frame's length and the ratio between the core's rate and the output's.
    pub core_sbr_frame_length_index: u8,
    /// The layout of the output.
    pub channels: UsacChannels,
    /// What each frame is made of, in order; at least one.
    pub elements: Vec<UsacElement>,
    /// `UsacConfigExtension()`: loudness, stream identification and others; empty where it is absent.
    pub extensions: Vec<UsacExtension>,
}

/// The channel layout of a [`UsacConfig`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsacChannels {
    /// `channelConfigurationIndex`, 1 to 31.
    Configuration(u8),
    /// `bsOutputChannelPos` of each channel, 5 bits each (ISO/IEC 23003-3 Table 74).
    Positions(Vec<u8>),
}

/// One element of each USAC frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsacElement {
    /// `ID_USAC_SCE`: a channel.
    Single {
        /// The core coder's tools.
        core: UsacCore,
        /// SBR, where the frame length index says that there is any.
        sbr: Option<UsacSbr>,
    },
    /// `ID_USAC_CPE`: a pair of channels.
    Pair {
        /// The core coder's tools.
        core: UsacCore,
        /// SBR, where the frame length index says that there is any.
        sbr: Option<UsacSbr>,
        /// `stereoConfigIndex`, 2 bits, other than 0: MPEG Surround makes the pair of one channel (1) or helps with
        /// two (2, 3). Only with SBR.
        mps212: Option<(u8, Mps212)>,
    },
    /// `ID_USAC_LFE`: a low frequency channel.
    Lfe,
    /// `ID_USAC_EXT`: something that is no channel.
    Extension {
        /// `usacExtElementType`: 0 fill, 3 audio pre-roll, 4 dynamic range control, ...
        kind: u32,
        /// `usacExtElementConfig`.
        config: Bytes,
        /// `usacExtElementDefaultLength`, 1 to 65 791 bytes.
        default_length: Option<u32>,
        /// `usacExtElementPayloadFrag`: payloads may be spread over frames.
        payload_frag: bool,
    },
}

/// `UsacCoreConfig()` (ISO/IEC 23003-3 Table 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsacCore {
    /// `tw_mdct`: the time-warped MDCT may be used.
    pub tw_mdct: bool,
    /// `noiseFilling`: spectral noise filling may be used.
    pub noise_filling: bool,
}

/// `SbrConfig()` of USAC (ISO/IEC 23003-3 Tables 13, 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UsacSbr {
    /// `harmonicSBR`.
    pub harmonic_sbr: bool,
    /// `bs_interTes`.
    pub inter_tes: bool,
    /// `bs_pvc`.
    pub pvc: bool,
    /// `dflt_start_freq`, 4 bits.
    pub start_freq: u8,
    /// `dflt_stop_freq`, 4 bits.
    pub stop_freq: u8,
    /// What `dflt_header_extra1` announces.
    pub bands: Option<SbrBands>,
    /// What `dflt_header_extra2` announces.
    pub limiter: Option<SbrLimiter>,
}

/// `Mps212Config()`: MPEG Surround for a pair (ISO/IEC 23003-3 Table 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mps212 {
    /// `bsFreqRes`, 3 bits.
    pub freq_res: u8,
    /// `bsFixedGainDMX`, 3 bits.
    pub fixed_gain_dmx: u8,
    /// `bsTempShapeConfig`, 2 bits.
    pub temp_shape_config: u8,
    /// `bsDecorrConfig`, 2 bits.
    pub decorr_config: u8,
    /// `bsHighRateMode`.
    pub high_rate_mode: bool,
    /// `bsPhaseCoding`.
    pub phase_coding: bool,
    /// `bsOttBandsPhase`, 5 bits.
    pub ott_bands_phase: Option<u8>,
    /// `bsResidualBands` (5 bits) and `bsPseudoLr`, where `stereoConfigIndex` is 2 or 3.
    pub residual: Option<(u8, bool)>,
    /// `bsEnvQuantMode`, where `bsTempShapeConfig` is 2.
    pub env_quant_mode: Option<bool>,
}

/// One extension of a [`UsacConfig`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsacExtension {
    /// `usacConfigExtType`: 0 fill, 2 loudness information, 7 stream identifier.
    pub kind: u32,
    /// Its bytes.
    pub data: Bytes,
}

/// `usacSamplingFrequencyIndex` 0x0F to 0x1B, in Hz; those below are AAC's (ISO/IEC 23003-3 Table 71).
const MORE_FREQUENCIES: [u32; 13] = [
    57_600, 51_200, 40_000, 38_400, 34_150, 28_800, 25_600, 20_000, 19_200, 17_075, 14_400, 12_800,
    9_600,
];

const NUM_OUT_CHANNELS: Escaped = Escaped(5, 8, 16);
const NUM_ELEMENTS: Escaped = Escaped(4, 8, 16);
const EXT_ELEMENT: Escaped = Escaped(4, 8, 16);
const EXT_DEFAULT_LENGTH: Escaped = Escaped(8, 16, 0);
const NUM_EXTENSIONS: Escaped = Escaped(2, 4, 8);

impl UsacConfig {
    /// Output samples per core sample as a fraction (`sbrRatio`), where there is SBR.
    #[must_use]
    pub const fn sbr_ratio(&self) -> Option<(u32, u32)> {
        match self.core_sbr_frame_length_index {
            2 => Some((8, 3)),
            3 => Some((2, 1)),
            4 => Some((4, 1)),
            _ => None,
        }
    }

    /// Samples per frame at the core's rate (`coreCoderFrameLength`).
    #[must_use]
    pub const fn core_frame_length(&self) -> u32 {
        match self.core_sbr_frame_length_index {
            0 | 2 => 768,
            _ => 1024,
        }
    }

    /// Channels that a decoder puts out; 0 where the configuration index is reserved.
    #[must_use]
    pub fn channels(&self) -> u16 {
        match &self.channels {
            UsacChannels::Configuration(index) => match index {
                8 => 2,
                9 => 3,
                10 => 4,
                15 | 17 | 19 => 12,
                16 => 10,
                18 | 20 => 14,
                _ => tables::channels(*index).unwrap_or(0),
            },
            UsacChannels::Positions(positions) => {
                u16::try_from(positions.len()).unwrap_or(u16::MAX)
            }
        }
    }

    pub(super) fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let index = r.bits8(5, "usacSamplingFrequencyIndex")?;
        let frequencies = &tables::SAMPLING_FREQUENCIES;
        let sampling_frequency = match index {
            31 => Some(r.bits(24, "usacSamplingFrequency")?),
            0..15 => frequencies.get(usize::from(index)).copied(),
            _ => MORE_FREQUENCIES.get(usize::from(index - 15)).copied(),
        };
        let Some(sampling_frequency @ 1..) = sampling_frequency else {
            return Err(invalid(r, "usacSamplingFrequencyIndex", index));
        };
        let core_sbr_frame_length_index = r.bits8(3, "coreSbrFrameLengthIndex")?;
        if core_sbr_frame_length_index > 4 {
            let index = core_sbr_frame_length_index;
            return Err(invalid(r, "coreSbrFrameLengthIndex", index));
        }
        let channels = match r.bits8(5, "channelConfigurationIndex")? {
            0 => UsacChannels::Positions(
                (0..NUM_OUT_CHANNELS.read(r, "numOutChannels")?)
                    .map(|_| Ok(r.bits8(5, "bsOutputChannelPos")?))
                    .collect::<Result<_, Error>>()?,
            ),
            index => UsacChannels::Configuration(index),
        };
        let mut config = Self {
            sampling_frequency,
            core_sbr_frame_length_index,
            channels,
            elements: Vec::new(),
            extensions: Vec::new(),
        };
        let sbr = config.sbr_ratio().is_some();
        for _ in 0..=NUM_ELEMENTS.read(r, "numElements")? {
            config.elements.push(UsacElement::decode(r, sbr)?);
        }
        if r.bit("usacConfigExtensionPresent")? {
            for _ in 0..=NUM_EXTENSIONS.read(r, "numConfigExtensions")? {
                let kind = EXT_ELEMENT.read(r, "usacConfigExtType")?;
                let len = EXT_ELEMENT.read(r, "usacConfigExtLength")?;
                let data = r.unaligned_bytes(len.into(), "usacConfigExt")?.into();
                config.extensions.push(UsacExtension { kind, data });
            }
        }
        Ok(config)
    }

    pub(super) fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        const FREQUENCY: &str = "usacSamplingFrequency";
        let hz = self.sampling_frequency;
        let more = MORE_FREQUENCIES.iter().position(|&rate| rate == hz);
        match (tables::sampling_frequency_index(hz), more) {
            (Some(index), _) => w.bits(5, FREQUENCY, index.into())?,
            (_, Some(index)) => w.bits64(5, FREQUENCY, index as u64 + 15)?,
            _ => w.bits(5, FREQUENCY, 31)?.bits(24, FREQUENCY, hz)?,
        };
        let index = self.core_sbr_frame_length_index;
        w.bits(3, "coreSbrFrameLengthIndex", index.into())?;
        match &self.channels {
            UsacChannels::Configuration(index) => {
                w.bits(5, "channelConfigurationIndex", (*index).into())?;
            }
            UsacChannels::Positions(positions) => {
                w.bits(5, "channelConfigurationIndex", 0)?;
                NUM_OUT_CHANNELS.write(w, "numOutChannels", positions.len() as u64)?;
                for &position in positions {
                    w.bits(5, "bsOutputChannelPos", position.into())?;
                }
            }
        }
        let Some(more) = (self.elements.len() as u64).checked_sub(1) else {
            return Err(contradiction(w, "numElements", 0));
        };
        NUM_ELEMENTS.write(w, "numElements", more)?;
        let sbr = self.sbr_ratio().is_some();
        for element in &self.elements {
            element.write(w, sbr)?;
        }
        w.bit(!self.extensions.is_empty());
        if let Some(more) = (self.extensions.len() as u64).checked_sub(1) {
            NUM_EXTENSIONS.write(w, "numConfigExtensions", more)?;
        }
        for extension in &self.extensions {
            EXT_ELEMENT.write(w, "usacConfigExtType", extension.kind.into())?;
            EXT_ELEMENT.write(w, "usacConfigExtLength", extension.data.len() as u64)?;
            w.bytes(&extension.data);
        }
        Ok(())
    }
}

fn contradiction(w: &BitWriter<'_>, field: &'static str, value: u64) -> Error {
    Error::Invalid {
        field,
        value,
        bit: w.position(),
    }
}

impl UsacElement {
    fn decode(r: &mut BitReader<'_>, has_sbr: bool) -> Result<Self, Error> {
        let sbr = |r: &mut BitReader<'_>| has_sbr.then(|| UsacSbr::decode(r)).transpose();
        Ok(match r.bits(2, "usacElementType")? {
            0 => Self::Single {
                core: UsacCore::decode(r)?,
                sbr: sbr(r)?,
            },
            1 => {
                let core = UsacCore::decode(r)?;
                let sbr = sbr(r)?;
                let stereo = match sbr {
                    Some(_) => r.bits8(2, "stereoConfigIndex")?,
                    None => 0,
                };
                let mps212 = match stereo {
                    0 => None,
                    _ => Some((stereo, Mps212::decode(r, stereo)?)),
                };
                Self::Pair { core, sbr, mps212 }
            }
            2 => Self::Lfe,
            _ => {
                let kind = EXT_ELEMENT.read(r, "usacExtElementType")?;
                let len = EXT_ELEMENT.read(r, "usacExtElementConfigLength")?;
                let default_length = r.option("usacExtElementDefaultLengthPresent", |r| {
                    Ok::<_, Error>(EXT_DEFAULT_LENGTH.read(r, "usacExtElementDefaultLength")? + 1)
                })?;
                Self::Extension {
                    kind,
                    default_length,
                    payload_frag: r.bit("usacExtElementPayloadFrag")?,
                    config: r
                        .unaligned_bytes(len.into(), "usacExtElementConfig")?
                        .into(),
                }
            }
        })
    }

    fn write(&self, w: &mut BitWriter<'_>, has_sbr: bool) -> Result<(), Error> {
        const TYPE: &str = "usacElementType";
        if let Self::Single { sbr, .. } | Self::Pair { sbr, .. } = self
            && sbr.is_some() != has_sbr
        {
            return Err(contradiction(w, "sbrRatioIndex", has_sbr.into()));
        }
        match self {
            Self::Single { core, sbr } => {
                w.bits(2, TYPE, 0)?;
                core.write(w);
                if let Some(sbr) = sbr {
                    sbr.write(w)?;
                }
            }
            Self::Pair { core, sbr, mps212 } => {
                w.bits(2, TYPE, 1)?;
                core.write(w);
                let stereo = mps212.map_or(0, |(stereo, _)| stereo);
                if let Some(sbr) = sbr {
                    sbr.write(w)?;
                    w.bits(2, "stereoConfigIndex", stereo.into())?;
                }
                if let Some((stereo, mps212)) = mps212 {
                    if sbr.is_none() || *stereo == 0 {
                        return Err(contradiction(w, "stereoConfigIndex", (*stereo).into()));
                    }
                    mps212.write(w, *stereo)?;
                }
            }
            Self::Lfe => drop(w.bits(2, TYPE, 2)?),
            Self::Extension {
                kind,
                config,
                default_length,
                payload_frag,
            } => {
                w.bits(2, TYPE, 3)?;
                EXT_ELEMENT.write(w, "usacExtElementType", (*kind).into())?;
                EXT_ELEMENT.write(w, "usacExtElementConfigLength", config.len() as u64)?;
                w.bit(default_length.is_some());
                if let Some(length) = default_length {
                    const WHAT: &str = "usacExtElementDefaultLength";
                    let Some(less) = length.checked_sub(1) else {
                        return Err(contradiction(w, WHAT, 0));
                    };
                    EXT_DEFAULT_LENGTH.write(w, WHAT, less.into())?;
                }
                w.bit(*payload_frag).bytes(config);
            }
        }
        Ok(())
    }
}

impl UsacCore {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(Self {
            tw_mdct: r.bit("tw_mdct")?,
            noise_filling: r.bit("noiseFilling")?,
        })
    }

    fn write(self, w: &mut BitWriter<'_>) {
        w.bit(self.tw_mdct).bit(self.noise_filling);
    }
}

impl UsacSbr {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let mut sbr = Self {
            harmonic_sbr: r.bit("harmonicSBR")?,
            inter_tes: r.bit("bs_interTes")?,
            pvc: r.bit("bs_pvc")?,
            start_freq: r.bits8(4, "dflt_start_freq")?,
            stop_freq: r.bits8(4, "dflt_stop_freq")?,
            bands: None,
            limiter: None,
        };
        (sbr.bands, sbr.limiter) = decode_extras(r)?;
        Ok(sbr)
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bit(self.harmonic_sbr)
            .bit(self.inter_tes)
            .bit(self.pvc)
            .bits(4, "dflt_start_freq", self.start_freq.into())?
            .bits(4, "dflt_stop_freq", self.stop_freq.into())?;
        write_extras(w, self.bands, self.limiter)
    }
}

impl Mps212 {
    fn decode(r: &mut BitReader<'_>, stereo: u8) -> Result<Self, Error> {
        let mut mps = Self {
            freq_res: r.bits8(3, "bsFreqRes")?,
            fixed_gain_dmx: r.bits8(3, "bsFixedGainDMX")?,
            temp_shape_config: r.bits8(2, "bsTempShapeConfig")?,
            decorr_config: r.bits8(2, "bsDecorrConfig")?,
            high_rate_mode: r.bit("bsHighRateMode")?,
            phase_coding: r.bit("bsPhaseCoding")?,
            ott_bands_phase: r
                .option("bsOttBandsPhasePresent", |r| r.bits8(5, "bsOttBandsPhase"))?,
            ..Self::default()
        };
        if stereo > 1 {
            let bands = r.bits8(5, "bsResidualBands")?;
            mps.residual = Some((bands, r.bit("bsPseudoLr")?));
        }
        if mps.temp_shape_config == 2 {
            mps.env_quant_mode = Some(r.bit("bsEnvQuantMode")?);
        }
        Ok(mps)
    }

    fn write(&self, w: &mut BitWriter<'_>, stereo: u8) -> Result<(), Error> {
        w.bits(3, "bsFreqRes", self.freq_res.into())?
            .bits(3, "bsFixedGainDMX", self.fixed_gain_dmx.into())?
            .bits(2, "bsTempShapeConfig", self.temp_shape_config.into())?
            .bits(2, "bsDecorrConfig", self.decorr_config.into())?
            .bit(self.high_rate_mode)
            .bit(self.phase_coding)
            .bit(self.ott_bands_phase.is_some());
        if let Some(bands) = self.ott_bands_phase {
            w.bits(5, "bsOttBandsPhase", bands.into())?;
        }
        if stereo > 1 {
            let (bands, pseudo_lr) = self.residual.unwrap_or_default();
            w.bits(5, "bsResidualBands", bands.into())?.bit(pseudo_lr);
        }
        if self.temp_shape_config == 2 {
            w.bit(self.env_quant_mode.unwrap_or_default());
        }
        Ok(())
    }
}
