use anyhow::Context;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Accepts connections, at most a fixed number at a time.
#[derive(Debug)]
pub struct Listener {
    inner: TcpListener,
    address: SocketAddr,
    room: Arc<Semaphore>,
}

impl Listener {
    /// Binds `address` (port 0 for any free one) for at most `max_connections` at a time.
    ///
    /// # Errors
    /// If the address cannot be had; the message says which one, and for what.
    pub async fn bind(
        what: &str,
        address: SocketAddr,
        max_connections: usize,
    ) -> anyhow::Result<Self> {
        let inner = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen for {what} on {address}"))?;
        let address = inner
            .local_addr()
            .context("a bound socket has an address")?;
        Ok(Self {
            inner,
            address,
            room: Arc::new(Semaphore::new(max_connections)),
        })
    }

    /// Where it listens, with the port that was chosen.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections open now, of those that hold their permit still.
    #[must_use]
    pub fn room(&self) -> usize {
        self.room.available_permits()
    }

    /// The next connection, with the permit that counts it until dropped. One too many is closed at once.
    /// Without Nagle's delay: whoever writes here writes whole batches.
    pub async fn accept(&self) -> (TcpStream, SocketAddr, OwnedSemaphorePermit) {
        loop {
            match self.inner.accept().await {
                Ok((stream, peer)) => match Arc::clone(&self.room).try_acquire_owned() {
                    Ok(permit) => {
                        if let Err(error) = stream.set_nodelay(true) {
                            tracing::debug!(%peer, %error, "connection already gone");
                            continue;
                        }
                        return (stream, peer, permit);
                    }
                    Err(_) => tracing::warn!(%peer, "connection refused: too many are open"),
                },
                Err(error) if is_about_the_peer(&error) => {
                    tracing::debug!(%error, "connection lost before accept");
                }
                Err(error) => {
                    // Out of descriptors or memory: only time helps.
                    tracing::error!(%error, "cannot accept connections");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
}

fn is_about_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use tokio::io::AsyncReadExt;

    #[tokio::test]
    async fn one_too_many_is_closed_and_room_comes_back() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind("tests", any, 1).await.unwrap();
        let address = listener.address();
        let _first = TcpStream::connect(address).await.unwrap();
        let (_, _, permit) = listener.accept().await;
        assert_eq!(listener.room(), 0);
        let accepting = tokio::spawn(async move {
            let (stream, ..) = listener.accept().await;
            drop(stream);
        });
        let mut second = TcpStream::connect(address).await.unwrap();
        assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
        drop(permit);
        let mut third = TcpStream::connect(address).await.unwrap();
        accepting.await.unwrap();
        assert_eq!(third.read(&mut [0]).await.unwrap_or(0), 0);
    }

    #[tokio::test]
    async fn a_taken_port_is_a_clear_error() {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = Listener::bind("tests", any, 1).await.unwrap();
        let error = Listener::bind("RTMP", listener.address(), 1)
            .await
            .unwrap_err();
        assert!(format!("{error:#}").starts_with(&format!(
            "cannot listen for RTMP on {}: ",
            listener.address()
        )));
    }
}
