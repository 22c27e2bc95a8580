//! A sender and a receiver with a channel between them that loses, doubles and reorders.

use bytes::Bytes;
use core::time::Duration;
use fluvial_rtp::receiver::{self, StreamConfig};
use fluvial_rtp::sender::{self, Channel, Output};
use fluvial_rtp::{Receiver, Sender};
use media::{Codec, Event, Flags, Sample, Time, Timescale, Track, TrackId, Tracks, WallClock};

/// Numbers that are the same each time.
struct Numbers(u64);

impl rand_core::RngCore for Numbers {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }
    fn next_u64(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 ^ self.0 >> 31
    }
    fn fill_bytes(&mut self, out: &mut [u8]) {
        out.fill_with(|| self.next_u64() as u8);
    }
}

const VIDEO: TrackId = TrackId(1);
const AUDIO: TrackId = TrackId(2);
const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
const PPS: [u8; 4] = [0x68, 0xCE, 0x0F, 0xC8];

fn tracks() -> Tracks {
    let h264 = h264::DecoderConfig::from_parameter_sets([&SPS[..]], [&PPS[..]]).unwrap();
    let aac = aac::AudioSpecificConfig::lc(44_100, 2).unwrap();
    Tracks::from(vec![
        Track::new(VIDEO, Timescale::KHZ_90, Codec::H264(h264)),
        Track::new(AUDIO, Timescale::new(44_100).unwrap(), Codec::Aac(aac)),
    ])
}

/// Video at 25 frames per second, sound beginning 123 ms after it.
fn samples(seconds: i64) -> Vec<Sample> {
    let mut out = Vec::new();
    for n in 0..seconds * 25 {
        let sync = n % 25 == 0;
        let len = if sync { 9000 } else { 1500 };
        let mut data = Vec::from(u32::try_from(len).unwrap().to_be_bytes());
        data.push(if sync { 0x65 } else { 0x41 });
        data.extend((1..len).map(|i| (i * n) as u8 | 0x80));
        out.push(Sample {
            track: VIDEO,
            dts: n * 3600,
            pts: n * 3600,
            duration: None,
            flags: Flags::SYNC.when(sync),
            data: data.into(),
        });
    }
    for n in 0..seconds * 43 {
        let at = 5424 + n * 1024;
        out.push(Sample {
            track: AUDIO,
            dts: at,
            pts: at,
            duration: core::num::NonZeroU32::new(1024),
            flags: Flags::SYNC,
            data: Bytes::from(vec![n as u8; 300]),
        });
    }
    let rate = |sample: &Sample| {
        if sample.track == VIDEO {
            90_000
        } else {
            44_100
        }
    };
    out.sort_by_key(|sample| sample.dts * 1_000_000 / rate(sample));
    out
}

fn time(sample: &Sample) -> Duration {
    let rate = if sample.track == VIDEO {
        90_000
    } else {
        44_100
    };
    Duration::from_micros((sample.dts * 1_000_000 / rate) as u64)
}

/// What is sent, and when.
fn sent(samples: &[Sample]) -> Vec<(Duration, Output)> {
    let mut config =
        sender::Config::new(WallClock::from_unix_nanos(1_700_000_000_123_456_789), "us");
    config.max_packet = 1200;
    config.report_interval = Duration::from_millis(700);
    let mut sender = Sender::new(config, &mut Numbers(7));
    sender.set_tracks(&tracks()).unwrap();
    let mut out = Vec::new();
    for sample in samples {
        // The sound is late by 40 ms, which must not matter.
        let late = Duration::from_millis(if sample.track == AUDIO { 40 } else { 0 });
        let now = time(sample) + late;
        sender.handle_sample(sample, now).unwrap();
        sender.handle_timeout(now);
        out.extend(core::iter::from_fn(|| sender.poll_output()).map(|output| (now, output)));
    }
    sender.finish(Duration::from_secs(3600)).unwrap();
    out.sort_by_key(|(now, _)| *now);
    out
}

fn receiver(latency: u64) -> Receiver {
    let tracks = tracks();
    let formats = tracks.iter().zip(96..);
    let streams = formats.map(|(track, number)| {
        let format = fluvial_rtp::Format::of(track, number).unwrap();
        StreamConfig::new(track.id, format, Some(track.codec.clone()))
    });
    let mut config = receiver::Config::new(99, "them");
    config.latency = Duration::from_millis(latency);
    Receiver::new(config, streams.collect()).unwrap()
}

#[derive(Default)]
struct Got {
    samples: Vec<Sample>,
    tracks: Vec<Tracks>,
    warnings: Vec<String>,
    clocks: Vec<(Time, WallClock)>,
    discontinuities: usize,
}

fn drain(receiver: &mut Receiver, got: &mut Got) {
    while let Some(event) = receiver.poll_event().unwrap() {
        match event {
            Event::Tracks(tracks) => got.tracks.push(tracks),
            Event::Sample(sample) => got.samples.push(sample),
            Event::Warning(warning) => got.warnings.push(warning.to_string()),
            Event::Clock { time, wall } => got.clocks.push((time, wall)),
            Event::Discontinuity => got.discontinuities += 1,
            _ => {}
        }
    }
}

fn received(packets: &[(Duration, Output)], latency: u64) -> Got {
    let mut receiver = receiver(latency);
    let mut got = Got::default();
    let mut last = Duration::ZERO;
    for (now, output) in packets {
        while let Some(at) = receiver.poll_timeout().filter(|at| at <= now) {
            receiver.handle_timeout(at);
            drain(&mut receiver, &mut got);
        }
        receiver.handle_datagram(output.track, &output.data, *now);
        drain(&mut receiver, &mut got);
        last = *now;
    }
    receiver.handle_eof(last);
    drain(&mut receiver, &mut got);
    assert_eq!(receiver.buffered_len(), 0);
    got
}

fn by_track(samples: &[Sample], track: TrackId) -> Vec<&Sample> {
    samples
        .iter()
        .filter(|sample| sample.track == track)
        .collect()
}

/// Other picture parameter sets may come in the middle of a coded video sequence.
#[test]
fn parameter_sets_come_before_the_picture_that_they_changed_at() {
    const OTHER: [u8; 4] = [0x68, 0xCE, 0x3C, 0x80];
    let pictures: Vec<_> = samples(1)
        .into_iter()
        .filter(|sample| sample.track == VIDEO)
        .collect();
    let mut sender = Sender::new(
        sender::Config::new(WallClock::from_unix_nanos(0), "us"),
        &mut Numbers(7),
    );
    sender.set_tracks(&tracks()).unwrap();
    let mut found = Vec::new();
    for (n, picture) in pictures[..6].iter().enumerate() {
        if n == 3 {
            let config =
                h264::DecoderConfig::from_parameter_sets([&SPS[..]], [&OTHER[..]]).unwrap();
            let mut set = tracks().to_vec();
            set[0].codec = Codec::H264(config);
            sender.set_tracks(&set.into()).unwrap();
        }
        sender.handle_sample(picture, time(picture)).unwrap();
        let packets: Vec<_> = core::iter::from_fn(|| sender.poll_output()).collect();
        let has = |pps: &[u8]| {
            packets
                .iter()
                .any(|packet| packet.data.windows(4).any(|bytes| bytes == pps))
        };
        found.push((has(&PPS), has(&OTHER)));
    }
    let nothing = (false, false);
    assert_eq!(
        found,
        [
            (true, false),
            nothing,
            nothing,
            (false, true),
            nothing,
            nothing
        ]
    );
}

#[test]
fn both_tracks_on_one_clock_to_the_tick() {
    let put = samples(4);
    let got = received(&sent(&put), 200);
    assert_eq!(got.warnings, [""; 0]);
    assert_eq!(got.tracks, [tracks()]);
    for track in [VIDEO, AUDIO] {
        let (put, got) = (by_track(&put, track), by_track(&got.samples, track));
        assert_eq!(put.len(), got.len());
        for (put, got) in put.iter().zip(got) {
            assert_eq!(put.data, got.data);
            // Reports are rounded to a tick of each clock: 23 µs of sound.
            assert!((put.pts - got.pts).abs() <= 1, "{} {}", put.pts, got.pts);
            assert_eq!(
                (put.flags.contains(Flags::SYNC), put.duration),
                (got.is_sync(), got.duration)
            );
        }
    }
    // Every report says the same.
    assert!(got.clocks.len() > 6);
    let origin: Vec<_> = got
        .clocks
        .iter()
        .map(|(time, wall)| wall.as_unix_nanos() - time.as_nanos())
        .collect();
    assert!(
        origin
            .iter()
            .all(|nanos| (nanos - origin[0]).abs() < 50_000),
        "{origin:?}"
    );
}

/// Two frames of sound and a half, from the reports after two seconds on.
#[test]
fn what_reports_take_back_is_made_up_for_in_steps() {
    const BACK: Duration = Duration::from_millis(60);
    let put = samples(8);
    let mut packets = sent(&put);
    for (_, output) in packets.iter_mut().filter(|(now, output)| {
        now.as_secs() >= 2 && output.track == AUDIO && output.data.get(1) == Some(&200)
    }) {
        let mut data = output.data.to_vec();
        let ntp = u64::from_be_bytes(data[8..16].try_into().unwrap());
        let back = (BACK.as_millis() as u64) << 32;
        data[8..16].copy_from_slice(&(ntp - back / 1000).to_be_bytes());
        output.data = data.into();
    }
    let got = received(&packets, 200);
    assert_eq!(got.warnings.len(), 1, "{:?}", got.warnings);
    assert_eq!(got.discontinuities, 0);
    let (put, got) = (by_track(&put, AUDIO), by_track(&got.samples, AUDIO));
    let steps = got.windows(2).map(|pair| pair[1].dts - pair[0].dts);
    let mut short = steps.filter(|step| *step < 1023).peekable();
    assert!(short.peek().is_some());
    assert!(short.all(|step| step >= 512));
    let (put, got) = (put.last().unwrap(), got.last().unwrap());
    assert!(
        (put.pts - got.pts - 2646).abs() <= 2,
        "{}",
        put.pts - got.pts
    );
    assert_eq!(got.pts, got.dts);
}

#[test]
fn reordered_and_doubled_packets_change_nothing() {
    let put = samples(3);
    let mut packets = sent(&put);
    let straight = received(&packets, 200);
    let mut numbers = Numbers(3);
    let random = |numbers: &mut Numbers| rand_core::RngCore::next_u64(numbers) >> 20;
    // Each packet is up to 60 ms late; one in seven comes twice.
    let mut late: Vec<_> = packets.drain(..1).collect();
    for (now, output) in packets {
        let keep = output.kind == Channel::Rtcp;
        for _ in 0..1 + usize::from(random(&mut numbers).is_multiple_of(7)) {
            let delay = if keep { 0 } else { random(&mut numbers) % 60 };
            late.push((now + Duration::from_millis(delay), output.clone()));
        }
    }
    late[1..].sort_by_key(|(now, _)| *now);
    let got = received(&late, 200);
    // The packet that comes first may not be the first one that was sent.
    for track in [VIDEO, AUDIO] {
        let want = by_track(&straight.samples, track);
        let have = by_track(&got.samples, track);
        assert!(
            want.len() - have.len() <= 1,
            "{} of {}",
            have.len(),
            want.len()
        );
        let from = want.len() - have.len();
        let shift = want[from].pts - have[0].pts;
        for (want, have) in want[from..].iter().zip(have) {
            assert_eq!((want.pts - shift, &want.data), (have.pts, &have.data));
        }
    }
}

#[test]
fn what_is_lost_is_told_and_nothing_else_is_changed() {
    let put = samples(4);
    let packets = sent(&put);
    for percent in [1, 5, 20] {
        let mut numbers = Numbers(percent);
        let mut lost = 0;
        let left: Vec<_> = packets
            .iter()
            .filter(|(_, output)| {
                let drop = output.kind == Channel::Rtp
                    && (rand_core::RngCore::next_u64(&mut numbers) >> 20) % 100 < percent;
                lost += usize::from(drop);
                !drop
            })
            .cloned()
            .collect();
        let got = received(&left, 100);
        assert!(lost > 0 && got.samples.len() < put.len());
        assert!(
            got.samples
                .iter()
                .any(|sample| sample.flags.contains(Flags::GAP))
        );
        // What came is as it was sent.
        for sample in &got.samples {
            assert!(
                put.iter()
                    .any(|put| put.track == sample.track && put.data == sample.data)
            );
        }
        for track in [VIDEO, AUDIO] {
            let times: Vec<_> = by_track(&got.samples, track)
                .iter()
                .map(|sample| sample.dts)
                .collect();
            assert!(times.is_sorted());
        }
    }
}

#[test]
fn a_sender_that_starts_again_is_followed() {
    let put = samples(2);
    let mut packets = sent(&put);
    let mut sender = Sender::new(
        sender::Config::new(WallClock::from_unix_nanos(1_800_000_000_000_000_000), "us"),
        &mut Numbers(99),
    );
    sender.set_tracks(&tracks()).unwrap();
    for sample in &put {
        let now = time(sample) + Duration::from_secs(10);
        sender.handle_sample(sample, now).unwrap();
        packets.extend(core::iter::from_fn(|| sender.poll_output()).map(|output| (now, output)));
    }
    packets.retain(|(now, _)| *now < Duration::from_secs(3000));
    let got = received(&packets, 100);
    assert!(got.discontinuities >= 2);
    let video = by_track(&got.samples, VIDEO);
    assert!(video.len() >= 2 * 50 - 1, "{}", video.len());
}

#[test]
fn strays_of_other_sources_are_left_out() {
    let put = samples(1);
    let packets = sent(&put);
    let mut mixed = Vec::new();
    for (n, (now, output)) in packets.iter().enumerate() {
        mixed.push((*now, output.clone()));
        if output.kind == Channel::Rtp {
            // A flood: each packet from another source.
            let mut stray = output.data.to_vec();
            stray[8..12].copy_from_slice(&(n as u32).to_be_bytes());
            mixed.push((
                *now,
                Output {
                    data: stray.into(),
                    ..output.clone()
                },
            ));
        }
    }
    let (straight, got) = (received(&packets, 100), received(&mixed, 100));
    assert_eq!(straight.samples, got.samples);
    assert_eq!(got.discontinuities, 0);
}

#[test]
fn a_sender_goes_on_as_another_source_after_a_collision() {
    let put = samples(2);
    let config = sender::Config::new(WallClock::from_unix_nanos(1_700_000_000_000_000_000), "us");
    let mut sender = Sender::new(config, &mut Numbers(7));
    sender.set_tracks(&tracks()).unwrap();
    let mut packets = Vec::new();
    let before = sender.streams()[0].ssrc();
    for (n, sample) in put.iter().enumerate() {
        let now = time(sample);
        if n == put.len() / 2 {
            sender.handle_collision(VIDEO, now).unwrap();
        }
        sender.handle_sample(sample, now).unwrap();
        let outputs = core::iter::from_fn(|| sender.poll_output());
        packets.extend(outputs.map(|output| (now, output)));
    }
    assert_ne!(sender.streams()[0].ssrc(), before);
    let got = received(&packets, 100);
    // The goodbye says at once that the other source is no stray.
    assert_eq!((got.samples.len(), got.discontinuities), (put.len(), 1));
}

#[test]
fn samples_lead_back_to_their_packets() {
    let put = samples(3);
    let mut receiver = receiver(200);
    let mut stamps = Vec::new();
    let mut seen = Vec::new();
    for (now, output) in sent(&put) {
        if output.track == VIDEO && output.kind == Channel::Rtp {
            let stamp = u32::from_be_bytes(output.data[4..8].try_into().unwrap());
            if stamps.last() != Some(&stamp) {
                stamps.push(stamp);
            }
        }
        receiver.handle_datagram(output.track, &output.data, now);
        while let Some(event) = receiver.poll_event().unwrap() {
            if let Event::Sample(sample) = event
                && sample.track == VIDEO
            {
                seen.push(receiver.timestamp(VIDEO, sample.pts).unwrap());
            }
        }
    }
    assert!(seen.len() > 70, "{}", seen.len());
    assert_eq!(seen, stamps[..seen.len()]);
    assert_eq!(receiver.timestamp(TrackId(9), 0), None);
}

/// A camera that changes the size of its pictures while sound is waited for: what was held comes out with the parameter sets that it came with.
#[test]
fn samples_that_are_held_keep_their_parameter_sets() {
    const SETS: [&[u8]; 2] = [
        b"\x67\x42\xc0\x15\x8c\x8d\x40\xa0\xcb\xcf\x35\x06\x06\x06\x07\x84\x42\x35",
        b"\x67\x42\xc0\x1f\x8c\x8d\x40\x50\x17\xfc\xb3\x50\x60\x60\x60\x78\x44\x23\x50",
    ];
    let sdp = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n\
        a=fmtp:96 packetization-mode=1\r\nm=audio 0 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n";
    let description = fluvial_rtp::sdp::parse(sdp).unwrap();
    let media = fluvial_rtp::sdp::media(&description);
    let streams = [VIDEO, AUDIO].into_iter().zip(&media);
    let streams = streams.map(|(track, media)| media.stream(track).unwrap());
    let config = receiver::Config::new(1, "test");
    let mut receiver = Receiver::new(config, streams.collect()).unwrap();
    let mut number = 0;
    let mut send = |picture: u32, units: &[&[u8]]| {
        let now = Duration::from_millis(u64::from(picture) * 40);
        for (index, unit) in units.iter().enumerate() {
            number += 1;
            let header = fluvial_rtp::Header {
                marker: index + 1 == units.len(),
                payload_type: 96,
                sequence_number: number,
                timestamp: picture * 3600,
                ssrc: 7,
                ..Default::default()
            };
            let data = [&header.fixed()[..], unit].concat();
            receiver.handle_rtp(VIDEO, &data, now);
        }
    };
    let (pps, idr, other): (&[u8], &[u8], &[u8]) =
        (b"\x68\xce\x3c\x80", b"\x65\x88\x80", b"\x41\x9a\x80");
    send(0, &[SETS[0], pps, idr]);
    send(1, &[other]);
    send(2, &[SETS[1], pps, idr]);
    send(3, &[other]);
    receiver.handle_timeout(Duration::from_secs(2));
    let mut heights = Vec::new();
    while let Some(event) = receiver.poll_event().unwrap() {
        match event {
            Event::Tracks(tracks) => {
                heights.push(tracks.iter().find_map(|track| track.codec.dimensions()));
            }
            Event::Sample(_) => heights.push(None),
            _ => {}
        }
    }
    assert_eq!(
        heights,
        [Some((320, 180)), None, None, Some((640, 360)), None, None]
    );
}
