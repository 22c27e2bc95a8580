//! What carries the bytes of our client: TCP, TLS, and HTTP requests over either, straight or through a proxy.

use std::{
    fs,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use rtmp::{
    Url,
    client::Session,
    tunnel::{self, Request},
};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::ring,
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use crate::{PATIENCE, wait_for};

/// A connection by one of the schemes.
#[derive(Debug)]
pub enum Transport {
    /// `rtmp`, `rtmpe`, `rtmps`.
    Direct(Wire),
    /// `rtmpt`, `rtmpte`, `rtmpts`.
    Tunnel(Box<Tunnel>),
}

/// TCP, or TLS over it.
#[derive(Debug)]
pub enum Wire {
    /// As it is.
    Plain(TcpStream),
    /// Enciphered.
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Wire {
    fn open(address: &str, url: &Url) -> Self {
        let socket = wait_for(address, || TcpStream::connect(address).ok());
        socket.set_nodelay(true).expect("an option of every socket");
        if !url.scheme.is_secure() {
            return Wire::Plain(socket);
        }
        let name = ServerName::try_from(url.host_name().to_owned()).expect("a host");
        let session =
            ClientConnection::new(trusting(), name).expect("a configuration that holds together");
        Wire::Secure(Box::new(StreamOwned::new(session, socket)))
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Wire::Plain(socket) => socket,
            Wire::Secure(stream) => &stream.sock,
        }
    }

    fn set_patience(&self, patience: Duration) {
        let patience = patience.max(Duration::from_millis(1));
        self.socket()
            .set_read_timeout(Some(patience))
            .expect("an option of every socket");
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.read(buffer),
            Wire::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Wire::Plain(socket) => socket.write(bytes),
            Wire::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Wire::Plain(socket) => socket.flush(),
            Wire::Secure(stream) => stream.flush(),
        }
    }
}

/// A tunnel and the connection that its requests go by.
#[derive(Debug)]
pub struct Tunnel {
    tunnel: tunnel::Client,
    wire: BufReader<Wire>,
    address: String,
    url: Url,
    /// Whether requests name the server too, as a proxy wants them.
    proxied: bool,
    /// Times that the connection was made anew.
    pub reconnected: usize,
}

impl Transport {
    /// Connects to the server of a URL; waits for it to come up.
    ///
    /// # Panics
    ///
    /// When it cannot be connected to.
    pub fn open(url: &Url) -> Self {
        let address = format!("{}:{}", url.host, url.port);
        Self::by(url, address, false)
    }

    /// The same by an HTTP proxy.
    ///
    /// # Panics
    ///
    /// When that cannot be connected to.
    pub fn open_by_proxy(url: &Url, proxy: SocketAddr) -> Self {
        Self::by(url, proxy.to_string(), true)
    }

    fn by(url: &Url, address: String, proxied: bool) -> Self {
        let wire = Wire::open(&address, url);
        if !url.scheme.is_tunnelled() {
            return Transport::Direct(wire);
        }
        Transport::Tunnel(Box::new(Tunnel {
            tunnel: tunnel::Client::new(),
            wire: BufReader::new(wire),
            address,
            url: url.clone(),
            proxied,
            reconnected: 0,
        }))
    }

    /// Sends what the session has to send, as far as that needs no answer.
    pub fn flush(&mut self, session: &mut Session) {
        if let Transport::Direct(wire) = self {
            while let Some(bytes) = session.poll_transmit() {
                // A server that has closed is noticed by reading.
                let _ = wire.write_all(&bytes);
            }
        }
    }

    /// Waits so long for bytes for the session.
    pub fn receive(&mut self, session: &mut Session, wait: Duration, origin: Instant) {
        match self {
            Transport::Direct(wire) => {
                let mut buffer = vec![0; 1 << 16];
                wire.set_patience(wait);
                match wire.read(&mut buffer) {
                    Ok(0) => session.handle_eof(),
                    Ok(read) => session.handle_input(&buffer[..read], origin.elapsed()),
                    Err(error) if is_timeout(&error) => session.handle_timeout(origin.elapsed()),
                    Err(_) => session.handle_eof(),
                }
            }
            Transport::Tunnel(tunnel) => {
                if tunnel.exchange(session, origin).is_err() || tunnel.tunnel.is_closed() {
                    session.handle_eof();
                } else if let Some(due) = tunnel.tunnel.poll_timeout() {
                    let due = due.saturating_sub(origin.elapsed());
                    std::thread::sleep(due.min(wait).min(Duration::from_millis(50)));
                }
            }
        }
    }

    /// Says that nothing follows, and waits for the server to say so too.
    pub fn close(&mut self, session: &mut Session, origin: Instant) {
        match self {
            Transport::Direct(wire) => {
                if let Wire::Secure(stream) = wire {
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                }
                // Closing while an answer is unread would reset the connection, and what is under way be lost.
                let _ = wire.socket().shutdown(Shutdown::Write);
                wire.set_patience(PATIENCE);
                let _ = io::copy(wire, &mut io::sink());
            }
            Transport::Tunnel(tunnel) => {
                tunnel.tunnel.close();
                while !tunnel.tunnel.is_closed() {
                    if tunnel.exchange(session, origin).is_err() {
                        return;
                    }
                }
            }
        }
    }
}

impl Tunnel {
    /// One request with its answer, if it is time for one.
    fn exchange(&mut self, session: &mut Session, origin: Instant) -> Result<(), tunnel::Refused> {
        let now = origin.elapsed();
        let Some(request) = self.tunnel.poll_request(now, || session.poll_transmit()) else {
            return Ok(());
        };
        let (status, body) = match self.ask(&request) {
            Ok(answer) => answer,
            // The proxy has closed the connection: the request is sent again, as it was.
            Err(_) => {
                self.reconnected += 1;
                self.wire = BufReader::new(Wire::open(&self.address, &self.url));
                self.ask(&request).unwrap_or((599, Vec::new()))
            }
        };
        let data = self
            .tunnel
            .handle_response(status, &body, origin.elapsed())?;
        session.handle_input(data, origin.elapsed());
        Ok(())
    }

    fn ask(&mut self, request: &Request) -> io::Result<(u16, Vec<u8>)> {
        let host = self.url.authority();
        let host = if host.contains(':') {
            host
        } else {
            format!("{host}:{}", self.url.port)
        };
        let base = if self.proxied {
            format!("http://{host}")
        } else {
            String::new()
        };
        let head = format!(
            "POST {base}{} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
            request.path,
            tunnel::CONTENT_TYPE,
            request.body.len()
        );
        let wire = self.wire.get_mut();
        wire.set_patience(PATIENCE);
        wire.write_all(&[head.as_bytes(), &request.body].concat())?;
        let mut line = String::new();
        let next = |line: &mut String, wire: &mut BufReader<Wire>| {
            line.clear();
            match wire.read_line(line) {
                Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            }
        };
        next(&mut line, &mut self.wire)?;
        let status = line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0);
        let mut length = 0;
        let mut closes = false;
        loop {
            next(&mut line, &mut self.wire)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().unwrap_or(0);
            }
            closes |=
                name.eq_ignore_ascii_case("connection") && value.eq_ignore_ascii_case("close");
        }
        let mut body = vec![0; length];
        self.wire.read_exact(&mut body)?;
        if closes {
            self.wire = BufReader::new(Wire::open(&self.address, &self.url));
        }
        Ok((status, body))
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Writes a certificate for the local host and its key as PEM files.
///
/// # Panics
///
/// When there is no room.
pub fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
    let pair =
        rcgen::generate_simple_self_signed(names).expect("names that a certificate can have");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    fs::write(&certificate, pair.cert.pem()).expect("there is room for temporary files");
    fs::write(&key, pair.signing_key.serialize_pem()).expect("there is room for temporary files");
    (certificate, key)
}

/// Trusts everybody: the certificates are made for the tests, and nobody is between them and us.
fn trusting() -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("TLS 1.2 and 1.3 are there")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Trusting))
        .with_no_client_auth();
    Arc::new(config)
}

/// The certificate that a TLS server shows now.
///
/// # Panics
///
/// When it shows none.
pub fn shown_certificate(address: SocketAddr) -> Vec<u8> {
    let name = ServerName::try_from("localhost").expect("a name");
    let mut session =
        ClientConnection::new(trusting(), name).expect("a configuration that holds together");
    let mut socket = TcpStream::connect(address).expect("the server listens");
    while session.is_handshaking() {
        session
            .complete_io(&mut socket)
            .expect("the server speaks TLS");
    }
    session.peer_certificates().expect("a certificate")[0].to_vec()
}

#[derive(Debug)]
struct Trusting;

impl ServerCertVerifier for Trusting {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
