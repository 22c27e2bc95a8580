use super::list::{Entry, List};
use super::{XR, write_packet};
use crate::packet::too_long;
use crate::{Error, NtpTime};
use alloc::vec::Vec;
use wire::Reader;

/// Extended reports (RFC 3611): blocks of a kind each.
///
/// ```text
/// SSRC, 32 | for each block: BT, 8 | type-specific, 8 | block length in words, 16 | contents
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Xr<'a> {
    /// Who tells.
    pub ssrc: u32,
    blocks: &'a [u8],
}

/// Which packets arrived, or came twice, in runs and bits (RFC 3611 §4.1, §4.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rle<'a> {
    /// The source.
    pub ssrc: u32,
    /// Only packets whose numbers are multiples of 2^`thinning` are told; 4 bits.
    pub thinning: u8,
    /// The first sequence number.
    pub begin_seq: u16,
    /// One past the last.
    pub end_seq: u16,
    /// Runs (upper bit 0, then the kind, then 14 bits of length), bits (upper bit 1), and 0 to fill a word.
    pub chunks: List<'a, u16>,
}

impl Rle<'_> {
    /// For each packet told of, in order, whether its bit is set.
    pub fn bits(&self) -> impl Iterator<Item = bool> {
        self.chunks.iter().flat_map(|chunk| {
            let (len, run) = match chunk >> 14 {
                0 => (chunk & 0x3FFF, Some(false)),
                1 => (chunk & 0x3FFF, Some(true)),
                _ => (15, None),
            };
            (0..len).map(move |n| run.unwrap_or(chunk >> (14u16.saturating_sub(n) & 15) & 1 != 0))
        })
    }
}

/// What a receiver without sender reports of its own needs to find the round trip time (RFC 3611 §4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DlrrEntry {
    /// Whose reference time.
    pub ssrc: u32,
    /// The middle 32 bits of it.
    pub last_rr: u32,
    /// Time since it came, in 1/65536 s.
    pub delay_since_last_rr: u32,
}

impl Entry for DlrrEntry {
    const LEN: usize = 12;
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let ssrc = r.u32("SSRC").ok()?;
        let last_rr = r.u32("LRR").ok()?;
        Some(Self {
            ssrc,
            last_rr,
            delay_since_last_rr: r.u32("DLRR").ok()?,
        })
    }
    fn write(&self, out: &mut Vec<u8>) {
        for word in [self.ssrc, self.last_rr, self.delay_since_last_rr] {
            out.extend_from_slice(&word.to_be_bytes());
        }
    }
}

/// Summary of a range of packets (RFC 3611 §4.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatisticsSummary {
    /// L, D, J and ToH: which of the fields mean something; 5 bits from the top.
    pub flags: u8,
    /// The source.
    pub ssrc: u32,
    /// The first sequence number.
    pub begin_seq: u16,
    /// One past the last.
    pub end_seq: u16,
    /// Packets lost.
    pub lost_packets: u32,
    /// Packets that came more than once.
    pub dup_packets: u32,
    /// Jitter, in ticks: the least, the most, mean and deviation.
    pub jitter: [u32; 4],
    /// TTL or hop limit: the least, the most, mean and deviation.
    pub ttl: [u8; 4],
}

/// One block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Block<'a> {
    /// Which packets arrived (§4.1).
    LossRle(Rle<'a>),
    /// Which packets came twice (§4.2).
    DuplicateRle(Rle<'a>),
    /// When packets arrived, by the stream's clock (§4.3).
    ReceiptTimes {
        /// The source.
        ssrc: u32,
        /// As [`Rle::thinning`].
        thinning: u8,
        /// The first sequence number.
        begin_seq: u16,
        /// One past the last.
        end_seq: u16,
        /// The times.
        times: List<'a, u32>,
    },
    /// When this was sent (§4.4).
    ReferenceTime(NtpTime),
    /// Answers to reference times (§4.5).
    Dlrr(List<'a, DlrrEntry>),
    /// Summary (§4.6).
    Statistics(StatisticsSummary),
    /// Metrics of a call (§4.7): SSRC, and 28 bytes from the loss rate on.
    VoipMetrics {
        /// The source.
        ssrc: u32,
        /// Loss, discard, burst and gap; delays; levels; quality; buffer: as §4.7 lays them out.
        metrics: &'a [u8; 28],
    },
    /// Anything else.
    Other {
        /// BT.
        kind: u8,
        /// The byte after it.
        specific: u8,
        /// Whole words.
        data: &'a [u8],
    },
}

impl<'a> Block<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, Error> {
        let kind = r.u8("BT")?;
        let specific = r.u8("type-specific")?;
        let len = usize::from(r.u16("block length")?) * 4;
        let mut r = r.sub(len, "report block")?;
        let rle = |r: &mut Reader<'a>| -> Result<Rle<'a>, Error> {
            Ok(Rle {
                ssrc: r.u32("SSRC")?,
                thinning: specific & 15,
                begin_seq: r.u16("begin_seq")?,
                end_seq: r.u16("end_seq")?,
                chunks: List::Wire(r.rest()),
            })
        };
        Ok(match kind {
            1 => Block::LossRle(rle(&mut r)?),
            2 => Block::DuplicateRle(rle(&mut r)?),
            3 => Block::ReceiptTimes {
                ssrc: r.u32("SSRC")?,
                thinning: specific & 15,
                begin_seq: r.u16("begin_seq")?,
                end_seq: r.u16("end_seq")?,
                times: List::Wire(r.rest()),
            },
            4 => Block::ReferenceTime(NtpTime(r.u64("NTP timestamp")?)),
            5 => Block::Dlrr(List::Wire(r.rest())),
            6 => Block::Statistics(StatisticsSummary {
                flags: specific,
                ssrc: r.u32("SSRC")?,
                begin_seq: r.u16("begin_seq")?,
                end_seq: r.u16("end_seq")?,
                lost_packets: r.u32("lost_packets")?,
                dup_packets: r.u32("dup_packets")?,
                jitter: [
                    r.u32("min_jitter")?,
                    r.u32("max_jitter")?,
                    r.u32("mean_jitter")?,
                    r.u32("dev_jitter")?,
                ],
                ttl: *r.array("ttl")?,
            }),
            7 => Block::VoipMetrics {
                ssrc: r.u32("SSRC")?,
                metrics: r.array("metrics")?,
            },
            _ => Block::Other {
                kind,
                specific,
                data: r.rest(),
            },
        })
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let (kind, specific) = match self {
            Block::LossRle(rle) => (1, rle.thinning & 15),
            Block::DuplicateRle(rle) => (2, rle.thinning & 15),
            Block::ReceiptTimes { thinning, .. } => (3, thinning & 15),
            Block::ReferenceTime(_) => (4, 0),
            Block::Dlrr(_) => (5, 0),
            Block::Statistics(summary) => (6, summary.flags),
            Block::VoipMetrics { .. } => (7, 0),
            Block::Other { kind, specific, .. } => (*kind, *specific),
        };
        let start = out.len();
        out.extend_from_slice(&[kind, specific, 0, 0]);
        let range = |ssrc: u32, begin: u16, end: u16, out: &mut Vec<u8>| {
            out.extend_from_slice(&ssrc.to_be_bytes());
            out.extend_from_slice(&begin.to_be_bytes());
            out.extend_from_slice(&end.to_be_bytes());
        };
        match self {
            Block::LossRle(rle) | Block::DuplicateRle(rle) => {
                range(rle.ssrc, rle.begin_seq, rle.end_seq, out);
                rle.chunks.encode(out);
            }
            Block::ReceiptTimes {
                ssrc,
                begin_seq,
                end_seq,
                times,
                ..
            } => {
                range(*ssrc, *begin_seq, *end_seq, out);
                times.encode(out);
            }
            Block::ReferenceTime(time) => out.extend_from_slice(&time.0.to_be_bytes()),
            Block::Dlrr(entries) => entries.encode(out),
            Block::Statistics(summary) => {
                range(summary.ssrc, summary.begin_seq, summary.end_seq, out);
                out.extend_from_slice(&summary.lost_packets.to_be_bytes());
                out.extend_from_slice(&summary.dup_packets.to_be_bytes());
                for word in summary.jitter {
                    out.extend_from_slice(&word.to_be_bytes());
                }
                out.extend_from_slice(&summary.ttl);
            }
            Block::VoipMetrics { ssrc, metrics } => {
                out.extend_from_slice(&ssrc.to_be_bytes());
                out.extend_from_slice(&metrics[..]);
            }
            Block::Other { data, .. } => out.extend_from_slice(data),
        }
        let len = out.len().wrapping_sub(start).saturating_sub(4);
        out.resize(out.len().saturating_add(len.wrapping_neg() % 4), 0);
        let words = len.div_ceil(4);
        let words16 = u16::try_from(words)
            .map_err(|_| too_long("block length", words as u64, u16::MAX.into()))?;
        if let Some([_, _, a, b, ..]) = out.get_mut(start..) {
            [*a, *b] = words16.to_be_bytes();
        }
        Ok(())
    }
}

impl<'a> Xr<'a> {
    pub(super) fn decode(mut r: Reader<'a>) -> Result<Self, Error> {
        let ssrc = r.u32("SSRC")?;
        let blocks = r.clone().rest();
        while !r.is_empty() {
            Block::decode(&mut r)?;
        }
        Ok(Self { ssrc, blocks })
    }

    /// The blocks, in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'a>> + use<'a> {
        let mut r = Reader::new(self.blocks);
        core::iter::from_fn(move || {
            if r.is_empty() {
                return None;
            }
            Block::decode(&mut r).ok()
        })
    }

    /// Appends the packet as it was read.
    ///
    /// # Errors
    /// None for what was read.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_packet(XR, 0, out, |out| {
            out.extend_from_slice(&self.ssrc.to_be_bytes());
            out.extend_from_slice(self.blocks);
        })
    }

    /// Appends a packet of these blocks.
    ///
    /// # Errors
    /// [`Error::TooLong`] where they do not fit.
    pub fn encode_blocks(ssrc: u32, blocks: &[Block<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
        let mut body = Vec::new();
        for block in blocks {
            block.encode(&mut body)?;
        }
        Xr {
            ssrc,
            blocks: &body,
        }
        .encode(out)
    }
}
