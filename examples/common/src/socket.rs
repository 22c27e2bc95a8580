use std::io::{self, IoSlice};
use std::task::{Context, Poll};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

/// What a connection's bytes come and go through: a socket of its own, or our end of a pair whose other end something deciphers
/// or unwraps.
#[derive(Debug)]
pub enum Socket {
    /// To the peer.
    Tcp(TcpStream),
    /// To who has the other end.
    Local(UnixStream),
}

impl Socket {
    /// As [`TcpStream::poll_read_ready`].
    ///
    /// # Errors
    /// The socket's.
    pub fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(socket) => socket.poll_read_ready(context),
            Socket::Local(socket) => socket.poll_read_ready(context),
        }
    }

    /// As [`TcpStream::poll_write_ready`].
    ///
    /// # Errors
    /// The socket's.
    pub fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Socket::Tcp(socket) => socket.poll_write_ready(context),
            Socket::Local(socket) => socket.poll_write_ready(context),
        }
    }

    /// As [`TcpStream::try_read`].
    ///
    /// # Errors
    /// The socket's, `WouldBlock` among them.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_read(buffer),
            Socket::Local(socket) => socket.try_read(buffer),
        }
    }

    /// As [`TcpStream::try_write_vectored`].
    ///
    /// # Errors
    /// The socket's, `WouldBlock` among them.
    pub fn try_write_vectored(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Socket::Tcp(socket) => socket.try_write_vectored(slices),
            Socket::Local(socket) => socket.try_write_vectored(slices),
        }
    }

    /// As [`TcpStream::writable`].
    ///
    /// # Errors
    /// The socket's.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.writable().await,
            Socket::Local(socket) => socket.writable().await,
        }
    }

    /// Tells the peer that nothing follows.
    ///
    /// # Errors
    /// The socket's.
    pub async fn shutdown(&mut self) -> io::Result<()> {
        match self {
            Socket::Tcp(socket) => socket.shutdown().await,
            Socket::Local(socket) => socket.shutdown().await,
        }
    }
}
