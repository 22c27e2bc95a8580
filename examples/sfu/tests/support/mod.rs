//! A room with its people in one process and in made-up time: clients are connections of `str0m`, and the network between is a link to
//! each with a rate, a delay and a queue.

// Each test binary uses its own part of this.
#![allow(dead_code)]

mod link;

use fluvial_sfu::message::{Notice, Request, Source};
use fluvial_sfu::room::{Config, Entrance, PeerId, Room, Taken};
pub(crate) use link::Link;
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Pt, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive, Transmit};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// What somebody sends of themselves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer {
    pub(crate) rid: Option<&'static str>,
    pub(crate) height: u16,
    /// Bits per second.
    pub(crate) rate: u64,
}

pub(crate) const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A simulcast of three.
pub(crate) const THREE: &[Layer] = &[
    Layer {
        rid: Some("l"),
        height: 180,
        rate: 120_000,
    },
    Layer {
        rid: Some("m"),
        height: 360,
        rate: 400_000,
    },
    Layer {
        rid: Some("h"),
        height: 720,
        rate: 1_200_000,
    },
];

/// One frame of a receiver's section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) sequence: u64,
    pub(crate) time: u32,
    /// From the made-up picture: who sent it, and in which height.
    pub(crate) sender: u8,
    pub(crate) height: u16,
    pub(crate) keyframe: bool,
    /// Whether it is the first packet of its picture, and the last one.
    pub(crate) ends: [bool; 2],
}

const FRAME: Duration = Duration::from_millis(40);

#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: PeerId,
    pub(crate) rtc: Rtc,
    pub(crate) link: Link,
    pub(crate) seen: BTreeMap<Mid, Vec<Seen>>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) keyframe_requests: usize,
    /// Requests from now on of which it hears nothing.
    pub(crate) overhears: usize,
    pub(crate) connected: bool,
    /// Whether it asks for consent to send once it is connected (RFC 7675).
    pub(crate) asks: bool,
    /// Whether it has gone without a word: nothing comes of it any more.
    pub(crate) dead: bool,
    address: SocketAddr,
    pending: Option<SdpPendingOffer>,
    video: Option<Mid>,
    audio: Option<Mid>,
    layers: Vec<Sending>,
    deadline: Instant,
}

#[derive(Debug)]
struct Sending {
    layer: Layer,
    sequence: u64,
    picture: u16,
    keyframe: bool,
}

pub(crate) struct World {
    pub(crate) room: Room,
    pub(crate) clients: Vec<Client>,
    pub(crate) taken: Vec<Taken>,
    pub(crate) now: Instant,
    pub(crate) start: Instant,
    /// Time, of the real clock, that the room took; the longest of its turns, and how many there were.
    pub(crate) spent: Duration,
    pub(crate) longest: Duration,
    pub(crate) turns: usize,
    pub(crate) forwarded_before: u64,
    server: SocketAddr,
    flight: VecDeque<(Instant, usize, Transmit)>,
    next_frame: Instant,
    frames: u32,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(false, 10)
    }

    /// For so many people.
    pub(crate) fn large(people: usize) -> Self {
        Self::with(false, people)
    }

    /// What was seen and spent so far does not count.
    pub(crate) fn forget(&mut self) {
        for client in &mut self.clients {
            client.seen.clear();
        }
        self.spent = Duration::ZERO;
        self.longest = Duration::ZERO;
        self.turns = 0;
        self.forwarded_before = self.room.counters().forwarded;
    }

    /// What people send is taken, too: for that they are asked for more keyframes.
    pub(crate) fn taking() -> Self {
        Self::with(true, 10)
    }

    fn with(takes: bool, max_peers: usize) -> Self {
        let crypto = Arc::new(str0m::crypto::from_feature_flags());
        let certificate = crypto.dtls_provider.generate_certificate().unwrap();
        let server: SocketAddr = "10.0.0.1:5000".parse().unwrap();
        let config = Config {
            certificate,
            crypto,
            addresses: vec![server],
            tcp_addresses: Vec::new(),
            max_peers,
            max_audio: 4,
            max_video: 24,
            takes,
        };
        let now = Instant::now();
        Self {
            room: Room::new(Arc::new(config), now),
            clients: Vec::new(),
            taken: Vec::new(),
            now,
            start: now,
            spent: Duration::ZERO,
            longest: Duration::ZERO,
            turns: 0,
            forwarded_before: 0,
            server,
            flight: VecDeque::new(),
            next_frame: now,
            frames: 0,
        }
    }

    /// Somebody comes, sends these layers of one picture and a sound, and offers so many sections to receive pictures.
    pub(crate) fn join(&mut self, layers: &[Layer], sections: usize) -> usize {
        self.come(layers, sections, Entrance::Socket)
    }

    /// The same, this way.
    pub(crate) fn come(&mut self, layers: &[Layer], sections: usize, way: Entrance) -> usize {
        let index = self.clients.len();
        let id = PeerId(index as u64 + 1);
        let address = SocketAddr::new([10, 0, 1, index as u8 + 1].into(), 4000);
        let mut rtc = RtcConfig::new()
            .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_rtp_mode(true)
            .build(self.now);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        let mut api = rtc.sdp_api();
        let mut sources = BTreeMap::new();
        let (mut audio, mut video) = (None, None);
        if !layers.is_empty() {
            let mid = api.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
            sources.insert(mid.to_string(), Source::Microphone);
            audio = Some(mid);
            let send: Vec<_> = layers
                .iter()
                .filter_map(|layer| Some(SimulcastLayer::new(layer.rid?)))
                .collect();
            let recv = Vec::new();
            let simulcast = (!send.is_empty()).then_some(Simulcast { send, recv });
            let mid = api.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast);
            sources.insert(mid.to_string(), Source::Camera);
            video = Some(mid);
        }
        api.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        for _ in 0..sections {
            api.add_media(MediaKind::Video, Direction::RecvOnly, None, None, None);
        }
        let (offer, pending) = api.apply().unwrap();
        self.room
            .join(id, &format!("client {index}"), way, self.now)
            .unwrap();
        self.clients.push(Client {
            id,
            rtc,
            link: Link::new(self.now),
            seen: BTreeMap::new(),
            notices: Vec::new(),
            keyframe_requests: 0,
            overhears: 0,
            connected: false,
            asks: true,
            dead: false,
            address,
            pending: Some(pending),
            video,
            audio,
            layers: layers
                .iter()
                .map(|&layer| Sending {
                    layer,
                    sequence: 1,
                    picture: 7,
                    keyframe: true,
                })
                .collect(),
            deadline: self.now,
        });
        let sdp = offer.to_sdp_string();
        self.room
            .handle_request(id, Request::Offer { sdp, sources }, self.now);
        self.settle();
        index
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let next = self
                .flight
                .iter()
                .map(|(at, ..)| *at)
                .chain(self.room.poll_timeout())
                .chain(self.clients.iter().map(|client| client.deadline))
                .chain([self.next_frame, end])
                .min()
                .unwrap();
            // Never the same moment twice: what is due at once is due in the next one.
            self.now = next.max(self.now + Duration::from_micros(100)).min(end);
            self.settle();
            if self.now >= end {
                return;
            }
        }
    }

    fn settle(&mut self) {
        let now = self.now;
        if self.next_frame <= now {
            self.next_frame = now + FRAME;
            self.frames += 1;
            for index in 0..self.clients.len() {
                self.clients[index].film(index as u8, self.frames, now);
            }
        }
        let flight = std::mem::take(&mut self.flight);
        for (at, index, transmit) in flight {
            if at > now {
                self.flight.push_back((at, index, transmit));
            } else if transmit.destination == self.server {
                let id = self.clients[index].id;
                let began = Instant::now();
                self.room.handle_datagram(
                    id,
                    Protocol::Udp,
                    transmit.source,
                    transmit.destination,
                    &transmit.contents,
                    now,
                );
                self.spent += began.elapsed();
            } else {
                let receive = Receive::try_from(&transmit).unwrap();
                let client = &mut self.clients[index];
                client
                    .rtc
                    .handle_input(Input::Receive(now, receive))
                    .unwrap();
                self.drain(index);
            }
        }
        for index in 0..self.clients.len() {
            self.clients[index]
                .rtc
                .handle_input(Input::Timeout(now))
                .unwrap();
            self.drain(index);
        }
        let began = Instant::now();
        self.room.handle_timeout(now);
        let took = began.elapsed();
        self.spent += took;
        self.longest = self.longest.max(took);
        self.turns += 1;
        while let Some(transmit) = self.room.poll_transmit() {
            // Their addresses count up with them.
            let IpAddr::V4(ip) = transmit.destination.ip() else {
                continue;
            };
            let Some(index) = usize::from(ip.octets()[3]).checked_sub(1) else {
                continue;
            };
            if self.clients.get(index).map(|client| client.address) != Some(transmit.destination) {
                continue;
            }
            if let Some(arrives) = self.clients[index].link.carry(transmit.contents.len(), now) {
                self.flight.push_back((arrives, index, transmit));
            }
        }
        while let Some((id, notice)) = self.room.poll_notice() {
            let Some(client) = self.clients.iter_mut().find(|client| client.id == id) else {
                continue;
            };
            if let Notice::Answer { sdp } = &*notice {
                let answer = SdpAnswer::from_sdp_string(sdp).unwrap();
                let pending = client.pending.take().unwrap();
                client.rtc.sdp_api().accept_answer(pending, answer).unwrap();
            }
            client.notices.push(Arc::unwrap_or_clone(notice));
        }
        while self.room.poll_gone().is_some() {}
        while let Some(taken) = self.room.poll_taken() {
            self.taken.push(taken);
        }
    }

    fn drain(&mut self, index: usize) {
        let now = self.now;
        let client = &mut self.clients[index];
        loop {
            match client.rtc.poll_output().unwrap() {
                Output::Timeout(at) => {
                    client.deadline = at;
                    return;
                }
                Output::Transmit(transmit) => {
                    let is_request = transmit.contents.starts_with(&[0, 1]);
                    if client.dead || (is_request && client.connected && !client.asks) {
                        continue;
                    }
                    let arrives = client.link.back(now);
                    self.flight.push_back((arrives, index, transmit));
                }
                Output::Event(Event::Connected) => client.connected = true,
                Output::Event(Event::KeyframeRequest(request)) => {
                    client.keyframe_requests += 1;
                    let rid = request.rid;
                    let hears = client.overhears == 0;
                    client.overhears = client.overhears.saturating_sub(1);
                    for sending in client.layers.iter_mut().filter(|_| hears) {
                        sending.keyframe |= sending.layer.rid.map(Rid::from) == rid;
                    }
                }
                Output::Event(Event::RtpPacket(packet)) => {
                    let mut api = client.rtc.direct_api();
                    let Some(stream) = api.stream_rx(&packet.header.ssrc) else {
                        continue;
                    };
                    let mid = stream.mid();
                    // Sound is shorter.
                    let (Some(tag), [.., sender, high, low]) =
                        (packet.payload.get(6), &packet.payload[..])
                    else {
                        continue;
                    };
                    client.seen.entry(mid).or_default().push(Seen {
                        at: now,
                        sequence: *packet.seq_no,
                        time: packet.header.timestamp,
                        sender: *sender,
                        height: u16::from_be_bytes([*high, *low]),
                        keyframe: packet.payload[0] & 0x10 != 0 && tag & 1 == 0,
                        ends: [packet.payload[0] & 0x10 != 0, packet.header.marker],
                    });
                }
                Output::Event(_) => {}
            }
        }
    }
}

/// When pictures of one section could be shown: all packets are there, and the picture before, unless it is a keyframe.
pub(crate) fn shown(seen: &[Seen]) -> Vec<(Instant, u16)> {
    let mut seen = seen.to_vec();
    seen.sort_by_key(|seen| seen.sequence);
    seen.dedup_by_key(|seen| seen.sequence);
    let mut shown: Vec<(Instant, u16)> = Vec::new();
    // The number after the last picture that could be decoded.
    let mut next = None;
    for picture in seen.chunk_by(|a, b| a.time == b.time) {
        let (Some(first), Some(last)) = (picture.first(), picture.last()) else {
            continue;
        };
        let is_whole = first.ends[0]
            && last.ends[1]
            && last.sequence - first.sequence + 1 == picture.len() as u64;
        if !is_whole || !first.keyframe && next != Some(first.sequence) {
            continue;
        }
        next = Some(last.sequence + 1);
        let came = picture.iter().map(|seen| seen.at).max().unwrap_or(first.at);
        let after = shown.last().map_or(came, |(at, _)| *at);
        // A keyframe does not wait for what was before it; what comes after it is not shown.
        while first.keyframe && shown.last().is_some_and(|(at, _)| *at > came) {
            shown.pop();
        }
        let at = if first.keyframe {
            came
        } else {
            came.max(after)
        };
        shown.push((at, first.height));
    }
    shown
}

impl Client {
    /// Everything seen in all sections, in order.
    pub(crate) fn all_seen(&self) -> Vec<Seen> {
        let mut all: Vec<_> = self.seen.values().flatten().copied().collect();
        all.sort_by_key(|seen| seen.at);
        all
    }

    /// Sends a picture of each layer, and a sound.
    fn film(&mut self, sender: u8, frame: u32, now: Instant) {
        if !self.connected {
            return;
        }
        let (Some(video), Some(audio)) = (self.video, self.audio) else {
            return;
        };
        let pt = |rtc: &Rtc, mid: Mid| -> Pt { rtc.media(mid).unwrap().remote_pts()[0] };
        let (video_pt, audio_pt) = (pt(&self.rtc, video), pt(&self.rtc, audio));
        for sending in &mut self.layers {
            let bytes = sending.layer.rate / 8 / 25;
            let keyframe = std::mem::take(&mut sending.keyframe);
            let bytes = if keyframe { bytes * 3 } else { bytes };
            let packets = bytes.div_ceil(1100).max(1);
            sending.picture += 1;
            for packet in 0..packets {
                let payload = picture(sending, sender, packet == 0, keyframe, bytes / packets);
                let rid = sending.layer.rid.map(Rid::from);
                let mut api = self.rtc.direct_api();
                let stream = api.stream_tx_by_mid(video, rid).unwrap();
                let write = RtpWrite::new(
                    video_pt,
                    sending.sequence.into(),
                    frame.wrapping_mul(3600),
                    now,
                    payload,
                );
                stream.write_rtp(write.marker(packet + 1 == packets).nackable(true));
                sending.sequence += 1;
            }
        }
        let mut api = self.rtc.direct_api();
        let stream = api.stream_tx_by_mid(audio, None).unwrap();
        let level = ExtensionValues {
            audio_level: Some(-30),
            voice_activity: Some(true),
            ..ExtensionValues::default()
        };
        let write = RtpWrite::new(
            audio_pt,
            u64::from(frame).into(),
            frame.wrapping_mul(1920),
            now,
            vec![0xfc; 4],
        );
        stream.write_rtp(write.ext_vals(level));
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
    }
}

/// VP8 as far as anybody here looks: a descriptor with numbers, the tag of a frame, in keyframes its size; who and what it is at the
/// end.
fn picture(sending: &Sending, sender: u8, first: bool, keyframe: bool, bytes: u64) -> Vec<u8> {
    let start = if first { 0x10 } else { 0 };
    let [high, low] = (sending.picture | 0x8000).to_be_bytes();
    let mut payload = vec![0x80 | start, 0xe0, high, low, 0, 0];
    payload.extend([u8::from(!keyframe), 0, 0]);
    let height = sending.layer.height;
    if first && keyframe {
        payload.extend([0x9d, 0x01, 0x2a]);
        payload.extend((height * 16 / 9).to_le_bytes());
        payload.extend(height.to_le_bytes());
    }
    payload.resize((bytes as usize).max(24), 0xaa);
    payload.push(sender);
    payload.extend(height.to_be_bytes());
    payload
}
