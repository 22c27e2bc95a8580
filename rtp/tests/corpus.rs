//! Captures and descriptions that nobody here made.

use fluvial_rtp::payload::{Depacketizer, Frame, Layout, h264, mpeg4_generic};
use fluvial_rtp::rtcp::{self, Packets};
use fluvial_rtp::{Limits, Packet, sdp};
use std::path::Path;
use testing::{corpus, files, go_seeds};

/// The payloads of UDP over IPv4 over Ethernet in a capture of libpcap.
fn datagrams(path: &Path) -> Vec<Vec<u8>> {
    let file = std::fs::read(path).unwrap();
    assert_eq!(
        file[..4],
        [0xD4, 0xC3, 0xB2, 0xA1],
        "a little-endian capture"
    );
    // Ethernet, or what Linux puts in its place.
    let link = if file[20] == 113 { 16 } else { 14 };
    let (mut rest, mut out) = (&file[24..], Vec::new());
    while rest.len() >= 16 {
        let len = u32::from_le_bytes(rest[8..12].try_into().unwrap()) as usize;
        let (packet, after) = rest[16..].split_at(len);
        rest = after;
        let ip = &packet[link..];
        if ip[0] >> 4 == 4 && ip[9] == 17 {
            let udp = &ip[usize::from(ip[0] & 15) * 4..];
            out.push(udp[8..].to_vec());
        }
    }
    out
}

/// The number after `name=` in a line.
fn field(line: &str, name: &str) -> u32 {
    let (_, value) = line
        .split_once(name)
        .unwrap_or_else(|| panic!("{name} in {line}"));
    let end = value.find([',', ' ']).unwrap_or(value.len());
    let value = &value[..end];
    match value.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).unwrap(),
        None => value.parse().unwrap(),
    }
}

/// What Wireshark prints about an H.264 payload.
fn h264_kind(payload: &[u8]) -> &'static str {
    match payload[0] & 0x1F {
        24 => "STAP-A",
        28 if payload[1] & 0x80 != 0 => "FU-A Start:",
        28 if payload[1] & 0x40 != 0 => "FU-A End",
        28 => "FU-A",
        5 => "IDR-Slice",
        1 => "non-IDR-Slice",
        _ => "",
    }
}

#[test]
fn captures_agree_with_wireshark_packet_by_packet() {
    let Some(folder) = corpus("rtp/algesten-str0m/data") else {
        return;
    };
    for (name, layout) in [
        (
            "h264",
            Layout::H264 {
                mode: h264::Mode::NonInterleaved,
                interleaving_depth: 0,
            },
        ),
        ("vp8", Layout::Vp8),
    ] {
        let text = std::fs::read_to_string(folder.join(name).with_extension("txt")).unwrap();
        let packets = datagrams(&folder.join(name).with_extension("pcap"));
        let lines: Vec<_> = text.lines().filter(|line| line.contains("PT=")).collect();
        let packets: Vec<_> = packets
            .iter()
            .filter(|packet| !rtcp::is_rtcp(packet))
            .collect();
        assert_eq!(lines.len(), packets.len(), "{name}");
        let mut depacketizer = Depacketizer::new(layout, &Limits::default());
        let (mut wrong, mut frames) = (0, Vec::new());
        for (line, bytes) in lines.iter().zip(packets) {
            let packet = Packet::parse(bytes).unwrap();
            assert_eq!(
                u32::from(packet.payload_type()),
                field(line, "PT=DynamicRTP-Type-"),
                "{line}"
            );
            assert_eq!(packet.ssrc(), field(line, "SSRC="), "{line}");
            assert_eq!(
                u32::from(packet.sequence_number()),
                field(line, "Seq="),
                "{line}"
            );
            assert_eq!(packet.timestamp(), field(line, "Time="), "{line}");
            assert_eq!(packet.marker(), line.contains(", Mark"), "{line}");
            if name == "h264" {
                assert!(line.contains(h264_kind(packet.payload())), "{line}");
            }
            if let Err(error) = depacketizer.handle_packet(&packet) {
                // The last unit of some is said to be as long as the whole payload.
                assert!(error.to_string().contains("NAL unit"), "{line}: {error}");
                wrong += 1;
            }
            frames.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
        }
        depacketizer.finish();
        frames.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
        let whole: Vec<&Frame> = frames.iter().filter(|frame| !frame.damaged).collect();
        assert!(wrong * 10 < lines.len(), "{name}: {wrong}");
        eprintln!(
            "{name}: {} packets, {} frames, {} whole, {wrong} with a wrong length",
            lines.len(),
            frames.len(),
            whole.len()
        );
        // Each packet that the capture lacks breaks the one frame that it belongs to.
        let numbers: Vec<_> = lines.iter().map(|line| field(line, "Seq=")).collect();
        let gaps = numbers
            .iter()
            .zip(&numbers[1..])
            .filter(|(a, b)| **a + 1 != **b)
            .count();
        let mut times: Vec<_> = lines.iter().map(|line| field(line, "Time=")).collect();
        times.dedup();
        assert_eq!(whole.len(), times.len() - gaps, "{name}");
        if name == "vp8" {
            // Key frames begin as Wireshark says, after the start code of RFC 6386.
            let keys = lines
                .iter()
                .filter(|line| line.ends_with("Keyframe"))
                .count();
            let ours = whole.iter().filter(|frame| frame.data[0] & 1 == 0);
            let ours: Vec<_> = ours.collect();
            assert!(ours.iter().all(|frame| frame.data[3..6] == [0x9D, 1, 0x2A]));
            assert!(keys > 0 && ours.len() <= keys);
        }
    }
}

#[test]
fn streams_of_gstreamer_are_put_together() {
    let Some(folder) = corpus("rtp/GStreamer-gst-plugins-good") else {
        return;
    };
    for (name, layout) in [
        (
            "h264.rtp",
            Layout::H264 {
                mode: h264::Mode::NonInterleaved,
                interleaving_depth: 0,
            },
        ),
        ("h265.rtp", Layout::H265 { has_don: false }),
    ] {
        let file = std::fs::read(folder.join(name)).unwrap();
        let (mut rest, mut frames, mut count) = (&file[..], Vec::new(), 0);
        let mut depacketizer = Depacketizer::new(layout, &Limits::default());
        while let Some(([a, b], after)) = rest.split_first_chunk() {
            let (bytes, after) = after.split_at(usize::from(u16::from_be_bytes([*a, *b])));
            rest = after;
            count += 1;
            depacketizer
                .handle_packet(&Packet::parse(bytes).unwrap())
                .unwrap();
            frames.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
        }
        depacketizer.finish();
        frames.extend(core::iter::from_fn(|| depacketizer.poll_frame()));
        eprintln!("{name}: {count} packets, {} frames", frames.len());
        assert!(
            !frames.is_empty() && frames.iter().all(|frame| !frame.damaged),
            "{name}"
        );
    }
}

#[test]
fn descriptions_are_read() {
    let mut count = 0;
    for folder in ["sdp", "rtsp"] {
        let Some(folder) = corpus(folder) else { return };
        for path in files(&folder) {
            let bytes = std::fs::read(&path).unwrap();
            if !bytes.starts_with(b"v=0") || bytes.contains(&0) {
                continue;
            }
            let session =
                sdp::parse(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            let text = String::from_utf8_lossy(&bytes);
            let lines = text.split(['\r', '\n']).filter(|line| {
                let mut fields = line
                    .strip_prefix("m=")
                    .unwrap_or_default()
                    .split_ascii_whitespace();
                let port = fields
                    .nth(1)
                    .and_then(|port| port.split('/').next()?.parse::<u16>().ok());
                port.is_some() && fields.count() >= 2
            });
            assert_eq!(session.medias.len(), lines.count(), "{}", path.display());
            for media in sdp::media(&session) {
                for format in &media.formats {
                    let known = ["H264", "opus", "PCMU", "VP8", "mpeg4-generic", "H265"];
                    if known.contains(&&*format.encoding) && format.clock_rate > 0 {
                        assert!(
                            format.format.is_some() || format.encoding == "mpeg4-generic",
                            "{}: {format:?}",
                            path.display()
                        );
                    }
                }
            }
            count += 1;
        }
    }
    eprintln!("{count} descriptions");
    assert!(count > 40);
}

fn layouts() -> Vec<Layout> {
    vec![
        Layout::H264 {
            mode: h264::Mode::NonInterleaved,
            interleaving_depth: 0,
        },
        Layout::H264 {
            mode: h264::Mode::Interleaved,
            interleaving_depth: 3,
        },
        Layout::H265 { has_don: false },
        Layout::Mpeg4Generic(mpeg4_generic::Config::aac_hbr(1024)),
        Layout::Ac3,
        Layout::Eac3,
        Layout::MpegVideo,
        Layout::MpegAudio,
        Layout::Vp8,
        Layout::Vp9,
        Layout::Av1,
        Layout::Klv,
    ]
}

#[test]
fn what_broke_others_does_not_break_this() {
    let Some(folder) = corpus("rtp") else { return };
    let mut count = 0;
    for path in files(&folder) {
        let file = std::fs::read(&path).unwrap();
        if file.len() > 1 << 20 {
            continue;
        }
        for seed in go_seeds(&file) {
            count += 1;
            for packet in Packets::new(&seed).flatten() {
                let mut out = Vec::new();
                packet.encode(&mut out).unwrap();
            }
            // The seeds are payloads; the captures of others are packets.
            let mut bytes = vec![0x80, 0xE0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
            bytes.extend_from_slice(&seed);
            for bytes in [&bytes[..], &seed] {
                let Ok(packet) = Packet::parse(bytes) else {
                    continue;
                };
                for layout in layouts() {
                    let mut depacketizer = Depacketizer::new(layout, &Limits::default());
                    // What is wrong is told; here it is only not to go on for ever, or panic.
                    let _ = depacketizer.handle_packet(&packet);
                    depacketizer.finish();
                    while depacketizer.poll_frame().is_some() {}
                    assert!(depacketizer.buffered_len() <= bytes.len() * 4, "{layout:?}");
                }
            }
        }
    }
    eprintln!("{count} inputs");
    assert!(count > 100);
}

#[test]
fn compounds_of_a_capture() {
    let Some(folder) = corpus("rtcp/ntop-nDPI/pcap") else {
        return;
    };
    let path = folder.join("rtcp_multiple_pkts_in_the_same_datagram.pcap");
    let mut packets = 0;
    for datagram in datagrams(&path) {
        for packet in Packets::new(&datagram) {
            let packet = packet.unwrap();
            let mut out = Vec::new();
            packet.encode(&mut out).unwrap();
            assert_eq!(Packets::new(&out).next().unwrap().unwrap(), packet);
            packets += 1;
        }
    }
    assert!(packets > 0);
}
