use crate::Pipe;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// What a connection's bytes come and go through: a socket of its own, or our end of a pipe whose other end something deciphers
/// or unwraps.
#[derive(Debug)]
pub enum Socket {
    /// To the peer.
    Tcp(TcpStream),
    /// To who has the other end.
    Local(Pipe),
}

impl Socket {
    /// As [`TcpStream::poll_read_ready`].
    ///
    /// # Errors
    /// The socket's.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(socket) => socket.poll_read_ready(context),
            Socket::Local(pipe) => pipe.poll_read_ready(context).map(Ok),
        }
    }

    /// As [`TcpStream::poll_write_ready`].
    ///
    /// # Errors
    /// The socket's.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(socket) => socket.poll_write_ready(context),
            Socket::Local(pipe) => pipe.poll_write_ready(context).map(Ok),
        }
    }

    /// As [`TcpStream::try_read`].
    ///
    /// # Errors
    /// The socket's, `WouldBlock` among them.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_read(buffer),
            Socket::Local(pipe) => pipe.try_read(buffer),
        }
    }

    /// As [`TcpStream::try_write_vectored`].
    ///
    /// # Errors
    /// The socket's, `WouldBlock` among them.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_write_vectored(slices),
            Socket::Local(pipe) => pipe.try_write_vectored(slices),
        }
    }

    /// As [`TcpStream::writable`].
    ///
    /// # Errors
    /// The socket's.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.writable().await,
            Socket::Local(pipe) => {
                pipe.writable().await;
                Ok(())
            }
        }
    }

    /// Tells the peer that nothing follows.
    ///
    /// # Errors
    /// The socket's.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.shutdown().await,
            Socket::Local(pipe) => {
                pipe.finish();
                Ok(())
            }
        }
    }
}
