use crate::crc::{crc16, leading_crc16};
use crate::{Error, Header, ac3, eac3};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use wire::{BitReader, BitWriter, ShortBits};

/// A sync frame within some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    header: Header,
    data: &'a [u8],
}

/// The bit stream information of a sync frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bsi {
    /// Of AC-3.
    Ac3(ac3::Bsi),
    /// Of E-AC-3.
    Eac3(eac3::Bsi),
}

impl<'a> Frame<'a> {
    #[inline]
    pub(crate) const fn new(header: Header, data: &'a [u8]) -> Self {
        Self { header, data }
    }

    /// The frame at the start of some bytes.
    ///
    /// # Errors
    /// As [`Header::parse`], and [`Error::Short`] where the frame is not whole.
    pub fn parse(data: &'a [u8]) -> Result<Self, Error> {
        let header = Header::parse(data)?;
        match data.get(..header.frame_len()) {
            Some(data) => Ok(Self { header, data }),
            None => Err(Error::Short(ShortBits {
                what: "syncframe",
                bit: 0,
                needed: header.frame_len() as u64 * 8,
                left: data.len() as u64 * 8,
            })),
        }
    }

    /// Its header.
    #[must_use]
    #[inline]
    pub const fn header(&self) -> Header {
        self.header
    }

    /// Its bytes, in the order in which they came.
    #[must_use]
    #[inline]
    pub const fn bytes(&self) -> &'a [u8] {
        self.data
    }

    /// Its bytes in the order of the standard: swapped in pairs where the frame is little-endian.
    #[must_use]
    pub fn big_endian(&self) -> Cow<'a, [u8]> {
        if !self.header.is_little_endian() {
            return Cow::Borrowed(self.data);
        }
        let (pairs, _) = self.data.as_chunks();
        Cow::Owned(pairs.iter().flat_map(|&[a, b]| [b, a]).collect())
    }

    /// Whether its checks are right: `crc1` (of AC-3, over the first 5/8 of the frame) and `crc2` (over all of it).
    #[must_use]
    pub fn is_intact(&self) -> bool {
        let data = self.big_endian();
        let covered = data.get(2..).unwrap_or_default();
        if self.header.is_eac3() {
            return crc16(covered) == 0;
        }
        // Where the first check is right, the second one starts anew.
        match covered.split_at_checked(five_eighths(data.len()) - 2) {
            Some((first, second)) => crc16(first) == 0 && crc16(second) == 0,
            None => false,
        }
    }

    /// Its bit stream information.
    ///
    /// # Errors
    /// [`Error::Short`] where it does not fit into the frame, [`Error::Invalid`] where a field has a reserved value.
    pub fn bsi(&self) -> Result<Bsi, Error> {
        let data = self.big_endian();
        let mut r = BitReader::new(&data);
        Ok(match self.header.is_eac3() {
            true => Bsi::Eac3(eac3::Bsi::decode(&mut r)?),
            false => Bsi::Ac3(ac3::Bsi::decode(&mut r)?),
        })
    }

    /// The frame with other bit stream information, in the order of the standard, its checks made anew.
    ///
    /// What the audio blocks depend on (the layout, the number of blocks, whether an E-AC-3 frame is independent) has to stay as
    /// it is. A frame of E-AC-3 grows where the new information is longer than the old; one of AC-3 cannot: its length is given by
    /// the bit rate, so there the information has to take as many bits as before.
    ///
    /// # Errors
    /// As [`bsi`](Self::bsi) and the information's `write`; [`Error::Invalid`] where the new information is of the other kind, or
    /// of another length in AC-3, [`Error::TooLong`] where the frame would be longer than 4096 bytes.
    pub fn with_bsi(&self, bsi: &Bsi) -> Result<Vec<u8>, Error> {
        let data = self.big_endian();
        let mut r = BitReader::new(&data);
        let mut out = Vec::with_capacity(data.len() + 8);
        match (bsi, self.bsi()?) {
            (Bsi::Ac3(bsi), Bsi::Ac3(_)) => {
                ac3::Bsi::decode(&mut r)?;
                let mut w = BitWriter::new(&mut out);
                bsi.write(&mut w)?;
                if w.position() != r.position() {
                    return Err(Error::Invalid {
                        field: "bsi",
                        value: w.position(),
                        bit: r.position(),
                    });
                }
                let audio = r.left();
                copy(&mut r, &mut w, audio)?;
            }
            (Bsi::Eac3(bsi), Bsi::Eac3(_)) => {
                eac3::Bsi::decode(&mut r)?;
                // What stands at the end stays there: auxiliary data with its length, its flag, a reserved bit, the check.
                let mut end = r;
                end.skip(r.left().saturating_sub(18), "auxdatae")?;
                let mut tail = 18;
                if end.bit("auxdatae")? {
                    let mut end = r;
                    end.skip(r.left().saturating_sub(18 + 14), "auxdatal")?;
                    tail += 14 + u64::from(end.bits(14, "auxdatal")?);
                }
                let Some(audio) = r.left().checked_sub(tail) else {
                    return Err(Error::Invalid {
                        field: "auxdatal",
                        value: tail,
                        bit: r.position(),
                    });
                };
                let mut bsi = bsi.clone();
                bsi.frmsiz = 0;
                let mut w = BitWriter::new(&mut out);
                bsi.write(&mut w)?;
                let bits = w.position() + audio + tail;
                let words = bits.div_ceil(16).max(data.len() as u64 / 2);
                bsi.frmsiz = u16::try_from(words - 1).unwrap_or(u16::MAX);
                out.clear();
                let mut w = BitWriter::new(&mut out);
                bsi.write(&mut w)?;
                copy(&mut r, &mut w, audio)?;
                for _ in bits..words * 16 {
                    w.bit(false);
                }
                copy(&mut r, &mut w, tail)?;
            }
            _ => {
                return Err(Error::Invalid {
                    field: "bsid",
                    value: self.header.bsid().into(),
                    bit: 45,
                });
            }
        }
        seal(&mut out)?;
        Ok(out)
    }
}

const SYNC: u16 = 0x0B77;

fn copy(r: &mut BitReader<'_>, w: &mut BitWriter<'_>, mut len: u64) -> Result<(), Error> {
    while len > 0 {
        let n = len.min(32);
        len -= n;
        let n = u32::try_from(n).unwrap_or(0);
        w.bits(n, "audblk", r.bits(n, "audblk")?)?;
    }
    Ok(())
}

/// The part of an AC-3 frame that its first check covers, in whole words (ATSC A/52 §7.10.1).
const fn five_eighths(len: usize) -> usize {
    let words = len / 2;
    (words / 2 + words / 8) * 2
}

/// Makes the checks of a frame that is in the order of the standard.
///
/// # Errors
/// As [`Frame::parse`].
pub(crate) fn seal(data: &mut [u8]) -> Result<(), Error> {
    let header = Frame::parse(data)?.header();
    let len = header.frame_len();
    if !header.is_eac3() {
        let covered = data.get(4..five_eighths(len)).unwrap_or_default();
        let [a, b] = leading_crc16(covered).to_be_bytes();
        if let Some([first, second]) = data.get_mut(2..4) {
            (*first, *second) = (a, b);
        }
    }
    let Some((body, check)) = data
        .get_mut(2..len)
        .and_then(|covered| covered.split_last_chunk_mut())
    else {
        return Ok(());
    };
    let mut crc = crc16(body);
    if crc == SYNC
        && let Some(last) = body.last_mut()
    {
        // The reserved bit keeps the check from looking like a sync word.
        *last ^= 1;
        crc = crc16(body);
    }
    *check = crc.to_be_bytes();
    Ok(())
}
