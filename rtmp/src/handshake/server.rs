use super::digest::{self, Role};
use super::{Cipher, Gather, LEN, Packet, VERSION};
#[cfg(feature = "rtmpe")]
use super::{Encryption, digest::Schema, rtmpe::Agreement};
use crate::Error;
use alloc::boxed::Box;
use alloc::vec::Vec;
use rand_core::RngCore;

/// The version that a server with digests tells in S1, as Flash Media Server did.
const DIGEST_VERSION: [u8; 4] = [3, 5, 1, 1];

/// The first byte of TLS: the type of a handshake's record (RFC 8446 §5.1).
const TLS: u8 = 22;

/// The server's side of the handshake.
///
/// A client that brings a digest in C1 gets one back, in the same place; any other gets the plain handshake.
#[derive(Debug)]
pub struct Server {
    gather: Gather,
    step: Step,
    /// As in C0.
    version: u8,
    cipher: Option<Cipher>,
    #[cfg(feature = "rtmpe")]
    rtmpe: Option<Rtmpe>,
    /// S1, random but for what C1 decides; sent with S0 and S2 as soon as C1 is there.
    s1: Box<Packet>,
}

/// What RTMPE needs that is random, and how it is answered.
#[cfg(feature = "rtmpe")]
#[derive(Debug)]
struct Rtmpe {
    agreement: Agreement,
    answer: Option<Encryption>,
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
            version: VERSION,
            cipher: None,
            #[cfg(feature = "rtmpe")]
            rtmpe: None,
            s1,
        }
    }

    /// The same, which also lets clients in that ask for RTMPE: with the version that they ask for, or always with `answer`.
    #[cfg(feature = "rtmpe")]
    pub fn with_rtmpe(answer: Option<Encryption>, rng: &mut dyn RngCore) -> Self {
        let mut server = Self::new(rng);
        let agreement = Agreement::new(rng);
        server.rtmpe = Some(Rtmpe { agreement, answer });
        server
    }

    /// What enciphers all that follows, once the handshake is over; none where nothing does.
    pub(crate) fn take_cipher(&mut self) -> Option<Cipher> {
        self.cipher.take()
    }

    /// Takes the handshake off `input` and writes the answers to `out`; true once C2 has come: `input` then starts with the
    /// chunk stream.
    ///
    /// C2 is not looked at: some clients, ffmpeg for one, do not sign it.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a version in C0 that is not RTMP's; [`Error::Unsupported`] for TLS; [`Error::State`] for RTMPE without a digest or a good key in C1.
    pub fn read(&mut self, input: &mut &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
        loop {
            self.step = match self.step {
                Step::Version => match self.gather.take::<1>(input) {
                    // It would be a version that RTMP does not have yet, whose C1 never ends: better told at once.
                    Some([TLS]) => {
                        return Err(Error::Unsupported(
                            "a TLS hello came instead of an RTMP handshake: RTMPS needs a port of its own",
                        ));
                    }
                    // Version 3 is the answer to the others up to 31; text protocols start above (§5.2.2).
                    Some([version @ VERSION..32]) => {
                        self.version = version;
                        Step::First
                    }
                    Some([version]) => return Err(Error::invalid("version in C0", version)),
                    None => return Ok(false),
                },
                Step::First => match self.gather.take(input) {
                    Some(c1) => {
                        self.answer(&c1, out)?;
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
    fn answer(&mut self, c1: &Packet, out: &mut Vec<u8>) -> Result<(), Error> {
        #[cfg(feature = "rtmpe")]
        if let Some(asked) = Encryption::of(self.version)
            && let Some(rtmpe) = self.rtmpe.take()
        {
            return self.answer_encrypted(rtmpe, asked, c1, out);
        }
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
            digest::sign_second(Role::Server, VERSION, &digest, &mut s2);
        }
        self.write(VERSION, &s2, out);
        Ok(())
    }

    fn write(&self, version: u8, s2: &Packet, out: &mut Vec<u8>) {
        out.reserve_exact(1 + 2 * LEN);
        out.push(version);
        out.extend_from_slice(&*self.s1);
        out.extend_from_slice(s2);
    }

    #[cfg(feature = "rtmpe")]
    fn answer_encrypted(
        &mut self,
        rtmpe: Rtmpe,
        asked: Encryption,
        c1: &Packet,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let Rtmpe { agreement, answer } = rtmpe;
        let version = answer.unwrap_or(asked).version();
        let Some((schema, digest)) = digest::find_first(Role::Client, c1) else {
            return Err(Error::State("a client asks for RTMPE without a digest"));
        };
        let Some(peer) = schema.key(c1) else {
            return Err(Error::State("a client asks for RTMPE without a key"));
        };
        let agreement = agreement.without_leading_zeros(&peer);
        let Some(secret) = agreement.secret(&peer) else {
            return Err(Error::State("a client's key would tell the secret to all"));
        };
        let own = agreement.public_key();
        super::set_head(&mut self.s1, DIGEST_VERSION);
        // ffmpeg, when it publishes, looks for the key in this place only.
        Schema::DigestFirst.put_key(&mut self.s1, own);
        digest::sign_first(Role::Server, Schema::DigestFirst, &mut self.s1);
        let mut s2 = *c1;
        digest::sign_second(Role::Server, version, &digest, &mut s2);
        self.write(version, &s2, out);
        self.cipher = Some(Cipher::new(&secret, own, &peer));
        Ok(())
    }
}
