use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::str::FromStr;

/// What a path asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// `/fcs/ident2`: the address that the server can be reached by. Players go on well with status 404.
    Ident,
    /// `/open/1`: a new tunnel.
    Open,
    /// `/send/<id>/<number>`: the body is for the server.
    Send {
        /// The tunnel.
        id: String,
        /// From 0 on, over all requests but the first.
        number: Option<u32>,
    },
    /// `/idle/<id>/<number>`: anything new for the client?
    Idle {
        /// The tunnel.
        id: String,
        /// As in `Send`.
        number: Option<u32>,
    },
    /// `/close/<id>/<number>`: the end. Some clients leave the number out.
    Close {
        /// The tunnel.
        id: String,
        /// As in `Send`.
        number: Option<u32>,
    },
}

impl Target {
    /// The tunnel that it is about; none of a new one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Target::Ident | Target::Open => None,
            Target::Send { id, .. } | Target::Idle { id, .. } | Target::Close { id, .. } => {
                Some(id)
            }
        }
    }

    pub(super) const fn number(&self) -> Option<u32> {
        match self {
            Target::Ident | Target::Open => None,
            Target::Send { number, .. }
            | Target::Idle { number, .. }
            | Target::Close { number, .. } => *number,
        }
    }
}

impl FromStr for Target {
    type Err = Refused;

    /// From the path of a request; a query is left out.
    fn from_str(path: &str) -> Result<Self, Refused> {
        let path = path.split('?').next().unwrap_or_default();
        let mut segments = path.split('/').filter(|segment| !segment.is_empty());
        let verb = segments.next().unwrap_or_default();
        let second = segments.next();
        let number = match segments.next().map(str::parse) {
            None => None,
            Some(Ok(number)) => Some(number),
            Some(Err(_)) => return Err(Refused::Malformed),
        };
        let id = || second.map(str::to_owned).ok_or(Refused::Malformed);
        match (verb, second) {
            ("fcs", Some("ident2")) => Ok(Target::Ident),
            ("open", _) => Ok(Target::Open),
            ("send", _) => Ok(Target::Send { id: id()?, number }),
            ("idle", _) => Ok(Target::Idle { id: id()?, number }),
            ("close", _) => Ok(Target::Close { id: id()?, number }),
            _ => Err(Refused::Unknown),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, id, number) = match self {
            Target::Ident => return f.write_str("/fcs/ident2"),
            Target::Open => return f.write_str("/open/1"),
            Target::Send { id, number } => ("send", id, number),
            Target::Idle { id, number } => ("idle", id, number),
            Target::Close { id, number } => ("close", id, number),
        };
        write!(f, "/{verb}/{id}")?;
        match number {
            Some(number) => write!(f, "/{number}"),
            None => Ok(()),
        }
    }
}

/// Why a request gets no answer of the tunnel, or a client no tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The path is none of these, or the tunnel is not there.
    #[error("there is no such path or tunnel")]
    Unknown,
    /// The path lacks something, or its number is none.
    #[error("the path is malformed")]
    Malformed,
    /// The number is neither the next nor the last.
    #[error("the request is out of its order")]
    OutOfOrder,
    /// The body is longer than is taken.
    #[error("the body is too long")]
    TooLong,
    /// The tunnel is closed.
    #[error("the tunnel is closed")]
    Closed,
    /// A server answered a client with another status than 200, or without what must be there.
    #[error("the server refuses with status {0}")]
    Status(u16),
}

impl Refused {
    /// The status of HTTP that says it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Refused::Unknown | Refused::Closed => 404,
            Refused::Malformed | Refused::OutOfOrder => 400,
            Refused::TooLong => 413,
            Refused::Status(status) => status,
        }
    }
}
