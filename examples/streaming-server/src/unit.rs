use common::fanout::{self, Role};
use rtmp::{SharedMessage, message};

/// What goes through a stream's fan-out to its RTMP players.
#[derive(Debug, Clone)]
pub(crate) enum Unit {
    /// A publisher has come: new headers follow.
    Published,
    /// The publisher has gone, or there was none yet.
    Unpublished,
    /// A message of the publisher's, encoded once for all.
    Message(SharedMessage),
}

impl fanout::Unit for Unit {
    fn role(&self) -> Role {
        let message = match self {
            Unit::Published | Unit::Unpublished => return Role::Start,
            Unit::Message(message) => message,
        };
        match message.role() {
            message::Role::Header => Role::Header(message.message().slot()),
            message::Role::JoinPoint => Role::Join,
            message::Role::Dependent => Role::Dependent,
            message::Role::Free => Role::Free,
        }
    }

    fn size(&self) -> usize {
        match self {
            Unit::Published | Unit::Unpublished => 0,
            Unit::Message(message) => message.encoded_len(),
        }
    }
}
