//! One client: a connection with a socket of its own, which publishes the clip or checks what comes.

use crate::clip::Clip;
use crate::tally::Tally;
use anyhow::{Context, Result};
use quinn_udp::{RecvMeta, UdpSockRef, UdpSocketState};
use std::cell::RefCell;
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::PayloadParams;
use str0m::media::{Direction, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// What the kernel holds for each: some hundred milliseconds of a stream, for a generator that is busy.
const KERNEL: usize = 512 << 10;
/// Calls for more in a row, before the others have their turn.
const TURNS: usize = 8;
/// Batches that are received in one call.
const BATCHES: usize = 4;

thread_local! {
    static BUFFERS: RefCell<Vec<Vec<u8>>> = RefCell::new(vec![vec![0; 64 << 10]; BATCHES]);
}

pub(crate) struct Connection {
    rtc: Rtc,
    socket: std::net::UdpSocket,
    address: SocketAddr,
    pending: Option<SdpPendingOffer>,
    role: Role,
    tally: Arc<Tally>,
}

enum Role {
    Publish(Publisher),
    Subscribe(Subscriber),
}

struct Publisher {
    clip: Arc<Clip>,
    mid: Option<Mid>,
    /// The next picture, and when it is due.
    next: usize,
    due: Option<Instant>,
    start: Instant,
    sequence: u64,
}

#[derive(Default)]
struct Subscriber {
    first: Option<u64>,
    last: u64,
    count: u64,
}

impl Connection {
    pub(crate) fn publisher(host: IpAddr, clip: Arc<Clip>, tally: Arc<Tally>) -> Result<Self> {
        let publisher = Publisher {
            clip,
            mid: None,
            next: 0,
            due: None,
            start: Instant::now(),
            sequence: 1000,
        };
        Self::new(host, Role::Publish(publisher), tally)
    }

    pub(crate) fn subscriber(host: IpAddr, tally: Arc<Tally>) -> Result<Self> {
        Self::new(host, Role::Subscribe(Subscriber::default()), tally)
    }

    fn new(host: IpAddr, role: Role, tally: Arc<Tally>) -> Result<Self> {
        let socket = std::net::UdpSocket::bind((host, 0)).context("no more ports")?;
        socket.set_nonblocking(true)?;
        // The kernel may give less; losses tell.
        let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(KERNEL);
        let address = socket.local_addr()?;
        let mut rtc = RtcConfig::new()
            .clear_codecs()
            .enable_h264(true)
            .set_rtp_mode(true)
            .build(Instant::now());
        let candidate = Candidate::host(address, Protocol::Udp).context("no candidate")?;
        rtc.add_local_candidate(candidate);
        Ok(Self {
            rtc,
            socket,
            address,
            pending: None,
            role,
            tally,
        })
    }

    /// A description of what this end does.
    pub(crate) fn offer(&mut self) -> Result<String> {
        let mut api = self.rtc.sdp_api();
        let direction = match self.role {
            Role::Publish(_) => Direction::SendOnly,
            Role::Subscribe(_) => Direction::RecvOnly,
        };
        let mid = api.add_media(MediaKind::Video, direction, None, None, None);
        let (offer, pending) = api.apply().context("nothing to offer")?;
        self.pending = Some(pending);
        if let Role::Publish(publisher) = &mut self.role {
            publisher.mid = Some(mid);
        }
        Ok(offer.to_sdp_string())
    }

    pub(crate) fn accept_answer(&mut self, sdp: &str) -> Result<()> {
        let answer = SdpAnswer::from_sdp_string(sdp).context("the answer is none")?;
        let pending = self.pending.take().context("there was no offer")?;
        let accepted = self.rtc.sdp_api().accept_answer(pending, answer);
        accepted.context("the answer does not fit")
    }

    /// Answers an offer of the server.
    pub(crate) fn accept_offer(&mut self, sdp: &str) -> Result<String> {
        let offer = SdpOffer::from_sdp_string(sdp).context("the offer is none")?;
        let answer = self.rtc.sdp_api().accept_offer(offer);
        Ok(answer
            .context("the offer cannot be answered")?
            .to_sdp_string())
    }

    /// Runs until the end is told, and takes its leave: rooms have nobody left in them who is not there.
    pub(crate) async fn run(mut self) {
        if let Err(error) = self.serve().await {
            tracing::error!("a connection ends: {error:#}");
        }
    }

    async fn serve(&mut self) -> Result<()> {
        let socket = UdpSocket::from_std(self.socket.try_clone()?)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        loop {
            let now = Instant::now();
            if let Role::Publish(publisher) = &mut self.role {
                publisher.send(&mut self.rtc, &self.tally, now);
            }
            self.rtc.handle_input(Input::Timeout(now))?;
            let mut due = self.drain(&socket, now)?;
            if let Role::Publish(publisher) = &self.role {
                due = publisher.due.map_or(due, |next| due.min(next));
            }
            if self.tally.has_ended() {
                self.settle();
                self.rtc.close()?;
                // The connection is over with its last words, which is no error now.
                let _ = self.drain(&socket, now);
                return Ok(());
            }
            let ready = tokio::time::timeout_at(due.into(), socket.ready(Interest::READABLE)).await;
            if let Ok(ready) = ready {
                ready?;
                for _ in 0..TURNS {
                    if !self.receive(&socket, &state)? {
                        break;
                    }
                }
            }
        }
    }

    /// Takes what is there; whether there may be more.
    fn receive(&mut self, socket: &UdpSocket, state: &UdpSocketState) -> Result<bool> {
        let mut metas = [RecvMeta::default(); BATCHES];
        BUFFERS.with_borrow_mut(|buffers| {
            let mut slices: Vec<_> = buffers.iter_mut().map(|b| IoSliceMut::new(b)).collect();
            let received = socket.try_io(Interest::READABLE, || {
                state.recv(UdpSockRef::from(socket), &mut slices, &mut metas)
            });
            let Ok(count) = received else {
                return Ok(false);
            };
            let now = Instant::now();
            for (meta, buffer) in metas.iter().zip(&*buffers).take(count) {
                let bytes = buffer.get(..meta.len).unwrap_or_default();
                for datagram in bytes.chunks(meta.stride.max(1)) {
                    let receive = Receive::new(Protocol::Udp, meta.addr, self.address, datagram);
                    if let Ok(receive) = receive {
                        self.rtc.handle_input(Input::Receive(now, receive))?;
                        self.drain(socket, now)?;
                    }
                }
            }
            Ok(count == BATCHES)
        })
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
                    self.tally.connected();
                    if let Role::Publish(publisher) = &mut self.role {
                        publisher.due = Some(now);
                    }
                }
                Output::Event(Event::KeyframeRequest(_)) => {
                    if let Role::Publish(publisher) = &mut self.role {
                        publisher.next = publisher.clip.keyframe_from(publisher.next);
                    }
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    if let Role::Subscribe(subscriber) = &mut self.role {
                        subscriber.check(&packet, &self.tally, now);
                    }
                }
                Output::Event(_) => {}
            }
        }
    }

    /// Tells what was missing.
    fn settle(&self) {
        if let Role::Subscribe(subscriber) = &self.role {
            self.tally.lost(subscriber.missing());
            self.tally.settled(subscriber.count);
        }
    }
}

impl Publisher {
    /// Sends the pictures that are due.
    fn send(&mut self, rtc: &mut Rtc, tally: &Tally, now: Instant) {
        if tally.has_stopped() {
            self.due = None;
        }
        while let Some(due) = self.due.filter(|due| *due <= now) {
            let (Some(mid), Some(frame)) = (self.mid, self.clip.frames.get(self.next)) else {
                return;
            };
            let Some(payload_type) = payload_type(rtc, mid) else {
                return;
            };
            let time = (now - self.start).as_micros() * 9 / 100;
            let count = frame.payloads.len();
            for (index, payload) in frame.payloads.iter().enumerate() {
                let mut api = rtc.direct_api();
                let Some(stream) = api.stream_tx_by_mid(mid, None) else {
                    return;
                };
                tally.sending(payload, Instant::now());
                // The clock of 90 kHz goes round.
                let write = RtpWrite::new(
                    payload_type,
                    self.sequence.into(),
                    time as u32,
                    now,
                    payload.as_slice(),
                );
                stream.write_rtp(write.marker(index + 1 == count).nackable(true));
                self.sequence += 1;
            }
            self.next = (self.next + 1) % self.clip.frames.len();
            self.due = Some(due + self.clip.step(self.next));
        }
    }
}

/// How H.264 is called whose pictures may be cut.
fn payload_type(rtc: &Rtc, mid: Mid) -> Option<Pt> {
    let media = rtc.media(mid)?;
    let params = media
        .remote_pts()
        .iter()
        .filter_map(|pt| rtc.codec_config().find(|params| params.pt() == *pt));
    let cuts = |params: &&PayloadParams| params.spec().format.packetization_mode == Some(1);
    params.into_iter().find(cuts).map(PayloadParams::pt)
}

impl Subscriber {
    fn check(&mut self, packet: &RtpPacket, tally: &Tally, now: Instant) {
        if !tally.is_measuring() {
            return;
        }
        let sequence = *packet.seq_no;
        let first = *self.first.get_or_insert(sequence);
        // What was sent again for one from before the beginning.
        if sequence < first {
            return;
        }
        self.last = self.last.max(sequence);
        self.count += 1;
        if !packet.payload.is_empty() {
            tally.received(&packet.payload, now);
        }
    }

    /// Numbers between the first and the last that did not come.
    fn missing(&self) -> u64 {
        let first = self.first.unwrap_or(self.last + 1);
        (self.last + 1 - first).saturating_sub(self.count)
    }
}
