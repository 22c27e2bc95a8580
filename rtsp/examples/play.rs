//! Plays a presentation by TCP, and tells what came of each medium: `play URL [SECONDS]`.

use fluvial_rtsp::client::{Config, Event, Session};
use fluvial_rtsp::headers::{Range, Transport};
use fluvial_rtsp::{Error, Url};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url: Url = args.next().ok_or("play URL [SECONDS]")?.parse()?;
    let seconds = args.next().map_or(Ok(5), |seconds| seconds.parse())?;

    let start = Instant::now();
    let mut socket = TcpStream::connect((url.host.as_str(), url.port_or_default()))?;
    let mut session = Session::new(Config::new(url), &mut rand::rng(), start.elapsed());
    session.describe(start.elapsed());
    let mut media = Vec::new();
    let mut received = BTreeMap::<_, (usize, usize)>::new();
    let mut buffer = [0; 16 << 10];
    let mut leaving = false;
    loop {
        while let Some(event) = session.poll_event()? {
            match event {
                Event::Described { sdp, description } => {
                    println!("{}", sdp.trim_end());
                    media = description.media.into_iter().map(|one| one.kind).collect();
                    for index in 0..media.len() {
                        let channel = u8::try_from(2 * index)?;
                        let transport = Transport::tcp((channel, channel + 1));
                        session.setup(index, transport, start.elapsed())?;
                    }
                }
                Event::SetUp { media: index, .. } if index + 1 == media.len() => {
                    let all = Some(Range::from(Duration::ZERO));
                    session.play(all, None, start.elapsed())?;
                }
                Event::Packet {
                    media, rtcp, data, ..
                } => {
                    let (packets, bytes) = received.entry((media, rtcp)).or_default();
                    *packets += 1;
                    *bytes += data.len();
                }
                Event::Refused { method, status, .. } => {
                    return Err(format!("{method} was refused: {status}").into());
                }
                Event::Closed(reason) if media.is_empty() => {
                    return Err(format!("ended before there was a description: {reason:?}").into());
                }
                Event::Closed(_) => {
                    for ((index, rtcp), (packets, bytes)) in received {
                        let protocol = if rtcp { "RTCP" } else { "RTP" };
                        println!(
                            "{} {protocol}: {packets} packets, {bytes} bytes",
                            media[index]
                        );
                    }
                    return Ok(());
                }
                _ => {}
            }
        }
        if !leaving && start.elapsed().as_secs() >= seconds {
            leaving = true;
            match session.teardown(start.elapsed()) {
                // There is no session yet, or none any more.
                Ok(()) | Err(Error::State(_)) => session.close(),
                Err(error) => return Err(error.into()),
            }
        }
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes)?;
        }
        let now = start.elapsed();
        let due = session.poll_timeout().unwrap_or(Duration::MAX);
        let wait = due.saturating_sub(now).min(Duration::from_secs(1));
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1))))?;
        match socket.read(&mut buffer) {
            Ok(0) => session.handle_eof(),
            Ok(count) => session.handle_input(&buffer[..count], start.elapsed()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                session.handle_timeout(start.elapsed());
            }
            Err(error) => return Err(error.into()),
        }
    }
}
