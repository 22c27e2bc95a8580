use crate::{Sample, Track, Tracks};
use alloc::vec::Vec;
use h264::DecoderConfig;

/// Picture parameter sets that samples carry, as the init segment does not have them. Each behind its length of 4 bytes.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// What the next sample needs, whatever it is.
    next: Vec<u8>,
    /// What sync samples need.
    sync: Vec<u8>,
}

impl Sets {
    /// `now` is in force, where the init segment has `init`.
    pub(super) fn change(&mut self, init: &DecoderConfig, now: &DecoderConfig) {
        let known = |nal: &&[u8]| init.pps().any(|known| known == *nal);
        let sync = with_lengths(now.pps().filter(|nal| !known(nal)));
        if sync != self.sync {
            self.next = with_lengths(now.pps());
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

/// Whether the tracks are the same but for picture parameter sets.
pub(super) fn same_but_for_sets(a: &Tracks, b: &Tracks) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_track(a, b))
}

/// The track that is this one, but for picture parameter sets.
pub(super) fn same<'a>(track: &Track, among: &'a Tracks) -> Option<&'a Track> {
    among
        .find(track.id)
        .filter(|other| same_track(track, other))
}

fn same_track(a: &Track, b: &Track) -> bool {
    a.codec.has_sequences_of(&b.codec) && {
        let mut a = a.clone();
        a.codec = b.codec.clone();
        a == *b
    }
}
