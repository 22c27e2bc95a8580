//! What transport streams say of AC-3 and E-AC-3: the contents of descriptors, after tag and length.

use crate::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter};

/// `AC-3_descriptor` of DVB, tag 0x6A (ETSI EN 300 468 §D.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ac3 {
    /// `component_type`, 8 bits.
    pub component_type: Option<u8>,
    /// `bsid`, 8 bits, the upper 3 zero.
    pub bsid: Option<u8>,
    /// `mainid`, 8 bits.
    pub mainid: Option<u8>,
    /// `asvc`, 8 bits: the main services that this associated one goes with.
    pub asvc: Option<u8>,
    /// `additional_info_byte`.
    pub additional_info: Bytes,
}

/// `enhanced_ac-3_descriptor` of DVB, tag 0x7A (ETSI EN 300 468 §D.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EnhancedAc3 {
    /// `component_type`, 8 bits.
    pub component_type: Option<u8>,
    /// `bsid`, 8 bits, the upper 3 zero.
    pub bsid: Option<u8>,
    /// `mainid`, 8 bits.
    pub mainid: Option<u8>,
    /// `asvc`, 8 bits.
    pub asvc: Option<u8>,
    /// `mixinfoexists`: the stream has mixing metadata.
    pub mixinfoexists: bool,
    /// `substream1` to `substream3`, 8 bits each: the layouts of further independent substreams.
    pub substreams: [Option<u8>; 3],
    /// `additional_info_byte`.
    pub additional_info: Bytes,
}

/// `AC-3_audio_stream_descriptor` of ATSC, tag 0x81 (ATSC A/52 Annex A §4.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtscAc3 {
    /// `sample_rate_code`, 3 bits.
    pub sample_rate_code: u8,
    /// `bsid`, 5 bits.
    pub bsid: u8,
    /// `bit_rate_code`, 6 bits: bit 5 says that it is an upper limit.
    pub bit_rate_code: u8,
    /// `surround_mode`, 2 bits.
    pub surround_mode: u8,
    /// `bsmod`, 3 bits.
    pub bsmod: u8,
    /// `num_channels`, 4 bits: `acmod`, or with bit 3 a count.
    pub num_channels: u8,
    /// `full_svc`: it can be presented alone.
    pub full_svc: bool,
    /// All that follows, which older streams cut anywhere: languages, ids, text.
    pub rest: Bytes,
}

fn rest(r: &mut BitReader<'_>) -> Result<Bytes, Error> {
    let len = usize::try_from(r.left() / 8).unwrap_or(0);
    Ok(Bytes::copy_from_slice(
        r.bytes(len, "additional_info_byte")?,
    ))
}

fn byte_if(flag: bool, r: &mut BitReader<'_>, what: &'static str) -> Result<Option<u8>, Error> {
    Ok(flag.then(|| r.bits8(8, what)).transpose()?)
}

impl Ac3 {
    /// Reads a descriptor's content.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::new(data);
        let r = &mut r;
        let flags = r.bits(4, "flags")?;
        r.skip(4, "reserved")?;
        Ok(Self {
            component_type: byte_if(flags & 8 != 0, r, "component_type")?,
            bsid: byte_if(flags & 4 != 0, r, "bsid")?,
            mainid: byte_if(flags & 2 != 0, r, "mainid")?,
            asvc: byte_if(flags & 1 != 0, r, "asvc")?,
            additional_info: rest(r)?,
        })
    }

    /// Appends the descriptor's content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = [self.component_type, self.bsid, self.mainid, self.asvc];
        let mut w = BitWriter::new(out);
        for field in fields {
            w.bit(field.is_some());
        }
        w.align_zero();
        for field in fields.into_iter().flatten() {
            w.bytes(&[field]);
        }
        w.bytes(&self.additional_info);
    }
}

impl EnhancedAc3 {
    /// Reads a descriptor's content.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::new(data);
        let r = &mut r;
        let flags = r.bits(8, "flags")?;
        Ok(Self {
            component_type: byte_if(flags & 0x80 != 0, r, "component_type")?,
            bsid: byte_if(flags & 0x40 != 0, r, "bsid")?,
            mainid: byte_if(flags & 0x20 != 0, r, "mainid")?,
            asvc: byte_if(flags & 0x10 != 0, r, "asvc")?,
            mixinfoexists: flags & 8 != 0,
            substreams: [
                byte_if(flags & 4 != 0, r, "substream1")?,
                byte_if(flags & 2 != 0, r, "substream2")?,
                byte_if(flags & 1 != 0, r, "substream3")?,
            ],
            additional_info: rest(r)?,
        })
    }

    /// Appends the descriptor's content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fields = [self.component_type, self.bsid, self.mainid, self.asvc];
        let mut w = BitWriter::new(out);
        for field in fields {
            w.bit(field.is_some());
        }
        w.bit(self.mixinfoexists);
        for field in self.substreams {
            w.bit(field.is_some());
        }
        for field in fields.into_iter().chain(self.substreams).flatten() {
            w.bytes(&[field]);
        }
        w.bytes(&self.additional_info);
    }
}

impl AtscAc3 {
    /// Reads a descriptor's content.
    ///
    /// # Errors
    /// [`Error::Short`] where it has fewer than 3 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::new(data);
        let r = &mut r;
        Ok(Self {
            sample_rate_code: r.bits8(3, "sample_rate_code")?,
            bsid: r.bits8(5, "bsid")?,
            bit_rate_code: r.bits8(6, "bit_rate_code")?,
            surround_mode: r.bits8(2, "surround_mode")?,
            bsmod: r.bits8(3, "bsmod")?,
            num_channels: r.bits8(4, "num_channels")?,
            full_svc: r.bit("full_svc")?,
            rest: rest(r)?,
        })
    }

    /// Appends the descriptor's content.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        BitWriter::new(out)
            .bits(3, "sample_rate_code", self.sample_rate_code.into())?
            .bits(5, "bsid", self.bsid.into())?
            .bits(6, "bit_rate_code", self.bit_rate_code.into())?
            .bits(2, "surround_mode", self.surround_mode.into())?
            .bits(3, "bsmod", self.bsmod.into())?
            .bits(4, "num_channels", self.num_channels.into())?
            .bit(self.full_svc)
            .bytes(&self.rest);
        Ok(())
    }
}
