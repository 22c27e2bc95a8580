//! DTS: core frames, and the extensions that follow each (ETSI TS 102 114 §5.3, §7.4). They are passed through.
//!
//! ```text
//! core       SYNC 32 = 0x7FFE8001, FTYPE 1, SHORT 5, CPF 1, NBLKS 7, FSIZE 14, AMODE 6, SFREQ 4, ...
//! extension  SYNCEXTSSH 32 = 0x64582025, UserDefinedBits 8, nExtSSIndex 2, bHeaderSizeType 1,
//!            nuExtSSHeaderSize 8 or 12, nuExtSSFsize 16 or 20, ...
//! ```

use super::audio::{Given, Sound};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, FourCc, Kind};
use wire::framing::Framing;

/// How frames are found.
#[derive(Debug)]
pub(super) enum Frames {}

/// What the header of a frame tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    len: usize,
    /// Samples per second and samples of a core frame; `None` for an extension.
    core: Option<(u32, u32)>,
}

/// The frequencies of `SFREQ` (Table 5-5); 0 where it is reserved.
const FREQUENCIES: [u32; 16] = [
    0, 8_000, 16_000, 32_000, 0, 0, 11_025, 22_050, 44_100, 0, 0, 12_000, 24_000, 48_000, 0, 0,
];

/// Bytes of a core frame that tell its layout.
const HEADER: usize = 16;

/// The shortest that a core frame may be (§5.3.1).
const SHORTEST: usize = 96;

impl Framing for Frames {
    const HEADER: usize = 10;
    type Header = Header;
    type Frame<'a> = (Header, &'a [u8]);

    fn header(data: &[u8]) -> Option<Header> {
        let &[a, b, c, d, rest @ ..] = data.first_chunk::<10>()?;
        let bits = rest
            .iter()
            .fold(0u64, |bits, &byte| bits << 8 | u64::from(byte));
        // From the most significant of the 48 bits behind the sync word.
        let field = |at: u32, len: u32| bits >> (48 - at - len) & ((1 << len) - 1);
        let small = |value: u64| usize::try_from(value).unwrap_or(0);
        match [a, b, c, d] {
            [0x7F, 0xFE, 0x80, 0x01] => {
                let blocks = u32::try_from(field(7, 7)).ok()?.saturating_add(1);
                let len = small(field(14, 14)).saturating_add(1);
                let rate = *FREQUENCIES.get(small(field(34, 4)))?;
                let is_one = rate > 0 && len >= SHORTEST && blocks > 5;
                is_one.then(|| Header {
                    len,
                    core: Some((rate, blocks.saturating_mul(32))),
                })
            }
            [0x64, 0x58, 0x20, 0x25] => {
                let size = if field(10, 1) == 0 {
                    field(19, 16)
                } else {
                    field(23, 20)
                };
                let len = small(size).saturating_add(1);
                (len >= Self::HEADER).then_some(Header { len, core: None })
            }
            _ => None,
        }
    }

    fn frame_len(header: Header, _: &[u8], _: bool) -> Option<usize> {
        Some(header.len)
    }

    fn same_stream(a: Header, b: Header) -> bool {
        a.core.is_none() || b.core.is_none() || a.core == b.core
    }

    fn frame(header: Header, data: &[u8]) -> (Header, &[u8]) {
        (header, data)
    }
}

/// Puts a core frame and its extensions together.
#[derive(Debug, Default)]
pub(super) struct Dts {
    /// The name that was given, and the samples per second.
    told: Option<([u8; 4], u32)>,
    /// A core frame with what came after it, and what it tells.
    held: Option<(Vec<u8>, u32, u32, bool)>,
}

impl Dts {
    fn give(&mut self, give: &mut Given) {
        let Some((data, rate, samples, is_extended)) = self.held.take() else {
            return;
        };
        let fourcc = if is_extended { *b"dtsh" } else { *b"dtsc" };
        if self.told != Some((fourcc, rate)) {
            self.told = Some((fourcc, rate));
            let codec = Codec::Other {
                kind: Kind::Audio,
                fourcc: FourCc(fourcc),
                config: Bytes::copy_from_slice(data.get(..HEADER).unwrap_or(&data)),
            };
            give.codec = Some((codec, rate));
        }
        give.units.push((data.into(), samples));
    }
}

impl Sound for Dts {
    type Framing = Frames;

    fn frame(&mut self, (header, data): (Header, &[u8]), give: &mut Given) {
        match (header.core, &mut self.held) {
            (Some((rate, samples)), _) => {
                self.give(give);
                self.held = Some((data.to_vec(), rate, samples, false));
            }
            (None, Some((held, _, _, is_extended))) => {
                held.extend_from_slice(data);
                *is_extended = true;
            }
            (None, None) => give.error = Some("an extension of DTS without a core".into()),
        }
    }

    fn finish(&mut self, give: &mut Given) {
        self.give(give);
    }

    fn is_delayed(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        // 512 samples of 48 kHz in 1884 bytes, as ffmpeg writes them.
        let core = [0x7F, 0xFE, 0x80, 0x01, 0xFC, 0x3C, 0x75, 0xB0, 0xB6, 0xC0];
        let header = Frames::header(&core).unwrap();
        assert_eq!((header.len, header.core), (1884, Some((48_000, 512))));
        let extension = [0x64, 0x58, 0x20, 0x25, 0, 0x03, 0, 0x1F, 0xE0, 0];
        let header = Frames::header(&extension).unwrap();
        assert_eq!((header.len, header.core), (256, None));
        assert_eq!(Frames::header(&core[..9]), None);
    }
}
