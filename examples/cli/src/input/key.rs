//! What opens encrypted segments and samples.

use anyhow::{Result, anyhow, ensure};
use mp4::boxes::KeyId;
use mp4::cenc;

/// Keys that were given, by their names.
#[derive(Debug, Clone, Default)]
pub struct Keys {
    named: Vec<(Option<[u8; 16]>, [u8; 16])>,
}

/// A key with or without its name: 32 hexadecimal digits each, a colon between them.
#[derive(Debug, Clone)]
pub struct Named(Option<[u8; 16]>, [u8; 16]);

impl std::str::FromStr for Named {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.split_once(':') {
            Some((name, key)) => Ok(Self(Some(digits(name)?), digits(key)?)),
            None => Ok(Self(None, digits(text)?)),
        }
    }
}

fn digits(text: &str) -> Result<[u8; 16]> {
    let plain = text.replace('-', "");
    ensure!(plain.len() == 32, "{text:?} is not 32 hexadecimal digits");
    let number = u128::from_str_radix(&plain, 16)
        .map_err(|_| anyhow!("{text:?} is not 32 hexadecimal digits"))?;
    Ok(number.to_be_bytes())
}

impl Keys {
    pub fn new(given: &[Named]) -> Self {
        Self {
            named: given.iter().map(|Named(name, key)| (*name, *key)).collect(),
        }
    }

    pub const fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// The first one, for what does not tell names.
    pub fn first(&self) -> Option<[u8; 16]> {
        self.named.first().map(|(_, key)| *key)
    }

    /// With a key for all that no other one opens.
    pub fn with_any(&self, key: [u8; 16]) -> Self {
        let mut keys = self.clone();
        keys.named.push((None, key));
        keys
    }

    /// For the demuxers of MP4.
    pub fn cenc(&self) -> cenc::Keys {
        let mut keys = cenc::Keys::new();
        for (name, key) in &self.named {
            let key = cenc::Key::new(*key);
            keys = match name {
                Some(name) => keys.with(KeyId(*name), key),
                None => keys.with_any(key),
            };
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read() {
        let key = "000102030405060708090a0b0c0d0e0f";
        assert!(key.parse::<Named>().is_ok());
        let uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
        assert!(format!("{uuid}:{key}").parse::<Named>().is_ok());
        for bad in ["", "0", ":", "x00102030405060708090a0b0c0d0e0f"] {
            assert!(bad.parse::<Named>().is_err(), "{bad}");
        }
    }
}
