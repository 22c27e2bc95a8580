//! RTMPE: keys agreed upon in C1 and S1, and everything after C2 and S2 through RC4.
//!
//! **This is obfuscation, not security.** Nobody is authenticated, so whoever sits between the two reads and changes all of it; the
//! group has 1024 bits, RC4 is broken, and nothing protects what it carries from being changed. It is here for programs that ask
//! for it. To keep a secret use RTMPS.

mod agreement;
mod cipher;
mod signature;

pub(super) use agreement::{Agreement, PublicKey};
pub(crate) use cipher::Cipher;
pub(super) use signature::encipher;

/// How the signatures in C2 and S2 are enciphered: the version in C0 and S0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Encryption {
    /// 6: not at all.
    Plain,
    /// 8: by XTEA.
    Xtea,
    /// 9: by Blowfish.
    Blowfish,
}

impl Encryption {
    /// The version in C0 and S0.
    #[must_use]
    pub const fn version(self) -> u8 {
        match self {
            Encryption::Plain => 6,
            Encryption::Xtea => 8,
            Encryption::Blowfish => 9,
        }
    }

    /// What a version means; none where it is not RTMPE.
    #[must_use]
    pub const fn of(version: u8) -> Option<Self> {
        match version {
            6 => Some(Encryption::Plain),
            8 => Some(Encryption::Xtea),
            9 => Some(Encryption::Blowfish),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
