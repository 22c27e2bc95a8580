//! Why a connection is over, and in which words the log says so.

use rtmp::server::CloseReason;
use std::io;

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    /// The session has said why.
    Closed(CloseReason),
    Failed(rtmp::Error),
    Io(io::Error),
    Stalled,
    TooSlow,
    ShutDown,
    /// Who has this server inside wants it no more.
    Dismissed(&'static str),
}

impl From<rtmp::Error> for End {
    fn from(error: rtmp::Error) -> Self {
        End::Failed(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        End::Io(error)
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Closed(CloseReason::Ended) => f.write_str("the connection ended"),
            End::Closed(CloseReason::Truncated) => {
                f.write_str("the connection ended in the middle of something")
            }
            End::Closed(reason) => write!(f, "{reason:?}"),
            End::Failed(error) => error.fmt(f),
            End::Io(error) => error.fmt(f),
            End::Stalled => f.write_str("the peer does not read"),
            End::TooSlow => f.write_str("the player stayed too slow"),
            End::ShutDown => f.write_str("the server ends"),
            End::Dismissed(why) => f.write_str(why),
        }
    }
}

impl End {
    /// Whether it is worth a warning.
    pub(super) const fn is_the_peers_fault(&self) -> bool {
        match self {
            End::Closed(CloseReason::Truncated) | End::Failed(_) | End::Stalled | End::TooSlow => {
                true
            }
            // Players go like that.
            End::Closed(_) | End::Io(_) | End::ShutDown | End::Dismissed(_) => false,
        }
    }
}
