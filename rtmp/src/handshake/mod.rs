//! The handshake before the chunk stream (RTMP 1.0 §5.2), plain and with Flash Player's digests; with the feature `rtmpe` also that
//! of RTMPE, whose encryption is **obfuscation, not security**: use RTMPS to keep a secret.
//!
//! The digests prove nothing, their keys are in every player; but players look at them: ffmpeg, for one, does not play from a
//! server that answers its digest wrongly.

mod client;
mod digest;
#[cfg(feature = "rtmpe")]
mod rtmpe;
mod server;

use alloc::vec::Vec;

pub use client::{Client, Mode};
#[cfg(feature = "rtmpe")]
pub(crate) use rtmpe::Cipher;
#[cfg(feature = "rtmpe")]
pub use rtmpe::Encryption;
pub use server::Server;

/// Without the feature nothing is ever encrypted.
#[cfg(not(feature = "rtmpe"))]
#[derive(Debug)]
pub(crate) enum Cipher {}

#[cfg(not(feature = "rtmpe"))]
impl Cipher {
    pub(crate) fn decrypt(&mut self, _: &mut [u8]) {}

    pub(crate) fn encrypt(&mut self, _: &mut [u8]) {}
}

/// Bytes of C1, S1, C2 and S2.
const LEN: usize = 1536;

/// The version of plain RTMP in C0 and S0.
const VERSION: u8 = 3;

type Packet = [u8; LEN];

/// Writes the first eight bytes of C1 or S1: time 0, and the version, 0.0.0.0 for a plain handshake.
fn set_head(packet: &mut Packet, version: [u8; 4]) {
    let [a, b, c, d] = version;
    if let Some(head) = packet.first_chunk_mut() {
        *head = [0, 0, 0, 0, a, b, c, d];
    }
}

/// Bytes of a packet that comes in pieces.
#[derive(Debug, Default)]
struct Gather(Vec<u8>);

impl Gather {
    /// Takes what is missing off `input`; gives the packet once it is whole.
    fn take<const N: usize>(&mut self, input: &mut &[u8]) -> Option<[u8; N]> {
        let missing = N.saturating_sub(self.0.len());
        let (now, later) = input.split_at_checked(missing).unwrap_or((*input, &[]));
        self.0.extend_from_slice(now);
        *input = later;
        let packet = *self.0.first_chunk::<N>()?;
        self.0 = Vec::new();
        Some(packet)
    }
}

#[cfg(test)]
pub(crate) mod tests;
