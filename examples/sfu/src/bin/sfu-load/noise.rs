//! Datagrams that mean nothing, at a steady rate: of the kinds that the port tells apart by their first bytes, and of none.

use anyhow::{Context, Result};
use rand::RngCore as _;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// How they begin: binding requests, DTLS handshakes, RTP, RTCP (RFC 7983 §7), anything.
const BEGINNINGS: [&[u8]; 5] = [
    &[0, 1, 0, 100, 0x21, 0x12, 0xa4, 0x42],
    &[22, 254, 253, 0, 0],
    &[0x80, 96],
    &[0x81, 201],
    &[],
];
/// Addresses that they come from.
const SOCKETS: usize = 16;
const LONGEST: usize = 1200;

/// Sends so many a second, until the program ends.
pub(crate) fn start(to: SocketAddr, from: std::net::IpAddr, rate: u32) -> Result<()> {
    let sockets: Vec<UdpSocket> = (0..SOCKETS)
        .map(|_| UdpSocket::bind((from, 0)))
        .collect::<Result<_, _>>()
        .context("no more ports")?;
    std::thread::spawn(move || {
        let mut rng = rand::rng();
        let mut bytes = [0; LONGEST];
        let (start, mut sent) = (Instant::now(), 0_u64);
        loop {
            let due = start.elapsed().as_secs_f64() * f64::from(rate);
            // A fraction of a packet waits.
            while sent < due as u64 {
                rng.fill_bytes(&mut bytes);
                let length = 20 + usize::from(bytes[LONGEST - 1]) * 4;
                let beginning = BEGINNINGS[sent as usize % BEGINNINGS.len()];
                bytes[..beginning.len()].copy_from_slice(beginning);
                // A full buffer drops it.
                let _ = sockets[sent as usize % SOCKETS].send_to(&bytes[..length], to);
                sent += 1;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    Ok(())
}
