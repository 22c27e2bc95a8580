use crate::bits::contradiction;
use crate::header::{BIT_RATES, speakers};
use crate::{Bsi, Error, Frame, StreamType, ac3, eac3};
use alloc::vec::Vec;
use wire::{BitReader, BitWriter};

/// The content of an `AC3SpecificBox` (`dac3`), 3 bytes (ETSI TS 102 366 §F.4).
///
/// ```text
/// 2 fscod, 5 bsid, 3 bsmod, 3 acmod, 1 lfeon, 5 bit_rate_code, 5 reserved
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dac3 {
    /// `fscod`, 2 bits: 48, 44.1 or 32 kHz.
    pub fscod: u8,
    /// `bsid`, 5 bits.
    pub bsid: u8,
    /// `bsmod`, 3 bits.
    pub bsmod: u8,
    /// `acmod`, 3 bits.
    pub acmod: u8,
    /// `lfeon`.
    pub lfeon: bool,
    /// `bit_rate_code`, 5 bits: `frmsizecod` without its last bit.
    pub bit_rate_code: u8,
}

/// The content of an `EC3SpecificBox` (`dec3`) (ETSI TS 102 366 §F.6, ETSI TS 103 420 §C.2).
///
/// ```text
/// 13 data_rate, 3 num_ind_sub less 1
/// for each: 2 fscod, 5 bsid, 1 reserved, 1 asvc, 3 bsmod, 3 acmod, 1 lfeon, 3 reserved,
///           4 num_dep_sub, then 9 chan_loc if there are any, else 1 reserved
/// 7 reserved, 1 flag_ec3_extension_type_a, 8 complexity_index_type_a (optional)
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dec3 {
    /// `data_rate` in kbit/s, 13 bits.
    pub data_rate: u16,
    /// The independent substreams, 1 to 8.
    pub substreams: Vec<IndependentSubstream>,
    /// `complexity_index_type_a`, of a stream with joint object coding (Dolby Atmos).
    pub joc_complexity: Option<u8>,
}

/// An independent substream in a [`Dec3`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndependentSubstream {
    /// `fscod`, 2 bits.
    pub fscod: u8,
    /// `bsid`, 5 bits.
    pub bsid: u8,
    /// `asvc`: an associated service, to be mixed with a main one.
    pub asvc: bool,
    /// `bsmod`, 3 bits.
    pub bsmod: u8,
    /// `acmod`, 3 bits.
    pub acmod: u8,
    /// `lfeon`.
    pub lfeon: bool,
    /// `num_dep_sub`, 4 bits: dependent substreams.
    pub num_dep_sub: u8,
    /// `chan_loc`, 9 bits, where there are dependent substreams: the channels that they add, from Lc/Rc (bit 0) and Lrs/Rrs
    /// (bit 1) to LFE2 (bit 8).
    pub chan_loc: u16,
}

const fn sampling_frequency(fscod: u8) -> u32 {
    match fscod {
        0 => 48_000,
        1 => 44_100,
        2 => 32_000,
        _ => 0,
    }
}

impl Dac3 {
    /// The configuration of the streams that a frame belongs to.
    #[must_use]
    pub const fn new(bsi: &ac3::Bsi) -> Self {
        Self {
            fscod: bsi.fscod,
            bsid: bsi.bsid,
            bsmod: bsi.bsmod,
            acmod: bsi.acmod,
            lfeon: bsi.lfeon,
            bit_rate_code: bsi.frmsizecod >> 1,
        }
    }

    /// Reads the box's content.
    ///
    /// # Errors
    /// [`Error::Short`] where it has fewer than 3 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::new(data);
        let r = &mut r;
        let config = Self {
            fscod: r.bits8(2, "fscod")?,
            bsid: r.bits8(5, "bsid")?,
            bsmod: r.bits8(3, "bsmod")?,
            acmod: r.bits8(3, "acmod")?,
            lfeon: r.bit("lfeon")?,
            bit_rate_code: r.bits8(5, "bit_rate_code")?,
        };
        r.skip(5, "reserved")?;
        Ok(config)
    }

    /// Appends the box's content.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut w = BitWriter::new(out);
        w.bits(2, "fscod", self.fscod.into())?
            .bits(5, "bsid", self.bsid.into())?
            .bits(3, "bsmod", self.bsmod.into())?
            .bits(3, "acmod", self.acmod.into())?
            .bit(self.lfeon)
            .bits(5, "bit_rate_code", self.bit_rate_code.into())?
            .align_zero();
        Ok(())
    }

    /// Samples per second; 0 where `fscod` is reserved.
    #[must_use]
    pub const fn sampling_frequency(&self) -> u32 {
        sampling_frequency(self.fscod)
    }

    /// Channels, low frequency effects included.
    #[must_use]
    pub const fn channels(&self) -> u8 {
        speakers(self.acmod) + self.lfeon as u8
    }

    /// Bits per second; 0 where the code is reserved.
    #[must_use]
    pub fn bit_rate(&self) -> u32 {
        let kbps = BIT_RATES.get(usize::from(self.bit_rate_code));
        1000 * u32::from(kbps.copied().unwrap_or_default())
    }
}

/// `chan_loc` out of `chanmap`: the same order, the other way round, without the channels of the core.
const fn chan_loc(chanmap: u16) -> u16 {
    // Bits 10 to 3 of chanmap are Lc/Rc to Cvh; bit 1 is LFE2.
    let pairs = (chanmap >> 3 & 0xFF) as u8;
    pairs.reverse_bits() as u16 | (chanmap >> 1 & 1) << 8
}

impl Dec3 {
    /// The configuration of the stream that an access unit belongs to. `data_rate` is that of this access unit.
    ///
    /// # Errors
    /// As [`Frame::bsi`], and [`Error::Invalid`] where there is no frame, the first one does not begin an access unit, or one
    /// is of AC-3.
    pub fn new<'a>(frames: impl IntoIterator<Item = Frame<'a>>) -> Result<Self, Error> {
        let invalid = |field, value| Error::Invalid {
            field,
            value,
            bit: 0,
        };
        let mut substreams: Vec<IndependentSubstream> = Vec::new();
        let mut joc_complexity = None;
        let mut bits_per_second = 0;
        for frame in frames {
            let header = frame.header();
            if substreams.is_empty() && !header.begins_access_unit() {
                return Err(invalid("substreamid", header.substream_id().into()));
            }
            let Bsi::Eac3(bsi) = frame.bsi()? else {
                return Err(invalid("bsid", header.bsid().into()));
            };
            bits_per_second += u64::from(header.bit_rate());
            joc_complexity = joc_complexity.or(bsi.joc_complexity());
            match (bsi.stream_type, substreams.last_mut()) {
                (StreamType::Dependent, Some(parent)) => {
                    parent.num_dep_sub = parent.num_dep_sub.saturating_add(1);
                    parent.chan_loc |= chan_loc(bsi.chanmap.unwrap_or_default());
                }
                _ => substreams.push(IndependentSubstream::new(&bsi)),
            }
        }
        if substreams.is_empty() {
            return Err(invalid("num_ind_sub", 0));
        }
        Ok(Self {
            data_rate: u16::try_from(bits_per_second / 1000).unwrap_or(u16::MAX),
            substreams,
            joc_complexity,
        })
    }

    /// Reads the box's content.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let mut r = BitReader::new(data);
        let r = &mut r;
        let data_rate = r.bits16(13, "data_rate")?;
        let count = r.bits(3, "num_ind_sub")? + 1;
        let substreams = (0..count)
            .map(|_| IndependentSubstream::decode(r))
            .collect::<Result<_, _>>()?;
        let mut joc_complexity = None;
        if r.left() >= 16 {
            r.skip(7, "reserved")?;
            if r.bit("flag_ec3_extension_type_a")? {
                joc_complexity = Some(r.bits8(8, "complexity_index_type_a")?);
            }
        }
        Ok(Self {
            data_rate,
            substreams,
            joc_complexity,
        })
    }

    /// Appends the box's content.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field, [`Error::Invalid`] where there is no substream.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut w = BitWriter::new(out);
        w.bits(13, "data_rate", self.data_rate.into())?;
        let Some(less) = (self.substreams.len() as u64).checked_sub(1) else {
            return Err(contradiction(&w, "num_ind_sub", 0));
        };
        w.bits64(3, "num_ind_sub", less)?;
        for substream in &self.substreams {
            substream.write(&mut w)?;
        }
        if let Some(complexity) = self.joc_complexity {
            w.bits(8, "flag_ec3_extension_type_a", 1)?.bits(
                8,
                "complexity_index_type_a",
                complexity.into(),
            )?;
        }
        w.align_zero();
        Ok(())
    }

    /// Samples per second of the first programme; 0 where `fscod` is reserved, as it is for half the usual rates: the frames
    /// tell them.
    #[must_use]
    pub fn sampling_frequency(&self) -> u32 {
        let first = self.substreams.first();
        first.map_or(0, |substream| sampling_frequency(substream.fscod))
    }

    /// Channels of the first programme, those of its dependent substreams included.
    #[must_use]
    pub fn channels(&self) -> u8 {
        self.substreams
            .first()
            .map_or(0, IndependentSubstream::channels)
    }
}

impl IndependentSubstream {
    fn new(bsi: &eac3::Bsi) -> Self {
        let bsmod = bsi.information.as_ref().map_or(0, |info| info.bsmod);
        Self {
            fscod: bsi.fscod,
            bsid: bsi.bsid,
            asvc: false,
            bsmod,
            acmod: bsi.acmod,
            lfeon: bsi.lfeon,
            num_dep_sub: 0,
            chan_loc: 0,
        }
    }

    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        let mut substream = Self {
            fscod: r.bits8(2, "fscod")?,
            bsid: r.bits8(5, "bsid")?,
            asvc: {
                r.skip(1, "reserved")?;
                r.bit("asvc")?
            },
            bsmod: r.bits8(3, "bsmod")?,
            acmod: r.bits8(3, "acmod")?,
            lfeon: r.bit("lfeon")?,
            num_dep_sub: {
                r.skip(3, "reserved")?;
                r.bits8(4, "num_dep_sub")?
            },
            chan_loc: 0,
        };
        match substream.num_dep_sub {
            0 => r.skip(1, "reserved")?,
            _ => substream.chan_loc = r.bits16(9, "chan_loc")?,
        }
        Ok(substream)
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bits(2, "fscod", self.fscod.into())?
            .bits(5, "bsid", self.bsid.into())?
            .bits(1, "reserved", 0)?
            .bit(self.asvc)
            .bits(3, "bsmod", self.bsmod.into())?
            .bits(3, "acmod", self.acmod.into())?
            .bit(self.lfeon)
            .bits(3, "reserved", 0)?
            .bits(4, "num_dep_sub", self.num_dep_sub.into())?;
        match self.num_dep_sub {
            0 => drop(w.bits(1, "reserved", 0)?),
            _ => drop(w.bits(9, "chan_loc", self.chan_loc.into())?),
        }
        Ok(())
    }

    /// Channels, those of dependent substreams included.
    #[must_use]
    pub fn channels(&self) -> u8 {
        /// Lc/Rc, Lrs/Rrs, Lsd/Rsd, Lw/Rw, Lvh/Rvh.
        const PAIRS: u16 = 0b0_0111_0011;
        let added = self.chan_loc.count_ones() + (self.chan_loc & PAIRS).count_ones();
        let core = speakers(self.acmod) + u8::from(self.lfeon);
        core + u8::try_from(added).unwrap_or(0)
    }
}
