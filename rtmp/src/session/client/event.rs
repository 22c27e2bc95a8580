use crate::Message;
use crate::amf::amf0::Object;
use crate::session::{CloseReason, RequestId};
use alloc::string::String;

/// What happens on a client's session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The server has let us in: publish or play.
    Connected {
        /// What the server tells of itself: `fmsVer`, `capabilities`.
        properties: Object<'static>,
        /// What it tells of the connection.
        info: Object<'static>,
    },
    /// A publication was granted: send media on this stream.
    Publishing {
        /// The request.
        request: RequestId,
        /// Its message stream.
        stream_id: u32,
    },
    /// A stream is going to be played.
    Playing {
        /// The request.
        request: RequestId,
        /// Its message stream.
        stream_id: u32,
    },
    /// A request, or the connection itself, was refused. In the latter case it ends.
    Refused {
        /// The request; none for the connection.
        request: Option<RequestId>,
        /// A code of [`message::status`](crate::message::status).
        code: String,
        /// The server's words.
        description: String,
    },
    /// Audio, video or data of the stream that it names.
    Media(Message),
    /// Another status of a stream, or of the connection with stream id 0: `NetStream.Play.UnpublishNotify` and the like.
    Status {
        /// The message stream.
        stream_id: u32,
        /// `status`, `warning` or `error`.
        level: String,
        /// A code of [`message::status`](crate::message::status).
        code: String,
        /// The server's words.
        description: String,
    },
    /// The server asks to connect anew, at the next key frame: it is going to end (Enhanced RTMP). Until then it goes on.
    ReconnectRequested {
        /// Where to, absolute or relative to the present URL; none for the same place.
        tc_url: Option<String>,
        /// The server's words.
        description: String,
    },
    /// What was being published or played has ended.
    Stopped {
        /// Its message stream.
        stream_id: u32,
    },
    /// The session is over: the last event.
    Closed(CloseReason),
}
