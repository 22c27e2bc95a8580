//! A client's connection of RTSP: the session over its socket, packets interleaved.

use super::rtmp::{Stream, connect, has_nothing};
use super::tls;
use anyhow::{Context, Result, bail};
use rtsp::Url;
use rtsp::client::{Config, Event, Session};
use std::time::{Duration, Instant};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// A session over its socket.
pub struct Connection {
    pub session: Session,
    stream: Box<dyn Stream>,
    origin: Instant,
    buffer: Vec<u8>,
    is_ended: bool,
}

impl Connection {
    /// Connects to the server of a URL.
    pub fn open(url: &Url) -> Result<Self> {
        let host = url.host.as_str();
        let socket = connect(host, url.port_or_default())?;
        let stream: Box<dyn Stream> = match url.scheme {
            "rtsps" => Box::new(tls::connect(host, socket)?),
            _ => Box::new(socket),
        };
        let mut config = Config::new(url.clone());
        config.user_agent = concat!("fluvial/", env!("CARGO_PKG_VERSION")).into();
        Ok(Self {
            session: Session::new(config, &mut rand::rng(), Duration::ZERO),
            stream,
            origin: Instant::now(),
            buffer: vec![0; 64 << 10],
            is_ended: false,
        })
    }

    /// Since the connection was made.
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// Waits for what `wanted` knows, and fails where the server refuses.
    pub fn expect<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.poll(left)? {
                Some(Event::Refused { status, .. }) => bail!("the server refuses {what}: {status}"),
                Some(Event::Redirected { location }) => {
                    bail!("the server says it is at {location}")
                }
                Some(Event::Closed(_)) => bail!("the server closed the connection at {what}"),
                Some(event) => {
                    if let Some(found) = wanted(&event) {
                        return Ok(found);
                    }
                }
                None if left.is_zero() => bail!("the server does not answer {what}"),
                None => {}
            }
        }
    }

    /// The next event, if one comes within this time.
    pub fn poll(&mut self, wait: Duration) -> Result<Option<Event>> {
        let deadline = Instant::now() + wait;
        loop {
            let event = self.session.poll_event();
            self.write()?;
            if let Some(event) = event? {
                return Ok(Some(event));
            }
            if self.is_ended {
                return Ok(None);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if !self.read(left)? && left.is_zero() {
                return Ok(None);
            }
        }
    }

    /// Sends what waits.
    pub fn write(&mut self) -> Result<()> {
        self.stream.socket().set_nonblocking(false)?;
        while let Some(bytes) = self.session.poll_transmit() {
            let written = self.stream.write_all(&bytes);
            written.context("the server takes no more")?;
        }
        Ok(self.stream.flush()?)
    }

    /// Reads what comes within this time; whether something did.
    fn read(&mut self, wait: Duration) -> Result<bool> {
        let timer = self.session.poll_timeout();
        let until_timer = timer.map_or(wait, |at| at.saturating_sub(self.now()));
        let wait = wait.min(until_timer);
        let socket = self.stream.socket();
        socket.set_nonblocking(wait.is_zero())?;
        if !wait.is_zero() {
            socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        }
        let read = self.stream.read(&mut self.buffer);
        let now = self.now();
        match read {
            Ok(count @ 1..) => self.session.handle_input(&self.buffer[..count], now),
            Err(error) if has_nothing(&error) => {
                if timer.is_some_and(|at| at <= now) {
                    self.session.handle_timeout(now);
                    return Ok(true);
                }
                return Ok(false);
            }
            Ok(0) | Err(_) => {
                self.is_ended = true;
                self.session.handle_eof();
            }
        }
        Ok(true)
    }

    /// Ends the session, and waits a little for the server to take note.
    pub fn close(&mut self) -> Result<()> {
        if self.session.teardown(self.now()).is_ok() {
            let deadline = Instant::now() + Duration::from_secs(3);
            while !self.is_ended && Instant::now() < deadline {
                if let Some(Event::Closed(_)) = self.poll(Duration::from_millis(100))? {
                    break;
                }
            }
        }
        Ok(())
    }
}
