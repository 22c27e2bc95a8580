use super::digest::{Inputs, response};
use crate::headers::{Algorithm, Challenge, Credentials};
use crate::{Method, url};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use wire::hex;

/// How a server asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// For what names and passwords are.
    pub realm: String,
    /// Digests that are offered, best first. Default SHA-256 and MD5.
    pub digests: Vec<Algorithm>,
    /// Whether Basic is offered. Default no: anybody on the way can read it.
    pub basic: bool,
    /// How long a number can be used. Default 5 minutes.
    pub nonce_lifetime: Duration,
}

impl Config {
    /// The defaults for a realm.
    #[must_use]
    pub fn new(realm: impl Into<String>) -> Self {
        Self {
            realm: realm.into(),
            digests: alloc::vec![Algorithm::Sha256, Algorithm::Md5],
            basic: false,
            nonce_lifetime: Duration::from_secs(300),
        }
    }
}

/// Why somebody is not who he says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// Nothing was said.
    #[error("no credentials were given")]
    Missing,
    /// What was said is right, but the server's number has expired.
    #[error("the nonce has expired")]
    Stale,
    /// What was said is wrong, or in a way that was not offered.
    #[error("the credentials are wrong")]
    Wrong,
}

/// Challenges clients and checks their answers.
///
/// Nothing is kept per client: a number carries the time at which it was given out, and a seal.
#[derive(Clone)]
pub struct Server {
    config: Config,
    key: [u8; 32],
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server whose numbers are sealed with a random key.
    #[must_use]
    pub const fn new(config: Config, key: [u8; 32]) -> Self {
        Self { config, key }
    }

    /// What to write into `WWW-Authenticate`, one header for each.
    #[must_use]
    pub fn challenges(&self, now: Duration, stale: bool) -> Vec<Challenge> {
        let digests = self
            .config
            .digests
            .iter()
            .map(|algorithm| Challenge::Digest {
                realm: self.config.realm.clone(),
                nonce: self.nonce(now),
                opaque: None,
                algorithm: *algorithm,
                qop_auth: true,
                stale,
            });
        let basic = self.config.basic.then(|| Challenge::Basic {
            realm: self.config.realm.clone(),
        });
        digests.chain(basic).collect()
    }

    fn nonce(&self, now: Duration) -> String {
        let time = u64::try_from(now.as_millis())
            .unwrap_or(u64::MAX)
            .to_be_bytes();
        let mut nonce = hex::encode(&time);
        nonce.push_str(&self.seal(&time));
        nonce
    }

    fn seal(&self, time: &[u8]) -> String {
        // A key of any length will do.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.key) else {
            return String::new();
        };
        mac.update(time);
        hex::encode(
            mac.finalize()
                .into_bytes()
                .first_chunk::<16>()
                .unwrap_or(&[0; 16]),
        )
    }

    /// When a number of ours was given out.
    fn given_out(&self, nonce: &str) -> Option<Duration> {
        let (time, seal) = nonce.split_at_checked(16)?;
        let time = u64::from_str_radix(time, 16).ok()?;
        same(seal, &self.seal(&time.to_be_bytes())).then(|| Duration::from_millis(time))
    }

    /// Checks what a client says with a request.
    ///
    /// # Errors
    /// [`Denied`]: answer with [`challenges`](Self::challenges), which say whether the number was [`Denied::Stale`].
    pub fn verify<P: AsRef<str>>(
        &self,
        credentials: Option<&Credentials>,
        method: &Method,
        uri: &str,
        password_of: impl FnOnce(&str) -> Option<P>,
        now: Duration,
    ) -> Result<(), Denied> {
        match credentials {
            None => Err(Denied::Missing),
            Some(Credentials::Basic { username, password }) if self.config.basic => {
                let right = password_of(username);
                let right = right.as_ref().map(AsRef::as_ref);
                // Unknown names take as long as known ones.
                let same = same(password, right.unwrap_or("\0"));
                if same && right.is_some() {
                    Ok(())
                } else {
                    Err(Denied::Wrong)
                }
            }
            Some(Credentials::Digest {
                username,
                realm,
                nonce,
                uri: signed,
                response: answer,
                algorithm,
                qop,
                ..
            }) => {
                if !self.config.digests.contains(algorithm)
                    || *realm != self.config.realm
                    || !is_for(signed, uri)
                {
                    return Err(Denied::Wrong);
                }
                let Some(since) = self.given_out(nonce) else {
                    // Perhaps from before a restart.
                    return Err(Denied::Stale);
                };
                let right = password_of(username);
                let right = right.as_ref().map(AsRef::as_ref);
                let inputs = Inputs {
                    algorithm: *algorithm,
                    username,
                    realm,
                    password: right.unwrap_or("\0"),
                    nonce,
                    qop: qop
                        .as_ref()
                        .map(|(cnonce, count)| (cnonce.as_str(), count.as_str())),
                    uri: signed,
                };
                if !same(&answer.to_ascii_lowercase(), &response(method, &inputs))
                    || right.is_none()
                {
                    return Err(Denied::Wrong);
                }
                if now.saturating_sub(since) > self.config.nonce_lifetime {
                    return Err(Denied::Stale);
                }
                Ok(())
            }
            Some(_) => Err(Denied::Wrong),
        }
    }
}

/// Whether what a client has signed is what it asks for: players sign the address of the presentation where they ask for one of
/// its media.
fn is_for(signed: &str, asked: &str) -> bool {
    let path = |text: &str| {
        let text = url::unescape(text);
        let path = match text.split_once("://") {
            Some((_, rest)) => rest
                .find('/')
                .and_then(|at| rest.get(at..))
                .unwrap_or("/")
                .into(),
            None => text,
        };
        String::from(path.trim_end_matches('/'))
    };
    let (signed, asked) = (path(signed), path(asked));
    asked
        .strip_prefix(&signed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || signed.is_empty())
}

/// Without telling by the time it takes where the first difference is.
fn same(left: &str, right: &str) -> bool {
    let differences = left
        .bytes()
        .zip(right.bytes())
        .fold(0, |differences, (left, right)| differences | (left ^ right));
    left.len() == right.len() && differences == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Client;

    const URL: &str = "rtsp://h/live/x";

    fn server(change: impl FnOnce(&mut Config)) -> Server {
        let mut config = Config::new("r");
        change(&mut config);
        Server::new(config, [1; 32])
    }

    fn password(user: &str) -> Option<&'static str> {
        (user == "u").then_some("p")
    }

    fn check(
        server: &Server,
        name: &str,
        secret: &str,
        uri: &str,
        later: u64,
    ) -> Result<(), Denied> {
        let mut client = Client::new(name, secret, 5);
        client.choose(&server.challenges(Duration::ZERO, false));
        let answer = client.answer(&Method::Play, uri);
        let now = Duration::from_secs(later);
        server.verify(
            answer.as_ref(),
            &Method::Play,
            "rtsp://h/live/x/track",
            password,
            now,
        )
    }

    #[test]
    fn every_scheme_with_right_and_wrong_passwords() {
        for server in [
            server(|_| {}),
            server(|config| config.digests = alloc::vec![Algorithm::Md5]),
            server(|config| config.digests = alloc::vec![Algorithm::Md5Sess]),
            server(|config| config.digests = alloc::vec![Algorithm::Sha256Sess]),
            server(|config| (config.digests.clear(), config.basic = true).1),
        ] {
            assert_eq!(check(&server, "u", "p", URL, 1), Ok(()));
            assert_eq!(check(&server, "u", "q", URL, 1), Err(Denied::Wrong));
            assert_eq!(check(&server, "v", "p", URL, 1), Err(Denied::Wrong));
            assert_eq!(check(&server, "v", "\0", URL, 1), Err(Denied::Wrong));
        }
    }

    #[test]
    fn numbers_expire_and_are_not_made_up() {
        let server = server(|_| {});
        assert_eq!(check(&server, "u", "p", URL, 300), Ok(()));
        assert_eq!(check(&server, "u", "p", URL, 301), Err(Denied::Stale));
        assert_eq!(
            check(&server, "u", "p", "rtsp://h/other", 1),
            Err(Denied::Wrong)
        );
        assert_eq!(
            check(&server, "u", "p", "rtsp://h/live/xx", 1),
            Err(Denied::Wrong)
        );
        let mut client = Client::new("u", "p", 5);
        client.choose(&Server::new(Config::new("r"), [2; 32]).challenges(Duration::ZERO, false));
        let answer = client.answer(&Method::Play, URL);
        let result = server.verify(
            answer.as_ref(),
            &Method::Play,
            URL,
            password,
            Duration::ZERO,
        );
        assert_eq!(result, Err(Denied::Stale));
        assert_eq!(
            server.verify(None, &Method::Play, URL, password, Duration::ZERO),
            Err(Denied::Missing)
        );
    }
}
