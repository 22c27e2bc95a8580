//! Transport streams: the same events however the bytes are cut, bounded memory; the checker and the remuxer take them too.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use media::Event;
use mpegts::check::Checker;
use mpegts::remux::{Config, Remuxer};
use mpegts::{Demuxer, Limits};

fn run<'a>(input: impl Iterator<Item = &'a [u8]>, shared: bool) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut events = Vec::new();
    let mut fed = 0;
    for piece in input.map(Some).chain([None]) {
        match piece {
            Some(piece) => {
                fed += piece.len();
                match shared {
                    true => demuxer.handle_bytes(piece.to_vec().into()),
                    false => demuxer.handle_input(piece),
                }
            }
            None => demuxer.handle_eof(),
        }
        while let Some(event) = demuxer.poll_event().unwrap() {
            events.push(event);
        }
        assert!(demuxer.buffered_len() <= 2 * fed + 4096);
    }
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

fuzz_target!(|data: &[u8]| {
    let whole = run(std::iter::once(data), true);
    let cut = run(pieces(data), false);
    assert_eq!(whole, cut);

    let mut checker = Checker::new();
    checker.handle_input(data);
    checker.handle_eof();
    let found = std::iter::from_fn(|| checker.poll_finding()).count();
    assert!(found <= data.len() + 3);

    let mut remuxer = Remuxer::new(Config::default());
    remuxer.handle_input(data);
    remuxer.handle_eof();
    if let Some(bytes) = remuxer.poll_output() {
        assert!(bytes.len() <= 8 * data.len() + 4 * 188);
    }
});
