//! What sender and receiver can have between them and the network: retransmission, repair packets, encryption; over a channel
//! that loses packets.

use core::time::Duration;
use fluvial_rtp::fec::Protection;
use fluvial_rtp::receiver::{self, StreamConfig};
use fluvial_rtp::sender::{self, Channel};
use fluvial_rtp::{Format, Receiver, Sender, nack};
use media::{Codec, Event, Flags, Sample, Timescale, Track, TrackId, Tracks, WallClock};
use testing::Random;

const TRACK: TrackId = TrackId(1);
const ONE_WAY: Duration = Duration::from_millis(20);
const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
const PPS: [u8; 4] = [0x68, 0xCE, 0x0F, 0xC8];
const FRAMES: i64 = 500;

/// Numbers that are the same each time.
struct Numbers(Random);

impl rand_core::RngCore for Numbers {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }
    fn next_u64(&mut self) -> u64 {
        (self.0.below(1 << 32) as u64) << 32 | self.0.below(1 << 32) as u64
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        out.fill_with(|| self.next_u64() as u8);
    }
}

fn tracks() -> Tracks {
    let h264 = h264::DecoderConfig::from_parameter_sets([&SPS[..]], [&PPS[..]]).unwrap();
    Tracks::from(vec![Track::new(
        TRACK,
        Timescale::KHZ_90,
        Codec::H264(h264),
    )])
}

/// A picture of 5 kB each 40 ms: 1 Mbit/s.
fn sample(n: i64) -> Sample {
    let sync = n % 25 == 0;
    let mut data = Vec::from(5000u32.to_be_bytes());
    data.push(if sync { 0x65 } else { 0x41 });
    data.extend((1..5000).map(|i| (i * n) as u8 | 0x80));
    Sample {
        track: TRACK,
        dts: n * 3600,
        pts: n * 3600,
        duration: None,
        flags: Flags::SYNC.when(sync),
        data: data.into(),
    }
}

/// What a run came to.
#[derive(Debug, Default)]
struct Outcome {
    /// Pictures that came whole, and were as they were sent.
    whole: usize,
    packets: usize,
    lost: usize,
    resent: u32,
    key_frames_asked: usize,
    bytes: usize,
    round_trip: Duration,
}

fn run(
    percent: usize,
    send: &sender::Repair,
    receive: receiver::Repair,
    secure: Option<[fluvial_rtp::srtp::Secure; 2]>,
) -> Outcome {
    let mut config =
        sender::Config::new(WallClock::from_unix_nanos(1_700_000_000_000_000_000), "us");
    config.max_packet = 1000;
    config.report_interval = Duration::from_millis(500);
    let mut sender = Sender::new(config, &mut Numbers(Random::new(1)));
    sender.set_tracks(&tracks()).unwrap();
    sender.set_repair(TRACK, send).unwrap();
    let track = &tracks()[0];
    let mut stream = StreamConfig::new(
        TRACK,
        Format::of(track, 96).unwrap(),
        Some(track.codec.clone()),
    );
    stream.repair = receive;
    let mut config = receiver::Config::new(99, "them");
    config.latency = Duration::from_millis(400);
    config.least_latency = config.latency;
    let mut receiver = Receiver::new(config, vec![stream]).unwrap();
    if let Some([ours, theirs]) = secure {
        sender.set_srtp(TRACK, ours).unwrap();
        receiver.set_srtp(TRACK, theirs).unwrap();
    }
    let (mut there, mut back) = (Vec::new(), Vec::new());
    let mut random = Random::new(7 + percent as u64);
    let mut outcome = Outcome::default();
    let mut key_frames = 0;
    for ms in 0..FRAMES as u64 * 40 + 1000 {
        let now = Duration::from_millis(ms);
        if ms % 40 == 0 && (ms / 40) < FRAMES as u64 {
            sender.handle_sample(&sample(ms as i64 / 40), now).unwrap();
        }
        sender.handle_timeout(now);
        for (_, data) in back.extract_if(.., |(at, _): &mut (Duration, bytes::Bytes)| *at <= now) {
            let feedback = sender.handle_rtcp(TRACK, &data, now).unwrap();
            outcome.resent += feedback.resent;
            key_frames += usize::from(feedback.key_frame);
            outcome.round_trip = feedback.round_trip.unwrap_or(outcome.round_trip);
        }
        while let Some(output) = sender.poll_output() {
            // The first packets come: before them there is nothing.
            let may_be_lost = output.kind == Channel::Rtp && ms > 0;
            outcome.packets += 1;
            outcome.bytes += output.data.len();
            if may_be_lost && random.below(100) < percent {
                outcome.lost += 1;
            } else {
                there.push((now + ONE_WAY, output.data));
            }
        }
        for (_, data) in there.extract_if(.., |(at, _): &mut (Duration, bytes::Bytes)| *at <= now) {
            receiver.handle_datagram(TRACK, &data, now);
        }
        receiver.handle_timeout(now);
        while let Some(transmit) = receiver.poll_transmit() {
            back.push((now + ONE_WAY, transmit.data));
        }
        while let Some(event) = receiver.poll_event().unwrap() {
            if let Event::Sample(got) = event {
                assert_eq!(got.data, sample(got.pts / 3600).data, "what comes is right");
                outcome.whole += 1;
            }
        }
    }
    outcome.key_frames_asked = key_frames;
    outcome
}

fn nothing() -> (sender::Repair, receiver::Repair) {
    (sender::Repair::default(), receiver::Repair::default())
}

#[test]
fn without_repair_pictures_are_missing() {
    let (send, receive) = nothing();
    assert_eq!(run(0, &send, receive.clone(), None).whole, FRAMES as usize);
    // Of seven packets in a picture, each is lost with 5 %.
    let whole = run(5, &send, receive, None).whole;
    assert!((300..400).contains(&whole), "{whole}");
}

#[test]
fn retransmission_brings_all_of_it() {
    for (percent, retransmission) in [(1, None), (5, None), (5, Some(97)), (20, Some(97))] {
        let (mut send, mut receive) = nothing();
        send.cache = Some(nack::CacheConfig::default());
        send.retransmission = retransmission;
        receive.nack = Some(nack::GeneratorConfig::default());
        receive.retransmissions = retransmission.map(|own| (own, 96)).into_iter().collect();
        let outcome = run(percent, &send, receive, None);
        println!("{percent} % {retransmission:?}: {outcome:?}");
        assert!(outcome.resent as usize >= outcome.lost / 2);
        let least = if percent == 20 { 98 } else { 100 };
        assert!(
            outcome.whole * 100 >= FRAMES as usize * least,
            "{outcome:?}"
        );
        assert!(outcome.round_trip.abs_diff(2 * ONE_WAY) < Duration::from_millis(5));
    }
}

#[test]
fn what_stays_lost_has_a_key_frame_asked_for() {
    let (send, mut receive) = nothing();
    receive.nack = Some(nack::GeneratorConfig::default());
    receive.key_frames = true;
    let outcome = run(5, &send, receive, None);
    // Once a second at most.
    assert!((10..=21).contains(&outcome.key_frames_asked), "{outcome:?}");
    assert_eq!(outcome.resent, 0);
}

#[test]
fn repair_packets_bring_most_of_it() {
    let bare = |percent| {
        let (send, receive) = nothing();
        run(percent, &send, receive, None)
    };
    for percent in [1, 5, 20] {
        let plain = bare(percent);
        for flex in [true, false] {
            let (mut send, mut receive) = nothing();
            let protection = Some((122, Protection::new(10, 3)));
            match flex {
                true => (send.flexfec, receive.flexfec) = (protection, Some(122)),
                false => (send.ulpfec, receive.ulpfec) = (protection, Some(122)),
            }
            let outcome = run(percent, &send, receive, None);
            println!("{percent} % {flex}: {} without, {outcome:?}", plain.whole);
            let missing = FRAMES as usize - outcome.whole;
            let before = FRAMES as usize - plain.whole;
            // Of groups of ten with three repair packets, many lose more than these can make good at 20 %; and a lost repair
            // packet of ULPFEC leaves a gap in the numbers of the media.
            let (of, most) = match (percent, flex) {
                (20, true) => (4, 3),
                (20, false) => (20, 19),
                _ => (2, 1),
            };
            assert!(missing * of <= before * most, "{missing} of {before}");
        }
    }
    // Where nothing is lost, repair packets among the media do no harm.
    let (mut send, mut receive) = nothing();
    send.ulpfec = Some((122, Protection::new(10, 3)));
    receive.ulpfec = Some(122);
    assert_eq!(run(0, &send, receive, None).whole, FRAMES as usize);
}

#[cfg(feature = "srtp")]
#[test]
fn all_of_it_encrypted() {
    use fluvial_rtp::srtp::{Config, Context, MasterKey, Profile, Secure};
    let key = |n: u8| MasterKey::new(Profile::AeadAes128Gcm, &[n; 16], &[n; 12]).unwrap();
    let context = |n: u8| {
        let mut config = Config::default();
        config.repeats = true;
        Context::new(Profile::AeadAes128Gcm, &[key(n)], config).unwrap()
    };
    let ours = Secure::new(Some(context(1)), Some(context(2)));
    let theirs = Secure::new(Some(context(2)), Some(context(1)));
    let (mut send, mut receive) = nothing();
    send.cache = Some(nack::CacheConfig::default());
    send.retransmission = Some(97);
    send.flexfec = Some((122, Protection::new(10, 2)));
    receive.nack = Some(nack::GeneratorConfig::default());
    receive.retransmissions = vec![(97, 96)];
    receive.flexfec = Some(122);
    let outcome = run(5, &send, receive.clone(), Some([ours, theirs]));
    assert_eq!(outcome.whole, FRAMES as usize, "{outcome:?}");
    // With another key nothing comes through.
    let ours = Secure::new(Some(context(3)), None);
    let theirs = Secure::new(None, Some(context(1)));
    assert_eq!(run(0, &send, receive, Some([ours, theirs])).whole, 0);
}
