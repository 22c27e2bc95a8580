use super::PublicKey;
use crate::handshake::digest::hmac;
use hmac::Mac;
use rc4::consts::U16;
use rc4::{Key, KeyInit, Rc4, StreamCipher};

/// Both directions of an encrypted connection.
pub(crate) struct Cipher {
    inbound: Rc4<U16>,
    outbound: Rc4<U16>,
}

impl Cipher {
    /// From the secret, our public key and the peer's: each direction is keyed by the key of who receives it.
    pub(in crate::handshake) fn new(secret: &PublicKey, own: &PublicKey, peer: &PublicKey) -> Self {
        Self {
            inbound: stream(&key(secret, own)),
            outbound: stream(&key(secret, peer)),
        }
    }

    /// Deciphers what came, which continues what came before.
    pub(crate) fn decrypt(&mut self, data: &mut [u8]) {
        self.inbound.apply_keystream(data);
    }

    /// Enciphers what is sent, which continues what was sent before.
    pub(crate) fn encrypt(&mut self, data: &mut [u8]) {
        self.outbound.apply_keystream(data);
    }
}

/// The first half of a MAC over the public key of who receives.
pub(super) fn key(secret: &PublicKey, receiver: &PublicKey) -> [u8; 16] {
    let mut mac = hmac(secret);
    mac.update(receiver);
    let mac: [u8; 32] = mac.finalize().into_bytes().into();
    let mut key = [0; 16];
    for (to, from) in key.iter_mut().zip(mac) {
        *to = from;
    }
    key
}

/// The key stream, as many bytes of it passed over as C2 and S2 have.
fn stream(key: &[u8; 16]) -> Rc4<U16> {
    let mut stream = Rc4::new(Key::<U16>::from_slice(key));
    stream.apply_keystream(&mut [0; crate::handshake::LEN]);
    stream
}

impl core::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Cipher").finish_non_exhaustive()
    }
}
