use super::header::{
    put_u32_or_u64, put_version_and_flags, u32_or_u64, version_0_or_1, version_for,
};
use super::{FourCc, IsoBox};
use crate::Error;
use wire::{Reader, Writer};

/// A track's clock and language (ISO/IEC 14496-12 §8.4.2).
///
/// ```text
/// version u8 | flags u24 = 0 | creation_time, modification_time u32 or u64 | timescale u32 | duration u32 or u64
/// pad 1 bit | language 3 x 5 bits | pre_defined u16
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mdhd {
    /// Seconds since 1904-01-01 UTC; 0 where it is not known.
    pub creation_time: u64,
    /// Seconds since 1904-01-01 UTC; 0 where it is not known.
    pub modification_time: u64,
    /// Ticks per second of all times of the track.
    pub timescale: u32,
    /// In ticks of the track; 0 where only fragments have samples.
    pub duration: u64,
    /// As it is in the box: three letters of ISO 639-2/T, or a number of QuickTime's. See [`language`](Self::language).
    pub packed_language: u16,
}

impl Mdhd {
    /// For a track whose samples are all in fragments, of undetermined language.
    #[must_use]
    pub const fn new(timescale: u32) -> Self {
        // 15 bits of "und".
        Self {
            creation_time: 0,
            modification_time: 0,
            timescale,
            duration: 0,
            packed_language: 0x55C4,
        }
    }

    /// With a language, three lower-case letters of ISO 639-2/T; anything else leaves it as it is.
    #[must_use]
    pub fn with_language(mut self, letters: [u8; 3]) -> Self {
        if letters.iter().all(u8::is_ascii_lowercase) {
            let pack = |packed: u16, letter: u8| packed << 5 | u16::from(letter & 0x1F);
            self.packed_language = letters.into_iter().fold(0, pack);
        }
        self
    }

    /// The three letters of ISO 639-2/T, also of a number of QuickTime's; `None` where the box holds something else.
    #[must_use]
    pub fn language(&self) -> Option<[u8; 3]> {
        if let Some(letters) = MACINTOSH.get(usize::from(self.packed_language)) {
            return Some(**letters);
        }
        let letter = |shift: u16| {
            u8::try_from(self.packed_language >> shift & 0x1F).map_or(0, |letter| letter | 0x60)
        };
        let letters = [letter(10), letter(5), letter(0)];
        letters
            .iter()
            .all(u8::is_ascii_lowercase)
            .then_some(letters)
    }

    fn version(&self) -> u8 {
        version_for(&[self.creation_time, self.modification_time, self.duration])
    }
}

/// The languages of the Macintosh by their numbers (QuickTime File Format, "Language Code Values"): old files have those, and 0 where
/// nobody said anything, which players take for English.
const MACINTOSH: [&[u8; 3]; 50] = [
    b"eng", b"fra", b"deu", b"ita", b"nld", b"swe", b"spa", b"dan", b"por", b"nor", b"heb", b"jpn",
    b"ara", b"fin", b"ell", b"isl", b"mlt", b"tur", b"hrv", b"zho", b"urd", b"hin", b"tha", b"kor",
    b"lit", b"pol", b"hun", b"est", b"lav", b"sme", b"fao", b"fas", b"rus", b"zho", b"nld", b"gle",
    b"sqi", b"ron", b"ces", b"slk", b"slv", b"yid", b"srp", b"mkd", b"bul", b"ukr", b"bel", b"uzb",
    b"kaz", b"aze",
];

impl IsoBox for Mdhd {
    const TYPE: FourCc = FourCc(*b"mdhd");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        Ok(Self {
            creation_time: u32_or_u64(r, version, "creation_time")?,
            modification_time: u32_or_u64(r, version, "modification_time")?,
            timescale: r.u32("timescale")?,
            duration: u32_or_u64(r, version, "duration")?,
            packed_language: r.u16("language")?,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        let version = self.version();
        put_version_and_flags(w, version, 0);
        put_u32_or_u64(w, version, self.creation_time);
        put_u32_or_u64(w, version, self.modification_time);
        w.u32(self.timescale);
        put_u32_or_u64(w, version, self.duration);
        w.u16(self.packed_language).u16(0);
        Ok(())
    }

    fn body_len(&self) -> usize {
        if self.version() == 0 { 24 } else { 36 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_letters_or_numbers() {
        let mut mdhd = Mdhd::new(1000);
        assert_eq!(mdhd.language(), Some(*b"und"));
        assert_eq!(
            mdhd.clone().with_language(*b"deu").language(),
            Some(*b"deu")
        );
        for (number, letters) in [(0, Some(*b"eng")), (11, Some(*b"jpn")), (49, Some(*b"aze"))] {
            mdhd.packed_language = number;
            assert_eq!(mdhd.language(), letters);
        }
        for number in [50, 0x3FF, 0x7FFF] {
            mdhd.packed_language = number;
            assert_eq!(mdhd.language(), None);
        }
    }
}
