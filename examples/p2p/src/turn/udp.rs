//! Clients that come by UDP: datagrams go to the task of the client they come from.

use super::client::{Client, Link, WAITING};
use super::gate::Verdict;
use super::{Context, unix_time};
use common::Shutdown;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Longest datagram.
const DATAGRAM: usize = 65_536;

/// Serves until `close`.
pub(crate) async fn serve(
    socket: UdpSocket,
    local: SocketAddr,
    context: Arc<Context>,
    close: Shutdown,
) {
    let socket = Arc::new(socket);
    let mut clients: HashMap<SocketAddr, mpsc::Sender<Vec<u8>>> = HashMap::new();
    let mut tasks = JoinSet::new();
    let mut buffer = vec![0; DATAGRAM];
    loop {
        let got = tokio::select! {
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
        // An error is what the network told of an earlier datagram.
        let Ok((length, from)) = got else { continue };
        let Some(data) = buffer.get(..length) else {
            continue;
        };
        if let Some(inbox) = clients.get(&from) {
            match inbox.try_send(data.to_vec()) {
                // One too many is lost, as on any link.
                Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => continue,
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
        match context.gate.judge(data, from, unix_time()) {
            Verdict::Ignore => {}
            // What cannot be sent now will be asked for again.
            Verdict::Answer(answer) => drop(socket.try_send_to(&answer, from)),
            Verdict::Admit(admission) => {
                let link = Link::Datagrams(Arc::clone(&socket));
                let client = Client::new(Arc::clone(&context), link, from, local, admission);
                let (inbox, waiting) = mpsc::channel(WAITING);
                // A new channel has room.
                let _ = inbox.try_send(data.to_vec());
                clients.insert(from, inbox);
                tasks.spawn(async move {
                    client.run(waiting).await;
                    from
                });
            }
        }
    }
}

/// Forgets a client, unless another has come from the same address since.
fn forget(clients: &mut HashMap<SocketAddr, mpsc::Sender<Vec<u8>>>, address: SocketAddr) {
    if clients.get(&address).is_some_and(mpsc::Sender::is_closed) {
        clients.remove(&address);
    }
}
