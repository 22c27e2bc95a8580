//! A player gets the packets that were laid out for RTSP, under its own numbers.

use super::parameters;
use crate::rtsp_server::egress::{Packets, Unit};
use crate::stream::{Seated, Stream};
use common::fanout::{Reader, Role};
use common::order::Order;
use common::webrtc::{Call, keep_for_repair};
use std::sync::Arc;
use std::time::Instant;
use str0m::format::Codec;
use str0m::media::{Direction, Mid, Pt};
use str0m::rtp::RtpWrite;
use str0m::{Event, Rtc};

/// Bytes that a player takes from the fan-out at a time.
const BATCH: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Play {
    stream: Arc<Stream>,
    reader: Reader<Unit>,
    /// By index of the track; `None` for what WebRTC has no format for.
    lanes: Vec<Option<Lane>>,
    /// Pictures wait for the next keyframe: a burst of old ones would come late.
    waits: bool,
    connected: bool,
    _seated: Seated,
}

/// What carries a track.
#[derive(Debug)]
struct Lane {
    mid: Mid,
    payload_type: Pt,
    is_video: bool,
    sequence: u64,
    order: Order,
    jumps: u32,
    /// What is wrong with its pictures, as was told last.
    told: Option<&'static str>,
}

impl Play {
    /// Of a stream as its description tells; none, if the offer has room for nothing of it.
    pub(super) fn new(rtc: &Rtc, offer: &str, stream: Arc<Stream>, sdp: &str) -> Option<Self> {
        let description = rtp::sdp::parse(sdp.as_bytes()).ok()?;
        let mut free = sections(rtc, offer);
        let lanes: Vec<_> = rtp::sdp::media(&description)
            .iter()
            .map(|media| {
                let encoding = media.formats.first()?.encoding.to_ascii_lowercase();
                let wanted = match encoding.as_str() {
                    "h264" => Codec::H264,
                    "opus" => Codec::Opus,
                    _ => return None,
                };
                let sends = |mid: Mid| {
                    rtc.media(mid)
                        .is_some_and(|media| media.direction().is_sending())
                };
                let at = free
                    .iter()
                    .position(|(mid, codec)| *codec == wanted && sends(*mid))?;
                let (mid, _) = free.remove(at);
                Some(Lane {
                    mid,
                    payload_type: payload_type(rtc, mid, wanted)?,
                    is_video: wanted == Codec::H264,
                    sequence: 1000,
                    order: Order::new(),
                    jumps: 0,
                    told: None,
                })
            })
            .collect();
        if lanes.iter().all(Option::is_none) {
            return None;
        }
        for (index, lane) in lanes.iter().enumerate() {
            if lane.is_none() {
                tracing::info!(stream = %stream.name, track = index, "not for WebRTC: it carries H.264 and Opus only");
            }
        }
        let mut reader = stream.rtsp.fanout.subscribe();
        let mut old = Vec::new();
        while reader.take(&mut old, BATCH).is_ok_and(|taken| taken.more) {
            old.clear();
        }
        Some(Self {
            _seated: stream.rtsp_player(),
            stream,
            reader,
            lanes,
            waits: true,
            connected: false,
        })
    }

    /// Sends what there is; whether it goes on.
    fn take(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        let mut units = Vec::new();
        let Ok(taken) = self.reader.take(&mut units, BATCH) else {
            return false;
        };
        self.waits |= taken.skipped;
        for unit in units {
            match unit {
                // Other tracks: the player has to ask anew.
                Unit::Start | Unit::End => {
                    tracing::debug!(stream = %self.stream.name, "a player by WHEP is let go");
                    return false;
                }
                Unit::Packets(packets) if !packets.rtcp => self.send(rtc, &packets, now),
                Unit::Packets(_) => {}
            }
        }
        true
    }

    fn send(&mut self, rtc: &mut Rtc, packets: &Packets, now: Instant) {
        let Some(Some(lane)) = self.lanes.get_mut(packets.track) else {
            return;
        };
        let is_keyframe = packets.role == Role::Join;
        if lane.is_video {
            if self.waits && !is_keyframe {
                return;
            }
            self.waits = false;
            if let Err(why) = lane.judge(packets, is_keyframe) {
                if lane.told.replace(why) != Some(why) {
                    tracing::warn!(stream = %self.stream.name, "to players by WHEP {why}");
                }
                return;
            }
        }
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(lane.mid, None) else {
            return;
        };
        for datagram in packets.plain.each() {
            let Ok(packet) = rtp::Packet::parse(datagram) else {
                continue;
            };
            let payload = match lane.is_video && is_keyframe {
                true => parameters::in_order(packet.payload()),
                false => packet.payload().into(),
            };
            let write = RtpWrite::new(
                lane.payload_type,
                lane.sequence.into(),
                packet.timestamp(),
                now,
                payload,
            );
            stream.write_rtp(write.marker(packet.marker()).nackable(lane.is_video));
            lane.sequence += 1;
        }
    }
}

impl Lane {
    /// Whether a picture goes on.
    fn judge(&mut self, packets: &Packets, is_keyframe: bool) -> Result<(), &'static str> {
        if std::mem::replace(&mut self.jumps, packets.jumps) != packets.jumps {
            self.order.restart();
        }
        let shown = packets.shown.as_nanos();
        self.order.judge(shown, is_keyframe, packets.disposable)
    }
}

impl Call for Play {
    fn handle_event(&mut self, rtc: &mut Rtc, event: Event) {
        if matches!(event, Event::Connected) {
            self.connected = true;
            for lane in self.lanes.iter().flatten() {
                if let Some(stream) = rtc.direct_api().stream_tx_by_mid(lane.mid, None) {
                    keep_for_repair(stream);
                }
            }
        }
    }

    fn handle_timeout(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        !self.connected || self.take(rtc, now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    async fn ready(&self) {
        self.reader.ready().await;
    }
}

/// The sections of an offer and the codec of each, of H.264, VP8 where there is none of that, and Opus.
pub(crate) fn sections(rtc: &Rtc, offer: &str) -> Vec<(Mid, Codec)> {
    let mut found = Vec::new();
    let mids = offer.lines().filter_map(|line| line.strip_prefix("a=mid:"));
    for mid in mids.map(|mid| Mid::from(mid.trim())) {
        let mut codecs = [Codec::H264, Codec::Vp8, Codec::Opus].into_iter();
        let codec = codecs.find(|codec| payload_type(rtc, mid, *codec).is_some());
        found.extend(codec.map(|codec| (mid, codec)));
    }
    found
}

/// How a codec is called in a section; of H.264 the one whose pictures may be cut (packetization-mode 1), where there is one.
pub(crate) fn payload_type(rtc: &Rtc, mid: Mid, codec: Codec) -> Option<Pt> {
    let media = rtc
        .media(mid)
        .filter(|media| media.direction() != Direction::Inactive)?;
    let params = media.remote_pts().iter().filter_map(|pt| {
        rtc.codec_config()
            .find(|params| params.pt() == *pt && params.spec().codec == codec)
    });
    let params: Vec<_> = params.collect();
    let cuts = |params: &&&str0m::format::PayloadParams| {
        params.spec().format.packetization_mode == Some(1)
    };
    params
        .iter()
        .find(cuts)
        .or(params.first())
        .map(|params| params.pt())
}
