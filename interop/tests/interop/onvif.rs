//! Sound the other way, from the client to the camera (ONVIF Streaming Specification §5.3): our client to gst-rtsp-server's
//! ONVIF server, and GStreamer's rtspsrc to our server's session.

use fluvial_interop::{
    needs,
    peer::{GST_RTSP_SERVER, GSTREAMER_RTSP},
    process::Process,
    wait_for,
};
use rtsp::client;
use rtsp::headers::Transport;
use rtsp::server::{self, ONVIF_BACKCHANNEL, PlayAnswer};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

/// A camera that writes what it hears.
const CAMERA: &str = r#"
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPOnvifServer.new()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPOnvifMediaFactory.new()
factory.set_launch('( videotestsrc is-live=true ! video/x-raw,width=16,height=16,framerate=5/1 ! rtpvrawpay name=pay0 pt=96 )')
factory.set_backchannel_launch('( capsfilter caps="application/x-rtp, media=audio, payload=0, clock-rate=8000, encoding-name=PCMU" '
    'name=depay_backchannel ! rtppcmudepay ! filesink location="%s" buffer-mode=unbuffered async=false )' % sys.argv[1])
factory.set_media_gtype(GstRtspServer.RTSPOnvifMedia.__gtype__)
server.get_mount_points().add_factory("/onvif", factory)
server.attach(None)
print("rtsp://127.0.0.1:%d/onvif" % server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"#;

/// A packet of 20 ms of PCMU.
fn packet(number: u16) -> (Vec<u8>, [u8; 160]) {
    let sound = std::array::from_fn(|at| (at * 3 + usize::from(number) * 7) as u8);
    let mut packet = vec![0x80, 0];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 160).to_be_bytes());
    packet.extend([0, 0, 0, 9]);
    packet.extend(sound);
    (packet, sound)
}

#[test]
fn our_client_speaks_to_a_camera() {
    const COUNT: u16 = 100;
    needs!(GST_RTSP_SERVER);
    let folder = tempfile::TempDir::new().expect("there is room for temporary files");
    let heard = folder.path().join("heard");
    let mut command = Command::new("/usr/bin/python3");
    let camera = Process::spawn("ONVIF camera", command.args(["-c", CAMERA]).arg(&heard));
    let url = wait_for("the camera", || {
        camera.stdout.pick(0, |line| {
            line.starts_with("rtsp://").then(|| line.to_owned())
        })
    });
    let url: rtsp::Url = url.parse().expect("an address");
    let mut socket = TcpStream::connect((url.host.as_str(), url.port_or_default())).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut config = client::Config::new(url);
    config.require = vec![ONVIF_BACKCHANNEL.into()];
    let start = Instant::now();
    let mut session = client::Session::new(config, &mut rand::rng(), Duration::ZERO);
    session.describe(Duration::ZERO);
    let (mut media, mut back, mut playing) = (0, None, false);
    let (mut sent, mut expected, mut pictures) = (0, Vec::new(), 0);
    let mut buffer = vec![0; 64 << 10];
    wait_for("what was said", || {
        let now = start.elapsed();
        while let Some(event) = session.poll_event().expect("all goes well") {
            match event {
                client::Event::Described { description, .. } => {
                    media = description.media.len();
                    // It is the client's to send.
                    back = description
                        .media
                        .iter()
                        .position(|medium| medium.kind == "audio");
                    assert!(back.is_some(), "{description:?}");
                    for index in 0..media {
                        let channel = 2 * index as u8;
                        let transport = Transport::tcp((channel, channel + 1));
                        session.setup(index, transport, now).unwrap();
                    }
                }
                client::Event::SetUp { media: index, .. } if index + 1 == media => {
                    // From now on: this camera does not seek, not even to its beginning.
                    session.play(None, None, now).unwrap();
                }
                client::Event::Playing { .. } => playing = true,
                client::Event::Packet { rtcp: false, .. } => pictures += 1,
                client::Event::Refused { method, status, .. } => panic!("{method}: {status}"),
                _ => {}
            }
        }
        if let Some(back) = back.filter(|_| playing && sent < COUNT) {
            let (packet, sound) = packet(sent);
            session.send(back, false, &packet).unwrap();
            expected.extend(sound);
            sent += 1;
        }
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes).unwrap();
        }
        match socket.read(&mut buffer) {
            Ok(count) => session.handle_input(&buffer[..count], now),
            Err(error) => assert!(matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut
            )),
        }
        let length = fs::metadata(&heard).map_or(0, |metadata| metadata.len());
        let all = sent == COUNT && length >= expected.len() as u64 && pictures > 0;
        all.then_some(())
    });
    assert_eq!(fs::read(&heard).unwrap(), expected);
}

/// Says something to a camera.
const SPEAKER: &str = r#"
import ctypes, sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst
Gst.init(None)
library = ctypes.CDLL("libgstreamer-1.0.so.0")
player = Gst.parse_launch('rtspsrc name=source location="%s" protocols=tcp backchannel=onvif ! fakesink' % sys.argv[1])
voice = Gst.parse_launch("audiotestsrc wave=silence num-buffers=100 samplesperbuffer=160 is-live=true ! audio/x-raw,rate=8000,channels=1 ! "
                         "mulawenc ! rtppcmupay pt=0 min-ptime=20000000 max-ptime=20000000 ! appsink name=sink emit-signals=true sync=false")
source, state = player.get_by_name("source"), {"id": None}
def select(source, number, caps):
    if caps.get_structure(0).has_field("a-sendonly"):
        state["id"] = number
    return True
def sample(sink):
    sample = sink.emit("pull-sample")
    # It is given away, which Python does not know.
    library.gst_mini_object_ref(ctypes.c_void_p(hash(sample)))
    source.emit("push-backchannel-sample", state["id"], sample)
    return Gst.FlowReturn.OK
def message(bus, message):
    if message.type == Gst.MessageType.ERROR:
        print(message.parse_error(), file=sys.stderr)
        sys.exit(1)
    if message.type == Gst.MessageType.PROGRESS and message.parse_progress()[1] == "request" and \
       message.parse_progress()[0] == Gst.ProgressType.COMPLETE:
        voice.set_state(Gst.State.PLAYING)
source.connect("select-stream", select)
voice.get_by_name("sink").connect("new-sample", sample)
bus = player.get_bus()
bus.add_signal_watch()
bus.connect("message", message)
player.set_state(Gst.State.PLAYING)
GLib.MainLoop().run()
"#;

const DESCRIPTION: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\na=control:*\r\n\
    m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=recvonly\r\na=control:trackID=0\r\n\
    m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\na=control:trackID=1\r\n";

#[test]
fn rtspsrc_speaks_to_our_server() {
    needs!(GSTREAMER_RTSP, GST_RTSP_SERVER);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rtsp://{}/camera", listener.local_addr().unwrap());
    let mut command = Command::new("/usr/bin/python3");
    let mut speaker = Process::spawn("rtspsrc speaking", command.args(["-c", SPEAKER, &url]));
    let (mut socket, _) = listener.accept().unwrap();
    socket
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut config = server::Config::default();
    config.features.push(ONVIF_BACKCHANNEL.into());
    let start = Instant::now();
    let mut session = server::Session::new(config, &mut rand::rng(), Duration::ZERO);
    let mut required = false;
    let mut sound = 0;
    let mut buffer = vec![0; 64 << 10];
    wait_for("a second of sound", || {
        assert!(speaker.exited().is_none(), "GStreamer has ended");
        match socket.read(&mut buffer) {
            Ok(count) => session.handle_input(&buffer[..count], start.elapsed()),
            Err(error) => assert!(matches!(
                error.kind(),
                ErrorKind::WouldBlock | ErrorKind::TimedOut
            )),
        }
        while let Some(event) = session.poll_event().expect("all goes well") {
            match event {
                server::Event::DescribeRequested(request) => {
                    required = request.require.iter().any(|word| word == ONVIF_BACKCHANNEL);
                    session.describe(request.id, DESCRIPTION).unwrap();
                }
                server::Event::SetupRequested(request) => {
                    let medium = request.media.expect("as described");
                    session
                        .accept_setup(request.id, medium, &request.transports[0])
                        .unwrap();
                }
                server::Event::PlayRequested(request) => {
                    session
                        .accept_play(request.id, &PlayAnswer::default())
                        .unwrap();
                }
                server::Event::Packet {
                    media: 1,
                    rtcp: false,
                    data,
                } => {
                    // Silence in the law's own way.
                    assert!(data[12..].iter().all(|byte| *byte == 0xFF || *byte == 0x7F));
                    sound += data.len() - 12;
                }
                _ => {}
            }
        }
        while let Some(bytes) = session.poll_transmit() {
            socket.write_all(&bytes).unwrap();
        }
        (sound >= 8000).then_some(())
    });
    assert!(required, "GStreamer asks for the way back");
    speaker.kill();
}
