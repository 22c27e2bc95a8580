//! Files over RTSP: other people's players play them whole, and from elsewhere; and what `RTP-Info` says is so.

use fluvial_interop::{
    clip::{B_FRAMES_25, Clip, LONG, NTSC_PYRAMID, Recipe},
    frames::Frames,
    needs,
    peer::{self, FFMPEG, GST_RTSP_SERVER, GSTREAMER_RTSP, MEDIA_STREAM_LIBRARY},
    process::Process,
    raw,
    reader::Reader,
    server::Server,
};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::{fs, sync::Arc, time::Duration};
use tempfile::TempDir;

/// A clip in all containers in a folder that a server serves.
struct Shelf {
    clip: Arc<Clip>,
    server: Server,
    folder: TempDir,
}

const FILES: [&str; 3] = ["clip.mp4", "clip.flv", "clip.ts"];

impl Shelf {
    fn new(recipe: &Recipe) -> Self {
        let clip = recipe.clip();
        let folder = TempDir::new().expect("there is room for temporary files");
        fs::copy(&clip.file, folder.path().join("clip.flv")).expect("there is room");
        for name in ["clip.mp4", "clip.ts"] {
            let mut command = Command::new("ffmpeg");
            command.args(["-nostdin", "-v", "error", "-i"]);
            command.arg(&clip.file).args(["-c", "copy"]);
            Process::run("ffmpeg remuxing", command.arg(folder.path().join(name)));
        }
        let path = folder.path().display().to_string();
        let server = Server::start(&["--no-demo", "--rtsp", "127.0.0.1:0", "--vod", &path]);
        Self {
            clip,
            server,
            folder,
        }
    }

    fn url(&self, file: &str) -> String {
        let url = self.server.wrapped_url("rtsp", file);
        url.replace("/live/", "/vod/")
    }
}

#[test]
fn ffmpeg_plays_files() {
    needs!(FFMPEG);
    let shelf = Shelf::new(&NTSC_PYRAMID);
    let players = FILES.map(|file| {
        let transport = if file == "clip.flv" { "udp" } else { "tcp" };
        let options = ["-rtsp_transport", transport];
        (file, Reader::start(&shelf.url(file), &options))
    });
    for (file, player) in players {
        // It knows how long the file is.
        player.process.stderr.wait_for(0, &["Duration: 00:00:0"]);
        let shown = player.finish();
        let all = shelf.clip.frames.audio.len();
        let heard = shown.audio.len();
        // ffmpeg drops what is shown before the first picture, which is not before its own zero.
        assert!(heard + 2 >= all, "{file}: {heard} frames of sound of {all}");
        let start = shown.assert_video_run_of(&shelf.clip.frames, file);
        assert_eq!(
            (start, shown.video.len()),
            (0, shelf.clip.frames.video.len()),
            "{file}"
        );
    }
}

#[test]
fn ffmpeg_plays_encrypted_files() {
    needs!(FFMPEG);
    let shelf = Shelf::new(&B_FRAMES_25);
    let url = format!("{}?srtp", shelf.url("clip.mp4"));
    let shown = Reader::start(&url, &["-rtsp_transport", "udp"]).finish();
    let start = shown.assert_video_run_of(&shelf.clip.frames, "encrypted");
    assert_eq!(
        (start, shown.video.len()),
        (0, shelf.clip.frames.video.len())
    );
}

#[test]
fn ffmpeg_seeks_in_files() {
    needs!(FFMPEG);
    let shelf = Shelf::new(&B_FRAMES_25);
    let players = FILES.map(|file| {
        let options = ["-rtsp_transport", "tcp", "-ss", "5"];
        (file, Reader::start(&shelf.url(file), &options))
    });
    for (file, player) in players {
        let mut shown = player.finish();
        // The server begins with the key frame at 4 s. Of what comes before the place ffmpeg shows the first picture, whoever the
        // server is (gst-rtsp-server too), and leaves out the others by the times that it has for them.
        let all = &shelf.clip.frames.video;
        let first = shown.video.remove(0);
        assert_eq!(first.hash, all[100].hash, "{file}");
        let start = shown.assert_video_run_of(&shelf.clip.frames, file);
        assert_eq!((start, shown.video.len()), (125, all.len() - 125), "{file}");
    }
}

/// Plays a little, goes elsewhere, and writes what comes from there on.
const SEEKING: &str = r#"
import sys, gi
gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst
Gst.init(None)
url, to, protocols, path, wanted = sys.argv[1], float(sys.argv[2]), sys.argv[3], sys.argv[4], int(sys.argv[5])
pipeline = Gst.parse_launch(
    'rtspsrc name=source location="%s" protocols=%s latency=500 ! application/x-rtp,media=video ! rtph264depay ! '
    'video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=sink emit-signals=true sync=true' % (url, protocols))
loop, out, state = GLib.MainLoop(), open(path, "wb"), {"seeked": False, "count": 0, "first": None, "left": wanted}
def sample(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    state["count"] += 1
    if state["seeked"]:
        if state["first"] is None:
            state["first"] = buffer.pts
        out.write(buffer.extract_dup(0, buffer.get_size()))
        state["left"] -= 1
        if state["left"] == 0:
            # The end of the stream does not get through rtspsrc after a seek, whoever the server is.
            GLib.idle_add(loop.quit)
    elif state["count"] == 20:
        GLib.idle_add(seek)
    return Gst.FlowReturn.OK
def seek():
    sent = pipeline.seek_simple(Gst.Format.TIME, Gst.SeekFlags.FLUSH | Gst.SeekFlags.KEY_UNIT, int(to * Gst.SECOND))
    state["seeked"] = True
    print("seek %s" % sent, flush=True)
    return False
def message(bus, message):
    if message.type == Gst.MessageType.EOS:
        loop.quit()
    elif message.type == Gst.MessageType.ERROR:
        print(message.parse_error(), file=sys.stderr)
        sys.exit(1)
def sound(source, pad):
    # It goes somewhere: where sound comes first and goes nowhere, rtspsrc gives up.
    if pad.query_caps().get_structure(0).get_string("media") == "audio":
        away = Gst.ElementFactory.make("fakesink")
        away.set_property("async", False)
        pipeline.add(away)
        away.sync_state_with_parent()
        pad.link(away.get_static_pad("sink"))
pipeline.get_by_name("source").connect("pad-added", sound)
pipeline.get_by_name("sink").connect("new-sample", sample)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message", message)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
out.close()
print("first %d count %d" % (state["first"], state["count"]), flush=True)
"#;

#[test]
fn rtspsrc_seeks_in_files() {
    needs!(FFMPEG, GSTREAMER_RTSP, GST_RTSP_SERVER);
    let shelf = Shelf::new(&B_FRAMES_25);
    for (file, protocols) in [("clip.mp4", "tcp"), ("clip.ts", "udp")] {
        let path = shelf.folder.path().join(format!("{protocols}.h264"));
        let mut command = Command::new("/usr/bin/python3");
        command
            .args(["-c", SEEKING, &shelf.url(file), "5.5", protocols])
            .arg(&path)
            .arg((shelf.clip.frames.video.len() - 100).to_string());
        let said = Process::run("rtspsrc seeking", &mut command);
        assert!(said.iter().any(|line| line == "seek True"), "{said:?}");
        let shown = Frames::of_file(&path);
        let start = shown.assert_video_run_of(&shelf.clip.frames, file);
        // From the key frame at or before the place, all that there is.
        let all = shelf.clip.frames.video.len();
        assert_eq!((start, shown.video.len()), (100, all - 100), "{file}");
    }
}

/// Inside of a WebSocket, by the library that Axis has for browsers.
#[test]
fn media_stream_library_plays_by_websocket() {
    needs!(FFMPEG, MEDIA_STREAM_LIBRARY);
    let shelf = Shelf::new(&B_FRAMES_25);
    let path = shelf.folder.path().join("websocket.h264");
    let url = shelf.url("clip.mp4");
    let mut command = Command::new("node");
    command
        .arg(peer::manifest_dir().join("browser/websocket.js"))
        .args([&url, &format!("ws://{}/", raw::address(&url))])
        .arg(&path);
    Process::run("media-stream-library", &mut command);
    let shown = Frames::of_file(&path);
    let start = shown.assert_video_run_of(&shelf.clip.frames, "WebSocket");
    let all = shelf.clip.frames.video.len();
    assert_eq!((start, shown.video.len()), (0, all));
}

/// A client that looks at what is said to the byte.
struct Client {
    reader: BufReader<TcpStream>,
    url: String,
    cseq: u32,
    session: String,
}

/// The head of a packet: channel, sequence number, time stamp.
type Packet = (u8, u16, u32);

impl Client {
    fn connect(url: &str) -> Self {
        let socket = TcpStream::connect(raw::address(url)).expect("the server is there");
        let patience = Some(Duration::from_secs(30));
        socket.set_read_timeout(patience).expect("a number");
        Self {
            reader: BufReader::new(socket),
            url: url.to_owned(),
            cseq: 0,
            session: String::new(),
        }
    }

    /// The answer to a request, and the packets before it.
    fn ask(&mut self, method: &str, path: &str, headers: &str) -> (String, Vec<Packet>) {
        self.cseq += 1;
        let request = format!(
            "{method} {}{path} RTSP/1.0\r\nCSeq: {}\r\n{}{headers}\r\n",
            self.url, self.cseq, self.session
        );
        self.reader.get_mut().write_all(request.as_bytes()).unwrap();
        let mut packets = Vec::new();
        loop {
            let next = self.reader.fill_buf().unwrap()[0];
            if next == b'$' {
                packets.push(self.packet());
                continue;
            }
            let (mut answer, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                self.reader.read_line(&mut line).unwrap();
                if let Some(value) = line.strip_prefix("Content-Length: ") {
                    length = value.trim().parse().unwrap();
                }
                if let Some(value) = line.strip_prefix("Session: ") {
                    let id = value.split(';').next().unwrap().trim();
                    self.session = format!("Session: {id}\r\n");
                }
                answer += &line;
                if line.trim().is_empty() {
                    break;
                }
            }
            let mut body = vec![0; length];
            self.reader.read_exact(&mut body).unwrap();
            answer += &String::from_utf8(body).unwrap();
            return (answer, packets);
        }
    }

    /// A channel, and what came on it.
    fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 4];
        self.reader.read_exact(&mut head).unwrap();
        let mut data = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]]))];
        self.reader.read_exact(&mut data).unwrap();
        (head[1], data)
    }

    fn packet(&mut self) -> Packet {
        let (channel, data) = self.frame();
        let number = u16::from_be_bytes([data[2], data[3]]);
        (channel, number, word(&data, 4))
    }

    /// Asks for both tracks, inside of this connection.
    fn set_up(&mut self) {
        let (answer, _) = self.ask("DESCRIBE", "", "");
        assert!(answer.starts_with("RTSP/1.0 200"), "{answer}");
        for track in 0..2 {
            let transport = format!(
                "Transport: RTP/AVP/TCP;unicast;interleaved={}-{}\r\n",
                2 * track,
                2 * track + 1
            );
            let path = format!("/trackID={track}");
            let (answer, _) = self.ask("SETUP", &path, &transport);
            assert!(answer.starts_with("RTSP/1.0 200"), "{answer}");
        }
    }

    /// The first packet on a channel.
    fn first(&mut self, channel: u8) -> Packet {
        let [first] = self.firsts([channel]);
        first
    }

    /// The first packet on each of some channels.
    fn firsts<const N: usize>(&mut self, channels: [u8; N]) -> [Packet; N] {
        let mut found = [None; N];
        while found.contains(&None) {
            let packet = self.packet();
            if let Some(at) = channels.iter().position(|channel| *channel == packet.0) {
                found[at].get_or_insert(packet);
            }
        }
        found.map(|packet| packet.expect("all were found"))
    }
}

fn word(data: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(data[at..at + 4].try_into().expect("4 bytes"))
}

/// A number in a header's text, behind a word.
fn number<T: std::str::FromStr>(text: &str, word: &str) -> Option<T> {
    let (_, rest) = text.split_once(word)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[test]
fn what_is_told_of_a_seek_is_exact() {
    needs!(FFMPEG);
    let shelf = Shelf::new(&B_FRAMES_25);
    for file in FILES {
        let mut client = Client::connect(&shelf.url(file));
        let (answer, _) = client.ask("DESCRIBE", "", "");
        assert!(answer.contains("a=range:npt=0-8."), "{file}: {answer}");
        client.set_up();
        let mut last = 0;
        for (from, headers) in [
            ("5.5", "Range: npt=5.5-\r\n"),
            ("2.5", "Range: npt=2.5-\r\n"),
            ("3", "Range: npt=3-6\r\n"),
        ] {
            let (answer, before) = client.ask("PLAY", "", headers);
            assert!(answer.starts_with("RTSP/1.0 200"), "{file}: {answer}");
            let start: f64 = number(&answer, "Range: npt=").expect("a range");
            assert!(
                start <= from.parse::<f64>().unwrap() + 0.001 && start > 0.0,
                "{answer}"
            );
            let (_, info) = answer.split_once("RTP-Info: ").expect("RTP-Info");
            for (track, first) in client.firsts([0, 2]).into_iter().enumerate() {
                let own = info.split(',').nth(track).expect("each track");
                let seq: u16 = number(own, "seq=").expect("seq");
                let time: u32 = number(own, "rtptime=").expect("rtptime");
                assert_eq!(first.1, seq, "{file}: {answer}");
                let after = first.2.wrapping_sub(time);
                match track {
                    // The range begins with this picture.
                    0 => {
                        assert_eq!(after, 0, "{file}: {answer}");
                        // Time stamps do not go back.
                        assert!(last == 0 || time.wrapping_sub(last) < 10 * 90_000, "{file}");
                        last = time;
                    }
                    // The first sound from there on, in less than two frames.
                    _ => assert!(after < 2048, "{file}: {after} ticks: {answer}"),
                }
            }
            drop(before);
        }
        // A pause is one, and it goes on where it was.
        let (answer, _) = client.ask("PAUSE", "", "");
        assert!(answer.starts_with("RTSP/1.0 200"), "{file}: {answer}");
        let (_, packets) = client.ask("GET_PARAMETER", "", "");
        assert_eq!(packets, [], "{file}: paused");
        let (answer, _) = client.ask("PLAY", "", "");
        let start: f64 = number(&answer, "Range: npt=").expect("a range");
        assert!((2.0..4.5).contains(&start), "{file}: {answer}");
        let seq: u16 = number(&answer, "seq=").expect("seq");
        let (_, info) = answer.split_once("RTP-Info: ").expect("RTP-Info");
        let time: u32 = number(info, "rtptime=").expect("rtptime");
        let first = client.first(0);
        assert_eq!(first.1, seq, "{file}: {answer}");
        assert!(first.2.wrapping_sub(time) < 6 * 3600, "{file}: {answer}");
        // Twice as fast: time stamps are those of what is seen, so that pictures come 20 ms apart.
        let (answer, _) = client.ask("PLAY", "", "Range: npt=0-\r\nScale: 2\r\n");
        assert!(answer.contains("Scale: 2"), "{file}: {answer}");
        let mut times = Vec::new();
        while times.len() < 12 {
            let (_, _, time) = client.first(0);
            if !times.contains(&time) {
                times.push(time);
            }
        }
        times.sort_unstable();
        assert!(
            times.windows(2).all(|pair| pair[1] - pair[0] == 1800),
            "{file}: {times:?}"
        );
        let (answer, _) = client.ask("PLAY", "", "Range: npt=100-\r\n");
        assert!(answer.starts_with("RTSP/1.0 457"), "{file}: {answer}");
    }
}

/// Whoever joins a live stream is told the time stamps of one instant, by the sender reports that come before everything else.
#[test]
fn what_is_told_of_a_stream_is_one_instant() {
    needs!(FFMPEG);
    let clip = LONG.clip();
    let server = Server::start(&["--no-demo", "--rtsp", "127.0.0.1:0"]);
    let mut publisher = clip.publish(&server.rtmp_url("instant"));
    server.wait_for_playlist("instant");
    // Joined at several places between two reports and two key frames.
    for _ in 0..4 {
        let mut client = Client::connect(&server.wrapped_url("rtsp", "instant"));
        client.set_up();
        let (answer, _) = client.ask("PLAY", "", "");
        let (_, info) = answer.split_once("RTP-Info: ").expect("RTP-Info");
        let told: Vec<(u16, u32)> = info
            .split(',')
            .map(|own| {
                let sequence = number(own, "seq=").expect("seq");
                (sequence, number(own, "rtptime=").expect("rtptime"))
            })
            .collect();
        let rates = [90_000.0, 48_000.0];
        let mut instants = [None; 2];
        let mut first = [None; 2];
        while first.contains(&None) {
            let (channel, data) = client.frame();
            let track = usize::from(channel / 2);
            if channel % 2 == 1 {
                let ntp = f64::from(word(&data, 8)) + f64::from(word(&data, 12)) / 4_294_967_296.0;
                let since = told[track].1.wrapping_sub(word(&data, 16)).cast_signed();
                instants[track].get_or_insert(ntp + f64::from(since) / rates[track]);
            } else if first[track].is_none() {
                assert!(
                    instants[track].is_some(),
                    "sound or picture before its report"
                );
                let sequence = u16::from_be_bytes([data[2], data[3]]);
                assert_eq!(sequence, told[track].0, "{answer}");
                let after = word(&data, 4).wrapping_sub(told[track].1);
                assert!(f64::from(after) < rates[track], "{after} ticks: {answer}");
                first[track] = Some(after);
            }
        }
        // One of them is that of a packet; and both are one.
        assert!(first.contains(&Some(0)), "{first:?}: {answer}");
        let [pictures, sound] = instants.map(|instant| instant.expect("told"));
        // A number of 2^32 seconds has microseconds left here.
        assert!((pictures - sound).abs() < 0.000_1, "{pictures} {sound}");
        std::thread::sleep(Duration::from_millis(700));
    }
    publisher.expect_success();
}
