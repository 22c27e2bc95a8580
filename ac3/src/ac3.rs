//! The bit stream information of AC-3 (ATSC A/52 §5.4.2, Annex D).

use crate::Error;
use crate::bits::{
    addbsi, contradiction, invalid, small_if, small_option, write_addbsi, write_small_if,
    write_small_option,
};
use bytes::Bytes;
use wire::{BitReader, BitWriter};

/// `syncinfo()` and `bsi()` of AC-3 (ATSC A/52 Tables 5.1, 5.2, D2.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bsi {
    /// `fscod`, 2 bits: 48, 44.1 or 32 kHz.
    pub fscod: u8,
    /// `frmsizecod`, 6 bits: the bit rate, and the longer frame of two at 44.1 kHz.
    pub frmsizecod: u8,
    /// `bsid`, 5 bits, at most 10: 8, or 6 for the alternate syntax.
    pub bsid: u8,
    /// `bsmod`, 3 bits: the service, such as main or commentary.
    pub bsmod: u8,
    /// `acmod`, 3 bits: the layout.
    pub acmod: u8,
    /// `cmixlev`, 2 bits, where there are three front channels.
    pub cmixlev: Option<u8>,
    /// `surmixlev`, 2 bits, where there are surround channels.
    pub surmixlev: Option<u8>,
    /// `dsurmod`, 2 bits, where there are two channels: whether they are Dolby Surround.
    pub dsurmod: Option<u8>,
    /// `lfeon`.
    pub lfeon: bool,
    /// The programme, or the first of two.
    pub programme: Programme,
    /// The second programme, where `acmod` is 0.
    pub second_programme: Option<Programme>,
    /// `copyrightb`.
    pub copyright: bool,
    /// `origbs`.
    pub original: bool,
    /// Time codes, or what the alternate syntax has in their place.
    pub extension: Extension,
    /// `addbsi`, 1 to 64 bytes.
    pub addbsi: Option<Bytes>,
}

/// What is told of each programme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Programme {
    /// `dialnorm`, 5 bits: dialogue is so many dB below full scale; 0 is reserved and stands for 31.
    pub dialnorm: u8,
    /// `compr`, 8 bits.
    pub compr: Option<u8>,
    /// `langcod`, 8 bits.
    pub langcod: Option<u8>,
    /// `mixlevel` (5 bits) and `roomtyp` (2 bits).
    pub production: Option<(u8, u8)>,
}

/// What stands before `addbsi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// `timecod1` and `timecod2`, 14 bits each.
    TimeCodes(Option<u16>, Option<u16>),
    /// The alternate syntax (`bsid` 6, Annex D): `xbsi1` and `xbsi2`.
    Alternate(Option<Downmix>, Option<Alternate>),
}

/// `xbsi1`: how to mix down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Downmix {
    /// `dmixmod`, 2 bits: which one is preferred.
    pub dmixmod: u8,
    /// `ltrtcmixlev`, 3 bits.
    pub ltrtcmixlev: u8,
    /// `ltrtsurmixlev`, 3 bits.
    pub ltrtsurmixlev: u8,
    /// `lorocmixlev`, 3 bits.
    pub lorocmixlev: u8,
    /// `lorosurmixlev`, 3 bits.
    pub lorosurmixlev: u8,
}

/// `xbsi2`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Alternate {
    /// `dsurexmod`, 2 bits: Dolby Surround EX.
    pub dsurexmod: u8,
    /// `dheadphonmod`, 2 bits: Dolby Headphone.
    pub dheadphonmod: u8,
    /// `adconvtyp`: the converter was of the HDCD type.
    pub adconvtyp: bool,
    /// `xbsi2`, 8 bits, reserved.
    pub xbsi2: u8,
    /// `encinfo`, reserved.
    pub encinfo: bool,
}

/// The version whose time codes are replaced.
const ALTERNATE: u8 = 6;

pub(crate) const fn has_center(acmod: u8) -> bool {
    acmod & 1 != 0 && acmod != 1
}

impl Programme {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(Self {
            dialnorm: r.bits8(5, "dialnorm")?,
            compr: small_option(r, 8, "compr")?,
            langcod: small_option(r, 8, "langcod")?,
            production: r.option("audprodie", |r| {
                Ok::<_, Error>((r.bits8(5, "mixlevel")?, r.bits8(2, "roomtyp")?))
            })?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bits(5, "dialnorm", self.dialnorm.into())?;
        write_small_option(w, 8, "compr", self.compr)?;
        write_small_option(w, 8, "langcod", self.langcod)?;
        w.bit(self.production.is_some());
        if let Some((mixlevel, roomtyp)) = self.production {
            w.bits(5, "mixlevel", mixlevel.into())?
                .bits(2, "roomtyp", roomtyp.into())?;
        }
        Ok(())
    }
}

impl Bsi {
    /// Reads a frame's start, from its sync word on.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where there is no sync word or `bsid` is past 10.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        Self::decode(&mut BitReader::new(data))
    }

    pub(crate) fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        if r.bits(16, "syncword")? != 0x0B77 {
            return Err(invalid(r, "syncword", 0));
        }
        r.skip(16, "crc1")?;
        let fscod = r.bits8(2, "fscod")?;
        let frmsizecod = r.bits8(6, "frmsizecod")?;
        let bsid = r.bits8(5, "bsid")?;
        if bsid > 10 {
            return Err(invalid(r, "bsid", bsid));
        }
        let bsmod = r.bits8(3, "bsmod")?;
        let acmod = r.bits8(3, "acmod")?;
        Ok(Self {
            fscod,
            frmsizecod,
            bsid,
            bsmod,
            acmod,
            cmixlev: small_if(has_center(acmod), r, 2, "cmixlev")?,
            surmixlev: small_if(acmod & 4 != 0, r, 2, "surmixlev")?,
            dsurmod: small_if(acmod == 2, r, 2, "dsurmod")?,
            lfeon: r.bit("lfeon")?,
            programme: Programme::decode(r)?,
            second_programme: match acmod {
                0 => Some(Programme::decode(r)?),
                _ => None,
            },
            copyright: r.bit("copyrightb")?,
            original: r.bit("origbs")?,
            extension: match bsid {
                ALTERNATE => Extension::Alternate(
                    r.option("xbsi1e", Downmix::decode)?,
                    r.option("xbsi2e", Alternate::decode)?,
                ),
                _ => Extension::TimeCodes(
                    r.option("timecod1e", |r| r.bits16(14, "timecod1"))?,
                    r.option("timecod2e", |r| r.bits16(14, "timecod2"))?,
                ),
            },
            addbsi: addbsi(r)?,
        })
    }

    /// Writes it from the sync word on, the check as 0; what follows need not begin at a byte.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field, [`Error::Invalid`] where one is there that this layout or
    /// version does not have, or is not there and has to be.
    pub fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bits(16, "syncword", 0x0B77)?
            .bits(16, "crc1", 0)?
            .bits(2, "fscod", self.fscod.into())?
            .bits(6, "frmsizecod", self.frmsizecod.into())?
            .bits(5, "bsid", self.bsid.into())?
            .bits(3, "bsmod", self.bsmod.into())?
            .bits(3, "acmod", self.acmod.into())?;
        if self.bsid > 10 {
            return Err(contradiction(w, "bsid", self.bsid));
        }
        let acmod = self.acmod;
        write_small_if(has_center(acmod), w, 2, "cmixlev", self.cmixlev)?;
        write_small_if(acmod & 4 != 0, w, 2, "surmixlev", self.surmixlev)?;
        write_small_if(acmod == 2, w, 2, "dsurmod", self.dsurmod)?;
        w.bit(self.lfeon);
        self.programme.write(w)?;
        match (acmod, &self.second_programme) {
            (0, Some(second)) => second.write(w)?,
            (1.., None) => {}
            _ => return Err(contradiction(w, "acmod", acmod)),
        }
        w.bit(self.copyright).bit(self.original);
        match (self.bsid, &self.extension) {
            (ALTERNATE, Extension::Alternate(downmix, alternate)) => {
                w.bit(downmix.is_some());
                if let Some(downmix) = downmix {
                    downmix.write(w)?;
                }
                w.bit(alternate.is_some());
                if let Some(alternate) = alternate {
                    alternate.write(w)?;
                }
            }
            (0..ALTERNATE | 7.., Extension::TimeCodes(first, second)) => {
                for time in [first, second] {
                    w.bit(time.is_some());
                    if let Some(time) = time {
                        w.bits(14, "timecod", (*time).into())?;
                    }
                }
            }
            (bsid, _) => return Err(contradiction(w, "bsid", bsid)),
        }
        write_addbsi(w, self.addbsi.as_ref())
    }
}

impl Downmix {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(Self {
            dmixmod: r.bits8(2, "dmixmod")?,
            ltrtcmixlev: r.bits8(3, "ltrtcmixlev")?,
            ltrtsurmixlev: r.bits8(3, "ltrtsurmixlev")?,
            lorocmixlev: r.bits8(3, "lorocmixlev")?,
            lorosurmixlev: r.bits8(3, "lorosurmixlev")?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bits(2, "dmixmod", self.dmixmod.into())?
            .bits(3, "ltrtcmixlev", self.ltrtcmixlev.into())?
            .bits(3, "ltrtsurmixlev", self.ltrtsurmixlev.into())?
            .bits(3, "lorocmixlev", self.lorocmixlev.into())?
            .bits(3, "lorosurmixlev", self.lorosurmixlev.into())?;
        Ok(())
    }
}

impl Alternate {
    fn decode(r: &mut BitReader<'_>) -> Result<Self, Error> {
        Ok(Self {
            dsurexmod: r.bits8(2, "dsurexmod")?,
            dheadphonmod: r.bits8(2, "dheadphonmod")?,
            adconvtyp: r.bit("adconvtyp")?,
            xbsi2: r.bits8(8, "xbsi2")?,
            encinfo: r.bit("encinfo")?,
        })
    }

    fn write(&self, w: &mut BitWriter<'_>) -> Result<(), Error> {
        w.bits(2, "dsurexmod", self.dsurexmod.into())?
            .bits(2, "dheadphonmod", self.dheadphonmod.into())?
            .bit(self.adconvtyp)
            .bits(8, "xbsi2", self.xbsi2.into())?
            .bit(self.encinfo);
        Ok(())
    }
}
