use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Memory that an empty direction keeps.
const RESTING: usize = 4 << 10;

/// One end of two: what is written to one comes out of the other. As a pair of sockets, but without the kernel's part in it: no
/// descriptors, no system calls.
///
/// An end is used by one task at a time.
#[derive(Debug)]
pub struct Pipe {
    input: Arc<Way>,
    output: Arc<Way>,
}

/// One direction.
#[derive(Debug, Default)]
struct Way(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// Nothing is written any more.
    ended: bool,
    /// Nothing is read any more.
    gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Who waits until there is nothing that is still to be read.
    idler: Option<Waker>,
}

impl Way {
    fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(State {
            capacity,
            ..State::default()
        })))
    }

    /// Whoever panicked while he held it was not in the middle of a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        let mut state = self.lock();
        state.ended = true;
        wake(state.reader.take());
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl Pipe {
    /// Both ends, with room for so many bytes in each direction; memory is taken as they come.
    #[must_use]
    pub fn pair(capacity: usize) -> (Self, Self) {
        let (there, back) = (Way::new(capacity), Way::new(capacity));
        let near = Self {
            input: Arc::clone(&back),
            output: Arc::clone(&there),
        };
        let far = Self {
            input: there,
            output: back,
        };
        (near, far)
    }

    /// As [`TcpStream::poll_read_ready`](tokio::net::TcpStream::poll_read_ready).
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.input.lock();
        if !state.bytes.is_empty() || state.ended {
            return Poll::Ready(());
        }
        state.reader = Some(context.waker().clone());
        wake(state.idler.take());
        Poll::Pending
    }

    /// As [`TcpStream::poll_write_ready`](tokio::net::TcpStream::poll_write_ready).
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.output.lock();
        if state.bytes.len() < state.capacity || state.gone {
            return Poll::Ready(());
        }
        state.writer = Some(context.waker().clone());
        Poll::Pending
    }

    /// Waits until there is something to read, or nothing ever will be.
    pub async fn readable(&self) {
        std::future::poll_fn(|context| self.poll_read_ready(context)).await;
    }

    /// Waits until there is room to write.
    pub async fn writable(&self) {
        std::future::poll_fn(|context| self.poll_write_ready(context)).await;
    }

    /// Waits until the other end has answered what was written to it, or wants no more than to read on: then there is no answer yet.
    pub async fn answered(&self) {
        std::future::poll_fn(|context| {
            if self.poll_read_ready(context).is_ready() {
                return Poll::Ready(());
            }
            let mut state = self.output.lock();
            // Who writes takes the reader's waker: it is there again when the reader has dealt with all that was written.
            if state.gone || state.bytes.is_empty() && state.reader.is_some() {
                return Poll::Ready(());
            }
            state.idler = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Reads what there is; 0 bytes at the end.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) where there is nothing yet.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.input.lock();
        if state.bytes.is_empty() {
            return match state.ended {
                true => Ok(0),
                false => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let read = io::Read::read(&mut state.bytes, buffer)?;
        if state.bytes.is_empty() && state.bytes.capacity() > RESTING {
            state.bytes = VecDeque::new();
        }
        wake(state.writer.take());
        Ok(read)
    }

    /// Writes as much as there is room for.
    ///
    /// # Errors
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) where there is none, [`BrokenPipe`](io::ErrorKind::BrokenPipe) where nobody reads.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut state = self.output.lock();
        if state.gone || state.ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut room = state.capacity.saturating_sub(state.bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut written = 0;
        for slice in slices {
            let fits = &slice[..slice.len().min(room)];
            state.bytes.extend(fits);
            written += fits.len();
            room -= fits.len();
        }
        wake(state.reader.take());
        Ok(written)
    }

    /// Says that nothing follows.
    pub fn finish(&self) {
        self.output.end();
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.output.end();
        let mut state = self.input.lock();
        state.gone = true;
        state.bytes = VecDeque::new();
        wake(state.writer.take());
        wake(state.idler.take());
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_read_ready(context));
        let read = self.try_read(buffer.initialize_unfilled())?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        ready!(self.poll_write_ready(context));
        Poll::Ready(self.try_write_vectored(&[IoSlice::new(bytes)]))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.finish();
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn everything_comes_out_at_the_other_end() {
        let (mut near, mut far) = Pipe::pair(1000);
        let sent: Vec<u8> = (0..100_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        let wanted = sent.clone();
        let writing = tokio::spawn(async move {
            near.write_all(&sent).await.unwrap();
            near.write_all(b"and").await.unwrap();
            near
        });
        let mut got = vec![0; wanted.len()];
        far.read_exact(&mut got).await.unwrap();
        assert!(got == wanted);
        // The other direction is another one.
        far.write_all(b"back").await.unwrap();
        let mut near = writing.await.unwrap();
        let mut back = [0; 4];
        near.read_exact(&mut back).await.unwrap();
        assert_eq!(&back, b"back");
        // What was written before the end comes before it.
        drop(near);
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"and");
        assert_eq!(
            far.write_all(b"x").await.unwrap_err().kind(),
            io::ErrorKind::BrokenPipe
        );
    }

    #[tokio::test]
    async fn an_answer_is_waited_for_as_long_as_there_may_be_one() {
        let (mut near, mut far) = Pipe::pair(1000);
        let server = tokio::spawn(async move {
            let mut byte = [0];
            while far.read_exact(&mut byte).await.is_ok() {
                // As long as a busy machine makes it.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                if byte == *b"?" {
                    far.write_all(b"!").await.unwrap();
                }
            }
        });
        let mut buffer = [0; 8];
        for round in 0..100 {
            near.write_all(b"x").await.unwrap();
            near.answered().await;
            let nothing = near.try_read(&mut buffer).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock, "{round}");
            near.write_all(b"x?").await.unwrap();
            near.answered().await;
            assert_eq!(near.try_read(&mut buffer).unwrap(), 1, "{round}");
        }
        server.abort();
        let _ = server.await;
        near.answered().await;
    }

    #[tokio::test]
    async fn what_is_held_is_bounded_and_given_back() {
        let (near, far) = Pipe::pair(64 << 10);
        let much = vec![7; 100 << 10];
        let slices = [
            IoSlice::new(&much[..50 << 10]),
            IoSlice::new(&much[50 << 10..]),
        ];
        assert_eq!(near.try_write_vectored(&slices).unwrap(), 64 << 10);
        let full = near.try_write_vectored(&slices).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let mut buffer = vec![0; 100 << 10];
        assert_eq!(far.try_read(&mut buffer).unwrap(), 64 << 10);
        assert_eq!(near.output.lock().bytes.capacity(), 0);
        near.writable().await;
        near.finish();
        assert_eq!(far.try_read(&mut buffer).unwrap(), 0);
        // The other way is open still.
        assert_eq!(far.try_write_vectored(&[IoSlice::new(b"x")]).unwrap(), 1);
        near.readable().await;
    }
}
