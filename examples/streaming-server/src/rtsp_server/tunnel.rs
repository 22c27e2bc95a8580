//! RTSP inside of HTTP, on the same port: two requests, or a WebSocket.

use super::{BUFFER, Gate};
use bytes::Bytes;
use common::{Pipe, Socket};
use rtsp::tunnel::{http, websocket};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Longest that the second request may come before the first.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest that a tunnel may take for its last bytes.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// Whether a connection begins with HTTP.
pub(super) async fn is_http(socket: &TcpStream) -> bool {
    let mut start = [0; 5];
    loop {
        match socket.peek(&mut start).await {
            Ok(count @ 1..=4)
                if b"GET ".starts_with(&start[..count])
                    || b"POST ".starts_with(&start[..count]) =>
            {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok(count) => return http::is_http(&start[..count]),
            Err(_) => return false,
        }
    }
}

/// Tunnels that are open, by their cookies: what comes by the second request goes there.
#[derive(Debug, Clone)]
pub(super) struct Tunnels {
    gate: Gate,
    open: Arc<Mutex<HashMap<String, mpsc::Sender<Bytes>>>>,
}

impl Tunnels {
    pub(super) fn new(gate: Gate) -> Self {
        Self {
            gate,
            open: Arc::default(),
        }
    }

    pub(super) async fn serve(self, socket: TcpStream, peer: SocketAddr, local: SocketAddr) {
        if let Err(error) = self.carry(socket, peer, local).await {
            tracing::warn!(%peer, "tunnel closed: {error}");
        }
    }

    async fn carry(
        self,
        mut socket: TcpStream,
        peer: SocketAddr,
        local: SocketAddr,
    ) -> anyhow::Result<()> {
        let mut buffer = Vec::new();
        let (head, length) = loop {
            if let Some(found) = http::Head::parse(&buffer)? {
                break found;
            }
            let patience = self.gate.0.setup.connect;
            let count = tokio::time::timeout(patience, socket.read_buf(&mut buffer)).await??;
            anyhow::ensure!(count > 0, "it ended within its request");
        };
        let rest = buffer.split_off(length);
        match head.kind {
            http::Kind::Get => self.get(socket, head.cookie, peer, local).await?,
            http::Kind::Post => self.post(socket, &head.cookie, rest).await?,
            http::Kind::WebSocket => {
                self.web_socket(socket, &head.cookie, rest, peer, local)
                    .await?;
            }
        }
        Ok(())
    }

    async fn get(
        self,
        mut socket: TcpStream,
        cookie: String,
        peer: SocketAddr,
        local: SocketAddr,
    ) -> anyhow::Result<()> {
        let (inner, outer) = Pipe::pair(BUFFER);
        let (sender, mut received) = mpsc::channel::<Bytes>(64);
        {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            anyhow::ensure!(!open.contains_key(&cookie), "its cookie is taken");
            open.insert(cookie.clone(), sender);
        }
        socket.write_all(&http::get_response()).await?;
        let serving = self.gate.clone().pass(Socket::Local(inner), peer, local);
        let (mut from, mut into) = tokio::io::split(outer);
        let (mut client, mut answer) = socket.into_split();
        let mut down = pin!(tokio::io::copy(&mut from, &mut answer));
        let up = async {
            while let Some(bytes) = received.recv().await {
                if into.write_all(&bytes).await.is_err() {
                    break;
                }
            }
        };
        let gone = async {
            // Whatever else it says on this connection means nothing; that it ends does.
            let mut buffer = [0; 512];
            while matches!(client.read(&mut buffer).await, Ok(1..)) {}
        };
        tokio::select! {
            () = serving => {
                // Its last bytes are still to go.
                let _ = tokio::time::timeout(LAST_BYTES, down).await;
            }
            _ = &mut down => {}
            () = up => {}
            () = gone => {}
        }
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(&cookie);
        Ok(())
    }

    async fn post(
        self,
        mut socket: TcpStream,
        cookie: &str,
        mut data: Vec<u8>,
    ) -> anyhow::Result<()> {
        let find = || {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.get(cookie).cloned()
        };
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                match find() {
                    Some(sender) => return sender,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        });
        let sender = waited
            .await
            .map_err(|_| anyhow::anyhow!("nobody has its cookie"))?;
        let mut decoder = http::Decoder::new();
        loop {
            let mut out = Vec::new();
            decoder.decode(&data, &mut out)?;
            if !out.is_empty() && sender.send(out.into()).await.is_err() {
                return Ok(());
            }
            data.clear();
            tokio::select! {
                read = socket.read_buf(&mut data) => if read? == 0 {
                    // Clients may go on by another one.
                    return Ok(());
                },
                () = sender.closed() => return Ok(()),
            }
        }
    }

    async fn web_socket(
        self,
        mut socket: TcpStream,
        key: &str,
        rest: Vec<u8>,
        peer: SocketAddr,
        local: SocketAddr,
    ) -> anyhow::Result<()> {
        socket.write_all(&websocket::response(key)).await?;
        let (inner, outer) = Pipe::pair(BUFFER);
        let serving = self.gate.clone().pass(Socket::Local(inner), peer, local);
        let (mut from, mut into) = tokio::io::split(outer);
        let (mut client, answer) = socket.into_split();
        let answer = tokio::sync::Mutex::new(answer);
        let down = async {
            let mut data = vec![0; 64 << 10];
            loop {
                let count = from.read(&mut data).await?;
                if count == 0 {
                    return io::Result::Ok(());
                }
                let mut frame = Vec::with_capacity(count + 10);
                websocket::encode(&data[..count], None, &mut frame);
                answer.lock().await.write_all(&frame).await?;
            }
        };
        let up = async {
            let mut decoder = websocket::Decoder::server(1 << 20);
            let mut data = rest;
            loop {
                decoder.handle_input(&data);
                while let Some(piece) = decoder.poll()? {
                    match piece {
                        websocket::Piece::Data(data) => into.write_all(&data).await?,
                        websocket::Piece::Reply(reply) => {
                            answer.lock().await.write_all(&reply).await?;
                        }
                        websocket::Piece::Closed => return anyhow::Ok(()),
                    }
                }
                data.clear();
                if client.read_buf(&mut data).await? == 0 {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            () = serving => Ok(()),
            down = down => Ok(down?),
            up = up => up,
        }
    }
}
