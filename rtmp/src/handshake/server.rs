use super::digest::{self, Role};
use super::{Gather, LEN, Packet, VERSION};
use crate::Error;
use alloc::boxed::Box;
use alloc::vec::Vec;
use rand_core::RngCore;

/// The version that a server with digests tells in S1, as Flash Media Server did.
const DIGEST_VERSION: [u8; 4] = [3, 5, 1, 1];

/// The server's side of the handshake.
///
/// A client that brings a digest in C1 gets one back, in the same place; any other gets the plain handshake.
#[derive(Debug)]
pub struct Server {
    gather: Gather,
    step: Step,
    /// S1, random but for what C1 decides; sent with S0 and S2 as soon as C1 is there.
    s1: Box<Packet>,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Version,
    First,
    Second,
    Done,
}

impl Server {
    /// A server that waits for C0; what is random in its answer is taken from `rng` now.
    pub fn new(rng: &mut dyn RngCore) -> Self {
        let mut s1 = Box::new([0; LEN]);
        rng.fill_bytes(&mut *s1);
        Self {
            gather: Gather::default(),
            step: Step::Version,
            s1,
        }
    }

    /// Takes the handshake off `input` and writes the answers to `out`; true once C2 has come: `input` then starts with the
    /// chunk stream.
    ///
    /// C2 is not looked at: some clients, ffmpeg for one, do not sign it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a version in C0 that is not RTMP's.
    pub fn read(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            self.step = match self.step {
                Step::Version => match self.gather.take::<1>(input) {
                    // Version 3 is the answer to the others up to 31; text protocols start above (§5.2.2).
                    Some([VERSION..32]) => Step::First,
                    Some([version]) => return Err(Error::invalid("version in C0", version)),
                    None => return Ok(false),
                },
                Step::First => match self.gather.take(input) {
                    Some(c1) => {
                        self.answer(&c1, out);
                        Step::Second
                    }
                    None => return Ok(false),
                },
                Step::Second => match self.gather.take::<LEN>(input) {
                    Some(_) => Step::Done,
                    None => return Ok(false),
                },
                Step::Done => return Ok(true),
            };
        }
    }

    /// Writes S0, S1 and S2.
    fn answer(&mut self, c1: &Packet, out: &mut Vec<u8>) {
        let mut s2 = *c1;
        let digest = match c1 {
            // A client without a version does plain handshakes only.
            [_, _, _, _, 0, 0, 0, 0, ..] => None,
            _ => digest::find_first(Role::Client, c1),
        };
        let version = if digest.is_some() {
            DIGEST_VERSION
        } else {
            [0; 4]
        };
        super::set_head(&mut self.s1, version);
        if let Some((schema, digest)) = digest {
            digest::sign_first(Role::Server, schema, &mut self.s1);
            digest::sign_second(Role::Server, &digest, &mut s2);
        }
        out.reserve_exact(1 + 2 * LEN);
        out.push(VERSION);
        out.extend_from_slice(&*self.s1);
        out.extend_from_slice(&s2);
    }
}
