//! A client beside cameras that do as they like, and beside our own server.

use core::time::Duration;
use fluvial_rtsp::client::{CloseReason, Config, Event, Session};
use fluvial_rtsp::headers::{NotifyReason, Ports, Range, Transport};
use fluvial_rtsp::{Error, Status, auth, server};
use std::sync::Arc;

const NOW: Duration = Duration::ZERO;
const SDP: &str = "v=0\r\nm=video 0 RTP/AVP 96\r\na=control:track1\r\nm=audio 0 RTP/AVP 0\r\na=control:track2\r\n";

fn client(url: &str) -> Session {
    Session::new(Config::new(url.parse().unwrap()), &mut rand::rng(), NOW)
}

fn sent(session: &mut Session) -> String {
    let mut out = Vec::new();
    while let Some(bytes) = session.poll_transmit() {
        out.extend_from_slice(&bytes);
    }
    String::from_utf8(out).unwrap()
}

fn answer(session: &mut Session, text: &str) -> Vec<Event> {
    session.handle_input(text.as_bytes(), NOW);
    events(session)
}

fn events(session: &mut Session) -> Vec<Event> {
    let mut events = Vec::new();
    while let Some(event) = session.poll_event().unwrap() {
        events.push(event);
    }
    events
}

fn describe(headers: &str) -> Session {
    let mut session = client("rtsp://cam/live");
    session.describe(NOW);
    assert!(sent(&mut session).starts_with("DESCRIBE rtsp://cam/live RTSP/1.0\r\n"));
    let length = SDP.len();
    let events = answer(
        &mut session,
        &format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\n{headers}Content-Length: {length}\r\n\r\n{SDP}"),
    );
    assert!(
        matches!(&events[..], [Event::Described { description, .. }] if description.media.len() == 2)
    );
    session
}

fn set_up(session: &mut Session, transport: &str) -> Vec<Event> {
    session.setup(0, Transport::tcp((0, 1)), NOW).unwrap();
    sent(session);
    answer(
        session,
        &format!("RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 5\r\n{transport}\r\n"),
    )
}

#[test]
fn data_before_the_answer_to_play() {
    let mut session = describe("");
    set_up(
        &mut session,
        "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n",
    );
    session.play(None, None, NOW).unwrap();
    let events = answer(
        &mut session,
        "$\0\0\x03rtp$\x01\0\x04rtcpRTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n$\0\0\x01x",
    );
    let kinds: Vec<_> = events
        .iter()
        .map(|event| match event {
            Event::Packet { rtcp, .. } => {
                if *rtcp {
                    "rtcp"
                } else {
                    "rtp"
                }
            }
            Event::Playing { .. } => "playing",
            _ => "?",
        })
        .collect();
    assert_eq!(kinds, ["rtp", "rtcp", "playing", "rtp"]);
}

#[test]
fn data_before_the_answer_to_setup() {
    let mut session = describe("");
    session.setup(0, Transport::tcp((0, 1)), NOW).unwrap();
    let events = answer(
        &mut session,
        "$\0\0\x03rtpRTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 5\r\n\r\n",
    );
    assert!(
        matches!(events[0], Event::Packet { media: 0, .. }),
        "{events:?}"
    );
}

#[test]
fn transport_without_channels_in_another_order_or_missing() {
    for transport in [
        "Transport: RTP/AVP/TCP;ssrc=22345684;interleaved=0-1\r\n",
        "Transport: RTP/AVP/TCP;unicast\r\n",
        "",
    ] {
        let events = set_up(&mut describe(""), transport);
        let [
            Event::SetUp {
                media: 0,
                transport,
            },
        ] = &events[..]
        else {
            panic!("{events:?}")
        };
        assert_eq!(transport.interleaved, Some((0, 1)));
    }
    // A server that has its own mind about channels.
    let mut session = describe("");
    set_up(&mut session, "Transport: RTP/AVP/TCP;interleaved=4-5\r\n");
    assert!(matches!(
        &answer(&mut session, "$\x05\0\x01x")[..],
        [Event::Packet {
            media: 0,
            rtcp: true,
            ..
        }]
    ));
}

#[test]
fn a_wrong_content_length() {
    for (wrong, later) in [
        (SDP.len() + 40, true),
        (SDP.len() + 5, false),
        (SDP.len() - 7, false),
    ] {
        let mut session = client("rtsp://cam/live");
        session.describe(NOW);
        session.handle_input(
            format!("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: {wrong}\r\n\r\n{SDP}")
                .as_bytes(),
            NOW,
        );
        if later || wrong > SDP.len() {
            assert_eq!(events(&mut session), [], "{wrong}");
            let due = session.poll_timeout().unwrap();
            assert_eq!(due, Duration::from_secs(2));
            session.handle_timeout(due);
        }
        let events = events(&mut session);
        assert!(
            matches!(&events[0], Event::Described { description, .. } if description.media.len() == 2),
            "{events:?}"
        );
        // What was left over does not matter.
        session.setup(0, Transport::tcp((0, 1)), NOW).unwrap();
        let events = answer(
            &mut session,
            "RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 5\r\n\r\n",
        );
        assert!(
            matches!(events.last(), Some(Event::SetUp { .. })),
            "{events:?}"
        );
    }
}

#[test]
fn spaces_missing_line_ends_and_names_of_other_cases() {
    let mut session = client("rtsp://cam/live");
    session.describe(NOW);
    let length = SDP.len();
    let events = answer(
        &mut session,
        &format!(
            "RTSP/1.0 200\nCseq:1\ncontent-length:{length} \nContent-base:rtsp://10.0.0.1/x/\n\n{SDP}"
        ),
    );
    assert!(
        matches!(&events[..], [Event::Described { .. }]),
        "{events:?}"
    );
    sent(&mut session);
    session.setup(1, Transport::tcp((0, 1)), NOW).unwrap();
    assert!(sent(&mut session).starts_with("SETUP rtsp://10.0.0.1/x/track2 RTSP/1.0\r\n"));
}

#[test]
fn relative_and_missing_addresses() {
    for (header, base) in [
        ("", "rtsp://cam/live/track1"),
        ("Content-Base: \r\n", "rtsp://cam/live/track1"),
        ("Content-Base: /other\r\n", "rtsp://cam/other/track1"),
        ("Content-Location: rtsp://cam/z/\r\n", "rtsp://cam/z/track1"),
    ] {
        let mut session = describe(header);
        session.setup(0, Transport::tcp((0, 1)), NOW).unwrap();
        let setup = sent(&mut session);
        assert!(
            setup.starts_with(&format!("SETUP {base} RTSP/1.0\r\n")),
            "{setup}"
        );
    }
}

#[test]
fn rtp_info_of_all_kinds() {
    for (header, seq, time) in [
        ("", None, None),
        (
            "RTP-Info: url=rtsp://cam/live/track1;seq=7;rtptime=9\r\n",
            Some(7),
            Some(9),
        ),
        ("RTP-Info: url=track1;seq=7\r\n", Some(7), None),
        (
            "RTP-Info: url=rtsp://10.0.0.1:555/wrong/track1;seq=7;rtptime=\r\n",
            Some(7),
            None,
        ),
        (
            "RTP-Info: url=nonsense;seq=7;rtptime=9\r\n",
            Some(7),
            Some(9),
        ),
        ("RTP-Info: nonsense\r\n", None, None),
    ] {
        let mut session = describe("");
        set_up(&mut session, "");
        session.play(Some(Range::from(NOW)), None, NOW).unwrap();
        assert!(sent(&mut session).contains("\r\nRange: npt=0.000-\r\nCSeq: 3\r\n"));
        let events = answer(
            &mut session,
            &format!("RTSP/1.0 200 OK\r\nCSeq: 3\r\n{header}\r\n"),
        );
        let [Event::Playing { rtp_info, .. }] = &events[..] else {
            panic!("{events:?}")
        };
        let entry = rtp_info
            .iter()
            .find(|(media, _)| *media == 0)
            .map(|(_, entry)| entry);
        assert_eq!(entry.and_then(|entry| entry.seq), seq, "{header}");
        assert_eq!(entry.and_then(|entry| entry.rtptime), time, "{header}");
    }
}

#[test]
fn an_answer_without_its_number_and_one_that_comes_too_late() {
    let mut session = client("rtsp://cam/live");
    session.options(NOW);
    assert!(matches!(
        &answer(
            &mut session,
            "RTSP/1.0 200 OK\r\nPublic: GET_PARAMETER\r\n\r\n"
        )[..],
        [Event::Options(_)]
    ));
    session.describe(NOW);
    assert_eq!(
        answer(&mut session, "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
        []
    );
    session.handle_timeout(Duration::from_secs(10));
    assert_eq!(session.poll_event(), Err(Error::Timeout("the response")));
}

#[test]
fn refusals_and_redirections() {
    let mut session = describe("");
    session
        .setup(0, Transport::udp(Ports::pair(5000)), NOW)
        .unwrap();
    let events = answer(
        &mut session,
        "RTSP/1.0 461 Unsupported Transport\r\nCSeq: 2\r\n\r\n",
    );
    assert!(matches!(
        &events[..],
        [Event::Refused {
            status: Status::UNSUPPORTED_TRANSPORT,
            ..
        }]
    ));
    assert_eq!(
        session.play(None, None, NOW),
        Err(Error::State("nothing was set up"))
    );
    session.setup(0, Transport::tcp((0, 1)), NOW).unwrap();
    let events = answer(
        &mut session,
        "RTSP/1.0 302 Found\r\nCSeq: 3\r\nLocation: rtsp://other/\r\n\r\n",
    );
    assert_eq!(
        events,
        [Event::Redirected {
            location: "rtsp://other/".into()
        }]
    );
    let events = answer(
        &mut session,
        "REDIRECT * RTSP/1.0\r\nCSeq: 9\r\nLocation: rtsp://third/\r\n\r\n",
    );
    assert_eq!(
        events,
        [Event::Redirected {
            location: "rtsp://third/".into()
        }]
    );
    sent(&mut session);
    let events = answer(
        &mut session,
        "PLAY_NOTIFY * RTSP/2.0\r\nCSeq: 10\r\nNotify-Reason: end-of-stream\r\n\r\n",
    );
    assert!(matches!(
        &events[..],
        [Event::Notified {
            reason: NotifyReason::EndOfStream,
            ..
        }]
    ));
    assert_eq!(sent(&mut session), "RTSP/2.0 200 OK\r\nCSeq: 10\r\n\r\n");
}

#[test]
fn signs_of_life() {
    let mut session = describe("Public: OPTIONS, GET_PARAMETER\r\n");
    session
        .setup(0, Transport::udp(Ports::pair(5000)), NOW)
        .unwrap();
    answer(
        &mut session,
        "RTSP/1.0 200 OK\r\nCSeq: 2\r\nSession: 5;timeout=20\r\n\r\n",
    );
    sent(&mut session);
    let due = session.poll_timeout().unwrap();
    assert_eq!(due, Duration::from_secs(10));
    session.handle_timeout(due);
    let request = sent(&mut session);
    assert!(
        request.starts_with("GET_PARAMETER rtsp://cam/live RTSP/1.0\r\n"),
        "{request}"
    );
    assert!(request.contains("\r\nSession: 5\r\n"));
    assert_eq!(
        answer(
            &mut session,
            "RTSP/1.0 501 Not Implemented\r\nCSeq: 3\r\n\r\n"
        ),
        []
    );
    assert_eq!(session.poll_timeout(), Some(Duration::from_secs(20)));
    session.teardown(due).unwrap();
    let events = answer(&mut session, "RTSP/1.0 200 OK\r\nCSeq: 4\r\n\r\n");
    assert_eq!(events, [Event::Closed(CloseReason::Local)]);
}

/// Both of our sides together: every kind of challenge, and a backchannel.
#[test]
fn beside_our_server_with_passwords() {
    for digests in [
        vec![auth::Config::new("r").digests[0]],
        vec![auth::Config::new("r").digests[1]],
        vec![],
    ] {
        for password in ["p", "wrong"] {
            let mut users = auth::Config::new("r");
            users.basic = digests.is_empty();
            users.digests.clone_from(&digests);
            let mut config = server::Config::default();
            config.features.push(server::ONVIF_BACKCHANNEL.into());
            config.users = Some(Arc::new(server::Users {
                auth: users,
                users: vec![("u".into(), "p".into())],
            }));
            let mut server = server::Session::new(config, &mut rand::rng(), NOW);
            let mut config = Config::new(format!("rtsp://u:{password}@h/live/x").parse().unwrap());
            config.require = vec![server::ONVIF_BACKCHANNEL.into()];
            let mut client = Session::new(config, &mut rand::rng(), NOW);
            client.describe(NOW);
            let mut told = Vec::new();
            for _ in 0..6 {
                while let Some(bytes) = client.poll_transmit() {
                    assert!(!String::from_utf8_lossy(&bytes).contains("u:p@"));
                    server.handle_input(&bytes, NOW);
                }
                while let Some(event) = server.poll_event().unwrap() {
                    let server::Event::DescribeRequested(describe) = event else {
                        panic!("{event:?}")
                    };
                    assert_eq!(describe.require, [server::ONVIF_BACKCHANNEL]);
                    server.describe(describe.id, SDP).unwrap();
                }
                while let Some(bytes) = server.poll_transmit() {
                    client.handle_input(&bytes, NOW);
                }
                told.extend(events(&mut client));
            }
            match password {
                "p" => assert!(matches!(&told[..], [Event::Described { .. }]), "{told:?}"),
                _ => assert!(
                    matches!(
                        &told[..],
                        [Event::Refused {
                            status: Status::UNAUTHORIZED,
                            ..
                        }]
                    ),
                    "{told:?}"
                ),
            }
        }
    }
}
