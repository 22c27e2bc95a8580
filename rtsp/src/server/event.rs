use crate::headers::{KeyMgmt, Range, RtpInfo, SeekStyle, Speed, Transport};
use crate::{Description, Url, Version};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// Names a request that is to be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(pub(super) u64);

/// What happens on a server's session. What is `Requested` is to be granted or rejected; nothing more is read until then.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// Asks for a description: answer with `describe`.
    DescribeRequested(Describe),
    /// Tells what is going to be recorded: answer with `accept`.
    AnnounceRequested(Announce),
    /// Asks for a medium to be set up: answer with `accept_setup`.
    SetupRequested(Setup),
    /// Asks to play: answer with `accept_play`.
    PlayRequested(Play),
    /// Asks to record: answer with `accept`.
    RecordRequested(Record),
    /// Asks to pause: answer with `accept`.
    PauseRequested(Pause),
    /// Asks for parameters: answer with `answer_parameters`.
    ParametersRequested(Parameters),
    /// Sets parameters: answer with `accept`.
    ParametersSet(Parameters),
    /// A packet on a medium that was set up interleaved: from who records, RTCP from who plays, or an ONVIF backchannel.
    Packet {
        /// Index of the medium.
        media: usize,
        /// Whether it is RTCP.
        rtcp: bool,
        /// The packet.
        data: Bytes,
    },
    /// A medium of the session, or all of it, is no longer wanted (`TEARDOWN`, RFC 2326 §10.7; RFC 7826 §13.7); the client has been
    /// answered.
    TornDown {
        /// Index of the medium; `None` for the session.
        media: Option<usize>,
    },
    /// The connection is over: the last event.
    Closed(CloseReason),
}

/// Why a connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The transport ended between two messages.
    Ended,
    /// The transport ended in the middle of something.
    Truncated,
    /// The client gave no sign of life for too long.
    Timeout,
    /// We closed.
    Local,
}

/// `DESCRIBE` (RFC 2326 §10.2; RFC 7826 §13.2).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Describe {
    /// By which to decide it.
    pub id: RequestId,
    /// Of what.
    pub url: Url,
    /// The version that the client speaks.
    pub version: Version,
    /// Features that the client requires, all of them known: ONVIF's backchannel, say.
    pub require: Vec<String>,
}

/// `ANNOUNCE` (RFC 2326 §10.3).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Announce {
    /// By which to decide it.
    pub id: RequestId,
    /// Of what.
    pub url: Url,
    /// The session description.
    pub sdp: String,
    /// Which media it has.
    pub description: Description,
}

/// `SETUP` (RFC 2326 §10.4; RFC 7826 §13.3).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Setup {
    /// By which to decide it.
    pub id: RequestId,
    /// Of what.
    pub url: Url,
    /// Path of the presentation with its query, as far as it is known: without the medium's part.
    pub path: String,
    /// The medium's part of the address.
    pub control: String,
    /// Index of the medium, where the address is one of the description that this connection has got or told.
    pub media: Option<usize>,
    /// Transports that the client offers, best first; those on channels that are taken have got free ones.
    pub transports: Vec<Transport>,
    /// Keys that the client sends with, where packets are encrypted.
    pub keys: Vec<KeyMgmt>,
    /// Whether the client is going to send.
    pub record: bool,
    /// Media that the session has already.
    pub others: usize,
    /// The version that the client speaks.
    pub version: Version,
    /// Features that the client requires.
    pub require: Vec<String>,
}

/// `PLAY` (RFC 2326 §10.5; RFC 7826 §13.4).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Play {
    /// By which to decide it.
    pub id: RequestId,
    /// Index of the medium; `None` for all.
    pub media: Option<usize>,
    /// From where to where; without one, from where playing stands.
    pub range: Option<Range>,
    /// How fast, and which way.
    pub scale: Option<f64>,
    /// How fast data is to be sent.
    pub speed: Option<Speed>,
    /// Where to begin beside where it is asked for.
    pub seek_style: Option<SeekStyle>,
    /// Whether it is being played already: the range is to be played instead.
    pub playing: bool,
}

/// What playing begins with.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlayAnswer {
    /// What is going to be played.
    pub range: Option<Range>,
    /// How fast, if it is not as usual.
    pub scale: Option<f64>,
    /// How fast data is sent, if it is not as usual.
    pub speed: Option<Speed>,
    /// Where it begins, for RTSP 2.0.
    pub seek_style: Option<SeekStyle>,
    /// The first packets. Addresses may be left empty where entries are in the order in which media were set up.
    pub rtp_info: RtpInfo,
}

/// `RECORD` (RFC 2326 §10.11).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Record {
    /// By which to decide it.
    pub id: RequestId,
    /// From where to where.
    pub range: Option<Range>,
}

/// `PAUSE` (RFC 2326 §10.6; RFC 7826 §13.6).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Pause {
    /// By which to decide it.
    pub id: RequestId,
    /// Index of the medium; `None` for all.
    pub media: Option<usize>,
    /// Where to pause.
    pub range: Option<Range>,
}

/// `GET_PARAMETER` or `SET_PARAMETER` with something in it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Parameters {
    /// By which to decide it.
    pub id: RequestId,
    /// Of what.
    pub uri: String,
    /// Names, or names and values, a line each.
    pub body: Bytes,
    /// Type of the body; `text/parameters` where nothing is told.
    pub content_type: Option<String>,
}
