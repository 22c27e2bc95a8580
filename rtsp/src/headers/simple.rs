//! Headers that are a list of words, a number or a text.

use super::{Header, name};
use crate::text::Text;
use crate::{Error, Method};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

macro_rules! lists {
    ($($(#[$doc:meta])* $type:ident $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Default)]
            pub struct $type(pub Vec<String>);

            impl $type {
                /// Whether a word is in the list, without regard to case.
                #[must_use]
                pub fn contains(&self, word: &str) -> bool {
                    self.0.iter().any(|own| own.eq_ignore_ascii_case(word))
                }
            }

            impl Header for $type {
                const NAME: &'static str = name::$name;

                fn parse(value: &str) -> Result<Self, Error> {
                    let mut text = Text::new(value);
                    let mut list = Vec::new();
                    while let Some(word) = text.next(',') {
                        list.push(word.rest.into());
                    }
                    Ok(Self(list))
                }
            }

            impl<S: Into<String>> FromIterator<S> for $type {
                fn from_iter<I: IntoIterator<Item = S>>(words: I) -> Self {
                    Self(words.into_iter().map(Into::into).collect())
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    for (index, word) in self.0.iter().enumerate() {
                        let separator = if index > 0 { ", " } else { "" };
                        write!(f, "{separator}{word}")?;
                    }
                    Ok(())
                }
            }
        )*
    };
}

lists! {
    /// `Accept`: types of descriptions that the client understands (RFC 2326 §12.1).
    Accept ACCEPT,
    /// `Accept-Encoding` (RFC 2326 §12.2).
    AcceptEncoding ACCEPT_ENCODING,
    /// `Accept-Language` (RFC 2326 §12.3).
    AcceptLanguage ACCEPT_LANGUAGE,
    /// `Accept-Ranges`: formats of ranges that can be asked for (RFC 7826 §18.5).
    AcceptRanges ACCEPT_RANGES,
    /// `Allow`: methods that the resource takes (RFC 2326 §12.4).
    Allow ALLOW,
    /// `Cache-Control`: directives (RFC 2326 §12.8).
    CacheControl CACHE_CONTROL,
    /// `Connection`: options (RFC 2326 §12.10).
    Connection CONNECTION,
    /// `Content-Encoding` (RFC 2326 §12.11).
    ContentEncoding CONTENT_ENCODING,
    /// `Content-Language` (RFC 2326 §12.12).
    ContentLanguage CONTENT_LANGUAGE,
    /// `If-Match` (RFC 7826 §18.24).
    IfMatch IF_MATCH,
    /// `If-None-Match` (RFC 7826 §18.26).
    IfNoneMatch IF_NONE_MATCH,
    /// `Proxy-Require`: features that proxies on the way must have (RFC 2326 §12.27).
    ProxyRequire PROXY_REQUIRE,
    /// `Proxy-Supported` (RFC 7826 §18.38).
    ProxySupported PROXY_SUPPORTED,
    /// `Public`: methods that the server has (RFC 2326 §12.28).
    Public PUBLIC,
    /// `Require`: features that the other side must have (RFC 2326 §12.32).
    Require REQUIRE,
    /// `Supported`: features that this side has (RFC 7826 §18.51).
    Supported SUPPORTED,
    /// `Unsupported`: features that were required and are not there (RFC 2326 §12.41).
    Unsupported UNSUPPORTED,
    /// `Via`: proxies on the way (RFC 2326 §12.43).
    Via VIA,
}

impl Public {
    /// Whether a method is in the list.
    #[must_use]
    pub fn has(&self, method: &Method) -> bool {
        self.contains(method.as_str())
    }
}

macro_rules! numbers {
    ($($(#[$doc:meta])* $type:ident $name:ident $number:ty,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
            pub struct $type(pub $number);

            impl Header for $type {
                const NAME: &'static str = name::$name;

                fn parse(value: &str) -> Result<Self, Error> {
                    Text::new(value).number(name::$name).map(Self)
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*
    };
}

numbers! {
    /// `Bandwidth`: what the client can take, in bits per second (RFC 2326 §12.6).
    Bandwidth BANDWIDTH u64,
    /// `Blocksize`: greatest size of packets that the client asks for, in bytes without headers of lower layers (RFC 2326 §12.7).
    Blocksize BLOCKSIZE u32,
    /// `Content-Length`: bytes of the body (RFC 2326 §12.14).
    ContentLength CONTENT_LENGTH u64,
    /// `CSeq`: the number that pairs requests and responses (RFC 2326 §12.17).
    CSeq CSEQ u32,
    /// `Pipelined-Requests`: names a session that has no identifier yet (RFC 7826 §18.33).
    PipelinedRequests PIPELINED_REQUESTS u32,
}

macro_rules! texts {
    ($($(#[$doc:meta])* $type:ident $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq, Hash)]
            pub struct $type(pub String);

            impl Header for $type {
                const NAME: &'static str = name::$name;

                fn parse(value: &str) -> Result<Self, Error> {
                    Ok(Self(value.trim().into()))
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*
    };
}

texts! {
    /// `Accept-Credentials` (RFC 7826 §18.2).
    AcceptCredentials ACCEPT_CREDENTIALS,
    /// `Conference` (RFC 2326 §12.9).
    Conference CONFERENCE,
    /// `Connection-Credentials` (RFC 7826 §18.13).
    ConnectionCredentials CONNECTION_CREDENTIALS,
    /// `Content-Base`: what relative addresses in the body are relative to (RFC 2326 C.1.1).
    ContentBase CONTENT_BASE,
    /// `Content-Location`: where the body can be had by itself (RFC 2326 §12.14).
    ContentLocation CONTENT_LOCATION,
    /// `Content-Type` of the body (RFC 2326 §12.16).
    ContentType CONTENT_TYPE,
    /// `Date` of the message (RFC 2326 §12.18).
    Date DATE,
    /// `Expires`: when a description is stale (RFC 2326 §12.19).
    Expires EXPIRES,
    /// `From`: who asks (RFC 2326 §12.20).
    From FROM,
    /// `If-Modified-Since` (RFC 2326 §12.23).
    IfModifiedSince IF_MODIFIED_SINCE,
    /// `Last-Modified` (RFC 2326 §12.24).
    LastModified LAST_MODIFIED,
    /// `Location`: where to go instead (RFC 2326 §12.25).
    Location LOCATION,
    /// `MTag`: names the state of a description (RFC 7826 §18.31).
    MTag MTAG,
    /// `Rate-Control`: whether the server paces a replay, `yes` or `no` (ONVIF Streaming Specification §6.4).
    RateControl RATE_CONTROL,
    /// `Referrer` (RFC 7826 §18.41).
    Referrer REFERRER,
    /// `Retry-After`: seconds or a date (RFC 2326 §12.33).
    RetryAfter RETRY_AFTER,
    /// `Server`: what the server calls itself (RFC 2326 §12.36).
    Server SERVER,
    /// `User-Agent`: what the client calls itself (RFC 2326 §12.42).
    UserAgent USER_AGENT,
}

fn decimal(text: Text<'_>, field: &'static str) -> Result<f64, Error> {
    let text = text.trim();
    match text.rest.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(text.invalid(field)),
    }
}

/// `Scale`: how fast the presentation's time passes while it is shown; negative for backwards (RFC 2326 §12.34).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale(pub f64);

impl Header for Scale {
    const NAME: &'static str = name::SCALE;

    fn parse(value: &str) -> Result<Self, Error> {
        decimal(Text::new(value), "scale").map(Self)
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// `Speed`: how fast data is sent (RFC 2326 §12.35), from the least to the most that will do (RFC 7826 §18.50).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Speed {
    /// The least, or the only one.
    pub from: f64,
    /// The most, where there is a range.
    pub to: Option<f64>,
}

impl Header for Speed {
    const NAME: &'static str = name::SPEED;

    fn parse(value: &str) -> Result<Self, Error> {
        let (from, to) = Text::new(value).split('-');
        Ok(Self {
            from: decimal(from, "lower-bound")?,
            to: to.map(|to| decimal(to, "upper-bound")).transpose()?,
        })
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.from)?;
        self.to.map_or(Ok(()), |to| write!(f, "-{to:?}"))
    }
}

/// `Timestamp`: when the client sent the request, and how long the server took (RFC 2326 §12.38), in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timestamp {
    /// By the client's clock.
    pub sent: f64,
    /// Between request and response.
    pub delay: Option<f64>,
}

impl Header for Timestamp {
    const NAME: &'static str = name::TIMESTAMP;

    fn parse(value: &str) -> Result<Self, Error> {
        let (sent, delay) = Text::new(value).trim().split(' ');
        Ok(Self {
            sent: decimal(sent, "timestamp")?,
            delay: delay.map(|delay| decimal(delay, "delay")).transpose()?,
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.sent)?;
        self.delay.map_or(Ok(()), |delay| write!(f, " {delay:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn lists_numbers_and_decimals() {
        let public = Public::parse("OPTIONS,PLAY , TEARDOWN,").unwrap();
        assert!(public.has(&Method::Play) && !public.has(&Method::Pause));
        assert_eq!(public.to_string(), "OPTIONS, PLAY, TEARDOWN");
        assert_eq!(CSeq::parse(" 7 ").unwrap(), CSeq(7));
        assert_eq!(
            Bandwidth::parse("1e3").unwrap_err().to_string(),
            "Bandwidth must not be \"1e3\" at offset 0"
        );
        assert_eq!(Scale::parse("-2").unwrap().to_string(), "-2.0");
        assert!(Scale::parse("inf").is_err());
        assert_eq!(Speed::parse("1.0-2.5").unwrap().to_string(), "1.0-2.5");
        assert_eq!(
            Timestamp::parse("1.5 0.25").unwrap().to_string(),
            "1.5 0.25"
        );
    }
}
