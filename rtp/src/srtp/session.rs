//! Session keys and what they do to one packet.

use super::{MasterKey, Profile};
use crate::Error;
use aes::cipher::{
    BlockCipher, BlockEncrypt, BlockSizeUser, InnerIvInit, KeyInit, StreamCipher,
    StreamCipherCoreWrapper,
};
use aes::{Aes128Enc, Aes256Enc, cipher::consts::U16};
use aes_gcm::{AeadInPlace, Aes128Gcm, Aes256Gcm, Tag};
use alloc::boxed::Box;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// What a key is derived for (RFC 3711 §4.3.1); RTCP's labels are 3 more.
const ENCRYPTION: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALT: u8 = 2;

#[expect(
    clippy::large_enum_variant,
    reason = "one lies in each `Half`, which is boxed"
)]
enum Aes {
    Short(Aes128Enc),
    Long(Aes256Enc),
}

impl Aes {
    fn new(key: &[u8]) -> Result<Self, Error> {
        let bad = |_| Error::Invalid {
            field: "bytes of the SRTP key",
            value: key.len() as u64,
            offset: 0,
        };
        if key.len() == 32 {
            Aes256Enc::new_from_slice(key).map(Self::Long).map_err(bad)
        } else {
            Aes128Enc::new_from_slice(key).map(Self::Short).map_err(bad)
        }
    }

    /// Counter mode (RFC 3711 §4.1.1): exclusive or of the data with the key stream of this first counter.
    fn counter_mode(&self, iv: [u8; 16], data: &mut [u8]) {
        fn run<C: BlockEncrypt + BlockCipher + BlockSizeUser<BlockSize = U16>>(
            cipher: &C,
            iv: [u8; 16],
            data: &mut [u8],
        ) {
            let core =
                ctr::CtrCore::<&C, ctr::flavors::Ctr128BE>::inner_iv_init(cipher, &iv.into());
            StreamCipherCoreWrapper::from_core(core).apply_keystream(data);
        }
        match self {
            Self::Short(cipher) => run(cipher, iv, data),
            Self::Long(cipher) => run(cipher, iv, data),
        }
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "one lies in each `Half`, which is boxed"
)]
enum Gcm {
    Short(Aes128Gcm),
    Long(Aes256Gcm),
}

/// The keys of RTP, or those of RTCP.
enum Keys {
    Separate {
        aes: Aes,
        salt: [u8; 14],
        hmac: Hmac<Sha1>,
    },
    Aead {
        gcm: Gcm,
        salt: [u8; 12],
    },
}

/// A position in a stream, from which the initialisation vector is made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    pub(super) ssrc: u32,
    /// 48 bits in SRTP, 31 bits in SRTCP.
    pub(super) index: u64,
}

/// One side of a [`Session`]: RTP or RTCP.
pub(super) struct Half(Box<Keys>);

/// All session keys of a master key.
pub(super) struct Session {
    pub(super) rtp: Half,
    pub(super) rtcp: Half,
}

/// Key derivation with a rate of 0 (RFC 3711 §4.3).
fn derive(master: &Aes, salt: &[u8], label: u8, out: &mut [u8]) {
    // The salts of AEAD profiles are 96 bits, filled up with zeros on the right (RFC 7714 §11).
    let mut iv = [0; 16];
    iv.iter_mut().zip(salt).for_each(|(to, from)| *to = *from);
    iv[7] ^= label;
    out.fill(0);
    master.counter_mode(iv, out);
}

impl Session {
    pub(super) fn new(profile: Profile, key: &MasterKey) -> Result<Self, Error> {
        let master = Aes::new(&key.key)?;
        Ok(Self {
            rtp: Half::derive(profile, &master, &key.salt, 0)?,
            rtcp: Half::derive(profile, &master, &key.salt, 3)?,
        })
    }
}

impl Half {
    fn derive(profile: Profile, master: &Aes, salt: &[u8], base: u8) -> Result<Self, Error> {
        let mut key = Zeroizing::new([0; 32]);
        let key = key.get_mut(..profile.key_len()).unwrap_or_default();
        derive(master, salt, base.saturating_add(ENCRYPTION), key);
        let mut session_salt = [0; 14];
        derive(master, salt, base.saturating_add(SALT), &mut session_salt);
        let mut auth = Zeroizing::new([0; 20]);
        derive(
            master,
            salt,
            base.saturating_add(AUTHENTICATION),
            &mut *auth,
        );
        Self::new(profile, key, session_salt, &auth)
    }

    fn new(profile: Profile, key: &[u8], salt: [u8; 14], auth: &[u8; 20]) -> Result<Self, Error> {
        let bad = |_| Error::Invalid {
            field: "bytes of the SRTP key",
            value: key.len() as u64,
            offset: 0,
        };
        let [salt12 @ .., _, _] = salt;
        Ok(Self(Box::new(match profile {
            Profile::AeadAes128Gcm => Keys::Aead {
                gcm: Gcm::Short(Aes128Gcm::new_from_slice(key).map_err(bad)?),
                salt: salt12,
            },
            Profile::AeadAes256Gcm => Keys::Aead {
                gcm: Gcm::Long(Aes256Gcm::new_from_slice(key).map_err(bad)?),
                salt: salt12,
            },
            _ => Keys::Separate {
                aes: Aes::new(key)?,
                salt,
                hmac: <Hmac<Sha1> as Mac>::new_from_slice(auth).map_err(bad)?,
            },
        })))
    }

    /// Encrypts `data`. With an AEAD, `aad` is authenticated too, and the tag is given.
    pub(super) fn encrypt(
        &self,
        at: Position,
        aad: &[&[u8]],
        data: &mut [u8],
    ) -> Result<Option<[u8; 16]>, Error> {
        match &*self.0 {
            Keys::Separate { aes, salt, .. } => {
                aes.counter_mode(counter(at, salt), data);
                Ok(None)
            }
            Keys::Aead { gcm, salt } => {
                let nonce = nonce(at, salt).into();
                let aad = Aad::new(aad);
                let tag = match gcm {
                    Gcm::Short(gcm) => gcm.encrypt_in_place_detached(&nonce, aad.get(), data),
                    Gcm::Long(gcm) => gcm.encrypt_in_place_detached(&nonce, aad.get(), data),
                };
                // The only reason is a length of 64 GiB.
                let too_long = |_| wire::TooLong {
                    what: "SRTP payload",
                    value: data.len() as u64,
                    max: u32::MAX.into(),
                };
                Ok(Some(tag.map_err(too_long)?.into()))
            }
        }
    }

    /// Decrypts `data`; with an AEAD only after `tag` was found right, in constant time.
    pub(super) fn decrypt(
        &self,
        at: Position,
        aad: &[&[u8]],
        data: &mut [u8],
        tag: &[u8],
    ) -> Result<(), Error> {
        match &*self.0 {
            Keys::Separate { aes, salt, .. } => {
                aes.counter_mode(counter(at, salt), data);
                Ok(())
            }
            Keys::Aead { gcm, salt } => {
                let nonce = nonce(at, salt).into();
                let aad = Aad::new(aad);
                let tag: &[u8; 16] = tag.try_into().map_err(|_| Error::Authentication)?;
                let tag: &Tag = tag.into();
                match gcm {
                    Gcm::Short(gcm) => gcm.decrypt_in_place_detached(&nonce, aad.get(), data, tag),
                    Gcm::Long(gcm) => gcm.decrypt_in_place_detached(&nonce, aad.get(), data, tag),
                }
                .map_err(|_| Error::Authentication)
            }
        }
    }

    /// The authentication code over two pieces, of which a tag is the start; none with an AEAD.
    pub(super) fn code(&self, first: &[u8], second: &[u8]) -> Option<[u8; 20]> {
        match &*self.0 {
            Keys::Separate { hmac, .. } => {
                let mut mac = hmac.clone();
                mac.update(first);
                mac.update(second);
                Some(mac.finalize().into_bytes().into())
            }
            Keys::Aead { .. } => None,
        }
    }

    /// Checks a tag over two pieces in constant time; with an AEAD that is [`Self::decrypt`]'s.
    pub(super) fn verify(&self, first: &[u8], second: &[u8], tag: &[u8]) -> Result<(), Error> {
        match &*self.0 {
            Keys::Separate { hmac, .. } => {
                let mut mac = hmac.clone();
                mac.update(first);
                mac.update(second);
                mac.verify_truncated_left(tag)
                    .map_err(|_| Error::Authentication)
            }
            Keys::Aead { .. } => Ok(()),
        }
    }
}

/// Associated data in one piece: that of RTP is, that of RTCP is a header and a trailer.
enum Aad<'a> {
    Whole(&'a [u8]),
    Joined(alloc::vec::Vec<u8>),
}

impl<'a> Aad<'a> {
    fn new(pieces: &[&'a [u8]]) -> Self {
        match pieces {
            [whole] => Self::Whole(whole),
            pieces => Self::Joined(pieces.concat()),
        }
    }

    fn get(&self) -> &[u8] {
        match self {
            Self::Whole(whole) => whole,
            Self::Joined(joined) => joined,
        }
    }
}

/// The first counter of a packet (RFC 3711 §4.1.1): salt · 2^16 ⊕ SSRC · 2^64 ⊕ index · 2^16.
fn counter(at: Position, salt: &[u8; 14]) -> [u8; 16] {
    let position = u128::from(at.ssrc) << 64 | u128::from(at.index) << 16;
    let mut iv = position.to_be_bytes();
    iv.iter_mut().zip(salt).for_each(|(to, salt)| *to ^= salt);
    iv
}

/// The nonce of a packet (RFC 7714 §8.1, §9.1): two zero bytes, SSRC, the index in 6 bytes, ⊕ salt.
fn nonce(at: Position, salt: &[u8; 12]) -> [u8; 12] {
    let position = u128::from(at.ssrc) << 48 | u128::from(at.index);
    let [_, _, _, _, mut nonce @ ..] = position.to_be_bytes();
    nonce
        .iter_mut()
        .zip(salt)
        .for_each(|(to, salt)| *to ^= salt);
    nonce
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;

#[cfg(test)]
impl Session {
    /// From session keys, as the vectors of RFC 7714 give them.
    pub(super) fn from_session_keys(profile: Profile, key: &[u8], salt: &[u8]) -> Self {
        let mut long = [0; 14];
        long[..salt.len()].copy_from_slice(salt);
        let half = || Half::new(profile, key, long, &[0; 20]).expect("right lengths");
        Self {
            rtp: half(),
            rtcp: half(),
        }
    }
}
