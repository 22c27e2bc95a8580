use crate::tag::KeyMethod;
use alloc::string::String;
use alloc::vec::Vec;

/// A resource, or some bytes of it (`EXT-X-BYTERANGE`, RFC 8216bis §4.4.4.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    /// Its URL.
    pub url: String,
    /// The first of its bytes and the one behind the last, which is `u64::MAX` where all that follow are meant; `None`: all.
    pub range: Option<(u64, u64)>,
}

/// How samples or segments are encrypted (`METHOD` of `EXT-X-KEY`, RFC 8216bis §4.4.4.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Whole segments, AES-128 in CBC mode with PKCS #7 padding.
    Aes128,
    /// Samples, AES-128 in CBC mode.
    SampleAes,
    /// Samples, as in Common Encryption's `cenc`.
    SampleAesCtr,
    /// Some other way.
    Other,
}

impl Method {
    pub(super) const fn of(method: KeyMethod<'_>) -> Self {
        match method {
            KeyMethod::Aes128 => Method::Aes128,
            KeyMethod::SampleAes => Method::SampleAes,
            KeyMethod::SampleAesCtr => Method::SampleAesCtr,
            _ => Method::Other,
        }
    }
}

/// How a segment is encrypted (`EXT-X-KEY`, RFC 8216bis §4.4.4.4).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Encryption {
    /// The method.
    pub method: Method,
    /// How the key is represented (`KEYFORMAT`): `identity` for 16 bytes.
    pub format: String,
    /// Where the key is.
    pub url: String,
    /// The key; `None` in formats other than `identity`, whose keys are not fetched.
    pub key: Option<[u8; 16]>,
    /// The initialization vector: the one that is told, or else the segment's number.
    pub iv: [u8; 16],
    /// Whether it is told.
    pub constant_iv: bool,
}

/// A segment or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Media {
    /// Media sequence number of the segment.
    pub number: u64,
    /// Number of the part in it, from 0; `None` for all of it, or all that is missing behind parts that came.
    pub part: Option<usize>,
    /// Where it starts, in nanoseconds from the first segment of the playlist as it was seen first.
    pub start: u64,
    /// How long it lasts, in nanoseconds; 0 for the rest of a segment.
    pub duration: u64,
    /// When its segment was made, in Unix nanoseconds, if that is told.
    pub wall: Option<i64>,
    /// Whether times or encoding jump between what came before and this (`EXT-X-DISCONTINUITY`, RFC 8216bis §4.4.4.3).
    pub discontinuity: bool,
    /// Discontinuities before it.
    pub discontinuity_sequence: u64,
    /// How it is encrypted, if it is.
    pub encryption: Option<Encryption>,
}

/// What a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A playlist.
    Playlist,
    /// A key of 16 bytes.
    Key,
    /// A media initialization section (`EXT-X-MAP`, RFC 8216bis §4.4.4.5), and how it is encrypted, if it is. It holds for the segments from here on.
    Initialization(Option<Encryption>),
    /// A segment or a part.
    Media(Media),
}

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// To be told with the answer.
    pub id: u64,
    /// Index of the stream that it is for, of those of the last [`Event::Streams`].
    pub stream: usize,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub resource: Resource,
}

/// What a stream is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamKind {
    /// The variant itself: pictures, or all.
    Main,
    /// Sound that goes with it.
    Audio,
}

/// A stream that is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamInfo {
    /// What it is for.
    pub kind: StreamKind,
    /// Its media playlist.
    pub url: String,
    /// Index of its variant, of [`Client::variants`](super::Client::variants).
    pub variant: usize,
    /// Name of the rendition.
    pub name: Option<String>,
    /// Its language.
    pub language: Option<String>,
}

/// What a client tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// These streams are fetched from here on. Where it comes again, the variant has changed: initialization sections follow.
    Streams(Vec<StreamInfo>),
    /// A segment or part is missing, could not be had, or had left the playlist: it is passed over. Where a stream fell out of
    /// the window, the segments from there to the next one that comes are meant.
    Gap {
        /// Index of the stream.
        stream: usize,
        /// What is missing.
        media: Media,
    },
    /// There is nothing more to come.
    End,
}
