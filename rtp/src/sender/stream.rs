use super::repair::Repairs;
use super::{Channel, Output, part};
use crate::packet::FIXED_LEN;
use crate::payload::{Layout, Packetizer};
use crate::{Error, Format, Header};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use media::{Codec, Sample, Time, Timescale, Track, TrackId};

/// One track as it is sent.
#[derive(Debug)]
pub struct Stream {
    pub(super) track: TrackId,
    pub(super) timescale: Timescale,
    format: Format,
    pub(super) ssrc: u32,
    next_sequence: u16,
    /// The time stamp of the time 0.
    timestamp_base: u32,
    packetizer: Packetizer,
    adapt: Adapt,
    /// Parameter sets after their lengths.
    parameter_sets: Vec<u8>,
    /// They are to go before the next picture, whatever it is: they came between two of a coded video sequence.
    sets_due: bool,
    pub(super) packet_count: u32,
    pub(super) octet_count: u32,
    pub(super) next_report: Option<Duration>,
    pub(super) repairs: Repairs,
    #[cfg(feature = "srtp")]
    pub(super) srtp: Option<crate::srtp::Secure>,
}

/// What is done to samples before they are cut.
#[derive(Debug)]
enum Adapt {
    Nothing,
    Latm(aac::latm::Writer),
    /// Numbers of so many bytes are little-endian.
    Swap(usize),
}

impl Stream {
    pub(super) fn new(track: &Track, format: Format, max: usize, random: [u64; 2]) -> Self {
        let [s0, s1, s2, s3, t0, t1, t2, t3] = random[0].to_be_bytes();
        let [n0, n1, ..] = random[1].to_be_bytes();
        Self {
            track: track.id,
            timescale: track.timescale,
            format,
            ssrc: u32::from_be_bytes([s0, s1, s2, s3]),
            next_sequence: u16::from_be_bytes([n0, n1]),
            timestamp_base: u32::from_be_bytes([t0, t1, t2, t3]),
            packetizer: Packetizer::new(format.layout, max),
            adapt: Adapt::Nothing,
            parameter_sets: Vec::new(),
            sets_due: false,
            packet_count: 0,
            octet_count: 0,
            next_report: None,
            repairs: Repairs::default(),
            #[cfg(feature = "srtp")]
            srtp: None,
        }
    }

    pub(super) fn set_format(&mut self, format: Format, max: usize) {
        if self.format != format {
            self.format = format;
            self.packetizer = Packetizer::new(format.layout, max);
        }
    }

    /// The track.
    #[must_use]
    pub const fn track(&self) -> TrackId {
        self.track
    }

    /// Its payload format.
    #[must_use]
    pub const fn format(&self) -> &Format {
        &self.format
    }

    /// Its synchronisation source.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The sequence number that its next packet will have: `seq` of RTSP's `RTP-Info`.
    #[must_use]
    pub const fn next_sequence(&self) -> u16 {
        self.next_sequence
    }

    /// The time stamp of a time: `rtptime` of RTSP's `RTP-Info`.
    #[must_use]
    pub fn timestamp(&self, time: Time) -> u32 {
        self.stamp(self.format.clock_rate.ticks(time))
    }

    fn stamp(&self, ticks: i64) -> u32 {
        let [.., a, b, c, d] = ticks.to_be_bytes();
        self.timestamp_base
            .wrapping_add(u32::from_be_bytes([a, b, c, d]))
    }

    pub(super) fn set_codec(&mut self, track: &Track) {
        self.timescale = track.timescale;
        let before = core::mem::take(&mut self.parameter_sets);
        for set in track.codec.parameter_sets() {
            push_set(set, &mut self.parameter_sets);
        }
        self.sets_due = !before.is_empty() && before != self.parameter_sets;
        self.adapt = match (&track.codec, self.format.layout) {
            (Codec::Aac(config), Layout::Latm) => {
                let config = aac::latm::StreamMuxConfig::new(config.clone());
                Adapt::Latm(aac::latm::Writer::out_of_band(config))
            }
            (Codec::Pcm(pcm), _) if pcm.little_endian && pcm.bits > 8 => {
                Adapt::Swap(usize::from(pcm.bits / 8))
            }
            _ => Adapt::Nothing,
        };
    }
}

/// Of H.265, too: lengths are the same.
fn push_set(set: &[u8], out: &mut Vec<u8>) {
    // Records tell lengths of sets in 16 bits: none is too long for 32.
    let _ = h264::length_prefixed::push(set, out);
}

impl Stream {
    pub(super) fn packetize(
        &mut self,
        sample: &Sample,
        sets: bool,
        max: usize,
        now: Duration,
        out: &mut VecDeque<Output>,
    ) -> Result<(), Error> {
        let mut adapted = Vec::new();
        let data: &[u8] = match &mut self.adapt {
            Adapt::Nothing => &sample.data,
            Adapt::Latm(writer) => {
                let written = writer.write(&[&sample.data], &mut adapted);
                written.map_err(|error| Error::Unsupported(alloc::format!("{error}").into()))?;
                &adapted
            }
            Adapt::Swap(size) => {
                let mut rest = &sample.data[..];
                adapted.reserve_exact(rest.len());
                while let Some((number, after)) = rest.split_at_checked(*size) {
                    adapted.extend(number.iter().rev());
                    rest = after;
                }
                &adapted
            }
        };
        let timestamp = self.stamp(self.timescale.rescale(sample.pts, self.format.clock_rate));
        let mut header = Header {
            marker: false,
            payload_type: self.format.payload_type,
            sequence_number: self.next_sequence,
            timestamp,
            ssrc: self.ssrc,
            csrcs: &[],
            extension: None,
        };
        let sets_due = core::mem::take(&mut self.sets_due) || sample.is_sync();
        let sets = if sets && sets_due {
            &self.parameter_sets[..]
        } else {
            &[]
        };
        let sets = match sets {
            [] => None,
            _ => Some(self.packetizer.packetize(sets)?.to_be_continued()),
        };
        let payloads = self.packetizer.packetize(data)?;
        let payloads = sets.into_iter().flatten().chain(payloads);
        // About how much all packets need together.
        let packets = data.len().checked_div(max.saturating_sub(40)).unwrap_or(0);
        let overhead = packets.saturating_add(4).saturating_mul(32);
        let len = data.len().saturating_add(self.parameter_sets.len());
        let mut buffer = Vec::with_capacity(len.saturating_add(overhead));
        let mut ends = Vec::with_capacity(packets.saturating_add(4));
        let before = self.octet_count;
        for payload in payloads {
            header.marker = payload.marker;
            header.timestamp = timestamp.wrapping_add(payload.delay);
            buffer.extend_from_slice(&header.fixed());
            let start = buffer.len();
            payload.write(&mut buffer);
            let octets = u32::try_from(buffer.len().saturating_sub(start)).unwrap_or(0);
            self.octet_count = self.octet_count.wrapping_add(octets);
            header.sequence_number = header.sequence_number.wrapping_add(1);
            ends.push(buffer.len());
            let packet = start.saturating_sub(FIXED_LEN);
            self.repairs
                .cover(packet, &mut header, &mut buffer, &mut ends)?;
        }
        if before != self.octet_count {
            let sent = u32::try_from(ends.len()).unwrap_or(0);
            self.packet_count = self.packet_count.wrapping_add(sent);
        }
        let buffer = Bytes::from(buffer);
        let mut start = 0;
        let mut number = self.next_sequence;
        self.next_sequence = header.sequence_number;
        for end in ends {
            let data = part(&buffer, start, end);
            self.repairs.remember(number, &data, now);
            self.emit(Channel::Rtp, start == 0 && sample.is_sync(), data, out);
            number = number.wrapping_add(1);
            start = end;
        }
        while let Some(repair) = self.repairs.poll_output() {
            self.emit(Channel::Rtp, false, repair.into(), out);
        }
        Ok(())
    }

    /// Sends a packet, encrypted where that is wanted.
    pub(super) fn emit(
        &mut self,
        kind: Channel,
        starts_sync: bool,
        data: Bytes,
        out: &mut VecDeque<Output>,
    ) {
        #[cfg(feature = "srtp")]
        let data = match &mut self.srtp {
            None => data,
            Some(secure) => match secure.protect(&data) {
                Ok(data) => data.into(),
                // The key has served its time: nothing goes out in the clear instead.
                Err(_) => return,
            },
        };
        out.push_back(Output {
            track: self.track,
            kind,
            starts_sync,
            data,
        });
    }
}
