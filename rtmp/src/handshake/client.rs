use super::digest::{self, Digest, Role, Schema};
use super::{Cipher, Gather, LEN, Packet, VERSION, set_head};
#[cfg(feature = "rtmpe")]
use super::{Encryption, rtmpe::Agreement};
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
    /// RTMPE: all that follows is enciphered, which is obfuscation and not security.
    #[cfg(feature = "rtmpe")]
    Encrypted,
}

/// The version that a client tells in C1 with RTMPE.
#[cfg(feature = "rtmpe")]
const ENCRYPTED_VERSION: [u8; 4] = [128, 0, 3, 2];

/// The client's side of the handshake.
#[derive(Debug)]
pub struct Client {
    gather: Gather,
    step: Step,
    c1: Box<Packet>,
    /// The digest in C1.
    digest: Option<Digest>,
    /// As in C0, then as in S0.
    version: u8,
    genuine: bool,
    cipher: Option<Cipher>,
    #[cfg(feature = "rtmpe")]
    agreement: Option<Agreement>,
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
        #[cfg(feature = "rtmpe")]
        let mut agreement = None;
        #[cfg(feature = "rtmpe")]
        let version = match mode {
            Mode::Encrypted => Encryption::Plain.version(),
            _ => VERSION,
        };
        #[cfg(not(feature = "rtmpe"))]
        let version = VERSION;
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
            #[cfg(feature = "rtmpe")]
            Mode::Encrypted => {
                set_head(&mut c1, ENCRYPTED_VERSION);
                let own = agreement.insert(Agreement::new(rng));
                Schema::KeyFirst.put_key(&mut c1, own.public_key());
                Some(digest::sign_first(Role::Client, Schema::KeyFirst, &mut c1))
            }
        };
        Self {
            version,
            cipher: None,
            #[cfg(feature = "rtmpe")]
            agreement,
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
    /// [`Error::Invalid`] for a version in S0 other than 3 or, with RTMPE, 6, 8 or 9; [`Error::State`] for RTMPE without a digest or a
    /// good key in S1.
    pub fn read(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            self.step = match self.step {
                Step::Start => {
                    out.push(self.version);
                    out.extend_from_slice(&*self.c1);
                    Step::Version
                }
                Step::Version => match self.gather.take::<1>(input) {
                    Some([version]) if self.takes(version) => {
                        self.version = version;
                        Step::First
                    }
                    Some([version]) => return Err(Error::invalid("version in S0", version)),
                    None => return Ok(false),
                },
                Step::First => match self.gather.take(input) {
                    Some(s1) => {
                        self.answer(s1, out)?;
                        Step::Second
                    }
                    None => return Ok(false),
                },
                Step::Second => match self.gather.take(input) {
                    Some(s2) => {
                        let digest = self.digest.as_ref();
                        self.genuine = digest.is_some_and(|digest| {
                            digest::verify_second(Role::Server, self.version, digest, &s2)
                        });
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

    #[cfg(feature = "rtmpe")]
    fn takes(&self, version: u8) -> bool {
        match self.agreement {
            Some(_) => Encryption::of(version).is_some(),
            None => version == VERSION,
        }
    }

    #[cfg(not(feature = "rtmpe"))]
    fn takes(&self, version: u8) -> bool {
        version == self.version
    }

    /// What enciphers all that follows, once the handshake is over; none where nothing does.
    pub(crate) fn take_cipher(&mut self) -> Option<Cipher> {
        self.cipher.take()
    }

    /// Writes C2: S1, signed where S1 has a digest.
    fn answer(&mut self, s1: Packet, out: &mut Vec<u8>) -> Result<(), Error> {
        let mut c2 = s1;
        let found = match self.digest {
            Some(_) => digest::find_first(Role::Server, &s1),
            None => None,
        };
        #[cfg(feature = "rtmpe")]
        if let Some(agreement) = self.agreement.take() {
            let peer = found.and_then(|(schema, _)| schema.key(&s1));
            let secret = peer.and_then(|peer| agreement.secret(&peer));
            let (Some(peer), Some(secret)) = (peer, secret) else {
                return Err(Error::State(
                    "a server answers RTMPE without a digest and a good key",
                ));
            };
            self.cipher = Some(Cipher::new(&secret, agreement.public_key(), &peer));
        }
        if let Some((_, digest)) = found {
            digest::sign_second(Role::Client, self.version, &digest, &mut c2);
        }
        out.extend_from_slice(&c2);
        Ok(())
    }
}
