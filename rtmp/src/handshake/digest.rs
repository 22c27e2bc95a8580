//! The digest in C1 and S1 and the signature in C2 and S2.

use super::{LEN, Packet};
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The second part of both signature keys.
const SUFFIX: [u8; 32] = [
    0xF0, 0xEE, 0xC2, 0x4A, 0x80, 0x68, 0xBE, 0xE8, 0x2E, 0x00, 0xD0, 0xD1, 0x02, 0x9E, 0x7E, 0x57,
    0x6E, 0xEC, 0x5D, 0x2D, 0x29, 0x80, 0x6F, 0xAB, 0x93, 0xB8, 0xE6, 0x36, 0xCF, 0xEB, 0x31, 0xAE,
];

/// Bytes of a digest or signature.
pub(super) const DIGEST: usize = 32;

pub(super) type Digest = [u8; DIGEST];

/// Who made a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Client,
    Server,
}

impl Role {
    /// The key of its digest; the first part of its signature key.
    const fn key(self) -> &'static [u8] {
        match self {
            Role::Client => b"Genuine Adobe Flash Player 001",
            Role::Server => b"Genuine Adobe Flash Media Server 001",
        }
    }
}

/// Where the digest stands in C1 and S1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    /// Digest in the first half, key in the second.
    DigestFirst,
    /// The other way round.
    KeyFirst,
}

impl Schema {
    /// The offset of the digest, as the four bytes before its half say.
    fn digest_offset(self, packet: &Packet) -> usize {
        let base = match self {
            Schema::DigestFirst => 8,
            Schema::KeyFirst => 772,
        };
        let pointer = packet
            .get(base..)
            .and_then(<[u8]>::first_chunk::<4>)
            .copied()
            .unwrap_or_default();
        let sum: usize = pointer.into_iter().map(usize::from).sum();
        base + 4 + sum % 728
    }

    /// The offset of the public key of RTMPE, as the four bytes after its half, or before the other, say.
    #[cfg(feature = "rtmpe")]
    fn key_offset(self, packet: &Packet) -> usize {
        let (pointer, base) = match self {
            Schema::DigestFirst => (1532, 772),
            Schema::KeyFirst => (768, 8),
        };
        let pointer = packet
            .get(pointer..)
            .and_then(<[u8]>::first_chunk::<4>)
            .copied()
            .unwrap_or_default();
        let sum: usize = pointer.into_iter().map(usize::from).sum();
        base + sum % 632
    }

    /// Writes the public key of RTMPE, before the digest.
    #[cfg(feature = "rtmpe")]
    pub(super) fn put_key(self, packet: &mut Packet, key: &super::rtmpe::PublicKey) {
        let offset = self.key_offset(packet);
        if let Some(place) = packet.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
            *place = *key;
        }
    }

    /// The public key of RTMPE.
    #[cfg(feature = "rtmpe")]
    pub(super) fn key(self, packet: &Packet) -> Option<super::rtmpe::PublicKey> {
        let offset = self.key_offset(packet);
        packet.get(offset..)?.first_chunk().copied()
    }

    /// The packet before, at and after its digest.
    fn split(self, packet: &Packet) -> Option<(&[u8], &Digest, &[u8])> {
        let (before, rest) = packet.split_at_checked(self.digest_offset(packet))?;
        let (digest, after) = rest.split_first_chunk()?;
        Some((before, digest, after))
    }
}

/// HMAC takes keys of any length, so that the default key is never used.
pub(super) fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).unwrap_or_else(|_| Hmac::new(&Default::default()))
}

fn digest_mac(role: Role, before: &[u8], after: &[u8]) -> Hmac<Sha256> {
    let mut mac = hmac(role.key());
    mac.update(before);
    mac.update(after);
    mac
}

/// Writes the digest into C1 or S1, whose other bytes are final.
pub(super) fn sign_first(role: Role, schema: Schema, packet: &mut Packet) -> Digest {
    let digest: Digest = match schema.split(packet) {
        Some((before, _, after)) => digest_mac(role, before, after)
            .finalize()
            .into_bytes()
            .into(),
        None => [0; DIGEST],
    };
    let offset = schema.digest_offset(packet);
    if let Some(place) = packet.get_mut(offset..).and_then(<[u8]>::first_chunk_mut) {
        *place = digest;
    }
    digest
}

/// The schema and the digest of C1 or S1, if it has a valid one.
pub(super) fn find_first(role: Role, packet: &Packet) -> Option<(Schema, Digest)> {
    [Schema::DigestFirst, Schema::KeyFirst]
        .into_iter()
        .find_map(|schema| {
            let (before, digest, after) = schema.split(packet)?;
            digest_mac(role, before, after).verify_slice(digest).ok()?;
            Some((schema, *digest))
        })
}

/// The key that answers a digest.
fn digest_key(role: Role, peer_digest: &Digest) -> Digest {
    let mut key = hmac(&[role.key(), &SUFFIX].concat());
    key.update(peer_digest);
    key.finalize().into_bytes().into()
}

/// The signature of C2 or S2 as the version has it: that of RTMPE is enciphered in some.
fn signature(role: Role, version: u8, peer_digest: &Digest, body: &[u8]) -> Digest {
    let key = digest_key(role, peer_digest);
    let mut mac = hmac(&key);
    mac.update(body);
    let mut signature: Digest = mac.finalize().into_bytes().into();
    seal(version, &key, &mut signature);
    signature
}

#[cfg(feature = "rtmpe")]
fn seal(version: u8, key: &Digest, signature: &mut Digest) {
    if let Some(encryption) = super::Encryption::of(version) {
        super::rtmpe::encipher(encryption, key, signature);
    }
}

#[cfg(not(feature = "rtmpe"))]
fn seal(_: u8, _: &Digest, _: &mut Digest) {}

/// Writes the signature into the last 32 bytes of C2 or S2: it answers the digest of the peer's first packet.
pub(super) fn sign_second(role: Role, version: u8, peer_digest: &Digest, packet: &mut Packet) {
    if let Some((body, place)) = packet.split_last_chunk_mut::<DIGEST>() {
        *place = signature(role, version, peer_digest, body);
    }
}

/// Whether C2 or S2 carries the signature that answers `digest`, which was in our first packet.
pub(super) fn verify_second(role: Role, version: u8, digest: &Digest, packet: &Packet) -> bool {
    packet
        .split_last_chunk::<DIGEST>()
        .is_some_and(|(body, found)| {
            // Everybody knows the keys: nothing is told by how long this takes.
            signature(role, version, digest, body) == *found
        })
}

const _: () = assert!(LEN >= 772 + 4 + 727 + DIGEST);
