use crate::TrackId;
use bytes::Bytes;
use core::fmt;
use core::num::NonZeroU32;
use core::ops::{BitOr, BitOrAssign};

/// One access unit in the canonical form of its codec (see the crate's documentation), with its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// The track that it belongs to.
    pub track: TrackId,
    /// Decoding time, in ticks of the track, unwrapped. Never goes back within a track between two
    /// [`Discontinuity`](crate::Event::Discontinuity) events.
    pub dts: i64,
    /// Presentation time, in ticks of the track. May lie before `dts` where a file says so.
    pub pts: i64,
    /// Ticks until the next sample's `dts`; `None` where a live demuxer cannot know it.
    pub duration: Option<NonZeroU32>,
    /// What a player or a relay may do with it.
    pub flags: Flags,
    /// The access unit.
    pub data: Bytes,
}

impl Sample {
    /// Whether decoding can start here.
    #[must_use]
    pub const fn is_sync(&self) -> bool {
        self.flags.contains(Flags::SYNC)
    }
}

/// Properties of a [`Sample`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// Nothing known.
    pub const NONE: Flags = Flags(0);
    /// Decoding can start here: an IDR picture, every AAC frame.
    pub const SYNC: Flags = Flags(1);
    /// No other sample needs it: it can be dropped alone.
    pub const DISPOSABLE: Flags = Flags(2);
    /// To be decoded and not shown: it lies before the point that was asked for.
    pub const PREROLL: Flags = Flags(4);
    /// Samples before this one were lost.
    pub const GAP: Flags = Flags(8);

    /// Whether all of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Flags) -> bool {
        self.0 & other.0 == other.0
    }

    /// These and those.
    #[must_use]
    pub const fn union(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }

    /// `self` if `condition`, else nothing.
    #[must_use]
    pub const fn when(self, condition: bool) -> Flags {
        if condition { self } else { Flags::NONE }
    }
}

impl BitOr for Flags {
    type Output = Flags;
    fn bitor(self, other: Flags) -> Flags {
        self.union(other)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Flags) {
        *self = self.union(other);
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = [
            (Flags::SYNC, "SYNC"),
            (Flags::DISPOSABLE, "DISPOSABLE"),
            (Flags::PREROLL, "PREROLL"),
            (Flags::GAP, "GAP"),
        ];
        f.write_str("Flags(")?;
        for (i, (_, name)) in names
            .iter()
            .filter(|(flag, _)| self.contains(*flag))
            .enumerate()
        {
            let bar = if i > 0 { " | " } else { "" };
            write!(f, "{bar}{name}")?;
        }
        f.write_str(")")
    }
}
