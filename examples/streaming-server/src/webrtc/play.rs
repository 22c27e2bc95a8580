//! A player gets the packets that were laid out for RTSP, under its own numbers, and those of sound that was made Opus.

use super::parameters;
use crate::rtsp_server::egress::{Egress, Packets, Unit};
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
    /// Sound that was published as something else than Opus.
    voice: Option<Voice>,
    /// Pictures wait for the next keyframe: a burst of old ones would come late.
    waits: bool,
    connected: bool,
    /// What has come since the player asked is still to be taken: sound that is late already would stay so.
    late: bool,
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

/// Where sound that was made Opus comes from, as long as somebody listens, and what carries it.
#[derive(Debug)]
struct Voice {
    reader: Reader<Unit>,
    lane: Lane,
    _listens: Seated,
}

impl Play {
    /// Of a stream as its description tells; none, if the offer has room for nothing of it.
    pub(super) fn new(rtc: &Rtc, offer: &str, stream: Arc<Stream>, sdp: &str) -> Option<Self> {
        let description = rtp::sdp::parse(sdp.as_bytes()).ok()?;
        let mut free = sections(rtc, offer);
        let mut lane_of = |wanted: Codec| {
            let sends = |mid: Mid| {
                rtc.media(mid)
                    .is_some_and(|media| media.direction().is_sending())
            };
            let at = free
                .iter()
                .position(|(mid, codec)| *codec == wanted && sends(*mid))?;
            let (mid, _) = free.remove(at);
            Some(Lane::new(mid, payload_type(rtc, mid, wanted)?, wanted))
        };
        let lanes: Vec<_> = rtp::sdp::media(&description)
            .iter()
            .map(|media| {
                let encoding = media.formats.first()?.encoding.to_ascii_lowercase();
                match encoding.as_str() {
                    "h264" => lane_of(Codec::H264),
                    "opus" => lane_of(Codec::Opus),
                    _ if media.kind == "audio" => None,
                    _ => {
                        tracing::info!(stream = %stream.name, encoding, "players by WHEP do not see it: they take H.264");
                        None
                    }
                }
            })
            .collect();
        let lane = match stream.opus.can_be_made() {
            true => lane_of(Codec::Opus),
            false => None,
        };
        let voice = lane.map(|lane| Voice {
            reader: from_now_on(&stream.opus.egress),
            lane,
            _listens: stream.listener(),
        });
        if lanes.iter().all(Option::is_none) && voice.is_none() {
            return None;
        }
        Some(Self {
            _seated: stream.rtsp_player(),
            reader: from_now_on(&stream.rtsp),
            stream,
            lanes,
            voice,
            waits: true,
            connected: false,
            late: true,
        })
    }

    /// Sends what there is; whether it goes on.
    fn take(&mut self, rtc: &mut Rtc, now: Instant) -> bool {
        let mut units = Vec::new();
        let Ok(taken) = self.reader.take(&mut units, BATCH) else {
            return false;
        };
        self.waits |= taken.skipped;
        let late = self.late;
        self.late = late && taken.more;
        for unit in units {
            match unit {
                // Other tracks: the player has to ask anew.
                Unit::Start | Unit::End => {
                    tracing::debug!(stream = %self.stream.name, "a player by WHEP is let go");
                    return false;
                }
                Unit::Packets(packets) if !packets.rtcp => self.send(rtc, &packets, late, now),
                Unit::Packets(_) => {}
            }
        }
        match &mut self.voice {
            Some(voice) => voice.take(rtc, late, now),
            None => true,
        }
    }

    fn send(&mut self, rtc: &mut Rtc, packets: &Packets, late: bool, now: Instant) {
        let Some(Some(lane)) = self.lanes.get_mut(packets.track) else {
            return;
        };
        if late && !lane.is_video {
            return;
        }
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
        lane.send(rtc, packets, now);
    }
}

impl Voice {
    /// Sends what there is; whether it goes on. When it ends, the stream that it belongs to tells.
    fn take(&mut self, rtc: &mut Rtc, late: bool, now: Instant) -> bool {
        let mut units = Vec::new();
        let taken = self.reader.take(&mut units, BATCH);
        for unit in units {
            if let Unit::Packets(packets) = unit
                && !packets.rtcp
                && !late
            {
                self.lane.send(rtc, &packets, now);
            }
        }
        taken.is_ok()
    }
}

/// What comes through from now on.
fn from_now_on(egress: &Egress) -> Reader<Unit> {
    let mut reader = egress.fanout.subscribe();
    let mut old = Vec::new();
    while reader.take(&mut old, BATCH).is_ok_and(|taken| taken.more) {
        old.clear();
    }
    reader
}

impl Lane {
    const fn new(mid: Mid, payload_type: Pt, codec: Codec) -> Self {
        Self {
            mid,
            payload_type,
            is_video: matches!(codec, Codec::H264),
            sequence: 1000,
            order: Order::new(),
            jumps: 0,
            told: None,
        }
    }

    fn send(&mut self, rtc: &mut Rtc, packets: &Packets, now: Instant) {
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, None) else {
            return;
        };
        let is_keyframe = packets.role == Role::Join;
        for datagram in packets.plain.each() {
            let Ok(packet) = rtp::Packet::parse(datagram) else {
                continue;
            };
            let payload = match self.is_video && is_keyframe {
                true => parameters::in_order(packet.payload()),
                false => packet.payload().into(),
            };
            let write = RtpWrite::new(
                self.payload_type,
                self.sequence.into(),
                packet.timestamp(),
                now,
                payload,
            );
            stream.write_rtp(write.marker(packet.marker()).nackable(self.is_video));
            self.sequence += 1;
        }
    }

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
            let voice = self.voice.as_ref().map(|voice| &voice.lane);
            for lane in self.lanes.iter().flatten().chain(voice) {
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
        match &self.voice {
            Some(voice) => tokio::select! {
                () = self.reader.ready() => {}
                () = voice.reader.ready() => {}
            },
            None => self.reader.ready().await,
        }
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
