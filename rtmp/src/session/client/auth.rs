//! Authentication as encoders do it: a server refuses `connect` with a challenge in its description, and the client connects anew
//! with the answer in the application's query.

use alloc::format;
use alloc::string::String;
use md5::{Digest, Md5};
use rand_core::RngCore;
use wire::{base64, hex};

/// Answers challenges for one user.
///
/// ```
/// use fluvial_rtmp::client::Auth;
///
/// let mut auth = Auth::new("user", "secret");
/// let refused = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] :";
/// let query = auth.answer("live", refused, &mut rand::rng()).unwrap();
/// assert_eq!(query, "authmod=adobe&user=user"); // connect anew, with `live?` and this as the application
/// ```
#[derive(Debug, Clone)]
pub struct Auth {
    user: String,
    password: String,
    /// Challenges answered.
    answers: u8,
}

impl Auth {
    /// For this user.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            answers: 0,
        }
    }

    /// The query with which to connect anew to an application, after [`Event::Refused`](super::Event::Refused) with this description;
    /// none where it asks for nothing that can be answered, or says that the answer was wrong.
    ///
    /// What is random in the answer is taken from `rng`.
    pub fn answer(
        &mut self,
        app: &str,
        description: &str,
        rng: &mut dyn RngCore,
    ) -> Option<String> {
        let adobe = description.contains("authmod=adobe");
        if !adobe && !description.contains("authmod=llnw") {
            return None;
        }
        // Once for the challenge and once for the answer: more means that it is wrong.
        if self.answers >= 2
            || description.contains("authfailed")
            || description.contains("nosuchuser")
        {
            return None;
        }
        self.answers = self.answers.saturating_add(1);
        let module = if adobe { "adobe" } else { "llnw" };
        let user = &self.user;
        let Some((_, challenge)) = description.split_once("?reason=needauth") else {
            return Some(format!("authmod={module}&user={user}"));
        };
        let field = |name: &str| {
            let fields = challenge.split(['&', ' ', ']']);
            let mut pairs = fields.filter_map(|field| field.split_once('='));
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let mut random = [0; 4];
        rng.fill_bytes(&mut random);
        let own = format!("{:08x}", u32::from_be_bytes(random));
        if adobe {
            let response = adobe_response(
                user,
                &self.password,
                field("salt").unwrap_or_default(),
                field("opaque")
                    .or_else(|| field("challenge"))
                    .unwrap_or_default(),
                &own,
            );
            let opaque = field("opaque").map(|opaque| format!("&opaque={opaque}"));
            return Some(format!(
                "authmod=adobe&user={user}&challenge={own}&response={response}{}",
                opaque.unwrap_or_default()
            ));
        }
        let nonce = field("nonce").unwrap_or_default();
        let response = llnw_response(user, &self.password, app, nonce, &own);
        Some(format!(
            "authmod=llnw&user={user}&nonce={nonce}&cnonce={own}&nc={NONCE_COUNT}&response={response}"
        ))
    }
}

fn adobe_response(user: &str, password: &str, salt: &str, challenge: &str, own: &str) -> String {
    let known = base64::encode(&Md5::digest([user, salt, password].concat()));
    base64::encode(&Md5::digest([&*known, challenge, own].concat()))
}

const NONCE_COUNT: &str = "00000001";

/// As HTTP's digest (RFC 2617 §3.2.2), with fixed words for realm, method and quality of protection.
fn llnw_response(user: &str, password: &str, app: &str, nonce: &str, own: &str) -> String {
    let instance = if app.contains('/') { "" } else { "/_definst_" };
    let secret = hex::encode(&Md5::digest(format!("{user}:live:{password}")));
    let what = hex::encode(&Md5::digest(format!("publish:/{app}{instance}")));
    hex::encode(&Md5::digest(format!(
        "{secret}:{nonce}:{NONCE_COUNT}:{own}:auth:{what}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handshake::tests::Counter;

    #[test]
    fn the_dialogue() {
        let mut auth = Auth::new("user", "pass");
        let mut rng = Counter(1);
        assert_eq!(auth.answer("live", "no such application", &mut rng), None);
        let first = "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ";
        assert_eq!(
            auth.answer("live", first, &mut rng).unwrap(),
            "authmod=adobe&user=user"
        );
        let second = "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=user&salt=aaa&challenge=bbb&opaque=ccc";
        let answer = auth.answer("live", second, &mut rng).unwrap();
        let own = answer
            .split("challenge=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap();
        let response = adobe_response("user", "pass", "aaa", "ccc", own);
        assert!(
            answer.ends_with(&format!("&response={response}&opaque=ccc")),
            "{answer}"
        );
        // It was wrong.
        assert_eq!(auth.answer("live", second, &mut rng), None);
        let failed = "[ authmod=adobe ] : ?reason=authfailed&opaque=ccc";
        assert_eq!(
            Auth::new("user", "wrong").answer("live", failed, &mut rng),
            None
        );
    }
}
