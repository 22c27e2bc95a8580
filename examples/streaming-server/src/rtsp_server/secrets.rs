//! Keys of SRTP, one for each track of a stream, and packets that are encrypted with them once for all players.

use super::egress::{Laid, Packets};
use bytes::{BufMut, Bytes, BytesMut};
use rtp::srtp::mikey::{Message, Session};
use rtp::srtp::{Config, Context, MasterKey, Profile, Secure};
use std::sync::{Mutex, PoisonError};

/// What every client of SRTP knows.
const PROFILE: Profile = Profile::AesCm128HmacSha1_80;

/// The keys that a server sends with.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    keys: Vec<[u8; 30]>,
}

impl Secrets {
    pub(super) fn new(tracks: usize) -> Self {
        Self {
            keys: (0..tracks).map(|_| rand::random()).collect(),
        }
    }

    fn key(&self, track: usize) -> Result<MasterKey, rtp::Error> {
        let none = rtp::Error::State("the track has no key");
        MasterKey::concatenated(PROFILE, self.keys.get(track).ok_or(none)?)
    }

    fn context(&self, track: usize) -> Result<Context, rtp::Error> {
        let mut config = Config::default();
        // Players that are behind may be the first to want a packet; it is the same for all of them.
        config.repeats = true;
        Context::new(PROFILE, &[self.key(track)?], config)
    }

    /// For a sender's track.
    pub(super) fn secure(&self, track: usize) -> Result<Secure, rtp::Error> {
        Ok(Secure::new(Some(self.context(track)?), None))
    }

    /// What tells the other end the key of a track.
    pub(super) fn message(
        &self,
        track: usize,
        ssrc: u32,
        rollover_counter: u32,
    ) -> Result<Message, rtp::Error> {
        let mut message = Message::new(PROFILE, self.key(track)?, rand::random(), rand::random());
        message.time = rtp::NtpTime::from_unix_nanos(
            std::time::UNIX_EPOCH
                .elapsed()
                .map_or(0, |now| media::Time::from(now).as_nanos()),
        );
        message.sessions.push(Session::new(ssrc, rollover_counter));
        Ok(message)
    }
}

/// Encrypts what goes to many players.
#[derive(Debug)]
pub(super) struct Sealer {
    secrets: Secrets,
    contexts: Vec<Mutex<Context>>,
}

impl Sealer {
    pub(super) fn new(tracks: usize) -> Result<Self, rtp::Error> {
        let secrets = Secrets::new(tracks);
        let contexts = (0..tracks).map(|track| Ok(Mutex::new(secrets.context(track)?)));
        Ok(Self {
            contexts: contexts.collect::<Result<_, rtp::Error>>()?,
            secrets,
        })
    }

    /// What tells a player the key of a track, and where its sequence numbers are.
    pub(super) fn message(&self, track: usize, ssrc: u32) -> Result<Message, rtp::Error> {
        let counter = self.contexts.get(track).and_then(|context| {
            let context = context.lock().unwrap_or_else(PoisonError::into_inner);
            context.rollover_counter(ssrc)
        });
        self.secrets.message(track, ssrc, counter.unwrap_or(0))
    }

    /// The packets as they are sent to who wants them encrypted.
    pub(super) fn seal(&self, packets: &Packets) -> Option<Laid> {
        let context = self.contexts.get(packets.track)?;
        let mut context = context.lock().unwrap_or_else(PoisonError::into_inner);
        let channel = u8::try_from(packets.channel()).ok()?;
        let mut laid = Laid::default();
        let room = packets.plain.frames.len() + 16 * packets.plain.ends.len();
        let mut datagrams = BytesMut::with_capacity(room);
        let mut frames = BytesMut::with_capacity(room);
        for packet in packets.plain.each() {
            let mut packet = packet.to_vec();
            match packets.rtcp {
                true => context.protect_rtcp(&mut packet),
                false => context.protect(&mut packet),
            }
            .ok()?;
            frames.put_slice(&[b'$', channel]);
            frames.put_u16(u16::try_from(packet.len()).ok()?);
            frames.put_slice(&packet);
            datagrams.put_slice(&packet);
            laid.ends.push(datagrams.len());
        }
        laid.datagrams = datagrams.freeze();
        laid.frames = Bytes::from(frames);
        Some(laid)
    }
}
