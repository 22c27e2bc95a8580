//! Whether the segments that a timeline tells fill their period (§5.3.9.6).

use super::{Findings, Severity};
use crate::address::{Address, PlacedPeriod};
use crate::{AdaptationSet, ContentType, Mpd, Representation};

/// What players bridge, or do not show: they wait for what is missing longer.
const SHORT: i128 = 500_000_000;
/// What of the end is cut off and missed: manifests may be rounded to tenths of a second.
const CUT: i128 = 150_000_000;

/// Looks at presentations that do not change any more: elsewhere the end of a timeline is that of now.
pub(super) fn check(mpd: &Mpd, findings: &mut Findings) {
    if mpd.is_dynamic() {
        return;
    }
    for placed in mpd.placed_periods() {
        let is_last = placed.index.saturating_add(1) == mpd.periods.len();
        let path = format!("/MPD/Period[{}]", placed.index.saturating_add(1));
        for (at, set) in (1_usize..).zip(&placed.period.adaptation_sets) {
            for (number, one) in (1_usize..).zip(&set.representations) {
                if !is_text(set, one) {
                    let path = format!("{path}/AdaptationSet[{at}]/Representation[{number}]");
                    representation(mpd, &placed, set, one, (&path, is_last), findings);
                }
            }
        }
    }
}

/// Captions and data come when there are some.
fn is_text(set: &AdaptationSet, representation: &Representation) -> bool {
    let mime = representation.mime_type.as_ref().or(set.mime_type.as_ref());
    let continuous = |mime: &String| mime.starts_with("video/") || mime.starts_with("audio/");
    match &set.content_type {
        Some(ContentType::Video | ContentType::Audio) => false,
        Some(_) => true,
        None => !mime.is_some_and(continuous),
    }
}

fn representation(
    mpd: &Mpd,
    placed: &PlacedPeriod<'_>,
    set: &AdaptationSet,
    representation: &Representation,
    (path, is_last): (&str, bool),
    findings: &mut Findings,
) {
    const CLAUSE: &str = "§5.3.9.6";
    let Ok(address) = Address::new(mpd, "", placed, set, representation) else {
        return;
    };
    let (Some(timeline), Some(lasts)) = (address.timeline(), placed.duration) else {
        return;
    };
    let lasts = i128::from(lasts);
    let nanos = |ticks: i128| {
        let ticks = ticks.saturating_sub(address.presentation_time_offset().into());
        ticks.saturating_mul(1_000_000_000) / i128::from(address.timescale().max(1))
    };
    let seconds = |nanos: i128| {
        let millis = nanos / 1_000_000;
        format!("{}.{:03} s", millis / 1000, millis % 1000)
    };
    let mut tell = |rule: String| {
        findings.push(Severity::Warning, path, rule, CLAUSE);
    };
    let (mut end, mut last) = (0_i128, 0_i128);
    for (at, run) in timeline.segments.iter().enumerate() {
        let start = run.t.map_or(end, i128::from);
        if at == 0 && nanos(start) > SHORT && lasts > SHORT {
            let late = seconds(nanos(start));
            tell(format!("the timeline begins {late} after its period"));
        }
        // Up to the next run, which says where it begins, or to the end of the period.
        let Ok(more) = u64::try_from(run.r) else {
            let Some(next) = timeline.segments.get(at.saturating_add(1)) else {
                return;
            };
            end = next.t.map_or(start, i128::from);
            last = end.saturating_sub(run.d.into());
            continue;
        };
        last = start.saturating_add(i128::from(run.d).saturating_mul(more.into()));
        end = last.saturating_add(run.d.into());
    }
    let missing = lasts.saturating_sub(nanos(end));
    if timeline.segments.is_empty() {
        return;
    }
    if missing > SHORT {
        let missing = seconds(missing);
        tell(format!("the timeline ends {missing} before its period"));
    } else if nanos(last) >= lasts {
        tell(
            "a segment of the timeline begins behind the end of its period: nobody plays it".into(),
        );
    } else if is_last && missing < -CUT {
        let cut = seconds(missing.saturating_neg());
        tell(format!(
            "the timeline goes on {cut} behind the end of its period: players cut that off"
        ));
    }
}
