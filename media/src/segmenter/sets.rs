use crate::{Codec, Sample, Track, Tracks};
use alloc::vec::Vec;

/// Parameter sets that samples carry, as the init segment does not have them. Each behind its length of 4 bytes.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// What the next sample needs, whatever it is.
    next: Vec<u8>,
    /// What sync samples need.
    sync: Vec<u8>,
    /// Another sequence was in force: a decoder that goes back has its sets.
    has_sequences: bool,
}

impl Sets {
    /// `now` is in force, where the init segment has `init`.
    pub(super) fn change(&mut self, init: &Codec, now: &Codec) {
        self.has_sequences |= !init.has_sequences_of(now);
        // A picture parameter set does not outlive the sequence's.
        let all = self.has_sequences;
        let is_known = |nal: &&[u8]| init.parameter_sets().any(|known| known == *nal);
        let sync = with_lengths(now.parameter_sets().filter(|nal| all || !is_known(nal)));
        if sync != self.sync {
            let is_of_pictures = |nal: &&[u8]| match (now, nal.first()) {
                (Codec::H264(_), Some(first)) => first & 0x1F == 8,
                (_, Some(first)) => first >> 1 == 34,
                (_, None) => false,
            };
            let next = now.parameter_sets();
            self.next = with_lengths(next.filter(|nal| all || is_of_pictures(nal)));
            self.sync = sync;
        }
    }

    /// Puts in front of a sample what it needs.
    pub(super) fn put_before(&mut self, sample: &mut Sample) {
        let next = core::mem::take(&mut self.next);
        let sets = match next.is_empty() {
            true if sample.is_sync() => &self.sync,
            _ => &next,
        };
        if !sets.is_empty() {
            sample.data = [&sets[..], &sample.data].concat().into();
        }
    }
}

fn with_lengths<'a>(nals: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for nal in nals {
        // In a record their lengths have 16 bits: none is too long.
        let _ = h264::length_prefixed::push(nal, &mut out);
    }
    out
}

/// Whether the tracks are the same but for what samples can carry: picture parameter sets of H.264 and H.265, and all of them `in_band`.
pub(super) fn same_but_for_sets(a: &Tracks, b: &Tracks, in_band: bool) -> bool {
    let mut pairs = a.iter().zip(b);
    a.len() == b.len() && pairs.all(|(a, b)| same_track(a, b, in_band))
}

/// The track that is this one, but for what samples can carry.
pub(super) fn same<'a>(track: &Track, among: &'a Tracks, in_band: bool) -> Option<&'a Track> {
    among
        .find(track.id)
        .filter(|other| same_track(track, other, in_band))
}

fn same_track(a: &Track, b: &Track, in_band: bool) -> bool {
    let is_same = a.codec.goes_on_as(&b.codec) && (in_band || a.codec.has_sequences_of(&b.codec));
    is_same && {
        let mut a = a.clone();
        a.codec = b.codec.clone();
        a == *b
    }
}
