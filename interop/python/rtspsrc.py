"""GStreamer's RTSP client, which writes the pictures of what it plays to a file (MPEG-TS) and ends with them.

    rtspsrc.py PROTOCOLS URL FILE

Not by gst-launch: that links what `rtspsrc` brings by guesses, at times gives up on the sound, and then waits for ever for
the end of a branch that is not there.
"""

import signal
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

protocols, url, path = sys.argv[1:]
Gst.init(None)
loop = GLib.MainLoop()
pipeline = Gst.parse_launch(
    "rtph264depay name=pictures ! h264parse ! mpegtsmux ! filesink name=file buffer-mode=unbuffered async=false"
)
file = pipeline.get_by_name("file")
file.set_property("location", path)
source = Gst.ElementFactory.make("rtspsrc", "source")
Gst.util_set_object_arg(source, "protocols", protocols)
Gst.util_set_object_arg(source, "tls-validation-flags", "0")  # The certificate is made for the test.
source.set_property("latency", 1000)
source.set_property("drop-on-latency", False)  # What comes at once is not dropped as too late.
source.set_property("location", url)
pipeline.add(source)


def pad_added(_, pad):
    if pad.query_caps().get_structure(0).get_string("media") == "video":
        pad.link(pipeline.get_by_name("pictures").get_static_pad("sink"))
        return
    sink = Gst.ElementFactory.make("fakesink")
    sink.set_property("async", False)
    pipeline.add(sink)
    sink.sync_state_with_parent()
    pad.link(sink.get_static_pad("sink"))


def written(_, info):
    if info.get_event().type == Gst.EventType.EOS:
        GLib.idle_add(loop.quit)
    return Gst.PadProbeReturn.OK


def message(_, message):
    if message.type in (Gst.MessageType.WARNING, Gst.MessageType.ERROR):
        error = message.type == Gst.MessageType.ERROR
        print(message.parse_error() if error else message.parse_warning(), flush=True)
        # Of a branch of its own, such as that of the sound, it is none of the pictures' end.
        if error and message.src == source:
            pipeline.send_event(Gst.Event.new_eos())


def interrupted():
    print("told to end", flush=True)
    pipeline.send_event(Gst.Event.new_eos())
    GLib.timeout_add_seconds(5, loop.quit)
    return False


source.connect("pad-added", pad_added)
file.get_static_pad("sink").add_probe(Gst.PadProbeType.EVENT_DOWNSTREAM, written)
bus = pipeline.get_bus()
bus.add_signal_watch()
bus.connect("message", message)
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGINT, interrupted)
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
