//! What a receiver does about packets that got lost.

use crate::fec::{Limits, Recoverer, flex, ulp};
use crate::nack::{Generator, GeneratorConfig};
use crate::{Packet, rtx};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// How lost packets of a stream are made good. Each is by itself, and all of it goes together. To have the time for it,
/// [`Config::latency`](super::Config::latency) has to be a few round trips, or a group of repair packets.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Repair {
    /// Lost packets are asked for again (RFC 4585 §6.2.1). Default they are not.
    pub nack: Option<GeneratorConfig>,
    /// Payload types of retransmissions (RFC 4588), each with the one of what is sent again (`apt`).
    pub retransmissions: Vec<(u8, u8)>,
    /// The payload type of ULPFEC (RFC 5109), of the same source as the media or of one of its own.
    pub ulpfec: Option<u8>,
    /// The payload type of FlexFEC (RFC 8627).
    pub flexfec: Option<u8>,
    /// Whether a picture that needs no other one is asked for (PLI, RFC 4585 §6.3.1) where packets stay lost.
    pub key_frames: bool,
}

/// The least time between two questions for a picture.
const PICTURES: Duration = Duration::from_secs(1);

/// What does it.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    config: Repair,
    nack: Option<Generator>,
    recoverer: Option<Recoverer>,
    /// Repair packets among the numbers of the media, so far.
    between: u16,
    /// A picture is wanted.
    picture: bool,
    asked: Option<Duration>,
}

/// What a packet is that is no media.
pub(super) enum Kind {
    /// One that is sent again, with the payload type that it had.
    Resent(u8),
    Ulpfec,
    Flexfec,
}

impl Repairs {
    pub(super) fn new(config: &Repair) -> Self {
        let mut repairs = Self {
            config: config.clone(),
            ..Self::default()
        };
        repairs.restart();
        repairs
    }

    /// Another source.
    pub(super) fn restart(&mut self) {
        self.nack = self.config.nack.clone().map(Generator::new);
        let repairs = self.config.ulpfec.or(self.config.flexfec).is_some();
        self.recoverer = repairs.then(|| Recoverer::new(Limits::default()));
        self.between = 0;
    }

    pub(super) fn kind(&self, payload_type: u8) -> Option<Kind> {
        let mut again = self.config.retransmissions.iter();
        if let Some((_, original)) = again.find(|(own, _)| *own == payload_type) {
            return Some(Kind::Resent(*original));
        }
        if self.config.ulpfec == Some(payload_type) {
            return Some(Kind::Ulpfec);
        }
        (self.config.flexfec == Some(payload_type)).then_some(Kind::Flexfec)
    }

    /// Takes note of a packet that came.
    pub(super) fn see(&mut self, number: u16, bytes: &[u8], now: Duration) {
        if let Some(nack) = &mut self.nack {
            nack.handle_packet(number, now);
        }
        if let Some(recoverer) = &mut self.recoverer {
            recoverer.handle_packet(Bytes::copy_from_slice(bytes));
        }
    }

    /// The packet that was sent again.
    pub(super) fn original(
        &mut self,
        bytes: &[u8],
        payload_type: u8,
        ssrc: u32,
        now: Duration,
    ) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(bytes.len());
        rtx::decode(bytes, payload_type, ssrc, &mut out).ok()?;
        if let Some(nack) = &mut self.nack {
            nack.handle_resent(Packet::parse(&out).ok()?.sequence_number(), now);
        }
        Some(out)
    }

    /// Takes a repair packet for the media of this source.
    pub(super) fn repair(&mut self, kind: &Kind, packet: &Packet<'_>, ssrc: u32) {
        let repair = match kind {
            Kind::Ulpfec => ulp::parse(packet.payload(), ssrc),
            _ => flex::parse(packet),
        };
        // One that says nothing repairs nothing.
        if let (Some(recoverer), Ok(repair)) = (&mut self.recoverer, repair)
            && repair.ssrc() == ssrc
        {
            recoverer.handle_repair(repair);
        }
    }

    pub(super) fn poll_recovered(&mut self) -> Option<Vec<u8>> {
        self.recoverer.as_mut()?.poll_output()
    }

    /// Counts a repair packet among the numbers of the media.
    pub(super) const fn pass(&mut self) {
        self.between = self.between.wrapping_add(1);
    }

    /// Repair packets among the numbers of the media, so far.
    pub(super) const fn between(&self) -> u16 {
        self.between
    }

    /// What is to be asked for: packets by their numbers, and a picture.
    pub(super) fn poll(&mut self, now: Duration) -> (Vec<u16>, bool) {
        let Some(nack) = &mut self.nack else {
            return (Vec::new(), false);
        };
        let lost = nack.poll(now);
        self.picture |= nack.take_given_up() > 0 && self.config.key_frames;
        let may = self
            .asked
            .is_none_or(|asked| now >= asked.saturating_add(PICTURES));
        let picture = self.picture && may;
        if picture {
            self.picture = false;
            self.asked = Some(now);
        }
        (lost, picture)
    }

    pub(super) fn timeout(&self) -> Option<Duration> {
        let picture = self.asked.filter(|_| self.picture);
        let picture = picture.map(|asked| asked.saturating_add(PICTURES));
        let nack = self.nack.as_ref().and_then(Generator::poll_timeout);
        [nack, picture].into_iter().flatten().min()
    }

    pub(super) fn buffered_len(&self) -> usize {
        self.recoverer.as_ref().map_or(0, Recoverer::buffered_len)
    }
}
