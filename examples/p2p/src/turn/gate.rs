//! The gate: answers everybody who has no allocation, and lets those make one whose credentials are good and whose quota is not
//! used up. It keeps nothing of anybody: its nonces are made from the time and the client's address.

use super::credentials::{Secret, name_of};
use super::users::{Full, Place, Users};
use std::net::SocketAddr;
use stun_types::attribute::{
    ErrorCode, Fingerprint, MessageIntegrity, Nonce, Realm, Software, Username, XorMappedAddress,
};
use stun_types::message::{
    BINDING, IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message, MessageClass,
    MessageWriteVec,
};
use stun_types::prelude::{AttributeStaticType, MessageWrite, MessageWriteExt};
use turn_types::attribute::ConnectionId;
use turn_types::message::{ALLOCATE, CONNECTION_BIND};

/// How long a nonce is good, in seconds.
const FRESH: u64 = 600;

/// What becomes of a message of somebody who has no allocation.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Nothing.
    Ignore,
    /// This is sent back.
    Answer(Vec<u8>),
    /// The message goes to a state machine of their own.
    Admit(Admission),
    /// The stream that it came by is to carry a peer's bytes.
    Bind(Binding),
}

/// A stream for a connection of a peer (RFC 6062, section 5.4).
#[derive(Debug)]
pub(crate) struct Binding {
    /// Which.
    pub(crate) id: u32,
    pub(crate) username: String,
    /// What is answered where the user has such a connection, and where not.
    pub(crate) answers: [Vec<u8>; 2],
}

/// Somebody who may make an allocation.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) key: IntegrityKey,
    pub(crate) nonce: String,
    pub(crate) place: Place,
}

/// What it asks for credentials with.
#[derive(Debug)]
pub(crate) struct Gate {
    secret: Secret,
    realm: String,
    users: Users,
}

impl Gate {
    pub(crate) const fn new(secret: Secret, realm: String, users: Users) -> Self {
        Self {
            secret,
            realm,
            users,
        }
    }

    /// Judges a message that came from `from` at `now`, in seconds since 1970.
    pub(crate) fn judge(&self, data: &[u8], from: SocketAddr, now: u64) -> Verdict {
        let Ok(message) = Message::from_bytes(data) else {
            return Verdict::Ignore;
        };
        if !message.has_class(MessageClass::Request) {
            return Verdict::Ignore;
        }
        if message.has_method(BINDING) {
            return answer(binding(&message, from));
        }
        if !message.has_attribute(MessageIntegrity::TYPE) {
            return answer(self.challenge(&message, ErrorCode::UNAUTHORIZED, from, now));
        }
        let username = message.attribute::<Username>();
        let nonce = message.attribute::<Nonce>();
        let (Ok(username), Ok(nonce), true) = (username, nonce, message.has_attribute(Realm::TYPE))
        else {
            return answer(error(&message, ErrorCode::BAD_REQUEST));
        };
        let username = username.username();
        if !self.is_fresh(nonce.nonce(), from, now) {
            return answer(self.challenge(&message, ErrorCode::STALE_NONCE, from, now));
        }
        let password = self.secret.password(username);
        let key =
            LongTermKeyCredentials::new(username.to_owned(), password.clone(), self.realm.clone())
                .make_key(IntegrityAlgorithm::Sha1);
        // The time is looked at last, so that it is not told to whoever does not know the password.
        let (Ok(_), Some(name)) = (
            message.validate_integrity_with_key(&key),
            name_of(username, now),
        ) else {
            return answer(self.challenge(&message, ErrorCode::UNAUTHORIZED, from, now));
        };
        if message.has_method(CONNECTION_BIND) {
            return bind(&message, username, &key);
        }
        if !message.has_method(ALLOCATE) {
            return answer(signed_error(&message, ErrorCode::ALLOCATION_MISMATCH, &key));
        }
        match self.users.enter(name) {
            Ok(place) => Verdict::Admit(Admission {
                username: username.to_owned(),
                password,
                key,
                nonce: nonce.nonce().to_owned(),
                place,
            }),
            Err(Full::User) => answer(signed_error(
                &message,
                ErrorCode::ALLOCATION_QUOTA_REACHED,
                &key,
            )),
            Err(Full::Server) => answer(signed_error(
                &message,
                ErrorCode::INSUFFICIENT_CAPACITY,
                &key,
            )),
        }
    }

    /// An error that asks for credentials.
    fn challenge(
        &self,
        message: &Message<'_>,
        code: u16,
        from: SocketAddr,
        now: u64,
    ) -> Option<Vec<u8>> {
        let mut response = Message::builder_error(message, MessageWriteVec::with_capacity(160));
        response
            .add_attribute(&ErrorCode::builder(code).build().ok()?)
            .ok()?;
        response
            .add_attribute(&Realm::new(&self.realm).ok()?)
            .ok()?;
        response
            .add_attribute(&Nonce::new(&self.nonce(from, now)).ok()?)
            .ok()?;
        finish(response)
    }

    /// The time, and a proof that it was we who told it to this machine: streams for peers are asked for with the nonce of another.
    fn nonce(&self, from: SocketAddr, now: u64) -> String {
        let time = format!("{now:x}");
        let ip = from.ip().to_string();
        let mac = self.secret.mac(&[b"nonce", time.as_bytes(), ip.as_bytes()]);
        let [a, b, c, d, e, f, g, h, ..] = mac;
        let proof = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        format!("{time}-{proof:016x}")
    }

    fn is_fresh(&self, nonce: &str, from: SocketAddr, now: u64) -> bool {
        let time = nonce
            .split_once('-')
            .and_then(|(time, _)| u64::from_str_radix(time, 16).ok());
        time.is_some_and(|time| {
            (time..=time.saturating_add(FRESH)).contains(&now) && self.nonce(from, time) == nonce
        })
    }
}

fn bind(message: &Message<'_>, username: &str, key: &IntegrityKey) -> Verdict {
    let refused = signed_error(message, ErrorCode::BAD_REQUEST, key);
    let (Ok(id), Some(bound), Some(refused)) = (
        message.attribute::<ConnectionId>(),
        signed(
            Message::builder_success(message, MessageWriteVec::new()),
            key,
        ),
        refused.clone(),
    ) else {
        return answer(refused);
    };
    Verdict::Bind(Binding {
        id: id.id(),
        username: username.to_owned(),
        answers: [bound, refused],
    })
}

fn answer(response: Option<Vec<u8>>) -> Verdict {
    response.map_or(Verdict::Ignore, Verdict::Answer)
}

/// The answer to a binding request: the address it came from (RFC 8489, section 7.3.1).
pub(crate) fn binding(message: &Message<'_>, from: SocketAddr) -> Option<Vec<u8>> {
    // What may be there, and means nothing to us.
    let known = [
        Fingerprint::TYPE,
        Software::TYPE,
        Username::TYPE,
        MessageIntegrity::TYPE,
        Realm::TYPE,
        Nonce::TYPE,
    ];
    let write = || MessageWriteVec::with_capacity(64);
    if let Some(unknown) = Message::check_attribute_types(message, &known, &[], write()) {
        return Some(unknown.finish());
    }
    let mut response = Message::builder_success(message, write());
    response
        .add_attribute(&XorMappedAddress::new(from, message.transaction_id()))
        .ok()?;
    finish(response)
}

fn error(message: &Message<'_>, code: u16) -> Option<Vec<u8>> {
    let mut response = Message::builder_error(message, MessageWriteVec::with_capacity(64));
    response
        .add_attribute(&ErrorCode::builder(code).build().ok()?)
        .ok()?;
    finish(response)
}

/// An error for somebody who has shown to know the password.
pub(crate) fn signed_error(
    message: &Message<'_>,
    code: u16,
    key: &IntegrityKey,
) -> Option<Vec<u8>> {
    let mut response = Message::builder_error(message, MessageWriteVec::with_capacity(96));
    response
        .add_attribute(&ErrorCode::builder(code).build().ok()?)
        .ok()?;
    signed(response, key)
}

/// For somebody who knows the password, proof that we do.
pub(crate) fn signed(mut response: MessageWriteVec, key: &IntegrityKey) -> Option<Vec<u8>> {
    response
        .add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1)
        .ok()?;
    finish(response)
}

fn finish(mut response: MessageWriteVec) -> Option<Vec<u8>> {
    response.add_fingerprint().ok()?;
    Some(response.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use turn_types::message::REFRESH;

    const NOW: u64 = 1_700_000_000;

    fn gate() -> Gate {
        Gate::new(Secret::new("north"), "here".into(), Users::new(1, 5))
    }

    fn from() -> SocketAddr {
        "192.0.2.1:5000".parse().unwrap()
    }

    fn request(
        method: stun_types::message::Method,
        username: &str,
        password: &str,
        nonce: &str,
    ) -> Vec<u8> {
        let mut message = Message::builder_request(method, MessageWriteVec::new());
        message
            .add_attribute(&Username::new(username).unwrap())
            .unwrap();
        message.add_attribute(&Realm::new("here").unwrap()).unwrap();
        message.add_attribute(&Nonce::new(nonce).unwrap()).unwrap();
        let key = LongTermKeyCredentials::new(username.into(), password.into(), "here".into());
        let key = key.make_key(IntegrityAlgorithm::Sha1);
        message
            .add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1)
            .unwrap();
        message.finish()
    }

    fn code(verdict: &Verdict) -> u16 {
        let Verdict::Answer(answer) = verdict else {
            panic!("{verdict:?} is no answer")
        };
        let message = Message::from_bytes(answer).unwrap();
        message.attribute::<ErrorCode>().unwrap().code()
    }

    #[test]
    fn who_comes_without_credentials_is_asked_for_them() {
        let bare = Message::builder_request(ALLOCATE, MessageWriteVec::new()).finish();
        let verdict = gate().judge(&bare, from(), NOW);
        assert_eq!(code(&verdict), 401);
        let Verdict::Answer(answer) = verdict else {
            unreachable!()
        };
        let message = Message::from_bytes(&answer).unwrap();
        assert_eq!(message.attribute::<Realm>().unwrap().realm(), "here");
        let nonce = message.attribute::<Nonce>().unwrap();
        assert!(gate().is_fresh(nonce.nonce(), from(), NOW + FRESH));
        assert!(!gate().is_fresh(nonce.nonce(), from(), NOW + FRESH + 1));
        assert!(!gate().is_fresh(nonce.nonce(), "192.0.2.2:5000".parse().unwrap(), NOW));
    }

    #[test]
    fn good_credentials_get_in_until_the_quota_is_reached() {
        let gate = gate();
        let good = gate.secret.issue("ann", NOW + 1);
        let nonce = gate.nonce(from(), NOW);
        let allocate = request(ALLOCATE, &good.username, &good.password, &nonce);
        let Verdict::Admit(admission) = gate.judge(&allocate, from(), NOW) else {
            panic!("not admitted")
        };
        assert_eq!(admission.username, good.username);
        assert_eq!(code(&gate.judge(&allocate, from(), NOW)), 486);
        drop(admission);
        assert!(matches!(
            gate.judge(&allocate, from(), NOW),
            Verdict::Admit(_)
        ));
        let refresh = request(REFRESH, &good.username, &good.password, &nonce);
        assert_eq!(code(&gate.judge(&refresh, from(), NOW)), 437);
    }

    #[test]
    fn wrong_expired_and_stale_ones_do_not() {
        let gate = gate();
        let good = gate.secret.issue("ann", NOW + 1);
        let nonce = gate.nonce(from(), NOW);
        let wrong = request(ALLOCATE, &good.username, "guess", &nonce);
        assert_eq!(code(&gate.judge(&wrong, from(), NOW)), 401);
        let expired = request(ALLOCATE, &good.username, &good.password, &nonce);
        assert_eq!(code(&gate.judge(&expired, from(), NOW + 1)), 401);
        let stale = request(ALLOCATE, &good.username, &good.password, "5-5");
        assert_eq!(code(&gate.judge(&stale, from(), NOW)), 438);
        for name in ["ann", "", "x:ann"] {
            let unnamed = request(ALLOCATE, name, &gate.secret.password(name), &nonce);
            assert_eq!(code(&gate.judge(&unnamed, from(), NOW)), 401, "{name}");
        }
    }

    #[test]
    fn everybody_is_told_their_address_and_garbage_is_not_answered() {
        let request = Message::builder_request(BINDING, MessageWriteVec::new()).finish();
        let Verdict::Answer(answer) = gate().judge(&request, from(), NOW) else {
            panic!("not answered")
        };
        let message = Message::from_bytes(&answer).unwrap();
        let address = message.attribute::<XorMappedAddress>().unwrap();
        assert_eq!(address.addr(message.transaction_id()), from());
        assert!(matches!(
            gate().judge(&answer, from(), NOW),
            Verdict::Ignore
        ));
        for garbage in [&b""[..], &[0; 20], &[0xff; 100], &request[..19]] {
            assert!(matches!(
                gate().judge(garbage, from(), NOW),
                Verdict::Ignore
            ));
        }
    }
}
