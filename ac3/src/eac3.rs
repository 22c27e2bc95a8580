//! The bit stream information of E-AC-3 (ETSI TS 102 366 Annex E, ATSC A/52 Annex E).

use crate::ac3::has_center;
use crate::bits::{
    addbsi, contradiction, invalid, small_if, small_option, write_addbsi, write_small_if,
    write_small_option,
};
use crate::{Error, StreamType};
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, BitWriter};

/// `syncinfo()` and `bsi()` of E-AC-3 (ETSI TS 102 366 Tables E.1.1, E.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bsi {
    /// `strmtyp`.
    pub stream_type: StreamType,
    /// `substreamid`, 3 bits.
    pub substream_id: u8,
    /// `frmsiz`, 11 bits: 16-bit words of the frame, less 1.
    pub frmsiz: u16,
    /// `fscod`, 2 bits: 48, 44.1 or 32 kHz, or 3: half of what `numblkscod` says in its place (`fscod2`).
    pub fscod: u8,
    /// `numblkscod`, 2 bits: 1, 2, 3 or 6 blocks; `fscod2` where `fscod` is 3, and then there are 6.
    pub numblkscod: u8,
    /// `acmod`, 3 bits: the layout.
    pub acmod: u8,
    /// `lfeon`.
    pub lfeon: bool,
    /// `bsid`, 5 bits: 16, or 11 to 15 for later versions.
    pub bsid: u8,
    /// `dialnorm` (5 bits) and `compr` (8 bits) of the programme, or the first of two.
    pub loudness: (u8, Option<u8>),
    /// The same of the second programme, where `acmod` is 0.
    pub second_loudness: Option<(u8, Option<u8>)>,
    /// `chanmap`, 16 bits, of a dependent substream: bit 15 is the left channel, bit 0 low frequency effects.
    pub chanmap: Option<u16>,
    /// What `mixmdate` announces.
    pub mixing: Option<Mixing>,
    /// What `infomdate` announces.
    pub information: Option<Information>,
    /// `convsync`, in an independent substream of fewer than 6 blocks.
    pub convsync: Option<bool>,
    /// `blkid` and `frmsizecod` (6 bits), in a converted substream.
    pub converted: Option<Converted>,
    /// `addbsi`, 1 to 64 bytes. The first two tell of Dolby Atmos ([`joc_complexity`](Self::joc_complexity)).
    pub addbsi: Option<Bytes>,
}

/// What a converted substream has: the frame of AC-3 that it came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Converted {
    /// `blkid` 0: the frame of AC-3 does not begin here.
    Within,
    /// It begins here. Its `frmsizecod`, 6 bits.
    Start(u8),
}

/// Mixing metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mixing {
    /// `dmixmod`, 2 bits, where there are more than two channels.
    pub dmixmod: Option<u8>,
    /// `ltrtcmixlev` and `lorocmixlev`, 3 bits each, where there are three front channels.
    pub center: Option<(u8, u8)>,
    /// `ltrtsurmixlev` and `lorosurmixlev`, 3 bits each, where there are surround channels.
    pub surround: Option<(u8, u8)>,
    /// `lfemixlevcod`, 5 bits, only with low frequency effects.
    pub lfemixlevcod: Option<u8>,
    /// What only independent substreams have.
    pub programme: Option<ProgrammeMixing>,
}

/// Mixing metadata of an independent substream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgrammeMixing {
    /// `pgmscl`, 6 bits.
    pub pgmscl: Option<u8>,
    /// `pgmscl2`, 6 bits, only where `acmod` is 0.
    pub pgmscl2: Option<u8>,
    /// `extpgmscl`, 6 bits.
    pub extpgmscl: Option<u8>,
    /// `mixdef` and what it announces.
    pub mixdef: MixDef,
    /// `panmean` (8 bits) and `paninfo` (6 bits), only with one channel or two programmes.
    pub pan: Option<(u8, u8)>,
    /// The same of the second programme.
    pub pan2: Option<(u8, u8)>,
    /// `blkmixcfginfo` (5 bits) of each block, where `frmmixcfginfoe`: a block without has `None`.
    pub blocks: Option<Vec<Option<u8>>>,
}

/// `mixdef`, 2 bits, and what it announces.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MixDef {
    /// 0: nothing.
    #[default]
    None,
    /// 1: `premixcmpsel`, `drcsrc` and `premixcmpscl`, 5 bits together.
    Premix(u8),
    /// 2: `mixdata`, 12 bits.
    Short(u16),
    /// 3: `mixdata`, 2 to 33 bytes (`mixdeflen` is two less), not interpreted.
    Long(Bytes),
}

/// Informational metadata.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Information {
    /// `bsmod`, 3 bits: the service, such as main or commentary.
    pub bsmod: u8,
    /// `copyrightb`.
    pub copyright: bool,
    /// `origbs`.
    pub original: bool,
    /// `dsurmod` and `dheadphonmod`, 2 bits each, where there are two channels.
    pub stereo: Option<(u8, u8)>,
    /// `dsurexmod`, 2 bits, where there are two surround channels.
    pub dsurexmod: Option<u8>,
    /// `mixlevel` (5 bits), `roomtyp` (2 bits) and `adconvtyp`.
    pub production: Option<(u8, u8, bool)>,
    /// The same of the second programme.
    pub production2: Option<(u8, u8, bool)>,
    /// `sourcefscod`: the source had twice the rate. Absent at half rates.
    pub sourcefscod: Option<bool>,
}

fn loudness(r: &mut BitReader<'_>) -> Result<(u8, Option<u8>), Error> {
    Ok((r.bits8(5, "dialnorm")?, small_option(r, 8, "compr")?))
}

fn write_loudness(w: &mut BitWriter<'_>, (dialnorm, compr): (u8, Option<u8>)) -> Result<(), Error> {
    w.bits(5, "dialnorm", dialnorm.into())?;
    write_small_option(w, 8, "compr", compr)
}

fn pair(
    condition: bool,
    r: &mut BitReader<'_>,
    n: u32,
    first: &'static str,
    second: &'static str,
) -> Result<Option<(u8, u8)>, Error> {
    condition
        .then(|| Ok((r.bits8(n, first)?, r.bits8(n, second)?)))
        .transpose()
}

fn write_pair(
    condition: bool,
    w: &mut BitWriter<'_>,
    n: u32,
    what: &'static str,
    pair: Option<(u8, u8)>,
) -> Result<(), Error> {
    write_small_if(condition, w, n, what, pair.map(|pair| pair.0))?;
    write_small_if(condition, w, n, what, pair.map(|pair| pair.1))
}

/// A value that the standard has no place for.
fn refuse<T>(
    w: &BitWriter<'_>,
    allowed: bool,
    what: &'static str,
    value: Option<&T>,
) -> Result<(), Error> {
    match value {
        Some(_) if !allowed => Err(contradiction(w, what, 1)),
        _ => Ok(()),
    }
}

impl Bsi {
    /// Reads a frame's start, from its sync word on.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where there is no sync word, `strmtyp` is 3, or `bsid` is not
    /// of E-AC-3.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        Self::decode(&mut BitReader::new(data))
    }

    pub(crate) fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        if r.bits(16, "syncword")? != 0x0B77 {
            return Err(invalid(r, "syncword", 0));
        }
        let stream_type = match r.bits(2, "strmtyp")? {
            0 => StreamType::Independent,
            1 => StreamType::Dependent,
            2 => StreamType::Converted,
            _ => return Err(invalid(r, "strmtyp", 3)),
        };
        let mut bsi = Self {
            stream_type,
            substream_id: r.bits8(3, "substreamid")?,
            frmsiz: r.bits16(11, "frmsiz")?,
            fscod: r.bits8(2, "fscod")?,
            numblkscod: r.bits8(2, "numblkscod")?,
            acmod: r.bits8(3, "acmod")?,
            lfeon: r.bit("lfeon")?,
            bsid: r.bits8(5, "bsid")?,
            loudness: loudness(r)?,
            second_loudness: None,
            chanmap: None,
            mixing: None,
            information: None,
            convsync: None,
            converted: None,
            addbsi: None,
        };
        if !(11..=16).contains(&bsi.bsid) {
            return Err(invalid(r, "bsid", bsi.bsid));
        }
        if bsi.acmod == 0 {
            bsi.second_loudness = Some(loudness(r)?);
        }
        if stream_type == StreamType::Dependent {
            bsi.chanmap = r.option("chanmape", |r| r.bits16(16, "chanmap"))?;
        }
        bsi.mixing = r.option("mixmdate", |r| Mixing::decode(r, &bsi))?;
        bsi.information = r.option("infomdate", |r| Information::decode(r, &bsi))?;
        if bsi.has_convsync() {
            bsi.convsync = Some(r.bit("convsync")?);
        }
        if stream_type == StreamType::Converted {
            let starts = bsi.blocks() == 6 || r.bit("blkid")?;
            bsi.converted = Some(match starts {
                true => Converted::Start(r.bits8(6, "frmsizecod")?),
                false => Converted::Within,
            });
        }
        bsi.addbsi = addbsi(r)?;
        Ok(bsi)
    }

    /// Writes it from the sync word on; what follows need not begin at a byte.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field, [`Error::Invalid`] where one is there that this kind of
    /// substream or layout does not have, or is not there and has to be.
    pub fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        let stream_type = match self.stream_type {
            StreamType::Independent => 0,
            StreamType::Dependent => 1,
            StreamType::Converted => 2,
        };
        w.bits(16, "syncword", 0x0B77)?
            .bits(2, "strmtyp", stream_type)?
            .bits(3, "substreamid", self.substream_id.into())?
            .bits(11, "frmsiz", self.frmsiz.into())?
            .bits(2, "fscod", self.fscod.into())?
            .bits(2, "numblkscod", self.numblkscod.into())?
            .bits(3, "acmod", self.acmod.into())?
            .bit(self.lfeon)
            .bits(5, "bsid", self.bsid.into())?;
        if !(11..=16).contains(&self.bsid) {
            return Err(contradiction(w, "bsid", self.bsid));
        }
        write_loudness(w, self.loudness)?;
        match (self.acmod, self.second_loudness) {
            (0, Some(second)) => write_loudness(w, second)?,
            (1.., None) => {}
            _ => return Err(contradiction(w, "acmod", self.acmod)),
        }
        let dependent = self.stream_type == StreamType::Dependent;
        refuse(w, dependent, "chanmape", self.chanmap.as_ref())?;
        if dependent {
            w.bit(self.chanmap.is_some());
            if let Some(chanmap) = self.chanmap {
                w.bits(16, "chanmap", chanmap.into())?;
            }
        }
        w.bit(self.mixing.is_some());
        if let Some(mixing) = &self.mixing {
            mixing.write(w, self)?;
        }
        w.bit(self.information.is_some());
        if let Some(information) = &self.information {
            information.write(w, self)?;
        }
        let convsync = self.convsync.map(u8::from);
        write_small_if(self.has_convsync(), w, 1, "convsync", convsync)?;
        match (self.stream_type, self.converted) {
            (StreamType::Converted, Some(converted)) => {
                let starts = matches!(converted, Converted::Start(_));
                if self.blocks() != 6 {
                    w.bit(starts);
                } else if !starts {
                    return Err(contradiction(w, "blkid", 0));
                }
                if let Converted::Start(frmsizecod) = converted {
                    w.bits(6, "frmsizecod", frmsizecod.into())?;
                }
            }
            (StreamType::Independent | StreamType::Dependent, None) => {}
            _ => return Err(contradiction(w, "blkid", 0)),
        }
        write_addbsi(w, self.addbsi.as_ref())
    }

    /// Audio blocks of 256 samples: 1, 2, 3 or 6.
    #[must_use]
    pub const fn blocks(&self) -> u8 {
        match (self.fscod, self.numblkscod) {
            (0..3, 0) => 1,
            (0..3, 1) => 2,
            (0..3, 2) => 3,
            _ => 6,
        }
    }

    const fn has_convsync(&self) -> bool {
        matches!(self.stream_type, StreamType::Independent) && self.blocks() != 6
    }

    /// `complexity_index_type_a` where the stream has joint object coding, as Dolby Atmos has (`flag_ec3_extension_type_a`,
    /// ETSI TS 103 420 §8.3).
    #[must_use]
    pub fn joc_complexity(&self) -> Option<u8> {
        match self.addbsi.as_deref() {
            Some([flags, complexity, ..]) if flags & 1 != 0 => Some(*complexity),
            _ => None,
        }
    }
}

impl Mixing {
    fn decode(r: &mut BitReader<'_>, bsi: &Bsi) -> Result<Self, Error> {
        let acmod = bsi.acmod;
        Ok(Self {
            dmixmod: small_if(acmod > 2, r, 2, "dmixmod")?,
            center: pair(has_center(acmod), r, 3, "ltrtcmixlev", "lorocmixlev")?,
            surround: pair(acmod & 4 != 0, r, 3, "ltrtsurmixlev", "lorosurmixlev")?,
            lfemixlevcod: match bsi.lfeon {
                true => small_option(r, 5, "lfemixlevcod")?,
                false => None,
            },
            programme: match bsi.stream_type {
                StreamType::Independent => Some(ProgrammeMixing::decode(r, bsi)?),
                _ => None,
            },
        })
    }

    fn write(&self, w: &mut BitWriter<'_>, bsi: &Bsi) -> Result<(), Error> {
        let acmod = bsi.acmod;
        write_small_if(acmod > 2, w, 2, "dmixmod", self.dmixmod)?;
        write_pair(has_center(acmod), w, 3, "ltrtcmixlev", self.center)?;
        write_pair(acmod & 4 != 0, w, 3, "ltrtsurmixlev", self.surround)?;
        refuse(w, bsi.lfeon, "lfemixlevcode", self.lfemixlevcod.as_ref())?;
        if bsi.lfeon {
            write_small_option(w, 5, "lfemixlevcod", self.lfemixlevcod)?;
        }
        match (&self.programme, bsi.stream_type) {
            (Some(programme), StreamType::Independent) => programme.write(w, bsi),
            (None, StreamType::Dependent | StreamType::Converted) => Ok(()),
            _ => Err(contradiction(w, "pgmscle", 0)),
        }
    }
}

impl ProgrammeMixing {
    fn decode(r: &mut BitReader<'_>, bsi: &Bsi) -> Result<Self, Error> {
        let pan = |r: &mut BitReader<'_>| {
            r.option("paninfoe", |r| {
                Ok::<_, Error>((r.bits8(8, "panmean")?, r.bits8(6, "paninfo")?))
            })
        };
        let two = bsi.acmod == 0;
        Ok(Self {
            pgmscl: small_option(r, 6, "pgmscl")?,
            pgmscl2: match two {
                true => small_option(r, 6, "pgmscl2")?,
                false => None,
            },
            extpgmscl: small_option(r, 6, "extpgmscl")?,
            mixdef: MixDef::decode(r)?,
            pan: if bsi.acmod < 2 { pan(r)? } else { None },
            pan2: if two { pan(r)? } else { None },
            blocks: r.option("frmmixcfginfoe", |r| match bsi.blocks() {
                1 => Ok([Some(r.bits8(5, "blkmixcfginfo")?)].into()),
                more => (0..more)
                    .map(|_| small_option(r, 5, "blkmixcfginfo"))
                    .collect(),
            })?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>, bsi: &Bsi) -> Result<(), Error> {
        let two = bsi.acmod == 0;
        write_small_option(w, 6, "pgmscl", self.pgmscl)?;
        refuse(w, two, "pgmscl2e", self.pgmscl2.as_ref())?;
        if two {
            write_small_option(w, 6, "pgmscl2", self.pgmscl2)?;
        }
        write_small_option(w, 6, "extpgmscl", self.extpgmscl)?;
        self.mixdef.write(w)?;
        for (allowed, pan) in [(bsi.acmod < 2, self.pan), (two, self.pan2)] {
            refuse(w, allowed, "paninfoe", pan.as_ref())?;
            if allowed {
                w.bit(pan.is_some());
                if let Some((mean, info)) = pan {
                    w.bits(8, "panmean", mean.into())?
                        .bits(6, "paninfo", info.into())?;
                }
            }
        }
        w.bit(self.blocks.is_some());
        match (self.blocks.as_deref(), bsi.blocks()) {
            (None, _) => {}
            (Some([Some(block)]), 1) => drop(w.bits(5, "blkmixcfginfo", (*block).into())?),
            (Some(blocks), more @ 2..) if blocks.len() == usize::from(more) => {
                for &block in blocks {
                    write_small_option(w, 5, "blkmixcfginfo", block)?;
                }
            }
            _ => return Err(contradiction(w, "frmmixcfginfoe", 1)),
        }
        Ok(())
    }
}

impl MixDef {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(match r.bits(2, "mixdef")? {
            0 => Self::None,
            1 => Self::Premix(r.bits8(5, "premixcmpscl")?),
            2 => Self::Short(r.bits16(12, "mixdata")?),
            _ => {
                let len = r.bits(5, "mixdeflen")? + 2;
                Self::Long(r.unaligned_bytes(len.into(), "mixdata")?.into())
            }
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        match self {
            Self::None => drop(w.bits(2, "mixdef", 0)?),
            Self::Premix(premix) => {
                w.bits(2, "mixdef", 1)?
                    .bits(5, "premixcmpscl", (*premix).into())?;
            }
            Self::Short(data) => {
                w.bits(2, "mixdef", 2)?
                    .bits(12, "mixdata", (*data).into())?;
            }
            Self::Long(data) => {
                let Some(less) = (data.len() as u64).checked_sub(2) else {
                    return Err(contradiction(w, "mixdeflen", 0));
                };
                w.bits(2, "mixdef", 3)?
                    .bits64(5, "mixdeflen", less)?
                    .bytes(data);
            }
        }
        Ok(())
    }
}

impl Information {
    fn decode(r: &mut BitReader<'_>, bsi: &Bsi) -> Result<Self, Error> {
        let production = |r: &mut BitReader<'_>| {
            r.option("audprodie", |r| {
                let levels = (r.bits8(5, "mixlevel")?, r.bits8(2, "roomtyp")?);
                Ok::<_, Error>((levels.0, levels.1, r.bit("adconvtyp")?))
            })
        };
        Ok(Self {
            bsmod: r.bits8(3, "bsmod")?,
            copyright: r.bit("copyrightb")?,
            original: r.bit("origbs")?,
            stereo: pair(bsi.acmod == 2, r, 2, "dsurmod", "dheadphonmod")?,
            dsurexmod: small_if(bsi.acmod >= 6, r, 2, "dsurexmod")?,
            production: production(r)?,
            production2: if bsi.acmod == 0 { production(r)? } else { None },
            sourcefscod: (bsi.fscod < 3).then(|| r.bit("sourcefscod")).transpose()?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>, bsi: &Bsi) -> Result<(), Error> {
        w.bits(3, "bsmod", self.bsmod.into())?
            .bit(self.copyright)
            .bit(self.original);
        write_pair(bsi.acmod == 2, w, 2, "dsurmod", self.stereo)?;
        write_small_if(bsi.acmod >= 6, w, 2, "dsurexmod", self.dsurexmod)?;
        for (allowed, production) in [(true, self.production), (bsi.acmod == 0, self.production2)] {
            refuse(w, allowed, "audprodi2e", production.as_ref())?;
            if allowed {
                w.bit(production.is_some());
                if let Some((mixlevel, roomtyp, adconvtyp)) = production {
                    w.bits(5, "mixlevel", mixlevel.into())?
                        .bits(2, "roomtyp", roomtyp.into())?
                        .bit(adconvtyp);
                }
            }
        }
        let sourcefscod = self.sourcefscod.map(u8::from);
        write_small_if(bsi.fscod < 3, w, 1, "sourcefscod", sourcefscod)
    }
}
