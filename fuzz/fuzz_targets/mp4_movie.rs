//! Files read at random: they are opened and read to their end, from a time on too, in the same way however the answers to
//! reads are cut, and memory stays bounded.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use media::{Event, Time};
use mp4::{Limits, Opener, Reader, reader::Config};
use std::ops::Range;

/// Events after which a file has been read for long enough: tables can tell of any number of samples in a few bytes.
const EVENTS: usize = 4096;

/// Answers a read in pieces of a size; 0: whole.
fn answer(file: &Bytes, range: &Range<u64>, size: u64, mut take: impl FnMut(u64, &Bytes)) {
    let mut at = range.start;
    while at < range.end {
        let end = if size == 0 { range.end } else { range.end.min(at + size) };
        take(at, &file.slice(at as usize..end as usize));
        at = end;
    }
}

fn run(file: &Bytes, size: u64, time: Option<Time>) -> Vec<Event> {
    let mut opener = Opener::new(file.len() as u64, Limits::default());
    while let Some(range) = opener.poll_read() {
        answer(file, &range, size, |at, data| opener.handle_read(at, data));
        assert!(opener.buffered_len() <= 4 * file.len() + 64);
    }
    let Ok(movie) = opener.poll_movie() else {
        return Vec::new();
    };
    let mut reader = Reader::new(movie.expect("all reads were answered"), Config::default());
    if let Some(time) = time {
        reader.seek(time);
    }
    let mut events = Vec::new();
    let mut idle = 0;
    while !reader.is_finished() && events.len() < EVENTS {
        idle += 1;
        while let Some(range) = reader.poll_read() {
            idle = 0;
            answer(file, &range, size, |at, data| reader.handle_read(at, data));
        }
        while let (true, Ok(Some(event))) = (events.len() < EVENTS, reader.poll_event()) {
            idle = 0;
            events.push(event);
        }
        assert!(idle < 3, "the reader does not go on");
    }
    events
}

fuzz_target!(|data: &[u8]| {
    let file = Bytes::copy_from_slice(data);
    assert_eq!(run(&file, 0, None), run(&file, 7, None));
    run(&file, 0, Some(Time::from_millis(400)));
});
