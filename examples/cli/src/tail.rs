//! Pictures that an edit list hides at the end of what it shows.

use media::{Flags, Sample, TrackId};

/// Holds back what is decoded and not shown until something shown comes behind it, which may need it; at the end nothing does, and
/// formats that cannot hide it would show it. The same goes for the end of an edit that another one follows.
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
            let mut before: Vec<_> = self.held.extract_if(.., |held| held.track == id).collect();
            before.drain(..of_edit_before(&before, &sample));
            self.bytes = self.held.iter().map(|held| held.data.len()).sum();
            before
        };
        before.into_iter().chain(Some(sample))
    }
}

/// How many of the hidden samples before a shown one are of the edit before, so that it has no need of them: those from which decoding
/// does not go on to it, as it begins anew behind them, at a keyframe or at a place where it was before.
fn of_edit_before(hidden: &[Sample], shown: &Sample) -> usize {
    if shown.is_sync() && hidden.iter().any(|one| one.data == shown.data) {
        return hidden.len();
    }
    let next = hidden.iter().skip(1).chain([shown]);
    let pairs = (1..).zip(hidden.iter().zip(next));
    let anew = pairs.filter(|(_, (one, next))| one.dts > next.dts);
    let anew = anew.map(|(at, _)| at).last();
    let keyframe = hidden.iter().rposition(Sample::is_sync);
    anew.max(keyframe).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(dts: i64, flags: Flags, byte: u8) -> Sample {
        Sample {
            track: TrackId(1),
            dts,
            pts: dts,
            duration: None,
            flags,
            data: bytes::Bytes::from(vec![byte]),
        }
    }

    fn kept(samples: &[Sample]) -> Vec<i64> {
        let mut tail = Tail::default();
        let all = samples.iter().flat_map(|sample| tail.push(sample.clone()));
        all.map(|sample| sample.dts).collect()
    }

    #[test]
    fn what_an_edit_hides_at_its_end_is_left_out() {
        let hidden = Flags::PREROLL;
        let (key, none) = (Flags::SYNC, Flags::default());
        // What comes first is for the output to hide; in between it may be needed.
        let one = [
            sample(0, key | hidden, 0),
            sample(1, none, 1),
            sample(2, hidden, 2),
            sample(3, none, 3),
            sample(4, hidden, 4),
        ];
        assert_eq!(kept(&one), [0, 1, 2, 3]);
        // The next edit begins at a keyframe that the one before had come to.
        let again = [
            sample(0, key, 0),
            sample(1, hidden, 1),
            sample(2, key | hidden, 2),
            sample(3, hidden, 3),
        ];
        for at in [2, 9] {
            let next = sample(at, key, 2);
            assert_eq!(kept(&[&again[..], &[next]].concat()), [0, at]);
        }
        // Or behind one, which is decoded first.
        let middle = [
            sample(1, key | hidden, 5),
            sample(2, hidden, 6),
            sample(3, none, 7),
        ];
        assert_eq!(kept(&[&again[..], &middle].concat()), [0, 1, 2, 3]);
    }
}
