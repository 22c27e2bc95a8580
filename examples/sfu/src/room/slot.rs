//! A section by which somebody receives.

use super::rewrite::Rewriter;
use super::vp8::Pictures;
use super::{Packet, PeerId};
use crate::message::Source;
use std::time::{Duration, Instant};
use str0m::Rtc;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{MediaKind, Mid, Pt};
use str0m::rtp::{ExtensionValues, RtpWrite};

/// What it carries may change at any time; to the receiver it stays one stream.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) mid: Mid,
    pub(super) kind: MediaKind,
    pub(super) feed: Option<Feed>,
    rewriter: Rewriter,
    pictures: Pictures,
    /// Until when packets are not paced.
    hurry: Option<Instant>,
}

/// The first keyframe is not paced: at the rate with which estimates begin, those of a few people would take a second.
const HURRY: Duration = Duration::from_millis(250);

/// Where it comes from.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) peer: PeerId,
    /// The section of the publisher.
    pub(super) track: Mid,
    pub(super) source: Source,
    /// The layer that is sent.
    pub(super) current: Option<usize>,
    /// The layer to send from its next keyframe on.
    pub(super) wanted: Option<usize>,
    /// Smaller layers, one of which does to begin with.
    pub(super) smaller: Vec<usize>,
    /// Height of the tile, and its priority.
    pub(super) height: u32,
    pub(super) priority: u8,
    /// The payload type here of one there.
    payload_type: Option<(Pt, Option<Pt>)>,
}

impl Slot {
    pub(super) const fn new(mid: Mid, kind: MediaKind) -> Self {
        let clock_rate = match kind {
            MediaKind::Audio => 48_000,
            MediaKind::Video => 90_000,
        };
        Self {
            mid,
            kind,
            feed: None,
            rewriter: Rewriter::new(clock_rate),
            pictures: Pictures::new(),
            hurry: None,
        }
    }

    /// Carries something else, or nothing, from now on.
    pub(super) fn feed_from(&mut self, feed: Option<Feed>) {
        self.feed = feed;
        self.switch();
    }

    /// Starts anew, with the next keyframe.
    pub(super) fn restart(&mut self) {
        if let Some(feed) = &mut self.feed {
            feed.current = None;
            feed.payload_type = None;
        }
    }

    fn switch(&mut self) {
        self.rewriter.switch();
        self.pictures.switch();
    }

    /// Sends a packet of layer `layer` on, if it is the one that is shown, or from here on the one to show. Whether it was sent.
    pub(super) fn forward(
        &mut self,
        rtc: &mut Rtc,
        packet: &Packet,
        params: PayloadParams,
        layer: usize,
        is_keyframe: bool,
        now: Instant,
    ) -> bool {
        let Some(feed) = &mut self.feed else {
            return false;
        };
        let mut starts = false;
        if self.kind == MediaKind::Video && feed.current != Some(layer) {
            let does = feed.wanted == Some(layer)
                || feed.current.is_none() && feed.smaller.contains(&layer);
            if !does || !is_keyframe {
                return false;
            }
            if feed.current.replace(layer).is_none() {
                self.hurry = Some(now + HURRY);
                starts = true;
            }
            self.switch();
        }
        let Some(feed) = &mut self.feed else {
            return false;
        };
        let payload_type = match feed.payload_type {
            Some((from, to)) if from == params.pt() => to,
            _ => {
                let to = rtc
                    .codec_config()
                    .match_params(params)
                    .map(PayloadParams::pt);
                feed.payload_type = Some((params.pt(), to));
                to
            }
        };
        let Some(payload_type) = payload_type else {
            return false;
        };
        let (sequence, time) = (packet.sequence, packet.time);
        let Some((sequence, time)) = self.rewriter.next(sequence, time, now) else {
            return false;
        };
        let is_vp8 = params.spec().codec == Codec::Vp8;
        let patch = if is_vp8 {
            self.pictures.next(&packet.payload)
        } else {
            None
        };
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, None) else {
            return false;
        };
        if starts {
            tracing::debug!(from = %feed.peer, section = %self.mid, "a picture begins");
            stream.set_unpaced(true);
        } else if self.hurry.is_some_and(|until| until <= now) {
            self.hurry = None;
            stream.set_unpaced(false);
        }
        let values = &packet.values;
        let kept = ExtensionValues {
            audio_level: values.audio_level,
            voice_activity: values.voice_activity,
            video_orientation: values.video_orientation,
            ..ExtensionValues::default()
        };
        let mut write = RtpWrite::new(
            payload_type,
            sequence.into(),
            time,
            packet.at,
            packet.payload.clone(),
        )
        .marker(packet.marker)
        .ext_vals(kept)
        .nackable(self.kind == MediaKind::Video);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
        true
    }
}

impl Feed {
    pub(super) const fn new(peer: PeerId, track: Mid, source: Source) -> Self {
        Self {
            peer,
            track,
            source,
            current: None,
            wanted: None,
            smaller: Vec::new(),
            height: 720,
            priority: 0,
            payload_type: None,
        }
    }
}
