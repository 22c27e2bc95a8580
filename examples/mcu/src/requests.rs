//! What clients ask for: bodies of JSON, and what stands behind a URL. Layouts have a file of their own; the fuzzer takes in both as they are.

use serde::Deserialize;

/// What is to be changed of a participant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// Nobody hears it.
    pub(crate) muted: Option<bool>,
    /// Nobody sees it.
    pub(crate) hidden: Option<bool>,
    /// Its picture is that of a screen.
    pub(crate) screen: Option<bool>,
    /// How loud it is made.
    pub(crate) gain: Option<f32>,
}

/// Whether there is to be a recording.
#[derive(Debug, Deserialize)]
pub(crate) struct Record {
    pub(crate) on: bool,
}

/// A server that is to get the mix.
#[derive(Debug, Deserialize)]
pub(crate) struct Target {
    pub(crate) url: String,
}

/// A camera that is to be pulled.
#[derive(Debug, Deserialize)]
pub(crate) struct Camera {
    pub(crate) url: String,
}

/// A value of a query, decoded.
pub(crate) fn parameter(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(key, _)| *key == name)?;
    let value = value.replace('+', " ");
    let mut out = Vec::new();
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        if byte == b'%' {
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push(u8::try_from(16 * high + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        assert_eq!(parameter("a=1&name=x%20y", "name").as_deref(), Some("x y"));
        assert_eq!(parameter("a=1", "name"), None);
        assert_eq!(parameter("name=%f", "name"), None);
        assert_eq!(parameter("name=%ff", "name"), None);
    }
}
