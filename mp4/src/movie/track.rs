use super::{Index, SampleTable, Timeline};
use crate::boxes::{Edit, FourCc, Mdhd, SampleEntry, Tkhd, Trex};
use alloc::boxed::Box;
use alloc::vec::Vec;
use media::Track;
use once_cell::race::OnceBox;

/// A track with what only a file knows of it.
#[derive(Debug)]
pub struct MovieTrack {
    pub(crate) track: Track,
    pub(crate) tkhd: Tkhd,
    pub(crate) mdhd: Mdhd,
    pub(crate) handler_type: FourCc,
    pub(crate) entries: Vec<SampleEntry>,
    pub(crate) edits: Vec<Edit>,
    pub(crate) references: Vec<(FourCc, Vec<u32>)>,
    pub(crate) trex: Trex,
    pub(crate) samples: SampleTable,
    pub(crate) timeline: Timeline,
    /// Bytes of the length before each NAL unit of H.264 in the file.
    pub(crate) length_size: u8,
    pub(crate) index: OnceBox<Index>,
}

/// How far a picture is turned before it is shown, and whether it is mirrored first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Degrees clockwise: 0, 90, 180 or 270.
    pub degrees: u16,
    /// Left and right are swapped first.
    pub mirrored: bool,
}

impl MovieTrack {
    /// The track, as all of Fluvial knows it.
    #[must_use]
    pub const fn track(&self) -> &Track {
        &self.track
    }

    /// The track's header.
    #[must_use]
    pub const fn header(&self) -> &Tkhd {
        &self.tkhd
    }

    /// The header of the track's media.
    #[must_use]
    pub const fn media_header(&self) -> &Mdhd {
        &self.mdhd
    }

    /// The kind of the track's media: `vide`, `soun`, ...
    #[must_use]
    pub const fn handler_type(&self) -> FourCc {
        self.handler_type
    }

    /// The sample descriptions; samples refer to them by index, from 1.
    #[must_use]
    pub fn descriptions(&self) -> &[SampleEntry] {
        &self.entries
    }

    /// The edit list.
    #[must_use]
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// The tracks that this one refers to, by the kind of reference: `chap`, `cdsc`, `auxl`, ...
    #[must_use]
    pub fn references(&self) -> &[(FourCc, Vec<u32>)] {
        &self.references
    }

    /// What holds for samples of movie fragments that do not say otherwise.
    #[must_use]
    pub const fn fragment_defaults(&self) -> &Trex {
        &self.trex
    }

    /// The samples that `moov` has.
    #[must_use]
    pub const fn samples(&self) -> &SampleTable {
        &self.samples
    }

    /// The index over the samples, made when it is first asked for.
    #[must_use]
    pub fn index(&self) -> &Index {
        self.index.get_or_init(|| Box::new(self.samples.index()))
    }

    /// How the picture is turned, where its matrix does no more than that.
    #[must_use]
    pub fn rotation(&self) -> Option<Rotation> {
        const ONE: i32 = 0x1_0000;
        let [a, b, _, c, d, ..] = self.tkhd.matrix;
        let (degrees, mirrored) = match [a, b, c, d] {
            [ONE, 0, 0, ONE] => (0, false),
            [0, ONE, m, 0] if m == -ONE => (90, false),
            [m, 0, 0, n] if m == -ONE && n == -ONE => (180, false),
            [0, m, ONE, 0] if m == -ONE => (270, false),
            [m, 0, 0, ONE] if m == -ONE => (0, true),
            [0, m, n, 0] if m == -ONE && n == -ONE => (90, true),
            [ONE, 0, 0, m] if m == -ONE => (180, true),
            [0, ONE, ONE, 0] => (270, true),
            _ => return None,
        };
        Some(Rotation { degrees, mirrored })
    }

    /// A sample description, counted from 1; the last one for an index past the end.
    pub(crate) fn entry(&self, index: u32) -> Option<&SampleEntry> {
        let at = usize::try_from(index)
            .unwrap_or(usize::MAX)
            .saturating_sub(1);
        self.entries.get(at).or_else(|| self.entries.last())
    }
}
