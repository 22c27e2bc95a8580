//! URLs of streams, and by which protocol of the family each is reached.

use crate::{Error, client::Auth};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// A protocol of the family: what lies between the transport and RTMP's chunk stream.
///
/// | scheme | transport, from outside in | port |
/// |---|---|---|
/// | `rtmp` | TCP | 1935 |
/// | `rtmps` | TCP, TLS | 443 |
/// | `rtmpe` | TCP, RTMPE's handshake and cipher | 1935 |
/// | `rtmpt` | TCP, HTTP ([`tunnel`](crate::tunnel)) | 80 |
/// | `rtmpte` | TCP, HTTP, RTMPE | 80 |
/// | `rtmpts` | TCP, TLS, HTTP | 443 |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scheme {
    /// Nothing.
    #[default]
    Rtmp,
    /// TLS, which is the caller's.
    Rtmps,
    /// Obfuscation, which is not security.
    Rtmpe,
    /// HTTP.
    Rtmpt,
    /// HTTP, and obfuscation inside of it.
    Rtmpte,
    /// HTTP inside of TLS.
    Rtmpts,
}

impl Scheme {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Rtmp,
        Self::Rtmps,
        Self::Rtmpe,
        Self::Rtmpt,
        Self::Rtmpte,
        Self::Rtmpts,
    ];

    /// As it stands in a URL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtmps => "rtmps",
            Self::Rtmpe => "rtmpe",
            Self::Rtmpt => "rtmpt",
            Self::Rtmpte => "rtmpte",
            Self::Rtmpts => "rtmpts",
        }
    }

    /// The port where a URL tells none.
    #[must_use]
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Rtmp | Self::Rtmpe => 1935,
            Self::Rtmps | Self::Rtmpts => 443,
            Self::Rtmpt | Self::Rtmpte => 80,
        }
    }

    /// Whether TLS is outermost: the caller's task.
    #[must_use]
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Rtmps | Self::Rtmpts)
    }

    /// Whether the bytes go inside of HTTP requests ([`tunnel::Client`](crate::tunnel::Client)).
    #[must_use]
    pub const fn is_tunnelled(self) -> bool {
        matches!(self, Self::Rtmpt | Self::Rtmpte | Self::Rtmpts)
    }

    /// Whether the session's handshake is that of RTMPE: [`client::Config::new`](crate::client::Config::new) sees to it.
    #[must_use]
    pub const fn is_obfuscated(self) -> bool {
        matches!(self, Self::Rtmpe | Self::Rtmpte)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = Error;

    /// In letters of any case.
    fn from_str(text: &str) -> Result<Self, Error> {
        let scheme = Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(text))
            .ok_or(Error::State(
                "a URL's scheme must be rtmp, rtmps, rtmpe, rtmpt, rtmpte or rtmpts",
            ))?;
        if scheme.is_obfuscated() && !cfg!(feature = "rtmpe") {
            return Err(Error::Unsupported(
                "RTMPE needs the feature rtmpe, which is off",
            ));
        }
        Ok(scheme)
    }
}

/// A URL of a stream, taken apart as encoders do it.
///
/// Application and name are not told apart by a rule: of two path segments the first is the application, of more the first two, or
/// one where the second has a prefix as in `mp4:`; the rest is the name, the query its part. A fragment is left out.
///
/// ```
/// use fluvial_rtmp::{Scheme, Url};
///
/// let url: Url = "rtmpts://media.example.net/live/room?key=1".parse()?;
/// assert_eq!((url.scheme, &*url.host, url.port), (Scheme::Rtmpts, "media.example.net", 443));
/// assert_eq!((&*url.app, &*url.name), ("live", "room?key=1"));
/// assert_eq!(url.tc_url(), "rtmpts://media.example.net/live");
/// # Ok::<(), fluvial_rtmp::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// How the server is reached.
    pub scheme: Scheme,
    /// Who connects, where the URL tells a user and a password.
    pub credentials: Option<(String, String)>,
    /// Name or address; an IPv6 address in its brackets.
    pub host: String,
    /// The port, that of the scheme where the URL tells none.
    pub port: u16,
    /// The application.
    pub app: String,
    /// The stream's name with its query.
    pub name: String,
}

/// Without the password.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.credentials.as_ref().map(|(user, _)| user);
        f.debug_struct("Url")
            .field("scheme", &self.scheme)
            .field("user", &user)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("app", &self.app)
            .field("name", &self.name)
            .finish()
    }
}

impl Url {
    /// The URL of the application.
    #[must_use]
    pub fn tc_url(&self) -> String {
        format!("{}/{}", self.origin(), self.app)
    }

    /// What answers challenges for the URL's user, if it names one.
    #[must_use]
    pub fn auth(&self) -> Option<Auth> {
        let (user, password) = self.credentials.as_ref()?;
        Some(Auth::new(user, password))
    }

    /// The host without an IPv6 address's brackets, as a resolver or a certificate has it.
    #[must_use]
    pub fn host_name(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// Host and port as HTTP's `Host` has them.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if *port == self.scheme.default_port() {
            host.clone()
        } else {
            format!("{host}:{port}")
        }
    }

    fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority())
    }
}

/// Without user and password.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tc_url())?;
        if self.name.is_empty() {
            return Ok(());
        }
        write!(f, "/{}", self.name)
    }
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(Error::State("a URL needs a scheme"))?;
        let scheme: Scheme = scheme.parse()?;
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, authority) = match authority.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, authority),
        };
        let credentials = user.map(|user| {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            (decoded(user), decoded(password))
        });
        // The colons of an IPv6 address stand inside brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (
                host,
                port.parse()
                    .map_err(|_| Error::State("a URL's port must be a number below 65536"))?,
            ),
            _ => (authority, scheme.default_port()),
        };
        if host.is_empty() {
            return Err(Error::State("a URL needs a host"));
        }
        if host.contains(':') && !(host.starts_with('[') && host.ends_with(']')) {
            return Err(Error::State("an IPv6 address in a URL needs brackets"));
        }
        let (path, query) = path
            .find('?')
            .and_then(|at| path.split_at_checked(at))
            .unwrap_or((path, ""));
        let mut segments = path.splitn(3, '/');
        let (app, name) = match (
            segments.next().unwrap_or_default(),
            segments.next(),
            segments.next(),
        ) {
            (a, Some(b), Some(c)) if b.contains(':') => (a.to_owned(), format!("{b}/{c}")),
            (a, Some(b), Some(c)) => (format!("{a}/{b}"), c.to_owned()),
            (a, Some(b), None) => (a.to_owned(), b.to_owned()),
            (a, None, _) => (a.to_owned(), String::new()),
        };
        Ok(Self {
            scheme,
            credentials,
            host: host.to_owned(),
            port,
            app,
            name: format!("{name}{query}"),
        })
    }
}

/// With what is written as `%` and two digits as what it means (RFC 3986 §2.1); as it is where that makes no text.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        if byte == b'%'
            && let [high, low, after @ ..] = rest
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
            && let Ok(byte) = u8::try_from(high << 4 | low)
        {
            bytes.push(byte);
            rest = after;
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts() {
        let parts = |text: &str| {
            let url: Url = text.parse().unwrap();
            (
                url.host.clone(),
                url.port,
                url.app.clone(),
                url.name.clone(),
                url.tc_url(),
            )
        };
        let expect = |host: &str, port, app: &str, name: &str, tc_url: &str| {
            (
                host.to_owned(),
                port,
                app.to_owned(),
                name.to_owned(),
                tc_url.to_owned(),
            )
        };
        assert_eq!(
            parts("rtmp://h/live/x?a=1/2#f"),
            expect("h", 1935, "live", "x?a=1/2", "rtmp://h/live")
        );
        assert_eq!(
            parts("RTMP://u:p@h:99/a/b/c/d"),
            expect("h", 99, "a/b", "c/d", "rtmp://h:99/a/b")
        );
        assert_eq!(
            parts("rtmps://[::1]/live"),
            expect("[::1]", 443, "live", "", "rtmps://[::1]/live")
        );
        assert_eq!(
            parts("rtmp://[::1]:1/a/b"),
            expect("[::1]", 1, "a", "b", "rtmp://[::1]:1/a")
        );
        assert_eq!(
            parts("rtmpt://h/vod/mp4:films/a.mp4"),
            expect("h", 80, "vod", "mp4:films/a.mp4", "rtmpt://h/vod")
        );
        for bad in [
            "live/x",
            "http://h/x",
            "rtmpx://h/x",
            "rtmp:///x",
            "rtmp://h:x/y",
            "rtmp://h:65536/y",
            "rtmp://::1:80/y",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn schemes() {
        for scheme in Scheme::ALL {
            let url = format!("{scheme}://h/live/x").parse::<Url>();
            if scheme.is_obfuscated() && !cfg!(feature = "rtmpe") {
                assert!(matches!(url, Err(Error::Unsupported(_))), "{url:?}");
                continue;
            }
            let url = url.unwrap();
            assert_eq!((url.scheme, url.port), (scheme, scheme.default_port()));
            assert_eq!(url.to_string(), format!("{scheme}://h/live/x"));
        }
    }

    #[test]
    fn users() {
        let url: Url = "rtmp://me%40home:p%3a%zz@h/live/x".parse().unwrap();
        let told = ("me@home".to_owned(), "p:%zz".to_owned());
        assert_eq!(url.credentials, Some(told));
        assert!(!format!("{url:?} {url}").contains("%zz"), "{url:?}");
        assert!(url.auth().is_some());
        let url: Url = "rtmp://h/live/x".parse().unwrap();
        assert!(url.auth().is_none());
    }

    proptest! {
        #[test]
        fn what_is_parsed_is_parsed_alike_again(text in "rtmps?://[a-z@:%1\\[\\]]{0,8}/[a-z/:?#%]{0,12}") {
            if let Ok(url) = text.parse::<Url>() {
                let again: Url = url.to_string().parse().unwrap();
                prop_assert_eq!(&again.host, &url.host);
                prop_assert_eq!(again.port, url.port);
                if !url.name.is_empty() {
                    prop_assert_eq!(again.to_string(), url.to_string());
                }
            }
        }
    }
}
