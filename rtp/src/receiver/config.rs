use super::Repair;
use crate::{Format, Limits};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;
use media::{Codec, Language, TrackId};

/// How to receive.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// How long a packet waits for one before it, at most. Default 200 ms; over TCP 0 will do.
    pub latency: Duration,
    /// How long it waits at least. Between the two it is as long as packets are seen to come late ([`jitter`](crate::jitter)).
    /// Default as long as `latency`: nothing adapts.
    pub least_latency: Duration,
    /// How long samples are held for sender reports, which put the streams on one clock exactly; after that the times of
    /// arrival have to do. Default 1 s.
    pub sync_wait: Duration,
    /// Time between receiver reports of a stream. Default 5 s.
    pub report_interval: Duration,
    /// The synchronisation source of this end's reports.
    pub ssrc: u32,
    /// The canonical name of this end.
    pub cname: String,
    /// Whether frames of which packets are missing are given, without what is missing. Default false.
    pub keep_damaged: bool,
    /// How much is held.
    pub limits: Limits,
}

impl Config {
    /// With defaults. The source should be drawn at random.
    #[must_use]
    pub fn new(ssrc: u32, cname: impl Into<String>) -> Self {
        Self {
            latency: Duration::from_millis(200),
            least_latency: Duration::from_millis(200),
            sync_wait: Duration::from_secs(1),
            report_interval: Duration::from_secs(5),
            ssrc,
            cname: cname.into(),
            keep_damaged: false,
            limits: Limits::default(),
        }
    }
}

/// A stream that is to come, as a session description tells it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StreamConfig {
    /// The track that it becomes.
    pub track: TrackId,
    /// The formats that it may have; packets of other payload types are left out.
    pub formats: Vec<Format>,
    /// The codec, where the description tells it whole.
    pub codec: Option<Codec>,
    /// The configuration of LATM elements (`config=`, RFC 6416), where it is not in them.
    pub latm: Option<aac::latm::StreamMuxConfig>,
    /// The language.
    pub language: Language,
    /// The time stamp of the presentation's start, where RTSP's `RTP-Info` tells it.
    pub start_timestamp: Option<u32>,
    /// How lost packets are made good.
    pub repair: Repair,
}

impl StreamConfig {
    /// A stream of one format.
    #[must_use]
    pub fn new(track: TrackId, format: Format, codec: Option<Codec>) -> Self {
        Self {
            track,
            formats: Vec::from([format]),
            codec,
            latm: None,
            language: Language::UNDETERMINED,
            start_timestamp: None,
            repair: Repair::default(),
        }
    }
}

/// RTCP that is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// The stream on whose control channel.
    pub track: TrackId,
    /// The datagram.
    pub data: Bytes,
}

/// What is known about the reception of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reception {
    /// The source, once a packet came.
    pub ssrc: Option<u32>,
    /// Packets that did not come; negative where some came twice.
    pub lost: i64,
    /// Mean deviation of the time between arrivals, in ticks of the stream's clock.
    pub jitter: u32,
    /// Whether the source said goodbye.
    pub ended: bool,
}
