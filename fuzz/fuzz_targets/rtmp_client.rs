//! A client session that publishes and plays at once, against any server.
#![no_main]

use fluvial_fuzz::{Counter, pieces};
use libfuzzer_sys::fuzz_target;
use rtmp::client::{Config, Event, PlayStart, PublishType, Session, Url};
use std::time::Duration;

/// S0, S1 and S2 of version 0.0.0.0: a plain handshake.
const HANDSHAKE: [u8; 1 + 2 * 1536] = {
    let mut bytes = [0; 1 + 2 * 1536];
    bytes[0] = 3;
    bytes
};

fn run<'a>(
    input: impl Iterator<Item = &'a [u8]>,
    shaken: bool,
    acts: bool,
) -> (Vec<Event>, Option<rtmp::Error>) {
    let url: Url = "rtmp://127.0.0.1/live/x".parse().expect("a URL");
    let config = Config::new(&url);
    let limits = config.limits.clone();
    let mut session = Session::new(config, &mut Counter::default(), Duration::ZERO);
    let mut events = Vec::new();
    let mut error = None;
    let start = if shaken { &HANDSHAKE[..] } else { &[] };
    for piece in std::iter::once(start).chain(input).map(Some).chain([None]) {
        match piece {
            Some(piece) => session.handle_input(piece, Duration::ZERO),
            None => session.handle_eof(),
        }
        loop {
            match session.poll_event() {
                Ok(Some(event)) => {
                    if acts && matches!(event, Event::Connected { .. }) {
                        let _ = session.publish("x", PublishType::Live);
                        let _ = session.play("y", PlayStart::Any);
                    }
                    events.push(event);
                }
                Ok(None) => break,
                Err(why) => {
                    error = Some(why);
                    break;
                }
            }
        }
        while session.poll_transmit().is_some() {}
        let most = limits.incomplete_bytes + limits.stashed_bytes + limits.transmit_bytes;
        assert!(session.buffered_len() <= most);
    }
    (events, error)
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, data)) = data.split_first() else {
        return;
    };
    let shaken = first % 8 != 0;
    let whole = run(std::iter::once(data), shaken, false);
    let cut = run(pieces(data), shaken, false);
    assert_eq!(format!("{whole:?}"), format!("{cut:?}"));
    // What comes before it was asked for is another dialogue, so there is nothing to compare here.
    run(pieces(data), shaken, true);
});
