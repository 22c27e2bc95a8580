//! As much of HTTP/1.1 as tunnels need, over blocking sockets: a program with an HTTP library has no use for this.

use fluvial_rtmp::Error;
use fluvial_rtmp::server::{Config, Event, Session};
use fluvial_rtmp::tunnel::{self, CONTENT_TYPE, Refused, Reply, Server, Target};
use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What to do about the events of sessions; false ends one.
pub(crate) type Handle = Arc<dyn Fn(&mut Session, Event) -> Result<bool, Error> + Send + Sync>;

/// A tunnel and the session at its end.
struct Tunnel {
    server: Server,
    session: Session,
}

type Tunnels = Arc<Mutex<HashMap<String, Arc<Mutex<Tunnel>>>>>;

struct Listener {
    start: Instant,
    config: Config,
    handle: Handle,
    tunnels: Tunnels,
}

/// Serves tunnels, a thread for each connection.
pub(crate) fn listen(listener: &TcpListener, config: Config, handle: Handle) {
    let shared = Arc::new(Listener {
        start: Instant::now(),
        config,
        handle,
        tunnels: Tunnels::default(),
    });
    for socket in listener.incoming().flatten() {
        let shared = Arc::clone(&shared);
        std::thread::spawn(move || {
            if let Err(error) = shared.serve(&socket) {
                println!("an HTTP connection ends: {error}");
            }
        });
    }
}

impl Listener {
    fn serve(&self, socket: &TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(socket);
        while let Some((method, path, body)) = read_request(&mut reader)? {
            let (status, body) = if method == "POST" {
                match self.answer(&path, &body) {
                    Ok(body) => (200, body),
                    Err(refused) => (refused.status(), Vec::new()),
                }
            } else {
                (405, Vec::new())
            };
            // librtmp reads just this: the version, the status and the capitals of this header.
            let head = format!(
                "HTTP/1.1 {status} OK\r\nContent-Type: {CONTENT_TYPE}\r\nContent-Length: {}\r\n\
                 Connection: Keep-Alive\r\nCache-Control: no-cache\r\n\r\n",
                body.len()
            );
            (&*socket).write_all(&[head.as_bytes(), &body].concat())?;
        }
        Ok(())
    }

    fn answer(&self, path: &str, body: &[u8]) -> Result<Vec<u8>, Refused> {
        let now = || self.start.elapsed();
        let target: Target = path.parse()?;
        let mut tunnels = self.tunnels.lock().unwrap();
        tunnels.retain(|_, tunnel| {
            // One that is busy is not gone.
            tunnel
                .try_lock()
                .map_or(true, |tunnel| !tunnel.server.is_expired(now()))
        });
        let Some(id) = target.id() else {
            if target != Target::Open {
                return Err(Refused::Unknown);
            }
            let server = Server::new(tunnel::Config::default(), &mut rand::rng(), now());
            let session = Session::new(self.config.clone(), &mut rand::rng(), now());
            let answer = server.open_response();
            let id = server.id().to_owned();
            tunnels.insert(id, Arc::new(Mutex::new(Tunnel { server, session })));
            return Ok(answer.to_vec());
        };
        let tunnel = tunnels.get(id).ok_or(Refused::Unknown)?.clone();
        drop(tunnels);
        let ticket = {
            let mut tunnel = tunnel.lock().unwrap();
            let Tunnel { server, session } = &mut *tunnel;
            let accepted = server.handle_request(&target, body, now())?;
            session.handle_input(accepted.input, now());
            if server.is_closed() {
                session.handle_eof();
            }
            loop {
                let goes_on = match session.poll_event() {
                    Ok(Some(event)) => (self.handle)(session, event),
                    Ok(None) => break,
                    Err(error) => Err(error),
                };
                if !matches!(goes_on, Ok(true)) {
                    println!("a session ends: {goes_on:?}");
                    server.close();
                    break;
                }
            }
            accepted.ticket
        };
        loop {
            {
                let mut tunnel = tunnel.lock().unwrap();
                let Tunnel { server, session } = &mut *tunnel;
                if let Reply::Ready(body) =
                    server.poll_response(ticket, now(), || session.poll_transmit())
                {
                    return Ok(body.to_vec());
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Reads a request: method, path and body; none at the end of the connection.
pub(crate) fn read_request(
    reader: &mut impl BufRead,
) -> io::Result<Option<(String, String, Vec<u8>)>> {
    let mut first = String::new();
    if reader.read_line(&mut first)? == 0 {
        return Ok(None);
    }
    let mut words = first.split_whitespace().map(str::to_owned);
    let (method, path) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    let body = read_body(reader)?;
    Ok(Some((method, path, body)))
}

/// Reads headers and, as long as they say, what follows.
pub(crate) fn read_body(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut len = 0u64;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            len = value.trim().parse().unwrap_or(0);
        }
    }
    let mut body = Vec::new();
    reader.take(len.min(8 << 20)).read_to_end(&mut body)?;
    Ok(body)
}
