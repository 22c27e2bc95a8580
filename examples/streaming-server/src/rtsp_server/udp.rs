//! The two ports from which and to which all datagrams go.

use bytes::Bytes;
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Datagrams that wait for a connection.
pub(super) const WAITING: usize = 2048;

/// A datagram for a connection.
#[derive(Debug)]
pub(super) struct Datagram {
    /// Index of the medium.
    pub(super) media: usize,
    pub(super) rtcp: bool,
    pub(super) data: Bytes,
}

/// A socket that sends in batches where the system can.
#[derive(Debug)]
pub(super) struct Batcher {
    socket: UdpSocket,
    state: UdpSocketState,
}

#[derive(Debug, Clone)]
struct Route {
    media: usize,
    to: mpsc::Sender<Datagram>,
}

type Routes = Arc<Mutex<HashMap<(SocketAddr, bool), Route>>>;

/// The pair of ports, and who gets what comes there: datagrams from anybody else are dropped.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) rtp: Arc<Batcher>,
    pub(super) rtcp: Arc<Batcher>,
    /// Number of the first one.
    pub(super) number: u16,
    routes: Routes,
    /// End with it.
    _receiving: JoinSet<()>,
}

impl Batcher {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        Ok(Self { socket, state })
    }

    /// Sends datagrams that lie one behind the other; those of one length go in one call.
    pub(super) async fn send(&self, all: &[u8], ends: &[usize], to: SocketAddr) -> io::Result<()> {
        let most = self.state.max_gso_segments();
        let mut first = 0;
        let mut start = 0;
        while first < ends.len() {
            let size = ends[first] - start;
            let mut next = first + 1;
            // The last one of a batch may be shorter.
            while next < ends.len() && next - first < most {
                let length = ends[next] - ends[next - 1];
                if length > size || ends[next] - start > 60_000 {
                    break;
                }
                next += 1;
                if length < size {
                    break;
                }
            }
            let end = ends[next - 1];
            let transmit = Transmit {
                destination: to,
                ecn: None,
                contents: &all[start..end],
                segment_size: (next - first > 1).then_some(size),
                src_ip: None,
            };
            loop {
                self.socket.writable().await?;
                let sent = self.socket.try_io(Interest::WRITABLE, || {
                    self.state
                        .try_send(UdpSockRef::from(&self.socket), &transmit)
                });
                match sent {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    // Nobody listens there any more, or not yet: that is for RTCP and time-outs to find out.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => break,
                    Err(error) => return Err(error),
                    Ok(()) => break,
                }
            }
            (first, start) = (next, end);
        }
        Ok(())
    }
}

impl Ports {
    /// Finds an even port whose next one is free, too.
    pub(super) async fn bind(ip: IpAddr) -> io::Result<Self> {
        let mut last = io::ErrorKind::AddrInUse.into();
        for _ in 0..100 {
            let number = rand::random_range(10_000..32_000_u16) * 2;
            let pair = async {
                let rtp = UdpSocket::bind((ip, number)).await?;
                let rtcp = UdpSocket::bind((ip, number + 1)).await?;
                io::Result::Ok((rtp, rtcp))
            };
            match pair.await {
                Ok((rtp, rtcp)) => {
                    let routes = Routes::default();
                    let rtp = Arc::new(Batcher::new(rtp)?);
                    let rtcp = Arc::new(Batcher::new(rtcp)?);
                    let mut receiving = JoinSet::new();
                    receiving.spawn(receive(Arc::clone(&rtp), false, Arc::clone(&routes)));
                    receiving.spawn(receive(Arc::clone(&rtcp), true, Arc::clone(&routes)));
                    return Ok(Self {
                        rtp,
                        rtcp,
                        number,
                        routes,
                        _receiving: receiving,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// From now on datagrams from there go to `to`. Whether nobody else gets them already.
    pub(super) fn listen(
        &self,
        from: SocketAddr,
        rtcp: bool,
        media: usize,
        to: &mpsc::Sender<Datagram>,
    ) -> bool {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let to = to.clone();
        match routes.get(&(from, rtcp)) {
            Some(route) if !route.to.same_channel(&to) && !route.to.is_closed() => false,
            _ => {
                routes.insert((from, rtcp), Route { media, to });
                true
            }
        }
    }

    /// Forgets who has gone.
    pub(super) fn forget(&self, to: &mpsc::Sender<Datagram>) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|_, route| !route.to.same_channel(to));
    }
}

async fn receive(from: Arc<Batcher>, rtcp: bool, routes: Routes) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok((length, peer)) = from.socket.recv_from(&mut buffer).await else {
            // What could not be delivered is told here; it is no concern of this task.
            continue;
        };
        let route = routes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&(peer, rtcp))
            .cloned();
        if let Some(Route { media, to }) = route {
            let data = Bytes::copy_from_slice(&buffer[..length]);
            // One that does not keep up loses packets, as on any network.
            let _ = to.try_send(Datagram { media, rtcp, data });
        }
    }
}
