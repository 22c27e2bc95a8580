//! RTSP: publishers and players, naked, inside of TLS, and inside of HTTP.

mod connection;
pub(crate) mod egress;
mod film;
pub(crate) mod ingest;
mod multicast;
mod player;
pub(crate) mod pull;
mod secrets;
mod tunnel;
mod udp;

use crate::config::Config;
use crate::hub::Hub;
use crate::vod::Library;
use anyhow::Context;
use common::{Listener, Pipe, Shutdown, Socket, Tls};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio::task::JoinSet;

/// Bytes that wait in each direction of a pair.
const BUFFER: usize = 64 << 10;

/// What every connection has to know.
#[derive(Debug, Clone)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hub: Hub,
    library: Option<Library>,
    setup: rtsp::server::Config,
    stall: Duration,
    cut: Shutdown,
    ports: udp::Ports,
    groups: multicast::Groups,
    /// The origin of all times.
    start: Instant,
}

impl Gate {
    /// Binds the ports for datagrams.
    pub(crate) async fn new(
        hub: Hub,
        library: Option<Library>,
        config: &Config,
        address: SocketAddr,
        cut: Shutdown,
    ) -> anyhow::Result<Self> {
        let mut setup = rtsp::server::Config::default();
        setup.connect = config.handshake;
        setup.name = concat!("fluvial-streaming-server/", env!("CARGO_PKG_VERSION")).into();
        let ports = udp::Ports::bind(address.ip())
            .await
            .context("cannot have two ports for RTP and RTCP")?;
        Ok(Self(Arc::new(Inner {
            hub,
            library,
            setup,
            stall: config.stall,
            cut,
            ports,
            groups: multicast::Groups::new(config.multicast),
            start: Instant::now(),
        })))
    }

    /// Serves one connection until it ends.
    async fn pass(self, socket: Socket, peer: SocketAddr, local: SocketAddr) {
        connection::Connection::new(socket, peer, local, self)
            .run()
            .await;
    }

    /// Serves what comes out of a stream.
    async fn bridge(
        self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        peer: SocketAddr,
        local: SocketAddr,
    ) {
        let (inner, mut outer) = Pipe::pair(BUFFER);
        let mut serving = pin!(self.pass(Socket::Local(inner), peer, local));
        let mut copying = pin!(async move {
            // How it ended, the connection finds out by itself.
            let _ = copy_bidirectional_with_sizes(&mut stream, &mut outer, BUFFER, BUFFER).await;
        });
        tokio::select! {
            // What had come before the end is still served.
            () = &mut copying => serving.await,
            () = &mut serving => {
                let _ = tokio::time::timeout(Duration::from_secs(1), copying).await;
            }
        }
    }
}

/// Accepts until the shutdown begins, then waits for all connections to end. With `tls`, inside of it.
pub(crate) async fn serve(listener: Listener, tls: Option<Tls>, gate: Gate) {
    let acceptor = tls.map(|tls| tls.acceptor());
    let tunnels = tunnel::Tunnels::new(gate.clone());
    let mut connections = JoinSet::new();
    let cut = gate.0.cut.clone();
    let mut ending = pin!(cut.wait());
    loop {
        let (socket, peer, permit) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut ending => break,
        };
        while connections.try_join_next().is_some() {}
        let (acceptor, gate, tunnels) = (acceptor.clone(), gate.clone(), tunnels.clone());
        connections.spawn(async move {
            let Ok(local) = socket.local_addr() else {
                return;
            };
            let patience = gate.0.setup.connect;
            // What only some have takes no memory of the others.
            match acceptor {
                Some(acceptor) => {
                    let accepting = Box::pin(acceptor.accept(socket));
                    match tokio::time::timeout(patience, accepting).await {
                        Ok(Ok(stream)) => Box::pin(gate.bridge(stream, peer, local)).await,
                        Ok(Err(error)) => tracing::debug!(%peer, "TLS connection closed: {error}"),
                        Err(_) => tracing::debug!(%peer, "TLS connection closed: it took too long"),
                    }
                }
                None => match tokio::time::timeout(patience, tunnel::is_http(&socket)).await {
                    Ok(true) => Box::pin(tunnels.serve(socket, peer, local)).await,
                    Ok(false) => gate.pass(Socket::Tcp(socket), peer, local).await,
                    Err(_) => {
                        tracing::warn!(%peer, "connection closed: the first request timed out");
                    }
                },
            }
            drop(permit);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// What a page or a log can tell of a peer.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
