use super::{Frame, Header, Vbri, Xing};

/// What the first frame of a stream tells of all of it, where it is no sound but the tag of an encoder.
///
/// ```
/// # use fluvial_mpeg2::audio::{Frames, Header, Lame, Piece, Xing};
/// # let header = Header::parse(&[0xFF, 0xFB, 0x90, 0x00])?;
/// # let mut stream = Vec::new();
/// # let lame = Lame { encoder: *b"LAME3.100", delay: 576, padding: 1000, ..Lame::default() };
/// # Xing { frames: Some(100), lame: Some(lame), ..Xing::default() }.encode(header, &mut stream)?;
/// # stream.extend_from_within(..);
/// let mut pieces = Frames::new(&stream);
/// let Some(Piece::Frame { frame, .. }) = pieces.next() else { panic!() };
/// let tag = frame.tag().expect("the first frame is a tag");
/// assert_eq!(tag.frames(), Some(100));
/// // A player drops these, the delay of decoders included; 113_624 samples are left.
/// assert_eq!((tag.priming(), tag.trim()), (Some(1105), Some(471)));
/// assert_eq!(tag.samples(frame.header()), Some(100 * 1152 - 1105 - 471));
/// # Ok::<(), fluvial_mpeg2::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// The tag of Xing, LAME and ffmpeg.
    Xing(Xing),
    /// The tag of Fraunhofer's encoder.
    Vbri(Vbri),
}

/// Samples by which a decoder of layer III is late: 528, and one that is the encoder's way to count.
pub const DECODER_DELAY: u32 = 529;

/// Where to begin reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Bytes from the first byte of the tag's frame.
    pub offset: u64,
    /// The frame of sound that begins there, from 0, where the tag says so exactly. Else the place is near the one wanted, and no
    /// frame need begin there.
    pub frame: Option<u32>,
}

impl Tag {
    /// Finds the tag in a frame; `None` where there is none: then it is sound.
    #[must_use]
    pub fn find(frame: &Frame<'_>) -> Option<Self> {
        let xing = || Xing::find(frame).map(Self::Xing);
        xing().or_else(|| Vbri::find(frame).map(Self::Vbri))
    }

    /// Frames of sound that follow.
    #[must_use]
    pub fn frames(&self) -> Option<u32> {
        match self {
            Self::Xing(tag) => tag.frames,
            Self::Vbri(tag) => Some(tag.frames),
        }
    }

    /// Samples at the start of what is decoded that are no sound, the decoder's own delay included.
    #[must_use]
    pub fn priming(&self) -> Option<u32> {
        match self {
            Self::Xing(tag) => Some(u32::from(tag.lame?.delay) + DECODER_DELAY),
            // It counts otherwise than LAME, and readers leave it alone.
            Self::Vbri(_) => None,
        }
    }

    /// Samples at the end of what is decoded that are no sound.
    #[must_use]
    pub fn trim(&self) -> Option<u32> {
        match self {
            Self::Xing(tag) => Some(u32::from(tag.lame?.padding).saturating_sub(DECODER_DELAY)),
            Self::Vbri(_) => None,
        }
    }

    /// Samples of sound, as far as the tag says it; `header` is that of its frame.
    #[must_use]
    pub fn samples(&self, header: Header) -> Option<u64> {
        let all = u64::from(self.frames()?) * u64::from(header.samples());
        let drop = u64::from(self.priming().unwrap_or(0)) + u64::from(self.trim().unwrap_or(0));
        Some(all.saturating_sub(drop))
    }

    /// Where to begin reading for a frame of sound, counted from 0; `header` is that of the tag's frame. `None` where there is no
    /// table, or the frame is past the end.
    #[must_use]
    pub fn place(&self, header: Header, frame: u32) -> Option<Place> {
        match self {
            Self::Xing(tag) => tag.place(header, frame),
            Self::Vbri(tag) => tag.place(header, frame),
        }
    }
}

impl Xing {
    /// The table has a hundredth of the time per entry, in 1/256 of the bytes: between two of them goes a straight line.
    fn place(&self, header: Header, frame: u32) -> Option<Place> {
        let (table, bytes, frames) = (self.table.as_ref()?, self.bytes?, self.frames?);
        if frame >= frames {
            return None;
        }
        let hundredths = u64::from(frame) * 100;
        let frames = u64::from(frames);
        let (entry, part) = (hundredths / frames, hundredths % frames);
        let entry = usize::try_from(entry).ok()?;
        let at = |entry: usize| table.get(entry).map_or(256, |&at| u64::from(at));
        let (from, to) = (at(entry), at(entry.saturating_add(1)));
        // In 1/256 of the bytes, times the frames.
        let scaled = from * frames + part * to.saturating_sub(from);
        // Frames and bytes of 32 bits each do not fit into 64 with the table's 8.
        let offset = u128::from(scaled) * u128::from(bytes) / 256 / u128::from(frames);
        let offset = u64::try_from(offset).ok()?;
        // The sound begins behind the tag, which the table counts.
        let start = header.frame_len()? as u64;
        Some(Place {
            offset: offset.max(start),
            frame: (offset <= start).then_some(0),
        })
    }
}

impl Vbri {
    /// The table says how far it is from one entry to the next, and begins behind the tag's frame.
    fn place(&self, header: Header, frame: u32) -> Option<Place> {
        let per_entry = u32::from(self.frames_per_entry);
        if frame >= self.frames {
            return None;
        }
        let entry = usize::try_from(frame.checked_div(per_entry)?).ok()?;
        // The last entry ends with the stream.
        let last = self.table.len().checked_sub(1)?;
        let passed = self.table.iter().take(entry.min(last));
        let found = u32::try_from(passed.len()).ok()?;
        let scale = u64::from(self.scale);
        let start = header.frame_len()? as u64;
        let offset = passed.fold(start, |sum, &len| {
            sum.saturating_add(u64::from(len) * scale)
        });
        Some(Place {
            offset,
            frame: Some(found.saturating_mul(per_entry)),
        })
    }
}
