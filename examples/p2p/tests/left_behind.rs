//! An allocation whose client has gone without a word, and somebody else who comes from the same port.

use fluvial_p2p::turn::credentials::{Credentials, Secret};
use fluvial_p2p::{Config, Server};
use std::time::Duration;
use stun_types::attribute::{ErrorCode, MessageIntegrity, Nonce, Realm, Username};
use stun_types::message::{
    IntegrityAlgorithm, IntegrityKey, LongTermKeyCredentials, Message, MessageWriteVec,
};
use stun_types::prelude::{AttributeStaticType, MessageWrite, MessageWriteExt};
use tokio::net::UdpSocket;
use turn_types::attribute::RequestedTransport;
use turn_types::message::ALLOCATE;

const EXPIRY: u64 = 4_000_000_000;

fn key(credentials: &Credentials, realm: &str) -> IntegrityKey {
    LongTermKeyCredentials::new(
        credentials.username.clone(),
        credentials.password.clone(),
        realm.into(),
    )
    .make_key(IntegrityAlgorithm::Sha1)
}

fn request(known: Option<(&Credentials, &str, &str)>) -> Vec<u8> {
    let mut message = Message::builder_request(ALLOCATE, MessageWriteVec::new());
    let udp = RequestedTransport::new(RequestedTransport::UDP);
    message.add_attribute(&udp).unwrap();
    if let Some((credentials, realm, nonce)) = known {
        let username = Username::new(&credentials.username).unwrap();
        message.add_attribute(&username).unwrap();
        message.add_attribute(&Realm::new(realm).unwrap()).unwrap();
        message.add_attribute(&Nonce::new(nonce).unwrap()).unwrap();
        let key = key(credentials, realm);
        message
            .add_message_integrity_with_key(&key, IntegrityAlgorithm::Sha1)
            .unwrap();
    }
    message.finish()
}

/// Asks for an allocation as clients do: as often as the server has another question. Gives the error, 0 for none, of an answer from
/// somebody who knows the password.
async fn allocate(socket: &UdpSocket, credentials: &Credentials) -> u16 {
    let mut known: Option<(String, String)> = None;
    for _ in 0..5 {
        let with = known
            .as_ref()
            .map(|(realm, nonce)| (credentials, realm.as_str(), nonce.as_str()));
        socket.send(&request(with)).await.unwrap();
        let mut buffer = [0; 1500];
        let wait = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut buffer));
        let length = wait.await.expect("it answers").unwrap();
        let answer = Message::from_bytes(&buffer[..length]).unwrap();
        let code = answer
            .attribute::<ErrorCode>()
            .map_or(0, |code| code.code());
        if !matches!(code, 401 | 438) {
            assert!(answer.has_attribute(MessageIntegrity::TYPE));
            let (realm, _) = known.expect("it was asked for credentials");
            answer
                .validate_integrity_with_key(&key(credentials, &realm))
                .expect("it is of the server");
            return code;
        }
        let realm = answer.attribute::<Realm>().unwrap().realm().to_owned();
        let nonce = answer.attribute::<Nonce>().unwrap().nonce().to_owned();
        known = Some((realm, nonce));
    }
    401
}

/// They are to try another port, not to give their password again and again (RFC 8656 §7.2).
#[tokio::test]
async fn who_comes_after_them_is_told() {
    let any = "127.0.0.1:0";
    let arguments = ["p2p", "--http", any, "--turn", any, "--secret", "north"];
    let config = <Config as clap::Parser>::parse_from(arguments);
    let server = Server::start(config).await.unwrap();
    let client = || async {
        let socket = UdpSocket::bind(any).await.unwrap();
        socket.connect(server.turn_address()).await.unwrap();
        socket
    };
    let secret = Secret::new("north");
    let (ann, bob) = (secret.issue("ann", EXPIRY), secret.issue("bob", EXPIRY));
    let socket = client().await;
    assert_eq!(allocate(&socket, &ann).await, 0);
    assert_eq!(allocate(&socket, &bob).await, 437);
    // As often as it is asked, and whoever does not know the password is told nothing.
    assert_eq!(allocate(&socket, &bob).await, 437);
    let guess = Credentials {
        password: "guess".into(),
        ..bob.clone()
    };
    assert_eq!(allocate(&socket, &guess).await, 401);
    assert_eq!(allocate(&client().await, &bob).await, 0);
    server.shut_down().await;
}
