//! Init segments and fragments: the same events however the bytes are cut, and bounded memory.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use media::Event;
use mp4::{Demuxer, Limits};

fn run<'a>(input: impl Iterator<Item = &'a [u8]>) -> (Vec<Event>, Option<mp4::Error>) {
    let limits = Limits::default();
    // A fragment of samples that all have the default size takes a few bytes of input for any number of them.
    let table = 64 * limits.fragment_samples;
    let mut demuxer = Demuxer::new(limits);
    let mut events = Vec::new();
    let mut fed = 0;
    for piece in input.map(Some).chain([None]) {
        match piece {
            Some(piece) => {
                fed += piece.len();
                demuxer.handle_input(piece);
            }
            None => demuxer.handle_eof(),
        }
        loop {
            match demuxer.poll_event() {
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, Some(error)),
            }
        }
        assert!(
            demuxer.buffered_len() <= 64 * fed + 65536 + table,
            "{} for {fed}",
            demuxer.buffered_len()
        );
    }
    (events, None)
}

fuzz_target!(|data: &[u8]| {
    let whole = run(std::iter::once(data));
    let cut = run(pieces(data));
    assert_eq!(whole, cut);
});
