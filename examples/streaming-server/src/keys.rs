//! Keys that publishers have to show: in the query of the name, as encoders have a field for it.

use std::str::FromStr;

/// A key, for one stream or for all that have none of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    stream: Option<String>,
    key: String,
}

impl FromStr for Key {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (stream, key) = match text.split_once('=') {
            Some((stream, key)) if stream.contains('/') => (Some(stream.to_owned()), key),
            Some((name, key)) => (Some(format!("live/{name}")), key),
            None => (None, text),
        };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if key.is_empty() || !key.bytes().all(plain) {
            return Err("a key is of letters, digits and -._~".into());
        }
        Ok(Self {
            stream,
            key: key.into(),
        })
    }
}

/// Whether a stream may be published by who shows this query: `key=KEY` in it, or the key alone.
pub(crate) fn admit(keys: &[Key], stream: &str, query: &str) -> bool {
    let own = |key: &&Key| key.stream.as_deref() == Some(stream);
    let has_own = keys.iter().any(|key| own(&key));
    let mut wanted = keys
        .iter()
        .filter(|key| match has_own {
            true => own(key),
            false => key.stream.is_none(),
        })
        .peekable();
    if wanted.peek().is_none() {
        return true;
    }
    let shown: Vec<&str> = query
        .split('&')
        .map(|part| part.strip_prefix("key=").unwrap_or(part))
        .collect();
    wanted.any(|key| shown.iter().any(|shown| same(&key.key, shown)))
}

/// Takes as long wherever they differ.
fn same(a: &str, b: &str) -> bool {
    let differ = a.bytes().zip(b.bytes()).fold(0, |all, (a, b)| all | a ^ b);
    a.len() == b.len() && differ == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_their_own_and_keys_of_all() {
        let keys: Vec<Key> = ["all", "x=for-x", "app/y=for.y"]
            .map(|text| text.parse().unwrap())
            .into();
        for (stream, query) in [
            ("live/other", "key=all"),
            ("live/other", "all"),
            ("live/other", "a=b&key=all&c"),
            ("live/x", "key=for-x"),
            ("app/y", "key=for.y"),
        ] {
            assert!(admit(&keys, stream, query), "{stream}?{query}");
        }
        for (stream, query) in [
            ("live/other", ""),
            ("live/other", "key="),
            ("live/other", "key=al"),
            ("live/other", "key=alll"),
            ("live/other", "other=all"),
            ("live/x", "key=all"),
            ("app/x", "key=for-x"),
        ] {
            assert!(!admit(&keys, stream, query), "{stream}?{query}");
        }
        assert!(admit(&[], "live/x", ""));
        assert!(admit(&keys[1..], "live/other", ""));
        for bad in ["", "x=", "a b", "x=a=b", "é"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
    }
}
