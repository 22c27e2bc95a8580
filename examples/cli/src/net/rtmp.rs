//! A client's connection of the RTMP family: the session, and what its bytes go through.

use super::{http, tls};
use anyhow::{Context, Result, bail};
use rtmp::client::{Auth, Config, Event, PlayStart, PublishType, Session};
use rtmp::{Message, Url, tunnel};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

/// How long a server may take to let a connection in, and to answer a request.
const PATIENCE: Duration = Duration::from_secs(15);
/// Connections that authentication takes.
const ATTEMPTS: u32 = 3;

/// A session over its transport.
pub struct Connection {
    session: Session,
    transport: Transport,
    origin: Instant,
    buffer: Vec<u8>,
    is_ended: bool,
}

enum Transport {
    /// Bytes as they are, or within TLS.
    Stream(Box<dyn Stream>),
    /// Inside of HTTP requests to this address.
    Tunnel {
        tunnel: tunnel::Client,
        base: String,
    },
}

/// A connected socket, perhaps deciphered.
pub trait Stream: Read + Write {
    fn socket(&self) -> &TcpStream;
}

impl Stream for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Stream for tls::Stream {
    fn socket(&self) -> &TcpStream {
        self.get_ref()
    }
}

impl Transport {
    fn open(url: &Url) -> Result<Self> {
        if url.scheme.is_tunnelled() {
            let outer = if url.scheme.is_secure() {
                "https"
            } else {
                "http"
            };
            let base = format!("{outer}://{}:{}", url.host, url.port);
            let tunnel = tunnel::Client::new();
            return Ok(Self::Tunnel { tunnel, base });
        }
        let socket = connect(url.host_name(), url.port)?;
        Ok(Self::Stream(if url.scheme.is_secure() {
            Box::new(tls::connect(url.host_name(), socket)?)
        } else {
            Box::new(socket)
        }))
    }
}

pub(super) fn connect(host: &str, port: u16) -> Result<TcpStream> {
    let addresses = (host, port)
        .to_socket_addrs()
        .with_context(|| format!("{host} is not known"))?;
    let mut failed = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                socket.set_write_timeout(Some(PATIENCE))?;
                return Ok(socket);
            }
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) => Err(error).with_context(|| format!("{host}:{port}")),
        None => bail!("{host} has no address"),
    }
}

impl Connection {
    /// Connects to the application of a URL, and answers what it asks of the URL's user.
    pub fn open(url: &Url) -> Result<Self> {
        let mut auth = url.auth();
        let mut query = None;
        for _ in 0..ATTEMPTS {
            match Self::connect(url, query.as_deref(), auth.as_mut())? {
                Let::In(connection) => return Ok(*connection),
                Let::Answer(answer) => query = Some(answer),
            }
        }
        bail!("the server asks for authentication again and again");
    }

    fn connect(url: &Url, query: Option<&str>, auth: Option<&mut Auth>) -> Result<Let> {
        let mut config = Config::new(url);
        if let Some(query) = query {
            config.app = format!("{}?{query}", config.app);
            config.tc_url = format!("{}?{query}", config.tc_url);
        }
        let session = Session::new(config, &mut rand::rng(), Duration::ZERO);
        let mut connection = Self {
            session,
            transport: Transport::open(url)?,
            origin: Instant::now(),
            buffer: vec![0; 64 << 10],
            is_ended: false,
        };
        loop {
            match connection.expect_event("to be let in")? {
                Event::Connected { .. } => return Ok(Let::In(Box::new(connection))),
                Event::Refused {
                    description, code, ..
                } => {
                    let answer =
                        auth.and_then(|auth| auth.answer(&url.app, &description, &mut rand::rng()));
                    return match answer {
                        Some(answer) => Ok(Let::Answer(answer)),
                        None => Err(refused("the connection", &code, &description)),
                    };
                }
                Event::Closed(_) => bail!("the server closed the connection before it let us in"),
                _ => {}
            }
        }
    }

    /// Asks to publish; gives the message stream.
    pub fn publish(&mut self, name: &str) -> Result<u32> {
        self.session.publish(name, PublishType::Live)?;
        self.granted("to publish")
    }

    /// Asks to play; gives the message stream.
    pub fn play(&mut self, name: &str) -> Result<u32> {
        self.session.play(name, PlayStart::Any)?;
        self.granted("to play")
    }

    fn granted(&mut self, what: &str) -> Result<u32> {
        loop {
            match self.expect_event(what)? {
                Event::Publishing { stream_id, .. } | Event::Playing { stream_id, .. } => {
                    return Ok(stream_id);
                }
                Event::Refused {
                    code, description, ..
                } => return Err(refused(what, &code, &description)),
                Event::Closed(_) => bail!("the server closed the connection when we asked {what}"),
                _ => {}
            }
        }
    }

    fn expect_event(&mut self, what: &str) -> Result<Event> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(event) = self.poll(deadline.saturating_duration_since(Instant::now()))? {
                return Ok(event);
            }
            if self.is_ended {
                bail!("the server closed the connection when we asked {what}");
            }
            if Instant::now() >= deadline {
                bail!("the server does not answer when we ask {what}");
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

    /// Sends a message of the stream that it names.
    pub fn send(&mut self, message: &Message) -> Result<()> {
        self.session.send_message(message)?;
        self.write()
    }

    /// Ends what goes on, and waits a little for the server to take note.
    pub fn close(&mut self) -> Result<()> {
        self.session.close();
        let deadline = Instant::now() + PATIENCE;
        while self.session.transmit_len() > 0 && Instant::now() < deadline {
            self.write()?;
        }
        match &mut self.transport {
            Transport::Stream(stream) => {
                // Closing while an answer is unread would reset the connection, and what is under way be lost.
                let _ = stream.flush();
                let _ = stream.socket().shutdown(std::net::Shutdown::Write);
                let _ = stream
                    .socket()
                    .set_read_timeout(Some(Duration::from_secs(2)));
                while stream.read(&mut self.buffer).is_ok_and(|n| n > 0) {}
            }
            Transport::Tunnel { tunnel, .. } => {
                tunnel.close();
                while !self.is_tunnel_closed() && Instant::now() < deadline {
                    self.exchange(Duration::ZERO)?;
                }
            }
        }
        Ok(())
    }

    const fn is_tunnel_closed(&self) -> bool {
        match &self.transport {
            Transport::Tunnel { tunnel, .. } => tunnel.is_closed(),
            Transport::Stream(_) => false,
        }
    }

    fn write(&mut self) -> Result<()> {
        match &mut self.transport {
            Transport::Stream(stream) => {
                let _ = stream.socket().set_nonblocking(false);
                while let Some(bytes) = self.session.poll_transmit() {
                    stream
                        .write_all(&bytes)
                        .context("the server takes no more")?;
                }
                Ok(stream.flush()?)
            }
            Transport::Tunnel { .. } => {
                while self.session.transmit_len() > 0 && !self.is_tunnel_closed() {
                    self.exchange(Duration::ZERO)?;
                }
                Ok(())
            }
        }
    }

    /// Reads what comes within this time; whether something did.
    fn read(&mut self, wait: Duration) -> Result<bool> {
        if self.is_ended {
            return Ok(false);
        }
        let elapsed = self.origin.elapsed();
        let timer = self.session.poll_timeout();
        let until_timer = timer.map_or(wait, |at| at.saturating_sub(elapsed));
        let wait = wait.min(until_timer);
        let Transport::Stream(stream) = &mut self.transport else {
            return self.exchange(wait);
        };
        if wait.is_zero() {
            stream.socket().set_nonblocking(true)?;
        } else {
            stream.socket().set_nonblocking(false)?;
            let wait = wait.max(Duration::from_millis(1));
            stream.socket().set_read_timeout(Some(wait))?;
        }
        let read = stream.read(&mut self.buffer);
        let now = self.origin.elapsed();
        match read {
            Ok(0) => {
                self.is_ended = true;
                self.session.handle_eof();
            }
            Ok(n) => self.session.handle_input(&self.buffer[..n], now),
            Err(error) if has_nothing(&error) => {
                if timer.is_some_and(|at| at <= now) {
                    self.session.handle_timeout(now);
                    return Ok(true);
                }
                return Ok(false);
            }
            Err(_) => {
                self.is_ended = true;
                self.session.handle_eof();
            }
        }
        Ok(true)
    }

    /// One request of the tunnel, if there is reason for one within this time; whether there was.
    fn exchange(&mut self, wait: Duration) -> Result<bool> {
        let Transport::Tunnel { tunnel, base } = &mut self.transport else {
            return Ok(false);
        };
        if tunnel.is_closed() {
            self.is_ended = true;
            self.session.handle_eof();
            return Ok(true);
        }
        let now = self.origin.elapsed();
        let session = &mut self.session;
        let Some(request) = tunnel.poll_request(now, || session.poll_transmit()) else {
            let due = tunnel.poll_timeout().map(|at| at.saturating_sub(now));
            std::thread::sleep(due.map_or(wait, |due| due.min(wait)));
            return Ok(due.is_some_and(|due| due <= wait));
        };
        let url = format!("{base}{}", request.path);
        let answer = http::post(&url, tunnel::CONTENT_TYPE, &request.body);
        let (status, body) = answer.context("the tunnel broke")?;
        let now = self.origin.elapsed();
        let data = tunnel
            .handle_response(status, &body, now)
            .context("the tunnel was refused")?;
        if !data.is_empty() {
            self.session.handle_input(data, now);
        } else if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now);
        }
        Ok(true)
    }
}

/// What a server makes of a connection.
enum Let {
    In(Box<Connection>),
    /// It is to be made anew, with this in its query.
    Answer(String),
}

fn refused(what: &str, code: &str, description: &str) -> anyhow::Error {
    let words = if description.is_empty() {
        code
    } else {
        description
    };
    anyhow::anyhow!("the server refuses {what}: {words}")
}

pub(super) fn has_nothing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted
    )
}
