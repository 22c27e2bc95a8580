//! RTMP by hand, to send what no client would.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

use crate::PATIENCE;

/// A connection to an RTMP port.
#[derive(Debug)]
pub struct Raw(TcpStream);

/// The address in a URL.
///
/// # Panics
///
/// When there is none.
pub fn address(url: &str) -> std::net::SocketAddr {
    let (_, rest) = url.split_once("://").expect("a URL has a scheme");
    let authority = rest.split('/').next().unwrap_or_default();
    authority.parse().expect("tests have numeric addresses")
}

impl Raw {
    /// Connects.
    ///
    /// # Panics
    ///
    /// When the server does not listen.
    pub fn connect(server: SocketAddr) -> Self {
        let stream = TcpStream::connect(server).expect("the server listens");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("an option of every socket");
        stream
            .set_write_timeout(Some(PATIENCE))
            .expect("an option of every socket");
        Self(stream)
    }

    /// Connects and shakes hands in the plain way (RTMP 1.0 §5.2).
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    pub fn shake_hands(server: SocketAddr) -> Self {
        let mut raw = Self::connect(server);
        let mut c0_c1 = vec![0; 1 + 1536];
        c0_c1[0] = 3;
        raw.send(&c0_c1);
        let mut s0_s1_s2 = vec![0; 1 + 2 * 1536];
        raw.0
            .read_exact(&mut s0_s1_s2)
            .expect("the server shakes hands");
        raw.send(&s0_s1_s2[1..=1536]);
        raw
    }

    /// Our address, by which the server's log calls us.
    ///
    /// # Panics
    ///
    /// Never, for a connected socket.
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("it is connected")
    }

    /// Sends bytes. That the server has closed meanwhile is no fault here.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Sends the header of a message in full (format 0) on chunk stream 2, and `payload` after it.
    pub fn send_message(&mut self, type_id: u8, len: u32, payload: &[u8]) {
        let [_, l2, l1, l0] = len.to_be_bytes();
        self.send(&[2, 0, 0, 0, l2, l1, l0, type_id, 0, 0, 0, 0]);
        self.send(payload);
    }

    /// Reads until what has come contains `words`.
    ///
    /// # Panics
    ///
    /// When it never does.
    pub fn expect(&mut self, words: &str) {
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        while !seen
            .windows(words.len())
            .any(|window| window == words.as_bytes())
        {
            match self.0.read(&mut buffer) {
                Ok(read) if read > 0 => seen.extend_from_slice(&buffer[..read]),
                end => panic!("{words} does not come: {end:?}"),
            }
        }
    }

    /// Reads until the server has closed.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn expect_close(&mut self) {
        match io::copy(&mut self.0, &mut io::sink()) {
            // What it had not read when it closed becomes a reset.
            Err(error) if error.kind() != io::ErrorKind::ConnectionReset => {
                panic!("the server does not close the connection: {error}")
            }
            _ => {}
        }
    }
}
