//! DASH: a manifest, and the segments of all its representations.

use super::promises::{self, Found};
use super::segments::Walk;
use super::{Finding, Severity};
use crate::input::dash_segments;
use crate::net::Place;
use dash::{AdaptationSet, Mpd, Representation};

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
                    Ok(segments) => {
                        let found = walk.rendition(segments.into(), mpd.is_dynamic());
                        for finding in compare(&mpd, set, representation, &found) {
                            walk.push(finding);
                        }
                    }
                    Err(error) => {
                        let id = representation.id.as_deref().unwrap_or("?");
                        walk.unreadable(&format!("representation {id}"), &error);
                    }
                }
            }
        }
    }
}

/// What is told of a representation, beside its media.
fn compare(
    mpd: &Mpd,
    set: &AdaptationSet,
    representation: &Representation,
    found: &Found,
) -> Vec<Finding> {
    let id = representation.id.as_deref().unwrap_or("?");
    let name = format!("representation {id}");
    let mut findings = Vec::new();
    if let Some(told) = representation.codecs.as_ref().or(set.codecs.as_ref()) {
        let clause = "ISO/IEC 23009-1 §5.3.7.2";
        findings.extend(promises::codecs(told, found, &name, clause));
    }
    // What is still being made may be told by estimate.
    if let (Some(told), Some(buffer), false) = (
        representation.bandwidth,
        mpd.min_buffer_time,
        mpd.is_dynamic() || found.is_partial,
    ) {
        let buffer = i64::try_from(buffer.as_nanos()).unwrap_or(i64::MAX);
        findings.extend(promises::bandwidth(told, buffer, found, &name));
    }
    findings
}
