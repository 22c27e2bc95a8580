//! What a sender does about packets that get lost.

use super::stream::Stream;
use super::{Channel, Output};
use crate::fec::{Protection, flex, ulp};
use crate::nack::{Cache, CacheConfig};
use crate::rtcp::{NackEntry, Packet, Packets};
use crate::{Error, Header, NtpTime, reception, rtx};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// How lost packets of a stream are made good. Each is by itself, and all of it goes together.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Repair {
    /// What is kept, to be sent again to who asks for it (RFC 4585 §6.2.1). Default nothing.
    pub cache: Option<CacheConfig>,
    /// The payload type of a stream of retransmissions (RFC 4588). Without, packets are sent again as they were.
    pub retransmission: Option<u8>,
    /// ULPFEC (RFC 5109): payload type, and how much. Its packets share the source and the sequence numbers of the media.
    pub ulpfec: Option<(u8, Protection)>,
    /// FlexFEC (RFC 8627): payload type, and how much. Its packets are a source of their own.
    pub flexfec: Option<(u8, Protection)>,
}

/// What a receiver tells its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Feedback {
    /// It wants a picture that needs no other one (PLI, RFC 4585 §6.3.1; FIR, RFC 5104 §4.3.1).
    pub key_frame: bool,
    /// Packets that were sent again.
    pub resent: u32,
    /// The round trip, where a report tells it.
    pub round_trip: Option<Duration>,
    /// Of the packets since its last report, those that it did not get, in 256ths.
    pub fraction_lost: Option<u8>,
}

/// What does it.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    cache: Option<Cache>,
    retransmission: Option<rtx::Sender>,
    ulpfec: Option<(u8, ulp::Generator)>,
    flexfec: Option<flex::Generator>,
}

impl Repairs {
    pub(super) fn new(repair: &Repair, random: [u64; 2]) -> Self {
        let [s0, s1, s2, s3, f0, f1, f2, f3] = random[0].to_be_bytes();
        let [n0, n1, m0, m1, ..] = random[1].to_be_bytes();
        let retransmission = repair.retransmission.map(|payload_type| {
            let ssrc = u32::from_be_bytes([s0, s1, s2, s3]);
            rtx::Sender::new(payload_type, ssrc, u16::from_be_bytes([n0, n1]))
        });
        let flexfec = repair.flexfec.map(|(payload_type, protection)| {
            let ssrc = u32::from_be_bytes([f0, f1, f2, f3]);
            let number = u16::from_be_bytes([m0, m1]);
            flex::Generator::new(protection, payload_type, ssrc, number)
        });
        Self {
            cache: repair.cache.clone().map(Cache::new),
            retransmission,
            ulpfec: repair
                .ulpfec
                .map(|(payload_type, protection)| (payload_type, ulp::Generator::new(protection))),
            flexfec,
        }
    }

    /// Covers the packet that begins at `start` of the buffer and is the last one in it. Repair packets of ULPFEC are put
    /// behind it.
    pub(super) fn cover(
        &mut self,
        start: usize,
        header: &mut Header<'_>,
        buffer: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<(), Error> {
        let packet = buffer.get(start..).unwrap_or_default();
        if let Some(generator) = &mut self.flexfec {
            generator.handle_packet(packet)?;
        }
        if let Some((payload_type, generator)) = &mut self.ulpfec {
            generator.handle_packet(packet)?;
            while let Some(repair) = generator.poll_output() {
                let repair_header = Header {
                    marker: false,
                    payload_type: *payload_type,
                    ..*header
                };
                buffer.extend_from_slice(&repair_header.fixed());
                buffer.extend_from_slice(&repair);
                header.sequence_number = header.sequence_number.wrapping_add(1);
                ends.push(buffer.len());
            }
        }
        Ok(())
    }

    pub(super) fn remember(&mut self, sequence_number: u16, packet: &Bytes, now: Duration) {
        if let Some(cache) = &mut self.cache {
            cache.handle_sent(sequence_number, packet.clone(), now);
        }
    }

    /// The next repair packet of FlexFEC.
    pub(super) fn poll_output(&mut self) -> Option<Vec<u8>> {
        self.flexfec.as_mut()?.poll_output()
    }

    /// A packet that is to be sent again, if it is still there.
    fn again(&mut self, sequence_number: u16, now: Duration) -> Option<Bytes> {
        let packet = self.cache.as_mut()?.respond(sequence_number, now)?;
        match &mut self.retransmission {
            None => Some(packet),
            Some(sender) => {
                let mut out = Vec::with_capacity(packet.len().saturating_add(2));
                sender.encode(&packet, &mut out).ok()?;
                Some(out.into())
            }
        }
    }
}

impl Stream {
    pub(super) fn handle_rtcp(
        &mut self,
        data: &[u8],
        wall: NtpTime,
        now: Duration,
        out: &mut VecDeque<Output>,
    ) -> Result<Feedback, Error> {
        #[cfg(feature = "srtp")]
        let open;
        #[cfg(feature = "srtp")]
        let data = match &mut self.srtp {
            None => data,
            Some(secure) => {
                open = secure.unprotect(data)?;
                &open
            }
        };
        let mut feedback = Feedback::default();
        for packet in Packets::new(data).flatten() {
            match packet {
                Packet::Nack(nack) if nack.media_ssrc == self.ssrc => {
                    let wanted = nack.entries.iter();
                    for number in wanted.flat_map(NackEntry::sequence_numbers) {
                        if let Some(packet) = self.repairs.again(number, now) {
                            feedback.resent = feedback.resent.saturating_add(1);
                            self.emit(Channel::Rtp, false, packet, out);
                        }
                    }
                }
                Packet::Pli(pli) => feedback.key_frame |= pli.media_ssrc == self.ssrc,
                Packet::Fir(fir) => {
                    feedback.key_frame |= fir.entries.iter().any(|entry| entry.ssrc == self.ssrc);
                }
                Packet::ReceiverReport(report) => {
                    let ours = report.reports.iter().find(|block| block.ssrc == self.ssrc);
                    if let Some(block) = ours {
                        feedback.fraction_lost = Some(block.fraction_lost);
                        let trip =
                            reception::round_trip(wall, block.last_sr, block.delay_since_last_sr);
                        feedback.round_trip = trip.or(feedback.round_trip);
                        if let (Some(trip), Some(cache)) = (trip, &mut self.repairs.cache) {
                            cache.set_round_trip(trip);
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(feedback)
    }
}
