//! DASH: a manifest, and the segments of all its representations.

use super::segments::Walk;
use super::{Finding, Severity};
use crate::input::dash_segments;
use crate::net::Place;
use dash::Mpd;

pub fn check(text: &[u8], place: &Place, walk: &mut Walk) {
    let mpd = match Mpd::parse(text) {
        Ok(mpd) => mpd,
        Err(error) => {
            walk.findings.push(Finding {
                severity: Severity::Error,
                rule: error.to_string(),
                place: "manifest".into(),
                clause: "ISO/IEC 23009-1".into(),
            });
            return;
        }
    };
    let findings = dash::check(&mpd).into_iter().map(|finding| Finding {
        severity: match finding.severity {
            dash::Severity::Warning => Severity::Warning,
            dash::Severity::Error => Severity::Error,
        },
        rule: finding.rule,
        place: finding.path,
        clause: finding.clause.into(),
    });
    walk.findings.extend(findings);
    if walk.is_shallow {
        return;
    }
    for period in mpd.placed_periods() {
        for set in &period.period.adaptation_sets {
            for representation in &set.representations {
                match dash_segments(&mpd, place, &period, set, representation) {
                    Ok(segments) => walk.rendition(segments.into(), mpd.is_dynamic()),
                    Err(error) => {
                        let id = representation.id.as_deref().unwrap_or("?");
                        walk.unreadable(&format!("representation {id}"), &error);
                    }
                }
            }
        }
    }
}
