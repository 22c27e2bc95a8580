use super::bits::Escaped;
use super::{ErrorResilience, SbrHeader};
use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter};

/// `ELDSpecificConfig()`: the configuration of AAC Enhanced Low Delay (ISO/IEC 14496-3 §4.6.20, Table 4.180).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EldSpecificConfig {
    /// `frameLengthFlag`: 480 samples per frame in place of 512.
    pub frame_length_flag: bool,
    /// The resilience flags.
    pub error_resilience: ErrorResilience,
    /// Low delay SBR, where `ldSbrPresentFlag`.
    pub ld_sbr: Option<LdSbr>,
    /// The extensions, up to `ELDEXT_TERM`.
    pub extensions: Vec<EldExtension>,
}

/// Low delay spectral band replication (ISO/IEC 14496-3 Tables 4.180, 4.181).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LdSbr {
    /// `ldSbrSamplingRate`: the output has twice the core's rate.
    pub dual_rate: bool,
    /// `ldSbrCrcFlag`.
    pub crc: bool,
    /// One header for each channel element that is no low frequency one.
    pub headers: Vec<SbrHeader>,
}

/// An extension of `ELDSpecificConfig()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EldExtension {
    /// `eldExtType`, 4 bits: 1 is low delay MPEG Surround; 0 would end the list.
    pub kind: u8,
    /// Its bytes, at most 65 805.
    pub data: Bytes,
}

const EXT_TERM: u8 = 0;
const EXT_LEN: Escaped = Escaped(4, 8, 16);

/// Channel elements with SBR in a `channelConfiguration` (`numSbrHeader`).
const fn sbr_headers(channel_configuration: u8) -> usize {
    match channel_configuration {
        1 | 2 => 1,
        3 => 2,
        4..=6 => 3,
        7 | 11 | 12 | 14 => 4,
        _ => 0,
    }
}

impl EldSpecificConfig {
    pub(super) fn decode(r: &mut BitReader<'_>, channel_configuration: u8) -> Result<Self, Error> {
        let frame_length_flag = r.bit("frameLengthFlag")?;
        let error_resilience = ErrorResilience::decode(r)?;
        let mut ld_sbr = None;
        if r.bit("ldSbrPresentFlag")? {
            ld_sbr = Some(LdSbr {
                dual_rate: r.bit("ldSbrSamplingRate")?,
                crc: r.bit("ldSbrCrcFlag")?,
                headers: (0..sbr_headers(channel_configuration))
                    .map(|_| SbrHeader::decode(r))
                    .collect::<Result<_, _>>()?,
            });
        }
        let mut extensions = Vec::new();
        loop {
            let kind = r.bits8(4, "eldExtType")?;
            if kind == EXT_TERM {
                break;
            }
            let len = EXT_LEN.read(r, "eldExtLen")?;
            let data = r.unaligned_bytes(len.into(), "eldExt")?.into();
            extensions.push(EldExtension { kind, data });
        }
        Ok(Self {
            frame_length_flag,
            error_resilience,
            ld_sbr,
            extensions,
        })
    }

    pub(super) fn write(
        &self,
        w: &mut BitWriter<'_>,
        channel_configuration: u8,
    ) -> Result<(), Error> {
        w.bit(self.frame_length_flag);
        self.error_resilience.write(w);
        w.bit(self.ld_sbr.is_some());
        if let Some(sbr) = &self.ld_sbr {
            w.bit(sbr.dual_rate).bit(sbr.crc);
            if sbr.headers.len() != sbr_headers(channel_configuration) {
                return Err(Error::Invalid {
                    field: "numSbrHeader",
                    value: sbr.headers.len() as u64,
                    bit: w.position(),
                });
            }
            for header in &sbr.headers {
                header.write(w)?;
            }
        }
        for extension in &self.extensions {
            if extension.kind == EXT_TERM {
                return Err(Error::Invalid {
                    field: "eldExtType",
                    value: EXT_TERM.into(),
                    bit: w.position(),
                });
            }
            w.bits(4, "eldExtType", extension.kind.into())?;
            EXT_LEN.write(w, "eldExtLen", extension.data.len() as u64)?;
            w.bytes(&extension.data);
        }
        w.bits(4, "eldExtType", EXT_TERM.into())?;
        Ok(())
    }
}
