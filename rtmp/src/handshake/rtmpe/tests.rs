use super::agreement::Agreement;
use super::cipher::key;
use super::*;
use crate::handshake::digest::{Role, Schema, find_first, verify_second};
use crate::handshake::tests::Counter;
use crate::handshake::{Client, LEN, Mode, Packet, Server};
use alloc::vec::Vec;
use crypto_bigint::U1024;

/// A connection of rtmpdump, recorded.
const RECORDED: &str = include_str!("../../../tests/fixtures/rtmpe-type6.json");

/// A field of bytes, as hexadecimal digits.
fn field(name: &str) -> Vec<u8> {
    let start = RECORDED.find(&alloc::format!("\"{name}\": \"")).unwrap();
    let text = RECORDED[start..].split('"').nth(3).unwrap();
    let digits = text.trim_start_matches("0x").as_bytes();
    let pairs = digits.chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn packet(name: &str) -> Packet {
    field(name).try_into().unwrap()
}

#[test]
fn the_recorded_connection() {
    let (c1, s1, s2, c2) = (packet("c1"), packet("s1"), packet("s2"), packet("c2"));
    let (schema, client_digest) = find_first(Role::Client, &c1).unwrap();
    assert_eq!(schema, Schema::KeyFirst);
    assert_eq!(client_digest[..], field("cdig"));
    let client = schema.key(&c1).unwrap();
    assert_eq!(client[..], field("cpub"));
    let (schema, server_digest) = find_first(Role::Server, &s1).unwrap();
    assert_eq!(server_digest[..], field("sdig"));
    let server = schema.key(&s1).unwrap();
    assert_eq!(server[..], field("spub"));
    assert!(verify_second(Role::Server, 6, &client_digest, &s2));
    assert!(verify_second(Role::Client, 6, &server_digest, &c2));
    let mut exponent = [0; 128];
    let x = field("x");
    exponent[128 - x.len()..].copy_from_slice(&x);
    let agreement = Agreement::with_exponent(U1024::from_be_slice(&exponent));
    assert_eq!(agreement.public_key(), &server);
    let secret = agreement.secret(&client).unwrap();
    assert_eq!(secret[..], field("sec"));
    assert_eq!(key(&secret, &server)[..], field("key_c2s"));
    assert_eq!(key(&secret, &client)[..], field("key_s2c"));
}

#[test]
fn keys_that_tell_the_secret_are_refused() {
    let agreement = Agreement::new(&mut Counter(1));
    let mut last = [0xFF; 128];
    assert_eq!(agreement.secret(&last), None);
    for (number, tells) in [(0, true), (1, true), (2, false)] {
        last = [0; 128];
        last[127] = number;
        assert_eq!(agreement.secret(&last).is_none(), tells);
    }
}

#[test]
fn leading_zeros_are_avoided() {
    let other = *Agreement::new(&mut Counter(5)).public_key();
    for seed in 0..40 {
        let agreement = Agreement::new(&mut Counter(seed)).without_leading_zeros(&other);
        assert_ne!(agreement.public_key()[0], 0);
        assert_ne!(agreement.secret(&other).unwrap()[0], 0);
    }
}

#[test]
fn both_sides_agree_in_every_version() {
    for answer in [
        None,
        Some(Encryption::Plain),
        Some(Encryption::Xtea),
        Some(Encryption::Blowfish),
    ] {
        let mut client = Client::new(Mode::Encrypted, &mut Counter(1));
        let mut server = Server::with_rtmpe(answer, &mut Counter(2));
        let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
        client.read(&mut &[][..], &mut to_server).unwrap();
        assert_eq!((to_server.len(), to_server[0]), (1 + LEN, 6));
        assert!(!server.read(&mut &to_server[..], &mut to_client).unwrap());
        assert_eq!(to_client[0], answer.unwrap_or(Encryption::Plain).version());
        to_server.clear();
        assert!(client.read(&mut &to_client[..], &mut to_server).unwrap());
        assert!(client.is_genuine());
        assert!(server.read(&mut &to_server[..], &mut Vec::new()).unwrap());
        let (mut client, mut server) =
            (client.take_cipher().unwrap(), server.take_cipher().unwrap());
        for text in [&b"connect"[..], b"and so on"] {
            let mut there = text.to_vec();
            client.encrypt(&mut there);
            assert_ne!(there, text);
            server.decrypt(&mut there);
            assert_eq!(there, text);
            let mut back = text.to_vec();
            server.encrypt(&mut back);
            client.decrypt(&mut back);
            assert_eq!(back, text);
        }
    }
}

#[test]
fn a_server_without_it_answers_plainly() {
    let mut client = Client::new(Mode::Encrypted, &mut Counter(1));
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    client.read(&mut &[][..], &mut to_server).unwrap();
    Server::new(&mut Counter(2))
        .read(&mut &to_server[..], &mut to_client)
        .unwrap();
    assert_eq!(to_client[0], 3);
    assert!(client.read(&mut &to_client[..], &mut Vec::new()).is_err());
    // And one that has it lets nobody in who asks without a digest.
    let mut server = Server::with_rtmpe(None, &mut Counter(2));
    let mut hello = alloc::vec![6];
    hello.resize(1 + LEN, 7);
    assert!(server.read(&mut &hello[..], &mut Vec::new()).is_err());
}
