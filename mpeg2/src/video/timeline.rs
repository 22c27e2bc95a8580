use super::{Picture, PictureCoding, PictureType, Sequence};
use crate::Error;
use alloc::collections::VecDeque;
use wire::ShortBits;

/// When a picture is decoded and shown, in fields: half frames of the sequence's frame rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timing {
    /// When it is decoded. It grows with every picture.
    pub dts: i64,
    /// When it begins to be shown.
    pub pts: i64,
    /// How long it is shown: 2, or more where `repeat_first_field` says so (ISO/IEC 13818-2 §6.3.10).
    pub duration: u32,
}

/// Gives pictures their times by the output process of ISO/IEC 13818-2 §6.1.1.11: a B-picture is shown as it is decoded, another
/// one when the next other one is.
///
/// Pictures come out in decoding order, as they went in, each as soon as its time is certain: that of a reference picture when
/// the next one comes. The first one in output order has `pts` 0, and a `dts` of one frame less where pictures are reordered.
#[derive(Debug, Clone)]
pub struct Timeline<T> {
    sequence: Option<Sequence>,
    /// When the next picture begins to be shown.
    next: i64,
    /// When the last reference picture is decoded, and how long it is shown.
    waiting: Option<(i64, u32, T)>,
    /// B-pictures that were decoded after it.
    behind: VecDeque<(Timing, T)>,
    ready: VecDeque<(Timing, T)>,
}

/// Fields of a frame.
const FRAME: u32 = 2;

/// B-pictures that are held: `temporal_reference` has no room for more between two others.
const MAX_BEHIND: usize = 1024;

impl<T> Timeline<T> {
    /// A timeline that begins at 0.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sequence: None,
            next: 0,
            waiting: None,
            behind: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }

    /// The sequence that the last picture belongs to.
    #[must_use]
    pub const fn sequence(&self) -> Option<&Sequence> {
        self.sequence.as_ref()
    }

    /// Takes the next picture in decoding order, with what is to come out with its time.
    ///
    /// # Errors
    /// As [`SequenceHeader::parse`](super::SequenceHeader::parse) and [`PictureHeader::parse`](super::PictureHeader::parse);
    /// [`Error::Short`] where there is no picture header. Then the picture is not taken.
    pub fn push(&mut self, picture: &Picture<'_>, item: T) -> Result<(), Error> {
        let (header, coding) = picture.headers().next().transpose()?.ok_or(ShortBits {
            what: "picture_start_code",
            bit: picture.data.len() as u64 * 8,
            needed: 32,
            left: 0,
        })?;
        if let Some(sequence) = picture.sequence()? {
            self.sequence = Some(sequence);
        }
        let extension = self.sequence.as_ref().and_then(|s| s.extension);
        let duration = shown_fields(extension.is_some_and(|e| e.progressive_sequence), coding);
        if extension.is_some_and(|e| e.low_delay) {
            self.release();
            let timing = self.show(None, duration);
            self.ready.push_back((timing, item));
        } else if header.picture_coding_type == PictureType::B {
            if self.behind.len() >= MAX_BEHIND {
                self.release();
            }
            let timing = self.show(None, duration);
            match self.waiting {
                Some(_) => self.behind.push_back((timing, item)),
                None => self.ready.push_back((timing, item)),
            }
        } else {
            let dts = self.release().unwrap_or(self.next - i64::from(FRAME));
            self.waiting = Some((dts, duration, item));
        }
        Ok(())
    }

    /// Gives the next time on the display to a picture, which is decoded at `dts`, or just then.
    fn show(&mut self, dts: Option<i64>, duration: u32) -> Timing {
        let pts = self.next;
        self.next += i64::from(duration);
        Timing {
            dts: dts.unwrap_or(pts),
            pts,
            duration,
        }
    }

    /// Shows the reference picture that waits; tells when.
    fn release(&mut self) -> Option<i64> {
        let (dts, duration, item) = self.waiting.take()?;
        let timing = self.show(Some(dts), duration);
        self.ready.push_back((timing, item));
        self.ready.append(&mut self.behind);
        Some(timing.pts)
    }

    /// Tells that no picture follows, so that all come out.
    pub fn finish(&mut self) {
        self.release();
    }

    /// The next picture in decoding order, as far as its time is certain.
    pub fn pop(&mut self) -> Option<(Timing, T)> {
        self.ready.pop_front()
    }
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// How many fields a frame, or a pair of fields, is shown.
fn shown_fields(progressive_sequence: bool, coding: Option<PictureCoding>) -> u32 {
    match coding {
        Some(coding) if coding.repeat_first_field => {
            match (progressive_sequence, coding.top_field_first) {
                (true, true) => 3 * FRAME,
                (true, false) => 2 * FRAME,
                (false, _) => FRAME + 1,
            }
        }
        _ => FRAME,
    }
}
