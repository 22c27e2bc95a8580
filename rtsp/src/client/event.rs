use crate::headers::{NotifyReason, Public, Range, RtpInfoEntry, Transport};
use crate::{Description, Headers, Method, Status};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// What happens on a client's session.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// What the server can do (`OPTIONS`, RFC 2326 §10.1; RFC 7826 §13.1).
    Options(Public),
    /// What there is to play (`DESCRIBE`, RFC 2326 §10.2; RFC 7826 §13.2).
    Described {
        /// The session description as it came.
        sdp: String,
        /// Which media it has.
        description: Description,
    },
    /// The server has taken the description of what is to be recorded (`ANNOUNCE`, RFC 2326 §10.3).
    Announced,
    /// A medium can be played or recorded (`SETUP`, RFC 2326 §10.4; RFC 7826 §13.3).
    SetUp {
        /// Index of the medium.
        media: usize,
        /// By which transport: what was asked for, with what the server has added or changed.
        transport: Transport,
    },
    /// Playing begins (`PLAY`, RFC 2326 §10.5; RFC 7826 §13.4). Packets of it may have come before.
    Playing {
        /// What is played.
        range: Option<Range>,
        /// How fast.
        scale: Option<f64>,
        /// What is known of the first packets, with the index of the medium. Cameras leave out any of it.
        rtp_info: Vec<(usize, RtpInfoEntry)>,
    },
    /// Packets can be sent (`RECORD`, RFC 2326 §10.11).
    Recording,
    /// Playing or recording pauses (`PAUSE`, RFC 2326 §10.6; RFC 7826 §13.6).
    Paused,
    /// Parameters that were asked for.
    Parameters(Bytes),
    /// Parameters were set.
    ParametersSet,
    /// A packet on a medium that was set up interleaved.
    Packet {
        /// Index of the medium.
        media: usize,
        /// Whether it is RTCP.
        rtcp: bool,
        /// The packet.
        data: Bytes,
    },
    /// The server has refused a request: with [`Status::UNSUPPORTED_TRANSPORT`], another transport can be tried.
    Refused {
        /// The request.
        method: Method,
        /// Why.
        status: Status,
        /// The same in words.
        reason: String,
    },
    /// What was asked for, or the whole session, is elsewhere: connect there.
    Redirected {
        /// Where.
        location: String,
    },
    /// The server tells of something about what is played: `PLAY_NOTIFY` of RTSP 2.0, or what others use for the same.
    Notified {
        /// What.
        reason: NotifyReason,
        /// What belongs to it.
        headers: Headers,
    },
    /// The server sends a new description (`ANNOUNCE`).
    DescriptionChanged {
        /// The session description as it came.
        sdp: String,
    },
    /// Bytes that made no sense were skipped.
    Skipped(usize),
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
    /// The server has ended the session.
    TornDown,
    /// We closed.
    Local,
}
