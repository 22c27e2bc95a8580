use super::digest::{self, Role, Schema};
use super::*;
use crate::Error;
use proptest::prelude::*;
use rand_core::RngCore;

/// A generator good enough for tests.
pub(crate) struct Counter(pub(crate) u64);

impl RngCore for Counter {
    fn next_u32(&mut self) -> u32 {
        (self.next_u64() >> 32) as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x ^ (x >> 29)
    }
    fn fill_bytes(&mut self, dst: &mut [u8]) {
        for byte in dst {
            *byte = self.next_u64() as u8;
        }
    }
}

/// Runs both sides against each other in pieces of the given size, `connect` sent by the client right after C2.
fn run(mode: Mode, piece: usize) -> (Client, Server) {
    let (mut client, mut server) = (
        Client::new(mode, &mut Counter(1)),
        Server::new(&mut Counter(2)),
    );
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    client.read(&mut &[][..], &mut to_server).unwrap();
    let (mut client_done, mut server_done) = (false, false);
    while !(client_done && server_done) {
        for piece in core::mem::take(&mut to_server).chunks(piece) {
            server_done = server.read(&mut &piece[..], &mut to_client).unwrap();
        }
        for piece in core::mem::take(&mut to_client).chunks(piece) {
            client_done = client.read(&mut &piece[..], &mut to_server).unwrap();
        }
    }
    let mut rest = &b"connect"[..];
    assert!(server.read(&mut rest, &mut Vec::new()).unwrap());
    assert_eq!(rest, b"connect");
    (client, server)
}

#[test]
fn both_modes_in_any_pieces() {
    for piece in [1, 7, 1000, 1536, 1537, 10_000] {
        assert!(!run(Mode::Plain, piece).0.is_genuine());
        assert!(run(Mode::Digest, piece).0.is_genuine());
    }
}

#[test]
fn a_plain_client_gets_its_packet_back() {
    let mut server = Server::new(&mut Counter(2));
    let (mut input, mut out) = (vec![3], Vec::new());
    input.extend((0..LEN).map(|i| if i < 8 { 0 } else { i as u8 }));
    input.extend([9; LEN]);
    input.extend(b"rest");
    let mut rest = &input[..];
    assert!(server.read(&mut rest, &mut out).unwrap());
    assert_eq!(rest, b"rest");
    assert_eq!(out.len(), 1 + 2 * LEN);
    assert_eq!(out[0], 3);
    // S1 without a version tells a client like ffmpeg not to look for a digest.
    assert_eq!(out[1..9], [0; 8]);
    assert_eq!(out[1 + LEN..], input[1..1 + LEN]);
}

#[test]
fn other_versions() {
    for version in [0, 2, 32, b'G', 0xFF] {
        let err = Server::new(&mut Counter(0)).read(&mut &[version][..], &mut Vec::new());
        assert_eq!(
            err,
            Err(Error::Invalid {
                field: "version in C0",
                value: version.into(),
                offset: 0
            })
        );
    }
    assert_eq!(
        Server::new(&mut Counter(0)).read(&mut &[31][..], &mut Vec::new()),
        Ok(false)
    );
}

proptest! {
    #[test]
    fn digests_are_found_in_both_schemas(seed: u64, key_first: bool) {
        let schema = if key_first { Schema::KeyFirst } else { Schema::DigestFirst };
        let mut packet = [0; LEN];
        Counter(seed).fill_bytes(&mut packet);
        prop_assert_eq!(digest::find_first(Role::Client, &packet), None);
        let made = digest::sign_first(Role::Client, schema, &mut packet);
        prop_assert_eq!(digest::find_first(Role::Client, &packet), Some((schema, made)));
        prop_assert_eq!(digest::find_first(Role::Server, &packet), None);
        let mut second = packet;
        digest::sign_second(Role::Server, VERSION, &made, &mut second);
        prop_assert!(digest::verify_second(Role::Server, VERSION, &made, &second));
        prop_assert!(!digest::verify_second(Role::Client, VERSION, &made, &second));
    }
}

/// A recorded exchange with rtmpdump (digests and signatures are those of the plain handshake), key first.
#[test]
fn a_recorded_exchange() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../shared/specs/vectors/rtmpe-type6.json"
    );
    let Ok(json) = std::fs::read_to_string(path) else {
        eprintln!("SKIPPED: vector not found");
        return;
    };
    let hex = |name: &str| {
        let (_, rest) = json.split_once(&format!("\"{name}\"")).unwrap();
        let text = rest.split('"').nth(1).unwrap();
        let byte = |i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
        (0..text.len() / 2).map(byte).collect::<Vec<u8>>()
    };
    let packet = |name| Packet::try_from(hex(name)).unwrap();
    let client = digest::find_first(Role::Client, &packet("c1")).unwrap();
    assert_eq!(
        (client.0, client.1.to_vec()),
        (Schema::KeyFirst, hex("cdig"))
    );
    let server = digest::find_first(Role::Server, &packet("s1")).unwrap();
    assert_eq!(
        (server.0, server.1.to_vec()),
        (Schema::KeyFirst, hex("sdig"))
    );
    assert!(digest::verify_second(
        Role::Server,
        VERSION,
        &client.1,
        &packet("s2")
    ));
    assert!(digest::verify_second(
        Role::Client,
        VERSION,
        &server.1,
        &packet("c2")
    ));
    // Our answer to the same client is in the same schema.
    let (mut input, mut out) = (vec![3], Vec::new());
    input.extend(hex("c1"));
    Server::new(&mut Counter(7))
        .read(&mut &input[..], &mut out)
        .unwrap();
    let s1 = out[1..=LEN].try_into().unwrap();
    assert!(matches!(
        digest::find_first(Role::Server, &s1),
        Some((Schema::KeyFirst, _))
    ));
    assert!(digest::verify_second(
        Role::Server,
        VERSION,
        &client.1,
        &out[1 + LEN..].try_into().unwrap()
    ));
}
