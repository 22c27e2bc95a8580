//! The gate's nonce and the state machine's.

use stun_types::attribute::{Fingerprint, MessageIntegrity, Nonce};
use stun_types::message::{IntegrityAlgorithm, IntegrityKey, Message, MessageWriteVec};
use stun_types::prelude::{Attribute, AttributeStaticType, MessageWrite, MessageWriteExt};

/// Browsers take a stale nonce in the answer to their first authenticated request for a
/// failure, so that the one is translated into the other for as long as the client uses it.
#[derive(Debug)]
pub(crate) struct Nonces {
    pub(crate) gate: String,
    pub(crate) own: Option<String>,
}

impl Nonces {
    /// The request with the state machine's nonce, if it has the gate's, and its sender knows the password.
    pub(crate) fn translate(&self, data: &[u8], key: &IntegrityKey) -> Option<Vec<u8>> {
        if data.first()? >> 6 != 0 {
            return None;
        }
        let message = Message::from_bytes(data).ok()?;
        let nonce = message.attribute::<Nonce>().ok()?;
        if nonce.nonce() != self.gate || message.validate_integrity_with_key(key).is_err() {
            return None;
        }
        let mut translated = Message::builder(
            message.get_type(),
            message.transaction_id(),
            MessageWriteVec::with_capacity(data.len() + 64),
        );
        let own = Nonce::new(self.own.as_deref()?).ok()?;
        translated.add_attribute(&own).ok()?;
        for (_, attribute) in message.iter_attributes() {
            match attribute.get_type() {
                Nonce::TYPE | MessageIntegrity::TYPE | Fingerprint::TYPE => {}
                _ => translated.add_attribute(&attribute).ok()?,
            }
        }
        translated
            .add_message_integrity_with_key(key, IntegrityAlgorithm::Sha1)
            .ok()?;
        Some(translated.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stun_types::attribute::Username;
    use stun_types::message::LongTermKeyCredentials;
    use turn_types::message::ALLOCATE;

    fn key(password: &str) -> IntegrityKey {
        LongTermKeyCredentials::new("u".into(), password.into(), "r".into())
            .make_key(IntegrityAlgorithm::Sha1)
    }

    #[test]
    fn only_the_gates_nonce_is_translated_and_only_for_who_knows_the_password() {
        let nonces = Nonces {
            gate: "gate".into(),
            own: Some("own".into()),
        };
        let request = |nonce: &str, password: &str| {
            let mut message = Message::builder_request(ALLOCATE, MessageWriteVec::new());
            let user = Username::new("u").unwrap();
            message.add_attribute(&user).unwrap();
            message.add_attribute(&Nonce::new(nonce).unwrap()).unwrap();
            message
                .add_message_integrity_with_key(&key(password), IntegrityAlgorithm::Sha1)
                .unwrap();
            message.finish()
        };
        let before = request("gate", "p");
        let after = nonces.translate(&before, &key("p")).unwrap();
        let (before, after) = (
            Message::from_bytes(&before).unwrap(),
            Message::from_bytes(&after).unwrap(),
        );
        assert_eq!(after.transaction_id(), before.transaction_id());
        assert_eq!(after.attribute::<Nonce>().unwrap().nonce(), "own");
        assert_eq!(after.attribute::<Username>().unwrap().username(), "u");
        assert!(after.validate_integrity_with_key(&key("p")).is_ok());
        assert!(nonces.translate(&request("own", "p"), &key("p")).is_none());
        assert!(nonces.translate(&request("gate", "x"), &key("p")).is_none());
        assert!(nonces.translate(&[0x40, 0, 0, 0], &key("p")).is_none());
    }
}
