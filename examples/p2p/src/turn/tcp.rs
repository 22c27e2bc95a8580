//! Allocations of TCP (RFC 6062): each connection to or from a peer is joined to one of the client's own, which carries its bytes and
//! nothing else. A peer's waits, under a number that cannot be guessed, until the client binds one of its own to it.

use super::kept::{Kept, PATIENCE};
use super::relay::Relays;
use super::users::Bytes;
use std::collections::HashSet;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Most peers of an allocation that are connected, or about to be.
const PEERS: usize = 64;
/// Bytes of a connection that are on their way through the server, each way.
const BUFFER: usize = 16 * 1024;

/// Connections of peers that wait for their clients.
pub(crate) type Waiting = Kept<Peer>;

/// A connected peer.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: TcpStream,
    bytes: Arc<Bytes>,
    /// Changes, or is gone, when the allocation is.
    ended: watch::Receiver<()>,
    _seat: Seat,
}

impl Peer {
    /// Carries bytes between the peer and the client until both have ended, one has failed, or the allocation is gone.
    pub(crate) async fn join<R, W>(mut self, read: R, write: W) -> io::Result<()>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let (from_peer, to_peer) = self.stream.split();
        tokio::select! {
            ended = async {
                tokio::try_join!(
                    carry(read, to_peer, &self.bytes.sent),
                    carry(from_peer, write, &self.bytes.received),
                )
            } => ended.map(drop),
            _ = self.ended.changed() => Ok(()),
        }
    }
}

/// Carries what comes from one to the other, its end too.
async fn carry<R, W>(mut from: R, mut to: W, counted: &AtomicU64) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER];
    loop {
        let length = from.read(&mut buffer).await?;
        let Some(data @ [_, ..]) = buffer.get(..length) else {
            return to.shutdown().await;
        };
        to.write_all(data).await?;
        to.flush().await?;
        counted.fetch_add(length as u64, Ordering::Relaxed);
    }
}

/// A place of a peer in an allocation, free again when this is dropped.
#[derive(Debug)]
struct Seat {
    peer: SocketAddr,
    taken: Arc<Mutex<HashSet<SocketAddr>>>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        seats(&self.taken).remove(&self.peer);
    }
}

fn seats(taken: &Mutex<HashSet<SocketAddr>>) -> MutexGuard<'_, HashSet<SocketAddr>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is one to this peer already.
    Exists,
    /// There are too many.
    Full,
}

/// What came of a request to connect.
#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) request: Vec<u8>,
    /// The connection's number.
    pub(crate) result: io::Result<u32>,
}

type Connected = (TcpStream, Seat);

/// The connections of an allocation; all end with it.
#[derive(Debug)]
pub(crate) struct Connections {
    waiting: Waiting,
    username: String,
    bytes: Arc<Bytes>,
    taken: Arc<Mutex<HashSet<SocketAddr>>>,
    attempts: JoinSet<(Vec<u8>, io::Result<Connected>)>,
    end: watch::Sender<()>,
}

impl Connections {
    pub(crate) fn new(waiting: Waiting, username: String, bytes: Arc<Bytes>) -> Self {
        Self {
            waiting,
            username,
            bytes,
            taken: Arc::default(),
            attempts: JoinSet::new(),
            end: watch::Sender::new(()),
        }
    }

    fn seat(&self, peer: SocketAddr) -> Result<Seat, Refused> {
        let mut taken = seats(&self.taken);
        if taken.contains(&peer) {
            return Err(Refused::Exists);
        }
        if taken.len() >= PEERS {
            return Err(Refused::Full);
        }
        taken.insert(peer);
        Ok(Seat {
            peer,
            taken: Arc::clone(&self.taken),
        })
    }

    fn put(&self, stream: TcpStream, seat: Seat) -> u32 {
        // What is small is not to wait for more.
        let _ = stream.set_nodelay(true);
        let mut ended = self.end.subscribe();
        let peer = Peer {
            stream,
            bytes: Arc::clone(&self.bytes),
            ended: self.end.subscribe(),
            _seat: seat,
        };
        let given_up = async move { drop(ended.changed().await) };
        self.waiting.put(peer, self.username.clone(), given_up)
    }

    /// Begins to connect to `peer` from the relayed address, as `request` asks.
    pub(crate) fn connect(
        &mut self,
        request: Vec<u8>,
        relayed: SocketAddr,
        peer: SocketAddr,
        relays: &Relays,
    ) -> Result<(), Refused> {
        let seat = self.seat(peer)?;
        let (from, to) = (relays.inside(relayed), relays.inside(peer));
        self.attempts.spawn(async move {
            let connected = match timeout(PATIENCE, connect(from, to)).await {
                Ok(connected) => connected.map(|stream| (stream, seat)),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            (request, connected)
        });
        Ok(())
    }

    /// The next attempt that has come to an end; none while there are none. May be given up.
    pub(crate) async fn attempted(&mut self) -> Option<Attempt> {
        let (request, connected) = self.attempts.join_next().await?.ok()?;
        let result = connected.map(|(stream, seat)| self.put(stream, seat));
        Some(Attempt { request, result })
    }

    /// The number of a connection that `peer` has made; it is closed where there may be none.
    pub(crate) fn accepted(&self, stream: TcpStream, peer: SocketAddr) -> Option<u32> {
        let seat = self.seat(peer).ok()?;
        Some(self.put(stream, seat))
    }
}

async fn connect(from: SocketAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = shared_socket(from)?;
    socket.connect(to).await
}

/// A socket at an address that others of ours have too: the relayed address listens, and connects from the same port.
pub(crate) fn shared_socket(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    #[cfg(unix)]
    socket.set_reuseport(true)?;
    socket.bind(address)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn connections(waiting: &Waiting) -> Connections {
        Connections::new(waiting.clone(), "1:ann".into(), Arc::default())
    }

    #[tokio::test]
    async fn peers_are_joined_to_clients_and_counted() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let relays = Relays::new(local, &[], None);
        let relay = relays.listen(true).unwrap().unwrap();
        let peer = shared_socket((local, 0).into()).unwrap().listen(1).unwrap();
        let at = peer.local_addr().unwrap();
        let waiting = Waiting::default();
        let mut own = connections(&waiting);
        own.connect(vec![7], relay.address, at, &relays).unwrap();
        let again = own.connect(vec![8], relay.address, at, &relays);
        assert_eq!(again, Err(Refused::Exists));
        let (mut peer, from) = peer.accept().await.unwrap();
        assert_eq!(from, relay.address);
        let attempt = own.attempted().await.unwrap();
        assert_eq!(attempt.request, [7]);
        let id = attempt.result.unwrap();
        assert!(waiting.take(id, "1:bob").is_none());
        let joined = waiting.take(id, "1:ann").unwrap();
        assert!(waiting.take(id, "1:ann").is_none());

        let (client, server) = tokio::io::duplex(8);
        let (read, write) = tokio::io::split(server);
        let join = tokio::spawn(joined.join(read, write));
        let (mut client_read, mut client_write) = tokio::io::split(client);
        peer.write_all(b"to the client").await.unwrap();
        client_write.write_all(b"to the peer").await.unwrap();
        client_write.shutdown().await.unwrap();
        let (mut heard, mut told) = (Vec::new(), vec![0; 13]);
        peer.read_to_end(&mut heard).await.unwrap();
        client_read.read_exact(&mut told).await.unwrap();
        assert_eq!(
            (&heard[..], &told[..]),
            (&b"to the peer"[..], &b"to the client"[..])
        );
        drop(peer);
        join.await.unwrap().unwrap();
        assert_eq!(own.bytes.sent.load(Ordering::Relaxed), 11);
        assert_eq!(own.bytes.received.load(Ordering::Relaxed), 13);
        assert!(own.seat(at).is_ok());
    }

    #[tokio::test]
    async fn all_end_with_the_allocation() {
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let relays = Relays::new(local, &[], None);
        let relay = relays.listen(true).unwrap().unwrap();
        let waiting = Waiting::default();
        let own = connections(&waiting);
        let mut peers = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..2 {
            peers.push(TcpStream::connect(relay.address).await.unwrap());
            let (stream, from) = relay.socket.accept().await.unwrap();
            ids.push(own.accepted(stream, from).unwrap());
        }
        let joined = waiting.take(ids[0], "1:ann").unwrap();
        let (client, server) = tokio::io::duplex(8);
        let (read, write) = tokio::io::split(server);
        let join = tokio::spawn(joined.join(read, write));
        drop(own);
        join.await.unwrap().unwrap();
        for mut peer in peers {
            assert_eq!(peer.read(&mut [0]).await.unwrap(), 0);
        }
        assert!(waiting.take(ids[1], "1:ann").is_none());
        drop(client);
    }

    #[tokio::test]
    async fn one_has_only_so_many() {
        let own = connections(&Waiting::default());
        let at = |n| SocketAddr::from((Ipv4Addr::LOCALHOST, n));
        let seats: Vec<_> = (0..64).map(|n| own.seat(at(n)).unwrap()).collect();
        assert_eq!(own.seat(at(64)).unwrap_err(), Refused::Full);
        drop(seats);
        assert!(own.seat(at(64)).is_ok());
    }
}
