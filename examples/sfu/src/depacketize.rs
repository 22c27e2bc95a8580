//! From what is taken of people to samples: what files and other protocols are made of.

use crate::room::TakenPacket;
use anyhow::Context;
use media::{Event, TrackId};
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use str0m::format::Codec;

/// The number of the first track's format, which only we see.
const FIRST_FORMAT: u8 = 96;

/// How long sound waits for the first picture, and both for a report that puts them on one clock: what begins without pictures
/// is another file, or another stream, than what has them.
const TOGETHER: Duration = Duration::from_secs(5);

/// Puts the packets of a tap together.
#[derive(Debug)]
pub(crate) struct Depacketizer {
    receiver: rtp::Receiver,
    start: Instant,
    reports: Vec<Option<u32>>,
    pictures: Vec<TrackId>,
    /// A picture cannot be put together: the next keyframe is waited for.
    pub(crate) is_broken: bool,
}

impl Depacketizer {
    pub(crate) fn new(tracks: &[Codec]) -> anyhow::Result<Self> {
        let sdp = describe(tracks)?;
        let description = rtp::sdp::parse(sdp.as_bytes())?;
        let mut streams = Vec::new();
        for (index, media) in rtp::sdp::media(&description).iter().enumerate() {
            let stream = media.stream(track_id(index));
            streams.push(stream.context("a format without a layout")?);
        }
        let mut config = rtp::receiver::Config::new(rand::random(), "fluvial");
        config.sync_wait = TOGETHER;
        Ok(Self {
            receiver: rtp::Receiver::new(config, streams)?,
            start: Instant::now(),
            reports: vec![None; tracks.len()],
            pictures: (0..tracks.len())
                .filter(|index| tracks[*index].is_video())
                .map(track_id)
                .collect(),
            is_broken: false,
        })
    }

    /// Takes a packet of the track with this index.
    pub(crate) fn handle(&mut self, track: usize, packet: &TakenPacket) {
        let now = packet.at.saturating_duration_since(self.start);
        let id = track_id(track);
        // Any number will do that is another one for each track.
        let ssrc = id.0;
        if let (Some((time, at)), Some(last)) = (packet.report, self.reports.get_mut(track))
            && *last != Some(time)
        {
            *last = Some(time);
            let report = rtp::rtcp::SenderReport {
                ssrc,
                ntp: ntp(at),
                rtp_timestamp: time,
                ..Default::default()
            };
            let mut data = Vec::new();
            if report.encode(&mut data).is_ok() {
                self.receiver.handle_rtcp(id, &data, now);
            }
        }
        let header = rtp::Header {
            marker: packet.marker,
            payload_type: FIRST_FORMAT.wrapping_add(track as u8),
            // Of the number those bits that are sent.
            sequence_number: packet.sequence as u16,
            timestamp: packet.time,
            ssrc,
            ..Default::default()
        };
        let data = [&header.fixed()[..], &packet.payload].concat();
        self.receiver.handle_rtp(id, &data, now);
        self.receiver.handle_timeout(now);
        while self.receiver.poll_transmit().is_some() {}
    }

    /// Nothing comes any more.
    pub(crate) fn finish(&mut self) {
        self.receiver
            .handle_eof(self.start.elapsed() + Duration::from_millis(1));
        while self.receiver.poll_transmit().is_some() {}
    }

    /// What has come.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        let event = match self.receiver.poll_event() {
            Ok(event) => event?,
            Err(error) => {
                tracing::warn!("packets make no samples: {error}");
                return None;
            }
        };
        if let Event::Warning(warning) = &event {
            tracing::debug!("{warning}");
            self.is_broken |= warning.track.is_some_and(|id| self.pictures.contains(&id));
        }
        Some(event)
    }
}

/// Tracks as a session description, which our receiver understands.
fn describe(tracks: &[Codec]) -> anyhow::Result<String> {
    let mut sdp =
        "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n".to_owned();
    for (index, codec) in tracks.iter().enumerate() {
        section(&mut sdp, index, *codec, 0)?;
    }
    Ok(sdp)
}

/// Writes the section of a track, which goes to this port.
pub(crate) fn section(
    sdp: &mut String,
    index: usize,
    codec: Codec,
    port: u16,
) -> anyhow::Result<()> {
    let format = payload_type(index);
    let (kind, name) = match codec {
        Codec::Opus => ("audio", "opus/48000/2"),
        Codec::H264 => ("video", "H264/90000"),
        Codec::Vp8 => ("video", "VP8/90000"),
        Codec::Vp9 => ("video", "VP9/90000"),
        Codec::Av1 => ("video", "AV1/90000"),
        other => anyhow::bail!("{other:?} has no place in a file"),
    };
    write!(
        sdp,
        "m={kind} {port} RTP/AVP {format}\r\na=rtpmap:{format} {name}\r\n"
    )?;
    if codec == Codec::H264 {
        write!(sdp, "a=fmtp:{format} packetization-mode=1\r\n")?;
    }
    Ok(())
}

/// The number of the format of a track.
pub(crate) const fn payload_type(index: usize) -> u8 {
    FIRST_FORMAT.wrapping_add(index as u8)
}

const fn track_id(index: usize) -> TrackId {
    TrackId(index as u32 + 1)
}

pub(crate) fn ntp(time: SystemTime) -> rtp::NtpTime {
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    rtp::NtpTime::from_unix_nanos(i64::try_from(time.as_nanos()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_codecs_of_rooms_are_described() {
        let all = [Codec::Opus, Codec::H264, Codec::Vp8, Codec::Vp9, Codec::Av1];
        let sdp = describe(&all).unwrap();
        let description = rtp::sdp::parse(sdp.as_bytes()).unwrap();
        let media = rtp::sdp::media(&description);
        let known = media
            .iter()
            .filter(|media| media.stream(TrackId(1)).is_some());
        assert_eq!(known.count(), all.len());
    }
}
