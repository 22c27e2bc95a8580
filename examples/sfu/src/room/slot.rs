//! A section by which somebody receives.

use super::estimate::Estimate;
use super::past::Past;
use super::pictures::Pictures;
use super::rewrite::Rewriter;
use super::scale::Part;
use super::sieve::{Sieve, Verdict};
use super::track::Rung;
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
    /// Where what it carries has layers inside.
    sieve: Option<Sieve>,
    /// Whether its receiver can take but one size.
    pub(super) flat: bool,
    /// Whether its stream paces packets, once it was told.
    paces: Option<bool>,
    /// Until when packets are not paced in any case.
    hurry: Option<Instant>,
    /// Whether its network became narrow of late.
    narrow: bool,
    /// Until when nothing begins, since there is no room for it.
    drained: Option<Instant>,
    /// Whether what is kept to be sent again is of the present source.
    keeps: bool,
    /// What the receiver told last.
    pub(super) reported: Option<Report>,
    /// When it began with what had been sent before.
    caught_up: Option<Instant>,
}

/// How often a receiver lacked something, the last number that it had and its jitter, and how long a report took.
pub(super) type Report = (u64, Option<(u64, u32)>, Option<Duration>);

/// The first keyframe is not paced: at the rate with which estimates begin, those of a few people would take a second.
const HURRY: Duration = Duration::from_millis(250);

/// What was sent is kept for who misses it: so many packets, and for so long. Three times as long would be three times the memory that each
/// connection goes through.
const KEPT: (usize, Duration) = (2000, Duration::from_secs(1));
/// Most of what is sent that may be sent again: more would flood a network that has become narrow.
const AGAIN: f32 = 0.15;
/// The same after a network became narrow: that is much less than before, each try takes a round trip through a queue, and Chromium waits for
/// three seconds before it asks for a keyframe.
const KEPT_NARROW: (usize, Duration) = (2000, Duration::from_secs(3));
const AGAIN_NARROW: f32 = 0.5;

/// How long no picture begins where the way is jammed: a keyframe at the end of a full queue is lost, and comes no later for waiting until there
/// is room, since the queue empties at the same rate.
const DRAIN: Duration = Duration::from_millis(60);

/// Between two times that a receiver begins again with what was sent before.
const CATCH_UP: Duration = Duration::from_secs(2);

/// Where it comes from.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) peer: PeerId,
    /// The section of the publisher.
    pub(super) track: Mid,
    pub(super) source: Source,
    /// The layer that is sent.
    pub(super) current: Option<usize>,
    /// The layer to send from its next keyframe on, and what of it.
    pub(super) wanted: Option<Rung>,
    /// Smaller layers, one of which does to begin with.
    pub(super) smaller: Vec<usize>,
    /// Height of the tile, and its priority.
    pub(super) height: u32,
    pub(super) priority: u8,
    /// The payload type here of one there.
    payload_type: Option<(Pt, Option<Pt>)>,
}

/// What is seen of a packet before it goes to all.
#[derive(Debug)]
pub(super) struct Seen {
    /// Whether it begins a keyframe.
    pub(super) keyframe: bool,
    /// Of which layer it is, where there are several in one stream.
    pub(super) part: Option<Part>,
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
            sieve: None,
            flat: false,
            paces: None,
            hurry: None,
            narrow: false,
            drained: None,
            keeps: false,
            reported: None,
            caught_up: None,
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

    /// Begins again with what was sent since the last keyframe; not too often: who loses packets would lose the more.
    pub(super) fn begin_again(&mut self, now: Instant) -> bool {
        let is_soon = |then: Instant| now.saturating_duration_since(then) < CATCH_UP;
        if self.caught_up.is_some_and(is_soon) {
            return false;
        }
        self.restart();
        true
    }

    /// Sends all since the last keyframe, if that is what it waits for. It is shown at once: times are put together so closely that
    /// the last picture comes in time. How many packets were sent.
    pub(super) fn catch_up(
        &mut self,
        rtc: &mut Rtc,
        past: &Past,
        params: PayloadParams,
        layer: usize,
        now: Instant,
    ) -> u64 {
        let is_wanted = |feed: &Feed| feed.wanted.is_some_and(|rung| rung.layer == layer);
        let waits = |feed: &Feed| feed.current.is_none() && is_wanted(feed);
        if !self.feed.as_ref().is_some_and(waits) {
            return 0;
        }
        let mut sent = 0;
        for (index, packet) in past.squeezed().enumerate() {
            let seen = Seen {
                keyframe: index == 0,
                part: None,
            };
            let sends = self.forward(rtc, &packet, params, layer, &seen, now);
            sent += u64::from(sends);
        }
        if sent > 0 {
            self.caught_up = Some(now);
        }
        sent
    }

    fn switch(&mut self) {
        self.rewriter.switch();
        self.pictures.switch();
        self.sieve = None;
        self.keeps = false;
    }

    /// What of a layer is to be sent from now on, or as soon as it comes. Where the way is jammed, nothing larger is sent until then, and nothing
    /// at all at first.
    pub(super) fn want(
        &mut self,
        rtc: &mut Rtc,
        wanted: Option<Rung>,
        smaller: Vec<usize>,
        estimate: &Estimate,
        now: Instant,
    ) {
        self.narrow = estimate.is_narrow(now);
        let is_jammed = estimate.is_jammed(now);
        let Some(feed) = &mut self.feed else {
            return;
        };
        let fits = |layer: usize| {
            wanted.is_some_and(|rung| rung.layer == layer) || smaller.contains(&layer)
        };
        let is_larger = feed.current.is_some_and(|layer| !fits(layer));
        let stops = feed.current.is_some() && (wanted.is_none() || is_jammed && is_larger);
        if stops {
            // No room for it: it stands still until there is.
            feed.current = None;
        }
        feed.wanted = wanted;
        feed.smaller = smaller;
        if let (Some(sieve), Some(rung)) = (&mut self.sieve, wanted)
            && feed.current == Some(rung.layer)
        {
            sieve.set(self.flat, rung.parts);
        }
        if stops && is_jammed {
            self.drained = Some(now + DRAIN);
            self.forget(rtc);
        }
    }

    /// What was sent so far is not sent again: the next keyframe does without it, and it would only hold that up.
    fn forget(&mut self, rtc: &mut Rtc) {
        let ((count, age), again) = match self.narrow {
            true => (KEPT_NARROW, AGAIN_NARROW),
            false => (KEPT, AGAIN),
        };
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            // What was sent again does not count any more, either.
            stream.set_rtx_cache(count, age, None);
            stream.set_rtx_cache(count, age, Some(again));
        }
    }

    /// What is sent now.
    pub(super) fn current(&self) -> Option<Rung> {
        let feed = self.feed.as_ref()?;
        let parts = feed.wanted.and_then(|rung| rung.parts);
        let reached = self.sieve.as_ref().map(|sieve| sieve.reached().0);
        Some(Rung {
            layer: feed.current?,
            parts: parts.and_then(|(_, temporal)| Some((reached?, temporal))),
        })
    }

    /// Until when nothing can begin.
    pub(super) fn drains(&self, now: Instant) -> Option<Instant> {
        self.drained.filter(|until| now < *until)
    }

    /// Whether a keyframe is needed for what is to be sent.
    pub(super) fn waits(&self) -> bool {
        let Some(feed) = &self.feed else {
            return false;
        };
        let layer = feed.wanted.map(|rung| rung.layer);
        let grows = self.sieve.as_ref().is_some_and(|sieve| sieve.reached().1);
        layer.is_some() && (feed.current != layer || grows)
    }

    /// Sends a packet of layer `layer` on, if it is the one that is shown, or from here on the one to show. Whether it was sent.
    pub(super) fn forward(
        &mut self,
        rtc: &mut Rtc,
        packet: &Packet,
        params: PayloadParams,
        layer: usize,
        seen: &Seen,
        now: Instant,
    ) -> bool {
        let drains = self.drains(now).is_some();
        let Some(feed) = &mut self.feed else {
            return false;
        };
        let mut starts = false;
        let from = feed.peer;
        if self.kind == MediaKind::Video && feed.current != Some(layer) {
            let does = feed.wanted.is_some_and(|rung| rung.layer == layer)
                || feed.current.is_none() && feed.smaller.contains(&layer);
            if !does || !seen.keyframe || drains {
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
                let to = payload_type(rtc, self.mid, params);
                feed.payload_type = Some((params.pt(), to));
                to
            }
        };
        let Some(payload_type) = payload_type else {
            return false;
        };
        let (sequence, time) = (packet.sequence, packet.time);
        let mut marker = packet.marker;
        if let Some(part) = &seen.part {
            let wanted = feed.wanted.filter(|rung| rung.layer == layer);
            let sieve = self.sieve.get_or_insert_with(|| {
                let mut sieve = Sieve::new();
                sieve.set(self.flat, wanted.and_then(|rung| rung.parts));
                sieve
            });
            match sieve.handle(part, time, seen.keyframe) {
                Verdict::Passes { last } => marker |= last,
                Verdict::Stays => {
                    self.rewriter.skip(sequence);
                    return false;
                }
            }
        }
        let Some((sequence, time)) = self.rewriter.next(sequence, time, now) else {
            return false;
        };
        let codec = params.spec().codec;
        let patch = match codec {
            Codec::Vp8 => self.pictures.vp8(&packet.payload),
            _ => None,
        };
        let renumbered = match codec {
            Codec::Vp9 => self.pictures.vp9(&packet.payload),
            _ => None,
        };
        if self.kind == MediaKind::Video && !std::mem::replace(&mut self.keeps, true) {
            self.forget(rtc);
        }
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.mid, None) else {
            return false;
        };
        if starts {
            tracing::debug!(from = %from, section = %self.mid, "a picture begins");
        }
        let values = &packet.values;
        let mut kept = ExtensionValues {
            audio_level: values.audio_level,
            voice_activity: values.voice_activity,
            video_orientation: values.video_orientation,
            ..ExtensionValues::default()
        };
        // Of VP9 the payload itself tells, in another way: one of the two is enough.
        if codec == Codec::Av1
            && let Some(told) = values.user_values.get()
        {
            kept.user_values.set(self.pictures.dependencies(told));
        }
        let mut write = RtpWrite::new(
            payload_type,
            sequence.into(),
            time,
            packet.at,
            renumbered.unwrap_or_else(|| packet.payload.clone()),
        )
        .marker(marker)
        .ext_vals(kept)
        .nackable(self.kind == MediaKind::Video);
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        stream.write_rtp(write);
        true
    }

    /// Whether what was forwarded goes at once, or as the connection paces it.
    pub(super) fn pace(&mut self, rtc: &mut Rtc, at_once: bool, now: Instant) {
        let hurries = self.hurry.is_some_and(|until| now < until);
        let paces = self.kind == MediaKind::Video && !at_once && !hurries;
        let before = self.paces.replace(paces);
        if before == Some(paces) {
            return;
        }
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(self.mid, None) {
            stream.set_unpaced(!paces);
        }
    }
}

/// How the receiver calls a format. Of H.264 it may know other profiles only: what it decodes is what the parameter sets say.
fn payload_type(rtc: &Rtc, mid: Mid, params: PayloadParams) -> Option<Pt> {
    let config = rtc.codec_config();
    let same = config.match_params(params).map(PayloadParams::pt);
    if params.spec().codec != Codec::H264 {
        return same;
    }
    let known = rtc.media(mid)?.remote_pts();
    let is_like = |other: &PayloadParams| {
        let spec = other.spec();
        spec.codec == Codec::H264
            && spec.format.packetization_mode == params.spec().format.packetization_mode
            && known.contains(&other.pt())
    };
    same.filter(|pt| known.contains(pt))
        .or_else(|| config.find(is_like).map(PayloadParams::pt))
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
