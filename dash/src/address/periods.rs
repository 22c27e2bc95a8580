//! Where periods are on the presentation's time line (§5.3.2.1).

use crate::{Mpd, Period};

/// A period with its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlacedPeriod<'a> {
    /// Its number in the document, from 0.
    pub index: usize,
    /// The period.
    pub period: &'a Period,
    /// Its start on the presentation's time line, in nanoseconds.
    pub start: u64,
    /// How long it lasts, in nanoseconds; `None` while that is not known.
    pub duration: Option<u64>,
}

impl PlacedPeriod<'_> {
    /// Where it ends, in nanoseconds; `None` while that is not known.
    #[must_use]
    pub fn end(&self) -> Option<u64> {
        self.duration
            .map(|duration| self.start.saturating_add(duration))
    }
}

impl Mpd {
    /// The periods with their places. Periods whose start is not known yet (early available periods) are left out.
    pub fn placed_periods(&self) -> impl Iterator<Item = PlacedPeriod<'_>> {
        let mut next = Some(0);
        let mut periods = self.periods.iter().enumerate();
        std::iter::from_fn(move || {
            loop {
                let (index, period) = periods.next()?;
                let first = index == 0 && !self.is_dynamic();
                let start = match period.start {
                    Some(start) => Some(start.as_nanos()),
                    None if first => Some(0),
                    // The one before tells, if it has a duration.
                    None if index == 0 => None,
                    None => next,
                };
                let own = period.duration.map(crate::Duration::as_nanos);
                next = start.and_then(|start| Some(start.saturating_add(own?)));
                let Some(start) = start else { continue };
                let following = self.periods.get(index.saturating_add(1));
                let end = match following {
                    // A period ends where the next one starts, whatever it says itself.
                    Some(following) => following.start.map(crate::Duration::as_nanos).or(next),
                    None => next.or_else(|| {
                        let whole = self.media_presentation_duration?;
                        Some(whole.as_nanos())
                    }),
                };
                let duration = end.map(|end| end.saturating_sub(start));
                return Some(PlacedPeriod {
                    index,
                    period,
                    start,
                    duration,
                });
            }
        })
    }
}
