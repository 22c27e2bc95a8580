//! One segment after the other, without a list of them.

use super::index::Index;
use super::inherit::{Information, Mode};
use super::template::{Template, Values};
use super::{Resource, Segment};
use crate::S;
use std::sync::Arc;

const NANOS: i128 = 1_000_000_000;

/// The segments of a representation, by time. Nothing is listed: each is made when it is asked for, and passing over many
/// takes no longer than passing over the runs that tell them.
#[derive(Debug, Clone)]
pub struct Segments<'a> {
    pub(super) source: Source<'a>,
    pub(super) base: Arc<str>,
    pub(super) representation_id: &'a str,
    pub(super) bandwidth: u32,
    pub(super) timescale: u32,
    pub(super) presentation_time_offset: i64,
    /// Of the period, in nanoseconds.
    pub(super) period_start: u64,
    pub(super) availability: Option<Availability>,
    pub(super) cursor: Times<'a>,
}

/// Where URLs come from.
#[derive(Debug, Clone)]
pub(super) enum Source<'a> {
    Template(Template<'a>),
    List(&'a [crate::SegmentUrl], u64),
    /// One segment, all of the resource.
    Whole,
    Index(Arc<Index>),
}

/// When segments can be had, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Availability {
    /// `MPD@availabilityStartTime`, Unix time.
    pub(super) origin: i64,
    /// How much earlier.
    pub(super) early: f64,
    /// How long; `None`: always.
    pub(super) depth: Option<u64>,
}

/// Times and numbers of segments.
#[derive(Debug, Clone)]
pub(super) struct Times<'a> {
    rule: Rule<'a>,
    /// Of the next segment.
    number: u64,
    time: i128,
    end_number: Option<u64>,
    /// Ticks at which the period ends.
    end: Option<i128>,
}

#[derive(Debug, Clone)]
enum Rule<'a> {
    /// All last equally long.
    Uniform(u32),
    Timeline {
        runs: &'a [S],
        /// Segments of the first run that are left, once it was begun.
        left: Option<u64>,
        /// Which part of a sequence of segments is next, from 0.
        sub: u64,
    },
    /// A single one, as long as the period.
    Single,
    Index(Arc<Index>, usize),
    Done,
}

/// A time span with its number.
#[derive(Debug, Clone, Copy)]
struct Span {
    number: u64,
    sub_number: u64,
    /// Ticks of the whole sequence, for `$Time$`.
    named: i128,
    time: i128,
    duration: Option<u64>,
    /// Which reference of the index it is.
    reference: usize,
}

impl<'a> Times<'a> {
    pub(super) fn new(
        information: &Information<'a>,
        duration: Option<u64>,
        index: Option<&Arc<Index>>,
    ) -> Self {
        let offset = i128::from(information.presentation_time_offset);
        let mut end = duration.map(|nanos| {
            let ticks = i128::from(nanos) * i128::from(information.timescale);
            offset + (ticks + NANOS - 1) / NANOS
        });
        let (rule, time) = if let Some(timeline) = information.timeline {
            let rule = Rule::Timeline {
                runs: &timeline.segments,
                left: None,
                sub: 0,
            };
            (rule, 0)
        } else if let Some(index) = index {
            (Rule::Index(Arc::clone(index), 0), 0)
        } else if let Some(duration) = information.duration.filter(|duration| *duration > 0) {
            if information.mode == Mode::List {
                // Segments may begin half a duration before their nominal time (§5.3.9.2.2): the last of a list is left out only
                // if it begins behind the end even so.
                let early = i128::from(duration / 2);
                end = end.map(|end| end.saturating_add(early));
            }
            (Rule::Uniform(duration), offset)
        } else {
            (Rule::Single, offset)
        };
        let mut end_number = information.end_number.map(u64::from);
        let number = u64::from(information.start_number.unwrap_or(1));
        if information.mode == Mode::List {
            let count = u64::try_from(information.segment_urls.len()).unwrap_or(u64::MAX);
            let last = number.saturating_add(count).saturating_sub(1);
            end_number = Some(end_number.map_or(last, |end| end.min(last)));
        }
        Self {
            rule,
            number,
            time,
            end_number,
            end,
        }
    }

    fn next(&mut self) -> Option<Span> {
        let span = self.span()?;
        let ended = self.end.is_some_and(|end| span.time >= end);
        if ended || self.end_number.is_some_and(|last| span.number > last) {
            self.rule = Rule::Done;
            return None;
        }
        Some(span)
    }

    fn span(&mut self) -> Option<Span> {
        let (number, time) = (self.number, self.time);
        let mut span = Span {
            number,
            sub_number: 1,
            named: time,
            time,
            duration: None,
            reference: 0,
        };
        match &mut self.rule {
            Rule::Uniform(duration) => {
                span.duration = Some((*duration).into());
                self.number = number.checked_add(1)?;
                self.time = time.checked_add((*duration).into())?;
            }
            Rule::Timeline { .. } => return self.timeline(),
            Rule::Single => {
                let last = self.end.and_then(|end| u64::try_from(end - time).ok());
                span.duration = last;
                self.rule = Rule::Done;
            }
            Rule::Index(index, next) => {
                let reference = index.references.get(*next)?;
                span.reference = *next;
                *next += 1;
                self.number = number.checked_add(1)?;
                span.time = reference.time.into();
                span.named = span.time;
                span.duration = Some(reference.duration);
            }
            Rule::Done => return None,
        }
        Some(span)
    }

    /// Begins the run that comes next, if it is not begun: how many segments of it are left, and the run.
    fn run(&mut self) -> Option<(u64, &'a S)> {
        let Rule::Timeline { runs, left, .. } = &mut self.rule else {
            return None;
        };
        loop {
            let (run, after) = runs.split_first()?;
            if let Some(left) = left.filter(|left| *left > 0) {
                return Some((left, run));
            }
            if left.is_some() {
                *left = None;
                *runs = after;
                continue;
            }
            if run.d == 0 {
                return None;
            }
            if let Some(t) = run.t {
                self.time = t.into();
            }
            if let Some(n) = run.n {
                self.number = n;
            }
            let count = match u64::try_from(run.r) {
                Ok(r) => r.saturating_add(1),
                // Up to the next run, or the end of the period.
                Err(_) => {
                    let next = after.first().and_then(|next| next.t).map(i128::from);
                    match next.or(self.end) {
                        Some(end) => {
                            let duration = i128::from(run.d);
                            let ticks = (end - self.time).max(0);
                            u64::try_from((ticks + duration - 1) / duration).unwrap_or(u64::MAX)
                        }
                        None => u64::MAX,
                    }
                }
            };
            *left = Some(count);
        }
    }

    fn timeline(&mut self) -> Option<Span> {
        let (count, run) = self.run()?;
        let parts = run.k.unwrap_or(1).max(1);
        let Rule::Timeline { left, sub, .. } = &mut self.rule else {
            return None;
        };
        let part = |index: u64| i128::from(run.d) * i128::from(index) / i128::from(parts);
        let (from, to) = (part(*sub), part(sub.saturating_add(1)));
        let span = Span {
            number: self.number,
            sub_number: sub.saturating_add(1),
            named: self.time,
            time: self.time + from,
            duration: u64::try_from(to - from).ok(),
            reference: 0,
        };
        *sub += 1;
        if *sub >= parts {
            *sub = 0;
            // A run without end stays one.
            *left = Some(if count == u64::MAX { count } else { count - 1 });
            self.time = self.time.checked_add(run.d.into())?;
            self.number = self.number.checked_add(1)?;
        }
        Some(span)
    }

    /// Passes over the segments that end at or before a time in ticks.
    fn skip(&mut self, to: i128) {
        loop {
            let (count, duration) = match &self.rule {
                Rule::Uniform(duration) => (u64::MAX, u64::from(*duration)),
                Rule::Timeline { sub: 0, .. } => match self.run() {
                    Some((count, run)) => (count, run.d),
                    None => return,
                },
                Rule::Timeline { .. } | Rule::Single | Rule::Done => return,
                Rule::Index(index, next) => {
                    let passed = |reference: &super::Reference| {
                        i128::from(reference.time) + i128::from(reference.duration) <= to
                    };
                    let left = index.references.get(*next..).unwrap_or(&[]);
                    let count = left
                        .iter()
                        .take_while(|reference| passed(reference))
                        .count();
                    self.number = self
                        .number
                        .saturating_add(u64::try_from(count).unwrap_or(0));
                    if let Rule::Index(_, next) = &mut self.rule {
                        *next += count;
                    }
                    return;
                }
            };
            let ticks = (to - self.time).max(0);
            let whole = u64::try_from(ticks / i128::from(duration.max(1))).unwrap_or(u64::MAX);
            let passed = whole.min(count);
            self.time += i128::from(passed) * i128::from(duration);
            self.number = self.number.saturating_add(passed);
            let Rule::Timeline { left, .. } = &mut self.rule else {
                return;
            };
            if passed < count || count == u64::MAX {
                *left = Some(if count == u64::MAX {
                    count
                } else {
                    count - passed
                });
                return;
            }
            *left = Some(0);
        }
    }
}

impl Segments<'_> {
    /// Passes over the segments that end at or before a time of the presentation, in nanoseconds.
    pub fn skip_to(&mut self, time: u64) {
        let nanos = i128::from(time) - i128::from(self.period_start);
        let ticks = nanos.max(0) * i128::from(self.timescale) / NANOS;
        self.cursor
            .skip(ticks + i128::from(self.presentation_time_offset));
    }

    /// Passes over the segments that are gone at a wall-clock time, in Unix nanoseconds.
    pub fn skip_expired(&mut self, now: i64) {
        let Some(availability) = self.availability else {
            return;
        };
        let Some(depth) = availability.depth else {
            return;
        };
        // A segment is gone its own duration and the depth of the buffer after it came.
        let oldest = i128::from(now) - i128::from(availability.origin) - i128::from(depth);
        let mut ahead = self.clone();
        ahead.skip_to(u64::try_from(oldest).unwrap_or(0));
        let duration = ahead.next().map_or(0, |segment| segment.duration_nanos());
        let oldest = oldest - i128::from(duration);
        self.skip_to(u64::try_from(oldest).unwrap_or(0));
    }

    /// The segments that can be had at a wall-clock time, in Unix nanoseconds. Those of a static presentation always can.
    pub fn available(mut self, now: i64) -> impl Iterator<Item = Segment> {
        self.skip_expired(now);
        self.take_while(move |segment| segment.available_from.is_none_or(|from| from <= now))
            .filter(move |segment| segment.available_until.is_none_or(|until| until > now))
    }

    fn nanos(&self, ticks: i128) -> i128 {
        (ticks * NANOS).div_euclid(i128::from(self.timescale.max(1)))
    }

    fn segment(&self, span: &Span) -> Option<Segment> {
        let range;
        let url = match &self.source {
            Source::Template(template) => {
                range = None;
                let values = Values {
                    representation_id: self.representation_id,
                    number: span.number,
                    bandwidth: self.bandwidth,
                    time: u64::try_from(span.named).unwrap_or(0),
                    sub_number: span.sub_number,
                };
                super::resolve(&self.base, &template.url(&values))
            }
            Source::List(urls, first) => {
                let index = usize::try_from(span.number.checked_sub(*first)?).ok()?;
                let url = urls.get(index)?;
                range = url.media_range;
                let media = url.media.as_deref();
                media.map_or_else(
                    || self.base.to_string(),
                    |url| super::resolve(&self.base, url),
                )
            }
            Source::Whole => {
                range = None;
                self.base.to_string()
            }
            Source::Index(index) => {
                let reference = index.references.get(span.reference)?;
                range = Some(reference.range);
                self.base.to_string()
            }
        };
        let period = i128::from(self.period_start);
        let offset = i128::from(self.presentation_time_offset);
        let start = period + self.nanos(span.time - offset);
        let end = span
            .duration
            .map(|duration| period + self.nanos(span.time - offset + i128::from(duration)));
        let (mut available_from, mut available_until) = (None, None);
        if let (Some(availability), Some(end)) = (self.availability, end) {
            let from = i128::from(availability.origin) + end;
            let duration = end - start;
            available_until = availability
                .depth
                .map(|depth| narrow(from + duration + i128::from(depth)));
            available_from = Some(early(from, availability.early));
        }
        Some(Segment {
            resource: Resource { url, range },
            number: span.number,
            sub_number: span.sub_number,
            time: u64::try_from(span.time).unwrap_or(0),
            duration: span.duration,
            timescale: self.timescale,
            start: narrow(start),
            end: end.map(narrow),
            available_from,
            available_until,
        })
    }
}

impl Iterator for Segments<'_> {
    type Item = Segment;

    fn next(&mut self) -> Option<Segment> {
        let span = self.cursor.next()?;
        self.segment(&span)
    }
}

/// A time, and so many seconds before it. A number of seconds with a point is exact to the nanosecond here.
fn early(time: i128, seconds: f64) -> i64 {
    if seconds.is_infinite() {
        return if seconds > 0.0 { i64::MIN } else { i64::MAX };
    }
    let span = std::time::Duration::try_from_secs_f64(seconds.abs()).unwrap_or_default();
    let nanos = i128::try_from(span.as_nanos()).unwrap_or(0);
    narrow(if seconds < 0.0 {
        time + nanos
    } else {
        time - nanos
    })
}

fn narrow(nanos: i128) -> i64 {
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN } else { i64::MAX })
}
