use super::digest::{Inputs, response};
use crate::Method;
use crate::headers::{Algorithm, Challenge, Credentials};
use alloc::string::String;
use core::fmt;
use sha2::{Digest, Sha256};
use wire::hex;

/// Answers a server's challenges.
#[derive(Clone)]
pub struct Client {
    username: String,
    password: String,
    seed: u64,
    challenge: Option<Challenge>,
    /// Times that the server's number was used.
    count: u32,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client with this name and password. `seed` is a random number, from which those that the client adds are made.
    #[must_use]
    pub fn new(username: impl Into<String>, password: impl Into<String>, seed: u64) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            seed,
            challenge: None,
            count: 0,
        }
    }

    /// Takes the best challenge that is understood: SHA-256 before MD5 before Basic. Whether it makes sense to try (again):
    /// not if the server has refused what was said to the same kind of challenge, unless only its number had expired.
    pub fn choose(&mut self, challenges: &[Challenge]) -> bool {
        let rank = |challenge: &&Challenge| match challenge {
            Challenge::Digest {
                algorithm: Algorithm::Sha256 | Algorithm::Sha256Sess,
                ..
            } => 3,
            Challenge::Digest { .. } => 2,
            Challenge::Basic { .. } => 1,
            Challenge::Other(_) => 0,
        };
        let best = challenges.iter().max_by_key(rank);
        let Some(best) = best.filter(|best| rank(best) > 0) else {
            return false;
        };
        let again = match (&self.challenge, best) {
            (None, _) => true,
            // Cameras forget to say that it is only the number.
            (
                Some(Challenge::Digest { nonce: old, .. }),
                Challenge::Digest { nonce, stale, .. },
            ) => *stale || (old != nonce && self.count > 1),
            _ => false,
        };
        self.challenge = Some(best.clone());
        self.count = 0;
        again
    }

    /// What to write into `Authorization` of a request, once a challenge has been chosen.
    pub fn answer(&mut self, method: &Method, uri: &str) -> Option<Credentials> {
        match self.challenge.as_ref()? {
            Challenge::Basic { .. } => Some(Credentials::Basic {
                username: self.username.clone(),
                password: self.password.clone(),
            }),
            Challenge::Digest {
                realm,
                nonce,
                opaque,
                algorithm,
                qop_auth,
                ..
            } => {
                self.count = self.count.saturating_add(1);
                let count = alloc::format!("{:08x}", self.count);
                let mut random = Sha256::new();
                random.update(self.seed.to_be_bytes());
                random.update(nonce.as_bytes());
                random.update(count.as_bytes());
                let cnonce = hex::encode(random.finalize().first_chunk::<8>().unwrap_or(&[0; 8]));
                let sess = matches!(algorithm, Algorithm::Md5Sess | Algorithm::Sha256Sess);
                let qop = (*qop_auth || sess).then_some((cnonce, count));
                let inputs = Inputs {
                    algorithm: *algorithm,
                    username: &self.username,
                    realm,
                    password: &self.password,
                    nonce,
                    qop: qop
                        .as_ref()
                        .map(|(cnonce, count)| (cnonce.as_str(), count.as_str())),
                    uri,
                };
                Some(Credentials::Digest {
                    username: self.username.clone(),
                    realm: realm.clone(),
                    nonce: nonce.clone(),
                    uri: uri.into(),
                    response: response(method, &inputs),
                    algorithm: *algorithm,
                    opaque: opaque.clone(),
                    qop,
                })
            }
            Challenge::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(nonce: &str, algorithm: Algorithm, stale: bool) -> Challenge {
        Challenge::Digest {
            realm: "r".into(),
            nonce: nonce.into(),
            opaque: None,
            algorithm,
            qop_auth: false,
            stale,
        }
    }

    #[test]
    fn the_best_challenge_is_answered_and_a_wrong_password_once() {
        let mut client = Client::new("u", "p", 1);
        assert_eq!(client.answer(&Method::Play, "*"), None);
        let basic = Challenge::Basic { realm: "r".into() };
        let all = [
            basic,
            digest("1", Algorithm::Md5, false),
            digest("2", Algorithm::Sha256, false),
        ];
        assert!(client.choose(&all));
        let answer = client.answer(&Method::Play, "*");
        assert!(matches!(
            answer,
            Some(Credentials::Digest {
                algorithm: Algorithm::Sha256,
                ..
            })
        ));
        assert!(
            !client.choose(&[digest("3", Algorithm::Sha256, false)]),
            "the password is wrong"
        );
        assert!(client.choose(&[digest("4", Algorithm::Sha256, true)]));
    }
}
