//! SRTP and SRTCP with GStreamer (libsrtp) and ffmpeg, both ways.

#[path = "support/gst.rs"]
mod gst;

use fluvial_rtp::Packet;
use fluvial_rtp::srtp::sdes::Crypto;
use fluvial_rtp::srtp::{Config, Context, MasterKey, Profile};
use std::net::UdpSocket;
use std::time::Duration;

/// Profiles, and what GStreamer calls cipher and authentication.
const PROFILES: [(Profile, &str, &str); 6] = [
    (Profile::AesCm128HmacSha1_80, "aes-128-icm", "hmac-sha1-80"),
    (Profile::AesCm128HmacSha1_32, "aes-128-icm", "hmac-sha1-32"),
    (Profile::AesCm256HmacSha1_80, "aes-256-icm", "hmac-sha1-80"),
    (Profile::AesCm256HmacSha1_32, "aes-256-icm", "hmac-sha1-32"),
    (Profile::AeadAes128Gcm, "aes-128-gcm", "null"),
    (Profile::AeadAes256Gcm, "aes-256-gcm", "null"),
];

fn key(profile: Profile) -> Vec<u8> {
    (0..profile.key_len() + profile.salt_len())
        .map(|n| (n * 7 + 3) as u8)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn context(profile: Profile) -> Context {
    let master = MasterKey::concatenated(profile, &key(profile)).expect("right length");
    Context::new(profile, &[master], Config::default()).expect("a context")
}

/// What authenticates RTCP: 80 bits always.
fn rtcp_auth(auth: &str) -> &str {
    if auth == "null" { auth } else { "hmac-sha1-80" }
}

#[test]
fn gstreamer_to_us() {
    if !gst::has(&["srtpenc", "rtppcmapay", "rtpsession"]) {
        return;
    }
    for (profile, cipher, auth) in PROFILES {
        let ((plain, plain_port), (secret, secret_port), (control, control_port)) =
            (gst::socket(), gst::socket(), gst::socket());
        let running = gst::launch(&format!(
            "srtpenc name=e key={} rtp-cipher={cipher} rtp-auth={auth} rtcp-cipher={cipher} rtcp-auth={} rtpsession name=s \
             audiotestsrc num-buffers=120 samplesperbuffer=160 is-live=true ! audio/x-raw,rate=8000 ! alawenc ! \
             rtppcmapay seqnum-offset=65500 ssrc=77 min-ptime=20000000 max-ptime=20000000 ! s.send_rtp_sink s.send_rtp_src ! tee name=t \
             t. ! queue ! udpsink host=127.0.0.1 port={plain_port} sync=false \
             t. ! queue ! e.rtp_sink_0 e.rtp_src_0 ! udpsink host=127.0.0.1 port={secret_port} sync=false \
             s.send_rtcp_src ! e.rtcp_sink_0 e.rtcp_src_0 ! udpsink host=127.0.0.1 port={control_port} sync=false async=false",
            hex(&key(profile)),
            rtcp_auth(auth),
        ));
        let (plain, secret) = (gst::receive(&plain, 120), gst::receive(&secret, 120));
        let control = gst::receive(&control, 1);
        drop(running);
        assert_eq!((plain.len(), secret.len()), (120, 120), "{profile:?}");
        let mut context = context(profile);
        for (plain, mut packet) in plain.iter().zip(secret) {
            context
                .unprotect(&mut packet)
                .unwrap_or_else(|error| panic!("{profile:?}: {error}"));
            assert_eq!(*plain, packet, "{profile:?}");
        }
        assert_eq!(context.rollover_counter(77), Some(1));
        let mut report = control.into_iter().next().expect("a report");
        context
            .unprotect_rtcp(&mut report)
            .unwrap_or_else(|error| panic!("{profile:?} RTCP: {error}"));
        assert_eq!(
            (report[0] >> 6, report[1], &report[4..8]),
            (2, 200, &[0, 0, 0, 77][..])
        );
        println!("{profile:?}: 120 packets and a report of GStreamer's");
    }
}

/// Packets of 20 ms of PCMA.
fn packets(count: u16, ssrc: u32) -> Vec<Vec<u8>> {
    let packet = |n: u16| {
        let header = fluvial_rtp::Header {
            payload_type: 8,
            sequence_number: n.wrapping_add(65_500),
            timestamp: u32::from(n) * 160,
            ssrc,
            ..Default::default()
        };
        let mut packet = Vec::new();
        header.encode(&mut packet).expect("fits");
        packet.extend((0..160u16).map(|i| (i * 3 + n) as u8));
        packet
    };
    (0..count).map(packet).collect()
}

fn protected(context: &mut Context, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let protect = |packet: &Vec<u8>| {
        let mut packet = packet.clone();
        context.protect(&mut packet).expect("protects");
        packet
    };
    packets.iter().map(protect).collect()
}

#[test]
fn we_to_gstreamer() {
    if !gst::has(&["srtpdec"]) {
        return;
    }
    for (profile, cipher, auth) in PROFILES {
        // Now and then GStreamer (1.22) crashes as it starts, on a busy machine: then once more.
        let taken = takes(profile, cipher, auth) || takes(profile, cipher, auth);
        assert!(taken, "{profile:?}: GStreamer crashes");
        println!("{profile:?}: GStreamer took 100 packets and a report");
    }
}

/// Has GStreamer take packets and a report; whether it lived to do so.
fn takes(profile: Profile, cipher: &str, auth: &str) -> bool {
    let (answers, back_port) = gst::socket();
    let (rtp_port, rtcp_port) = (gst::free_port(), gst::free_port());
    let caps = |kind: &str| {
        format!(
            "'caps={kind},media=(string)audio,clock-rate=(int)8000,payload=(int)8,encoding-name=(string)PCMA,ssrc=(uint)77,\
             srtp-key=(buffer){},srtp-cipher=(string){cipher},srtp-auth=(string){auth},srtcp-cipher=(string){cipher},\
             srtcp-auth=(string){},roc=(uint)0'",
            hex(&key(profile)),
            rtcp_auth(auth),
        )
    };
    let mut running = gst::launch(&format!(
        "srtpdec name=d udpsrc port={rtp_port} {} ! d.rtp_sink d.rtp_src ! udpsink host=127.0.0.1 port={back_port} sync=false async=false \
         udpsrc port={rtcp_port} {} ! d.rtcp_sink d.rtcp_src ! udpsink host=127.0.0.1 port={back_port} sync=false async=false",
        caps("application/x-srtp"),
        caps("application/x-srtcp"),
    ));
    let mut context = context(profile);
    let plain = packets(100, 77);
    let back = gst::exchange(
        &protected(&mut context, &plain),
        rtp_port,
        &answers,
        plain.len(),
    );
    if back.is_empty() && running.has_crashed() {
        return false;
    }
    assert_eq!(back.len(), plain.len(), "{profile:?}");
    assert!(back == plain, "{profile:?}: other packets came back");
    let report = [0x80, 201, 0, 1, 0, 0, 0, 77];
    let mut secret = report.to_vec();
    context.protect_rtcp(&mut secret).expect("protects");
    let back = gst::exchange(&[secret], rtcp_port, &answers, 1);
    drop(running);
    assert_eq!(back, [report.to_vec()], "{profile:?} RTCP");
    true
}

/// The suites that ffmpeg has.
const SUITES: [Profile; 2] = [Profile::AesCm128HmacSha1_80, Profile::AesCm128HmacSha1_32];

fn crypto(profile: Profile) -> Crypto {
    let master = MasterKey::concatenated(profile, &key(profile)).expect("right length");
    Crypto::new(1, profile, &master)
}

#[test]
fn ffmpeg_to_us() {
    for profile in SUITES {
        let (port, rtp, rtcp) = gst::pair();
        let line = crypto(profile).to_string();
        let params = line.split("inline:").nth(1).expect("a key");
        // By the suite's SDP name ffmpeg gives RTCP tags of 32 bits, which RFC 4568 §6.2 does not have; by its DTLS name, 80.
        let suite = match profile {
            Profile::AesCm128HmacSha1_32 => "SRTP_AES128_CM_HMAC_SHA1_32",
            _ => profile.name(),
        };
        let args = format!(
            "-v error -re -f lavfi -i sine=sample_rate=8000 -t 2 -c:a pcm_alaw -f rtp -ssrc 77 -srtp_out_suite {suite} -srtp_out_params {params} srtp://127.0.0.1:{port}"
        );
        let Some(running) = gst::start("ffmpeg", &args.split(' ').collect::<Vec<_>>()) else {
            return;
        };
        let (packets, reports) = (gst::receive(&rtp, 60), gst::receive(&rtcp, 1));
        drop(running);
        assert!(packets.len() >= 10, "{} packets", packets.len());
        let mut context = context(profile);
        let count = packets.len();
        for mut packet in packets {
            context
                .unprotect(&mut packet)
                .unwrap_or_else(|error| panic!("{profile:?}: {error}"));
            let packet = Packet::parse(&packet).expect("RTP");
            assert_eq!((packet.payload_type(), packet.ssrc()), (8, 77));
        }
        let mut report = reports.into_iter().next().expect("a report");
        context.unprotect_rtcp(&mut report).expect("SRTCP");
        assert_eq!(report[1], 200);
        println!("{profile:?}: {count} packets and a report of ffmpeg's");
    }
}

#[test]
fn we_to_ffmpeg() {
    for profile in SUITES {
        let port = gst::free_port();
        let folder = tempfile::tempdir().expect("a folder");
        let (sdp, out) = (folder.path().join("s.sdp"), folder.path().join("out.raw"));
        let description = format!(
            "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/SAVP 8\r\na=rtpmap:8 PCMA/8000\r\na=crypto:{}\r\n",
            crypto(profile)
        );
        std::fs::write(&sdp, description).expect("written");
        let args = format!(
            "-v error -y -protocol_whitelist file,udp,rtp,srtp,crypto -analyzeduration 100000 -i {} -t 1 -c copy -f alaw {}",
            sdp.display(),
            out.display()
        );
        let Some(mut running) = gst::start("ffmpeg", &args.split(' ').collect::<Vec<_>>()) else {
            return;
        };
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let plain = packets(1000, 77);
        for packet in protected(&mut context(profile), &plain) {
            // A port that is not open yet refuses the first ones.
            let _ = sender.send_to(&packet, ("127.0.0.1", port));
            std::thread::sleep(Duration::from_millis(10));
            if running.has_ended() {
                break;
            }
        }
        let got = std::fs::read(&out).expect("ffmpeg wrote");
        assert!(got.len() >= 7000, "{} bytes", got.len());
        // It may have begun later than we did.
        let sent: Vec<u8> = plain
            .iter()
            .flat_map(|packet| &packet[12..])
            .copied()
            .collect();
        let found = sent
            .chunks(160)
            .position(|chunk| got.starts_with(chunk))
            .expect("it begins with a packet of ours");
        assert_eq!(sent[found * 160..][..got.len()], got, "{profile:?}");
        println!("{profile:?}: ffmpeg took {} bytes", got.len());
    }
}
