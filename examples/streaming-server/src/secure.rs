//! RTMPS: RTMP inside of TLS. A task of its own deciphers each connection for the one that serves it.

use crate::rtmp_server::Gate;
use common::{Listener, Pipe, Socket, Tls};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional_with_sizes};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// Bytes that wait in each direction of a pipe, and on their way into and out of it.
const BUFFER: usize = 16 << 10;

/// Accepts until the shutdown begins, then waits for all connections to end.
pub(crate) async fn serve(listener: Listener, tls: Tls, gate: Gate) {
    let acceptor = tls.acceptor();
    let mut connections = JoinSet::new();
    let mut ending = pin!(gate.cut().wait());
    loop {
        let (socket, peer, permit) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut ending => break,
        };
        while connections.try_join_next().is_some() {}
        let (acceptor, gate) = (acceptor.clone(), gate.clone());
        connections.spawn(async move {
            if let Err(error) = connection(&acceptor, socket, peer, gate).await {
                tracing::debug!(%peer, "TLS connection closed: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    acceptor: &TlsAcceptor,
    socket: TcpStream,
    peer: SocketAddr,
    gate: Gate,
) -> io::Result<()> {
    let stream = shake_hands(acceptor, socket, &gate).await?;
    bridge(stream, peer, gate).await
}

/// TLS's own handshake, which a peer must not draw out.
pub(crate) async fn shake_hands(
    acceptor: &TlsAcceptor,
    socket: TcpStream,
    gate: &Gate,
) -> io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    match tokio::time::timeout(gate.patience(), acceptor.accept(socket)).await {
        Ok(stream) => stream,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Serves what comes out of a stream.
async fn bridge(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    peer: SocketAddr,
    gate: Gate,
) -> io::Result<()> {
    let (inner, mut outer) = Pipe::pair(BUFFER);
    let mut serving = pin!(gate.pass(Socket::Local(inner), peer));
    let mut copying = pin!(async move {
        // How it ended, the connection finds out by itself.
        let _ = copy_bidirectional_with_sizes(&mut stream, &mut outer, BUFFER, BUFFER).await;
    });
    tokio::select! {
        // What had come before the end is still served.
        () = &mut copying => serving.await,
        // Its last bytes are still to go; the peer need not answer them.
        () = &mut serving => {
            let _ = tokio::time::timeout(Duration::from_secs(1), copying).await;
        }
    }
    Ok(())
}
