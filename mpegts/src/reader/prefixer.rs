//! What turns start codes into lengths while PES packets are gathered; without the feature `media` there is nobody who asks for it.

#[cfg(feature = "media")]
pub(super) use h264::annexb::Prefixer;

#[cfg(not(feature = "media"))]
#[derive(Debug)]
pub(super) enum Prefixer {}

#[cfg(not(feature = "media"))]
impl Prefixer {
    pub(super) const fn restart(&mut self) {
        match *self {}
    }

    pub(super) const fn done(&self) -> usize {
        match *self {}
    }

    pub(super) fn advance(&mut self, _: &mut alloc::vec::Vec<u8>, _: usize) -> Result<(), ()> {
        match *self {}
    }

    pub(super) fn finish(&mut self, _: &mut alloc::vec::Vec<u8>) -> Result<(), ()> {
        match *self {}
    }
}
