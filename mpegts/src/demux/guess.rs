//! Private data that no descriptor names, as ffmpeg writes AAC and MPEG-4 part 2 video into m2ts: known by its frames, or its headers.

use super::audio::Audio;
use super::mpeg4::Mpeg4Video;
use super::sounds::{Adts, Dolby};
use super::stream::Elementary;
use aac::adts;
use ac3::SyncFrames;
use alloc::boxed::Box;
use wire::framing::{Frames, Framing, Piece};

/// Packets after which it is nothing that is known here.
const PACKETS: u8 = 4;

/// Looks at packets until one tells what they are.
#[derive(Debug)]
pub(super) struct Guess {
    seen: u8,
    told: bool,
    /// Bytes of a picture at most.
    limit: usize,
}

impl Guess {
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            seen: 0,
            told: false,
            limit,
        }
    }

    /// Who reads a stream, by a packet of it.
    pub(super) fn look(&mut self, data: &[u8]) -> Option<Elementary> {
        if self.seen >= PACKETS {
            return None;
        }
        self.seen = self.seen.saturating_add(1);
        if is_made_of::<adts::Adts>(data) {
            return Some(Elementary::Adts(Box::new(Audio::new(Adts::default()))));
        }
        if is_made_of::<SyncFrames>(data) {
            let frame = Frames::<SyncFrames>::new(data).next();
            let is_enhanced =
                matches!(frame, Some(Piece::Frame { frame, .. }) if frame.header().is_eac3());
            let dolby = if is_enhanced {
                Dolby::eac3()
            } else {
                Dolby::ac3()
            };
            return Some(Elementary::Dolby(Box::new(Audio::new(dolby))));
        }
        // visual_object_sequence_start_code, and a picture behind headers.
        let is_video =
            data.starts_with(&[0, 0, 1, 0xB0]) && media::codec::Mpeg4Video::find(data).is_some();
        is_video.then(|| Elementary::Mpeg4Video(Box::new(Mpeg4Video::new(self.limit))))
    }

    /// Whether it has been given up, or is now as there will be no more; said once.
    pub(super) fn gives_up(&mut self, at_end: bool) -> bool {
        let failed = self.seen >= PACKETS || (at_end && self.seen > 0);
        failed && !core::mem::replace(&mut self.told, true)
    }
}

/// Whether a packet is frames from its first byte to its last one: a frame that ends where the packet does, or is followed by another.
fn is_made_of<F: Framing>(data: &[u8]) -> bool {
    let mut whole = false;
    // The last one may go on in the next packet.
    for piece in Frames::<F>::new(data) {
        match piece {
            Piece::Frame { .. } => whole = true,
            Piece::Junk { offset, .. } => {
                let rest = usize::try_from(offset).ok().and_then(|at| data.get(at..));
                return whole && rest.is_some_and(|rest| F::header(rest).is_some());
            }
        }
    }
    whole
}
