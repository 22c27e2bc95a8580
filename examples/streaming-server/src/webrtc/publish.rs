//! A publisher's packets become samples as those of RTSP do.

use crate::rtsp_server::ingest::Ingest;
use crate::stream::Publication;
use common::webrtc::Call;
use std::fmt::Write as _;
use std::time::{Duration, Instant, UNIX_EPOCH};
use str0m::format::Codec;
use str0m::media::{KeyframeRequestKind, Mid};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Event, Rtc};

/// Encoders of browsers send a keyframe when they are asked: once a segment.
const KEYFRAMES: Duration = Duration::from_secs(2);
/// A request for a keyframe may be lost, or what it brings: it is made again after so long, and not sooner.
const AGAIN: Duration = Duration::from_millis(250);
const AUDIO: u8 = 111;
const VIDEO: u8 = 96;

#[derive(Debug)]
pub(crate) struct Publish {
    ingest: Ingest,
    start: Instant,
    /// Sections, in the order that the ingest knows.
    sections: Vec<(Mid, Codec)>,
    streams: Vec<Heard>,
    keyframe: Option<Instant>,
    /// When one was asked for because it was wanted.
    asked: Option<Instant>,
}

/// A stream of packets.
#[derive(Debug)]
struct Heard {
    ssrc: Ssrc,
    section: usize,
    report: Option<u32>,
}

impl Publish {
    /// Of what was negotiated: H.264 or VP8, and Opus; other sections are left out.
    pub(crate) fn new(rtc: &Rtc, offer: &str, publication: Publication) -> anyhow::Result<Self> {
        let mut sdp =
            "v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n".to_owned();
        let mut sections = Vec::new();
        for (mid, codec) in super::play::sections(rtc, offer) {
            if !rtc
                .media(mid)
                .is_some_and(|media| media.direction().is_receiving())
                || sections.iter().any(|(_, other)| *other == codec)
            {
                continue;
            }
            // Writing to a string does not fail.
            let _ = match codec {
                Codec::H264 => write!(
                    sdp,
                    "m=video 0 RTP/AVP {VIDEO}\r\na=rtpmap:{VIDEO} H264/90000\r\na=fmtp:{VIDEO} packetization-mode=1\r\n"
                ),
                Codec::Vp8 => write!(
                    sdp,
                    "m=video 0 RTP/AVP {VIDEO}\r\na=rtpmap:{VIDEO} VP8/90000\r\n"
                ),
                _ => write!(
                    sdp,
                    "m=audio 0 RTP/AVP {AUDIO}\r\na=rtpmap:{AUDIO} opus/48000/2\r\n"
                ),
            };
            sections.push((mid, codec));
        }
        Ok(Self {
            ingest: Ingest::new(&sdp, false, None, publication)?,
            start: Instant::now(),
            sections,
            streams: Vec::new(),
            keyframe: None,
            asked: None,
        })
    }

    fn packet(&mut self, rtc: &mut Rtc, packet: &RtpPacket) {
        let ssrc = packet.header.ssrc;
        let index = match self.streams.iter().position(|heard| heard.ssrc == ssrc) {
            Some(index) => index,
            None => {
                let mut api = rtc.direct_api();
                let Some(mid) = api.stream_rx(&ssrc).map(|stream| stream.mid()) else {
                    return;
                };
                let Some(section) = self.sections.iter().position(|(own, _)| *own == mid) else {
                    return;
                };
                // Of simulcast the first layer is taken: one stream has one picture.
                if self.streams.iter().any(|heard| heard.section == section) {
                    return;
                }
                self.streams.push(Heard {
                    ssrc,
                    section,
                    report: None,
                });
                let periodic = self.ingest.publication.wants_keyframe().is_none();
                self.keyframe = periodic.then(Instant::now);
                self.streams.len() - 1
            }
        };
        let now = packet.timestamp.saturating_duration_since(self.start);
        let heard = &mut self.streams[index];
        let section = heard.section;
        if let Some(info) = packet.last_sender_info
            && let report = info.rtp_time.numer() as u32
            && heard.report != Some(report)
        {
            heard.report = Some(report);
            let time = info.ntp_time.duration_since(UNIX_EPOCH).unwrap_or_default();
            let nanos = i64::try_from(time.as_nanos()).unwrap_or_default();
            let report = rtp::rtcp::SenderReport {
                ssrc: *ssrc,
                ntp: rtp::NtpTime::from_unix_nanos(nanos),
                rtp_timestamp: report,
                packet_count: info.sender_packet_count,
                octet_count: info.sender_octet_count,
                ..Default::default()
            };
            let mut data = Vec::new();
            if report.encode(&mut data).is_ok() {
                self.ingest.handle(section, &data, now);
            }
        }
        let payload_type = match self.sections[section].1 {
            Codec::Opus => AUDIO,
            _ => VIDEO,
        };
        // It comes with the last packet of a picture, and where it is missing nothing has changed.
        if let Some(orientation) = packet.header.ext_vals.video_orientation
            && payload_type == VIDEO
        {
            // As it is written: so many quarters clockwise (3GPP TS 26.114 §7.4.5).
            let timestamp = packet.header.timestamp;
            self.ingest.turn(section, timestamp, orientation as u8);
        }
        if payload_type == AUDIO {
            let decibels = packet.header.ext_vals.audio_level;
            self.ingest.publication.loud(decibels);
        }
        let header = rtp::Header {
            marker: packet.header.marker,
            payload_type,
            sequence_number: packet.header.sequence_number,
            timestamp: packet.header.timestamp,
            ssrc: *ssrc,
            ..Default::default()
        };
        let data = [&header.fixed()[..], &packet.payload].concat();
        self.ingest.handle(section, &data, now);
        self.flush(packet.timestamp);
        self.grant(rtc, packet.timestamp);
    }

    /// Asks for a keyframe where one is wanted.
    fn grant(&mut self, rtc: &mut Rtc, now: Instant) {
        let early = |asked: Instant| now.saturating_duration_since(asked) < AGAIN;
        if !self.asked.is_some_and(early)
            && self.shows()
            && self.ingest.publication.wants_keyframe() == Some(true)
        {
            self.asked = Some(now);
            self.request_keyframe(rtc);
        }
    }

    /// Whether anything has come of pictures.
    fn shows(&self) -> bool {
        let is_video = |heard: &Heard| self.sections[heard.section].1 != Codec::Opus;
        self.streams.iter().any(is_video)
    }

    fn request_keyframe(&self, rtc: &mut Rtc) {
        for heard in &self.streams {
            if self.sections[heard.section].1 != Codec::Opus
                && let Some(stream) = rtc.direct_api().stream_rx(&heard.ssrc)
            {
                stream.request_keyframe(KeyframeRequestKind::Pli);
            }
        }
    }

    fn flush(&mut self, now: Instant) {
        // Reports to the sender are the connection's affair.
        while self.ingest.poll_report().is_some() {}
        self.ingest.publication.flush(now);
    }
}

impl Call for Publish {
    fn handle_event(&mut self, rtc: &mut Rtc, event: Event) {
        if let Event::RtpPacket(packet) = event {
            self.packet(rtc, &packet);
        }
    }

    fn handle_timeout(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        self.ingest
            .handle_timeout(now.saturating_duration_since(self.start));
        self.flush(now);
        self.grant(rtc, now);
        if self.keyframe.is_some_and(|due| due <= now) {
            self.keyframe = Some(now + KEYFRAMES);
            self.request_keyframe(rtc);
        }
        true
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let receiver = self.ingest.poll_timeout().map(|at| self.start + at);
        receiver.into_iter().chain(self.keyframe).min()
    }

    async fn ready(&self) {
        std::future::pending::<()>().await;
    }
}
