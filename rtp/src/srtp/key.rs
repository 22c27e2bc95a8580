use super::Profile;
use crate::Error;
use alloc::vec::Vec;
use core::fmt;
use zeroize::Zeroize;

/// A master key with its salt (RFC 3711 §3.2.1). Its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    pub(super) key: Vec<u8>,
    pub(super) salt: Vec<u8>,
    pub(super) mki: Vec<u8>,
    pub(super) lifetime: Option<u64>,
}

impl MasterKey {
    /// A key and its salt, as long as the profile has them.
    ///
    /// # Errors
    /// [`Error::Invalid`] where one of them is not as long as `profile` wants it.
    pub fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, Error> {
        let lengths = [
            ("bytes of the SRTP master key", key.len(), profile.key_len()),
            (
                "bytes of the SRTP master salt",
                salt.len(),
                profile.salt_len(),
            ),
        ];
        for (field, len, wanted) in lengths {
            if len != wanted {
                return Err(Error::Invalid {
                    field,
                    value: len as u64,
                    offset: 0,
                });
            }
        }
        Ok(Self {
            key: key.to_vec(),
            salt: salt.to_vec(),
            mki: Vec::new(),
            lifetime: None,
        })
    }

    /// The key and the salt one after the other, as SDES carries them (RFC 4568 §6.1).
    ///
    /// # Errors
    /// [`Error::Invalid`] where there are not exactly as many bytes as `profile` wants.
    pub fn concatenated(profile: Profile, key_and_salt: &[u8]) -> Result<Self, Error> {
        let (key, salt) = key_and_salt
            .split_at_checked(profile.key_len())
            .unwrap_or((key_and_salt, &[]));
        Self::new(profile, key, salt)
    }

    /// The keys of the DTLS client and of the server, in this order, from the keying material that
    /// DTLS exports under the label `EXTRACTOR-dtls_srtp` (RFC 5764 §4.2).
    ///
    /// # Errors
    /// [`Error::Invalid`] where there are not twice as many bytes as a key and a salt have.
    pub fn from_dtls(profile: Profile, material: &[u8]) -> Result<(Self, Self), Error> {
        let mut rest = material;
        let mut next = |len| {
            let (head, tail) = rest.split_at_checked(len).unwrap_or((rest, &[]));
            rest = tail;
            head
        };
        let [client_key, server_key] = [next(profile.key_len()), next(profile.key_len())];
        let [client_salt, server_salt] = [next(profile.salt_len()), next(profile.salt_len())];
        if !rest.is_empty() {
            let field = "bytes of the DTLS keying material";
            return Err(Error::Invalid {
                field,
                value: material.len() as u64,
                offset: 0,
            });
        }
        Ok((
            Self::new(profile, client_key, client_salt)?,
            Self::new(profile, server_key, server_salt)?,
        ))
    }

    /// The key with a master key identifier, which every packet then carries (RFC 3711 §3.1).
    #[must_use]
    pub fn with_mki(mut self, mki: &[u8]) -> Self {
        self.mki = mki.to_vec();
        self
    }

    /// The key for so many packets of RTP, and of RTCP, and no more; without this, 2^48 packets of RTP
    /// and 2^31 of RTCP (RFC 3711 §9.2).
    #[must_use]
    pub const fn with_lifetime(mut self, packets: u64) -> Self {
        self.lifetime = Some(packets);
        self
    }

    /// The master key identifier; empty where there is none.
    #[must_use]
    pub fn mki(&self) -> &[u8] {
        &self.mki
    }
}

impl Drop for MasterKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.salt.zeroize();
    }
}

impl fmt::Debug for MasterKey {
    /// Without the key and the salt: logs are no place for them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MasterKey")
            .field("mki", &self.mki)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}
