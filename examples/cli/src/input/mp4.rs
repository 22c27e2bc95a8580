use super::Source;
use anyhow::{Context, Result};
use bytes::Bytes;
use indicatif::ProgressBar;
use media::Event;
use mp4::reader::{Config, Order};
use mp4::{Limits, Opener, Reader};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes of a read, about: as many as stay in the processor's cache until they are written.
const READ: u64 = 256 << 10;

/// An MP4 file that is read where its samples lie, wherever its tables are.
pub struct Mp4 {
    reader: Reader,
    file: Ranges,
}

/// A file of which ranges are read.
struct Ranges {
    file: File,
    at: u64,
    path: String,
    bar: ProgressBar,
}

impl Ranges {
    fn read(&mut self, range: &Range<u64>) -> Result<Bytes> {
        let mut data = Vec::new();
        let len = range.end.saturating_sub(range.start);
        let mut read = || {
            if self.at != range.start {
                self.file.seek(SeekFrom::Start(range.start))?;
            }
            data.reserve_exact(usize::try_from(len).unwrap_or(0));
            self.file.by_ref().take(len).read_to_end(&mut data)
        };
        let read = read().with_context(|| self.path.clone())?;
        self.at = range.start + read as u64;
        self.bar.inc(read as u64);
        Ok(data.into())
    }
}

impl Mp4 {
    pub fn open(file: File, len: u64, path: &str, order: Order, bar: ProgressBar) -> Result<Self> {
        let mut file = Ranges {
            file,
            at: u64::MAX,
            path: path.to_owned(),
            bar,
        };
        let mut opener = Opener::new(len, Limits::default());
        while let Some(range) = opener.poll_read() {
            let data = file.read(&range)?;
            opener.handle_read(range.start, &data);
        }
        let movie = opener.poll_movie().with_context(|| path.to_owned())?;
        let movie = movie.with_context(|| format!("{path}: no movie"))?;
        let mut config = Config::default();
        config.order = order;
        // One range at a time from a disk.
        config.reads_ahead = 1;
        config.read_size = READ;
        Ok(Self {
            reader: Reader::new(movie, config),
            file,
        })
    }
}

impl Source for Mp4 {
    fn next(&mut self) -> Result<Option<Event>> {
        loop {
            if let Some(event) = self.reader.poll_event()? {
                return Ok(Some(event));
            }
            if self.reader.is_finished() {
                return Ok(None);
            }
            let Some(range) = self.reader.poll_read() else {
                return Ok(None);
            };
            let data = self.file.read(&range)?;
            self.reader.handle_read(range.start, &data);
        }
    }

    fn seek(&mut self, time: media::Time) -> bool {
        self.reader.seek(time);
        true
    }
}
