use crate::Error;
use core::fmt;
use wire::ShortBits;

/// What a sync frame of E-AC-3 is to the others (`strmtyp`, ETSI TS 102 366 §E.1.3.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StreamType {
    /// 0: a programme, or one of several.
    Independent,
    /// 1: more channels for the independent substream before it.
    Dependent,
    /// 2: an independent substream that was made of AC-3.
    Converted,
}

/// The start of a sync frame of AC-3 or E-AC-3: all that has to be known to take it out of a stream
/// (ATSC A/52 §5.3.1, ETSI TS 102 366 §E.1.2.1).
///
/// ```text
/// AC-3                                  E-AC-3
/// 16 syncword 0x0B77                    16 syncword 0x0B77
/// 16 crc1                                2 strmtyp, 3 substreamid, 11 frmsiz
///  2 fscod, 6 frmsizecod                 2 fscod, 2 numblkscod or fscod2, 3 acmod, 1 lfeon
///  5 bsid (at most 10), 3 bsmod          5 bsid (11 to 16), ...
///  3 acmod, ... lfeon
/// ```
///
/// It is a checked view of these bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Header {
    /// The first 8 bytes, in the order of the standard.
    word: u64,
    /// Bytes of the frame.
    len: u16,
    little_endian: bool,
}

const SYNC: u64 = 0x0B77;
/// `bsid` of AC-3 is at most this one, of E-AC-3 at least the next.
const LAST_AC3: u8 = 10;
const LAST_EAC3: u8 = 16;

/// Nominal bit rates in kbit/s by half of `frmsizecod` (ATSC A/52 Table 5.18).
pub(crate) const BIT_RATES: [u16; 19] = [
    32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640,
];

const RATES: [u32; 3] = [48_000, 44_100, 32_000];

/// Channels by `acmod`, low frequency effects not counted.
#[inline]
pub(crate) const fn speakers(acmod: u8) -> u8 {
    match acmod {
        1 => 1,
        0 | 2 => 2,
        3 | 4 => 3,
        5 | 6 => 4,
        _ => 5,
    }
}

/// Bytes of an AC-3 frame (ATSC A/52 Table 5.18).
#[inline]
pub(crate) fn ac3_frame_len(fscod: u8, frmsizecod: u8) -> Option<u16> {
    let kbps = *BIT_RATES.get(usize::from(frmsizecod >> 1))?;
    Some(match fscod {
        0 => kbps * 4,
        // 1536 samples at 44.1 kHz are no whole number of words: every other code has one more.
        1 => {
            let words = u32::from(kbps) * 320 / 147 + u32::from(frmsizecod & 1);
            u16::try_from(words * 2).ok()?
        }
        2 => kbps * 6,
        _ => return None,
    })
}

impl Header {
    /// Bytes that are looked at.
    pub const LEN: usize = 8;

    /// Reads the start of a sync frame, in either byte order.
    ///
    /// # Errors
    /// [`Error::Short`] where there are fewer than 8 bytes, [`Error::Invalid`] where there is no sync word, or a field has a
    /// reserved value.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        if let Some(header) = Self::find(data) {
            return Ok(header);
        }
        let Some(bytes) = data.first_chunk::<{ Self::LEN }>() else {
            return Err(Error::Short(ShortBits {
                what: "syncframe",
                bit: 0,
                needed: 64,
                left: data.len() as u64 * 8,
            }));
        };
        let header = Self {
            word: u64::from_be_bytes(*bytes),
            len: 0,
            little_endian: false,
        };
        let (field, value, bit) = if header.word >> 48 != SYNC {
            ("syncword", header.field(48, 16), 16)
        } else if header.bsid() > LAST_EAC3 {
            ("bsid", header.field(19, 5), 45)
        } else if header.rate().is_none() {
            ("fscod", header.field(30, 2), 34)
        } else if header.is_eac3() && header.field(46, 2) == 3 {
            ("strmtyp", 3, 18)
        } else if header.is_eac3() {
            ("frmsiz", header.field(32, 11), 32)
        } else {
            ("frmsizecod", header.field(24, 6), 40)
        };
        Err(Error::Invalid { field, value, bit })
    }

    /// As [`parse`](Self::parse), for who does not ask what is wrong.
    #[inline]
    pub(crate) fn find(data: &[u8]) -> Option<Self> {
        let mut word = u64::from_be_bytes(*data.first_chunk::<{ Self::LEN }>()?);
        let little_endian = word >> 48 == SYNC.swap_bytes() >> 48;
        if little_endian {
            const EVEN: u64 = 0x00FF_00FF_00FF_00FF;
            word = (word & EVEN) << 8 | word >> 8 & EVEN;
        } else if word >> 48 != SYNC {
            return None;
        }
        Self {
            word,
            len: 0,
            little_endian,
        }
        .checked()
    }

    #[inline]
    fn checked(mut self) -> Option<Self> {
        if !self.is_eac3() {
            self.len = ac3_frame_len(self.tiny(30, 2), self.frmsizecod())?;
            return Some(self);
        }
        self.len = self.small(32, 11) * 2 + 2;
        // `fscod` and then `fscod2`, `strmtyp`.
        let is_reserved = self.field(28, 4) == 15 || self.field(46, 2) == 3;
        let is_eac3 = self.bsid() <= LAST_EAC3 && !is_reserved && self.len >= 16;
        is_eac3.then_some(self)
    }

    #[inline]
    const fn field(self, shift: u32, bits: u32) -> u64 {
        self.word >> shift & ((1 << bits) - 1)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 11 bits are asked for"
    )]
    #[inline]
    const fn small(self, shift: u32, bits: u32) -> u16 {
        self.field(shift, bits) as u16
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 6 bits are asked for"
    )]
    #[inline]
    const fn tiny(self, shift: u32, bits: u32) -> u8 {
        self.field(shift, bits) as u8
    }

    #[inline]
    fn rate(self) -> Option<u32> {
        let half = RATES
            .get(usize::from(self.tiny(28, 2)))
            .map(|rate| rate / 2);
        match RATES.get(usize::from(self.tiny(30, 2))) {
            // Two versions of AC-3 halve the rate once and twice.
            Some(rate) if !self.is_eac3() => Some(rate >> self.bsid().saturating_sub(8)),
            Some(rate) => Some(*rate),
            None if self.is_eac3() => half,
            None => None,
        }
    }

    /// Whether it is E-AC-3 (`bsid` 11 to 16), not AC-3 (at most 10).
    #[must_use]
    #[inline]
    pub const fn is_eac3(self) -> bool {
        self.bsid() > LAST_AC3
    }

    /// Whether the bytes of each 16-bit word are swapped, as in some files that were made on little-endian machines.
    #[must_use]
    #[inline]
    pub const fn is_little_endian(self) -> bool {
        self.little_endian
    }

    /// `bsid`, 5 bits: the version of the syntax.
    #[must_use]
    #[inline]
    pub const fn bsid(self) -> u8 {
        self.tiny(19, 5)
    }

    /// `strmtyp`; AC-3 is independent.
    #[must_use]
    #[inline]
    pub const fn stream_type(self) -> StreamType {
        match (self.is_eac3(), self.field(46, 2)) {
            (true, 1) => StreamType::Dependent,
            (true, 2) => StreamType::Converted,
            _ => StreamType::Independent,
        }
    }

    /// `substreamid`, 3 bits; 0 for AC-3.
    #[must_use]
    #[inline]
    pub const fn substream_id(self) -> u8 {
        match self.is_eac3() {
            true => self.tiny(43, 3),
            false => 0,
        }
    }

    /// Bytes of the frame.
    #[must_use]
    #[inline]
    pub const fn frame_len(self) -> usize {
        self.len as usize
    }

    /// `frmsizecod`, 6 bits, of AC-3.
    const fn frmsizecod(self) -> u8 {
        self.tiny(24, 6)
    }

    /// Samples per second.
    #[must_use]
    #[inline]
    pub fn sampling_frequency(self) -> u32 {
        self.rate().unwrap_or_default()
    }

    /// Audio blocks of 256 samples: 6, or in E-AC-3 also 1, 2 or 3.
    #[must_use]
    #[inline]
    pub const fn blocks(self) -> u8 {
        match (self.is_eac3(), self.field(30, 2), self.field(28, 2)) {
            (true, 0..3, 0) => 1,
            (true, 0..3, 1) => 2,
            (true, 0..3, 2) => 3,
            _ => 6,
        }
    }

    /// Samples per channel: 256 per block.
    #[must_use]
    #[inline]
    pub const fn samples(self) -> u32 {
        256 * self.blocks() as u32
    }

    /// Bits per second: the nominal rate of AC-3, the rate of this very frame for E-AC-3.
    #[must_use]
    #[inline]
    pub fn bit_rate(self) -> u32 {
        if self.is_eac3() {
            let bits = u64::from(self.len) * 8 * u64::from(self.sampling_frequency());
            return u32::try_from(bits / u64::from(self.samples())).unwrap_or(u32::MAX);
        }
        let kbps = BIT_RATES.get(usize::from(self.frmsizecod() >> 1));
        (u32::from(kbps.copied().unwrap_or_default()) * 1000) >> self.bsid().saturating_sub(8)
    }

    /// `acmod`, 3 bits: the layout of the full range channels; 0 is two programmes of one channel.
    #[must_use]
    #[inline]
    pub const fn acmod(self) -> u8 {
        match self.is_eac3() {
            true => self.tiny(25, 3),
            false => self.tiny(13, 3),
        }
    }

    /// `lfeon`: there is a low frequency effects channel.
    #[must_use]
    #[inline]
    pub const fn lfeon(self) -> bool {
        if self.is_eac3() {
            return self.field(24, 1) != 0;
        }
        let acmod = self.acmod();
        let levels = match acmod {
            2 => 2,
            1 => 0,
            _ => (acmod as u32 & 1) * 2 + (acmod as u32 >> 2) * 2,
        };
        self.field(12 - levels, 1) != 0
    }

    /// Channels, low frequency effects included.
    #[must_use]
    #[inline]
    pub const fn channels(self) -> u8 {
        speakers(self.acmod()) + self.lfeon() as u8
    }

    /// Whether two frames can belong to the same stream.
    #[must_use]
    #[inline]
    pub fn same_stream(self, other: Self) -> bool {
        self.rate() == other.rate() && self.little_endian == other.little_endian
    }

    /// Whether an access unit begins with it: AC-3, or the first independent substream of E-AC-3.
    #[must_use]
    #[inline]
    pub const fn begins_access_unit(self) -> bool {
        !matches!(self.stream_type(), StreamType::Dependent) && self.substream_id() == 0
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Header")
            .field("bsid", &self.bsid())
            .field("stream_type", &self.stream_type())
            .field("substream_id", &self.substream_id())
            .field("frame_len", &self.frame_len())
            .field("sampling_frequency", &self.sampling_frequency())
            .field("blocks", &self.blocks())
            .field("acmod", &self.acmod())
            .field("lfeon", &self.lfeon())
            .field("is_little_endian", &self.little_endian)
            .finish()
    }
}
