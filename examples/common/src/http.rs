use crate::{Listener, Shutdown};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tower_service::Service;

/// How long the head of a request may take, from the end of the one before: whoever sends it letter by letter, or nothing,
/// gives the place to another.
const HEAD: Duration = Duration::from_secs(30);

/// Serves HTTP/1.1, and what it is upgraded to, until `close`; then what has been asked for already. Each request has the
/// peer's address with it, as `ConnectInfo<SocketAddr>`.
pub async fn serve_http(listener: Listener, app: Router, close: Shutdown) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer, permit) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = close.wait() => break,
        };
        while connections.try_join_next().is_some() {}
        let (app, close) = (app.clone(), close.clone());
        connections.spawn(async move {
            if let Err(error) = serve_one(stream, peer, app, HEAD, close).await {
                tracing::debug!(%peer, "HTTP connection closed: {error}");
            }
            drop(permit);
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn serve_one(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    head: Duration,
    close: Shutdown,
) -> Result<(), hyper::Error> {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        // A router is always ready.
        app.clone().call(request.map(Body::new))
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return ended,
        () = close.wait() => {}
    }
    connection.as_mut().graceful_shutdown();
    connection.await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// A client's connection that is served with `head`.
    async fn served(head: Duration, close: &Shutdown) -> TcpStream {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind("tests", any, 1).await.unwrap();
        let client = TcpStream::connect(listener.address()).await.unwrap();
        let (stream, peer, permit) = listener.accept().await;
        let hello = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
        let app = Router::new().route("/", get(hello));
        let close = close.clone();
        tokio::spawn(async move {
            let _ = serve_one(stream, peer, app, head, close).await;
            drop(permit);
        });
        client
    }

    #[tokio::test]
    async fn a_request_knows_its_peer_and_the_close_is_told() {
        let close = Shutdown::new();
        let mut client = served(HEAD, &close).await;
        client.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let address = client.local_addr().unwrap().to_string();
        let mut answer = Vec::new();
        while !answer.ends_with(address.as_bytes()) {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
        }
        close.begin();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_head_that_does_not_end_is_not_waited_for() {
        let mut client = served(Duration::from_millis(50), &Shutdown::new()).await;
        client.write_all(b"GET / HT").await.unwrap();
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
    }
}
