//! Why a connection is over, and in which words the log says so.

use common::fanout::Lost;
use rtsp::server::CloseReason;
use std::io;

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum End {
    Closed(CloseReason),
    Failed(rtsp::Error),
    Io(io::Error),
    Stalled,
    TooSlow,
    /// The publisher of what was played has gone.
    Unpublished,
    ShutDown,
    /// Who has this server inside wants it no more.
    Dismissed(&'static str),
    /// A file that was played cannot be read any further.
    Unreadable(anyhow::Error),
}

impl From<rtsp::Error> for End {
    fn from(error: rtsp::Error) -> Self {
        End::Failed(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        End::Io(error)
    }
}

impl From<Lost> for End {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::TooSlow => End::TooSlow,
            Lost::Closed => End::ShutDown,
        }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            End::Closed(CloseReason::Ended) => f.write_str("the connection ended"),
            End::Closed(CloseReason::Truncated) => {
                f.write_str("the connection ended in the middle of something")
            }
            End::Closed(CloseReason::Timeout) => f.write_str("it gave no sign of life"),
            End::Closed(reason) => write!(f, "{reason:?}"),
            End::Failed(error) => error.fmt(f),
            End::Io(error) => error.fmt(f),
            End::Stalled => f.write_str("the peer does not read"),
            End::TooSlow => f.write_str("the player stayed too slow"),
            End::Unpublished => f.write_str("the publisher has gone"),
            End::ShutDown => f.write_str("the server ends"),
            End::Dismissed(why) => f.write_str(why),
            End::Unreadable(error) => write!(f, "the file cannot be read any further: {error:#}"),
        }
    }
}

impl End {
    /// Whether it is worth a warning.
    pub(super) const fn is_the_peers_fault(&self) -> bool {
        match self {
            End::Closed(CloseReason::Truncated | CloseReason::Timeout)
            | End::Failed(_)
            | End::Stalled
            | End::TooSlow => true,
            End::Closed(_)
            | End::Io(_)
            | End::Unpublished
            | End::ShutDown
            | End::Dismissed(_)
            | End::Unreadable(_) => false,
        }
    }
}
