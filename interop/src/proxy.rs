//! A proxy that cuts a connection off where the test wants it, in the middle of a message.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    thread,
};

/// Forwards one connection to `server`, until the client has sent `len` bytes; then drops both.
/// Gives the address to connect to.
///
/// # Panics
///
/// When there is no free port.
pub fn cut_after(server: SocketAddr, len: usize) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the kernel has a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || -> std::io::Result<()> {
        let (client, _) = listener.accept()?;
        let server = TcpStream::connect(server)?;
        let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let _ = std::io::copy(&mut (&client).take(len as u64), &mut &server);
        server.shutdown(Shutdown::Both)?;
        client.shutdown(Shutdown::Both)
    });
    address
}

/// Forwards one connection to `server`, what the client sends a byte at a time: each is a segment of its own.
/// Gives the address to connect to.
///
/// # Panics
///
/// When there is no free port.
pub fn in_single_bytes(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("the kernel has a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || -> std::io::Result<()> {
        let (mut client, _) = listener.accept()?;
        let mut server = TcpStream::connect(server)?;
        server.set_nodelay(true)?;
        let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from_server, &mut to_client);
            let _ = to_client.shutdown(Shutdown::Both);
        });
        let mut buffer = [0; 4096];
        loop {
            let read = client.read(&mut buffer)?;
            for byte in &buffer[..read] {
                server.write_all(std::slice::from_ref(byte))?;
            }
            if read == 0 {
                return server.shutdown(Shutdown::Write);
            }
        }
    });
    address
}
