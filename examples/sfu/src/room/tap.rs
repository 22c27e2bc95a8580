//! What people send, for whoever keeps it or passes it on: each track as one stream of packets, in its best layer.

use super::rewrite::Rewriter;
use super::sieve::{Sieve, Verdict};
use super::slot::Seen;
use super::track::Track;
use super::{Entrance, Packet, PeerId, Room};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use str0m::format::Codec;
use str0m::media::Mid;

/// Tracks that come so soon after each other belong together: microphones and cameras are asked for one by one.
const TOGETHER: Duration = Duration::from_secs(1);
/// Pictures that are kept can be begun with that often. A keyframe costs everybody who looks ten pictures: whoever lacks one asks for it by
/// [`Room::want_keyframes`], so this is but for searching in files.
const KEYFRAMES: Duration = Duration::from_secs(60);

/// What is taken of one person: their picture and sound, or their screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapId {
    /// Whose.
    pub peer: PeerId,
    /// Whether it is what they share instead of themselves.
    pub screen: bool,
}

/// What becomes known of a tap.
#[derive(Debug, Clone)]
pub enum Taken {
    /// It begins, or begins anew with other tracks.
    Begins {
        /// Which.
        tap: TapId,
        /// What the person is called.
        name: String,
        /// The codec of each track.
        tracks: Vec<Codec>,
    },
    /// A packet came.
    Packet {
        /// Of which.
        tap: TapId,
        /// The index of its track.
        track: usize,
        /// It.
        packet: TakenPacket,
    },
    /// Nothing comes any more.
    Ends {
        /// Of which.
        tap: TapId,
    },
}

impl Taken {
    /// Which tap it is of.
    #[must_use]
    pub const fn tap(&self) -> TapId {
        match self {
            Self::Begins { tap, .. } | Self::Packet { tap, .. } | Self::Ends { tap } => *tap,
        }
    }
}

/// A packet of a track. Numbers and times go on while its layer changes.
#[derive(Debug, Clone)]
pub struct TakenPacket {
    /// The number that it has.
    pub sequence: u64,
    /// When it is shown, in ticks of its clock.
    pub time: u32,
    /// Whether it is the last one of its picture.
    pub marker: bool,
    /// When it came.
    pub at: Instant,
    /// What the sender's last report said: a time of the track, and when that was.
    pub report: Option<(u32, SystemTime)>,
    /// What it carries.
    pub payload: Arc<[u8]>,
}

/// The taking of one track.
#[derive(Debug)]
pub(super) struct Lane {
    index: usize,
    rewriter: Rewriter,
    current: Option<usize>,
    wanted: Option<usize>,
    /// Where the layer that is taken has layers inside.
    sieve: Option<Sieve>,
}

/// What is taken of a person.
#[derive(Debug)]
pub(super) struct Tap {
    pub(super) id: TapId,
    tracks: Vec<(Mid, Codec)>,
    /// What there is now, and since when.
    found: Vec<(Mid, Codec)>,
    since: Instant,
}

impl Tap {
    pub(super) fn both(peer: PeerId, now: Instant) -> [Self; 2] {
        let new = |screen| Self {
            id: TapId { peer, screen },
            tracks: Vec::new(),
            found: Vec::new(),
            since: now,
        };
        [new(false), new(true)]
    }
}

impl Track {
    /// Takes a packet of layer `layer`, if that is the one.
    pub(super) fn take(
        &mut self,
        tap: TapId,
        layer: usize,
        packet: &Packet,
        seen: &Seen,
        now: Instant,
    ) -> Option<Taken> {
        let is_video = !self.source.is_audio();
        let codec = self.layers.get(layer)?.params.spec().codec;
        let lane = self.lane.as_mut()?;
        if is_video && lane.current != Some(layer) {
            if !seen.keyframe || lane.wanted != Some(layer) {
                return None;
            }
            lane.current = Some(layer);
            lane.rewriter.switch();
            lane.sieve = None;
        }
        let mut marker = packet.marker;
        if let (Some(part), Codec::Vp9) = (&seen.part, codec) {
            // Each size of VP9 is a picture that is shown, and whoever reads a file shows them all: a stream of one size it is to be. A
            // decoder of AV1 shows the largest.
            let sieve = lane.sieve.get_or_insert_with(|| {
                let mut sieve = Sieve::new();
                sieve.set(true, None);
                sieve
            });
            match sieve.handle(part, packet.time, seen.keyframe) {
                Verdict::Passes { last } => marker |= last,
                Verdict::Stays => {
                    lane.rewriter.skip(packet.sequence);
                    return None;
                }
            }
        }
        let (sequence, time) = lane.rewriter.next(packet.sequence, packet.time, now)?;
        let report = packet
            .report
            .and_then(|(time, at)| Some((lane.rewriter.time_of(time)?, at)));
        Some(Taken::Packet {
            tap,
            track: lane.index,
            packet: TakenPacket {
                sequence,
                time,
                marker,
                at: now,
                report,
                payload: Arc::clone(&packet.payload),
            },
        })
    }
}

impl Room {
    /// What was taken next.
    pub fn poll_taken(&mut self) -> Option<Taken> {
        self.taken.pop_front()
    }

    /// Takes what somebody sends, or not any more, where not everybody's is taken.
    pub fn take(&mut self, id: PeerId, takes: bool, now: Instant) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.takes = takes;
            self.tick = now;
        }
    }

    /// Who takes cannot go on, or begin, without a keyframe of each picture.
    pub fn want_keyframes(&mut self, tap: TapId, now: Instant) {
        let Some(peer) = self.peers.get(&tap.peer) else {
            return;
        };
        let is_part = |track: &&Track| track.source.is_screen() == tap.screen;
        let wanted: Vec<_> = peer
            .tracks
            .iter()
            .filter(is_part)
            .filter(|track| !track.source.is_audio())
            .filter_map(|track| {
                let lane = track.lane.as_ref()?;
                Some((track.mid, lane.current.or(lane.wanted)?))
            })
            .collect();
        for (mid, layer) in wanted {
            self.want_keyframe(tap.peer, mid, layer, now);
        }
    }

    /// Looks what there is to take.
    pub(super) fn tap(&mut self, now: Instant) {
        let all = self.config.takes;
        let mut wanted = Vec::new();
        for (&id, peer) in &mut self.peers {
            // Who is at another node is recorded there.
            let takes = (all && peer.entrance != Entrance::Node) || peer.takes;
            for tap in &mut peer.taps {
                if !takes && tap.tracks.is_empty() {
                    continue;
                }
                let is_part = |track: &&mut Track| track.source.is_screen() == tap.id.screen;
                let found: Vec<_> = peer
                    .tracks
                    .iter_mut()
                    .filter(|_| takes)
                    .filter(is_part)
                    .filter_map(|track| {
                        Some((track.mid, track.layers.first()?.params.spec().codec))
                    })
                    .collect();
                if found != tap.found {
                    tap.found.clone_from(&found);
                    tap.since = now;
                }
                let goes_on =
                    !tap.found.is_empty() && tap.found.iter().all(|one| tap.tracks.contains(one));
                if !goes_on
                    && now.saturating_duration_since(tap.since) >= TOGETHER
                    && tap.tracks != found
                {
                    tap.tracks = found;
                    for track in &mut peer.tracks {
                        if track.source.is_screen() == tap.id.screen {
                            let index = tap.tracks.iter().position(|(mid, _)| *mid == track.mid);
                            track.lane = index.map(Lane::new);
                        }
                    }
                    self.taken.push_back(match tap.tracks.is_empty() {
                        true => Taken::Ends { tap: tap.id },
                        false => Taken::Begins {
                            tap: tap.id,
                            name: peer.name.clone(),
                            tracks: tap.tracks.iter().map(|(_, codec)| *codec).collect(),
                        },
                    });
                }
            }
            for track in peer
                .tracks
                .iter_mut()
                .filter(|track| !track.source.is_audio())
            {
                let best = track.ladder(now).last().map(|(rung, _)| rung.layer);
                let Some(lane) = &mut track.lane else {
                    continue;
                };
                lane.wanted = best.or(lane.wanted);
                let Some((layer, best)) = lane
                    .wanted
                    .and_then(|best| Some((track.layers.get(best)?, best)))
                else {
                    continue;
                };
                if !track.muted
                    && (lane.current != Some(best)
                        || layer.keyframes.are_older_than(KEYFRAMES, now))
                {
                    wanted.push((id, track.mid, best));
                }
            }
        }
        for (peer, track, layer) in wanted {
            self.want_keyframe(peer, track, layer, now);
        }
    }
}

impl Lane {
    const fn new(index: usize) -> Self {
        Self {
            index,
            // Gaps between sources are told in ticks of the picture's clock; sound has one source.
            rewriter: Rewriter::new(90_000),
            current: None,
            wanted: None,
            sieve: None,
        }
    }
}
