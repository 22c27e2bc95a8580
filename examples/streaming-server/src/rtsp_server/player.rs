//! What one player gets, and how.

use super::egress::{Packets, Unit};
use super::udp::{Batcher, Ports};
use crate::stream::{Seated, Stream};
use common::fanout::{Lost, Reader};
use media::Time;
use rtsp::headers::{RtpInfoEntry, Transport};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Bytes that a player takes from the fan-out at a time.
const BATCH: usize = 256 << 10;

/// A player of one stream.
pub(super) struct Player {
    pub(super) stream: Arc<Stream>,
    /// By index of the track.
    pub(super) tracks: Vec<Option<Way>>,
    reader: Option<Reader<Unit>>,
    /// What was taken and not sent.
    queue: VecDeque<Unit>,
    /// Whether pictures wait for the next key frame.
    waits: bool,
    pub(super) playing: bool,
    /// Whether its packets are encrypted.
    pub(super) secure: bool,
    _seated: Seated,
}

/// How the packets of a track go.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Interleaved, on these channels.
    Tcp(u8, u8),
    /// To these two addresses.
    Udp(SocketAddr, SocketAddr),
    /// To a group, which somebody else sends to.
    Group,
}

/// What is to be done with packets.
pub(super) enum Step {
    /// Frames to be sent as they are.
    Frames(bytes::Bytes),
    /// Packets for other channels.
    Reframed(Arc<Packets>, u8),
    /// Datagrams.
    Datagrams(Arc<Packets>, SocketAddr),
    /// The stream has ended.
    End,
}

impl Player {
    pub(super) fn new(stream: Arc<Stream>, secure: bool) -> Self {
        Self {
            tracks: Vec::new(),
            reader: None,
            queue: VecDeque::new(),
            waits: false,
            playing: false,
            secure,
            _seated: stream.rtsp_player(),
            stream,
        }
    }

    pub(super) fn set(&mut self, track: usize, way: Way) {
        if self.tracks.len() <= track {
            self.tracks.resize(track + 1, None);
        }
        self.tracks[track] = Some(way);
    }

    /// Begins to play, and tells with which packets, in the order of `order`.
    pub(super) fn play(&mut self, order: &[usize]) -> Result<Vec<RtpInfoEntry>, Lost> {
        self.playing = true;
        if self.reader.is_some() {
            return Ok(Vec::new());
        }
        let mut reader = self.stream.rtsp.fanout.subscribe();
        let mut units = Vec::new();
        reader.take(&mut units, BATCH)?;
        // A burst of datagrams would not arrive: who gets those begins with the next key frame.
        let udp = self
            .tracks
            .iter()
            .flatten()
            .any(|way| matches!(way, Way::Udp(..)));
        self.queue.extend(units);
        if udp {
            while reader.take(&mut Vec::new(), BATCH)?.more {}
            self.queue
                .retain(|unit| matches!(unit, Unit::Packets(packets) if packets.rtcp));
            self.waits = true;
        }
        self.reader = Some(reader);
        let first = |track: &usize| {
            self.queue.iter().find_map(|unit| match unit {
                Unit::Packets(packets) if packets.track == *track => packets.beginning(),
                _ => None,
            })
        };
        // Half of it would be worse than nothing: players would wait for the rest.
        let firsts: Option<Vec<_>> = order.iter().map(first).collect();
        let firsts = firsts.unwrap_or_default();
        // The times of all tracks are those of one instant (RFC 2326 §12.33), which no packet is before.
        let instant = firsts.iter().map(|first| first.shown).min();
        let instant = instant.unwrap_or(Time::ZERO);
        let entries = firsts.iter().map(|first| {
            let time = first.timestamp_at(instant);
            rtsp::server::Session::rtp_info(first.sequence, time, first.ssrc)
        });
        Ok(entries.collect())
    }

    pub(super) fn pause(&mut self) {
        self.playing = false;
        self.reader = None;
        self.queue.clear();
    }

    pub(super) fn reader(&self) -> Option<&Reader<Unit>> {
        self.reader.as_ref().filter(|_| self.playing)
    }

    /// Takes more; whether a slow player was moved on.
    pub(super) fn take(&mut self) -> Result<bool, Lost> {
        let Some(reader) = self.reader.as_mut().filter(|_| self.playing) else {
            return Ok(false);
        };
        let mut units = Vec::new();
        let taken = reader.take(&mut units, BATCH)?;
        self.queue.extend(units);
        Ok(taken.skipped)
    }

    /// What is to be done next.
    pub(super) fn next(&mut self) -> Option<Step> {
        while let Some(unit) = self.queue.pop_front() {
            let packets = match unit {
                // What this player knows of the stream is void.
                Unit::Start => continue,
                Unit::End => return Some(Step::End),
                Unit::Packets(packets) => packets,
            };
            if self.waits && !packets.rtcp {
                match common::fanout::Unit::role(&Unit::Packets(Arc::clone(&packets))) {
                    common::fanout::Role::Dependent => continue,
                    common::fanout::Role::Join => self.waits = false,
                    _ => {}
                }
            }
            let Some(Some(way)) = self.tracks.get(packets.track) else {
                continue;
            };
            return Some(match way {
                Way::Group => continue,
                Way::Tcp(rtp, rtcp) => {
                    let channel = if packets.rtcp { *rtcp } else { *rtp };
                    if usize::from(channel) == packets.channel() {
                        match packets.laid(self.secure) {
                            Some(laid) => Step::Frames(laid.frames.clone()),
                            None => continue,
                        }
                    } else {
                        Step::Reframed(packets, channel)
                    }
                }
                Way::Udp(rtp, rtcp) => {
                    let to = if packets.rtcp { *rtcp } else { *rtp };
                    Step::Datagrams(packets, to)
                }
            });
        }
        None
    }
}

/// Sends datagrams from the right one of two ports.
pub(super) async fn send(
    ports: &Ports,
    rtcp: bool,
    datagrams: &[u8],
    ends: &[usize],
    to: SocketAddr,
) -> io::Result<()> {
    let from: &Batcher = if rtcp { &ports.rtcp } else { &ports.rtp };
    from.send(datagrams, ends, to).await
}

/// Whether the client can be served this way at all: its own addresses only, so that nobody sends a stream to somebody else.
pub(super) fn addresses(
    transport: &Transport,
    peer: SocketAddr,
) -> Option<(SocketAddr, SocketAddr)> {
    let ports = transport.client_ports()?;
    let at = |port| SocketAddr::new(peer.ip(), port);
    Some((at(ports.rtp), at(ports.rtcp_or_next())))
}
