//! A person is published by RTMP: H.264 as ever, Opus and VP8, VP9 and AV1 as Enhanced RTMP has them.

use super::Job;
use crate::depacketize::Depacketizer;
use crate::room::Taken;
use ::rtmp::Url;
use ::rtmp::client::{Config, Event, PublishType, Session};
use ::rtmp::flv::Muxer;
use anyhow::{Context, bail};
use media::{Kind, TrackId, Tracks};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// Longest that a server may take to let us in, or to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// The connection to a server.
struct Connection {
    socket: TcpStream,
    session: Session,
    start: Instant,
    stream: Option<u32>,
    buffer: Vec<u8>,
}

/// Publishes until the person has gone.
pub(super) async fn publish(
    job: &Job,
    url: &Url,
    mut packets: mpsc::Receiver<Taken>,
) -> anyhow::Result<()> {
    let opened = timeout(PATIENCE, Connection::open(url));
    let mut connection = opened.await.context("the server does not answer")??;
    job.note(|status| status.state = "sending".to_owned());
    tracing::info!(room = %job.room, peer = %job.tap.peer, forward = job.id, "published by RTMP");
    // What waited meanwhile may have lost something.
    job.want_keyframe().await;
    let mut film = Film::default();
    loop {
        let due = connection.due();
        tokio::select! {
            taken = packets.recv() => match taken {
                Some(taken) => {
                    let bytes = film.handle(&taken)?;
                    job.note(|status| status.bytes += bytes);
                    if film.is_broken() {
                        job.want_keyframe().await;
                    }
                    while let Some(message) = film.muxer.poll_output() {
                        connection.send(message)?;
                    }
                }
                None => {
                    connection.session.close();
                    return connection.write().await;
                }
            },
            read = connection.socket.read(&mut connection.buffer) => connection.heard(read?),
            () = job.stop.wait() => {
                connection.session.close();
                return connection.write().await;
            }
            () = tokio::time::sleep_until(due.into()) => {
                connection.session.handle_timeout(connection.start.elapsed());
            }
        }
        connection.turn()?;
        connection.write().await?;
    }
}

impl Connection {
    /// Connects, and is let in.
    async fn open(url: &Url) -> anyhow::Result<Self> {
        let socket = TcpStream::connect((url.host_name(), url.port)).await;
        let socket = socket.with_context(|| format!("{}:{}", url.host, url.port))?;
        socket.set_nodelay(true)?;
        let session = Session::new(Config::new(url), &mut rand::rng(), Duration::ZERO);
        let mut connection = Self {
            socket,
            session,
            start: Instant::now(),
            stream: None,
            buffer: vec![0; 16 << 10],
        };
        loop {
            while let Some(event) = connection.session.poll_event()? {
                match event {
                    Event::Connected { .. } => {
                        connection.session.publish(&url.name, PublishType::Live)?;
                    }
                    Event::Publishing { stream_id, .. } => connection.stream = Some(stream_id),
                    other => refuse(other)?,
                }
            }
            connection.write().await?;
            if connection.stream.is_some() {
                return Ok(connection);
            }
            let read = connection.socket.read(&mut connection.buffer).await?;
            connection.heard(read);
        }
    }

    fn heard(&mut self, count: usize) {
        match count {
            0 => self.session.handle_eof(),
            _ => {
                let now = self.start.elapsed();
                self.session.handle_input(&self.buffer[..count], now);
            }
        }
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.session.poll_event()? {
            refuse(event)?;
        }
        Ok(())
    }

    fn send(&mut self, mut message: ::rtmp::Message) -> anyhow::Result<()> {
        message.stream_id = self.stream.context("nothing is published")?;
        Ok(self.session.send_message(&message)?)
    }

    async fn write(&mut self) -> anyhow::Result<()> {
        while let Some(bytes) = self.session.poll_transmit() {
            let written = timeout(PATIENCE, self.socket.write_all(&bytes));
            written.await.context("the server takes nothing")??;
        }
        Ok(())
    }

    fn due(&self) -> Instant {
        let due = self.session.poll_timeout();
        self.start + due.unwrap_or_else(|| self.start.elapsed() + PATIENCE)
    }
}

/// What ends a publication.
fn refuse(event: Event) -> anyhow::Result<()> {
    match event {
        Event::Closed(_) => bail!("the server has closed the connection"),
        Event::Stopped { .. } => bail!("the server has ended the stream"),
        Event::Refused {
            code, description, ..
        } => bail!("{code}: {description}"),
        Event::Status {
            level, description, ..
        } if level == "error" => bail!("the server has ended the stream: {description}"),
        _ => Ok(()),
    }
}

/// From packets to messages, beginning with a picture that needs no other one.
#[derive(Default)]
struct Film {
    packets: Option<Depacketizer>,
    muxer: Muxer,
    tracks: Tracks,
    /// What is waited for.
    lead: Option<TrackId>,
}

impl Film {
    /// Takes what comes; bytes of media.
    fn handle(&mut self, taken: &Taken) -> anyhow::Result<u64> {
        match taken {
            Taken::Begins { tracks, .. } => {
                self.finish()?;
                self.packets = Some(Depacketizer::new(tracks)?);
                Ok(0)
            }
            Taken::Packet { track, packet, .. } => {
                if let Some(packets) = &mut self.packets {
                    packets.handle(*track, packet);
                    self.drain()?;
                }
                Ok(packet.payload.len() as u64)
            }
            Taken::Ends { .. } => self.finish().map(|()| 0),
        }
    }

    fn is_broken(&mut self) -> bool {
        let packets = self.packets.as_mut();
        packets.is_some_and(|packets| std::mem::take(&mut packets.is_broken))
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        if let Some(packets) = &mut self.packets {
            packets.finish();
            self.drain()?;
        }
        self.packets = None;
        Ok(())
    }

    fn drain(&mut self) -> anyhow::Result<()> {
        while let Some(event) = self.packets.as_mut().and_then(Depacketizer::poll_event) {
            match event {
                media::Event::Tracks(found) => {
                    let fits = |track: &&media::Track| Muxer::carries(&track.codec);
                    let fitting: Tracks = found.iter().filter(fits).cloned().collect();
                    self.muxer.set_tracks(&fitting)?;
                    let lead = fitting.first_of(Kind::Video).map(|track| track.id);
                    let goes_on = lead.is_some() && self.tracks.first_of(Kind::Video).is_some();
                    if !goes_on {
                        self.lead = lead;
                    }
                    self.tracks = fitting;
                }
                media::Event::Sample(sample) if self.tracks.find(sample.track).is_some() => {
                    if let Some(lead) = self.lead {
                        if sample.track != lead || !sample.is_sync() {
                            continue;
                        }
                        self.lead = None;
                    }
                    self.muxer.handle_sample(&sample)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
