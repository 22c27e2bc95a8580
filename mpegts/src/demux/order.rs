//! Presentation times of pictures whose packets have none, by their places in output order: ISO/IEC 13818-1 §2.7.4 asks for a time
//! every 0.7 s only, and small pictures share packets.

/// Where a picture is in output order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its count; frames are mostly two apart.
    pub(super) count: i64,
    /// Counts begin anew with it: all pictures before it are shown before it.
    pub(super) is_first: bool,
}

/// Times by counts.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Count and time of the last picture whose time is known.
    anchor: Option<(i64, i64)>,
    /// Ticks that some counts take, where two pictures with times have told it.
    pace: Option<(i64, i64)>,
    /// The latest time.
    latest: Option<i64>,
}

impl Order {
    /// The presentation time of the next picture in decoding order: its own, or else by its place. A frame lasts for `step`, as far as is
    /// known.
    pub(super) fn time(&mut self, place: Place, own: Option<i64>, step: i64) -> Option<i64> {
        if place.is_first {
            let next = self.latest.map(|latest| latest.saturating_add(step));
            self.anchor = own.or(next).map(|time| (place.count, time));
        } else if let Some(own) = own {
            if let Some((count, time)) = self.anchor {
                let pace = (own.saturating_sub(time), place.count.saturating_sub(count));
                let is_forward = (pace.0 > 0 && pace.1 > 0) || (pace.0 < 0 && pace.1 < 0);
                self.pace = Some(pace).filter(|_| is_forward).or(self.pace);
            }
            self.anchor = Some((place.count, own));
        }
        let (count, time) = self.anchor?;
        let (ticks, counts) = self.pace.unwrap_or((step, 2));
        let after = place.count.saturating_sub(count).saturating_mul(ticks);
        let time = time.saturating_add(after.checked_div(counts)?);
        self.latest = self.latest.max(Some(time));
        Some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Tells the times of pictures of 25 a second by their counts, which begin anew at 0.
    fn times() -> impl FnMut(i64, Option<i64>) -> Option<i64> {
        let mut order = Order::default();
        move |count, own| {
            let is_first = count == 0;
            order.time(Place { count, is_first }, own, 3600)
        }
    }

    #[test]
    fn pictures_without_times_are_shown_in_their_order() {
        let mut time = times();
        // Before the first time there is none; I0 P6 b2 b4.
        assert_eq!(time(4, None), None);
        let shown = [(0, Some(1000)), (6, None), (2, None), (4, None)];
        let shown = shown.map(|(count, own)| time(count, own).unwrap());
        assert_eq!(shown, [1000, 11_800, 4600, 8200]);
        // What comes with a time has that, and what comes next goes by it.
        assert_eq!(time(8, Some(15_500)), Some(15_500));
        // A new sequence without a time follows all that was before.
        assert_eq!(time(0, None), Some(19_100));
    }

    #[test]
    fn counts_may_be_one_apart() {
        let mut time = times();
        assert_eq!(time(0, Some(0)), Some(0));
        assert_eq!(time(3, Some(10_800)), Some(10_800));
        assert_eq!((time(1, None), time(2, None)), (Some(3600), Some(7200)));
    }
}
