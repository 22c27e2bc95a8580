//! Addresses, and what a control attribute means beside one (RFC 2326 §3.2, C.1.1; RFC 7826 §4.2, D.1.1).

use crate::Error;
use crate::text::Text;
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// An `rtsp`, `rtsps` or `rtspu` address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Url {
    /// `rtsp`, `rtsps` or `rtspu`.
    pub scheme: &'static str,
    /// The user's name, decoded.
    pub user: Option<String>,
    /// The password, decoded.
    pub password: Option<String>,
    /// Where.
    pub host: Host,
    /// The port, where one is told.
    pub port: Option<u16>,
    /// The path with its slash and its query, as it was written; `/` at least for none.
    pub path: String,
}

/// The host of an address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Host(String);

impl Host {
    /// The name or address, without brackets.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') {
            write!(f, "[{}]", self.0)
        } else {
            f.write_str(&self.0)
        }
    }
}

const SCHEMES: [&str; 3] = ["rtsp", "rtsps", "rtspu"];

fn scheme(text: &str) -> Option<(&'static str, &str)> {
    let (name, rest) = text.split_once("://")?;
    let known = SCHEMES
        .into_iter()
        .find(|scheme| scheme.eq_ignore_ascii_case(name))?;
    Some((known, rest))
}

impl Url {
    /// The port that is meant: 554, or 322 for `rtsps`, where none is told.
    #[must_use]
    pub fn port_or_default(&self) -> u16 {
        self.port
            .unwrap_or(if self.scheme == "rtsps" { 322 } else { 554 })
    }

    /// Whether it is to be spoken inside of TLS.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.scheme == "rtsps"
    }

    /// Path without query.
    #[must_use]
    pub fn path_only(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// What follows the question mark.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.path.split_once('?').map(|(_, query)| query)
    }

    /// As a request has to carry it: without user and password.
    #[must_use]
    pub fn request_uri(&self) -> String {
        let mut url = self.clone();
        (url.user, url.password) = (None, None);
        url.to_string()
    }
}

impl FromStr for Url {
    type Err = Error;

    /// Reads an address.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another scheme, no host, or a port that is no number of 16 bits.
    fn from_str(text: &str) -> Result<Self, Error> {
        let Some((scheme, rest)) = scheme(text) else {
            return Err(Error::invalid("scheme", text, 0));
        };
        let offset = text.len().saturating_sub(rest.len());
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
        // A password may have an at sign that nobody has escaped.
        let (user, place) = match authority.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, authority),
        };
        let place_offset = offset.saturating_add(authority.len().saturating_sub(place.len()));
        let (host, port) = match place.strip_prefix('[').and_then(|v6| v6.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => match place.rsplit_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::invalid("host", place, place_offset));
        }
        let port = match port {
            Some("") | None => None,
            Some(port) => Some(
                Text {
                    rest: port,
                    offset: place_offset.saturating_add(host.len()).saturating_add(1),
                }
                .number("port")?,
            ),
        };
        let (user, password) = match user.map(|user| user.split_once(':').unwrap_or((user, "\0"))) {
            Some((user, "\0")) => (Some(unescape(user)), None),
            Some((user, password)) => (Some(unescape(user)), Some(unescape(password))),
            None => (None, None),
        };
        let path = path.split('#').next().unwrap_or_default();
        let mut url = Url {
            scheme,
            user,
            password,
            host: Host(host.into()),
            port,
            path: String::with_capacity(path.len().saturating_add(1)),
        };
        if !path.starts_with('/') {
            url.path.push('/');
        }
        url.path.push_str(path);
        Ok(url)
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(user) = &self.user {
            escape(user, f)?;
            if let Some(password) = &self.password {
                f.write_str(":")?;
                escape(password, f)?;
            }
            f.write_str("@")?;
        }
        write!(f, "{}", self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

/// Percent decoding; what is no escape stays as it is.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = alloc::vec::Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |byte: &u8| {
            char::from(*byte)
                .to_digit(16)
                .and_then(|d| u8::try_from(d).ok())
        };
        if let [high, low, after @ ..] = tail
            && *first == b'%'
            && let (Some(high), Some(low)) = (digit(high), digit(low))
        {
            out.push(high << 4 | low);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn escape(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&byte) {
            write!(f, "{}", char::from(byte))?;
        } else {
            write!(f, "%{byte:02X}")?;
        }
    }
    Ok(())
}

/// What `control` means where `base` is the address of the presentation (RFC 2326 C.1.1).
///
/// `*` and nothing mean the base itself; an absolute address means itself; a path that begins with a slash replaces the base's
/// path. Anything else is appended behind a slash, also to a base without a slash at its end and behind a query: servers and
/// clients do that, and not what RFC 3986 says.
#[must_use]
pub(crate) fn resolve(base: &str, control: &str) -> String {
    let control = control.trim();
    if control.is_empty() || control == "*" {
        return base.into();
    }
    if scheme(control).is_some() {
        return control.into();
    }
    if control.starts_with('/')
        && let Some((_, rest)) = scheme(base)
    {
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let head = base.len().saturating_sub(rest.len()).saturating_add(end);
        return base.get(..head).unwrap_or_default().to_string() + control;
    }
    let mut url: String = base.into();
    if !url.ends_with('/') && !control.starts_with('?') {
        url.push('/');
    }
    url.push_str(control);
    url
}

/// The address of a presentation: what its description says, beside what was asked for (RFC 2326 C.1.1).
pub(crate) fn base<'a>(
    request: &str,
    content_base: Option<&'a str>,
    location: Option<&'a str>,
) -> String {
    match content_base.or(location).map(str::trim) {
        None | Some("") => request.into(),
        Some(base) => resolve(request, base),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_all_kinds() {
        let url: Url = "RTSP://us%20er:p@ss@[::1]:8554/a/b?c=d#e".parse().unwrap();
        assert_eq!(url.scheme, "rtsp");
        assert_eq!(url.user.as_deref(), Some("us er"));
        assert_eq!(url.password.as_deref(), Some("p@ss"));
        assert_eq!((url.host.as_str(), url.port), ("::1", Some(8554)));
        assert_eq!((url.path_only(), url.query()), ("/a/b", Some("c=d")));
        assert_eq!(url.to_string(), "rtsp://us%20er:p%40ss@[::1]:8554/a/b?c=d");
        assert_eq!(url.request_uri(), "rtsp://[::1]:8554/a/b?c=d");
        let url: Url = "rtsps://h".parse().unwrap();
        assert_eq!((url.path.as_str(), url.port_or_default()), ("/", 322));
        let error = "rtsp://h:99999/".parse::<Url>().unwrap_err();
        assert_eq!(error.to_string(), "port must not be \"99999\" at offset 9");
        for bad in ["", "http://h/", "rtsp://", "rtsp:///x", "rtsp://a b/"] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn control_beside_a_base() {
        let base = "rtsp://h:554/live/x";
        for (control, url) in [
            ("*", "rtsp://h:554/live/x"),
            ("", "rtsp://h:554/live/x"),
            ("trackID=1", "rtsp://h:554/live/x/trackID=1"),
            ("rtsp://other/y", "rtsp://other/y"),
            ("/y", "rtsp://h:554/y"),
            ("?track=1", "rtsp://h:554/live/x?track=1"),
        ] {
            assert_eq!(resolve(base, control), url);
        }
        assert_eq!(resolve("rtsp://h/x/", "t"), "rtsp://h/x/t");
        assert_eq!(resolve("rtsp://h/x?a=b", "t"), "rtsp://h/x?a=b/t");
        assert_eq!(resolve("rtsp://h", "/t"), "rtsp://h/t");
    }

    #[test]
    fn a_base_that_is_relative_or_empty() {
        let request = "rtsp://h/live/x";
        assert_eq!(base(request, Some("/other/"), None), "rtsp://h/other/");
        assert_eq!(base(request, Some(" "), None), request);
        assert_eq!(base(request, None, Some("rtsp://h/y/")), "rtsp://h/y/");
    }
}
