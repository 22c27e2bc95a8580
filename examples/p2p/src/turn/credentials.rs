//! Time-limited credentials, as TURN servers and web services commonly share them: the user name is `expiry:name` (seconds since
//! 1970), the password the base64 of its HMAC-SHA1 under a secret that both know. Nothing has to be stored.

use base64ct::{Base64, Encoding};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use std::fmt;

/// What the passwords are made with.
#[derive(Clone)]
pub struct Secret(Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A user name and its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:name`.
    pub username: String,
    /// Base64.
    pub password: String,
}

/// Longest user name of the protocol, in bytes (RFC 8489, section 14.3: less than 509).
const LONGEST: usize = 508;

impl Secret {
    /// From what the operator gives.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// From chance: good until the server ends.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random::<[u8; 32]>().to_vec())
    }

    /// Credentials of `name` that are good until `expiry`, in seconds since 1970.
    #[must_use]
    pub fn issue(&self, name: &str, expiry: u64) -> Credentials {
        let username = format!("{expiry}:{name}");
        let password = self.password(&username);
        Credentials { username, password }
    }

    /// The password of a user name that has been issued, or would be.
    #[must_use]
    pub fn password(&self, username: &str) -> String {
        Base64::encode_string(&self.mac(&[username.as_bytes()]))
    }

    /// HMAC-SHA1 of all parts.
    #[must_use]
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> [u8; 20] {
        // HMAC takes keys of any length.
        let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(&self.0) else {
            return [0; 20];
        };
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

/// The name of a user name `expiry:name` that has not expired at `now`; `expiry` alone is nobody in particular.
#[must_use]
pub fn name_of(username: &str, now: u64) -> Option<&str> {
    if username.len() > LONGEST {
        return None;
    }
    let (expiry, name) = username.split_once(':').unwrap_or((username, ""));
    // `parse` would take a sign.
    let digits = expiry.bytes().all(|byte| byte.is_ascii_digit());
    (digits && expiry.parse::<u64>().ok()? > now).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_what_others_make_of_the_same_secret() {
        // printf '1800000000:ann' | openssl dgst -sha1 -hmac north -binary | base64
        let issued = Secret::new("north").issue("ann", 1_800_000_000);
        assert_eq!(issued.username, "1800000000:ann");
        assert_eq!(issued.password, "Sqiimhz6m4x0uPJBfx56aqeAS4E=");
    }

    #[test]
    fn names_end_with_their_time() {
        assert_eq!(name_of("100:ann", 99), Some("ann"));
        assert_eq!(name_of("100:ann:b", 99), Some("ann:b"));
        assert_eq!(name_of("100", 99), Some(""));
        assert_eq!(name_of("100:ann", 100), None);
        for bad in [
            "",
            ":ann",
            "ann",
            "+200:ann",
            "-1:ann",
            "99999999999999999999999:a",
        ] {
            assert_eq!(name_of(bad, 99), None, "{bad}");
        }
        assert_eq!(name_of(&format!("100:{}", "x".repeat(505)), 99), None);
    }

    #[test]
    fn a_secret_is_not_told() {
        assert_eq!(format!("{:?}", Secret::new("north")), "Secret(..)");
    }
}
