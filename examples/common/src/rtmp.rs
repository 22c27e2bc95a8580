//! A stream that is published to a server of others by RTMP.

use anyhow::{Context, bail};
use rtmp::Url;
use rtmp::client::{Config, Event, PublishType, Session};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep_until, timeout};

/// Longest that a server may take to let us in, or to take what is sent.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection on which a stream is published.
#[derive(Debug)]
pub struct Publisher {
    socket: TcpStream,
    session: Session,
    start: Instant,
    stream: Option<u32>,
    buffer: Vec<u8>,
}

impl Publisher {
    /// Connects to the server of a URL (`rtmp://`), and is let in.
    ///
    /// # Errors
    /// The server is not there, does not answer in time, or refuses; the message says which.
    pub async fn open(url: &Url) -> anyhow::Result<Self> {
        let opened = timeout(PATIENCE, Self::let_in(url));
        opened.await.context("the server does not answer")?
    }

    async fn let_in(url: &Url) -> anyhow::Result<Self> {
        let socket = TcpStream::connect((url.host_name(), url.port)).await;
        let socket = socket.with_context(|| format!("{}:{}", url.host, url.port))?;
        socket.set_nodelay(true)?;
        let session = Session::new(Config::new(url), &mut rand::rng(), Duration::ZERO);
        let mut publisher = Self {
            socket,
            session,
            start: Instant::now(),
            stream: None,
            buffer: vec![0; 16 << 10],
        };
        loop {
            while let Some(event) = publisher.session.poll_event()? {
                match event {
                    Event::Connected { .. } => {
                        publisher.session.publish(&url.name, PublishType::Live)?;
                    }
                    Event::Publishing { stream_id, .. } => publisher.stream = Some(stream_id),
                    other => refuse(other)?,
                }
            }
            publisher.write().await?;
            if publisher.stream.is_some() {
                return Ok(publisher);
            }
            publisher.wait().await?;
        }
    }

    /// Hands over a message of the stream, for the next [`write`](Self::write).
    ///
    /// # Errors
    /// It fits no chunk stream.
    pub fn send(&mut self, mut message: rtmp::Message) -> anyhow::Result<()> {
        message.stream_id = self.stream.context("nothing is published")?;
        Ok(self.session.send_message(&message)?)
    }

    /// Writes all that there is; gives how many bytes.
    ///
    /// # Errors
    /// The connection is gone, or the server takes nothing.
    pub async fn write(&mut self) -> anyhow::Result<u64> {
        let mut count = 0;
        while let Some(bytes) = self.session.poll_transmit() {
            let written = timeout(PATIENCE, self.socket.write_all(&bytes));
            written.await.context("the server takes nothing")??;
            count += bytes.len() as u64;
        }
        Ok(count)
    }

    /// Waits for the server, or for the session's clock, and hears what it says; then there may be something to
    /// [`write`](Self::write). May be given up at any time.
    ///
    /// # Errors
    /// The connection is gone, or the server has ended the stream.
    pub async fn listen(&mut self) -> anyhow::Result<()> {
        self.wait().await?;
        while let Some(event) = self.session.poll_event()? {
            refuse(event)?;
        }
        Ok(())
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

    /// Ends the stream as it should be ended.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn close(mut self) -> anyhow::Result<()> {
        self.session.close();
        self.write().await.map(drop)
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
