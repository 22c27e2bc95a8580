//! Reading whole files through the reader.

use bytes::Bytes;
use fluvial_mp4::{Error, Limits, Movie, Opener, Reader, reader::Config};
use media::Event;
use std::sync::Arc;

/// Opens a file in memory; counts the bytes that were read for it.
pub(crate) fn open(file: &Bytes) -> (Result<Arc<Movie>, Error>, u64) {
    let mut opener = Opener::new(file.len() as u64, Limits::default());
    let mut read = 0;
    while let Some(range) = opener.poll_read() {
        read += range.end - range.start;
        opener.handle_read(range.start, &part(file, &range));
    }
    match opener.poll_movie() {
        Ok(movie) => (Ok(movie.expect("all reads were answered")), read),
        Err(error) => (Err(error), read),
    }
}

/// The bytes of a range, as far as the file has them.
pub(crate) fn part(file: &Bytes, range: &std::ops::Range<u64>) -> Bytes {
    let end = (range.end as usize).min(file.len());
    file.slice((range.start as usize).min(end)..end)
}

/// All events of a reader, and how many bytes were read for them.
pub(crate) fn drain(reader: &mut Reader, file: &Bytes) -> (Vec<Event>, u64) {
    let (mut events, mut read) = (Vec::new(), 0);
    let mut idle = 0;
    while !reader.is_finished() {
        idle += 1;
        while let Some(event) = reader.poll_event().unwrap() {
            events.push(event);
            idle = 0;
        }
        while let Some(range) = reader.poll_read() {
            idle = 0;
            read += range.end - range.start;
            reader.handle_read(range.start, &part(file, &range));
        }
        assert!(idle < 3, "the reader does not go on");
    }
    (events, read)
}

/// All events of a file; none where it has no movie.
pub(crate) fn events(file: &Bytes, config: Config) -> Vec<Event> {
    match open(file).0 {
        Ok(movie) => drain(&mut Reader::new(movie, config), file).0,
        Err(_) => Vec::new(),
    }
}
