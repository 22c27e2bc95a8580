//! Pictures that an edit list hides at the end.

use media::{Flags, Sample, TrackId};

/// Holds back what is decoded and not shown until something shown comes behind it, which may need it; at the end nothing does, and
/// formats that cannot hide it would show it.
#[derive(Default)]
pub struct Tail {
    /// Tracks of which something was shown: what is hidden before that is for the output to tell.
    shown: Vec<TrackId>,
    held: Vec<Sample>,
    bytes: usize,
}

impl Tail {
    /// More than this is no end: a reader gives what is hidden to the second keyframe only.
    const MOST: usize = 32 << 20;

    /// Takes a sample; gives what is to be written now, in order.
    pub fn push(&mut self, sample: Sample) -> impl Iterator<Item = Sample> + use<> {
        let (id, is_hidden) = (sample.track, sample.flags.contains(Flags::PREROLL));
        let is_known = self.shown.contains(&id);
        if is_hidden && is_known && self.bytes < Self::MOST {
            self.bytes += sample.data.len();
            self.held.push(sample);
            return Vec::new().into_iter().chain(None);
        }
        if !is_hidden && !is_known {
            self.shown.push(id);
        }
        let before = if self.held.is_empty() {
            Vec::new()
        } else {
            let before: Vec<_> = self.held.extract_if(.., |held| held.track == id).collect();
            self.bytes = self.held.iter().map(|held| held.data.len()).sum();
            before
        };
        before.into_iter().chain(Some(sample))
    }
}
