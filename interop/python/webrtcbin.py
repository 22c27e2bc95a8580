"""GStreamer's `webrtcbin` as publisher or player by WHIP and WHEP; prints one line of JSON.

    webrtcbin.py publish URL SECONDS            sends a blue picture in H.264 and a tone of 440 Hz in Opus
    webrtcbin.py play URL SECONDS [silent]      tells how many pictures came and their mean colour, how much sound and its tone
"""

import json
import signal
import sys
import time
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC

PUBLISHES = """
    webrtcbin name=peer bundle-policy=max-bundle
    videotestsrc is-live=true pattern=solid-color foreground-color=0xff0000ff
    ! video/x-raw,width=320,height=240,framerate=25/1
    ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=50
    ! video/x-h264,profile=constrained-baseline
    ! rtph264pay config-interval=-1 aggregate-mode=zero-latency
    ! application/x-rtp,media=video,encoding-name=H264,payload=96 ! queue ! peer.
    audiotestsrc is-live=true freq=440 volume=0.5 ! audio/x-raw,rate=48000,channels=2
    ! opusenc ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! queue ! peer.
"""
PLAYS = "webrtcbin name=peer bundle-policy=max-bundle"
TAKES = {
    "video": "videoconvert ! video/x-raw,format=RGB ! appsink name=take sync=false emit-signals=true",
    "audio": "audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved"
    " ! appsink name=take sync=false emit-signals=true",
}
PATIENCE = 60

what, url, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
silent = "silent" in sys.argv
seen = {"pictures": 0, "colour": None, "size": None, "sound": 0.0, "hertz": 0.0}
end = time.time() + PATIENCE
posted = False

Gst.init(None)
loop = GLib.MainLoop()
pipeline = Gst.parse_launch(PUBLISHES if what == "publish" else PLAYS)
if isinstance(pipeline, Gst.Pipeline):
    peer = pipeline.get_by_name("peer")
else:
    peer, pipeline = pipeline, Gst.Pipeline()
    pipeline.add(peer)


def negotiate(_):
    peer.emit("create-offer", None, Gst.Promise.new_with_change_func(offered))


def offered(promise):
    promise.wait()
    # What is got from the reply is only lent, as long as that lives.
    reply = promise.get_reply()
    peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())
    GLib.idle_add(post)


def post(*_):
    """Once all candidates are there: WHIP's exchange is one request."""
    global posted
    if posted or peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        return False
    description = peer.get_property("local-description")
    posted = True
    offer = description.sdp.as_text().encode()
    request = urllib.request.Request(url, offer, {"Content-Type": "application/sdp"}, method="POST")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201, answer.status
        text = answer.read().decode()
    _, sdp = GstSdp.SDPMessage.new_from_text(text)
    answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, sdp)
    peer.emit("set-remote-description", answer, Gst.Promise.new())
    return False


def state(*_):
    if what == "publish" and peer.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
        print(json.dumps({"published": True}), flush=True)


def pad_added(_, pad):
    if pad.direction != Gst.PadDirection.SRC:
        return
    decoder = Gst.ElementFactory.make("decodebin")
    decoder.connect("pad-added", decoded)
    pipeline.add(decoder)
    decoder.sync_state_with_parent()
    pad.link(decoder.get_static_pad("sink"))


def decoded(_, pad):
    kind = pad.get_current_caps().get_structure(0).get_name().split("/")[0]
    branch = Gst.parse_bin_from_description(TAKES[kind], True)
    branch.get_by_name("take").connect("new-sample", picture if kind == "video" else sound)
    pipeline.add(branch)
    branch.sync_state_with_parent()
    pad.link(branch.get_static_pad("sink"))


def picture(sink):
    sample = sink.emit("pull-sample")
    format = sample.get_caps().get_structure(0)
    data = sample.get_buffer().extract_dup(0, sample.get_buffer().get_size())
    seen["size"] = [format.get_value("width"), format.get_value("height")]
    # Rows are multiples of four bytes; those of the sizes in use have nothing to fill.
    seen["colour"] = [sum(data[channel::303]) // len(data[channel::303]) for channel in range(3)]
    seen["pictures"] += 1
    return Gst.FlowReturn.OK


def sound(sink):
    buffer = sink.emit("pull-sample").get_buffer()
    samples = memoryview(buffer.extract_dup(0, buffer.get_size())).cast("h")
    if any(samples):
        heard.extend(samples)
        del heard[:-48000]
    seen["sound"] += len(samples) / 48000
    return Gst.FlowReturn.OK


heard = []


def look():
    """A tone crosses zero twice a period."""
    enough = seen["pictures"] >= 20 * seconds and (silent or seen["sound"] >= seconds)
    if not enough and time.time() < end:
        return True
    wave = list(heard)
    rises = [at for at in range(1, len(wave)) if wave[at - 1] < 0 <= wave[at]]
    if len(rises) > 1:
        seen["hertz"] = (len(rises) - 1) * 48000 / (rises[-1] - rises[0])
    print(json.dumps(seen), flush=True)
    loop.quit()
    return False


def message(_, message):
    if message.type == Gst.MessageType.ERROR:
        print(message.parse_error(), file=sys.stderr, flush=True)
        loop.quit()


bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message", message)
peer.connect("notify::ice-gathering-state", lambda *_: GLib.idle_add(post) and None)
peer.connect("notify::connection-state", state)
peer.connect("pad-added", pad_added)
peer.connect("on-negotiation-needed", negotiate)
if what == "publish":
    for index in range(2):
        peer.emit("get-transceiver", index).set_property(
            "direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY
        )
    GLib.timeout_add(int(seconds * 1000), loop.quit)
else:
    # Pictures as H.264 or VP8, whichever the publisher sends.
    for caps in (
        "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2",
        "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000,rtcp-fb-nack-pli=true;"
        "application/x-rtp,media=video,encoding-name=H264,payload=97,clock-rate=90000,rtcp-fb-nack-pli=true,"
        "packetization-mode=(string)1,profile-level-id=(string)42e01f",
    ):
        peer.emit(
            "add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY, Gst.Caps.from_string(caps)
        )
    GLib.timeout_add(100, look)
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGTERM, loop.quit)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
