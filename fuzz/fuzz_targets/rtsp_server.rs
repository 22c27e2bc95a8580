//! A server session: the same events and answers however the bytes are cut, and bounded memory.
#![no_main]

use fluvial_fuzz::{Counter, pieces};
use libfuzzer_sys::fuzz_target;
use rtsp::Status;
use rtsp::server::{Config, Event, PlayAnswer, Session, Users};
use std::sync::Arc;
use std::time::Duration;

const SDP: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=0\r\nm=audio 0 RTP/AVP 97\r\na=control:trackID=1\r\n";

fn decide(session: &mut Session, event: &Event) -> Result<(), rtsp::Error> {
    match event {
        Event::DescribeRequested(describe) if describe.url.path.len() > 20 => session.reject(describe.id, Status::NOT_FOUND),
        Event::DescribeRequested(describe) => session.describe(describe.id, SDP),
        Event::AnnounceRequested(announce) => session.accept(announce.id),
        Event::SetupRequested(setup) => match setup.transports.first() {
            Some(transport) => match session.accept_setup(setup.id, setup.media.unwrap_or(setup.others), transport) {
                Err(rtsp::Error::State("the channels are taken")) => Ok(()),
                other => other,
            },
            None => session.reject(setup.id, Status::UNSUPPORTED_TRANSPORT),
        },
        Event::PlayRequested(play) => session.accept_play(play.id, &PlayAnswer::default()),
        Event::RecordRequested(record) => session.accept(record.id),
        Event::PauseRequested(pause) => session.accept(pause.id),
        Event::ParametersRequested(parameters) => session.answer_parameters(parameters.id, parameters.body.clone()),
        Event::ParametersSet(parameters) => session.accept(parameters.id),
        _ => Ok(()),
    }
}

fn run<'a>(input: impl Iterator<Item = &'a [u8]>, users: bool) -> (Vec<Event>, Vec<u8>, Option<rtsp::Error>) {
    let mut config = Config::default();
    if users {
        config.users = Some(Arc::new(Users {
            auth: rtsp::auth::Config::new("r"),
            users: vec![("u".into(), "p".into())],
        }));
    }
    let limits = config.limits.clone();
    let mut session = Session::new(config, &mut Counter::default(), Duration::ZERO);
    let (mut events, mut sent, mut error) = (Vec::new(), Vec::new(), None);
    for piece in input.map(Some).chain([None]) {
        match piece {
            Some(piece) => session.handle_input(piece, Duration::ZERO),
            None => session.handle_eof(),
        }
        loop {
            match session.poll_event() {
                Ok(Some(event)) => {
                    if let Err(why) = decide(&mut session, &event) {
                        assert!(matches!(why, rtsp::Error::Limit { .. }), "{why}");
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
        assert!(session.buffered_len() <= limits.stashed_bytes + limits.body_size + limits.head_size + limits.transmit_bytes);
        if error.is_some() {
            break;
        }
    }
    (events, sent, error)
}

fuzz_target!(|data: &[u8]| {
    let users = data.first().is_some_and(|byte| byte & 1 == 1);
    let whole = run(std::iter::once(data), users);
    assert_eq!(whole, run(pieces(data), users));
});
