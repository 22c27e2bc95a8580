//! Media over TCP (RFC 6544), for clients whose network lets no UDP through: they connect to a passive candidate, and each datagram goes
//! behind its length (RFC 4571). Who connects has to ask for somebody who is here, at once, and then talks with the thread that has them.

use crate::directory::Directory;
use crate::worker::Command;
use common::{Listener, Shutdown, stun};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use str0m::net::DatagramSend;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Longest frame. What WebRTC sends was made for paths of 1500 bytes.
const LONGEST: usize = 4096;
/// How long the first frame may take.
const HASTE: Duration = Duration::from_secs(10);
/// Clients check their connection every few seconds.
const IDLE: Duration = Duration::from_secs(60);
/// Frames that wait for a client; more would only come too late.
const WAITING: usize = 512;
/// Frames in one call.
const BATCH: usize = 64;

/// Accepts connections until `close`.
pub(crate) async fn serve(
    listener: Listener,
    directory: Arc<Directory>,
    workers: Vec<mpsc::Sender<Command>>,
    close: Shutdown,
) {
    loop {
        let (stream, from, permit) = tokio::select! {
            accepted = listener.accept() => accepted,
            () = close.wait() => return,
        };
        let (directory, workers) = (Arc::clone(&directory), workers.clone());
        let close = close.clone();
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = talk(stream, from, &directory, &workers) => ended,
                () = close.wait() => Ok(()),
            };
            if let Err(error) = ended {
                tracing::debug!(%from, %error, "media over TCP ends");
            }
            drop(permit);
        });
    }
}

async fn talk(
    stream: TcpStream,
    from: SocketAddr,
    directory: &Directory,
    workers: &[mpsc::Sender<Command>],
) -> io::Result<()> {
    let canonical =
        |address: SocketAddr| SocketAddr::new(address.ip().to_canonical(), address.port());
    let (from, to) = (canonical(from), canonical(stream.local_addr()?));
    let (mut input, output) = stream.into_split();
    let mut buffer = vec![0; LONGEST];
    let first = tokio::time::timeout(HASTE, receive(&mut input, &mut buffer)).await??;
    let found = stun::asked_for(first).and_then(|ufrag| directory.find(ufrag));
    let Some(worker) = found.and_then(|(worker, _)| workers.get(worker)) else {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "it asks for nobody who is here",
        ));
    };
    let (back, waiting) = mpsc::channel(WAITING);
    let data = first.to_vec();
    let opened = Command::Opened {
        from,
        to,
        back,
        data,
    };
    if worker.send(opened).await.is_err() {
        return Ok(());
    }
    let listen = async {
        loop {
            let frame = tokio::time::timeout(IDLE, receive(&mut input, &mut buffer)).await??;
            let data = frame.to_vec();
            if worker.send(Command::Frame { from, data }).await.is_err() {
                return Ok(());
            }
        }
    };
    let ended = tokio::select! {
        ended = listen => ended,
        // The thread has let go of them.
        ended = send(output, waiting) => ended,
    };
    // A thread that has ended knows it already.
    let _ = worker.send(Command::Closed { from }).await;
    ended
}

/// The next frame, without its length.
async fn receive<'a>(
    input: &mut (impl AsyncRead + Unpin),
    buffer: &'a mut [u8],
) -> io::Result<&'a [u8]> {
    let length = usize::from(input.read_u16().await?);
    let Some(frame) = buffer.get_mut(..length) else {
        let why = format!("a frame of {length} bytes: at most {LONGEST} are read");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    };
    input.read_exact(frame).await?;
    Ok(frame)
}

/// Sends until nobody has anything to send any more.
async fn send(
    mut output: impl AsyncWrite + Unpin,
    mut waiting: mpsc::Receiver<DatagramSend>,
) -> io::Result<()> {
    let (mut batch, mut bytes) = (Vec::with_capacity(BATCH), Vec::new());
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        for frame in batch.drain(..) {
            // None is longer than a datagram.
            let Ok(length) = u16::try_from(frame.len()) else {
                continue;
            };
            bytes.extend(length.to_be_bytes());
            bytes.extend_from_slice(&frame);
        }
        output.write_all(&bytes).await?;
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_found_wherever_the_stream_is_cut() {
        let (mut ours, mut theirs) = tokio::io::duplex(3);
        let (back, waiting) = mpsc::channel(8);
        for length in [1, 300, 0, 1400] {
            back.try_send(DatagramSend::from(vec![7; length])).unwrap();
        }
        drop(back);
        let sending = tokio::spawn(async move { send(&mut ours, waiting).await });
        let mut buffer = vec![0; LONGEST];
        for length in [1, 300, 0, 1400] {
            let frame = receive(&mut theirs, &mut buffer).await.unwrap();
            assert_eq!(frame, vec![7; length]);
        }
        sending.await.unwrap().unwrap();
        let end = receive(&mut theirs, &mut buffer).await.unwrap_err();
        assert_eq!(end.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn who_asks_for_nobody_is_turned_away() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind("tests", any, 8).await.unwrap();
        let address = listener.address();
        let close = Shutdown::new();
        let (worker, mut commands) = mpsc::channel(8);
        let serving = serve(listener, Arc::default(), vec![worker], close.clone());
        let serving = tokio::spawn(serving);
        // A request for nobody, noise, a frame that is too long, and one that ends early.
        let stranger = b"\0\x20\0\x01\0\x0c\x21\x12\xa4\x42123456789012\0\x06\0\x05me:he\0\0\0";
        for bytes in [
            &stranger[..],
            b"\0\x05hello",
            b"\xff\xffGET / HTTP/1.1",
            b"\0",
        ] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(bytes).await.unwrap();
            if bytes.len() == 1 {
                stream.shutdown().await.unwrap();
            }
            // Closed, or reset where it had more to say.
            assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0);
        }
        close.begin();
        serving.await.unwrap();
        assert!(commands.recv().await.is_none(), "no thread has heard of it");
    }
}
