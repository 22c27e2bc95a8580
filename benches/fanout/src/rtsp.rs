//! A player of RTSP that throws everything away: by TCP, or by UDP.

use anyhow::bail;
use rtsp::client::{Config, Event, Session};
use rtsp::headers::{Ports, Transport};
use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};

/// Plays until the server ends, and counts what comes of media.
pub(crate) async fn play(url: &str, udp: bool, count: Rc<Cell<u64>>) -> anyhow::Result<()> {
    let url: rtsp::Url = url.parse()?;
    let address = (url.host.as_str(), url.port_or_default());
    let mut socket = TcpStream::connect(address).await?;
    let start = Instant::now();
    let mut session = Session::new(Config::new(url.clone()), &mut rand::rng(), Duration::ZERO);
    session.describe(Duration::ZERO);
    let mut buffer = vec![0; 16 << 10];
    let mut sockets = Vec::new();
    let mut media = 0;
    'dialogue: loop {
        while let Some(event) = session.poll_event()? {
            match event {
                Event::Described { description, .. } => {
                    media = description.media.len();
                    for index in 0..media {
                        let transport = if udp {
                            let (rtp, rtcp, port) = pair().await?;
                            sockets.extend([rtp, rtcp]);
                            Transport::udp(Ports::pair(port))
                        } else {
                            let channel = u8::try_from(2 * index)?;
                            Transport::tcp((channel, channel + 1))
                        };
                        session.setup(index, transport, start.elapsed())?;
                    }
                }
                Event::SetUp { media: index, .. } if index + 1 == media => {
                    session.play(None, None, start.elapsed())?;
                }
                Event::Playing { .. } => break 'dialogue,
                Event::Refused { method, status, .. } => bail!("{method} refused: {status}"),
                Event::Closed(reason) => bail!("closed: {reason:?}"),
                _ => {}
            }
        }
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes).await?;
        }
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => bail!("the server hung up"),
            Ok(read) => session.handle_input(&buffer[..read], start.elapsed()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
    for socket in sockets {
        let count = Rc::clone(&count);
        tokio::task::spawn_local(async move {
            let mut buffer = [0; 2048];
            while socket.readable().await.is_ok() {
                while let Ok(read) = socket.try_recv(&mut buffer) {
                    count.set(count.get() + read as u64);
                }
            }
        });
    }
    buffer.resize(256 << 10, 0);
    // A measurement is over before a session times out.
    loop {
        socket.readable().await?;
        match socket.try_read(&mut buffer) {
            Ok(0) => bail!("the server hung up"),
            Ok(read) if !udp => count.set(count.get() + read as u64),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Two sockets, on an even port and on the next one.
async fn pair() -> anyhow::Result<(UdpSocket, UdpSocket, u16)> {
    for _ in 0..1000 {
        let port = rand::random_range(5_000..16_000_u16) * 2;
        let rtp = UdpSocket::bind(("127.0.0.1", port)).await;
        let rtcp = UdpSocket::bind(("127.0.0.1", port + 1)).await;
        if let (Ok(rtp), Ok(rtcp)) = (rtp, rtcp) {
            return Ok((rtp, rtcp, port));
        }
    }
    bail!("no two ports are free")
}
