//! One of the people: a connection with a socket of its own, which sends its voice, and keeps what it hears.

use crate::Stage;
use crate::voice::Place;
use anyhow::{Context, Result};
use bytes::Bytes;
use common::sound::{Decoder, FRAME, RATE};
use media::{Codec, codec};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::net::UdpSocket;

/// Between two packets.
const STEP: Duration = Duration::from_millis(20);

/// A packet of the mix, and when it came.
#[derive(Debug)]
pub(crate) struct Heard {
    sequence: u64,
    /// In samples.
    time: u32,
    came: Instant,
    data: Bytes,
}

/// What somebody heard.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(crate) number: usize,
    pub(crate) packets: Vec<Heard>,
}

impl Hearing {
    /// How much later each packet came than the one that came soonest after its time.
    pub(crate) fn lateness(&self) -> Vec<Duration> {
        let Some(first) = self.packets.first() else {
            return Vec::new();
        };
        let behind = |heard: &Heard| {
            let samples = heard.time.wrapping_sub(first.time).cast_signed();
            let due = f64::from(samples) / RATE as f64;
            heard
                .came
                .saturating_duration_since(first.came)
                .as_secs_f64()
                - due
        };
        let least = self.packets.iter().map(behind).fold(0.0, f64::min);
        let late = |heard| Duration::from_secs_f64((behind(heard) - least).max(0.0));
        self.packets.iter().map(late).collect()
    }

    /// Packets between the first and the last that did not come.
    pub(crate) fn missing(&self) -> u64 {
        let sequences = || self.packets.iter().map(|heard| heard.sequence);
        let (first, last) = (sequences().min(), sequences().max());
        let span = first.zip(last).map_or(0, |(first, last)| last + 1 - first);
        span.saturating_sub(self.packets.len() as u64)
    }

    /// What the last packets sound like.
    pub(crate) fn sound(&self, count: usize) -> Result<Vec<f32>> {
        let mut decoder = Decoder::new(&Codec::Opus(codec::Opus::new(2, 0)))?;
        let mut sound = Vec::new();
        // What comes before lets the decoder settle.
        let from = self.packets.len().saturating_sub(count + 10);
        for heard in self.packets.iter().skip(from) {
            sound.extend_from_slice(decoder.decode(&heard.data)?);
        }
        Ok(sound.split_off(sound.len().saturating_sub(2 * FRAME * count)))
    }
}

pub(crate) struct Client {
    rtc: Rtc,
    socket: std::net::UdpSocket,
    address: SocketAddr,
    pending: Option<SdpPendingOffer>,
    stage: Arc<Stage>,
    mid: Mid,
    /// How its packets are called, when the next is due, and how many there were.
    payload_type: Option<Pt>,
    due: Option<Instant>,
    count: usize,
    place: Place,
    hearing: Hearing,
}

impl Client {
    /// One who offers to send and hear Opus.
    pub(crate) fn new(host: IpAddr, number: usize, stage: Arc<Stage>) -> Result<(Self, String)> {
        let socket = std::net::UdpSocket::bind((host, 0)).context("no more ports")?;
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_opus(true, false)
            .set_rtp_mode(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp)?);
        let mut api = rtc.sdp_api();
        let mid = api.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = api.apply().context("nothing to offer")?;
        let client = Self {
            rtc,
            socket,
            address,
            pending: Some(pending),
            stage,
            mid,
            payload_type: None,
            due: None,
            count: 0,
            place: Place::default(),
            hearing: Hearing {
                number,
                packets: Vec::new(),
            },
        };
        Ok((client, offer.to_sdp_string()))
    }

    pub(crate) fn accept(&mut self, answer: &str) -> Result<()> {
        let answer = SdpAnswer::from_sdp_string(answer).context("the answer is none")?;
        let pending = self.pending.take().context("there was no offer")?;
        self.rtc.sdp_api().accept_answer(pending, answer)?;
        let media = self.rtc.media(self.mid).context("no sound is wanted")?;
        self.payload_type = media.remote_pts().first().copied();
        Ok(())
    }

    /// Runs until all end; what it has heard.
    pub(crate) async fn run(mut self) -> Hearing {
        if let Err(error) = self.serve().await {
            tracing::error!("number {} ends: {error:#}", self.hearing.number);
        }
        self.hearing
    }

    async fn serve(&mut self) -> Result<()> {
        let socket = UdpSocket::from_std(self.socket.try_clone()?)?;
        let mut buffer = vec![0; 2048];
        while !self.stage.ends.load(Ordering::Relaxed) {
            let now = Instant::now();
            self.talk(now);
            self.rtc.handle_input(Input::Timeout(now))?;
            let mut until = self.drain(&socket, now)?;
            until = self.due.map_or(until, |due| due.min(until));
            let readable = tokio::time::timeout_at(until.into(), socket.readable()).await;
            if readable.is_ok() {
                while let Ok((length, from)) = socket.try_recv_from(&mut buffer) {
                    let now = Instant::now();
                    let data = buffer.get(..length).unwrap_or_default();
                    if let Ok(data) = Receive::new(Protocol::Udp, from, self.address, data) {
                        self.rtc.handle_input(Input::Receive(now, data))?;
                        self.drain(&socket, now)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends what is due.
    fn talk(&mut self, now: Instant) {
        while let Some(due) = self.due.filter(|due| *due <= now) {
            self.due = Some(due + STEP);
            let (number, count) = (self.hearing.number, self.count);
            let at = due.saturating_duration_since(self.stage.start);
            let (packet, level) = self.stage.crowd.packet(number, &mut self.place, at);
            let mut api = self.rtc.direct_api();
            let stream = api.stream_tx_by_mid(self.mid, None);
            let (Some(stream), Some(payload_type)) = (stream, self.payload_type) else {
                continue;
            };
            // The clock goes round.
            let time = (count * FRAME) as u32;
            let sequence = 1000 + count as u64;
            let write = RtpWrite::new(payload_type, sequence.into(), time, now, &packet[..]);
            let values = ExtensionValues {
                audio_level: self.stage.levels.then_some(level.max(-127)),
                voice_activity: self.stage.levels.then_some(level > -50),
                ..ExtensionValues::default()
            };
            stream.write_rtp(write.ext_vals(values));
            self.count += 1;
        }
    }

    /// Takes all outputs; when to come again.
    fn drain(&mut self, socket: &UdpSocket, now: Instant) -> Result<Instant> {
        loop {
            match self.rtc.poll_output()? {
                Output::Timeout(due) => {
                    anyhow::ensure!(self.rtc.is_alive(), "the server has gone");
                    return Ok(due);
                }
                Output::Transmit(transmit) => {
                    // What does not go is lost, as on any network.
                    let _ = socket.try_send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::Connected) => {
                    self.stage.connected.fetch_add(1, Ordering::Relaxed);
                    self.due = Some(now);
                }
                Output::Event(Event::RtpPacket(packet))
                    if self.stage.measures.load(Ordering::Relaxed) =>
                {
                    self.hearing.packets.push(Heard {
                        sequence: *packet.seq_no,
                        time: packet.header.timestamp,
                        came: now,
                        data: packet.payload.to_vec().into(),
                    });
                }
                Output::Event(_) => {}
            }
        }
    }
}
