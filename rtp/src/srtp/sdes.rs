//! Keys in session descriptions: the attribute `a=crypto` (RFC 4568), which belongs only into SDP that is itself protected.

use super::{Config, MasterKey, Profile};
use crate::Error;
use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use base64ct::{Base64, Base64Unpadded, Encoding};
use core::fmt;
use core::str::FromStr;
use zeroize::Zeroize;

/// One `a=crypto` attribute: `tag suite inline:key|lifetime|MKI:length;... parameters`.
///
/// ```
/// use fluvial_rtp::srtp::{Context, sdes::Crypto};
///
/// let line = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32";
/// let crypto: Crypto = line.parse()?;
/// assert_eq!(crypto.to_string(), line["a=crypto:".len()..]);
/// let (profile, keys) = (crypto.profile()?, crypto.master_keys()?);
/// Context::new(profile, &keys, crypto.config()?)?;
/// # Ok::<(), fluvial_rtp::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crypto {
    /// Which of the offered attributes this is; an answer repeats it. Up to 9 digits.
    pub tag: u32,
    /// The crypto suite. One that is not known here is passed over by who chooses among offers.
    pub suite: String,
    /// The keys, at least one.
    pub keys: Vec<Inline>,
    /// Session parameters, as they are written: `KDR=n`, `UNENCRYPTED_SRTP`, `UNENCRYPTED_SRTCP`,
    /// `UNAUTHENTICATED_SRTP`, `FEC_ORDER=..`, `FEC_KEY=..`, `WSH=n`, and extensions.
    pub parameters: Vec<String>,
}

/// A key of an `a=crypto` attribute. Its memory is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Inline {
    /// Master key and salt, one after the other.
    pub key_and_salt: Vec<u8>,
    /// Packets that the key may protect.
    pub lifetime: Option<u64>,
    /// The master key identifier: its value, and the bytes that it takes in packets, 1 to 128.
    pub mki: Option<(u64, u8)>,
}

impl Inline {
    /// A key and its salt, without lifetime and identifier.
    #[must_use]
    pub fn new(key_and_salt: &[u8]) -> Self {
        Self {
            key_and_salt: key_and_salt.to_vec(),
            lifetime: None,
            mki: None,
        }
    }
}

impl Crypto {
    /// The attribute for a key of a profile.
    #[must_use]
    pub fn new(tag: u32, profile: Profile, key: &MasterKey) -> Self {
        let mut inline = Inline::new(&[&*key.key, &*key.salt].concat());
        inline.lifetime = key.lifetime;
        let value = key
            .mki
            .iter()
            .fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        inline.mki = u8::try_from(key.mki.len())
            .ok()
            .filter(|len| *len > 0)
            .map(|len| (value, len));
        Self {
            tag,
            suite: profile.name().to_string(),
            keys: alloc::vec![inline],
            parameters: Vec::new(),
        }
    }

    /// The profile of the suite.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the suite is not known here.
    pub fn profile(&self) -> Result<Profile, Error> {
        Profile::from_name(&self.suite)
            .ok_or_else(|| Error::Unsupported(Cow::Owned(self.suite.clone())))
    }

    /// The master keys, for a [`Context`](super::Context).
    ///
    /// # Errors
    /// As [`profile`](Self::profile) has them; [`Error::Invalid`] where a key is not as long as the suite wants it.
    pub fn master_keys(&self) -> Result<Vec<MasterKey>, Error> {
        let profile = self.profile()?;
        let master = |inline: &Inline| {
            let mut key = MasterKey::concatenated(profile, &inline.key_and_salt)?;
            key.lifetime = inline.lifetime;
            if let Some((value, len)) = inline.mki {
                let mut mki = alloc::vec![0; len.into()];
                mki.iter_mut()
                    .rev()
                    .zip(value.to_be_bytes().into_iter().rev())
                    .for_each(|(to, from)| *to = from);
                key.mki = mki;
            }
            Ok(key)
        };
        self.keys.iter().map(master).collect()
    }

    /// What the session parameters ask of a [`Context`](super::Context). `WSH` and the order of FEC need nothing.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for the other parameters, which must not be passed over (RFC 4568 §6.3.7), but for
    /// unknown ones whose name begins with `-`.
    pub fn config(&self) -> Result<Config, Error> {
        let mut config = Config::default();
        for parameter in &self.parameters {
            match parameter.as_str() {
                "UNENCRYPTED_SRTP" => config.encrypt_rtp = false,
                "UNENCRYPTED_SRTCP" => config.encrypt_rtcp = false,
                "KDR=0" => {}
                other
                    if other.starts_with(['-'])
                        || other.starts_with("WSH=")
                        || other.starts_with("FEC_ORDER=") => {}
                other => return Err(Error::Unsupported(Cow::Owned(other.to_string()))),
            }
        }
        Ok(config)
    }
}

fn invalid(field: &'static str, text: &str, part: &str) -> Error {
    // `part` is a piece of `text`.
    let offset = (part.as_ptr().addr()).saturating_sub(text.as_ptr().addr());
    Error::Invalid {
        field,
        value: part.len() as u64,
        offset: offset as u64,
    }
}

fn digits<T: FromStr>(text: &str) -> Option<T> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

fn decode(text: &str) -> Option<Vec<u8>> {
    // Many leave the padding out.
    let bare = text.trim_end_matches('=');
    Base64Unpadded::decode_vec(bare).ok()
}

impl FromStr for Inline {
    type Err = Error;

    /// Reads `inline:key|lifetime|MKI:length`; the last two may be missing, each by itself.
    fn from_str(text: &str) -> Result<Self, Error> {
        let rest = text
            .get(..7)
            .filter(|method| method.eq_ignore_ascii_case("inline:"))
            .and(text.get(7..));
        let rest = rest.ok_or_else(|| invalid("SDES key method", text, text))?;
        let mut fields = rest.split('|');
        let key = fields.next().unwrap_or_default();
        let key_and_salt = decode(key).ok_or_else(|| invalid("SDES key", text, key))?;
        let mut inline = Self {
            key_and_salt,
            lifetime: None,
            mki: None,
        };
        for field in fields {
            if let Some((value, len)) = field.split_once(':') {
                let len = digits(len).filter(|len| (1..=128).contains(len));
                let mki = digits(value).zip(len).filter(|_| inline.mki.is_none());
                inline.mki = Some(mki.ok_or_else(|| invalid("SDES MKI", text, field))?);
            } else {
                let lifetime = match field.strip_prefix("2^") {
                    Some(power) => digits(power).and_then(|power| 1u64.checked_shl(power)),
                    None => digits(field),
                };
                let free = inline.lifetime.is_none() && inline.mki.is_none();
                let lifetime = lifetime.filter(|lifetime| *lifetime > 0 && free);
                inline.lifetime =
                    Some(lifetime.ok_or_else(|| invalid("SDES lifetime", text, field))?);
            }
        }
        Ok(inline)
    }
}

impl FromStr for Crypto {
    type Err = Error;

    /// Reads the attribute's value; `a=crypto:` may stand before it.
    fn from_str(text: &str) -> Result<Self, Error> {
        let value = text.trim();
        let value = value.strip_prefix("a=").unwrap_or(value);
        let value = value.strip_prefix("crypto:").unwrap_or(value);
        let mut fields = value.split_ascii_whitespace();
        let mut next = || fields.next().unwrap_or_default();
        let (tag, suite, keys) = (next(), next(), next());
        let number = digits(tag).filter(|_| !tag.is_empty() && tag.len() <= 9);
        let tag = number.ok_or_else(|| invalid("SDES tag", text, tag))?;
        if suite.is_empty() {
            return Err(invalid("SDES crypto suite", text, suite));
        }
        let keys = keys
            .split(';')
            .map(Inline::from_str)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            tag,
            suite: suite.to_string(),
            keys,
            parameters: fields.map(ToString::to_string).collect(),
        })
    }
}

impl fmt::Display for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "inline:{}", Base64::encode_string(&self.key_and_salt))?;
        match self.lifetime {
            Some(packets) if packets.is_power_of_two() => write!(f, "|2^{}", packets.ilog2())?,
            Some(packets) => write!(f, "|{packets}")?,
            None => {}
        }
        if let Some((value, len)) = self.mki {
            write!(f, "|{value}:{len}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Crypto {
    /// The attribute's value, without `a=crypto:`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.tag, self.suite)?;
        for (n, key) in self.keys.iter().enumerate() {
            write!(f, "{}{key}", if n == 0 { "" } else { ";" })?;
        }
        self.parameters
            .iter()
            .try_for_each(|parameter| write!(f, " {parameter}"))
    }
}

impl fmt::Debug for Inline {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline")
            .field("bytes", &self.key_and_salt.len())
            .field("lifetime", &self.lifetime)
            .field("mki", &self.mki)
            .finish_non_exhaustive()
    }
}

impl Drop for Inline {
    fn drop(&mut self) {
        self.key_and_salt.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The examples of RFC 4568 §6.1 and §9.1.
    #[test]
    fn examples_of_the_standard() {
        let lines = [
            "1 AES_CM_128_HMAC_SHA1_80 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:32",
            "1 AES_CM_128_HMAC_SHA1_32 inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj|2^20|1:4 FEC_ORDER=FEC_SRTP",
            "2 F8_128_HMAC_SHA1_80 inline:MTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5QUJjZGVm|2^20|1:4;inline:QUJjZGVmMTIzNDU2Nzg5QUJDREUwMTIzNDU2Nzg5|2^20|2:4 FEC_ORDER=FEC_SRTP",
        ];
        for line in lines {
            let crypto: Crypto = line.parse().expect(line);
            assert_eq!(crypto.to_string(), line);
            assert_eq!(format!("a=crypto:{line}\r\n").parse(), Ok(crypto.clone()));
            if let Ok(keys) = crypto.master_keys() {
                assert_eq!(
                    keys[0].mki().len(),
                    usize::from(crypto.keys[0].mki.expect("told").1)
                );
                assert_eq!(keys[0].mki().last(), Some(&1));
                assert_eq!(keys[0].lifetime, Some(1 << 20));
            } else {
                assert!(line.contains("F8"));
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told() {
        let key = "inline:NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj";
        for (line, field) in [
            ("", "SDES tag"),
            ("x A inline:QQ", "SDES tag"),
            ("1", "SDES crypto suite"),
            ("1 A", "SDES key method"),
            ("1 A line:QQ", "SDES key method"),
            ("1 A inline:Q!", "SDES key"),
            ("1 A inline:QUFB|2^64", "SDES lifetime"),
            ("1 A inline:QUFB|7|7", "SDES lifetime"),
            ("1 A inline:QUFB|1:0", "SDES MKI"),
            ("1 A inline:QUFB|1:129", "SDES MKI"),
        ] {
            let error = Crypto::from_str(line).expect_err(line);
            assert!(
                matches!(error, Error::Invalid { field: f, .. } if f == field),
                "{line}: {error}"
            );
        }
        let crypto = |parameters: &str| {
            Crypto::from_str(&format!("1 AES_CM_128_HMAC_SHA1_80 {key} {parameters}"))
                .expect("reads")
        };
        assert!(matches!(
            crypto("KDR=1").config(),
            Err(Error::Unsupported(_))
        ));
        assert!(matches!(
            crypto("UNAUTHENTICATED_SRTP").config(),
            Err(Error::Unsupported(_))
        ));
        assert!(crypto("WSH=64 -x").config().expect("fine").encrypt_rtp);
        assert!(
            !crypto("UNENCRYPTED_SRTP")
                .config()
                .expect("fine")
                .encrypt_rtp
        );
    }

    #[test]
    fn padding_may_be_missing() {
        for text in [
            "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==",
            "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw",
        ] {
            let inline: Inline = text.parse().expect("reads");
            assert_eq!(inline.key_and_salt, (0..28).collect::<Vec<u8>>());
            MasterKey::concatenated(Profile::AeadAes128Gcm, &inline.key_and_salt)
                .expect("28 bytes");
        }
    }

    proptest! {
        #[test]
        fn there_and_back(
            tag in 0u32..1_000_000_000,
            key in proptest::collection::vec(any::<u8>(), 1..50),
            lifetime in proptest::option::of(1u64..),
            mki in proptest::option::of((any::<u64>(), 1u8..=128)),
        ) {
            let inline = Inline { key_and_salt: key, lifetime, mki };
            let crypto = Crypto { tag, suite: "X".into(), keys: vec![inline.clone(), inline], parameters: vec!["A=1".into()] };
            prop_assert_eq!(crypto.to_string().parse(), Ok(crypto));
        }

        #[test]
        fn no_text_is_too_odd(text in ".{0,80}") {
            let _ = Crypto::from_str(&text);
        }
    }
}
