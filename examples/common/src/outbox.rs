use crate::Socket;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::{self, IoSlice};

/// Slices per system call; Linux takes up to 1024.
const SLICES: usize = 64;
/// Room for messages that an idle connection keeps.
const RESTING: usize = 8;

/// What waits to be written to one socket, in order: many buffers leave in one system call, none is copied.
#[derive(Debug, Default)]
pub struct Outbox {
    queue: VecDeque<Bytes>,
}

impl Outbox {
    /// An empty one, without memory of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a buffer.
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queue.push_back(bytes);
        }
    }

    /// Whether everything was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.iter().map(Bytes::len).sum()
    }

    /// Writes until everything is out or the socket takes no more, and gives the bytes written. If
    /// [`is_empty`](Outbox::is_empty) is false afterwards, wait for the socket to be writable.
    ///
    /// # Errors
    /// The socket's, except `WouldBlock`.
    pub fn write_to(&mut self, socket: &Socket) -> io::Result<usize> {
        let mut total = 0;
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut wanted = 0;
            let mut count = 0;
            for (slice, bytes) in slices.iter_mut().zip(&self.queue) {
                *slice = IoSlice::new(bytes);
                wanted += bytes.len();
                count += 1;
            }
            match socket.try_write_vectored(&slices[..count]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    total += written;
                    self.forget(written);
                    // Less than all means that its buffer is full: asking again would only cost a call.
                    if written < wanted {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.queue.is_empty() && self.queue.capacity() > RESTING {
            self.queue.shrink_to(RESTING);
        }
        Ok(total)
    }

    /// Writes all that waits, and then tells the peer that nothing follows.
    ///
    /// # Errors
    /// The socket's.
    pub async fn finish(&mut self, socket: &mut Socket) -> io::Result<()> {
        loop {
            self.write_to(socket)?;
            if self.is_empty() {
                return socket.shutdown().await;
            }
            socket.writable().await?;
        }
    }

    /// Drops the first `count` bytes.
    fn forget(&mut self, mut count: usize) {
        while let Some(front) = self.queue.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn everything_arrives_in_order_through_a_full_socket() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let writer = Socket::Tcp(listener.accept().await.unwrap().0);

        let mut outbox = Outbox::new();
        let mut sent = Vec::new();
        for i in 0..4000_usize {
            let piece = vec![u8::try_from(i % 251).unwrap(); i * 7 % 10_000];
            sent.extend_from_slice(&piece);
            outbox.push(piece.into());
        }
        assert_eq!(outbox.len(), sent.len());
        let reading = tokio::spawn(async move {
            let mut got = Vec::new();
            reader.read_to_end(&mut got).await.unwrap();
            got
        });
        let mut blocked = 0;
        while !outbox.is_empty() {
            outbox.write_to(&writer).unwrap();
            if !outbox.is_empty() {
                blocked += 1;
                writer.writable().await.unwrap();
            }
        }
        drop(writer);
        assert!(reading.await.unwrap() == sent);
        assert!(blocked > 0, "the socket never filled up");
        assert!(outbox.queue.capacity() <= RESTING);
    }
}
