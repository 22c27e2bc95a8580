//! Session descriptions: the client offers, the server answers.

use super::peer::{Entrance, Peer};
use super::slot::Slot;
use super::track::Track;
use super::{PeerId, Refusal, Room};
use crate::message::{Notice, Source};
use rtp::extension::DEPENDENCY_DESCRIPTOR_URI;
use std::collections::BTreeMap;
use std::time::Instant;
use str0m::change::SdpOffer;
use str0m::media::{Direction, MediaKind, Mid};

/// A page is asked for that many sections more than needed now, so that who comes next is seen at once.
const SPARE: usize = 2;
/// Longest description that is read.
const LONGEST: usize = 256 << 10;
/// Most sections of one client.
const MOST_SECTIONS: usize = 256;

impl Room {
    /// Answers a session description. `sources` tells by `mid` what the sections carry that the client sends.
    ///
    /// # Errors
    /// If the client is not here, or the description cannot be answered.
    pub fn offer(
        &mut self,
        id: PeerId,
        sdp: &str,
        sources: BTreeMap<String, Source>,
        now: Instant,
    ) -> Result<String, Refusal> {
        let peer = self.peers.get_mut(&id).ok_or(Refusal::Stranger)?;
        let refuse = |why: &dyn std::fmt::Display| Refusal::Description(why.to_string());
        if sdp.len() > LONGEST {
            return Err(refuse(&"it is too long"));
        }
        if sdp.lines().filter(|line| line.starts_with("m=")).count() > MOST_SECTIONS {
            return Err(refuse(&"it has too many sections"));
        }
        let offer = SdpOffer::from_sdp_string(sdp).map_err(|error| refuse(&error))?;
        peer.sources = sources;
        peer.is_told_layers = sdp.contains(DEPENDENCY_DESCRIPTOR_URI);
        let rtc = peer.rtc.as_mut().ok_or(Refusal::Stranger)?;
        let answer = rtc
            .sdp_api()
            .accept_offer(offer)
            .map_err(|error| refuse(&error))?;
        tracing::debug!(peer = %id, "answers an offer");
        // Which sections there are now comes as events.
        self.dirty.insert(id);
        self.flush(now);
        Ok(in_order_of(sdp, &answer.to_sdp_string()))
    }

    /// A section is there, or goes another way than before.
    pub(super) fn section(
        &mut self,
        id: PeerId,
        mid: Mid,
        kind: MediaKind,
        direction: Direction,
        now: Instant,
    ) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        let sends = direction.is_receiving();
        let had = peer.tracks.iter().position(|track| track.mid == mid);
        let changed = match (sends, had) {
            (true, None) => {
                let source = peer.source_of(mid, kind);
                let mut track = Track::new(mid, source);
                track.muted = peer.muted.contains(&source);
                peer.tracks.push(track);
                true
            }
            (false, Some(index)) => {
                peer.tracks.remove(index);
                peer.streams.retain(|_, (track, _)| *track != mid);
                true
            }
            _ => false,
        };
        let receives = direction.is_sending();
        let had = peer.slots.iter().position(|slot| slot.mid == mid);
        match (receives, had) {
            (true, None) => peer.slots.push(Slot::new(mid, kind)),
            (false, Some(index)) => {
                let slot = peer.slots.remove(index);
                if let Some(feed) = slot.feed {
                    self.forget_reader(feed.peer, feed.track, (id, mid));
                }
            }
            _ => {}
        }
        if changed {
            self.tell_changed(id);
            self.ask_all_for_sections();
            self.reassign(now);
        } else {
            self.assign(id, now);
        }
    }

    /// A source falls silent, or shows nothing, or does so again.
    pub(super) fn mute(&mut self, id: PeerId, source: Source, muted: bool, now: Instant) {
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        peer.muted.retain(|other| *other != source);
        if muted {
            peer.muted.push(source);
        }
        let mut readers = Vec::new();
        for track in peer
            .tracks
            .iter_mut()
            .filter(|track| track.source == source)
        {
            track.muted = muted;
            readers.extend(track.readers.iter().copied());
        }
        // Pictures that are missing are missed by those after them.
        for (reader, section) in readers {
            if let Some(slot) = self
                .peers
                .get_mut(&reader)
                .and_then(|peer| peer.slot(section))
            {
                slot.restart();
            }
            self.choose_layers_for(reader, now);
        }
        if muted && source == Source::Microphone {
            self.speakers.forget(id);
        }
        self.tell_changed(id);
    }

    pub(super) fn tell_changed(&mut self, id: PeerId) {
        if let Some(peer) = self.peers.get(&id) {
            let peer = peer.person();
            self.tell_all_but(id, Notice::Changed { peer });
        }
    }

    /// Takes a receiver off the list of a track.
    pub(super) fn forget_reader(&mut self, from: PeerId, track: Mid, reader: (PeerId, Mid)) {
        if let Some(track) = self.peers.get_mut(&from).and_then(|peer| peer.track(track)) {
            track.readers.retain(|other| *other != reader);
        }
    }

    /// How many sections a page is to offer where all, themselves among them, send so many tracks: those that it was asked for before, or
    /// more.
    pub(super) fn ask_for_sections(&mut self, id: PeerId, sent: [usize; 2]) -> [usize; 2] {
        let most = [self.config.max_audio, self.config.max_video];
        let Some(peer) = self.peers.get_mut(&id) else {
            return [0; 2];
        };
        let own = peer.sends();
        for kind in 0..2 {
            let needed = (sent[kind] - own[kind]).min(most[kind]);
            if peer.asked[kind] < needed || peer.asked[kind] == 0 {
                peer.asked[kind] = (needed + SPARE).min(most[kind]);
            }
        }
        peer.asked
    }

    pub(super) fn ask_all_for_sections(&mut self) {
        let sent = self.sent();
        let ids: Vec<_> = self
            .peers
            .values()
            .filter(|peer| peer.entrance == Entrance::Socket)
            .map(|peer| (peer.id, peer.asked))
            .collect();
        for (id, before) in ids {
            let [audio, video] = self.ask_for_sections(id, sent);
            if before != [audio, video] {
                self.tell(id, Notice::Sections { audio, video });
            }
        }
    }
}

/// The answer, with the formats of each section in the order of the offer (RFC 3264 §6.1): browsers send the first one of the answer, and
/// which that is to be is their choice.
fn in_order_of(offer: &str, answer: &str) -> String {
    let mut offered = offer.lines().filter(|line| line.starts_with("m="));
    let mut ordered = String::with_capacity(answer.len());
    for line in answer.lines() {
        let theirs = line.starts_with("m=").then(|| offered.next()).flatten();
        let ours: Vec<&str> = line.split(' ').collect();
        match theirs.zip(ours.split_at_checked(3)) {
            Some((theirs, (head, formats))) => {
                let place =
                    |format: &&str| theirs.split(' ').skip(3).position(|other| other == *format);
                let mut formats = formats.to_vec();
                formats.sort_by_key(|format| place(format).unwrap_or(usize::MAX));
                ordered.push_str(&[head, &formats].concat().join(" "));
            }
            None => ordered.push_str(line),
        }
        ordered.push_str("\r\n");
    }
    ordered
}

impl Peer {
    /// What the page said, or else the usual.
    fn source_of(&self, mid: Mid, kind: MediaKind) -> Source {
        let is_audio = kind == MediaKind::Audio;
        let usual = if is_audio {
            Source::Microphone
        } else {
            Source::Camera
        };
        match self.sources.get(&*mid) {
            Some(source) if source.is_audio() == is_audio => *source,
            _ => usual,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_an_answer_stand_in_the_order_of_the_offer() {
        let offer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nm=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97 45\r\na=mid:1\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
        let answer = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nm=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\na=mid:1\r\n\
            m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n";
        let expected = answer.replace("96 97 98 99", "98 99 96 97");
        assert_eq!(in_order_of(offer, answer), expected);
        assert_eq!(in_order_of("", answer), answer);
    }
}
