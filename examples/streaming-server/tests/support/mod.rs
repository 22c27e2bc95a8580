//! An RTMP client, an HTTP request, and the built-in clip as messages.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use clap::Parser;
use media::{Event as MediaEvent, Sample, TrackId};
use rtmp::client::{Config as ClientConfig, Event, PlayStart, PublishType, Session, Url};
use rtmp::message::status;
use rtmp::{Message, SharedMessage, TypeId, flv};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use streaming_server::{Config, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// A server on free ports.
pub(crate) async fn server(options: &[&str]) -> Server {
    let local = ["", "--rtmp", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    Server::start(Config::parse_from(local.iter().chain(options)))
        .await
        .unwrap()
}

/// Status and body of an HTTP answer.
pub(crate) async fn get(server: &Server, path: &str) -> (u16, Vec<u8>) {
    fetch(server.http_address(), path).await
}

/// As [`get`], from an address.
pub(crate) async fn fetch(address: SocketAddr, path: &str) -> (u16, Vec<u8>) {
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket
        .write_all(format!("GET {path} HTTP/1.0\r\nHost: test\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut answer = Vec::new();
    timeout(PATIENCE, socket.read_to_end(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap();
    let code = std::str::from_utf8(&answer[9..12])
        .unwrap()
        .parse()
        .unwrap();
    (code, answer.split_off(end + 4))
}

/// Asks for a text until it is as wanted.
pub(crate) async fn until(server: &Server, path: &str, wanted: impl Fn(&str) -> bool) -> String {
    let start = Instant::now();
    loop {
        let (_, text) = get(server, path).await;
        let text = String::from_utf8(text).unwrap();
        if wanted(&text) {
            return text;
        }
        assert!(start.elapsed() < PATIENCE, "{path} stays {text}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A connection to the application `live`.
pub(crate) struct Client {
    socket: TcpStream,
    session: Session,
    start: Instant,
    events: VecDeque<Event>,
    stream_id: u32,
}

impl Client {
    pub(crate) async fn connect(server: &Server) -> Self {
        Self::open(server, "live", 3000).await
    }

    /// Connects to an application, as a player that buffers so many milliseconds.
    pub(crate) async fn open(server: &Server, app: &str, buffer_length: u32) -> Self {
        let url: Url = format!("rtmp://{}/{app}/x", server.rtmp_address())
            .parse()
            .unwrap();
        let socket = TcpStream::connect(server.rtmp_address()).await.unwrap();
        let mut config = ClientConfig::new(&url);
        config.buffer_length = buffer_length;
        let mut client = Self {
            socket,
            session: Session::new(config, &mut rand::rng(), Duration::ZERO),
            start: Instant::now(),
            events: VecDeque::new(),
            stream_id: 0,
        };
        client
            .next(|event| matches!(event, Event::Connected { .. }))
            .await;
        client
    }

    /// The next event of a kind; others are kept for later.
    async fn next(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let start = Instant::now();
        let mut buffer = vec![0; 1 << 16];
        loop {
            if let Some(place) = self.events.iter().position(&wanted) {
                return self.events.remove(place).unwrap();
            }
            self.flush().await;
            let left = PATIENCE.saturating_sub(start.elapsed());
            let read = timeout(left, self.socket.read(&mut buffer))
                .await
                .expect("nothing comes")
                .unwrap();
            assert!(read > 0, "the server hung up");
            self.session
                .handle_input(&buffer[..read], self.start.elapsed());
            while let Some(event) = self.session.poll_event().unwrap() {
                self.events.push_back(event);
            }
        }
    }

    async fn flush(&mut self) {
        while let Some(bytes) = self.session.poll_transmit() {
            self.socket.write_all(&bytes).await.unwrap();
        }
    }

    pub(crate) async fn play(&mut self, name: &str) {
        self.play_from(name, PlayStart::Live, None).await;
    }

    /// Asks to play; gives the answer.
    pub(crate) async fn try_play(&mut self, name: &str) -> Event {
        self.session.play(name, PlayStart::Any).unwrap();
        let answer = self
            .next(|event| matches!(event, Event::Playing { .. } | Event::Refused { .. }))
            .await;
        if let Event::Playing { stream_id, .. } = answer {
            self.stream_id = stream_id;
        }
        answer
    }

    /// Plays a part of a recording.
    pub(crate) async fn play_from(
        &mut self,
        name: &str,
        start: PlayStart,
        duration: Option<Duration>,
    ) {
        self.session.play_part(name, start, duration).unwrap();
        match self
            .next(|event| matches!(event, Event::Playing { .. } | Event::Refused { .. }))
            .await
        {
            Event::Playing { stream_id, .. } => self.stream_id = stream_id,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// All media until the server says that there is no more.
    pub(crate) async fn media_to_end(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            match self
                .next(|event| matches!(event, Event::Media(_) | Event::Stopped { .. }))
                .await
            {
                Event::Media(message) => messages.push(message),
                _ => return messages,
            }
        }
    }

    pub(crate) async fn seek(&mut self, position: Duration) {
        self.session.seek(self.stream_id, position).unwrap();
        self.flush().await;
    }

    pub(crate) async fn pause(&mut self, paused: bool) {
        let position = Duration::ZERO;
        let stream_id = self.stream_id;
        self.session.pause(stream_id, paused, position).unwrap();
        self.flush().await;
    }

    /// Drops the media that has come.
    pub(crate) fn forget(&mut self) {
        self.events
            .retain(|event| !matches!(event, Event::Media(_)));
    }

    /// Whether no media comes for so long.
    pub(crate) async fn is_silent(&mut self, span: Duration) -> bool {
        let media = self.next(|event| matches!(event, Event::Media(_)));
        timeout(span, media).await.is_err()
    }

    /// Publishes; or gives the code of the refusal.
    pub(crate) async fn publish(&mut self, name: &str) -> Result<(), String> {
        match self.try_publish(name, PublishType::Live).await {
            Event::Publishing { stream_id, .. } => {
                self.stream_id = stream_id;
                Ok(())
            }
            Event::Refused { code, .. } => Err(code),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn try_publish(&mut self, name: &str, kind: PublishType) -> Event {
        self.session.publish(name, kind).unwrap();
        self.next(|event| matches!(event, Event::Publishing { .. } | Event::Refused { .. }))
            .await
    }

    pub(crate) async fn send(&mut self, messages: &[Message]) {
        for message in messages {
            let shared = SharedMessage::new(message).unwrap();
            self.session.send(self.stream_id, &shared).unwrap();
            self.flush().await;
        }
    }

    /// The next messages of media.
    pub(crate) async fn media(&mut self, count: usize) -> Vec<Message> {
        let mut messages = Vec::new();
        while messages.len() < count {
            if let Event::Media(message) = self.next(|event| matches!(event, Event::Media(_))).await
            {
                // The server's own notice about access to samples is none of the publisher's messages.
                if !message
                    .payload
                    .starts_with(b"\x02\x00\x11|RtmpSampleAccess")
                {
                    messages.push(message);
                }
            }
        }
        messages
    }

    pub(crate) async fn media_of(&mut self, type_id: TypeId) -> Message {
        loop {
            let message = self.media(1).await.remove(0);
            if message.type_id == type_id {
                return message;
            }
        }
    }

    /// The code of the next status, but for what comes with every start of playing.
    pub(crate) async fn status(&mut self) -> String {
        loop {
            match self
                .next(|event| matches!(event, Event::Status { .. }))
                .await
            {
                Event::Status { code, .. }
                    if code == status::PLAY_RESET || code == status::PLAY_START => {}
                Event::Status { code, .. } => return code,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits for the server to end what is being played.
    pub(crate) async fn stopped(&mut self) {
        self.next(|event| matches!(event, Event::Stopped { .. }))
            .await;
    }

    pub(crate) async fn close(mut self) {
        self.session.close();
        self.flush().await;
        self.socket.shutdown().await.unwrap();
    }

    /// Sends half of a message, then goes.
    pub(crate) async fn cut_in_mid_message(mut self, message: &Message) {
        self.session
            .send(self.stream_id, &SharedMessage::new(message).unwrap())
            .unwrap();
        let bytes = self.session.poll_transmit().unwrap();
        self.socket
            .write_all(&bytes[..bytes.len() / 2])
            .await
            .unwrap();
    }

    /// Sends bytes as they are, and gives the socket away.
    pub(crate) async fn raw(mut self, bytes: &[u8]) -> TcpStream {
        self.flush().await;
        self.socket.write_all(bytes).await.unwrap();
        self.socket
    }

    pub(crate) fn into_socket(self) -> TcpStream {
        self.socket
    }
}

/// The built-in clip.
pub(crate) struct Clip {
    pub(crate) messages: Vec<Message>,
    /// By track, then in order.
    pub(crate) samples: Vec<(TrackId, bytes::Bytes)>,
}

impl Clip {
    pub(crate) fn new() -> Self {
        let file = include_bytes!("../../demo/demo.mp4");
        let (tracks, samples) = read(file);
        let samples = by_time(&tracks, samples);
        let mut muxer = flv::Muxer::new();
        muxer.set_tracks(&tracks).unwrap();
        for sample in &samples {
            muxer.handle_sample(sample).unwrap();
        }
        Self {
            messages: std::iter::from_fn(|| muxer.poll_output()).collect(),
            samples: Self::parse(file),
        }
    }

    pub(crate) fn parse(file: &[u8]) -> Vec<(TrackId, bytes::Bytes)> {
        let (tracks, samples) = read(file);
        let mut all = Vec::new();
        for kind in [media::Kind::Video, media::Kind::Audio] {
            let id = tracks.first_of(kind).unwrap().id;
            all.extend(
                samples
                    .iter()
                    .filter(|sample| sample.track == id)
                    .map(|sample| (id, sample.data.clone())),
            );
        }
        all
    }
}

/// Samples in the order in which they are sent.
pub(crate) fn by_time(tracks: &media::Tracks, mut samples: Vec<Sample>) -> Vec<Sample> {
    let time = |sample: &Sample| {
        let track = tracks.find(sample.track).unwrap();
        track.timescale.time(sample.dts)
    };
    samples.sort_by_key(time);
    samples
}

pub(crate) fn read(file: &[u8]) -> (media::Tracks, Vec<Sample>) {
    let mut demuxer = mp4::Demuxer::new(mp4::Limits::default());
    let (mut tracks, mut samples) = (media::Tracks::default(), Vec::new());
    demuxer.handle_input(file);
    demuxer.handle_eof();
    while let Some(event) = demuxer.poll_event().unwrap() {
        match event {
            MediaEvent::Tracks(found) => tracks = found,
            MediaEvent::Sample(sample) => samples.push(sample),
            _ => {}
        }
    }
    (tracks, samples)
}

/// A key frame, as far as a relay can tell.
pub(crate) fn key_frame() -> Message {
    Message {
        timestamp: 0,
        type_id: TypeId::VIDEO,
        stream_id: 1,
        payload: vec![0x17, 1, 0, 0, 0].into(),
    }
}
