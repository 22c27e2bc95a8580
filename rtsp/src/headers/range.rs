//! `Range` (RFC 2326 §3.5 to §3.7, §12.29; RFC 7826 §4.4, §18.40).

use super::{Header, name};
use crate::Error;
use crate::text::Text;
use alloc::string::String;
use core::fmt;
use core::time::Duration;
use wire::calendar::Civil;

/// What of a presentation is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// From where to where, in one of three clocks.
    pub span: Span,
    /// When to begin, as the time of day that is written there.
    pub time: Option<String>,
}

/// From where to where.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Span {
    /// Normal play time: since the presentation's beginning.
    Npt {
        /// From here; where playing stands if not told.
        start: Option<Npt>,
        /// To here; to the end if not told.
        end: Option<Npt>,
    },
    /// Time codes of frames.
    Smpte {
        /// How many frames a second has.
        rate: FrameRate,
        /// From here.
        start: Option<Smpte>,
        /// To here.
        end: Option<Smpte>,
    },
    /// Time of day.
    Clock {
        /// From here.
        start: Option<Clock>,
        /// To here.
        end: Option<Clock>,
    },
}

/// A place in normal play time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Npt {
    /// The live edge.
    Now,
    /// Since the beginning, to the nanosecond.
    At(Duration),
}

/// How many frames a second has, in time codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameRate {
    /// `smpte`, 30 and as if dropping: 29.97.
    Smpte,
    /// `smpte-30-drop`, 29.97.
    Drop30,
    /// `smpte-25`.
    Pal25,
}

/// A time code: hours, minutes, seconds, frames and hundredths of frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Smpte {
    /// Hours.
    pub hours: u8,
    /// Minutes, 0 to 59.
    pub minutes: u8,
    /// Seconds, 0 to 59.
    pub seconds: u8,
    /// Frames within the second.
    pub frames: u8,
    /// Hundredths of a frame.
    pub subframes: u8,
}

/// A time of day in UTC, with a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clock {
    /// The year, four digits.
    pub year: u16,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day, 1 to 31.
    pub day: u8,
    /// Hours, 0 to 23.
    pub hours: u8,
    /// Minutes, 0 to 59.
    pub minutes: u8,
    /// Seconds, 0 to 60.
    pub seconds: u8,
    /// Nanoseconds.
    pub nanos: u32,
}

impl Clock {
    /// Since the beginning of 1970; leap seconds count for nothing, and times before it are not told.
    #[must_use]
    pub fn since_unix_epoch(&self) -> Option<Duration> {
        if self.month == 0 || self.day == 0 {
            return None;
        }
        let civil = Civil {
            year: self.year.into(),
            month: self.month,
            day: self.day,
            hour: self.hours,
            minute: self.minutes,
            second: self.seconds,
        };
        let seconds = u64::try_from(civil.to_unix()).ok()?;
        Some(Duration::new(seconds, self.nanos))
    }
}

impl Smpte {
    /// Since the beginning. Frames are counted as the rate has them, with those that are dropped left out.
    #[must_use]
    pub fn since_start(&self, rate: FrameRate) -> Duration {
        let minutes = u64::from(self.hours) * 60 + u64::from(self.minutes);
        let seconds = minutes * 60 + u64::from(self.seconds);
        let hundredths = u64::from(self.frames) * 100 + u64::from(self.subframes);
        let nanos = match rate {
            FrameRate::Pal25 => seconds * 1_000_000_000 + hundredths * 400_000,
            FrameRate::Smpte | FrameRate::Drop30 => {
                let dropped = 2 * (minutes - minutes / 10);
                let frames = (seconds * 30).saturating_sub(dropped) * 100 + hundredths;
                // 30000/1001 frames a second.
                frames * 1_001_000 / 3
            }
        };
        Duration::from_nanos(nanos)
    }
}

impl Range {
    /// Normal play time from a place to the end.
    #[must_use]
    pub const fn from(start: Duration) -> Self {
        Self::npt(Some(Npt::At(start)), None)
    }

    /// The live edge.
    #[must_use]
    pub const fn now() -> Self {
        Self::npt(Some(Npt::Now), None)
    }

    /// Normal play time.
    #[must_use]
    pub const fn npt(start: Option<Npt>, end: Option<Npt>) -> Self {
        Self {
            span: Span::Npt { start, end },
            time: None,
        }
    }

    /// Where it begins in normal play time; also of time codes.
    #[must_use]
    pub fn start(&self) -> Option<Duration> {
        match &self.span {
            Span::Npt {
                start: Some(Npt::At(start)),
                ..
            } => Some(*start),
            Span::Smpte {
                rate,
                start: Some(start),
                ..
            } => Some(start.since_start(*rate)),
            _ => None,
        }
    }

    /// Where it ends in normal play time; also of time codes.
    #[must_use]
    pub fn end(&self) -> Option<Duration> {
        match &self.span {
            Span::Npt {
                end: Some(Npt::At(end)),
                ..
            } => Some(*end),
            Span::Smpte {
                rate,
                end: Some(end),
                ..
            } => Some(end.since_start(*rate)),
            _ => None,
        }
    }
}

impl Header for Range {
    const NAME: &'static str = name::RANGE;

    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        let Some(first) = text.next(';') else {
            return Err(Error::invalid("ranges-specifier", value, 0));
        };
        let (unit, span) = first.split('=');
        let Some(span) = span else {
            return Err(first.invalid("ranges-specifier"));
        };
        let is = |name: &str| unit.rest.eq_ignore_ascii_case(name);
        let span = if is("npt") {
            let (start, end) = ends(span, npt)?;
            Span::Npt { start, end }
        } else if is("clock") {
            let (start, end) = ends(span, clock)?;
            Span::Clock { start, end }
        } else {
            let rate = match () {
                () if is("smpte") => FrameRate::Smpte,
                () if is("smpte-30-drop") => FrameRate::Drop30,
                () if is("smpte-25") => FrameRate::Pal25,
                () => return Err(unit.invalid("range-unit")),
            };
            let (start, end) = ends(span, smpte)?;
            Span::Smpte { rate, start, end }
        };
        let mut time = None;
        while let Some(parameter) = text.next(';') {
            let (name, value) = parameter.split('=');
            if let Some(value) = value
                && name.rest.eq_ignore_ascii_case("time")
            {
                time = Some(value.rest.into());
            }
        }
        Ok(Self { span, time })
    }
}

type Ends<T> = (Option<T>, Option<T>);

fn ends<T>(text: Text<'_>, read: fn(Text<'_>) -> Result<T, Error>) -> Result<Ends<T>, Error> {
    let (start, end) = text.split('-');
    let some = |text: Text<'_>| match text.rest.is_empty() {
        true => Ok(None),
        false => read(text).map(Some),
    };
    // "npt=0" without a dash has been seen.
    Ok((some(start)?, end.map_or(Ok(None), some)?))
}

/// Digits behind a point as nanoseconds; what is finer is cut off.
fn nanos(text: Text<'_>, field: &'static str) -> Result<u32, Error> {
    let mut nanos = 0_u32;
    let mut unit = 100_000_000_u32;
    for byte in text.rest.bytes() {
        if !byte.is_ascii_digit() {
            return Err(text.invalid(field));
        }
        nanos = nanos.saturating_add(u32::from(byte.wrapping_sub(b'0')).saturating_mul(unit));
        unit /= 10;
    }
    Ok(nanos)
}

fn npt(text: Text<'_>) -> Result<Npt, Error> {
    if text.rest.eq_ignore_ascii_case("now") {
        return Ok(Npt::Now);
    }
    let (whole, fraction) = text.split('.');
    let nanos = fraction.map_or(Ok(0), |fraction| nanos(fraction, "npt"))?;
    let (first, rest) = whole.split(':');
    let mut seconds: u64 = match first.rest {
        // ".5" is a time.
        "" if fraction.is_some() => 0,
        _ => first.number("npt-sec")?,
    };
    let mut rest = rest;
    while let Some(part) = rest {
        let (part, next) = part.split(':');
        seconds = seconds
            .checked_mul(60)
            .and_then(|seconds| seconds.checked_add(part.number::<u32>("npt-mm").ok()?.into()))
            .ok_or_else(|| text.invalid("npt-time"))?;
        rest = next;
    }
    Ok(Npt::At(Duration::new(seconds, nanos)))
}

fn smpte(text: Text<'_>) -> Result<Smpte, Error> {
    let (hours, minutes) = text.split(':');
    let missing = || text.invalid("smpte-time");
    let (minutes, seconds) = minutes.ok_or_else(missing)?.split(':');
    let (seconds, frames) = seconds.ok_or_else(missing)?.split(':');
    let (frames, subframes) = match frames {
        Some(frames) => {
            let (frames, subframes) = frames.split('.');
            (frames.number("frames")?, subframes)
        }
        None => (0, None),
    };
    Ok(Smpte {
        hours: hours.number("hours")?,
        minutes: minutes.number("minutes")?,
        seconds: seconds.number("seconds")?,
        frames,
        subframes: subframes.map_or(Ok(0), |text| text.number("subframes"))?,
    })
}

fn clock(text: Text<'_>) -> Result<Clock, Error> {
    let invalid = || text.invalid("utc-time");
    let (date, time) = text
        .rest
        .trim_end_matches(['Z', 'z'])
        .split_once(['T', 't'])
        .ok_or_else(invalid)?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let digits = |text: &str, from: usize, count: usize| -> Result<u16, Error> {
        let part = text
            .get(from..from.saturating_add(count))
            .ok_or_else(invalid)?;
        if !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        part.parse().map_err(|_| invalid())
    };
    let two =
        |text: &str, from| digits(text, from, 2).map(|value| u8::try_from(value).unwrap_or(0));
    if date.len() != 8 || time.len() != 6 {
        return Err(invalid());
    }
    let clock = Clock {
        year: digits(date, 0, 4)?,
        month: two(date, 4)?,
        day: two(date, 6)?,
        hours: two(time, 0)?,
        minutes: two(time, 2)?,
        seconds: two(time, 4)?,
        nanos: nanos(
            Text {
                rest: fraction,
                ..text
            },
            "fraction",
        )?,
    };
    let valid = (1..=12).contains(&clock.month)
        && (1..=31).contains(&clock.day)
        && clock.hours < 24
        && clock.minutes < 60
        && clock.seconds <= 60;
    if valid { Ok(clock) } else { Err(invalid()) }
}

impl fmt::Display for Npt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Npt::Now => f.write_str("now"),
            Npt::At(time) => {
                let nanos = time.subsec_nanos();
                match nanos % 1_000_000 {
                    0 => write!(f, "{}.{:03}", time.as_secs(), nanos / 1_000_000),
                    _ => write!(f, "{}.{nanos:09}", time.as_secs()),
                }
            }
        }
    }
}

impl fmt::Display for Smpte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Smpte {
            hours,
            minutes,
            seconds,
            frames,
            subframes,
        } = self;
        write!(f, "{hours:02}:{minutes:02}:{seconds:02}:{frames:02}")?;
        match subframes {
            0 => Ok(()),
            some => write!(f, ".{some:02}"),
        }
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:04}{:02}{:02}T{:02}{:02}{:02}",
            self.year, self.month, self.day, self.hours, self.minutes, self.seconds
        )?;
        match self.nanos {
            0 => f.write_str("Z"),
            nanos if nanos % 1_000_000 == 0 => write!(f, ".{:03}Z", nanos / 1_000_000),
            nanos => write!(f, ".{nanos:09}Z"),
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn span<T: fmt::Display>(
            f: &mut fmt::Formatter<'_>,
            unit: &str,
            start: Option<&T>,
            end: Option<&T>,
        ) -> fmt::Result {
            write!(f, "{unit}=")?;
            start.map_or(Ok(()), |start| start.fmt(f))?;
            f.write_str("-")?;
            end.map_or(Ok(()), |end| end.fmt(f))
        }
        match &self.span {
            Span::Npt { start, end } => span(f, "npt", start.as_ref(), end.as_ref()),
            Span::Clock { start, end } => span(f, "clock", start.as_ref(), end.as_ref()),
            Span::Smpte { rate, start, end } => {
                let unit = match rate {
                    FrameRate::Smpte => "smpte",
                    FrameRate::Drop30 => "smpte-30-drop",
                    FrameRate::Pal25 => "smpte-25",
                };
                span(f, unit, start.as_ref(), end.as_ref())
            }
        }?;
        match &self.time {
            Some(time) => write!(f, ";time={time}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    #[test]
    fn examples_of_the_standard() {
        for (text, again) in [
            ("npt=123.45-125", "npt=123.450-125.000"),
            ("npt=12:05:35.3-", "npt=43535.300-"),
            ("npt=now-", "npt=now-"),
            ("npt=-20", "npt=-20.000"),
            ("npt=0", "npt=0.000-"),
            ("smpte=10:12:33:20-", "smpte=10:12:33:20-"),
            ("smpte=10:07:33-", "smpte=10:07:33:00-"),
            (
                "smpte-25=10:07:00-10:07:33:05.01",
                "smpte-25=10:07:00:00-10:07:33:05.01",
            ),
            (
                "clock=19961108T142300Z-19961108T143520.25Z;time=19970123T143720Z",
                "clock=19961108T142300Z-19961108T143520.250Z;time=19970123T143720Z",
            ),
        ] {
            let range = Range::parse(text).unwrap();
            assert_eq!(range.to_string(), again);
            assert_eq!(Range::parse(again).unwrap(), range);
        }
    }

    #[test]
    fn errors_say_where() {
        for (text, error) in [
            ("npt", "ranges-specifier must not be \"npt\" at offset 0"),
            ("bytes=0-", "range-unit must not be \"bytes\" at offset 0"),
            ("npt=0-x", "npt-sec must not be \"x\" at offset 6"),
            ("clock=1996-", "utc-time must not be \"1996\" at offset 6"),
            ("smpte=1:2-", "smpte-time must not be \"1:2\" at offset 6"),
        ] {
            assert_eq!(Range::parse(text).unwrap_err().to_string(), error);
        }
    }

    #[test]
    fn clocks_in_seconds() {
        let Span::Clock {
            start: Some(start), ..
        } = Range::parse("clock=20240229T120000.5Z-").unwrap().span
        else {
            panic!()
        };
        assert_eq!(
            start.since_unix_epoch(),
            Some(Duration::new(1_709_208_000, 500_000_000))
        );
        let code = Smpte {
            hours: 0,
            minutes: 1,
            seconds: 0,
            frames: 2,
            subframes: 0,
        };
        // The first frame of a minute is 00:01:00:02, number 1800.
        assert_eq!(
            code.since_start(FrameRate::Drop30),
            Duration::from_nanos(1800 * 100_100_000 / 3)
        );
        assert_eq!(
            code.since_start(FrameRate::Pal25),
            Duration::from_millis(60_080)
        );
    }

    proptest! {
        #[test]
        fn npt_is_exact(seconds in 0_u64..1_000_000_000, nanos in 0_u32..1_000_000_000) {
            let range = Range::from(Duration::new(seconds, nanos));
            prop_assert_eq!(Range::parse(&range.to_string()).unwrap(), range);
        }
    }
}
