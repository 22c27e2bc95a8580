//! A packet of media on its way through a room, wherever it came from.

use std::sync::Arc;
use std::time::{Instant, SystemTime};
use str0m::rtp::{ExtensionValues, RtpPacket};

/// A packet of RTP, without what is of one connection alone.
#[derive(Debug, Clone)]
pub struct Packet {
    /// Its number, which does not wrap.
    pub sequence: u64,
    /// When it is shown, in ticks of its clock.
    pub time: u32,
    /// Whether it is the last one of its picture, or the first one after silence.
    pub marker: bool,
    /// When it came to this server.
    pub at: Instant,
    /// What the sender's last report said: a time of the track, and when that was.
    pub report: Option<(u32, SystemTime)>,
    /// What the extensions of its header tell.
    pub values: ExtensionValues,
    /// What it carries.
    pub payload: Arc<[u8]>,
}

impl From<RtpPacket> for Packet {
    fn from(packet: RtpPacket) -> Self {
        Self {
            sequence: *packet.seq_no,
            time: packet.header.timestamp,
            marker: packet.header.marker,
            at: packet.timestamp,
            report: packet
                .last_sender_info
                // Of the 64 bits of the clock those that are sent.
                .map(|info| (info.rtp_time.numer() as u32, info.ntp_time)),
            values: packet.header.ext_vals,
            payload: packet.payload,
        }
    }
}
