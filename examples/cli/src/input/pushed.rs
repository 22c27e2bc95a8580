use super::Source;
use crate::pool::Pool;
use anyhow::Result;
use bytes::Bytes;
use media::Event;
use mpegts::sample_aes;
use std::io::Read;

/// A demuxer that takes bytes in order.
pub trait Demuxer {
    fn handle_input(&mut self, data: &[u8]);
    /// As `handle_input`, of bytes that can be shared.
    fn handle_bytes(&mut self, data: Bytes) {
        self.handle_input(&data);
    }
    fn handle_eof(&mut self);
    fn poll_event(&mut self) -> Result<Option<Event>>;
    /// Sets what opens the samples of what comes from here on, where that is another key for each segment (HLS, `SAMPLE-AES`).
    fn set_sample_key(&mut self, _: Option<&sample_aes::Key>) {}
}

impl Demuxer for mpegts::Demuxer {
    fn handle_input(&mut self, data: &[u8]) {
        self.handle_input(data);
    }
    fn handle_bytes(&mut self, data: Bytes) {
        self.handle_bytes(data);
    }
    fn handle_eof(&mut self) {
        self.handle_eof();
    }
    fn poll_event(&mut self) -> Result<Option<Event>> {
        Ok(self.poll_event()?)
    }
    fn set_sample_key(&mut self, key: Option<&sample_aes::Key>) {
        self.set_sample_key(key);
    }
}

impl Demuxer for elementary::Demuxer {
    fn handle_input(&mut self, data: &[u8]) {
        self.handle_input(data);
    }
    fn handle_eof(&mut self) {
        self.handle_eof();
    }
    fn poll_event(&mut self) -> Result<Option<Event>> {
        Ok(self.poll_event())
    }
}

/// Other demuxers of containers look the same.
macro_rules! demuxers {
    ($($demuxer:ty $(, $bytes:item)?);*) => {$(
        impl Demuxer for $demuxer {
            fn handle_input(&mut self, data: &[u8]) {
                self.handle_input(data);
            }
            $($bytes)?
            fn handle_eof(&mut self) {
                self.handle_eof();
            }
            fn poll_event(&mut self) -> Result<Option<Event>> {
                Ok(self.poll_event()?)
            }
        }
    )*};
}

demuxers!(
    mp4::Demuxer;
    rtmp::flv::FileDemuxer,
    fn handle_bytes(&mut self, data: Bytes) {
        self.handle_bytes(data);
    }
);

/// Bytes of a read: samples are shorter, most of them by so much that they lie in one read and need not be put together of two.
const READ: usize = 1 << 20;

/// A reader, and the demuxer that it is read into.
pub struct Pushed<R> {
    demuxer: Box<dyn Demuxer>,
    reader: R,
    pool: Pool,
    ended: bool,
}

impl<R: Read> Pushed<R> {
    pub fn new(demuxer: Box<dyn Demuxer>, reader: R) -> Self {
        Self {
            demuxer,
            reader,
            pool: Pool::new(),
            ended: false,
        }
    }
}

impl<R: Read> Source for Pushed<R> {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.demuxer.poll_event()? {
                return Ok(Some(event));
            }
            if self.ended {
                return Ok(None);
            }
            let data = self.pool.read_some(&mut self.reader, READ)?;
            if data.is_empty() {
                self.ended = true;
                self.demuxer.handle_eof();
            } else {
                self.demuxer.handle_bytes(data);
            }
        }
    }
}
