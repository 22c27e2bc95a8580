//! What the standard asks beyond its schema: attributes that others make necessary, names that are unique, elements that have to be there.

use super::{Findings, Severity};
use crate::{AdaptationSet, Mpd, Period};
use std::collections::BTreeSet;

/// Looks at a whole document.
pub(super) fn check(mpd: &Mpd, findings: &mut Findings) {
    if mpd.is_dynamic() {
        if mpd.availability_start_time.is_none() {
            let rule = "a dynamic presentation needs availabilityStartTime";
            findings.error("/MPD", rule, "§5.3.1.2");
        }
        if mpd.publish_time.is_none() {
            let rule = "a dynamic presentation needs publishTime".into();
            findings.push(Severity::Warning, "/MPD", rule, "§5.3.1.2");
        }
    }
    let last = mpd.periods.last();
    let is_open = mpd.media_presentation_duration.is_none()
        && mpd.minimum_update_period.is_none()
        && last.is_some_and(|period| period.duration.is_none() && period.href.is_none());
    if is_open && !mpd.is_dynamic() {
        let rule = "neither mediaPresentationDuration nor the duration of the last period tells where it ends";
        findings.error("/MPD", rule, "§5.3.1.2");
    }
    for (at, one) in (1_usize..).zip(&mpd.periods) {
        period(one, &format!("/MPD/Period[{at}]"), findings);
    }
}

fn period(period: &Period, path: &str, findings: &mut Findings) {
    let is_empty = period
        .duration
        .is_some_and(|duration| duration.as_nanos() == 0);
    if period.adaptation_sets.is_empty()
        && period.empty_adaptation_sets.is_empty()
        && period.href.is_none()
        && !is_empty
    {
        findings.error(path, "a period needs an AdaptationSet", "§5.3.2.2");
    }
    let (mut sets, mut representations) = (BTreeSet::new(), BTreeSet::new());
    for (at, one) in (1_usize..).zip(&period.adaptation_sets) {
        let path = format!("{path}/AdaptationSet[{at}]");
        if let Some(id) = one.id.filter(|id| !sets.insert(*id)) {
            let rule = format!("another set of the period is number {id} too");
            findings.error(&format!("{path}/@id"), rule, "§5.3.3.2");
        }
        set(one, &path, findings);
        for (at, one) in (1_usize..).zip(&one.representations) {
            let Some(id) = &one.id else { continue };
            if !representations.insert(id) {
                // Those that do the same may have the same name.
                let rule = format!("another representation of the period is named {id:?} too");
                let path = format!("{path}/Representation[{at}]/@id");
                findings.push(Severity::Warning, &path, rule, "§5.3.5.2");
            }
        }
    }
}

fn set(set: &AdaptationSet, path: &str, findings: &mut Findings) {
    if set.representations.is_empty() && set.href.is_none() {
        findings.error(path, "a set needs a Representation", "§5.3.3.2");
    }
    for (at, one) in (1_usize..).zip(&set.representations) {
        if one.mime_type.is_none() && set.mime_type.is_none() {
            let rule = "neither it nor its set has a mimeType";
            let path = format!("{path}/Representation[{at}]");
            findings.error(&path, rule, "§5.3.7.2");
        }
    }
}
