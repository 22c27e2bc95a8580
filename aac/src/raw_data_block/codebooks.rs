//! The Huffman codebooks (ISO/IEC 14496-3 Annex 4.A.1), as far as lengths go.
//!
//! Each is a complete prefix code. In the order of their bits, codewords of one length stand together: a [`Codebook`] is those
//! runs. What a codeword stands for matters only by the bits behind it: a sign for each value that is not zero, where the book does not tell it, and
//! escapes.

use super::Error;
use wire::BitReader;

/// A code.
pub(super) struct Codebook {
    /// How many codewords come next, and how many bits each has.
    runs: &'static [(u16, u8)],
    /// For each codeword a digit: how many signs follow it; letters: one of the values is an escape behind one sign (`a`) or two (`b`), or both
    /// are (`c`). Empty where nothing ever follows.
    tails: &'static [u8],
    /// Values of a codeword.
    pub(super) dimension: u16,
}

/// Bits of the longest codeword.
const LONGEST: u32 = 19;

impl Codebook {
    /// Passes over one codeword and what belongs to it.
    pub(super) fn pass(&self, r: &mut BitReader<'_>) -> Result<(), Error> {
        let index = self.index(r)?;
        let (signs, escapes) = match self.tails.get(index) {
            Some(b'1') => (1, 0),
            Some(b'2') => (2, 0),
            Some(b'3') => (3, 0),
            Some(b'4') => (4, 0),
            Some(b'a') => (1, 1),
            Some(b'b') => (2, 1),
            Some(b'c') => (2, 2),
            _ => return Ok(()),
        };
        r.skip(signs, "sign_bits")?;
        for _ in 0..escapes {
            let mut prefix = 0_u32;
            while r.bit("hcod_esc")? {
                prefix += 1;
                // A value has at most 13 bits (§4.6.3.3).
                if prefix > 8 {
                    return Err(super::invalid("hcod_esc", prefix, r));
                }
            }
            r.skip(u64::from(prefix + 4), "hcod_esc")?;
        }
        Ok(())
    }

    /// The place of the next codeword in the order of their bits.
    fn index(&self, r: &mut BitReader<'_>) -> Result<usize, Error> {
        let mut ahead = *r;
        let have = u32::try_from(ahead.left().min(u64::from(LONGEST))).unwrap_or(LONGEST);
        let window = ahead.bits(have, "hcod")? << (LONGEST - have);
        let (mut below, mut index) = (0, 0);
        for &(count, len) in self.runs {
            let shift = LONGEST - u32::from(len);
            let within = window.saturating_sub(below) >> shift;
            if within < u32::from(count) {
                r.skip(len.into(), "hcod")?;
                return Ok(index + within as usize);
            }
            below += u32::from(count) << shift;
            index += usize::from(count);
        }
        // The code is complete: there is no such window.
        Err(super::invalid("hcod", window, r))
    }
}

/// Codebooks 1 to 11, of spectra (Tables 4.A.2 to 4.A.12).
pub(super) static SPECTRAL: [Codebook; 11] = [
    Codebook {
        runs: &[(1, 1), (8, 5), (24, 7), (24, 9), (8, 10), (16, 11)],
        tails: b"",
        dimension: 4,
    },
    Codebook {
        runs: &[(1, 3), (1, 4), (7, 5), (24, 6), (15, 7), (19, 8), (14, 9)],
        tails: b"",
        dimension: 4,
    },
    Codebook {
        runs: &[(1, 1), (4, 4), (2, 5), (6, 6), (3, 7), (5, 8), (15, 9), (15, 10), (8, 11), (9, 12), (3, 13), (3, 14), (5, 15), (2, 16)],
        tails: b"011112222232343311223232331221224334323244332333223243344233333344442233434443233",
        dimension: 4,
    },
    Codebook {
        runs: &[(10, 4), (6, 5), (9, 7), (21, 8), (8, 9), (14, 10), (11, 11), (2, 12)],
        tails: b"433331202222121144443333333333332222222222221111444444333333333433344422222243333",
        dimension: 4,
    },
    Codebook {
        runs: &[(1, 1), (4, 4), (4, 5), (4, 7), (12, 8), (12, 9), (12, 10), (18, 11), (10, 12), (4, 13)],
        tails: b"",
        dimension: 2,
    },
    Codebook {
        runs: &[(9, 4), (16, 6), (13, 7), (8, 8), (23, 9), (8, 10), (4, 11)],
        tails: b"",
        dimension: 2,
    },
    Codebook {
        runs: &[(1, 1), (2, 3), (1, 4), (4, 6), (5, 7), (10, 8), (14, 9), (15, 10), (8, 11), (4, 12)],
        tails: b"0112221122211222222221122212122222222211222222222222112222222222",
        dimension: 2,
    },
    Codebook {
        runs: &[(1, 3), (5, 4), (7, 5), (10, 6), (14, 7), (15, 8), (8, 9), (4, 10)],
        tails: b"2212120112222222221122222222221212222222121222222222221212222112",
        dimension: 2,
    },
    Codebook {
        runs: &[(1, 1), (2, 3), (1, 4), (4, 6), (3, 7), (8, 8), (11, 9), (20, 10), (31, 11), (38, 12), (32, 13), (14, 14), (4, 15)],
        tails: b"01122211222112222222211222222212122222222122222222122212222122221122222222222221222122222222222222222222122122\
            22222122222222222222212212222122222222222222222222222222222",
        dimension: 2,
    },
    Codebook {
        runs: &[(3, 4), (8, 5), (14, 6), (17, 7), (25, 8), (31, 9), (41, 10), (22, 11), (8, 12)],
        tails: b"22221122222112222022112222222222221212222222222221212222222222222222221222221222222222222222221212222222122222\
            21222222222222222221212122222222222222212122212221222222122",
        dimension: 2,
    },
    Codebook {
        runs: &[(2, 4), (6, 5), (7, 6), (16, 7), (59, 8), (55, 9), (95, 10), (43, 11), (6, 12)],
        tails: b"02c11222222121222222211222222222222222bbbbb2b121b2bbbb22222bb22bbb22b2bbb2b22bb2221bb222212bb22b2b2222222b2212\
            22222122222222222222122222222222a222222a2122222222222222222222222222222212222222222222222221222222222222222222\
            222222222112222222222222222222222222212212122212222211222212212112112",
        dimension: 2,
    },
];

/// The codebook of scale factors (Table 4.A.1).
pub(super) static SCALEFACTOR: Codebook = Codebook {
    runs: &[
        (1, 1),
        (1, 3),
        (3, 4),
        (2, 5),
        (4, 6),
        (3, 7),
        (5, 8),
        (4, 9),
        (6, 10),
        (6, 11),
        (6, 12),
        (5, 13),
        (8, 14),
        (4, 15),
        (7, 16),
        (3, 17),
        (7, 18),
        (46, 19),
    ],
    tails: b"",
    dimension: 1,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_complete() {
        for book in SPECTRAL.iter().chain([&SCALEFACTOR]) {
            let space = |&(count, len): &(u16, u8)| u32::from(count) << (LONGEST - u32::from(len));
            assert_eq!(book.runs.iter().map(space).sum::<u32>(), 1 << LONGEST);
            let count: u16 = book.runs.iter().map(|&(count, _)| count).sum();
            assert!(book.tails.is_empty() || book.tails.len() == usize::from(count));
        }
    }
}
