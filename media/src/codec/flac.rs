use super::Error;
use alloc::vec::Vec;
use bytes::Bytes;
use wire::{BitReader, Reader, Writer};

/// FLAC: its metadata blocks (RFC 9639 §8), of which `STREAMINFO` comes first, with their bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flac {
    raw: Bytes,
    /// `STREAMINFO`.
    pub stream_info: StreamInfo,
}

/// `STREAMINFO` (RFC 9639 §8.2).
///
/// ```text
/// min_blocksize u16 | max_blocksize u16 | min_framesize u24 | max_framesize u24
/// 20 sample_rate, 3 channels less 1, 5 bits per sample less 1, 36 total samples | MD5 16 bytes
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// Fewest samples in a frame but the last.
    pub min_block_size: u16,
    /// Most samples in a frame.
    pub max_block_size: u16,
    /// Samples per second.
    pub sample_rate: u32,
    /// Channels, 1 to 8.
    pub channels: u8,
    /// Bits of a sample, 4 to 32.
    pub bits_per_sample: u8,
    /// Samples of the whole stream; 0 where that is not known.
    pub total_samples: u64,
}

impl Flac {
    /// Bytes of `STREAMINFO`.
    const STREAM_INFO: usize = 34;

    /// Reads metadata blocks: the content of a `dfLa` box after its version and flags, a stream's start with or without
    /// `fLaC`, or `STREAMINFO` alone.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] where another block comes first, or the sampling rate is 0.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let data = data.strip_prefix(b"fLaC").unwrap_or(data);
        if data.len() == Self::STREAM_INFO {
            let mut blocks = Vec::new();
            Writer::new(&mut blocks).u32(0x8000_0022).bytes(data);
            return Self::try_from(Bytes::from(blocks));
        }
        Self::try_from(Bytes::copy_from_slice(data))
    }

    /// The metadata blocks, as they came in.
    #[must_use]
    pub const fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Samples in a frame, out of its header (RFC 9639 §9.1); `None` where it is none.
    #[must_use]
    pub fn samples(frame: &[u8]) -> Option<u32> {
        let [0xFF, 0xF8 | 0xF9, sizes, _, number, rest @ ..] = frame else {
            return None;
        };
        // The number of the frame is coded as UTF-8 codes characters, 1 to 7 bytes.
        let following = match number.leading_ones() {
            0 => 0,
            bytes @ 2..=7 => bytes as usize - 1,
            _ => return None,
        };
        let uncommon = rest.get(following..).unwrap_or_default();
        match sizes >> 4 {
            1 => Some(192),
            shift @ 2..=5 => Some(144 << shift),
            6 => Some(u32::from(*uncommon.first()?) + 1),
            7 => Some(u32::from(u16::from_be_bytes(*uncommon.first_chunk()?)) + 1),
            shift @ 8..=15 => Some(1 << shift),
            _ => None,
        }
    }
}

impl TryFrom<Bytes> for Flac {
    type Error = Error;

    /// As [`parse`](Flac::parse) without a copy, for blocks that start with a block's header.
    fn try_from(raw: Bytes) -> Result<Self, Error> {
        let mut r = Reader::new(&raw);
        let header = r.u32("METADATA_BLOCK_HEADER")?;
        if header & 0x7FFF_FFFF != 0x22 {
            return Err(Error::Invalid {
                field: "METADATA_BLOCK_HEADER",
                value: header.into(),
            });
        }
        let stream_info = StreamInfo::parse(r.array("STREAMINFO")?)?;
        Ok(Self { raw, stream_info })
    }
}

impl StreamInfo {
    fn parse(data: &[u8; Flac::STREAM_INFO]) -> Result<Self, Error> {
        let mut r = Reader::new(data);
        let min_block_size = r.u16("min_blocksize")?;
        let max_block_size = r.u16("max_blocksize")?;
        r.skip(6, "framesize")?;
        let mut r = BitReader::new(r.rest());
        let sample_rate = r.bits(20, "sample_rate")?;
        if sample_rate == 0 {
            return Err(Error::Invalid {
                field: "sample_rate",
                value: 0,
            });
        }
        // Of 3 and of 5 bits, so neither is lost.
        let [channels, bits_per_sample] = [r.bits(3, "channels")?, r.bits(5, "bits_per_sample")?]
            .map(|less_one| u8::try_from(less_one + 1).unwrap_or(u8::MAX));
        Ok(Self {
            min_block_size,
            max_block_size,
            sample_rate,
            channels,
            bits_per_sample,
            total_samples: r.bits64(36, "total_samples")?,
        })
    }
}
