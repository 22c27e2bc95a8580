//! What RTSP 2.0 tells a client about what it plays.

use super::{Header, Range, name};
use crate::text::Text;
use crate::{Error, Status};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

macro_rules! words {
    ($(#[$doc:meta])* $type:ident $name:ident { $($(#[$each:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $type {
            $($(#[$each])* $variant,)*
            /// Something else.
            Other(String),
        }

        impl $type {
            /// As it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $($type::$variant => $word,)*
                    $type::Other(word) => word,
                }
            }
        }

        impl Header for $type {
            const NAME: &'static str = name::$name;

            fn parse(value: &str) -> Result<Self, Error> {
                let mut text = Text::new(value);
                let word = text.next(';').map_or("", |word| word.rest);
                $(
                    if word.eq_ignore_ascii_case($word) {
                        return Ok($type::$variant);
                    }
                )*
                if word.is_empty() {
                    return Err(Error::invalid(name::$name, value, 0));
                }
                Ok($type::Other(word.into()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// `Notify-Reason`: why the server sends `PLAY_NOTIFY` (RFC 7826 §18.32).
    NotifyReason NOTIFY_REASON {
        /// What was asked for has been sent to its end.
        EndOfStream "end-of-stream",
        /// The range or the properties of the media have changed.
        MediaPropertiesUpdate "media-properties-update",
        /// The scale has changed.
        ScaleChange "scale-change",
    }
}

words! {
    /// `Seek-Style`: where playing begins, beside where it was asked to (RFC 7826 §18.47).
    SeekStyle SEEK_STYLE {
        /// At the random access point before.
        Rap "RAP",
        /// At the random access point before, unless playing goes on without a seek.
        CoRap "CoRAP",
        /// At the first sample that is not before it.
        FirstPrior "First-Prior",
        /// At the next sample.
        Next "Next",
    }
}

words! {
    /// `Terminate-Reason`: why the server ends a session (RFC 7826 §18.52).
    TerminateReason TERMINATE_REASON {
        /// The server is maintained.
        ServerAdmin "Server-Admin",
        /// The session has lasted too long.
        SessionTimeout "Session-Timeout",
        /// Something in the server failed.
        InternalError "Internal-Error",
    }
}

/// `Request-Status`: to which request a notification belongs (RFC 7826 §18.42).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestStatus {
    /// The number of the request.
    pub cseq: u32,
    /// How it went in the end.
    pub status: Status,
    /// The same in words.
    pub reason: String,
}

impl Header for RequestStatus {
    const NAME: &'static str = name::REQUEST_STATUS;

    fn parse(value: &str) -> Result<Self, Error> {
        let whole = Text::new(value);
        let (mut cseq, mut status, mut reason) = (None, None, String::new());
        let mut text = whole;
        while let Some(word) = text.next(' ') {
            let (name, value) = word.split('=');
            let Some(value) = value else { continue };
            if name.rest.eq_ignore_ascii_case("cseq") {
                cseq = Some(value.number("cseq")?);
            } else if name.rest.eq_ignore_ascii_case("status") {
                status = Status::new(value.number("status")?);
            } else if name.rest.eq_ignore_ascii_case("reason") {
                reason = value.unquoted().into();
            }
        }
        match (cseq, status) {
            (Some(cseq), Some(status)) => Ok(Self {
                cseq,
                status,
                reason,
            }),
            _ => Err(whole.invalid("Request-Status")),
        }
    }
}

impl fmt::Display for RequestStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cseq={} status={:03} reason=\"{}\"",
            self.cseq,
            self.status.code(),
            self.reason.replace(['"', '\\'], "'")
        )
    }
}

/// `Media-Properties`: what can be done with a presentation (RFC 7826 §18.29).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MediaProperties(pub Vec<Property>);

/// One of [`MediaProperties`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Property {
    /// Any place can be sought; with the greatest distance of places.
    RandomAccess(Option<Duration>),
    /// The beginning only can be sought.
    BeginningOnly,
    /// No place can be sought.
    NoSeeking,
    /// The content does not change.
    Immutable,
    /// The content changes.
    Dynamic,
    /// The content grows with time.
    TimeProgressing,
    /// The content does not go away.
    Unlimited,
    /// The content goes away at a time of day.
    TimeLimited(String),
    /// The content goes away after a while.
    TimeDuration(Duration),
    /// Values of `Scale` that can be had, as they are written.
    Scales(String),
    /// Something else.
    Other(String),
}

impl Header for MediaProperties {
    const NAME: &'static str = name::MEDIA_PROPERTIES;

    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        let mut properties = Vec::new();
        while let Some(part) = text.next(',') {
            let (name, value) = part.split('=');
            let is = |word: &str| name.rest.eq_ignore_ascii_case(word);
            let seconds = |value: Text<'_>, field| {
                let seconds = value.trim().rest.parse::<f64>().ok();
                seconds
                    .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
                    .ok_or_else(|| value.invalid(field))
            };
            properties.push(match value {
                _ if is("Random-Access") => {
                    Property::RandomAccess(value.map(|value| seconds(value, "delta")).transpose()?)
                }
                None if is("Beginning-Only") => Property::BeginningOnly,
                None if is("No-Seeking") => Property::NoSeeking,
                None if is("Immutable") => Property::Immutable,
                None if is("Dynamic") => Property::Dynamic,
                None if is("Time-Progressing") => Property::TimeProgressing,
                None if is("Unlimited") => Property::Unlimited,
                Some(value) if is("Time-Limited") => Property::TimeLimited(value.rest.into()),
                Some(value) if is("Time-Duration") => {
                    Property::TimeDuration(seconds(value, "duration")?)
                }
                Some(value) if is("Scales") => Property::Scales(value.unquoted().into()),
                _ => Property::Other(part.rest.into()),
            });
        }
        Ok(Self(properties))
    }
}

impl fmt::Display for MediaProperties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, property) in self.0.iter().enumerate() {
            f.write_str(if index > 0 { ", " } else { "" })?;
            match property {
                Property::RandomAccess(None) => f.write_str("Random-Access"),
                Property::RandomAccess(Some(delta)) => {
                    write!(f, "Random-Access={:.3}", delta.as_secs_f64())
                }
                Property::BeginningOnly => f.write_str("Beginning-Only"),
                Property::NoSeeking => f.write_str("No-Seeking"),
                Property::Immutable => f.write_str("Immutable"),
                Property::Dynamic => f.write_str("Dynamic"),
                Property::TimeProgressing => f.write_str("Time-Progressing"),
                Property::Unlimited => f.write_str("Unlimited"),
                Property::TimeLimited(date) => write!(f, "Time-Limited={date}"),
                Property::TimeDuration(time) => {
                    write!(f, "Time-Duration={:.3}", time.as_secs_f64())
                }
                Property::Scales(scales) => write!(f, "Scales=\"{scales}\""),
                Property::Other(text) => f.write_str(text),
            }?;
        }
        Ok(())
    }
}

/// `Media-Range`: what there is of a presentation, in several formats (RFC 7826 §18.30).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRange(pub Vec<Range>);

impl Header for MediaRange {
    const NAME: &'static str = name::MEDIA_RANGE;

    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        let mut ranges = Vec::new();
        while let Some(part) = text.next(',') {
            ranges.push(Range::parse(part.rest).map_err(|error| error.at(part.offset as u64))?);
        }
        Ok(Self(ranges))
    }
}

impl fmt::Display for MediaRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(f, "{separator}{range}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn words_and_properties() {
        assert_eq!(
            NotifyReason::parse("End-Of-Stream").unwrap(),
            NotifyReason::EndOfStream
        );
        assert_eq!(SeekStyle::parse("x").unwrap().as_str(), "x");
        let text = "Random-Access=2.500, Immutable, Unlimited, Scales=\"-1,1:8\", Odd=1";
        let properties = MediaProperties::parse(text).unwrap();
        assert_eq!(properties.0[3], Property::Scales("-1,1:8".into()));
        assert_eq!(properties.to_string(), text);
        let status = RequestStatus::parse("cseq=5 status=200 reason=\"All is well\"").unwrap();
        assert_eq!(status.reason, "All is well");
        assert_eq!(
            status.to_string(),
            "cseq=5 status=200 reason=\"All is well\""
        );
        assert!(MediaProperties::parse("Random-Access=x").is_err());
    }
}
