use crate::Error;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// What a request is to do (RFC 2326 §10; RFC 7826 §13).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// Tells a description, to a server that is to record it.
    Announce,
    /// Asks for the description of a presentation.
    Describe,
    /// Asks for parameters; without a body, a sign of life.
    GetParameter,
    /// Asks for what can be done.
    Options,
    /// Stops for now.
    Pause,
    /// Begins to play.
    Play,
    /// Tells a client of something about what it plays (RTSP 2.0).
    PlayNotify,
    /// Begins to record.
    Record,
    /// Sends a client elsewhere.
    Redirect,
    /// Chooses the transport of a medium.
    Setup,
    /// Sets parameters.
    SetParameter,
    /// Ends a session, or one medium of it.
    Teardown,
    /// Something else.
    Other(String),
}

impl Method {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Method::Other(name) => name,
            known => known.name(),
        }
    }

    /// As it is written; `another method` for what is not known.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Method::Announce => "ANNOUNCE",
            Method::Describe => "DESCRIBE",
            Method::GetParameter => "GET_PARAMETER",
            Method::Options => "OPTIONS",
            Method::Pause => "PAUSE",
            Method::Play => "PLAY",
            Method::PlayNotify => "PLAY_NOTIFY",
            Method::Record => "RECORD",
            Method::Redirect => "REDIRECT",
            Method::Setup => "SETUP",
            Method::SetParameter => "SET_PARAMETER",
            Method::Teardown => "TEARDOWN",
            Method::Other(_) => "another method",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ANNOUNCE" => Method::Announce,
            "DESCRIBE" => Method::Describe,
            "GET_PARAMETER" => Method::GetParameter,
            "OPTIONS" => Method::Options,
            "PAUSE" => Method::Pause,
            "PLAY" => Method::Play,
            "PLAY_NOTIFY" => Method::PlayNotify,
            "RECORD" => Method::Record,
            "REDIRECT" => Method::Redirect,
            "SETUP" => Method::Setup,
            "SET_PARAMETER" => Method::SetParameter,
            "TEARDOWN" => Method::Teardown,
            other => {
                let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!+".contains(&byte);
                if other.is_empty() || !other.bytes().all(token) {
                    return None;
                }
                Method::Other(other.into())
            }
        })
    }
}

impl FromStr for Method {
    type Err = Error;

    /// Reads a method; they differ by case.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no token.
    fn from_str(text: &str) -> Result<Self, Error> {
        Method::parse(text).ok_or_else(|| Error::invalid("method", text, 0))
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
