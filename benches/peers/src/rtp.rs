//! RTP and RTCP: packets parsed and built, H.264 laid into packets and put together, compounds parsed.

use crate::{
    harness::Group,
    inputs::{leak, load, nal_ranges},
};
use bytes::Bytes;
use fluvial_h264::annexb;
use fluvial_rtp::payload::h264::{Depacketizer, Mode, Packetizer};
use fluvial_rtp::{Header, Limits, Packet, rtcp::Packets};
use rtp::packetizer::{Depacketizer as _, Payloader as _};
use std::hint::black_box;
use webrtc_util::marshal::{Marshal as _, MarshalSize as _, Unmarshal as _};

const PAYLOAD: usize = 1200;

pub fn groups() -> Vec<Group> {
    vec![parse(), build(), packetise(), depacketise(), compounds()]
}

fn show<E: std::fmt::Debug>(error: E) -> String {
    format!("{error:?}").chars().take(120).collect()
}

/// Packets with an extension of two elements and 1000 bytes of payload.
fn packets() -> &'static [Bytes] {
    let packets = (0..10_000u32).map(|n| {
        let mut packet = vec![0x90, if n % 10 == 9 { 0xE0 } else { 0x60 }];
        packet.extend_from_slice(&(n as u16).to_be_bytes());
        packet.extend_from_slice(&(n / 10 * 3000).to_be_bytes());
        packet.extend_from_slice(&[0xDE, 0xAD, 0xBE, 0xEF]);
        packet.extend_from_slice(&[0xBE, 0xDE, 0, 2, 0x32, 1, 2, 3, 0x41, 9, 9, 0]);
        packet.resize(packet.len() + 1000, n as u8);
        Bytes::from(packet)
    });
    leak(packets.collect())
}

fn parse() -> Group {
    let packets = packets();
    let bytes = packets.iter().map(Bytes::len).sum();
    Group::new("rtp", "packet parse", bytes, packets.len() as u64, "packet")
        .case("fluvial Packet::parse", move || {
            for packet in packets {
                let p = Packet::parse(packet).map_err(show)?;
                black_box((
                    p.sequence_number(),
                    p.timestamp(),
                    p.extension(),
                    p.payload(),
                ));
            }
            Ok(packets.len() as u64)
        })
        .case("rtp-types RtpPacket::parse", move || {
            for packet in packets {
                let p = rtp_types::RtpPacket::parse(packet).map_err(show)?;
                black_box((
                    p.sequence_number(),
                    p.timestamp(),
                    p.extension(),
                    p.payload(),
                ));
            }
            Ok(packets.len() as u64)
        })
        .case("webrtc-rs Packet::unmarshal", move || {
            for packet in packets {
                black_box(rtp::packet::Packet::unmarshal(&mut packet.clone()).map_err(show)?);
            }
            Ok(packets.len() as u64)
        })
}

fn build() -> Group {
    const COUNT: u64 = 10_000;
    let payload = Bytes::from(vec![7u8; 1000]);
    let (ours, theirs, webrtc) = (payload.clone(), payload.clone(), payload);
    let mut out = Vec::with_capacity(1500);
    let (mut types, mut marshal) = (vec![0u8; 1500], vec![0u8; 1500]);
    Group::new(
        "rtp",
        "packet build (12 + 1000 bytes)",
        1012 * COUNT as usize,
        COUNT,
        "packet",
    )
    .case("fluvial Header::encode", move || {
        let mut total = 0;
        for n in 0..COUNT {
            let header = Header {
                marker: n % 10 == 9,
                payload_type: 96,
                sequence_number: n as u16,
                timestamp: n as u32 * 3000,
                ssrc: 0xDEAD_BEEF,
                ..Header::default()
            };
            out.clear();
            header.encode(black_box(&mut out)).map_err(show)?;
            out.extend_from_slice(&ours);
            total += out.len() as u64;
        }
        Ok(total)
    })
    .case("rtp-types write_into", move || {
        let mut total = 0;
        for n in 0..COUNT {
            let packet = rtp_types::RtpPacketBuilder::<&[u8], &[u8]>::new()
                .marker_bit(n % 10 == 9)
                .payload_type(96)
                .sequence_number(n as u16)
                .timestamp(n as u32 * 3000)
                .ssrc(0xDEAD_BEEF)
                .payload(&theirs);
            total += packet.write_into(black_box(&mut types)).map_err(show)? as u64;
        }
        Ok(total)
    })
    .case("webrtc-rs marshal_to", move || {
        let mut total = 0;
        for n in 0..COUNT {
            let header = rtp::header::Header {
                version: 2,
                marker: n % 10 == 9,
                payload_type: 96,
                sequence_number: n as u16,
                timestamp: n as u32 * 3000,
                ssrc: 0xDEAD_BEEF,
                ..Default::default()
            };
            let payload = webrtc.clone();
            let packet = rtp::packet::Packet { header, payload };
            let len = packet.marshal_size();
            total += packet
                .marshal_to(black_box(&mut marshal[..len]))
                .map_err(show)? as u64;
        }
        Ok(total)
    })
}

/// Access units of a byte stream: each begins with what stands before a slice whose first macroblock is the first one.
fn access_units(data: &'static [u8]) -> Vec<&'static [u8]> {
    let (mut starts, mut after_slice) = (Vec::new(), true);
    for range in nal_ranges(data) {
        let is_slice = matches!(data[range.start] & 31, 1 | 5);
        let is_first = is_slice
            && data
                .get(range.start + 1)
                .is_some_and(|byte| byte & 0x80 != 0);
        if after_slice && (!is_slice || is_first) {
            starts.push(range.start - 3);
            after_slice = false;
        }
        after_slice |= is_slice;
    }
    let ends = starts.iter().skip(1).copied().chain([data.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &data[*start..end])
        .collect()
}

/// The same access units with lengths.
fn prefixed() -> Vec<Vec<u8>> {
    let units = access_units(load("video.h264"));
    let convert = |unit: &&[u8]| {
        let mut out = Vec::new();
        for nal in annexb::nals(unit) {
            out.extend_from_slice(&(nal.len() as u32).to_be_bytes());
            out.extend_from_slice(nal);
        }
        out
    };
    units.iter().map(convert).collect()
}

fn header(sequence_number: u16, timestamp: u32, marker: bool) -> Header<'static> {
    Header {
        marker,
        payload_type: 96,
        sequence_number,
        timestamp,
        ssrc: 1,
        ..Header::default()
    }
}

fn packetise() -> Group {
    let data = load("video.h264");
    let units: &'static [Bytes] = leak(
        access_units(data)
            .into_iter()
            .map(Bytes::from_static)
            .collect(),
    );
    let prefixed: &'static [Vec<u8>] = leak(prefixed());
    let mut buffer = Vec::new();
    Group::new(
        "rtp",
        "H.264 packetise",
        data.len(),
        units.len() as u64,
        "AU",
    )
    .case("fluvial borrowed, start codes", move || {
        let mut packetizer = Packetizer::new(PAYLOAD, Mode::NonInterleaved);
        let mut count = 0;
        for unit in units {
            for payload in packetizer.packetize_nals(annexb::nals(unit)) {
                black_box(&payload);
                count += 1;
            }
        }
        Ok(count)
    })
    .case("fluvial borrowed, lengths", move || {
        let mut packetizer = Packetizer::new(PAYLOAD, Mode::NonInterleaved);
        let mut count = 0;
        for unit in prefixed {
            for payload in packetizer.packetize(unit).map_err(show)? {
                black_box(&payload);
                count += 1;
            }
        }
        Ok(count)
    })
    .case("fluvial packets in one buffer", move || {
        let mut packetizer = Packetizer::new(PAYLOAD, Mode::NonInterleaved);
        let mut count = 0;
        for unit in units {
            buffer.clear();
            for payload in packetizer.packetize_nals(annexb::nals(unit)) {
                buffer.extend_from_slice(&header(count as u16, 0, payload.marker).fixed());
                payload.write(&mut buffer);
                count += 1;
            }
            black_box(&buffer);
        }
        Ok(count)
    })
    .case("webrtc-rs H264Payloader", move || {
        let mut payloader = rtp::codecs::h264::H264Payloader::default();
        let mut count = 0;
        for unit in units {
            count += black_box(payloader.payload(PAYLOAD, unit).map_err(show)?).len() as u64;
        }
        Ok(count)
    })
}

fn depacketise() -> Group {
    let mut packetizer = Packetizer::new(PAYLOAD, Mode::NonInterleaved);
    let mut packets = Vec::new();
    for (unit, n) in prefixed().iter().zip(0u32..) {
        for payload in packetizer.packetize(unit).expect("units") {
            let number = packets.len() as u16;
            let mut packet = header(number, n * 3000, payload.marker).fixed().to_vec();
            payload.write(&mut packet);
            packets.push(Bytes::from(packet));
        }
    }
    let packets: &'static [Bytes] = leak(packets);
    let payloads: &'static [Bytes] =
        leak(packets.iter().map(|packet| packet.slice(12..)).collect());
    let bytes = payloads.iter().map(Bytes::len).sum();
    Group::new(
        "rtp",
        "H.264 depacketise",
        bytes,
        packets.len() as u64,
        "packet",
    )
    .case("fluvial access units", move || {
        let mut depacketizer = Depacketizer::new(&Limits::default());
        let mut total = 0;
        for packet in packets {
            let packet = Packet::parse(packet).map_err(show)?;
            depacketizer.handle_packet(&packet).map_err(show)?;
            while let Some(frame) = depacketizer.poll_frame() {
                total += black_box(frame.data).len() as u64;
            }
        }
        Ok(total)
    })
    .case("webrtc-rs H264Packet, NAL units", move || {
        let mut depacketizer = rtp::codecs::h264::H264Packet::default();
        let mut total = 0;
        for payload in payloads {
            total += black_box(depacketizer.depacketize(payload).map_err(show)?).len() as u64;
        }
        Ok(total)
    })
}

/// A sender report with two blocks, a canonical name, a NACK and a PLI.
fn compound() -> &'static [u8] {
    let mut out = Vec::new();
    let mut put = |count: u8, kind: u8, body: &[u8]| {
        out.extend_from_slice(&[0x80 | count, kind]);
        out.extend_from_slice(&((body.len() / 4) as u16).to_be_bytes());
        out.extend_from_slice(body);
    };
    let block = |ssrc: u8| [0, 0, 0, ssrc].into_iter().chain(0..20);
    let report: Vec<u8> = [0, 0, 0, 1]
        .into_iter()
        .chain(0..20)
        .chain(block(2))
        .chain(block(3))
        .collect();
    put(2, 200, &report);
    let mut name = vec![0, 0, 0, 1, 1, 21];
    name.extend_from_slice(b"user@host.example.net");
    name.push(0);
    put(1, 202, &name);
    put(1, 205, &[0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 5, 0, 40, 0, 1]);
    put(1, 206, &[0, 0, 0, 1, 0, 0, 0, 2]);
    leak(out)
}

fn compounds() -> Group {
    const COUNT: u64 = 1000;
    let wire = compound();
    let owned = Bytes::from_static(wire);
    Group::new(
        "rtp",
        "RTCP compound parse",
        wire.len() * COUNT as usize,
        COUNT,
        "compound",
    )
    .case("fluvial Packets", move || {
        let mut count = 0;
        for _ in 0..COUNT {
            for packet in Packets::new(black_box(wire)) {
                black_box(packet.map_err(show)?);
                count += 1;
            }
        }
        Ok(count)
    })
    .case("rtcp-types Compound", move || {
        let mut count = 0;
        for _ in 0..COUNT {
            for packet in rtcp_types::Compound::parse(black_box(wire)).map_err(show)? {
                black_box(packet.map_err(show)?);
                count += 1;
            }
        }
        Ok(count)
    })
    .case("webrtc-rs rtcp unmarshal", move || {
        let mut count = 0;
        for _ in 0..COUNT {
            count +=
                black_box(rtcp::packet::unmarshal(&mut owned.clone()).map_err(show)?).len() as u64;
        }
        Ok(count)
    })
}
