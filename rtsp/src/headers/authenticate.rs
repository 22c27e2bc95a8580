//! What is asked and told about who somebody is (RFC 7826 §18.20 ff; RFC 7616; RFC 7617).

use super::{Header, name};
use crate::Error;
use crate::text::Text;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use wire::base64;

/// One way in which a server wants to be told who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge {
    /// By name and password, which anybody can read on the way.
    Basic {
        /// For what.
        realm: String,
    },
    /// By a digest of the password and a number that is used once.
    Digest {
        /// For what.
        realm: String,
        /// The number.
        nonce: String,
        /// To be sent back as it is.
        opaque: Option<String>,
        /// Which digest.
        algorithm: Algorithm,
        /// Whether `qop="auth"` is offered, by which the client adds a number of its own.
        qop_auth: bool,
        /// Whether only the number was too old: the password need not be asked for again.
        stale: bool,
    },
    /// Something else, as it is written.
    Other(String),
}

/// A digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Algorithm {
    /// MD5.
    #[default]
    Md5,
    /// MD5 of a digest that was made with nonces at its beginning.
    Md5Sess,
    /// SHA-256.
    Sha256,
    /// SHA-256 of a digest that was made with nonces at its beginning.
    Sha256Sess,
}

impl Algorithm {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Md5Sess => "MD5-sess",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha256Sess => "SHA-256-sess",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Algorithm::Md5,
            Algorithm::Md5Sess,
            Algorithm::Sha256,
            Algorithm::Sha256Sess,
        ]
        .into_iter()
        .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text))
    }
}

/// Who somebody says he is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// Name and password.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: String,
    },
    /// A digest of them.
    Digest {
        /// The name.
        username: String,
        /// For what.
        realm: String,
        /// The server's number.
        nonce: String,
        /// What is asked for.
        uri: String,
        /// The digest, hexadecimal.
        response: String,
        /// Which digest.
        algorithm: Algorithm,
        /// As the server told it.
        opaque: Option<String>,
        /// With `qop=auth`: the client's number, and how many times the server's was used, hexadecimal.
        qop: Option<(String, String)>,
    },
    /// Something else, as it is written.
    Other(String),
}

/// The parameters of a scheme.
struct Parameters<'a>(Vec<(&'a str, String)>);

impl<'a> Parameters<'a> {
    fn read(mut text: Text<'a>) -> Self {
        let mut list = Vec::new();
        while let Some(parameter) = text.next(',') {
            let (name, value) = parameter.split('=');
            let value = value.map_or("", Text::unquoted);
            list.push((name.rest, unescape(value)));
        }
        Self(list)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(own, _)| own.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().into()
    }
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            out.push(c);
            escaped = false;
        }
    }
    out
}

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

fn scheme(text: Text<'_>) -> (&str, Text<'_>) {
    let (scheme, rest) = text.trim().split(' ');
    (scheme.rest, rest.unwrap_or(Text { rest: "", ..text }))
}

/// Where the next challenge begins behind a comma: a word, a space and a word with an equals sign.
fn challenge_end(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => {
                let next = text.get(at.saturating_add(1)..)?.trim_start();
                let word = next.split([' ', '=', ',']).next().unwrap_or_default();
                let rest = next.get(word.len()..).unwrap_or_default();
                if !word.is_empty() && rest.starts_with(' ') && !rest.trim_start().starts_with('=')
                {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

impl Challenge {
    /// Reads all challenges of one header.
    pub(crate) fn read_all(value: &str, out: &mut Vec<Challenge>) {
        let mut rest = value.trim();
        while !rest.is_empty() {
            let end = challenge_end(rest).unwrap_or(rest.len());
            let (one, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            out.push(Challenge::read(one));
            rest = after.trim_start_matches([',', ' ']);
        }
    }

    fn read(text: &str) -> Challenge {
        let (name, rest) = scheme(Text::new(text));
        let parameters = Parameters::read(rest);
        if name.eq_ignore_ascii_case("Basic") {
            return Challenge::Basic {
                realm: parameters.text("realm"),
            };
        }
        let algorithm = Algorithm::parse(parameters.get("algorithm").unwrap_or("MD5"));
        if !name.eq_ignore_ascii_case("Digest") {
            return Challenge::Other(text.trim().into());
        }
        let Some(algorithm) = algorithm else {
            return Challenge::Other(text.trim().into());
        };
        let qop = parameters.get("qop").unwrap_or_default();
        Challenge::Digest {
            realm: parameters.text("realm"),
            nonce: parameters.text("nonce"),
            opaque: parameters.get("opaque").map(ToString::to_string),
            algorithm,
            qop_auth: qop
                .split(',')
                .any(|qop| qop.trim().eq_ignore_ascii_case("auth")),
            stale: parameters
                .get("stale")
                .is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Challenge::Basic { realm } => write!(f, "Basic realm={}", Quoted(realm)),
            Challenge::Digest {
                realm,
                nonce,
                opaque,
                algorithm,
                qop_auth,
                stale,
            } => {
                write!(f, "Digest realm={}, nonce={}", Quoted(realm), Quoted(nonce))?;
                if let Some(opaque) = opaque {
                    write!(f, ", opaque={}", Quoted(opaque))?;
                }
                // Some clients do not know the parameter: the default goes without saying.
                if *algorithm != Algorithm::Md5 {
                    write!(f, ", algorithm={}", algorithm.as_str())?;
                }
                if *qop_auth {
                    f.write_str(", qop=\"auth\"")?;
                }
                if *stale {
                    f.write_str(", stale=\"true\"")?;
                }
                Ok(())
            }
            Challenge::Other(text) => f.write_str(text),
        }
    }
}

impl Credentials {
    fn read(value: &str) -> Result<Self, Error> {
        let whole = Text::new(value);
        let (name, rest) = scheme(whole);
        if name.eq_ignore_ascii_case("Basic") {
            let text = base64::decode(rest.rest.trim());
            let text = text.map(|text| String::from_utf8_lossy(&text).into_owned());
            return match text.as_deref().and_then(|text| text.split_once(':')) {
                Some((username, password)) => Ok(Credentials::Basic {
                    username: username.into(),
                    password: password.into(),
                }),
                None => Err(rest.invalid("basic-credentials")),
            };
        }
        if !name.eq_ignore_ascii_case("Digest") {
            return Ok(Credentials::Other(value.trim().into()));
        }
        let parameters = Parameters::read(rest);
        let algorithm = parameters.get("algorithm").unwrap_or("MD5");
        let Some(algorithm) = Algorithm::parse(algorithm) else {
            return Ok(Credentials::Other(value.trim().into()));
        };
        for field in ["username", "realm", "nonce", "uri", "response"] {
            if parameters.get(field).is_none() {
                return Err(Error::invalid(
                    "digest-response without one of its parameters",
                    value,
                    0,
                ));
            }
        }
        Ok(Credentials::Digest {
            username: parameters.text("username"),
            realm: parameters.text("realm"),
            nonce: parameters.text("nonce"),
            uri: parameters.text("uri"),
            response: parameters.text("response"),
            algorithm,
            opaque: parameters.get("opaque").map(ToString::to_string),
            qop: parameters
                .get("qop")
                .map(|_| (parameters.text("cnonce"), parameters.text("nc"))),
        })
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credentials::Basic { username, password } => {
                let text = [username, ":", password].concat();
                write!(f, "Basic {}", base64::encode(text.as_bytes()))
            }
            Credentials::Digest {
                username,
                realm,
                nonce,
                uri,
                response,
                algorithm,
                opaque,
                qop,
            } => {
                write!(
                    f,
                    "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
                    Quoted(username),
                    Quoted(realm),
                    Quoted(nonce),
                    Quoted(uri)
                )?;
                if *algorithm != Algorithm::Md5 {
                    write!(f, ", algorithm={}", algorithm.as_str())?;
                }
                if let Some(opaque) = opaque {
                    write!(f, ", opaque={}", Quoted(opaque))?;
                }
                if let Some((cnonce, count)) = qop {
                    write!(f, ", qop=auth, cnonce={}, nc={count}", Quoted(cnonce))?;
                }
                Ok(())
            }
            Credentials::Other(text) => f.write_str(text),
        }
    }
}

macro_rules! challenges {
    ($($(#[$doc:meta])* $type:ident $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $type(pub Vec<Challenge>);

            impl Header for $type {
                const NAME: &'static str = name::$name;

                fn parse(value: &str) -> Result<Self, Error> {
                    let mut challenges = Vec::new();
                    Challenge::read_all(value, &mut challenges);
                    Ok(Self(challenges))
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    for (index, challenge) in self.0.iter().enumerate() {
                        let separator = if index > 0 { ", " } else { "" };
                        write!(f, "{separator}{challenge}")?;
                    }
                    Ok(())
                }
            }
        )*
    };
}

challenges! {
    /// `WWW-Authenticate`: one header can carry several challenges, and there can be several headers.
    WwwAuthenticate WWW_AUTHENTICATE,
    /// `Proxy-Authenticate`.
    ProxyAuthenticate PROXY_AUTHENTICATE,
}

macro_rules! credentials {
    ($($(#[$doc:meta])* $type:ident $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub struct $type(pub Credentials);

            impl Header for $type {
                const NAME: &'static str = name::$name;

                fn parse(value: &str) -> Result<Self, Error> {
                    Credentials::read(value).map(Self)
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

credentials! {
    /// `Authorization`.
    Authorization AUTHORIZATION,
    /// `Proxy-Authorization`.
    ProxyAuthorization PROXY_AUTHORIZATION,
}

/// `Authentication-Info`: the server's next number, and its own digest (RFC 7616 §3.5).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuthenticationInfo {
    /// The number to use from now on.
    pub nextnonce: Option<String>,
    /// The digest by which the server shows that it knows the password, too.
    pub rspauth: Option<String>,
}

impl Header for AuthenticationInfo {
    const NAME: &'static str = name::AUTHENTICATION_INFO;

    fn parse(value: &str) -> Result<Self, Error> {
        let parameters = Parameters::read(Text::new(value));
        Ok(Self {
            nextnonce: parameters.get("nextnonce").map(ToString::to_string),
            rspauth: parameters.get("rspauth").map(ToString::to_string),
        })
    }
}

impl fmt::Display for AuthenticationInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (name, value) in [("nextnonce", &self.nextnonce), ("rspauth", &self.rspauth)] {
            if let Some(value) = value {
                write!(f, "{separator}{name}={}", Quoted(value))?;
                separator = ", ";
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_challenges_in_one_header() {
        let text = "Digest realm=\"a, b\", nonce=\"x\\\"y\", algorithm=SHA-256, qop=\"auth,auth-int\", stale=TRUE, Basic realm=\"a\"";
        let list = WwwAuthenticate::parse(text).unwrap();
        assert_eq!(
            list.0,
            [
                Challenge::Digest {
                    realm: "a, b".into(),
                    nonce: "x\"y".into(),
                    opaque: None,
                    algorithm: Algorithm::Sha256,
                    qop_auth: true,
                    stale: true,
                },
                Challenge::Basic { realm: "a".into() },
            ]
        );
        assert_eq!(WwwAuthenticate::parse(&list.to_string()).unwrap(), list);
        let odd =
            WwwAuthenticate::parse("Digest realm=\"x\",nonce=\"y\",algorithm=SHA-512").unwrap();
        assert!(matches!(odd.0[0], Challenge::Other(_)));
    }

    #[test]
    fn credentials_of_both_kinds() {
        let basic = Authorization::parse("Basic dXNlcjpwYTpzcw==").unwrap();
        assert_eq!(
            basic.0,
            Credentials::Basic {
                username: "user".into(),
                password: "pa:ss".into()
            }
        );
        assert_eq!(basic.to_string(), "Basic dXNlcjpwYTpzcw==");
        let text = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"rtsp://h/\", response=\"00\", qop=auth, cnonce=\"c\", nc=00000001";
        let digest = Authorization::parse(text).unwrap();
        assert_eq!(digest.to_string(), text);
        assert!(Authorization::parse("Basic !").is_err());
        assert!(Authorization::parse("Digest username=\"u\"").is_err());
    }
}
