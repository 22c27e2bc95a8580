//! ULPFEC, RED and retransmission with GStreamer, both ways.

#[path = "support/gst.rs"]
mod gst;

use fluvial_rtp::fec::{Protection, Recoverer, ulp};
use fluvial_rtp::rtcp::NackEntry;
use fluvial_rtp::{Header, Packet, nack, red, rtx};
use std::collections::BTreeMap;
use std::time::Duration;

fn packet(number: u16, payload_type: u8, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        marker: number.is_multiple_of(5),
        payload_type,
        sequence_number: number,
        timestamp: u32::from(number / 5) * 3000,
        ssrc,
        ..Header::default()
    };
    let mut packet = Vec::new();
    header.encode(&mut packet).expect("fits");
    packet.extend_from_slice(payload);
    packet
}

/// Packets of any lengths, as a video has them.
fn video(count: u16) -> Vec<Vec<u8>> {
    let payload = |n: u16| {
        (0..=(200 + (n * 37) % 900))
            .map(|i| (i * 5 + n) as u8)
            .collect::<Vec<_>>()
    };
    (0..count)
        .map(|n| packet(n.wrapping_add(1000), 96, 77, &payload(n)))
        .collect()
}

#[test]
fn we_repair_by_the_ulpfec_of_gstreamer() {
    if !gst::has(&["rtpulpfecenc", "x264enc"]) {
        return;
    }
    let (socket, port) = gst::socket();
    let running = gst::launch(&format!(
        "videotestsrc num-buffers=60 ! video/x-raw,width=320,height=240,framerate=30/1 ! x264enc tune=zerolatency bitrate=800 ! \
         rtph264pay ssrc=77 pt=96 mtu=600 seqnum-offset=65400 ! rtpulpfecenc pt=122 multipacket=true percentage=50 ! \
         udpsink host=127.0.0.1 port={port} sync=true"
    ));
    let packets = gst::receive(&socket, usize::MAX);
    drop(running);
    let (mut recoverer, mut lost, mut media, mut repairs) =
        (Recoverer::default(), BTreeMap::new(), 0, 0);
    let mut repaired = 0;
    for bytes in packets {
        let head = Packet::parse(&bytes).expect("RTP");
        if head.payload_type() == 122 {
            repairs += 1;
            recoverer.handle_repair(ulp::parse(head.payload(), 77).expect("a repair"));
        } else {
            media += 1;
            if media % 11 == 5 {
                lost.insert(head.sequence_number(), bytes);
            } else {
                recoverer.handle_packet(bytes.into());
            }
        }
        while let Some(packet) = recoverer.poll_output() {
            let number = Packet::parse(&packet).expect("RTP").sequence_number();
            assert_eq!(
                Some(&packet),
                lost.get(&number),
                "repaired to what was sent"
            );
            repaired += 1;
        }
    }
    println!(
        "{repaired} of {} lost packets repaired; {media} packets, {repairs} repairs of GStreamer's",
        lost.len()
    );
    assert!(media > 100 && repairs > 30);
    assert!(
        repaired * 10 >= lost.len() * 8,
        "{repaired} of {}",
        lost.len()
    );
}

#[test]
fn gstreamer_repairs_by_our_ulpfec() {
    if !gst::has(&[
        "rtpulpfecdec",
        "rtpstorage",
        "rtpssrcdemux",
        "rtpjitterbuffer",
    ]) {
        return;
    }
    let (answers, back) = gst::socket();
    let port = gst::free_port().to_string();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/ulpfecdec.py");
    let Some(mut running) = gst::start(
        "/usr/bin/python3",
        &[script, &port, &back.to_string(), "122"],
    ) else {
        return;
    };
    // Media and repairs share the sequence numbers, as GStreamer wants it.
    let (mut sent, mut lost, mut number) = (Vec::new(), Vec::new(), 1000u16);
    let mut generator = ulp::Generator::new(Protection::new(10, 2));
    for (n, template) in video(300).into_iter().enumerate() {
        let media = packet(number, 96, 77, &template[12..]);
        number = number.wrapping_add(1);
        generator.handle_packet(&media).expect("RTP");
        if n % 10 == 4 && n > 20 {
            lost.push(media);
        } else {
            sent.push(media);
        }
        while let Some(repair) = generator.poll_output() {
            let mut bytes = packet(number, 122, 77, &repair);
            bytes[4..8].copy_from_slice(
                &Packet::parse(sent.last().expect("some"))
                    .expect("RTP")
                    .timestamp()
                    .to_be_bytes(),
            );
            number = number.wrapping_add(1);
            sent.push(bytes);
        }
    }
    let port: u16 = port.parse().expect("a port");
    let back = gst::exchange(&sent, port, &answers, usize::MAX);
    if running.has_ended() && back.is_empty() {
        eprintln!("SKIPPED: Python has no GStreamer (python3-gi)");
        return;
    }
    let body = |packet: &Vec<u8>| packet[12..].to_vec();
    let got: Vec<Vec<u8>> = back.iter().map(body).collect();
    let repaired = lost
        .iter()
        .filter(|packet| got.contains(&body(packet)))
        .count();
    println!(
        "GStreamer repaired {repaired} of {} lost packets",
        lost.len()
    );
    // How patient its jitter buffer is depends on how busy the machine is.
    assert!(repaired * 2 >= lost.len(), "{repaired} of {}", lost.len());
}

#[test]
fn red_of_gstreamer() {
    if !gst::has(&["rtpredenc", "rtppcmapay"]) {
        return;
    }
    let ((plain, plain_port), (redundant, port)) = (gst::socket(), gst::socket());
    let running = gst::launch(&format!(
        "audiotestsrc num-buffers=50 samplesperbuffer=160 ! audio/x-raw,rate=8000 ! alawenc ! rtppcmapay ssrc=77 seqnum-offset=5 \
         min-ptime=20000000 max-ptime=20000000 ! tee name=t t. ! queue ! udpsink host=127.0.0.1 port={plain_port} sync=false \
         t. ! queue ! rtpredenc pt=100 distance=2 allow-no-red-blocks=true ! udpsink host=127.0.0.1 port={port} sync=false"
    ));
    let (plain, redundant) = (gst::receive(&plain, 50), gst::receive(&redundant, 50));
    drop(running);
    assert_eq!((plain.len(), redundant.len()), (50, 50));
    let payload = |n: usize| Packet::parse(&plain[n]).expect("RTP").payload();
    for (n, packet) in redundant.iter().enumerate() {
        let packet = Packet::parse(packet).expect("RTP");
        assert_eq!(packet.payload_type(), 100);
        let blocks: Vec<_> = red::Blocks::parse(packet.payload())
            .expect("RED")
            .map(|block| block.expect("a block"))
            .collect();
        let primary = blocks.last().expect("one");
        assert_eq!((primary.payload_type, primary.data), (8, payload(n)));
        if n >= 2 {
            assert_eq!(
                (blocks[0].timestamp_offset, blocks[0].data),
                (320, payload(n - 2))
            );
        }
    }
}

#[test]
fn our_red_in_gstreamer() {
    if !gst::has(&["rtpreddec"]) {
        return;
    }
    let (answers, back) = gst::socket();
    let port = gst::free_port();
    let _running = gst::launch(&format!(
        "udpsrc port={port} 'caps=application/x-rtp,media=audio,clock-rate=8000,payload=100,encoding-name=RED' ! rtpreddec pt=100 ! \
         udpsink host=127.0.0.1 port={back} sync=false async=false"
    ));
    let payloads: Vec<Vec<u8>> = (0..100u16)
        .map(|n| (0..160).map(|i| (i + n) as u8).collect())
        .collect();
    let packets: Vec<Vec<u8>> = payloads
        .iter()
        .zip(0u16..)
        .map(|(payload, n)| {
            let before = payloads[usize::from(n.saturating_sub(1))].as_slice();
            let older = red::Block {
                payload_type: 8,
                timestamp_offset: 160,
                data: before,
            };
            let primary = red::Block {
                payload_type: 8,
                timestamp_offset: 0,
                data: payload,
            };
            let mut redundant = Vec::new();
            red::encode(&[older, primary], &mut redundant).expect("fits");
            let mut packet = packet(n, 100, 77, &redundant);
            packet[4..8].copy_from_slice(&(u32::from(n) * 160).to_be_bytes());
            packet
        })
        .collect();
    let back = gst::exchange(&packets, port, &answers, packets.len());
    let got: Vec<&[u8]> = back
        .iter()
        .map(|packet| Packet::parse(packet).expect("RTP").payload())
        .collect();
    assert_eq!(got, payloads);
}

#[test]
fn gstreamer_sends_again_what_we_ask_for() {
    if !gst::has(&["rtprtxsend", "rtpsession", "rtppcmapay"]) {
        return;
    }
    let (socket, port) = gst::socket();
    let control = gst::free_port();
    let _running = gst::launch(&format!(
        "rtpsession name=s rtp-profile=avpf audiotestsrc is-live=true samplesperbuffer=160 ! audio/x-raw,rate=8000 ! alawenc ! \
         rtppcmapay ssrc=77 seqnum-offset=65500 min-ptime=20000000 max-ptime=20000000 ! \
         rtprtxsend 'payload-type-map=application/x-rtp-pt-map,8=(uint)97' 'ssrc-map=application/x-rtp-ssrc-map,77=(uint)99' max-size-packets=200 ! s.send_rtp_sink \
         s.send_rtp_src ! udpsink host=127.0.0.1 port={port} sync=false async=false \
         udpsrc port={control} caps=application/x-rtcp ! s.recv_rtcp_sink"
    ));
    socket
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a time");
    let mut generator = nack::Generator::new(nack::GeneratorConfig::default());
    generator.set_round_trip(Duration::from_millis(40));
    let (mut lost, mut repaired, mut buffer) = (BTreeMap::new(), 0, [0; 2048]);
    let mut first = Vec::new();
    for n in 0..250u64 {
        let now = Duration::from_millis(20 * n);
        let Ok(len) = socket.recv(&mut buffer) else {
            break;
        };
        let bytes = &buffer[..len];
        let head = Packet::parse(bytes).expect("RTP");
        if head.payload_type() == 97 {
            assert_eq!(head.ssrc(), 99);
            let mut original = Vec::new();
            rtx::decode(bytes, 8, 77, &mut original).expect("a retransmission");
            let number = Packet::parse(&original).expect("RTP").sequence_number();
            assert_eq!(
                Some(&original),
                lost.get(&number),
                "what was lost comes again"
            );
            generator.handle_packet(number, now);
            repaired += 1;
        } else if n % 10 == 7 {
            lost.insert(head.sequence_number(), bytes.to_vec());
        } else {
            generator.handle_packet(head.sequence_number(), now);
        }
        first = generator.poll(now);
        if !first.is_empty() {
            // A receiver report and a generic NACK (RFC 4585 §6.2.1).
            let mut report = vec![0x80, 201, 0, 1, 0, 0, 0, 5];
            let pairs: Vec<_> = NackEntry::of(first.iter().copied()).collect();
            report.extend([0x81, 205, 0, 2 + pairs.len() as u8, 0, 0, 0, 5, 0, 0, 0, 77]);
            for pair in pairs {
                report.extend(pair.packet_id.to_be_bytes());
                report.extend(pair.bitmask.to_be_bytes());
            }
            socket
                .send_to(&report, ("127.0.0.1", control))
                .expect("sent");
        }
    }
    println!(
        "{repaired} of {} lost packets came again; the last question was {first:?}",
        lost.len()
    );
    assert!(
        lost.len() >= 15 && repaired + 3 >= lost.len(),
        "{repaired} of {}",
        lost.len()
    );
}

#[test]
fn gstreamer_takes_what_we_send_again() {
    if !gst::has(&["rtprtxreceive"]) {
        return;
    }
    let (answers, back) = gst::socket();
    let port = gst::free_port();
    let _running = gst::launch(&format!(
        "udpsrc port={port} 'caps=application/x-rtp,media=video,clock-rate=90000' ! \
         rtprtxreceive 'payload-type-map=application/x-rtp-pt-map,96=(uint)97' 'ssrc-map=application/x-rtp-ssrc-map,77=(uint)99' ! \
         udpsink host=127.0.0.1 port={back} sync=false async=false"
    ));
    let media = video(100);
    let mut sender = rtx::Sender::new(97, 99, 500);
    let again = |(n, packet): (usize, &Vec<u8>)| {
        if n % 4 != 3 {
            return packet.clone();
        }
        let mut sent = Vec::new();
        sender.encode(packet, &mut sent).expect("RTP");
        sent
    };
    let sent: Vec<Vec<u8>> = media.iter().enumerate().map(again).collect();
    let back = gst::exchange(&sent, port, &answers, media.len());
    assert!(back == media, "{} of {} packets", back.len(), media.len());
}
