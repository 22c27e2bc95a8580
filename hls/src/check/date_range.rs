use super::Findings;
use crate::Decimal;
use crate::tag::DateRange;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The date ranges of a playlist.
#[derive(Debug, Default)]
pub(super) struct DateRanges {
    first_line: Option<usize>,
    /// Identifiers, and when they start in Unix nanoseconds.
    known: Vec<(String, Option<i64>)>,
}

impl DateRanges {
    pub(super) const fn first_line(&self) -> Option<usize> {
        self.first_line
    }

    pub(super) fn tag(&mut self, line: usize, range: &DateRange<'_>, findings: &mut Findings) {
        self.first_line.get_or_insert(line);
        const NAME: &str = "EXT-X-DATERANGE";
        const CLAUSE: &str = "4.4.5.1";
        if range.end_on_next {
            if range.class.is_none() {
                findings.error(line, NAME, "END-ON-NEXT needs CLASS", CLAUSE);
            }
            if range.duration.is_some() || range.end_date.is_some() {
                findings.error(
                    line,
                    NAME,
                    "END-ON-NEXT goes with neither DURATION nor END-DATE",
                    CLAUSE,
                );
            }
        }
        for (name, duration) in [
            ("DURATION", range.duration),
            ("PLANNED-DURATION", range.planned_duration),
        ] {
            if duration.is_some_and(|duration| duration.as_nanos() < 0) {
                findings.error(line, NAME, format!("{name} is negative"), CLAUSE);
            }
        }
        let nanos = |date: crate::DateTime| date.unix_nanos();
        let start = range.start_date.map(nanos);
        if let (Some(start), Some(end)) = (start, range.end_date.map(nanos)) {
            if end < start {
                findings.error(line, NAME, "END-DATE is before START-DATE", CLAUSE);
            }
            let lasts = range.duration.map(Decimal::as_nanos);
            // Dates may have less precision than durations.
            if lasts
                .is_some_and(|lasts| (end.saturating_sub(start)).abs_diff(lasts) > 1_000_000_000)
            {
                findings.error(
                    line,
                    NAME,
                    "END-DATE and DURATION contradict each other",
                    CLAUSE,
                );
            }
        }
        if range.class == Some("com.apple.hls.interstitial") {
            let assets = ["X-ASSET-URI", "X-ASSET-LIST"];
            let assets = assets.map(|name| usize::from(range.attributes.get(name).is_some()));
            if assets.iter().sum::<usize>() != 1 {
                let what = "an interstitial has one of X-ASSET-URI and X-ASSET-LIST";
                findings.error(line, NAME, what, "D.2");
            }
        }
        let known = self.known.iter().find(|(id, _)| id == range.id);
        match known {
            Some((_, Some(before))) if start.is_some_and(|start| start != *before) => {
                findings.error(
                    line,
                    NAME,
                    format!("another START-DATE for ID {:?}", range.id),
                    CLAUSE,
                );
            }
            Some(_) => {}
            None => {
                if start.is_none() {
                    findings.error(
                        line,
                        NAME,
                        "START-DATE is missing where ID appears first",
                        CLAUSE,
                    );
                }
                self.known.push((range.id.to_owned(), start));
            }
        }
    }
}
