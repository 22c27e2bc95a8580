use super::{Key, Protection, Scheme};
use crate::Error;
use crate::boxes::{SampleEncryption, SampleInfo};
use aes::Aes128;
use aes::cipher::{BlockDecrypt, BlockEncrypt, InnerIvInit, KeyInit, StreamCipher};
use core::fmt;

/// Turns the protected bytes of samples, by one key and scheme.
#[derive(Clone)]
pub struct Cipher {
    aes: Aes128,
    scheme: Scheme,
    /// Bytes that are encrypted in a row, and bytes that then stay clear.
    pattern: (usize, usize),
    constant_iv: Option<[u8; 16]>,
}

/// Takes the encryption off samples.
#[derive(Debug, Clone)]
pub struct Decryptor(Cipher);

impl Decryptor {
    /// For samples that are protected so, with their key.
    #[must_use]
    pub fn new(protection: &Protection, key: &Key) -> Self {
        Self(Cipher::new(protection.scheme, &protection.defaults, key))
    }

    /// For samples of a group ([`Seig`](crate::boxes::Seig)) of such a track, with the group's key.
    #[must_use]
    pub fn for_group(protection: &Protection, group: &SampleEncryption, key: &Key) -> Self {
        Self(Cipher::new(protection.scheme, group, key))
    }

    /// Decrypts a sample in place.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the map of clear and protected bytes is longer than the sample.
    pub fn decrypt(&self, info: &SampleInfo, data: &mut [u8]) -> Result<(), Error> {
        self.0.run(info, data, false)
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cipher")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

type Ctr = ctr::Ctr64BE<Aes128>;

impl Cipher {
    pub(super) fn new(scheme: Scheme, how: &SampleEncryption, key: &Key) -> Self {
        let blocks = |count: u8| usize::from(count).saturating_mul(16);
        // Without a pattern, and where a pattern skips nothing, all is encrypted.
        let pattern = match (how.crypt_byte_block, how.skip_byte_block) {
            (_, 0) | (0, _) => (usize::MAX, 0),
            (crypt, skip) => (blocks(crypt), blocks(skip)),
        };
        let constant_iv = how
            .constant_iv
            .as_ref()
            .filter(|_| how.per_sample_iv_size == 0);
        Self {
            aes: Aes128::new(&key.0.into()),
            scheme,
            pattern,
            constant_iv: constant_iv.map(|bytes| {
                let mut iv = [0; 16];
                iv.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                iv
            }),
        }
    }

    /// Encrypts a sample in place.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the map of clear and protected bytes is longer than the sample.
    pub fn encrypt(&self, info: &SampleInfo, data: &mut [u8]) -> Result<(), Error> {
        self.run(info, data, true)
    }

    fn run(&self, info: &SampleInfo, data: &mut [u8], encrypt: bool) -> Result<(), Error> {
        let mut mode = self.mode(self.constant_iv.unwrap_or(info.iv), encrypt);
        if info.subsamples.is_empty() {
            self.pieces(data, &mut mode);
            return Ok(());
        }
        let size = data.len();
        let mut rest = data;
        for piece in &info.subsamples {
            let protected = usize::try_from(piece.protected).unwrap_or(usize::MAX);
            let split = rest
                .split_at_mut_checked(piece.clear.into())
                .and_then(|(_, rest)| rest.split_at_mut_checked(protected));
            let Some((bytes, after)) = split else {
                return Err(Error::Invalid {
                    field: "BytesOfProtectedData",
                    value: piece.protected.into(),
                    offset: size as u64,
                });
            };
            if self.scheme == Scheme::Cbcs {
                // Each piece starts anew (§9.6.1).
                mode = self.mode(self.constant_iv.unwrap_or(info.iv), encrypt);
            }
            self.pieces(bytes, &mut mode);
            rest = after;
        }
        Ok(())
    }

    fn mode(&self, iv: [u8; 16], encrypt: bool) -> Mode<'_> {
        match self.scheme {
            Scheme::Cenc | Scheme::Cens => {
                let core = ctr::CtrCore::inner_iv_init(self.aes.clone(), &iv.into());
                Mode::Counter(Ctr::from_core(core))
            }
            Scheme::Cbc1 | Scheme::Cbcs if encrypt => Mode::Chain(&self.aes, iv),
            Scheme::Cbc1 | Scheme::Cbcs => Mode::Unchain(&self.aes, iv),
        }
    }

    /// Goes over a protected piece by the pattern.
    fn pieces(&self, data: &mut [u8], mode: &mut Mode<'_>) {
        let (crypt, skip) = self.pattern;
        if skip == 0 {
            return mode.apply(data, self.scheme != Scheme::Cenc);
        }
        for piece in data.chunks_mut(crypt.saturating_add(skip)) {
            let encrypted = piece.len().min(crypt);
            mode.apply(piece.get_mut(..encrypted).unwrap_or_default(), true);
        }
    }
}

/// A way of using the block cipher, and how far it has come.
#[expect(
    clippy::large_enum_variant,
    reason = "it lives on the stack, once per sample"
)]
enum Mode<'a> {
    Counter(Ctr),
    Chain(&'a Aes128, [u8; 16]),
    Unchain(&'a Aes128, [u8; 16]),
}

impl Mode<'_> {
    /// Goes over bytes; with `blocks`, what is after the last whole block of 16 stays clear.
    fn apply(&mut self, data: &mut [u8], blocks: bool) {
        let (whole, _) = data.as_chunks_mut::<16>();
        match self {
            // It fails behind 2^64 blocks only.
            Mode::Counter(counter) if blocks => {
                _ = counter.try_apply_keystream(whole.as_flattened_mut());
            }
            Mode::Counter(counter) => _ = counter.try_apply_keystream(data),
            Mode::Chain(aes, last) => {
                for block in whole {
                    block
                        .iter_mut()
                        .zip(&*last)
                        .for_each(|(to, from)| *to ^= from);
                    aes.encrypt_block(block.into());
                    *last = *block;
                }
            }
            Mode::Unchain(aes, last) => {
                for block in whole {
                    let before = core::mem::replace(last, *block);
                    aes.decrypt_block(block.into());
                    block
                        .iter_mut()
                        .zip(before)
                        .for_each(|(to, from)| *to ^= from);
                }
            }
        }
    }
}
