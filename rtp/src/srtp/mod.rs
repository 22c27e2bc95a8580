//! SRTP and SRTCP (RFC 3711, RFC 6188, RFC 7714): packets encrypted and authenticated, in place.
//!
//! A [`Context`] is one direction: one protects what is sent, another unprotects what is received.
//! Keys come from `a=crypto` lines ([`sdes`]), from MIKEY ([`mikey`]), from DTLS ([`MasterKey::from_dtls`]) or from elsewhere.
//!
//! ```
//! use fluvial_rtp::srtp::{Config, Context, MasterKey, Profile};
//!
//! let profile = Profile::AeadAes128Gcm;
//! let key = MasterKey::new(profile, &[7; 16], &[9; 12])?;
//! let mut sender = Context::new(profile, std::slice::from_ref(&key), Config::default())?;
//! let mut receiver = Context::new(profile, &[key], Config::default())?;
//!
//! let rtp = [0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 42, b'h', b'i'];
//! let mut packet = rtp.to_vec();
//! sender.protect(&mut packet)?;
//! assert_eq!(packet.len(), rtp.len() + profile.rtp_tag_len());
//! let again = packet.clone();
//! receiver.unprotect(&mut packet)?;
//! assert_eq!(packet, rtp);
//! assert!(receiver.unprotect(&mut again.clone()).is_err(), "replayed");
//! # Ok::<(), fluvial_rtp::Error>(())
//! ```
//!
//! Not here: key derivation rates other than 0, F8, TESLA, encrypted header extensions (RFC 6904), EKT.

mod context;
mod head;
mod key;
pub mod mikey;
mod profile;
mod replay;
pub mod sdes;
mod session;
mod stage;

pub use context::{Config, Context};
pub use key::MasterKey;
pub use profile::Profile;
pub use stage::Secure;

#[cfg(test)]
mod tests;
