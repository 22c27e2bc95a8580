//! `KeyMgmt` (RFC 4567 §4.2): keys of SRTP beside a request or a response.

use super::{Header, name};
use crate::Error;
use crate::text::Text;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One key management message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct KeyMgmt {
    /// The protocol: `mikey`.
    pub protocol: String,
    /// What the keys are for; the request's address where none is told.
    pub uri: Option<String>,
    /// The message in base64.
    pub data: String,
}

/// All key management messages of a request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct KeyMgmts(pub Vec<KeyMgmt>);

impl KeyMgmt {
    /// A message of MIKEY in base64.
    #[must_use]
    pub fn mikey(uri: Option<String>, data: impl Into<String>) -> Self {
        Self {
            protocol: "mikey".into(),
            uri,
            data: data.into(),
        }
    }

    fn read(mut text: Text<'_>) -> Result<Self, Error> {
        let whole = text;
        let mut message = Self::default();
        while let Some(parameter) = text.next(';') {
            let (key, value) = parameter.split('=');
            let Some(value) = value else { continue };
            let (key, value) = (key.rest, value.unquoted());
            if key.eq_ignore_ascii_case("prot") {
                message.protocol = value.into();
            } else if key.eq_ignore_ascii_case("uri") {
                message.uri = Some(value.into());
            } else if key.eq_ignore_ascii_case("data") {
                message.data = value.into();
            }
        }
        if message.protocol.is_empty() || message.data.is_empty() {
            return Err(whole.invalid(name::KEY_MGMT));
        }
        Ok(message)
    }
}

impl Header for KeyMgmt {
    const NAME: &'static str = name::KEY_MGMT;

    /// Reads the first one of a list.
    fn parse(value: &str) -> Result<Self, Error> {
        match Text::new(value).next(',') {
            Some(first) => Self::read(first),
            None => Err(Error::invalid(name::KEY_MGMT, value, 0)),
        }
    }
}

impl Header for KeyMgmts {
    const NAME: &'static str = name::KEY_MGMT;

    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        let mut messages = Vec::new();
        while let Some(part) = text.next(',') {
            messages.push(KeyMgmt::read(part)?);
        }
        Ok(Self(messages))
    }
}

impl fmt::Display for KeyMgmt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "prot={};", self.protocol)?;
        if let Some(uri) = &self.uri {
            write!(f, " uri=\"{uri}\";")?;
        }
        write!(f, " data=\"{}\"", self.data)
    }
}

impl fmt::Display for KeyMgmts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, message) in self.0.iter().enumerate() {
            write!(f, "{}{message}", if n == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        // The form of RFC 4567 §4.2 and of GStreamer.
        let text = "prot=mikey; uri=\"rtsp://h/x/stream=0\"; data=\"AQAFgM0XflABAAAA/+9=\"";
        let message = KeyMgmt::parse(text).expect("reads");
        assert_eq!(message.uri.as_deref(), Some("rtsp://h/x/stream=0"));
        assert_eq!(message.data, "AQAFgM0XflABAAAA/+9=");
        assert_eq!(alloc::format!("{message}"), text);
        let two = alloc::format!("{text}, prot=mikey;data=\"QQ==\"");
        let messages = KeyMgmts::parse(&two).expect("reads");
        assert_eq!(messages.0[1], KeyMgmt::mikey(None, "QQ=="));
        for bad in ["", "prot=mikey", "data=\"QQ==\""] {
            assert!(KeyMgmt::parse(bad).is_err(), "{bad}");
        }
    }
}
