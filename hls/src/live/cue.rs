//! Breaks as tags before the segments that they begin and end with, for players and ad servers that do not know date ranges:
//! `EXT-X-CUE-OUT`, `EXT-X-CUE-OUT-CONT` and `EXT-X-CUE-IN` are in no standard, but widely understood.

use super::Playlist;
use crate::Decimal;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::fmt::Write;
use core::time::Duration;
use media::Time;

/// A break that begins: away from the programme.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CueOut {
    /// When, as segments tell their starts.
    pub time: Time,
    /// How long it is to last.
    pub duration: Option<Duration>,
    /// Whether it ends by itself when that is over.
    pub auto_return: bool,
    /// The `splice_info_section` of SCTE 35 that says so, in Base64.
    pub scte35: Option<String>,
}

/// What the next segment begins with.
#[derive(Debug, PartialEq, Eq)]
enum Change {
    Out(CueOut),
    In,
}

/// Breaks of a playlist.
#[derive(Debug, Default)]
pub(super) struct Cues {
    waiting: VecDeque<(Time, Change)>,
    /// The break that a segment has begun with, and the media that was pushed before it, in nanoseconds.
    open: Option<(CueOut, u64)>,
}

/// Changes that wait; there is no sense in more.
const MOST: usize = 64;
/// A segment that begins so little before a cue begins with it: encoders set a keyframe there, and clocks are rounded.
const EARLY: Time = Time::from_millis(100);

impl Cues {
    /// In order of their times. One that is told again, as such messages are, is the one that waits already.
    fn push(&mut self, time: Time, change: Change) {
        let is_same = |(other, waiting): &(Time, Change)| *other == time && *waiting == change;
        if self.waiting.len() < MOST && !self.waiting.iter().any(is_same) {
            let behind = self.waiting.partition_point(|(other, _)| *other <= time);
            self.waiting.insert(behind, (time, change));
        }
    }

    /// The next change of a segment that starts at a time.
    fn next(&mut self, start: Time) -> Option<Change> {
        let due = |(time, _): &(Time, Change)| *time <= start + EARLY;
        let is_due = self.waiting.front().is_some_and(due);
        let next = is_due.then(|| self.waiting.pop_front()).flatten()?;
        Some(next.1)
    }

    /// The lines before a segment that starts at a time, before which so much media was pushed.
    pub(super) fn before(&mut self, pushed: u64, start: Time, text: &mut String) {
        let mut next = self.next(start);
        // Writing to a string does not fail.
        if let Some((cue, began)) = self.open.take() {
            let lasted = pushed.saturating_sub(began);
            let planned = cue.duration.map(nanos);
            // To the nearest segment is all that tags can say.
            let is_over = cue.auto_return && planned.is_some_and(|planned| lasted >= planned);
            let ends = matches!(next, Some(Change::In));
            if ends {
                next = self.next(start);
            }
            if is_over || ends {
                text.push_str("#EXT-X-CUE-IN\n");
            } else {
                let _ = write!(text, "#EXT-X-CUE-OUT-CONT:ElapsedTime={}", seconds(lasted));
                if let Some(planned) = planned {
                    let _ = write!(text, ",Duration={}", seconds(planned));
                }
                if let Some(section) = &cue.scte35 {
                    let _ = write!(text, ",SCTE35={section}");
                }
                text.push('\n');
                self.open = Some((cue, began));
            }
        }
        while let Some(change) = next {
            match change {
                Change::Out(cue) => {
                    if let Some(section) = &cue.scte35 {
                        let _ = writeln!(text, "#EXT-OATCLS-SCTE35:{section}");
                    }
                    text.push_str("#EXT-X-CUE-OUT");
                    if let Some(duration) = cue.duration {
                        let _ = write!(text, ":{}", seconds(nanos(duration)));
                    }
                    text.push('\n');
                    self.open = Some((cue, pushed));
                }
                Change::In => {
                    text.push_str("#EXT-X-CUE-IN\n");
                    self.open = None;
                }
            }
            next = self.next(start);
        }
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// To the millisecond.
fn seconds(nanos: u64) -> Decimal {
    Decimal::rounded(i64::try_from(nanos).unwrap_or(i64::MAX), 3)
}

impl Playlist {
    /// A break begins with the first segment that starts at its time or later, and has not begun yet: `EXT-X-CUE-OUT`, and
    /// `EXT-X-CUE-OUT-CONT` before those that follow.
    pub fn cue_out(&mut self, cue: CueOut) {
        self.cues.push(cue.time, Change::Out(cue));
    }

    /// The break is over with the first segment that starts at this time or later: `EXT-X-CUE-IN`.
    pub fn cue_in(&mut self, time: Time) {
        self.cues.push(time, Change::In);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn breaks_begin_go_on_and_end() {
        let mut cues = Cues::default();
        let lines = |cues: &mut Cues, second: u64| {
            let mut text = String::new();
            let start = Time::from_millis(1000 * i64::try_from(second).unwrap());
            cues.before(second * 1_000_000_000, start, &mut text);
            text.lines().map(String::from).collect::<Vec<_>>()
        };
        let time = Time::from_millis;
        let cue = CueOut {
            time: time(2050),
            duration: Some(Duration::from_secs(5)),
            auto_return: true,
            scte35: Some("/DA=".into()),
        };
        cues.push(cue.time, Change::Out(cue));
        assert!(lines(&mut cues, 0).is_empty());
        let begins = ["#EXT-OATCLS-SCTE35:/DA=", "#EXT-X-CUE-OUT:5.000"];
        assert_eq!(lines(&mut cues, 2), begins);
        let goes_on = "#EXT-X-CUE-OUT-CONT:ElapsedTime=2.000,Duration=5.000,SCTE35=/DA=";
        assert_eq!(lines(&mut cues, 4), [goes_on]);
        assert_eq!(lines(&mut cues, 8), ["#EXT-X-CUE-IN"]);
        assert!(lines(&mut cues, 10).is_empty());
        // One that is ended by a cue, and another one at once.
        cues.push(time(10_500), Change::Out(CueOut::default()));
        assert_eq!(lines(&mut cues, 12), ["#EXT-X-CUE-OUT"]);
        let goes_on = "#EXT-X-CUE-OUT-CONT:ElapsedTime=2.000";
        assert_eq!(lines(&mut cues, 14), [goes_on]);
        cues.push(time(14_500), Change::In);
        cues.push(time(15_000), Change::Out(CueOut::default()));
        assert_eq!(lines(&mut cues, 16), ["#EXT-X-CUE-IN", "#EXT-X-CUE-OUT"]);
        // Told long before it begins and twice, and one that begins before that.
        let later = CueOut {
            time: time(22_000),
            ..CueOut::default()
        };
        cues.push(later.time, Change::Out(later.clone()));
        cues.push(time(18_000), Change::In);
        cues.push(later.time, Change::Out(later));
        assert_eq!(lines(&mut cues, 18), ["#EXT-X-CUE-IN"]);
        assert!(lines(&mut cues, 20).is_empty());
        assert_eq!(lines(&mut cues, 22), ["#EXT-X-CUE-OUT"]);
        for n in 0..100 {
            cues.push(time(n), Change::In);
        }
        assert_eq!(cues.waiting.len(), MOST);
    }
}
