//! Common encryption (ISO/IEC 23001-7): the schemes `cenc`, `cbc1`, `cens` and `cbcs`.
//!
//! A [`Packager`](crate::Packager) encrypts what its configuration has an [`Encryption`] for; a
//! [`Demuxer`](crate::Demuxer) decrypts what its [`Keys`] open. Beneath them, [`Encryptor`] and [`Decryptor`] do it
//! sample by sample.
//!
//! Sound is encrypted whole. Of H.264, parameter sets, messages and headers, those of slices too, stay clear, as CMAF
//! asks for; so samples are encrypted in their canonical form, each NAL unit after a length of 4 bytes.
//!
//! ```
//! use fluvial_mp4::boxes::KeyId;
//! use fluvial_mp4::cenc::{Decryptor, Encryption, Encryptor, Key, Scheme};
//! use media::Codec;
//!
//! // A real key and vector are random.
//! let encryption = Encryption::new(Scheme::Cenc, KeyId([7; 16]), Key::new([1; 16]), [2; 16]);
//! let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2)?);
//! let mut encryptor = Encryptor::new(&encryption, &codec, 0)?;
//!
//! let mut data = *b"a sample of sound";
//! let info = encryptor.plan(&data)?;
//! encryptor.cipher().encrypt(&info, &mut data)?;
//! assert_ne!(&data, b"a sample of sound");
//!
//! let decryptor = Decryptor::new(encryptor.protection(), &Key::new([1; 16]));
//! decryptor.decrypt(&info, &mut data)?;
//! assert_eq!(&data, b"a sample of sound");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cipher;
mod encryptor;
mod map;
mod protection;

use crate::boxes::{KeyId, Pssh};
use alloc::vec::Vec;
pub use cipher::{Cipher, Decryptor};
use core::fmt;
pub use encryptor::Encryptor;
use media::Kind;
pub use protection::Protection;

/// A key of AES-128. It is not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl Key {
    /// A key of these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// How bytes are encrypted (ISO/IEC 23001-7 §10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// `cenc`: AES in counter mode.
    Cenc,
    /// `cbc1`: AES with cipher block chaining.
    Cbc1,
    /// `cens`: AES in counter mode, of video some blocks only.
    Cens,
    /// `cbcs`: AES with cipher block chaining, of video one block in ten, with one vector for all samples.
    Cbcs,
}

/// How the tracks of a stream are to be encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encryption {
    /// How.
    pub scheme: Scheme,
    /// The name of the key.
    pub key_id: KeyId,
    /// The key.
    pub key: Key,
    /// Where initialization vectors start: random, and **another one whenever the key is used again**. For `cbcs` it
    /// is the vector of all samples; for the others its first 8 bytes are counted up, on each track from a place of
    /// its own.
    pub iv: [u8; 16],
    /// Which tracks it is for; `None`: all.
    pub kind: Option<Kind>,
    /// What systems for digital rights management need, written to `moov`.
    pub psshs: Vec<Pssh>,
}

impl Encryption {
    /// For all tracks, without anything for a system.
    #[must_use]
    pub const fn new(scheme: Scheme, key_id: KeyId, key: Key, iv: [u8; 16]) -> Self {
        Self {
            scheme,
            key_id,
            key,
            iv,
            kind: None,
            psshs: Vec::new(),
        }
    }

    /// For tracks of one kind only.
    #[must_use]
    pub const fn of_kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }
}

/// Keys by their names.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    named: Vec<(KeyId, Key)>,
    any: Option<Key>,
}

impl Keys {
    /// No keys.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            named: Vec::new(),
            any: None,
        }
    }

    /// With a key that has this name.
    #[must_use]
    pub fn with(mut self, key_id: KeyId, key: Key) -> Self {
        self.named.push((key_id, key));
        self
    }

    /// With a key for all names that have no other.
    #[must_use]
    pub fn with_any(mut self, key: Key) -> Self {
        self.any = Some(key);
        self
    }

    /// The key with this name.
    #[must_use]
    pub fn get(&self, key_id: KeyId) -> Option<&Key> {
        let named = self.named.iter().find(|(id, _)| *id == key_id);
        named.map(|(_, key)| key).or(self.any.as_ref())
    }
}
