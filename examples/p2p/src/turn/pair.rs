//! Even ports, and pairs of them for RTP and RTCP: EVEN-PORT and RESERVATION-TOKEN (RFC 8656, sections 7.1 and 7.2). The state machine
//! passes over both.

use super::kept::Kept;
use super::relay::{Relay, Relays};
use std::future::pending;
use std::io;
use stun_types::attribute::{Fingerprint, MessageIntegrity};
use stun_types::message::{IntegrityKey, Message, MessageClass, MessageWriteVec};
use stun_types::prelude::{Attribute, AttributeStaticType, MessageWriteExt};
use tokio::net::UdpSocket;
use turn_types::attribute::{EvenPort, ReservationToken};
use turn_types::message::ALLOCATE;

/// Ports that are tried for one whose next is free too.
const TRIES: usize = 64;

/// What port a client wants for its relay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Wish {
    #[default]
    Any,
    Even,
    /// An even one, and the next kept for another allocation.
    Pair,
    /// The one that is kept under this token.
    Kept(u64),
}

impl Wish {
    /// Of a request for an allocation.
    pub(crate) fn of(request: &Message<'_>) -> Self {
        if let Ok(token) = request.attribute::<ReservationToken>() {
            return Self::Kept(token.token());
        }
        match request.attribute::<EvenPort>() {
            Ok(even) if even.requested() => Self::Pair,
            Ok(_) => Self::Even,
            Err(_) => Self::Any,
        }
    }

    /// A relay as it is wished, and the token of the one after it; none if there is no address for it.
    pub(crate) async fn open(
        self,
        relays: &Relays,
        kept: &Kept<Relay<UdpSocket>>,
        ipv4: bool,
        username: &str,
    ) -> Option<io::Result<(Relay<UdpSocket>, Option<u32>)>> {
        match self {
            Self::Any => {
                let opened = relays.open(ipv4, 0).await?;
                return Some(opened.map(|relay| (relay, None)));
            }
            Self::Kept(token) => {
                let number = u32::try_from(token).ok();
                let relay = number.and_then(|number| kept.take(number, username));
                let none = || io::Error::other("no such reservation");
                return Some(relay.ok_or_else(none).map(|relay| (relay, None)));
            }
            Self::Even | Self::Pair => {}
        }
        for _ in 0..TRIES {
            let relay = match relays.open(ipv4, 0).await? {
                Ok(relay) => relay,
                Err(error) => return Some(Err(error)),
            };
            let port = relay.address.port();
            if port % 2 == 1 {
                continue;
            }
            if self == Self::Even {
                return Some(Ok((relay, None)));
            }
            if let Ok(next) = relays.open(ipv4, port + 1).await? {
                let token = kept.put(next, username.to_owned(), pending());
                return Some(Ok((relay, Some(token))));
            }
        }
        Some(Err(io::ErrorKind::AddrInUse.into()))
    }
}

/// The answer to a request for an allocation with the token of the next port; none if it is no such answer.
pub(crate) fn with_token(answer: &[u8], token: u32, key: &IntegrityKey) -> Option<Vec<u8>> {
    let answer = Message::from_bytes(answer).ok()?;
    if !answer.has_method(ALLOCATE) || !answer.has_class(MessageClass::Success) {
        return None;
    }
    let into = MessageWriteVec::with_capacity(160);
    let mut told = Message::builder(answer.get_type(), answer.transaction_id(), into);
    for (_, attribute) in answer.iter_attributes() {
        match attribute.get_type() {
            MessageIntegrity::TYPE | Fingerprint::TYPE => {}
            _ => told.add_attribute(&attribute).ok()?,
        }
    }
    told.add_attribute(&ReservationToken::new(token.into()))
        .ok()?;
    super::gate::signed(told, key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    #[tokio::test]
    async fn pairs_are_next_to_each_other() {
        let relays = Relays::new(IpAddr::V4(Ipv4Addr::LOCALHOST), &[], None);
        let kept = Kept::default();
        let open = |wish: Wish| wish.open(&relays, &kept, true, "ann");
        let (first, token) = open(Wish::Pair).await.unwrap().unwrap();
        let token = Wish::Kept(token.unwrap().into());
        assert!(
            token
                .open(&relays, &kept, true, "bob")
                .await
                .unwrap()
                .is_err()
        );
        let (second, none) = open(token).await.unwrap().unwrap();
        let port = first.address.port();
        assert_eq!((port % 2, second.address.port(), none), (0, port + 1, None));
        assert!(open(token).await.unwrap().is_err());
        let (even, none) = open(Wish::Even).await.unwrap().unwrap();
        assert_eq!((even.address.port() % 2, none), (0, None));
        assert!(
            Wish::Even
                .open(&relays, &kept, false, "ann")
                .await
                .is_none()
        );
    }
}
