//! Receives the streams of a session description and prints their samples.
//!
//! `ffmpeg -re -i FILE -map 0:v -c copy -f rtp rtp://127.0.0.1:5004 -sdp_file clip.sdp`, and then
//! `cargo run -p fluvial-rtp --example receive -- clip.sdp`.

use fluvial_rtp::{Receiver, receiver, sdp};
use media::{Event, TrackId};
use std::error::Error;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(path) = std::env::args().nth(1) else {
        return Err("usage: receive FILE.sdp".into());
    };
    let session = sdp::parse(&std::fs::read(path)?)?;
    let media = sdp::media(&session);
    let mut streams = Vec::new();
    let mut sockets = Vec::new();
    for (media, id) in media.iter().zip(1..) {
        let Some(stream) = media.stream(TrackId(id)) else {
            eprintln!("{}: no format that is known", media.kind);
            continue;
        };
        streams.push(stream);
        for port in [media.port, media.port.saturating_add(1)] {
            let socket = UdpSocket::bind(("0.0.0.0", port))?;
            socket.set_nonblocking(true)?;
            sockets.push((TrackId(id), socket));
        }
    }
    let mut receiver = Receiver::new(
        receiver::Config::new(std::process::id(), "fluvial"),
        streams,
    )?;
    let start = Instant::now();
    let mut buffer = [0; 65_536];
    loop {
        let mut idle = true;
        for (track, socket) in &sockets {
            while let Ok(len) = socket.recv(&mut buffer) {
                idle = false;
                receiver.handle_datagram(
                    *track,
                    buffer.get(..len).unwrap_or_default(),
                    start.elapsed(),
                );
            }
        }
        receiver.handle_timeout(start.elapsed());
        while let Some(event) = receiver.poll_event()? {
            match event {
                Event::Tracks(tracks) => {
                    for track in &tracks {
                        println!("track {}: {}", track.id, track.codec.rfc6381());
                    }
                }
                Event::Sample(sample) => println!(
                    "track {} dts {} pts {} {:?} {} bytes",
                    sample.track,
                    sample.dts,
                    sample.pts,
                    sample.flags,
                    sample.data.len()
                ),
                Event::Clock { time, wall } => println!("{time} was {} ns", wall.as_unix_nanos()),
                Event::Warning(warning) => eprintln!("{warning}"),
                other => println!("{other:?}"),
            }
        }
        if idle {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
