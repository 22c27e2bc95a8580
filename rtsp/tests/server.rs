//! What a server answers.

use core::time::Duration;
use fluvial_rtsp::auth;
use fluvial_rtsp::headers::{NotifyReason, Range, RtpInfo, Transport};
use fluvial_rtsp::server::{CloseReason, Config, Event, PlayAnswer, Session, Users};
use fluvial_rtsp::{Error, Headers, Status};
use proptest::prelude::*;
use std::sync::Arc;

const SDP: &str = "v=0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\na=control:trackID=0\r\n\
                   m=audio 0 RTP/AVP 97\r\na=control:trackID=1\r\n";
const NOW: Duration = Duration::ZERO;

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

struct Server {
    session: Session,
    events: Vec<Event>,
}

impl Server {
    fn new(config: Config) -> Self {
        Self {
            session: Session::new(config, &mut rand::rng(), NOW),
            events: Vec::new(),
        }
    }

    /// Gives a request and grants what it asks for; the response.
    fn ask(&mut self, text: &str) -> String {
        self.input(text.as_bytes());
        self.output()
    }

    fn output(&mut self) -> String {
        let mut out = Vec::new();
        while let Some(bytes) = self.session.poll_transmit() {
            out.extend_from_slice(&bytes);
        }
        String::from_utf8_lossy(&out).into_owned()
    }

    fn input(&mut self, data: &[u8]) {
        self.session.handle_input(data, NOW);
        while let Ok(Some(event)) = self.session.poll_event() {
            self.grant(&event);
            self.events.push(event);
        }
    }

    fn grant(&mut self, event: &Event) {
        let session = &mut self.session;
        match event {
            Event::DescribeRequested(describe) => match describe.url.path_only() {
                "/live/x" => session.describe(describe.id, SDP),
                _ => session.reject(describe.id, Status::NOT_FOUND),
            },
            Event::AnnounceRequested(announce) => session.accept(announce.id),
            Event::SetupRequested(setup) => {
                let media = setup
                    .media
                    .or_else(|| setup.control.strip_prefix("trackID=")?.parse().ok());
                match setup
                    .transports
                    .iter()
                    .find(|transport| !transport.is_multicast())
                {
                    Some(transport) => session.accept_setup(setup.id, media.unwrap(), transport),
                    None => session.reject(setup.id, Status::UNSUPPORTED_TRANSPORT),
                }
            }
            Event::PlayRequested(play) => {
                let answer = PlayAnswer {
                    range: Some(Range::from(NOW)),
                    rtp_info: RtpInfo(vec![Session::rtp_info(1, 2, 3), Session::rtp_info(4, 5, 6)]),
                    ..PlayAnswer::default()
                };
                session.accept_play(play.id, &answer)
            }
            Event::RecordRequested(record) => session.accept(record.id),
            Event::PauseRequested(pause) => session.accept(pause.id),
            Event::ParametersRequested(parameters) => {
                session.answer_parameters(parameters.id, "position: 5\r\n".into())
            }
            Event::ParametersSet(parameters) => session.accept(parameters.id),
            _ => Ok(()),
        }
        .unwrap();
    }

    fn set_up(&mut self, base: &str, transport: &str) -> String {
        let first = self.ask(&format!(
            "SETUP {base}/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: {transport}\r\n\r\n"
        ));
        assert!(first.starts_with("RTSP/1.0 200 OK"), "{first}");
        let id = self.session.id().unwrap().to_owned();
        let second = self.ask(&format!(
            "SETUP {base}/trackID=1 RTSP/1.0\r\nCSeq: 4\r\nSession: {id}\r\nTransport: {transport}\r\n\r\n"
        ));
        assert!(second.starts_with("RTSP/1.0 200 OK"), "{second}");
        id
    }
}

fn play() -> (Server, String) {
    let mut server = Server::new(Config::default());
    assert_eq!(server.session.user_agent(), "");
    let response = server.ask(
        "DESCRIBE rtsp://h/live/x RTSP/1.0\r\nCSeq: 2\r\nAccept: application/sdp\r\nUser-Agent: Lavf59 \r\n\r\n",
    );
    assert_eq!(server.session.user_agent(), "Lavf59");
    assert!(
        response.contains("\r\nContent-Base: rtsp://h/live/x/\r\n"),
        "{response}"
    );
    assert!(response.ends_with(SDP));
    let id = server.set_up("rtsp://h/live/x", "RTP/AVP/TCP;unicast;interleaved=0-1");
    let response = server.ask(&format!(
        "PLAY rtsp://h/live/x/ RTSP/1.0\r\nCSeq: 5\r\nSession: {id}\r\nRange: npt=0.000-\r\n\r\n"
    ));
    assert!(response.contains("\r\nRTP-Info: url=rtsp://h/live/x/trackID=0;seq=1;rtptime=2,url=rtsp://h/live/x/trackID=1;seq=4;rtptime=5\r\n"), "{response}");
    assert!(
        response.contains(&format!("\r\nSession: {id};timeout=60\r\n")),
        "{response}"
    );
    (server, id)
}

#[test]
fn a_player_from_options_to_teardown() {
    let (mut server, id) = play();
    // The second medium wanted channels that were taken.
    assert_eq!(
        server.session.transport(1).unwrap().interleaved,
        Some((2, 3))
    );
    server.session.send(1, false, b"packet").unwrap();
    assert_eq!(server.output(), "$\u{2}\0\u{6}packet");
    server.input(b"$\x03\0\x04rtcp$\x09\0\x01?");
    assert!(matches!(
        server.events.last(),
        Some(Event::Packet {
            media: 1,
            rtcp: true,
            ..
        })
    ));
    let pause = server.ask(&format!(
        "PAUSE rtsp://h/live/x/trackID=1 RTSP/1.0\r\nCSeq: 6\r\nSession: {id}\r\n\r\n"
    ));
    assert!(pause.starts_with("RTSP/1.0 200 OK"));
    assert!(
        matches!(server.events.last(), Some(Event::PauseRequested(pause)) if pause.media == Some(1))
    );
    let end = server.ask(&format!(
        "TEARDOWN rtsp://h/live/x RTSP/1.0\r\nCSeq: 7\r\nSession: {id}\r\n\r\n"
    ));
    assert!(end.starts_with("RTSP/1.0 200 OK"));
    assert_eq!(server.events.last(), Some(&Event::TornDown { media: None }));
    assert_eq!(
        server.session.send(0, false, b"x"),
        Err(Error::State("the medium is not interleaved"))
    );
}

#[test]
fn a_publisher() {
    let mut server = Server::new(Config::default());
    let announce = format!(
        "ANNOUNCE rtsp://h/live/y RTSP/1.0\r\nCSeq: 2\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{SDP}",
        SDP.len()
    );
    assert!(server.ask(&announce).starts_with("RTSP/1.0 200 OK"));
    let id = server.set_up(
        "rtsp://h/live/y",
        "RTP/AVP/TCP;unicast;interleaved=0-1;mode=record",
    );
    let play = server.ask(&format!(
        "PLAY rtsp://h/live/y RTSP/1.0\r\nCSeq: 5\r\nSession: {id}\r\n\r\n"
    ));
    assert!(play.starts_with("RTSP/1.0 455 "), "{play}");
    let record = server.ask(&format!(
        "RECORD rtsp://h/live/y RTSP/1.0\r\nCSeq: 6\r\nSession: {id}\r\n\r\n"
    ));
    assert!(record.starts_with("RTSP/1.0 200 OK"));
    server.input(b"$\0\0\x03rtp");
    assert!(
        matches!(server.events.last(), Some(Event::Packet { media: 0, rtcp: false, data }) if data == "rtp")
    );
    server.session.handle_eof();
    server.input(b"");
    assert_eq!(
        server.events.last(),
        Some(&Event::Closed(CloseReason::Ended))
    );
}

#[test]
fn what_is_refused() {
    let mut server = Server::new(Config::default());
    for (request, status) in [
        ("OPTIONS * RTSP/1.0\r\n\r\n", "400 "),
        (
            "DESCRIBE rtsp://h/nothing RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            "404 ",
        ),
        ("DESCRIBE * RTSP/1.0\r\nCSeq: 1\r\n\r\n", "400 "),
        (
            "DESCRIBE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\nAccept: text/html\r\n\r\n",
            "406 ",
        ),
        (
            "REDIRECT rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            "405 ",
        ),
        ("DANCE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", "501 "),
        (
            "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nRequire: levitation\r\n\r\n",
            "551 ",
        ),
        ("PLAY rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\n\r\n", "454 "),
        (
            "TEARDOWN rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\nSession: 1\r\n\r\n",
            "454 ",
        ),
        (
            "SETUP rtsp://h/live/x/trackID=0 RTSP/1.0\r\nCSeq: 1\r\n\r\n",
            "400 ",
        ),
        (
            "SETUP rtsp://h/live/x/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;multicast\r\n\r\n",
            "461 ",
        ),
        (
            "SETUP rtsp://h/live/x/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nSession: 5\r\nTransport: RTP/AVP/TCP\r\n\r\n",
            "454 ",
        ),
        (
            "ANNOUNCE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\nContent-Type: text/html\r\n\r\n",
            "415 ",
        ),
    ] {
        let response = server.ask(request);
        assert!(
            response.starts_with(&format!("RTSP/1.0 {status}")),
            "{request}: {response}"
        );
    }
    assert!(
        server
            .ask("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nRequire: x\r\n\r\n")
            .contains("Unsupported: x\r\n")
    );
}

#[test]
fn the_session_of_another_client_is_not_to_be_had() {
    let (mut first, id) = play();
    let (mut second, other) = play();
    assert_ne!(id, other);
    for method in [
        "PLAY",
        "PAUSE",
        "TEARDOWN",
        "GET_PARAMETER",
        "SET_PARAMETER",
        "OPTIONS",
        "SETUP",
    ] {
        let request = format!(
            "{method} rtsp://h/live/x RTSP/1.0\r\nCSeq: 9\r\nSession: {id}\r\nTransport: RTP/AVP/TCP\r\n\r\n"
        );
        assert!(
            second.ask(&request).starts_with("RTSP/1.0 454 "),
            "{method}"
        );
    }
    first.session.send(0, false, b"still there").unwrap();
}

#[test]
fn sessions_end_without_a_sign_of_life() {
    let mut idle = Session::new(Config::default(), &mut rand::rng(), NOW);
    assert_eq!(idle.poll_timeout(), Some(at(10)));
    idle.handle_timeout(at(10));
    assert_eq!(idle.poll_event(), Err(Error::Timeout("the first request")));

    // Who takes packets on the connection itself lives.
    assert_eq!(play().0.session.poll_timeout(), None);
    let mut server = Server::new(Config::default());
    let id = server.set_up("rtsp://h/live/x", "RTP/AVP;unicast;client_port=5000-5001");
    server.ask(&format!(
        "PLAY rtsp://h/live/x RTSP/1.0\r\nCSeq: 5\r\nSession: {id}\r\n\r\n"
    ));
    assert_eq!(server.session.poll_timeout(), Some(at(60)));
    server.session.handle_input(
        format!("GET_PARAMETER rtsp://h/live/x RTSP/1.0\r\nCSeq: 6\r\nSession: {id}\r\n\r\n")
            .as_bytes(),
        at(50),
    );
    assert!(server.output().starts_with("RTSP/1.0 200 OK"));
    server.session.keep_alive(at(70));
    server.session.handle_timeout(at(129));
    assert_eq!(server.session.poll_event(), Ok(None));
    server.session.handle_timeout(at(130));
    assert_eq!(
        server.session.poll_event(),
        Ok(Some(Event::TornDown { media: None }))
    );
    assert_eq!(
        server.session.poll_event(),
        Ok(Some(Event::Closed(CloseReason::Timeout)))
    );
}

#[test]
fn users() {
    let mut config = Config::default();
    config.users = Some(Arc::new(Users {
        auth: auth::Config::new("cameras"),
        users: vec![("u".into(), "p".into())],
    }));
    let mut server = Server::new(config);
    assert!(
        server
            .ask("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n")
            .starts_with("RTSP/1.0 200")
    );
    let response = server.ask("DESCRIBE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\n\r\n");
    assert!(response.starts_with("RTSP/1.0 401 "), "{response}");
    assert!(
        response.contains(
            "algorithm=SHA-256, qop=\"auth\"\r\nWWW-Authenticate: Digest realm=\"cameras\""
        ),
        "{response}"
    );
    for _ in 0..16 {
        let nonce = response
            .split("nonce=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        server.ask(&format!("DESCRIBE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\nAuthorization: Digest username=\"u\", realm=\"cameras\", \
            nonce=\"{nonce}\", uri=\"rtsp://h/live/x\", response=\"00\"\r\n\r\n"));
    }
    assert_eq!(
        server.session.poll_event(),
        Err(Error::State("too many wrong passwords"))
    );
}

#[test]
fn version_2_is_told_of_the_end() {
    let mut server = Server::new(Config::default());
    let setup = "SETUP rtsp://h/live/x/trackID=0 RTSP/2.0\r\nCSeq: 1\r\nPipelined-Requests: 7\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n\r\n\
                 PLAY rtsp://h/live/x RTSP/2.0\r\nCSeq: 2\r\nPipelined-Requests: 7\r\nRange: npt=0-\r\n\r\n";
    let responses = server.ask(setup);
    assert_eq!(
        responses.matches("RTSP/2.0 200 OK").count(),
        2,
        "{responses}"
    );
    assert!(
        responses
            .contains("RTP-Info: url=\"rtsp://h/live/x/trackID=0\" ssrc=00000003:seq=1;rtptime=2"),
        "{responses}"
    );
    assert_eq!(
        server
            .session
            .notify(&NotifyReason::EndOfStream, &Headers::new()),
        Ok(true)
    );
    let notify = server.output();
    assert!(
        notify.starts_with("PLAY_NOTIFY * RTSP/2.0\r\nCSeq: 1\r\n"),
        "{notify}"
    );
    let (mut old, _) = play();
    assert_eq!(
        old.session
            .notify(&NotifyReason::EndOfStream, &Headers::new()),
        Ok(false)
    );
}

#[test]
fn undecided_requests_hold_the_rest_back_within_limits() {
    let mut config = Config::default();
    config.limits.stashed_bytes = 1000;
    let mut session = Session::new(config, &mut rand::rng(), NOW);
    let describe = b"DESCRIBE rtsp://h/live/x RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    session.handle_input(&describe.repeat(3), NOW);
    let Ok(Some(Event::DescribeRequested(first))) = session.poll_event() else {
        panic!()
    };
    assert_eq!(session.poll_event(), Ok(None));
    session.reject(first.id, Status::NOT_FOUND).unwrap();
    assert_eq!(
        session.reject(first.id, Status::NOT_FOUND),
        Err(Error::State("no such request"))
    );
    assert!(matches!(
        session.poll_event(),
        Ok(Some(Event::DescribeRequested(_)))
    ));
    for _ in 0..50 {
        session.handle_input(describe, NOW);
        assert!(session.buffered_len() < 2000);
    }
    assert!(matches!(
        session.poll_event(),
        Err(Error::Limit {
            limit: "input put aside",
            ..
        })
    ));
}

#[test]
fn nonsense_is_answered_once() {
    let mut server = Server::new(Config::default());
    let response = server.ask("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert!(response.starts_with("RTSP/1.0 400 Bad Request\r\n"));
    assert!(matches!(
        server.session.poll_event(),
        Err(Error::Invalid {
            field: "RTSP-Version",
            ..
        })
    ));
    assert!(matches!(
        server.session.poll_event(),
        Err(Error::Invalid { .. })
    ));
    assert_eq!(server.ask("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"), "");
}

proptest! {
    #[test]
    fn cut_anywhere(size in 1_usize..80) {
        let text = "OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\nDESCRIBE rtsp://h/live/x RTSP/1.0\r\nCSeq: 2\r\n\r\n\
            SETUP rtsp://h/live/x/trackID=0 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n\
            $\0\0\x01aSETUP rtsp://h/live/x/trackID=1 RTSP/1.0\r\nCSeq: 3\r\nTransport: RTP/AVP/TCP\r\n\r\n$\x01\0\x02bb";
        let mut whole = Server::new(Config::default());
        let mut cut = Server::new(Config::default());
        whole.input(text.as_bytes());
        for piece in text.as_bytes().chunks(size) {
            cut.input(piece);
        }
        prop_assert_eq!(&whole.events, &cut.events);
        let id = |server: &Server| server.session.id().unwrap().to_owned();
        let (a, b) = (id(&whole), id(&cut));
        prop_assert_eq!(whole.output().replace(&a, ""), cut.output().replace(&b, ""));
    }
}

#[test]
fn multicast_and_other_transports_are_the_callers_choice() {
    let mut session = Session::new(Config::default(), &mut rand::rng(), NOW);
    session.handle_input(b"SETUP rtsp://h/live/x/trackID=0 RTSP/1.0\r\nCSeq: 1\r\nTransport: RTP/AVP;multicast,RTP/AVP/TCP\r\n\r\n", NOW);
    let Ok(Some(Event::SetupRequested(setup))) = session.poll_event() else {
        panic!()
    };
    assert_eq!(
        (setup.path.as_str(), setup.control.as_str(), setup.media),
        ("/live/x", "trackID=0", None)
    );
    let mut transport: Transport = setup.transports[0].clone();
    transport.destination = Some("239.1.1.1".into());
    transport.port = Some(fluvial_rtsp::headers::Ports::pair(5000));
    transport.ttl = Some(1);
    session.accept_setup(setup.id, 0, &transport).unwrap();
    let response = session.poll_transmit().unwrap();
    let response = String::from_utf8_lossy(&response);
    assert!(
        response.contains(
            "Transport: RTP/AVP;multicast;destination=239.1.1.1;port=5000-5001;ttl=1\r\n"
        ),
        "{response}"
    );
}
