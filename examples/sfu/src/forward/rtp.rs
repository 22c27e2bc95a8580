//! A person as plain RTP: each track to a port of its own, its reports to the next one. The description is made when the tracks are
//! known, and holds as long as the person is here.

use super::{Job, PATIENCE};
use crate::depacketize::{ntp, payload_type, section};
use crate::room::{Taken, TakenPacket};
use ::rtp::rtcp::{Packet, Packets};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime};
use str0m::format::Codec;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;

/// A receiver can begin that often: it is not known when it comes, and most never ask.
const KEYFRAMES: Duration = Duration::from_secs(5);
/// Between two reports of a track.
const REPORTS: Duration = Duration::from_secs(2);

/// Who has not reported for so long never does: then times are told as they come, which bursts make wrong.
const SILENT: Duration = Duration::from_secs(10);

/// What goes to one receiver.
pub(super) struct Sending {
    packets: mpsc::Receiver<Taken>,
    to: SocketAddr,
    media: UdpSocket,
    control: UdpSocket,
    codecs: Vec<Codec>,
    lanes: Vec<Lane>,
}

/// One track.
struct Lane {
    ssrc: u32,
    packets: u32,
    bytes: u32,
    first: Option<Instant>,
    reported: Option<Instant>,
}

/// Waits for what the person sends; gives a description of it, and what is to be run.
pub(super) async fn begin(
    job: &Job,
    address: String,
    mut packets: mpsc::Receiver<Taken>,
) -> Option<(String, Sending)> {
    let to = tokio::net::lookup_host(address).await.ok()?.next()?;
    let any: SocketAddr = match to.ip() {
        IpAddr::V4(_) => ([0; 4], 0).into(),
        IpAddr::V6(_) => ([0; 16], 0).into(),
    };
    let media = UdpSocket::bind(any).await.ok()?;
    let control = UdpSocket::bind(any).await.ok()?;
    let begins = tokio::time::timeout(PATIENCE, async {
        loop {
            if let Taken::Begins { tracks, .. } = packets.recv().await? {
                return Some(tracks);
            }
        }
    });
    let codecs = begins.await.ok()??;
    let sdp = describe(to, &codecs)?;
    let lanes = codecs.iter().map(|_| Lane {
        ssrc: rand::random(),
        packets: 0,
        bytes: 0,
        first: None,
        reported: None,
    });
    tracing::info!(room = %job.room, peer = %job.tap.peer, forward = job.id, %to, "sent as RTP");
    let sending = Sending {
        packets,
        to,
        media,
        control,
        lanes: lanes.collect(),
        codecs,
    };
    Some((sdp, sending))
}

/// For who receives it, where it goes.
fn describe(to: SocketAddr, codecs: &[Codec]) -> Option<String> {
    let (family, ip) = (if to.is_ipv4() { "IP4" } else { "IP6" }, to.ip());
    let mut sdp =
        format!("v=0\r\no=- 0 0 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n");
    for (index, codec) in codecs.iter().enumerate() {
        section(&mut sdp, index, *codec, port(to, index)).ok()?;
    }
    Some(sdp)
}

/// Of a track; its reports go to the next one.
fn port(to: SocketAddr, index: usize) -> u16 {
    to.port().wrapping_add(2 * index as u16)
}

impl Sending {
    /// Sends until the person has gone.
    pub(super) async fn run(mut self, job: &Job) {
        let mut keyframes = tokio::time::interval(KEYFRAMES);
        keyframes.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut feedback = vec![0; 1500];
        loop {
            tokio::select! {
                taken = self.packets.recv() => match taken {
                    Some(Taken::Begins { tracks, .. }) if tracks != self.codecs => {
                        job.note(|status| status.state = "the person sends something else now".to_owned());
                        return;
                    }
                    Some(Taken::Packet { track, packet, .. }) => self.send(job, track, &packet).await,
                    Some(_) => {}
                    None => return,
                },
                _ = keyframes.tick() => job.want_keyframe().await,
                // What cannot be delivered is told here, too.
                received = self.control.recv_from(&mut feedback) => {
                    if received.is_ok_and(|(count, _)| asks_for_keyframe(&feedback[..count])) {
                        job.want_keyframe().await;
                    }
                }
            }
        }
    }

    async fn send(&mut self, job: &Job, track: usize, packet: &TakenPacket) {
        let Some(lane) = self.lanes.get_mut(track) else {
            return;
        };
        let to = SocketAddr::new(self.to.ip(), port(self.to, track));
        let header = ::rtp::Header {
            marker: packet.marker,
            payload_type: payload_type(track),
            // Of the number those bits that are sent.
            sequence_number: packet.sequence as u16,
            timestamp: packet.time,
            ssrc: lane.ssrc,
            ..Default::default()
        };
        let data = [&header.fixed()[..], &packet.payload].concat();
        // What is lost is lost.
        let _ = self.media.send_to(&data, to).await;
        lane.packets = lane.packets.wrapping_add(1);
        lane.bytes = lane.bytes.wrapping_add(packet.payload.len() as u32);
        job.note(|status| status.bytes += packet.payload.len() as u64);
        let is_due = lane
            .reported
            .is_none_or(|last| packet.at.saturating_duration_since(last) >= REPORTS);
        let first = *lane.first.get_or_insert(packet.at);
        let is_silent = packet.at.saturating_duration_since(first) >= SILENT;
        let now = || is_silent.then(|| (packet.time, SystemTime::now()));
        let Some((time, at)) = packet.report.or_else(now).filter(|_| is_due) else {
            return;
        };
        lane.reported = Some(packet.at);
        let report = ::rtp::rtcp::SenderReport {
            ssrc: lane.ssrc,
            ntp: ntp(at),
            rtp_timestamp: time,
            packet_count: lane.packets,
            octet_count: lane.bytes,
            ..Default::default()
        };
        let mut data = Vec::new();
        if report.encode(&mut data).is_ok() {
            let to = SocketAddr::new(to.ip(), to.port().wrapping_add(1));
            let _ = self.control.send_to(&data, to).await;
        }
    }
}

/// Whether feedback has a PLI or FIR in it (RFC 4585 §6.3.1, RFC 5104 §4.3.1).
fn asks_for_keyframe(compound: &[u8]) -> bool {
    let asks = |packet| matches!(packet, Ok(Packet::Pli(_) | Packet::Fir(_)));
    Packets::new(compound).any(asks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyframes_are_asked_for_in_compounds() {
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        let pli = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2];
        assert!(!asks_for_keyframe(&report));
        assert!(asks_for_keyframe(&[&report[..], &pli].concat()));
        for length in 0..report.len() {
            assert!(!asks_for_keyframe(&report[..length]));
        }
    }

    #[test]
    fn every_track_has_its_ports() {
        let sdp = describe(
            "192.0.2.7:5004".parse().unwrap(),
            &[Codec::H264, Codec::Opus],
        );
        let sdp = sdp.unwrap();
        for line in [
            "c=IN IP4 192.0.2.7",
            "m=video 5004 RTP/AVP 96",
            "m=audio 5006 RTP/AVP 97",
        ] {
            assert!(sdp.contains(line), "{line} in {sdp}");
        }
    }
}
