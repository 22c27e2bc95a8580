use super::digest::{self, Digest, Role, Schema};
use super::{Gather, LEN, Packet, VERSION, set_head};
use crate::Error;
use alloc::boxed::Box;
use alloc::vec::Vec;
use rand_core::RngCore;

/// The version that a client with digests tells in C1, as Flash Player 9 did.
const DIGEST_VERSION: [u8; 4] = [9, 0, 124, 2];

/// Which handshake a client offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The one of the specification.
    Plain,
    /// With digests, which some servers ask for; one that does not know them answers plainly.
    #[default]
    Digest,
}

/// The client's side of the handshake.
#[derive(Debug)]
pub struct Client {
    gather: Gather,
    step: Step,
    c1: Box<Packet>,
    /// The digest in C1.
    digest: Option<Digest>,
    genuine: bool,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    Version,
    First,
    Second,
    Done,
}

impl Client {
    /// A client whose C1 is made from `rng` now.
    pub fn new(mode: Mode, rng: &mut dyn RngCore) -> Self {
        let mut c1 = Box::new([0; LEN]);
        rng.fill_bytes(&mut *c1);
        let digest = match mode {
            Mode::Plain => {
                set_head(&mut c1, [0; 4]);
                None
            }
            Mode::Digest => {
                set_head(&mut c1, DIGEST_VERSION);
                Some(digest::sign_first(
                    Role::Client,
                    Schema::DigestFirst,
                    &mut c1,
                ))
            }
        };
        Self {
            gather: Gather::default(),
            step: Step::Start,
            c1,
            digest,
            genuine: false,
        }
    }

    /// Takes the handshake off `input` and writes to `out`, C0 and C1 at the first call, C2 when S1 has come; true once S2 has
    /// come: `input` then starts with the chunk stream.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a version in S0 other than 3.
    pub fn read(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            self.step = match self.step {
                Step::Start => {
                    out.push(VERSION);
                    out.extend_from_slice(&*self.c1);
                    Step::Version
                }
                Step::Version => match self.gather.take::<1>(input) {
                    Some([VERSION]) => Step::First,
                    Some([version]) => return Err(Error::invalid("version in S0", version)),
                    None => return Ok(false),
                },
                Step::First => match self.gather.take(input) {
                    Some(s1) => {
                        self.answer(s1, out);
                        Step::Second
                    }
                    None => return Ok(false),
                },
                Step::Second => match self.gather.take(input) {
                    Some(s2) => {
                        let digest = self.digest.as_ref();
                        self.genuine = digest
                            .is_some_and(|digest| digest::verify_second(Role::Server, digest, &s2));
                        Step::Done
                    }
                    None => return Ok(false),
                },
                Step::Done => return Ok(true),
            };
        }
    }

    /// Whether the server signed S2 with the right key. A plain server does not, and goes on well without.
    #[must_use]
    pub const fn is_genuine(&self) -> bool {
        self.genuine
    }

    /// Writes C2: S1, signed where S1 has a digest.
    fn answer(&mut self, s1: Packet, out: &mut Vec<u8>) {
        let mut c2 = s1;
        if self.digest.is_some()
            && let Some((_, digest)) = digest::find_first(Role::Server, &s1)
        {
            digest::sign_second(Role::Client, &digest, &mut c2);
        }
        out.extend_from_slice(&c2);
    }
}
