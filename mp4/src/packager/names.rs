use super::{Init, Part, Segment};
use alloc::format;
use alloc::string::String;
use media::TrackId;

/// What stands before the number in a name: the kind of file, and the track where there is one.
fn prefix(kind: &str, track: Option<TrackId>) -> String {
    track.map_or_else(|| format!("{kind}-"), |track| format!("{kind}-{track}-"))
}

impl Init {
    /// A name for it that no other one of the stream has: `init-0.mp4`, for one track `init-TRACK-0.mp4`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}{}.mp4", prefix("init", self.track), self.number)
    }
}

impl Segment {
    /// A name for it that no other one of the stream has: `segment-7.m4s`, for one track `segment-TRACK-7.m4s`.
    #[must_use]
    pub fn name(&self) -> String {
        format!(
            "{}{}.m4s",
            prefix("segment", self.info.track),
            self.info.segment
        )
    }
}

impl Part {
    /// A name for it that no other one of the stream has: `segment-7.2.m4s`, for one track `segment-TRACK-7.2.m4s`.
    #[must_use]
    pub fn name(&self) -> String {
        format!(
            "{}{}.{}.m4s",
            prefix("segment", self.info.track),
            self.info.segment,
            self.info.part
        )
    }
}
