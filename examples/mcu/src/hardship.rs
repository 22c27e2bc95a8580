//! A call through a network that loses packets in both directions, on a clock that is set by hand: two clients of WebRTC in one room, of
//! whom the second looks on through a network that loses nothing.

use crate::call::{Call, FIRST_ESTIMATE};
use crate::layout::{Layout, Place, Region};
use crate::picture::decode::H264;
use crate::picture::encode::{Encoder, Settings};
use crate::picture::{Area, Colour, Picture};
use crate::room::{Format, Person, Pictures, Room, Voices, Watch, Way};
use crate::sound::encode::Opus;
use crate::sound::tests::{click, strength, tone};
use crate::sound::{FRAME, Frame, RATE, decode};
use common::webrtc::Call as _;
use h264::access_unit::Canonical;
use h264::{DecoderConfig, annexb, length_prefixed};
use media::{Codec, Flags, Sample, TrackId, codec};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};
use str0m::bwe::Bitrate;
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::format::Codec as Kind;
use str0m::media::{Direction, Frequency, KeyframeRequestKind, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, VideoOrientation};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};
use testing::Random;

const MS: i64 = 1_000_000;
const FORMAT: Format = Format {
    width: 320,
    height: 180,
    rate: 25,
    bitrate: 400_000,
};
/// What cameras show by turns, far from each other: a picture that was made from another than its encoder meant is none of them.
const COLOURS: [Colour; 5] = [
    Colour::new(60, 90, 200),
    Colour::new(200, 150, 90),
    Colour::new(100, 210, 150),
    Colour::new(160, 60, 60),
    Colour::new(220, 120, 200),
];

fn is_near(seen: Colour, wanted: Colour) -> bool {
    let pairs = [(seen.y, wanted.y), (seen.u, wanted.u), (seen.v, wanted.v)];
    pairs.iter().all(|(a, b)| a.abs_diff(*b) < 18)
}

/// One direction of a network.
struct Link {
    random: Random,
    /// Of a thousand datagrams of media so many are lost.
    lost: usize,
    waiting: VecDeque<(i64, Vec<u8>)>,
}

impl Link {
    const DELAY: i64 = 20 * MS;

    fn new(seed: u64, lost: usize) -> Self {
        Self {
            random: Random::new(seed),
            lost,
            waiting: VecDeque::new(),
        }
    }

    fn send(&mut self, now: i64, data: Vec<u8>) {
        // RTP and RTCP (RFC 7983): what ICE and DTLS lose is found out by clocks, and those are slow.
        let media = (128..192).contains(&data[0]);
        if !media || self.random.below(1000) >= self.lost {
            self.waiting.push_back((now + Self::DELAY, data));
        }
    }

    fn arrived(&mut self, now: i64) -> Option<Vec<u8>> {
        self.waiting.front().filter(|(at, _)| *at <= now)?;
        self.waiting.pop_front().map(|(_, data)| data)
    }
}

/// What is seen of a participant.
#[derive(Clone, Copy, Default)]
struct Cell {
    colour: Option<usize>,
    since: i64,
    /// The longest time of one colour.
    longest: i64,
    /// How often a colour was followed by none.
    placeholders: usize,
}

/// What somebody sees and hears of the mix.
struct Senses {
    config: DecoderConfig,
    decoder: H264,
    ears: decode::Decoder,
    heard: Vec<f32>,
    /// When the last picture came, and the longest time between two.
    last: Option<i64>,
    gap: i64,
    pictures: usize,
    broken: usize,
    cells: [Cell; 2],
    asked: i64,
    /// How often a keyframe was asked for.
    requests: usize,
}

impl Senses {
    fn new() -> Self {
        Self {
            config: DecoderConfig::default(),
            decoder: H264::new(DecoderConfig::default()),
            ears: decode::Decoder::new(&Codec::Opus(codec::Opus::new(2, 0))).unwrap(),
            heard: Vec::new(),
            last: None,
            gap: 0,
            pictures: 0,
            broken: 0,
            cells: [Cell::default(); 2],
            asked: 0,
            requests: 0,
        }
    }

    /// Takes an access unit; whether a keyframe is needed.
    fn see(&mut self, data: &[u8], contiguous: bool, now: i64) -> bool {
        let unit = Canonical::from_annexb(data.to_vec(), &mut self.config);
        if unit.reconfigured {
            self.decoder.set_config(self.config.clone());
        }
        let sample = Sample {
            track: TrackId(1),
            dts: now,
            pts: now,
            duration: None,
            flags: Flags::SYNC.when(unit.summary.is_sync()) | Flags::GAP.when(!contiguous),
            data: unit.data,
        };
        if let Some((_, picture)) = self.decoder.decode(&sample) {
            self.pictures += 1;
            if let Some(last) = self.last.replace(now) {
                self.gap = self.gap.max(now - last);
            }
            self.look(&picture, now);
        }
        self.decoder.waits() && now - self.asked >= 200 * MS
    }

    /// Looks for what cameras show: two cells side by side, of which the upper third is noise and the lowest part a name.
    fn look(&mut self, picture: &Picture, now: i64) {
        for (index, cell) in self.cells.iter_mut().enumerate() {
            let place = |(x, y): (usize, usize)| {
                let left = index * picture.width() / 2;
                picture.at(left + picture.width() * x / 200, picture.height() * y / 100)
            };
            let seen = [(30, 48), (70, 48), (30, 59), (70, 59)].map(place);
            let shows = |colour: Colour| seen.iter().all(|seen| is_near(*seen, colour));
            let colour = COLOURS.iter().position(|colour| shows(*colour));
            let placeholder = shows(Colour::SLATE) || shows(Colour::BLACK);
            if colour.is_none() && !placeholder {
                self.broken += 1;
                println!("at {} ms in cell {index}: {seen:?}", now / MS);
            }
            cell.placeholders += usize::from(placeholder && cell.colour.is_some());
            if colour != cell.colour {
                cell.colour = colour;
                cell.since = now;
            }
            if colour.is_some() {
                cell.longest = cell.longest.max(now - cell.since);
            }
        }
    }
}

fn camera(width: usize, height: usize) -> Encoder {
    Encoder::new(Settings {
        width,
        height,
        rate: 25,
        bitrate: 400_000,
        keyframes: None,
    })
}

/// Somebody in the room, and the server's end of the connection.
struct Participant {
    rtc: Rtc,
    sound: Mid,
    picture: Mid,
    camera: Encoder,
    /// How its pictures are sent: of which size, and so many quarters of a turn short of standing upright.
    shape: (usize, usize, u8),
    frozen: bool,
    microphone: Opus,
    frequency: f32,
    random: Random,
    senses: Senses,
    connected: bool,
    wants_keyframe: bool,
    due: Instant,
    server: Rtc,
    call: Call,
    up: Link,
    down: Link,
    addresses: [SocketAddr; 2],
}

impl Participant {
    fn join(room: &Arc<Room>, number: u16, seed: u64, lost: [usize; 2], start: Instant) -> Self {
        let address = |host: u16| SocketAddr::from(([10, 0, 0, host as u8], 1000 + host));
        let addresses = [address(number), address(99)];
        let candidate = |address| Candidate::host(address, Protocol::Udp).unwrap();
        let codecs = || {
            let crypto = Arc::new(str0m::crypto::from_feature_flags());
            RtcConfig::new()
                .set_crypto_provider(crypto)
                .clear_codecs()
                .enable_opus(true, false)
                .enable_h264(true)
                .set_extension(5, Extension::PlayoutDelay)
                .set_extension(13, Extension::VideoOrientation)
        };
        // Who waits for a packet in vain asks for a keyframe.
        let patience = Some(Duration::from_millis(400));
        let mut rtc = codecs().set_reordering_timeout_video(patience).build(start);
        rtc.add_local_candidate(candidate(addresses[0]));
        let mut api = rtc.sdp_api();
        let mut add = |kind| api.add_media(kind, Direction::SendRecv, None, None, None);
        let (sound, picture) = (add(MediaKind::Audio), add(MediaKind::Video));
        let (offer, pending) = api.apply().unwrap();
        let offer = offer.to_sdp_string();
        let mut server = codecs()
            .set_ice_lite(true)
            .set_rtp_mode(true)
            .enable_bwe(Some(Bitrate::bps(FIRST_ESTIMATE)))
            .build(start);
        server.add_local_candidate(candidate(addresses[1]));
        let answer = server.sdp_api();
        let answer = answer.accept_offer(SdpOffer::from_sdp_string(&offer).unwrap());
        let answer = answer.unwrap().to_sdp_string();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        let inlet = room.enter(&number.to_string(), Way::Webrtc).unwrap();
        let call = Call::new(Arc::clone(room), &server, &offer, Some(inlet), true).unwrap();
        Self {
            rtc,
            sound,
            picture,
            camera: camera(320, 180),
            shape: (320, 180, 0),
            frozen: false,
            microphone: Opus::new(32_000).unwrap(),
            frequency: 200.0 * f32::from(number),
            random: Random::new(u64::from(number)),
            senses: Senses::new(),
            connected: false,
            wants_keyframe: false,
            due: start,
            server,
            call,
            up: Link::new(seed, lost[0]),
            down: Link::new(seed + 1000, lost[1]),
            addresses,
        }
    }

    /// From now on pictures, upright, are of this size, and sent so many quarters of a turn short of that.
    fn resize(&mut self, width: usize, height: usize, quarters: u8) {
        self.shape = (width, height, quarters);
        self.camera = match quarters % 2 {
            0 => camera(width, height),
            _ => camera(height, width),
        };
    }

    /// What the camera sees: noise above, a colour below.
    fn view(&mut self, number: usize) -> Picture {
        let (width, height, quarters) = self.shape;
        let mut picture = Picture::new(width, height, COLOURS[number / 4 % COLOURS.len()]);
        let random = &mut self.random;
        let noisy = Area {
            height: height / 3,
            ..picture.area()
        };
        picture.lines(0, noisy, |line, _| {
            for part in line.chunks_mut(8) {
                part.fill(64 + random.below(128) as u8);
            }
        });
        picture.turned((4 - quarters) % 4)
    }

    fn show(&mut self, number: usize, at: i64, now: Instant) {
        if std::mem::take(&mut self.wants_keyframe) {
            self.camera.want_keyframe();
        }
        let picture = self.view(number);
        let Some(encoded) = self.camera.encode(&picture, (at / MS) as u64).unwrap() else {
            return;
        };
        let mut data = Vec::new();
        if encoded.sync {
            let config = self.camera.config().unwrap();
            for nal in config.sps().chain(config.pps()) {
                annexb::push(nal, &mut data);
            }
        }
        for nal in length_prefixed::nals(&encoded.data, 4).flatten() {
            annexb::push(nal, &mut data);
        }
        self.write(
            self.picture,
            Kind::H264,
            now,
            MediaTime::from_90khz((at * 9 / 100_000) as u64),
            data,
        );
    }

    fn say(&mut self, number: usize, at: i64, now: Instant) {
        let frame: Frame = tone(self.frequency, 0.3, number * FRAME, FRAME)
            .try_into()
            .unwrap();
        let packet = self.microphone.encode(&frame).unwrap();
        let time = MediaTime::new((at / 1000 * 48 / 1000) as u64, Frequency::FORTY_EIGHT_KHZ);
        self.write(self.sound, Kind::Opus, now, time, packet.to_vec());
    }

    fn write(&mut self, mid: Mid, kind: Kind, now: Instant, time: MediaTime, data: Vec<u8>) {
        if !self.connected {
            return;
        }
        let writer = self.rtc.writer(mid).unwrap();
        let is = |params: &&str0m::format::PayloadParams| params.spec().codec == kind;
        let pt = writer.payload_params().find(is).unwrap().pt();
        let writer = writer.video_orientation(match self.shape.2 {
            0 => VideoOrientation::Deg0,
            1 => VideoOrientation::Deg270,
            2 => VideoOrientation::Deg180,
            _ => VideoOrientation::Deg90,
        });
        writer.write(pt, now, time, data).unwrap();
        self.due = now;
    }

    /// Does what is due at both ends.
    fn turn(&mut self, at: i64, now: Instant) {
        while let Some(data) = self.down.arrived(at) {
            let receive =
                Receive::new(Protocol::Udp, self.addresses[1], self.addresses[0], &data).unwrap();
            self.rtc.handle_input(Input::Receive(now, receive)).unwrap();
            self.hear(at);
        }
        if self.due <= now {
            self.rtc.handle_input(Input::Timeout(now)).unwrap();
            self.hear(at);
        }
        while let Some(data) = self.up.arrived(at) {
            let receive =
                Receive::new(Protocol::Udp, self.addresses[0], self.addresses[1], &data).unwrap();
            self.server
                .handle_input(Input::Receive(now, receive))
                .unwrap();
            self.serve(at);
        }
        // As the desk does whenever there is something new.
        self.call.handle_timeout(&mut self.server, now);
        self.server.handle_input(Input::Timeout(now)).unwrap();
        self.serve(at);
    }

    fn hear(&mut self, at: i64) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(due) => {
                    self.due = due;
                    return;
                }
                Output::Transmit(transmit) => self.up.send(at, transmit.contents.to_vec()),
                Output::Event(Event::Connected) => {
                    self.connected = true;
                    // Browsers send again what is asked for, however much that is.
                    let mut api = self.rtc.direct_api();
                    let stream = api.stream_tx_by_mid(self.picture, None).unwrap();
                    stream.set_rtx_cache(2000, Duration::from_secs(3), None);
                }
                Output::Event(Event::KeyframeRequest(_)) => self.wants_keyframe = true,
                Output::Event(Event::MediaData(data)) if data.mid == self.sound => {
                    let sound = self.senses.ears.decode(&data.data).unwrap();
                    self.senses.heard.extend_from_slice(sound);
                }
                Output::Event(Event::MediaData(data)) => {
                    if self.senses.see(&data.data, data.contiguous, at) {
                        self.senses.asked = at;
                        self.senses.requests += 1;
                        let mut writer = self.rtc.writer(self.picture).unwrap();
                        writer
                            .request_keyframe(None, KeyframeRequestKind::Pli)
                            .unwrap();
                    }
                }
                Output::Event(_) => {}
            }
        }
    }

    fn serve(&mut self, at: i64) {
        loop {
            match self.server.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => self.down.send(at, transmit.contents.to_vec()),
                Output::Event(event) => self.call.handle_event(&mut self.server, event),
            }
        }
    }
}

/// A room, in which it is as late as is said.
struct Meeting {
    room: Arc<Room>,
    start: Instant,
    hand: Arc<AtomicI64>,
    pictures: Pictures,
    voices: Voices,
    looked: i64,
    /// In milliseconds.
    now: usize,
}

impl Meeting {
    fn new() -> Self {
        // Ahead of the clock on the wall, by which somebody's reception notes when they came: a machine that is slower than time goes by in here
        // would let them come after all that they send.
        let start = Instant::now() + Duration::from_secs(3600);
        let hand = Arc::new(AtomicI64::new(0));
        let settings = crate::room::Settings {
            format: FORMAT,
            max_people: 10,
            voices: 16,
            record: false,
        };
        let room = Room::new("x", settings, Watch::by_hand(start, Arc::clone(&hand)));
        // Who goes leaves the others where they are.
        let half = |index: u32| Place {
            region: Region::new(500 * index, 0, 500, 1000),
            name: Some(format!("{}", index + 1)),
        };
        room.set_layout(Layout::Custom {
            regions: vec![half(0), half(1)],
        });
        Self {
            room,
            start,
            hand,
            pictures: Pictures::new(FORMAT),
            voices: Voices::new(16),
            looked: 0,
            now: 0,
        }
    }

    fn join(&self, number: u16, seed: u64, lost: [usize; 2]) -> Participant {
        let now = self.start + Duration::from_millis(self.now as u64);
        Participant::join(&self.room, number, seed, lost, now)
    }

    /// Somebody of this name.
    fn person(&self, name: &str) -> Arc<Person> {
        let mut people = self.room.people().into_iter();
        people.find(|person| &*person.name == name).unwrap()
    }

    /// Lets these talk for so many milliseconds.
    fn go_on(&mut self, length: usize, people: &mut [&mut Participant]) {
        for number in self.now..self.now + length {
            let at = number as i64 * MS;
            self.hand.store(at, Ordering::Relaxed);
            let now = self.start + Duration::from_millis(number as u64);
            for person in &mut *people {
                if number % 40 == 3 && !person.frozen {
                    person.show(number / 40, at, now);
                }
                if number % 20 == 7 {
                    person.say(number / 20, at, now);
                }
                person.turn(at, now);
            }
            if number % 20 == 0 {
                self.room.tick_sound(&mut self.voices, at);
            }
            if number % 40 == 0 {
                self.room.tick_pictures(&mut self.pictures, at);
            }
            if at - self.looked >= 1000 * MS {
                self.looked = at;
                self.room.choose();
            }
        }
        self.now += length;
    }
}

/// Greatest click, as [`click`] measures it: what the codec itself makes of a tone that begins, and far from what is heard as one.
const SMOOTH: f32 = 0.01;

fn told(person: &Participant) -> String {
    let senses = &person.senses;
    let cells = senses.cells.map(|cell| cell.longest / MS);
    format!(
        "{} requests, {} pictures, {} broken, {} ms without one, the same in a cell for {cells:?} ms, placeholders {:?}, a click of {:?}",
        senses.requests,
        senses.pictures,
        senses.broken,
        senses.gap / MS,
        senses.cells.map(|cell| cell.placeholders),
        click(&senses.heard)
    )
}

/// Of a hundred packets, five are lost on the way there, and ten on the way back.
#[test]
fn losses_are_survived() {
    let mut meeting = Meeting::new();
    let mut ann = meeting.join(1, 1, [50, 100]);
    let mut bob = meeting.join(2, 2, [0, 0]);
    meeting.go_on(20_000, &mut [&mut ann, &mut bob]);
    let all = format!("ann: {}\nbob: {}", told(&ann), told(&bob));
    println!("{all}");
    for person in [&ann, &bob] {
        let senses = &person.senses;
        assert!(senses.pictures > 100, "{all}");
        assert_eq!(senses.broken, 0, "{all}");
        assert_eq!(senses.cells.map(|cell| cell.placeholders), [0, 0], "{all}");
        assert!(senses.heard.len() > 17 * 2 * RATE, "{all}");
    }
    // Who loses nothing sees a mix that never stops, and each picture of who loses much is followed by another soon.
    assert!(bob.senses.gap < 450 * MS, "{all}");
    assert!(bob.senses.cells[0].longest < 1500 * MS, "{all}");
    assert!(click(&bob.senses.heard).0 < SMOOTH, "{all}");
    // What is lost is sent again, once or several times: keyframes are hardly ever needed.
    assert!(ann.senses.requests < 8, "{all}");
    assert!(ann.senses.gap < 1500 * MS, "{all}");
}

/// All that can happen to somebody, who loses 5 % of all packets besides, while another looks on and listens.
#[test]
fn whatever_happens_to_one_the_others_see_and_hear_well() {
    let mut meeting = Meeting::new();
    let mut ann = meeting.join(1, 5, [50, 50]);
    let mut bob = meeting.join(2, 6, [0, 0]);
    while !ann.connected || !bob.connected {
        meeting.go_on(100, &mut [&mut ann, &mut bob]);
        assert!(meeting.now < 30_000, "they are not connected");
    }
    let mut seen = Vec::new();
    let mut go_on = |meeting: &mut Meeting, length, what, people: &mut [&mut Participant]| {
        meeting.go_on(length, people);
        let bob = &mut people[people.len() - 1].senses;
        // The tone of the other in the last fifth of a second, and whether it is seen.
        let heard = strength(&bob.heard[bob.heard.len() - 2 * RATE / 5..], 200.0);
        seen.push((
            what,
            bob.cells[0].colour.is_some(),
            heard > 0.2,
            heard < 0.01,
        ));
    };
    go_on(&mut meeting, 3000, "together", &mut [&mut ann, &mut bob]);
    for (width, height) in [(480, 270), (160, 90), (320, 180)] {
        ann.resize(width, height, 0);
        go_on(&mut meeting, 1000, "resized", &mut [&mut ann, &mut bob]);
    }
    for quarters in [1, 2, 3, 0] {
        ann.resize(320, 180, quarters);
        go_on(&mut meeting, 1000, "turned", &mut [&mut ann, &mut bob]);
    }
    let person = meeting.person("1");
    for muted in [true, false] {
        person.set_muted(muted);
        let what = if muted { "muted" } else { "heard again" };
        go_on(&mut meeting, 700, what, &mut [&mut ann, &mut bob]);
    }
    for frozen in [true, false] {
        ann.frozen = frozen;
        let what = if frozen { "frozen" } else { "moves again" };
        let length = if frozen { 4000 } else { 1000 };
        go_on(&mut meeting, length, what, &mut [&mut ann, &mut bob]);
    }
    drop((ann, person));
    go_on(&mut meeting, 700, "gone", &mut [&mut bob]);
    let mut ann = meeting.join(1, 7, [50, 50]);
    // How long a handshake takes differs.
    while !ann.connected {
        meeting.go_on(100, &mut [&mut ann, &mut bob]);
        assert!(meeting.now < 60_000, "it is not connected");
    }
    go_on(&mut meeting, 3000, "back", &mut [&mut ann, &mut bob]);
    let all = format!("{seen:?}\nbob: {}", told(&bob));
    println!("{all}");
    for (what, is_seen, is_heard, is_silent) in seen {
        let silent = matches!(what, "muted" | "gone");
        assert_eq!(is_seen, !matches!(what, "frozen" | "gone"), "{what}: {all}");
        assert_eq!((is_heard, is_silent), (!silent, silent), "{what}: {all}");
    }
    let senses = &bob.senses;
    assert_eq!(senses.broken, 0, "{all}");
    // While it is frozen, and when it has gone.
    assert_eq!(senses.cells.map(|cell| cell.placeholders), [2, 0], "{all}");
    assert!(senses.gap < 450 * MS, "{all}");
    assert!(click(&senses.heard).0 < SMOOTH, "{all}");
}
