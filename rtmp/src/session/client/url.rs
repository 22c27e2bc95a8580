use crate::Error;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::str::FromStr;

/// A URL of a stream, taken apart as encoders do it.
///
/// Application and name are not told apart by a rule: of two path segments the first is the application, of more the first two;
/// the rest is the name, the query its part. User and fragment are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Url {
    /// `rtmp`, `rtmps`.
    pub scheme: String,
    /// Name or address; an IPv6 address in its brackets.
    pub host: String,
    /// The port, 1935 where the URL tells none, 443 for `rtmps`.
    pub port: u16,
    /// The application.
    pub app: String,
    /// The stream's name with its query.
    pub name: String,
}

impl Url {
    /// The URL of the application.
    #[must_use]
    pub fn tc_url(&self) -> String {
        let Self {
            scheme,
            host,
            port,
            app,
            ..
        } = self;
        if *port == default_port(scheme) {
            format!("{scheme}://{host}/{app}")
        } else {
            format!("{scheme}://{host}:{port}/{app}")
        }
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "rtmps" { 443 } else { 1935 }
}

impl FromStr for Url {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(Error::State("a URL needs a scheme"))?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(&*scheme, "rtmp" | "rtmps") {
            return Err(Error::State("a URL's scheme must be rtmp or rtmps"));
        }
        let rest = rest.split_once('#').map_or(rest, |(rest, _)| rest);
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, authority)| authority);
        // The colons of an IPv6 address stand inside brackets.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (
                host,
                port.parse()
                    .map_err(|_| Error::State("a URL's port must be a number below 65536"))?,
            ),
            _ => (authority, default_port(&scheme)),
        };
        if host.is_empty() {
            return Err(Error::State("a URL needs a host"));
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
            (a, Some(b), Some(c)) => (format!("{a}/{b}"), c),
            (a, Some(b), None) => (a.to_owned(), b),
            (a, None, _) => (a.to_owned(), ""),
        };
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
            app,
            name: format!("{name}{query}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for bad in [
            "live/x",
            "http://h/x",
            "rtmp:///x",
            "rtmp://h:x/y",
            "rtmp://h:65536/y",
        ] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }
}
