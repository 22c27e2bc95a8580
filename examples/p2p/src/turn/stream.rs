//! Clients that come by TCP, and by TLS over it.

use super::client::{Client, Link, WAITING};
use super::frame::Frames;
use super::gate::Verdict;
use super::{Context, unix_time};
use common::{Listener, Shutdown, Tls};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long somebody without an allocation may be silent, and a handshake may take.
const IDLE: Duration = Duration::from_secs(30);

/// Serves until `close`.
pub(crate) async fn serve(
    listener: Listener,
    tls: Option<Tls>,
    context: Arc<Context>,
    close: Shutdown,
) {
    let local = listener.address();
    let acceptor = tls.as_ref().map(Tls::acceptor);
    let mut connections = JoinSet::new();
    loop {
        let (stream, peer, permit) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = close.wait() => return,
        };
        while connections.try_join_next().is_some() {}
        let (context, acceptor) = (Arc::clone(&context), acceptor.clone());
        connections.spawn(async move {
            let served = match acceptor {
                None => connection(stream, peer, local, context).await,
                Some(acceptor) => match timeout(IDLE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(stream, peer, local, context).await,
                    Ok(Err(error)) => Err(error),
                    Err(_) => Err(io::ErrorKind::TimedOut.into()),
                },
            };
            if let Err(error) = served {
                tracing::debug!(%peer, "TURN connection closed: {error}");
            }
            drop(permit);
        });
    }
}

async fn connection<S>(
    stream: S,
    peer: SocketAddr,
    local: SocketAddr,
    context: Arc<Context>,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (read, mut write) = tokio::io::split(stream);
    let mut frames = Frames::new(read);
    let (admission, first) = loop {
        let Some(message) = timeout(IDLE, frames.next()).await?? else {
            return Ok(());
        };
        match context.gate.judge(&message, peer, unix_time()) {
            Verdict::Ignore => {}
            Verdict::Answer(answer) => {
                timeout(IDLE, write.write_all(&answer)).await??;
                timeout(IDLE, write.flush()).await??;
            }
            Verdict::Admit(admission) => break (admission, message),
            Verdict::Bind(binding) => {
                let peer = context.waiting.take(binding.id, &binding.username);
                let [bound, refused] = binding.answers;
                let answer = if peer.is_some() { bound } else { refused };
                timeout(IDLE, write.write_all(&answer)).await??;
                timeout(IDLE, write.flush()).await??;
                if let Some(peer) = peer {
                    // What else there is are the peer's bytes.
                    return peer.join(frames.into_inner(), write).await;
                }
            }
        }
    };
    let client = Client::new(
        context,
        Link::Stream(Box::new(write)),
        peer,
        local,
        admission,
    );
    let (inbox, waiting) = mpsc::channel(WAITING);
    let pump = async {
        let mut message = first;
        while inbox.send(message).await.is_ok() {
            match frames.next().await? {
                Some(next) => message = next,
                None => break,
            }
        }
        Ok(())
    };
    // Whichever ends takes the other along.
    tokio::select! {
        () = client.run(waiting) => Ok(()),
        ended = pump => ended,
    }
}
