use crate::tag::PlaylistType;
use alloc::format;
use alloc::string::String;
use core::time::Duration;

/// URIs that hold a number: what stands before it and after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UriTemplate {
    /// Before the number.
    pub prefix: String,
    /// After the number.
    pub suffix: String,
}

impl UriTemplate {
    /// From what stands before and after the number.
    #[must_use]
    pub fn new(prefix: &str, suffix: &str) -> Self {
        Self {
            prefix: prefix.into(),
            suffix: suffix.into(),
        }
    }

    /// The URI with this number.
    #[must_use]
    pub fn uri(&self, number: u64) -> String {
        format!("{}{number}{}", self.prefix, self.suffix)
    }

    /// The URI with these two numbers, a point between them.
    pub(super) fn part_uri(&self, number: u64, part: u64) -> String {
        format!("{}{number}.{part}{}", self.prefix, self.suffix)
    }
}

/// How parts are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartAddressing {
    /// Each has a URI of its own: that of its segment, with a point and the part's number behind the segment's.
    Uris,
    /// Each is a range of bytes of its segment.
    ByteRanges,
}

/// What a low-latency [`Playlist`](super::Playlist) says besides its segments (RFC 8216bis §6.2.1, Appendix B).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LowLatency {
    /// Longest that a part is expected to be. What `EXT-X-PART-INF` tells is the longest that came, and this as long as none
    /// came: parts are to be as long as it says or up to 15 % less (§4.4.4.9), and how much fits is up to the frames.
    pub part_target: Duration,
    /// Least that is told as `PART-HOLD-BACK`; it is never told below three times the longest part (§4.4.3.8).
    pub part_hold_back: Duration,
    /// How parts are told.
    pub addressing: PartAddressing,
}

impl LowLatency {
    /// Parts of this duration in files of their own, played three of them behind the end.
    #[must_use]
    pub const fn new(part_target: Duration) -> Self {
        Self {
            part_target,
            part_hold_back: part_target.saturating_mul(3),
            addressing: PartAddressing::Uris,
        }
    }
}

/// How a [`Playlist`](super::Playlist) is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Longest that a segment is expected to be. A segment that is longer raises `EXT-X-TARGETDURATION`, which
    /// never falls.
    pub target_duration: Duration,
    /// `EVENT` or `VOD`: no segment ever leaves (§4.4.3.5). `None`: a window that slides.
    pub playlist_type: Option<PlaylistType<'static>>,
    /// A segment leaves the window only if at least this much stays. Less than three times the target duration has
    /// no effect (RFC 8216bis §6.2.2).
    pub window: Duration,
    /// A segment leaves the window only if at least so many stay.
    pub min_segments: usize,
    /// More segments than this are not listed, however short they are.
    pub max_segments: usize,
    /// URIs of segments, by [`SegmentInfo::segment`](media::SegmentInfo::segment).
    pub segment_uri: UriTemplate,
    /// URIs of media initialization sections, by [`SegmentInfo::init`](media::SegmentInfo::init); `None` where segments
    /// need none (TS).
    pub init_uri: Option<UriTemplate>,
    /// Parts, blocking reloads and delta updates; `None` where segments are told only when they are whole.
    pub low_latency: Option<LowLatency>,
    /// `EXT-X-DISCONTINUITY-SEQUENCE` to begin with: a rendition that joins others has to count as they do (§6.2.4).
    pub discontinuity_sequence: u64,
}

impl Config {
    /// Fragmented MP4 in `segment-N.m4s` and `init-N.mp4`, five segments of this duration.
    #[must_use]
    pub fn new(target_duration: Duration) -> Self {
        Self {
            target_duration,
            playlist_type: None,
            window: target_duration.saturating_mul(5),
            min_segments: 5,
            max_segments: 1000,
            segment_uri: UriTemplate::new("segment-", ".m4s"),
            init_uri: Some(UriTemplate::new("init-", ".mp4")),
            low_latency: None,
            discontinuity_sequence: 0,
        }
    }

    /// The same with parts of this duration in `segment-N.M.m4s`, and ten segments, so that delta updates have something
    /// to leave out.
    #[must_use]
    pub fn low_latency(target_duration: Duration, part_target: Duration) -> Self {
        Self {
            window: target_duration.saturating_mul(10),
            low_latency: Some(LowLatency::new(part_target)),
            ..Self::new(target_duration)
        }
    }
}
