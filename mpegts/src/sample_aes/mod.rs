//! Samples that are encrypted in a transport stream, or in raw sound, as HLS has it (`METHOD=SAMPLE-AES`, RFC 8216 §4.3.2.4; Apple,
//! "MPEG-2 Stream Encryption Format for HTTP Live Streaming").
//!
//! Of H.264 each slice (NAL units of types 1 and 5 of more than 48 bytes) is encrypted in one block of 16 bytes of ten, behind 32 clear
//! bytes, and emulation prevention is put over the result; of sound each frame, behind its ADTS header and 16 clear bytes, in all whole
//! blocks. AES-128 chains the blocks (CBC); the vector begins anew with each slice and each frame.
//!
//! A [`Demuxer`](crate::Demuxer) opens streams once it [has the key](crate::Demuxer::set_sample_key); a [`Muxer`](crate::Muxer) encrypts
//! with [that of its configuration](crate::mux::Config::sample_key). Segments of raw sound ("packed audio") are opened by
//! [`Cipher::decrypt_sound`] before they are read.
//!
//! ```
//! use fluvial_mpegts::sample_aes::{Cipher, Key};
//!
//! let cipher = Cipher::new(&Key::new([1; 16], [2; 16]));
//! let slice: Vec<u8> = [0x65].into_iter().chain((0..200).map(|n| n | 0x80)).collect();
//! let encrypted = cipher.encrypt_nal(&slice).into_owned();
//! assert_eq!(encrypted[..32], slice[..32]);
//! assert_ne!(encrypted, slice);
//! assert_eq!(*cipher.decrypt_nal(&encrypted), slice);
//! ```

#[cfg(test)]
mod tests;

use aac::adts::Adts;
use ac3::SyncFrames;
use aes::Aes128;
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use h264::annexb;
use h264::nal::{self, UnitType};
use media::Codec;
use wire::framing::{Frames, Piece};

/// A key of AES-128 with its initialization vector: what an `EXT-X-KEY` tag tells. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    key: [u8; 16],
    iv: [u8; 16],
}

impl Key {
    /// A key and its vector. Where a playlist tells no vector, it is the segment's media sequence number, as a big-endian number of
    /// 128 bits.
    #[must_use]
    pub const fn new(key: [u8; 16], iv: [u8; 16]) -> Self {
        Self { key, iv }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Turns slices and frames. See the [module](self).
#[derive(Clone)]
pub struct Cipher {
    aes: Aes128,
    key: Key,
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher(..)")
    }
}

/// How frames of sound are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// AAC with ADTS headers, of 7 bytes or 9.
    Adts,
    /// AC-3 and E-AC-3: sync frames.
    SyncFrames,
}

impl Sound {
    /// How a codec's frames lie in a stream; `None` for those that are not encrypted so.
    #[must_use]
    pub const fn of(codec: &Codec) -> Option<Self> {
        match codec {
            Codec::Aac(_) => Some(Self::Adts),
            Codec::Ac3(_) | Codec::Eac3(_) => Some(Self::SyncFrames),
            _ => None,
        }
    }
}

/// Bytes of a slice that stay clear: its header and 31 more.
pub(crate) const SLICE_CLEAR: usize = 32;
/// Slices of as many bytes or fewer stay as they are.
const SHORT_SLICE: usize = 48;
/// Bytes of a slice from one encrypted block to the next.
const SLICE_STRIDE: usize = 160;
/// Bytes of a frame that stay clear behind its header.
const FRAME_CLEAR: usize = 16;
const BLOCK: usize = 16;

#[derive(Clone, Copy)]
enum Way {
    Encrypt,
    Decrypt,
}

impl Cipher {
    /// For samples under this key.
    #[must_use]
    pub fn new(key: &Key) -> Self {
        Self {
            aes: Aes128::new(&key.key.into()),
            key: key.clone(),
        }
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// Opens a NAL unit, without its start code. What is no slice, or a short one, is clear.
    #[must_use]
    pub fn decrypt_nal<'a>(&self, nal: &'a [u8]) -> Cow<'a, [u8]> {
        if !is_encrypted(nal) {
            return Cow::Borrowed(nal);
        }
        let mut clear = nal::unescape(nal).into_owned();
        self.slice(&mut clear, Way::Decrypt);
        Cow::Owned(clear)
    }

    /// Encrypts a NAL unit, without its start code, where it is a slice and not a short one.
    #[must_use]
    pub fn encrypt_nal<'a>(&self, nal: &'a [u8]) -> Cow<'a, [u8]> {
        if !is_encrypted(nal) {
            return Cow::Borrowed(nal);
        }
        let mut encrypted = nal.to_vec();
        self.slice(&mut encrypted, Way::Encrypt);
        let mut out = Vec::with_capacity(encrypted.len().saturating_add(encrypted.len() / 256));
        nal::escape(&encrypted, &mut out);
        Cow::Owned(out)
    }

    /// Opens a byte stream of H.264: whole NAL units, each behind its start code.
    #[must_use]
    pub fn decrypt_annexb(&self, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(data.len().saturating_add(64));
        for nal in annexb::nals(data) {
            annexb::push(&self.decrypt_nal(nal), &mut out);
        }
        out
    }

    /// Encrypts a byte stream of H.264, and appends it to `out`.
    pub fn encrypt_annexb(&self, data: &[u8], out: &mut Vec<u8>) {
        out.reserve(data.len().saturating_add(64));
        for nal in annexb::nals(data) {
            annexb::push(&self.encrypt_nal(nal), out);
        }
    }

    /// Opens all frames of sound in some bytes, in place; what is no frame, such as an ID3 tag, stays as it is.
    pub fn decrypt_sound(&self, sound: Sound, data: &mut [u8]) {
        self.sound(sound, data, Way::Decrypt);
    }

    /// Encrypts all frames of sound in some bytes, in place.
    pub fn encrypt_sound(&self, sound: Sound, data: &mut [u8]) {
        self.sound(sound, data, Way::Encrypt);
    }

    /// Opens what follows the clear bytes of a frame of which the header has `header` bytes.
    pub(crate) fn decrypt_frame(&self, header: usize, frame: &mut [u8]) {
        self.frame(header, frame, Way::Decrypt);
    }

    fn sound(&self, sound: Sound, data: &mut [u8], way: Way) {
        // Headers and lengths are clear, so that all frames are found at once.
        let mut frames: Vec<(Range<usize>, usize)> = Vec::new();
        let mut found = |offset: u64, len: usize, header: usize| {
            let start = usize::try_from(offset).unwrap_or(usize::MAX);
            frames.push((start..start.saturating_add(len), header));
        };
        match sound {
            Sound::Adts => {
                for piece in Frames::<Adts>::new(data) {
                    if let Piece::Frame { offset, frame } = piece {
                        found(offset, frame.bytes().len(), adts_header(&frame));
                    }
                }
            }
            Sound::SyncFrames => {
                for piece in Frames::<SyncFrames>::new(data) {
                    if let Piece::Frame { offset, frame } = piece {
                        found(offset, frame.bytes().len(), 0);
                    }
                }
            }
        }
        for (range, header) in frames {
            if let Some(frame) = data.get_mut(range) {
                self.frame(header, frame, way);
            }
        }
    }

    fn frame(&self, header: usize, frame: &mut [u8], way: Way) {
        let body = frame.get_mut(header.saturating_add(FRAME_CLEAR)..);
        let (blocks, _) = body.unwrap_or_default().as_chunks_mut::<BLOCK>();
        self.chain(blocks.iter_mut(), way);
    }

    fn slice(&self, nal: &mut [u8], way: Way) {
        let body = nal.get_mut(SLICE_CLEAR..).unwrap_or_default();
        // The last block is clear even where it is whole.
        let strides = body.chunks_mut(SLICE_STRIDE);
        let blocks = strides.filter_map(|stride| {
            let is_last = stride.len() <= BLOCK;
            stride.first_chunk_mut::<BLOCK>().filter(|_| !is_last)
        });
        self.chain(blocks, way);
    }

    fn chain<'a>(&self, blocks: impl Iterator<Item = &'a mut [u8; BLOCK]>, way: Way) {
        let mut last = self.key.iv;
        for block in blocks {
            match way {
                Way::Encrypt => {
                    xor(block, &last);
                    self.aes.encrypt_block(block.into());
                    last = *block;
                }
                Way::Decrypt => {
                    let before = core::mem::replace(&mut last, *block);
                    self.aes.decrypt_block(block.into());
                    xor(block, &before);
                }
            }
        }
    }
}

/// Bytes of the header of an ADTS frame.
pub(crate) const fn adts_header(frame: &aac::adts::Frame<'_>) -> usize {
    if frame.header().protection_absent() {
        7
    } else {
        9
    }
}

fn xor(block: &mut [u8; BLOCK], with: &[u8; BLOCK]) {
    for (to, from) in block.iter_mut().zip(with) {
        *to ^= from;
    }
}

/// Whether a NAL unit is encrypted: its header and its length tell.
pub(crate) const fn is_encrypted(nal: &[u8]) -> bool {
    let kind = UnitType::of(nal);
    matches!(kind, UnitType::NonIdrSlice | UnitType::IdrSlice) && nal.len() > SHORT_SLICE
}
