//! What is taken of people becomes files: an MP4 each, of their picture and sound, and one of their screen.

use crate::room::{Taken, TakenPacket, TapId};
use anyhow::Context;
use common::record::{Recording, Recordings};
use media::TrackId;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use str0m::format::Codec;

/// The number of the first track's format, which only we see.
const FIRST_FORMAT: u8 = 96;

/// The recordings of one room.
#[derive(Debug)]
pub(crate) struct Recorder {
    room: String,
    files: Recordings,
    takes: HashMap<TapId, Take>,
}

/// One recording that goes on.
#[derive(Debug)]
struct Take {
    receiver: rtp::Receiver,
    recording: Recording,
    start: Instant,
    reports: Vec<Option<u32>>,
}

impl Recorder {
    pub(crate) fn new(room: &str, files: Recordings) -> Self {
        Self {
            room: file_name(room),
            files,
            takes: HashMap::new(),
        }
    }

    pub(crate) fn handle(&mut self, taken: Taken) {
        match taken {
            Taken::Begins { tap, name, tracks } => {
                self.takes.remove(&tap);
                let screen = if tap.screen { "-screen" } else { "" };
                let path = format!("{}/{}-{}{screen}", self.room, file_name(&name), tap.peer);
                match Take::begin(&tracks, self.files.start(&path)) {
                    Ok(take) => {
                        self.takes.insert(tap, take);
                    }
                    Err(error) => tracing::error!(%path, "cannot record: {error:#}"),
                }
            }
            Taken::Packet { tap, track, packet } => {
                if let Some(take) = self.takes.get_mut(&tap) {
                    take.packet(track, &packet);
                }
            }
            Taken::Ends { tap } => {
                self.takes.remove(&tap);
            }
        }
    }
}

impl Take {
    fn begin(tracks: &[Codec], recording: Recording) -> anyhow::Result<Self> {
        let sdp = describe(tracks)?;
        let description = rtp::sdp::parse(sdp.as_bytes())?;
        let mut streams = Vec::new();
        for (index, media) in rtp::sdp::media(&description).iter().enumerate() {
            let stream = media.stream(track_id(index));
            streams.push(stream.context("a format without a layout")?);
        }
        let config = rtp::receiver::Config::new(rand::random(), "fluvial");
        Ok(Self {
            receiver: rtp::Receiver::new(config, streams)?,
            recording,
            start: Instant::now(),
            reports: vec![None; tracks.len()],
        })
    }

    fn packet(&mut self, track: usize, packet: &TakenPacket) {
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
        self.drain();
    }

    fn drain(&mut self) {
        while self.receiver.poll_transmit().is_some() {}
        loop {
            match self.receiver.poll_event() {
                Ok(Some(event)) => self.recording.handle(&event),
                Ok(None) => return,
                Err(error) => return tracing::warn!("cannot be recorded: {error}"),
            }
        }
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        self.receiver
            .handle_eof(self.start.elapsed() + Duration::from_millis(1));
        self.drain();
    }
}

/// Tracks as a session description, which our receiver understands.
fn describe(tracks: &[Codec]) -> anyhow::Result<String> {
    let mut sdp =
        "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n".to_owned();
    for (index, codec) in tracks.iter().enumerate() {
        let format = FIRST_FORMAT.wrapping_add(index as u8);
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
            "m={kind} 0 RTP/AVP {format}\r\na=rtpmap:{format} {name}\r\n"
        )?;
        if *codec == Codec::H264 {
            write!(sdp, "a=fmtp:{format} packetization-mode=1\r\n")?;
        }
    }
    Ok(sdp)
}

const fn track_id(index: usize) -> TrackId {
    TrackId(index as u32 + 1)
}

fn ntp(time: SystemTime) -> rtp::NtpTime {
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    rtp::NtpTime::from_unix_nanos(i64::try_from(time.as_nanos()).unwrap_or_default())
}

/// A name of a person or a room as one of a file: people call themselves what they like.
fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(plain).take(64).collect();
    if name.is_empty() {
        "_".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        assert_eq!(file_name("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_name(""), "_");
        assert_eq!(file_name("Zoë-1"), "Zoë-1");
    }

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
