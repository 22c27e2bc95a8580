use core::fmt;
use wire::framing::{Frames, Framing, Piece};

/// What a raw stream is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// AAC behind ADTS headers (`.aac`).
    Adts,
    /// AAC in LATM, framed as LOAS (`.latm`, `.loas`).
    Loas,
    /// AC-3 or E-AC-3 (`.ac3`, `.ec3`, `.eac3`).
    Ac3,
    /// MPEG audio, layers I to III (`.mp3`, `.mp2`, `.mpa`).
    MpegAudio,
    /// MPEG-1 or MPEG-2 video (`.m1v`, `.m2v`, `.mpv`).
    MpegVideo,
    /// H.264 with start codes, Annex B (`.h264`, `.264`, `.avc`).
    H264,
    /// H.265 with start codes, Annex B (`.h265`, `.265`, `.hevc`).
    H265,
}

/// Bytes that [`Format::sniff`] looks through.
const LOOK: usize = 64 << 10;

impl Format {
    /// What the start of a stream looks like; `None` where it looks like none of these.
    ///
    /// An ID3v2 tag at the start is passed over. For sound, frames have to follow each other; for video, start codes have to
    /// make sense.
    #[must_use]
    pub fn sniff(start: &[u8]) -> Option<Self> {
        let start = start.get(..LOOK).unwrap_or(start);
        let tag = crate::id3::total_len(start).unwrap_or(0);
        let start = start.get(tag..)?;
        if let Some(found) = video(start) {
            return Some(found);
        }
        let found = [
            (Self::Adts, run::<aac::adts::Adts>(start)),
            (Self::Loas, run::<aac::latm::Loas>(start)),
            (Self::Ac3, run::<ac3::SyncFrames>(start)),
            (Self::MpegAudio, run::<mpeg2::audio::MpegAudio>(start)),
        ];
        // The longest run of frames from the earliest place wins; a coincidence is short.
        let (format, bytes) = found.into_iter().max_by_key(|(_, bytes)| *bytes)?;
        (bytes >= 1).then_some(format)
    }

    /// The name of this format, as file names end in it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adts => "adts",
            Self::Loas => "latm",
            Self::Ac3 => "ac3",
            Self::MpegAudio => "mp3",
            Self::MpegVideo => "m2v",
            Self::H264 => "h264",
            Self::H265 => "h265",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Bytes of frames less those of junk.
fn run<F: Framing>(data: &[u8]) -> usize {
    let (mut frames, mut junk) = (0_usize, 0);
    let mut end = 0;
    for piece in Frames::<F>::new(data) {
        match piece {
            Piece::Frame { offset, .. } => {
                frames += 1;
                end = offset;
            }
            Piece::Junk { len, .. } => junk += len,
        }
    }
    if frames < 2 && data.len() > 8192 {
        return 0;
    }
    let len = if frames > 0 { end.saturating_add(1) } else { 0 };
    usize::try_from(len.saturating_sub(2 * junk)).unwrap_or(0)
}

/// Streams of start codes.
fn video(data: &[u8]) -> Option<Format> {
    let zeros = data.iter().take_while(|byte| **byte == 0).count();
    if !(2..=64).contains(&zeros) || data.get(zeros) != Some(&1) {
        return None;
    }
    let next = data.get(zeros.saturating_add(2));
    match *data.get(zeros.saturating_add(1))? {
        // A video or sequence parameter set or a delimiter of the lowest layers.
        0x40 | 0x42 | 0x46 if next == Some(&1) => Some(Format::H265),
        0xB3 | 0xB8 => Some(Format::MpegVideo),
        0 if mpeg2::video::units(data)
            .nth(1)
            .is_some_and(|unit| unit.code.0 <= 1) =>
        {
            Some(Format::MpegVideo)
        }
        header => (header < 0x80 && matches!(header & 31, 1..=15)).then_some(Format::H264),
    }
}
