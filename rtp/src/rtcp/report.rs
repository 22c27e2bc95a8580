use super::list::{Entry, List};
use super::{RR, SR, write_packet};
use crate::{Error, NtpTime};
use alloc::vec::Vec;
use wire::Reader;

/// What a receiver saw of one source (RFC 3550 §6.4.1).
///
/// ```text
/// SSRC, 32 | fraction lost, 8 | cumulative number of packets lost, 24 signed
/// extended highest sequence number, 32 | interarrival jitter, 32 | last SR, 32 | delay since last SR, 32
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportBlock {
    /// The source.
    pub ssrc: u32,
    /// Packets lost of those expected since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost in all, 24 bits; negative where there are duplicates.
    pub cumulative_lost: i32,
    /// The highest sequence number, and in the upper half how often they wrapped.
    pub highest_sequence: u32,
    /// Mean deviation of the time between arrivals, in ticks of the stream's clock.
    pub jitter: u32,
    /// The middle 32 bits of the time of the last sender report; 0 for none.
    pub last_sr: u32,
    /// Time since that report came, in 1/65536 s.
    pub delay_since_last_sr: u32,
}

impl Entry for ReportBlock {
    const LEN: usize = 24;

    #[inline]
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        // One look at how much there is, for all fields.
        let mut r = Reader::new(r.array::<{ Self::LEN }>("report block").ok()?);
        Some(Self {
            ssrc: r.u32("SSRC").ok()?,
            fraction_lost: r.u8("fraction lost").ok()?,
            cumulative_lost: r.i24("cumulative number of packets lost").ok()?,
            highest_sequence: r.u32("extended highest sequence number").ok()?,
            jitter: r.u32("interarrival jitter").ok()?,
            last_sr: r.u32("last SR").ok()?,
            delay_since_last_sr: r.u32("delay since last SR").ok()?,
        })
    }

    fn write(&self, out: &mut Vec<u8>) {
        // What does not fit is told as the most that does, as §A.3 has it.
        let lost = self.cumulative_lost.clamp(-0x80_0000, 0x7F_FFFF);
        let [_, lost @ ..] = lost.to_be_bytes();
        out.extend_from_slice(&self.ssrc.to_be_bytes());
        out.push(self.fraction_lost);
        out.extend_from_slice(&lost);
        for word in [
            self.highest_sequence,
            self.jitter,
            self.last_sr,
            self.delay_since_last_sr,
        ] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// What a sender sent, and which time on the wall its time stamps mean (RFC 3550 §6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SenderReport<'a> {
    /// The sender.
    pub ssrc: u32,
    /// When the report was sent.
    pub ntp: NtpTime,
    /// The same time on the clock of the stream's time stamps.
    pub rtp_timestamp: u32,
    /// Packets sent, modulo 2^32.
    pub packet_count: u32,
    /// Bytes of payload sent, modulo 2^32.
    pub octet_count: u32,
    /// What it received itself; 31 at most.
    pub reports: List<'a, ReportBlock>,
    /// What a profile adds: whole words.
    pub extension: &'a [u8],
}

impl<'a> SenderReport<'a> {
    #[inline]
    pub(super) fn decode(count: u8, mut r: Reader<'a>) -> Result<Self, Error> {
        // One look at how much there is, for all fields.
        let mut info = Reader::new(r.array::<24>("sender information")?);
        Ok(Self {
            ssrc: info.u32("SSRC of sender")?,
            ntp: NtpTime(info.u64("NTP timestamp")?),
            rtp_timestamp: info.u32("RTP timestamp")?,
            packet_count: info.u32("sender's packet count")?,
            octet_count: info.u32("sender's octet count")?,
            reports: List::Wire(blocks(count, &mut r)?),
            extension: r.rest(),
        })
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 31 reports.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_packet(SR, self.reports.len(), out, |out| {
            out.extend_from_slice(&self.ssrc.to_be_bytes());
            out.extend_from_slice(&self.ntp.0.to_be_bytes());
            for word in [self.rtp_timestamp, self.packet_count, self.octet_count] {
                out.extend_from_slice(&word.to_be_bytes());
            }
            self.reports.encode(out);
            out.extend_from_slice(self.extension);
        })
    }
}

/// What a receiver received (RFC 3550 §6.4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiverReport<'a> {
    /// The receiver.
    pub ssrc: u32,
    /// 31 at most.
    pub reports: List<'a, ReportBlock>,
    /// What a profile adds: whole words.
    pub extension: &'a [u8],
}

impl<'a> ReceiverReport<'a> {
    #[inline]
    pub(super) fn decode(count: u8, mut r: Reader<'a>) -> Result<Self, Error> {
        Ok(Self {
            ssrc: r.u32("SSRC of packet sender")?,
            reports: List::Wire(blocks(count, &mut r)?),
            extension: r.rest(),
        })
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 31 reports.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_packet(RR, self.reports.len(), out, |out| {
            out.extend_from_slice(&self.ssrc.to_be_bytes());
            self.reports.encode(out);
            out.extend_from_slice(self.extension);
        })
    }
}

#[inline]
fn blocks<'a>(count: u8, r: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    Ok(r.take(usize::from(count) * ReportBlock::LEN, "report blocks")?)
}
