//! A stream that is published to a server of others by RTMP, or played from it.

use anyhow::{Context, bail};
use rtmp::Url;
use rtmp::client::{Config, Event, PlayStart, PublishType, Session};
use rtmp::message::status::PLAY_UNPUBLISH_NOTIFY;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

/// Longest that a server may take to let us in, or to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a server.
#[derive(Debug)]
struct Line {
    socket: TcpStream,
    session: Session,
    start: Instant,
    buffer: Vec<u8>,
}

/// A connection on which a stream is published.
#[derive(Debug)]
pub struct Publisher {
    line: Line,
    stream: u32,
}

/// A connection on which a stream is played.
#[derive(Debug)]
pub struct Player(Line);

impl Player {
    /// Connects to the server of a URL (`rtmp://`), which begins to send.
    ///
    /// # Errors
    /// As [`Publisher::open`].
    pub async fn open(url: &Url) -> anyhow::Result<Self> {
        let play = |session: &mut Session| session.play(&url.name, PlayStart::Live).map(drop);
        Line::open(url, play).await.map(|(line, _)| Self(line))
    }

    /// The next message of the stream. May be given up only for good.
    ///
    /// # Errors
    /// The connection is gone, or the server has ended the stream.
    pub async fn next(&mut self) -> anyhow::Result<rtmp::Message> {
        loop {
            while let Some(event) = self.0.session.poll_event()? {
                match event {
                    Event::Media(message) => return Ok(message),
                    Event::Status { code, .. } if code == PLAY_UNPUBLISH_NOTIFY => {
                        bail!("nobody publishes it any more")
                    }
                    other => refuse(other)?,
                }
            }
            self.0.write().await?;
            self.0.wait().await?;
        }
    }
}

impl Publisher {
    /// Connects to the server of a URL (`rtmp://`), and is let in.
    ///
    /// # Errors
    /// The server is not there, does not answer in time, or refuses; the message says which.
    pub async fn open(url: &Url) -> anyhow::Result<Self> {
        let publish = |session: &mut Session| {
            let published = session.publish(&url.name, PublishType::Live);
            published.map(drop)
        };
        let (line, stream) = Line::open(url, publish).await?;
        Ok(Self { line, stream })
    }

    /// Hands over a message of the stream, for the next [`write`](Self::write).
    ///
    /// # Errors
    /// It fits no chunk stream.
    pub fn send(&mut self, mut message: rtmp::Message) -> anyhow::Result<()> {
        message.stream_id = self.stream;
        Ok(self.line.session.send_message(&message)?)
    }

    /// Writes all that there is; gives how many bytes.
    ///
    /// # Errors
    /// The connection is gone, or the server takes nothing.
    pub async fn write(&mut self) -> anyhow::Result<u64> {
        self.line.write().await
    }

    /// Waits for the server, or for the session's clock, and hears what it says; then there may be something to
    /// [`write`](Self::write). May be given up at any time.
    ///
    /// # Errors
    /// The connection is gone, or the server has ended the stream.
    pub async fn listen(&mut self) -> anyhow::Result<()> {
        self.line.wait().await?;
        while let Some(event) = self.line.session.poll_event()? {
            refuse(event)?;
        }
        Ok(())
    }

    /// Ends the stream as it should be ended.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.line.session.close();
        self.write().await.map(drop)
    }
}

impl Line {
    /// Asks for something once the server has let us in; gives the stream of its answer, too.
    async fn open(
        url: &Url,
        ask: impl FnMut(&mut Session) -> Result<(), rtmp::Error>,
    ) -> anyhow::Result<(Self, u32)> {
        let opened = timeout(PATIENCE, Self::let_in(url, ask));
        opened.await.context("the server does not answer")?
    }

    async fn let_in(
        url: &Url,
        mut ask: impl FnMut(&mut Session) -> Result<(), rtmp::Error>,
    ) -> anyhow::Result<(Self, u32)> {
        let socket = TcpStream::connect((url.host_name(), url.port)).await;
        let socket = socket.with_context(|| format!("{}:{}", url.host, url.port))?;
        socket.set_nodelay(true)?;
        let session = Session::new(Config::new(url), &mut rand::rng(), Duration::ZERO);
        let mut line = Self {
            socket,
            session,
            start: Instant::now(),
            buffer: vec![0; 16 << 10],
        };
        loop {
            while let Some(event) = line.session.poll_event()? {
                match event {
                    Event::Connected { .. } => ask(&mut line.session)?,
                    Event::Publishing { stream_id, .. } | Event::Playing { stream_id, .. } => {
                        line.write().await?;
                        return Ok((line, stream_id));
                    }
                    other => refuse(other)?,
                }
            }
            line.write().await?;
            line.wait().await?;
        }
    }

    /// Writes all that there is; gives how many bytes.
    async fn write(&mut self) -> anyhow::Result<u64> {
        let mut count = 0;
        while let Some(bytes) = self.session.poll_transmit() {
            let written = timeout(PATIENCE, self.socket.write_all(&bytes));
            written.await.context("the server takes nothing")??;
            count += bytes.len() as u64;
        }
        Ok(count)
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        let due = self.session.poll_timeout();
        let due = self.start + due.unwrap_or_else(|| self.start.elapsed() + PATIENCE);
        tokio::select! {
            read = self.socket.read(&mut self.buffer) => match read? {
                0 => self.session.handle_eof(),
                count => {
                    let data = self.buffer.get(..count).unwrap_or_default();
                    self.session.handle_input(data, self.start.elapsed());
                }
            },
            () = sleep_until(due.into()) => self.session.handle_timeout(self.start.elapsed()),
        }
        Ok(())
    }
}

/// What ends a publication is an error.
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
