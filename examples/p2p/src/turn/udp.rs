//! Clients that come by UDP: datagrams go to the task of the client they come from. Each core has a thread and a socket of its own,
//! all at one address: the kernel gives all datagrams of a client to the same, so that none of them goes from thread to thread.

use super::client::{Client, Link, WAITING};
use super::gate::Verdict;
use super::{Context, unix_time};
use common::Shutdown;
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::num::NonZero;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Longest datagram.
const DATAGRAM: usize = 65_536;

/// What the kernel may hold for us: a burst of all clients.
const KERNEL: usize = 4 << 20;
/// Datagrams that are taken in one go.
const BATCH: usize = 32;

/// The inbox of each client.
type Clients = HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>;

/// A socket that several threads may bind to the same port.
pub(crate) fn socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(true)?;
    // The kernel may give less; it says so to nobody.
    let _ = socket.set_recv_buffer_size(KERNEL);
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// A thread that is about to serve.
#[derive(Debug)]
pub(crate) struct Thread {
    runtime: Runtime,
    socket: std::net::UdpSocket,
}

/// As many as are of use at `address`, which `first` is bound to: elsewhere than on Linux nobody shares out datagrams.
pub(crate) fn threads(first: std::net::UdpSocket, address: SocketAddr) -> io::Result<Vec<Thread>> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let others = if cfg!(target_os = "linux") {
        cores - 1
    } else {
        0
    };
    let others = (0..others).map(|_| socket(address));
    let sockets = std::iter::once(Ok(first)).chain(others);
    let start = |socket: io::Result<_>| {
        let socket = socket?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Thread { runtime, socket })
    };
    sockets.map(start).collect()
}

impl Thread {
    /// What the thread is to do: it serves until `close`.
    pub(crate) fn serve(
        self,
        local: SocketAddr,
        context: Arc<Context>,
        close: Shutdown,
    ) -> impl FnOnce() + Send + 'static {
        move || {
            self.runtime.block_on(async {
                match UdpSocket::from_std(self.socket) {
                    Ok(socket) => serve(socket, local, context, close).await,
                    Err(error) => tracing::error!("cannot listen for TURN on UDP: {error}"),
                }
            });
        }
    }
}

async fn serve(socket: UdpSocket, local: SocketAddr, context: Arc<Context>, close: Shutdown) {
    let socket = Arc::new(socket);
    let mut clients = Clients::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let mut got = tokio::select! {
            got = socket.recv_from(&mut buffer) => got,
            Some(ended) = tasks.join_next() => {
                match ended {
                    Ok(address) => forget(&mut clients, address),
                    Err(error) => {
                        tracing::error!("a client's task failed: {error}");
                        clients.retain(|_, inbox| !inbox.is_closed());
                    }
                }
                continue;
            }
            () = close.wait() => return,
        };
        for left in (0..BATCH).rev() {
            // An error is what the network told of an earlier datagram.
            if let Ok((length, from)) = got
                && let Some(data) = buffer.get(..length)
                && !deliver(&clients, from, data)
                && let Some((inbox, client)) = greet(&socket, local, &context, data, from)
            {
                clients.insert(from, inbox);
                tasks.spawn(async move {
                    client.await;
                    from
                });
            }
            if left == 0 {
                break;
            }
            got = socket.try_recv_from(&mut buffer);
            if got
                .as_ref()
                .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
            {
                break;
            }
        }
    }
}

/// Gives a datagram to the client it is of, if there is one.
fn deliver(clients: &Clients, from: SocketAddr, data: &[u8]) -> bool {
    let Some(inbox) = clients.get(&from) else {
        return false;
    };
    match inbox.try_send(data.to_vec()) {
        // One too many is lost, as on any link.
        Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => true,
        Err(mpsc::error::TrySendError::Closed(_)) => false,
    }
}

/// Answers a stranger; who is admitted becomes a client.
fn greet(
    socket: &Arc<UdpSocket>,
    local: SocketAddr,
    context: &Arc<Context>,
    data: &[u8],
    from: SocketAddr,
) -> Option<(mpsc::Sender<Vec<u8>>, impl Future<Output = ()> + use<>)> {
    match context.gate.judge(data, from, unix_time()) {
        Verdict::Ignore => {}
        // What cannot be sent now will be asked for again.
        Verdict::Answer(answer) => drop(socket.try_send_to(&answer, from)),
        Verdict::Bind(binding) => {
            // There is no stream here.
            let [_, refused] = binding.answers;
            drop(socket.try_send_to(&refused, from));
        }
        Verdict::Admit(admission) => {
            let link = Link::Datagrams(Arc::clone(socket));
            let client = Client::new(Arc::clone(context), link, from, local, admission);
            let (inbox, waiting) = mpsc::channel(WAITING);
            // A new channel has room.
            let _ = inbox.try_send(data.to_vec());
            return Some((inbox, client.run(waiting)));
        }
    }
    None
}

/// Forgets a client, unless another has come from the same address since.
fn forget(clients: &mut Clients, address: SocketAddr) {
    if clients.get(&address).is_some_and(mpsc::Sender::is_closed) {
        clients.remove(&address);
    }
}
