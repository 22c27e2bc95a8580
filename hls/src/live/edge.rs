use alloc::string::String;

/// When a request can be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Now.
    Now,
    /// After the next [`push_part`](super::Playlist::push_part), [`push_segment`](super::Playlist::push_segment) or
    /// [`end`](super::Playlist::end) it is to be asked again. After three target durations the answer is 503 (§6.2.5.2).
    Wait,
}

/// How far a rendition is, for the playlists of the others: `EXT-X-RENDITION-REPORT` (§4.4.5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its media playlist, relative to the one that tells it.
    pub uri: String,
    /// How far it is.
    pub edge: Edge,
}

/// The end of a playlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Media sequence number of its last segment, be it whole or not.
    pub msn: u64,
    /// The last part of that; `None` without low latency.
    pub part: Option<u64>,
}
