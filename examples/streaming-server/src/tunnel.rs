//! RTMPT and RTMPTS: RTMP inside of HTTP. Each tunnel has a connection of its own, whose bytes come and go through a pipe.

use crate::rtmp_server::Gate;
use crate::secure::shake_hands;
use bytes::Bytes;
use common::{Listener, Pipe, Socket, Tls};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rtmp::tunnel::{self, Refused, Reply, Server, Target};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex as Guarded};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

/// Bytes that wait in each direction of a tunnel's pipe.
const BUFFER: usize = 64 << 10;
/// How often tunnels are looked through for clients that have gone.
const HOUSEKEEPING: Duration = Duration::from_secs(5);

/// All tunnels of a listener.
#[derive(Clone)]
struct Tunnels {
    open: Arc<Guarded<HashMap<String, Arc<Mutex<Tunnel>>>>>,
    config: tunnel::Config,
    max: usize,
    start: Instant,
    gate: Gate,
}

/// Serial by its nature: a request waits until the one before is answered.
struct Tunnel {
    server: Server,
    /// The other end is the connection's; none once it has gone.
    pipe: Option<Pipe>,
}

/// Accepts until the shutdown begins, then waits for all connections to end.
pub(crate) async fn serve(listener: Listener, tls: Option<Tls>, gate: Gate, max: usize) {
    let acceptor = tls.map(|tls| tls.acceptor());
    let tunnels = Tunnels {
        open: Arc::default(),
        config: tunnel::Config::default(),
        max,
        start: Instant::now(),
        gate: gate.clone(),
    };
    let keeper = tokio::spawn(tunnels.clone().keep_house());
    let mut connections = JoinSet::new();
    let mut ending = pin!(gate.cut().wait());
    loop {
        let (socket, peer, permit) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut ending => break,
        };
        while connections.try_join_next().is_some() {}
        let (acceptor, tunnels, gate) = (acceptor.clone(), tunnels.clone(), gate.clone());
        connections.spawn(async move {
            let served = match acceptor {
                Some(acceptor) => match shake_hands(&acceptor, socket, &gate).await {
                    Ok(stream) => tunnels.connection(stream, peer).await,
                    Err(error) => Err(error.to_string()),
                },
                None => tunnels.connection(socket, peer).await,
            };
            if let Err(error) = served {
                tracing::debug!(%peer, "HTTP connection closed: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    keeper.abort();
    // Players are told the end by the tunnels' connections; who asks for it has a moment to do so.
    let _ = tokio::time::timeout(Duration::from_millis(500), async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}

impl Tunnels {
    async fn connection(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
    ) -> Result<(), String> {
        let idle = self.config.expiry;
        let service = service_fn(move |request| {
            let tunnels = self.clone();
            async move { Ok::<_, Infallible>(tunnels.respond(request, peer).await) }
        });
        http1::Builder::new()
            // librtmp looks for "Content-Length" in these letters.
            .title_case_headers(true)
            .timer(TokioTimer::new())
            .header_read_timeout(idle)
            .serve_connection(TokioIo::new(stream), service)
            .await
            .map_err(|error| error.to_string())
    }

    async fn respond(&self, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let answer = if request.method() == Method::POST {
            self.answer(request, peer).await
        } else {
            Err(Refused::Status(StatusCode::METHOD_NOT_ALLOWED.as_u16()))
        };
        let (status, body) = match answer {
            Ok(body) => (200, body),
            Err(refused) => {
                tracing::debug!(%peer, "request refused: {refused}");
                (refused.status(), Bytes::new())
            }
        };
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(tunnel::CONTENT_TYPE));
        headers.insert(CONNECTION, HeaderValue::from_static("Keep-Alive"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }

    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr) -> Result<Bytes, Refused> {
        let target: Target = request.uri().path().parse()?;
        let body = Limited::new(request.into_body(), self.config.body);
        // A body that drips in would keep its connection for ever.
        let timeout = Refused::Status(StatusCode::REQUEST_TIMEOUT.as_u16());
        let body = tokio::time::timeout(self.gate.patience(), body.collect())
            .await
            .map_err(|_| timeout)?
            .map_err(|_| Refused::TooLong)?
            .to_bytes();
        let Some(id) = target.id() else {
            return match target {
                Target::Open => self.open(peer),
                _ => Err(Refused::Unknown),
            };
        };
        let tunnel = self.find(id).ok_or(Refused::Unknown)?;
        let mut tunnel = tunnel.lock().await;
        let Tunnel { server, pipe } = &mut *tunnel;
        let accepted = server.handle_request(&target, &body, self.start.elapsed())?;
        if let Some(socket) = pipe
            && (socket.write_all(accepted.input).await.is_err() || server.is_closed())
        {
            *pipe = None;
        }
        // What it asks is answered with it, not with the next request.
        if let (Some(socket), Target::Send { .. }) = (&pipe, &target) {
            socket.answered().await;
        }
        let ticket = accepted.ticket;
        let reply = loop {
            let ended = pipe.is_none();
            let mut gone = false;
            let reply = server.poll_response(ticket, self.start.elapsed(), || {
                let (bytes, end) = pipe.as_ref().map_or((None, false), take);
                gone |= end;
                bytes
            });
            if gone || ended {
                *pipe = None;
                server.close();
            }
            match (reply, pipe.as_ref()) {
                (Reply::Ready(body), _) => break body,
                (Reply::Wait(until), Some(socket)) => {
                    let until = tokio::time::Instant::from_std(self.start + until);
                    // Late or not, what there is is looked at next.
                    let _ = tokio::time::timeout_at(until, socket.readable()).await;
                }
                (Reply::Wait(_), None) => {}
            }
        };
        if server.is_closed() {
            self.forget(target.id().unwrap_or_default());
        }
        Ok(reply)
    }

    fn open(&self, peer: SocketAddr) -> Result<Bytes, Refused> {
        let unavailable = Refused::Status(StatusCode::SERVICE_UNAVAILABLE.as_u16());
        let server = Server::new(self.config.clone(), &mut rand::rng(), self.start.elapsed());
        let (inner, outer) = Pipe::pair(BUFFER);
        let answer = server.open_response();
        let id = server.id().to_owned();
        let pipe = Some(outer);
        {
            let mut open = self
                .open
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if open.len() >= self.max {
                tracing::warn!(%peer, "tunnel refused: too many are open");
                return Err(unavailable);
            }
            open.insert(id, Arc::new(Mutex::new(Tunnel { server, pipe })));
        }
        tokio::spawn(self.gate.clone().pass(Socket::Local(inner), peer));
        Ok(answer)
    }

    fn find(&self, id: &str) -> Option<Arc<Mutex<Tunnel>>> {
        let open = self
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        open.get(id).cloned()
    }

    fn forget(&self, id: &str) {
        let mut open = self
            .open
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        open.remove(id);
    }

    /// Drops the tunnels of clients that have gone: their connections end with them.
    async fn keep_house(self) {
        loop {
            tokio::time::sleep(HOUSEKEEPING).await;
            let now = self.start.elapsed();
            let mut open = self
                .open
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            // One whose request is being answered is not gone.
            open.retain(|_, tunnel| {
                tunnel
                    .try_lock()
                    .map_or(true, |tunnel| !tunnel.server.is_expired(now))
            });
        }
    }
}

/// The bytes that wait in a pipe, and whether it has ended.
fn take(pipe: &Pipe) -> (Option<Bytes>, bool) {
    let mut buffer = vec![0; BUFFER];
    match pipe.try_read(&mut buffer) {
        Ok(0) => (None, true),
        Ok(count) => {
            buffer.truncate(count);
            (Some(buffer.into()), false)
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => (None, false),
        Err(_) => (None, true),
    }
}
