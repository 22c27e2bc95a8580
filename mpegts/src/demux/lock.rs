//! What opens encrypted samples.

use crate::psi::StreamType;
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// A key that is ready for use, shared by what was encrypted with it.
#[cfg(feature = "sample-aes")]
pub(super) type Lock = alloc::sync::Arc<crate::sample_aes::Cipher>;

/// There is none without the feature `sample-aes`.
#[cfg(not(feature = "sample-aes"))]
#[derive(Debug, Clone)]
pub(super) enum Lock {}

/// Turns a byte stream of H.264 into a clear one.
#[cfg(feature = "sample-aes")]
pub(super) fn open_annexb(lock: &Lock, data: &[u8]) -> Vec<u8> {
    lock.decrypt_annexb(data)
}

/// The head of a slice, which is clear but for emulation prevention that was put over it twice; other NAL units as they are.
#[cfg(feature = "sample-aes")]
pub(super) fn clear_head(nal: &[u8]) -> Cow<'_, [u8]> {
    if crate::sample_aes::is_encrypted(nal) {
        h264::nal::unescape(nal.get(..crate::sample_aes::SLICE_CLEAR).unwrap_or(nal))
    } else {
        Cow::Borrowed(nal)
    }
}

/// Whether both are one key, or none.
#[cfg(feature = "sample-aes")]
pub(super) fn is_same(a: Option<&Lock>, b: Option<&Lock>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => alloc::sync::Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

/// Opens a frame of sound, in place, that has a header of so many bytes.
#[cfg(feature = "sample-aes")]
pub(super) fn open_frame(lock: &Lock, header: usize, frame: &mut [u8]) {
    lock.decrypt_frame(header, frame);
}

#[cfg(not(feature = "sample-aes"))]
pub(super) fn open_annexb(lock: &Lock, _: &[u8]) -> Vec<u8> {
    match *lock {}
}

#[cfg(not(feature = "sample-aes"))]
pub(super) const fn clear_head(nal: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(nal)
}

#[cfg(not(feature = "sample-aes"))]
pub(super) const fn is_same(_: Option<&Lock>, _: Option<&Lock>) -> bool {
    true
}

#[cfg(not(feature = "sample-aes"))]
pub(super) fn open_frame(lock: &Lock, _: usize, _: &mut [u8]) {
    match *lock {}
}

/// The type of what is in an encrypted stream; `None` where it is clear.
pub(super) const fn opened(stream_type: StreamType) -> Option<StreamType> {
    match stream_type {
        StreamType::H264_ENCRYPTED => Some(StreamType::H264),
        StreamType::AAC_ENCRYPTED => Some(StreamType::AAC_ADTS),
        StreamType::AC3_ENCRYPTED => Some(StreamType::ATSC_AC3),
        StreamType::EAC3_ENCRYPTED => Some(StreamType::ATSC_EAC3),
        _ => None,
    }
}

/// The keys of a stream, each from an offset in the input on.
#[derive(Debug, Default)]
pub(super) struct Locks(Vec<(u64, Option<Lock>)>);

/// Keys that are kept: packets that were begun earlier than this many ago find none.
#[cfg(feature = "sample-aes")]
const MOST: usize = 16;

impl Locks {
    /// Another key holds from an offset on.
    #[cfg(feature = "sample-aes")]
    #[expect(clippy::disallowed_methods, reason = "there is a first one")]
    pub(super) fn set(&mut self, from: u64, key: Option<&crate::sample_aes::Key>) {
        let now = self.0.last().and_then(|(_, lock)| lock.as_ref());
        if now.map(|lock| lock.key()) == key && !self.0.is_empty() {
            return;
        }
        let lock = key.map(|key| crate::sample_aes::Cipher::new(key).into());
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push((from, lock));
    }

    /// The key of what begins at an offset.
    pub(super) fn at(&self, offset: u64) -> Option<&Lock> {
        let mut locks = self.0.iter().rev();
        locks.find(|(from, _)| *from <= offset)?.1.as_ref()
    }
}
