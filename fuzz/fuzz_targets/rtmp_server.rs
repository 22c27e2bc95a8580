//! A server session: the same events and answers however the bytes are cut, and bounded memory.
#![no_main]

use fluvial_fuzz::{Counter, pieces};
use libfuzzer_sys::fuzz_target;
use rtmp::server::{Config, Event, Session};
use std::time::Duration;

/// A handshake that any server takes, so that the fuzzer need not find it.
const HANDSHAKE: [u8; 1 + 2 * 1536] = {
    let mut bytes = [0; 1 + 2 * 1536];
    bytes[0] = 3;
    bytes
};

fn run<'a>(
    input: impl Iterator<Item = &'a [u8]>,
    shaken: bool,
) -> (Vec<Event>, Vec<u8>, Option<rtmp::Error>) {
    let mut config = Config::default();
    config.has_recordings = true;
    let limits = config.limits.clone();
    let mut session = Session::new(config, &mut Counter::default(), Duration::ZERO);
    let (mut events, mut sent) = (Vec::new(), Vec::new());
    let start = if shaken { &HANDSHAKE[..] } else { &[] };
    let mut error = None;
    for piece in std::iter::once(start).chain(input).map(Some).chain([None]) {
        match piece {
            Some(piece) => session.handle_input(piece, Duration::ZERO),
            None => session.handle_eof(),
        }
        loop {
            match session.poll_event() {
                Ok(Some(event)) => {
                    let done = match &event {
                        Event::ConnectRequested(request) => session.accept(request.id),
                        Event::PublishRequested(request) if request.name.ends_with('x') => {
                            session.reject(request.id, "NetStream.Publish.BadName", "taken")
                        }
                        Event::PublishRequested(request) => session.accept(request.id),
                        Event::PlayRequested(request) if request.buffer.is_some() => {
                            session.accept_recording(request)
                        }
                        Event::PlayRequested(request) => session.accept(request.id),
                        Event::LengthRequested { id, .. } => session.answer_length(*id, None),
                        // What is asked for may have ended behind that in the same piece.
                        Event::SeekRequested { stream_id, .. } => {
                            known(session.accept_seek(*stream_id))
                        }
                        Event::Paused { stream_id, .. } => {
                            known(session.complete(*stream_id, Duration::ZERO))
                        }
                        _ => Ok(()),
                    };
                    // Only a full output queue can stand in the way.
                    if let Err(why) = done {
                        assert!(matches!(why, rtmp::Error::Limit { .. }), "{why}");
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
        while let Some(bytes) = session.poll_transmit() {
            sent.extend_from_slice(&bytes);
        }
        let most = limits.incomplete_bytes + limits.stashed_bytes + limits.transmit_bytes;
        assert!(session.buffered_len() <= most);
    }
    assert!(
        error.is_some() || matches!(events.last(), Some(Event::Closed(_))),
        "{events:?}"
    );
    (events, sent, error)
}

/// The stream that an event is about may have gone since.
fn known(result: Result<(), rtmp::Error>) -> Result<(), rtmp::Error> {
    match result {
        Err(rtmp::Error::State(_)) => Ok(()),
        other => other,
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((&first, data)) = data.split_first() else {
        return;
    };
    let shaken = first % 8 != 0;
    let whole = run(std::iter::once(data), shaken);
    let cut = run(pieces(data), shaken);
    // Compared as text: a NaN in an AMF number differs from itself.
    assert_eq!(
        format!("{:?}", (&whole.0, &whole.2)),
        format!("{:?}", (&cut.0, &cut.2))
    );
});
