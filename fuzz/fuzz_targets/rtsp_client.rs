//! A client session: it goes on or ends, whatever the server says, and holds no more than it may.
#![no_main]

use fluvial_fuzz::{Counter, pieces};
use libfuzzer_sys::fuzz_target;
use rtsp::client::{Config, Event, Session};
use rtsp::headers::{Range, Transport};
use std::time::Duration;

fuzz_target!(|data: &[u8]| {
    let config = Config::new("rtsp://u:p@h/x".parse().unwrap());
    let limits = config.limits.clone();
    let mut now = Duration::ZERO;
    let mut session = Session::new(config, &mut Counter::default(), now);
    session.options(now);
    session.describe(now);
    for piece in pieces(data).map(Some).chain([None]) {
        now += Duration::from_millis(300);
        match piece {
            Some(piece) => session.handle_input(piece, now),
            None => session.handle_eof(),
        }
        if session.poll_timeout().is_some_and(|timeout| timeout <= now) {
            session.handle_timeout(now);
        }
        loop {
            match session.poll_event() {
                Ok(Some(Event::Described { description, .. })) => {
                    for index in 0..description.media.len() {
                        let channel = u8::try_from(2 * index).unwrap();
                        session.setup(index, Transport::tcp((channel, channel + 1)), now).unwrap();
                    }
                }
                Ok(Some(Event::SetUp { .. })) => session.play(Some(Range::from(Duration::ZERO)), None, now).unwrap_or(()),
                Ok(Some(Event::Packet { media, .. })) => session.send(media, true, b"report").unwrap(),
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => break,
            }
        }
        while session.poll_transmit().is_some() {}
        assert!(session.buffered_len() <= limits.stashed_bytes + limits.body_size + limits.head_size + limits.transmit_bytes);
    }
});
