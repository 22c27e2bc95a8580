use crate::Message;
use crate::amf::amf0::Object;
use crate::session::{Capabilities, CloseReason, RequestId};
use alloc::string::String;
use core::time::Duration;

/// What happens on a server's session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A client asks for an application: accept or reject.
    ConnectRequested(ConnectRequest),
    /// A client asks to publish: accept or reject.
    PublishRequested(PublishRequest),
    /// A client asks to play: accept or reject. The stream need not exist yet: an accepted player waits for its publisher.
    PlayRequested(PlayRequest),
    /// Audio, video or data that is being published on the stream that it names.
    ///
    /// `@setDataFrame` has been taken off `onMetaData`, as a player is to get it.
    Media(Message),
    /// What was accepted as a publication has ended.
    PublishStopped {
        /// Its message stream.
        stream_id: u32,
    },
    /// What was accepted for playing is no longer wanted.
    PlayStopped {
        /// Its message stream.
        stream_id: u32,
    },
    /// A player asks to go on from another place: to be answered with `accept_seek` or `reject_seek`.
    SeekRequested {
        /// Its message stream.
        stream_id: u32,
        /// The place in the recording.
        position: Duration,
    },
    /// A player pauses, or goes on; it has been told that this is so.
    Paused {
        /// Its message stream.
        stream_id: u32,
        /// Whether it pauses.
        paused: bool,
        /// Where it says it is.
        position: Duration,
    },
    /// A player says anew how much it buffers: a recording is to be sent so far ahead of its playing.
    BufferChanged {
        /// Its message stream.
        stream_id: u32,
        /// How much.
        length: Duration,
    },
    /// A player wants to get sound or pictures, or no more: `send` leaves out what it does not want.
    ReceptionChanged {
        /// Its message stream.
        stream_id: u32,
        /// Whether it wants sound.
        audio: bool,
        /// Whether it wants pictures. Where it wants them again, they start with the next key frame that is sent.
        video: bool,
    },
    /// A player asks how long a recording is (`getStreamLength`): to be answered with `answer_length`. Only told where
    /// `Config::has_recordings` is set.
    LengthRequested {
        /// By which to answer it.
        id: RequestId,
        /// The application, without its query.
        app: String,
        /// The name of the stream, without its query.
        name: String,
    },
    /// A message about a shared object, which this session does nothing about.
    SharedObject(Message),
    /// The session is over: the last event.
    Closed(CloseReason),
}

/// The `connect` command (RTMP 1.0 §7.2.1.1).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConnectRequest {
    /// By which to decide it.
    pub id: RequestId,
    /// The application, without its query.
    pub app: String,
    /// What follows a question mark in the application.
    pub query: String,
    /// The whole command object: `tcUrl`, `flashVer`, `swfUrl`, ...
    pub properties: Object<'static>,
}

impl ConnectRequest {
    /// What the client knows of Enhanced RTMP.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::of(&self.properties)
    }
}

/// The `publish` command (RTMP 1.0 §7.2.2.6).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PublishRequest {
    /// By which to decide it.
    pub id: RequestId,
    /// The message stream that its media will come on.
    pub stream_id: u32,
    /// The application, without its query.
    pub app: String,
    /// The name to publish under, without its query.
    pub name: String,
    /// What follows a question mark in the name, or else in the application: keys, mostly.
    pub query: String,
    /// What to do with it.
    pub publish_type: PublishType,
}

impl PublishRequest {
    /// Application and name as one path: clients part them in different places.
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.app, &self.name)
    }
}

/// The `play` command (RTMP 1.0 §7.2.2.1).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PlayRequest {
    /// By which to decide it.
    pub id: RequestId,
    /// The message stream that its media goes on.
    pub stream_id: u32,
    /// The application, without its query.
    pub app: String,
    /// The name of the stream, without its query.
    pub name: String,
    /// What follows a question mark in the name, or else in the application: keys, mostly.
    pub query: String,
    /// Where to start.
    pub start: PlayStart,
    /// How much to play; none for all.
    pub duration: Option<Duration>,
    /// How much the player has said that it buffers; none where it says so later, or never.
    pub buffer: Option<Duration>,
    /// Where it is to take the place of another stream (`play2`): how, as `NetStreamPlayTransitions` has it (`switch`, `swap`, ...).
    pub transition: Option<String>,
}

impl PlayRequest {
    /// Application and name as one path: clients part them in different places.
    #[must_use]
    pub fn path(&self) -> String {
        path(&self.app, &self.name)
    }
}

fn path(app: &str, name: &str) -> String {
    let mut path = String::with_capacity(app.len().saturating_add(name.len()).saturating_add(1));
    for part in app
        .split('/')
        .chain(name.split('/'))
        .filter(|part| !part.is_empty())
    {
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    path
}

/// What becomes of a published stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PublishType {
    /// Given to players.
    #[default]
    Live,
    /// Also written to a new recording.
    Record,
    /// Also added to a recording.
    Append,
}

impl PublishType {
    /// The word in the `publish` command.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            PublishType::Live => "live",
            PublishType::Record => "record",
            PublishType::Append => "append",
        }
    }
}

/// Where a player starts.
///
/// The specification counts seconds from -2 on, the players in use count milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PlayStart {
    /// The live stream with this name, else the recording.
    #[default]
    Any,
    /// The live stream only.
    Live,
    /// The recording, from this time.
    At(Duration),
}
