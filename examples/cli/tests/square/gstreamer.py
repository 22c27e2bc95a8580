"""What GStreamer finds in files and lists: a line of JSON for each URI on standard input, in their order.

{"uri": ..., "said": [what came as a warning or an error], "tracks": [{"kind": "video", "units": what its decoder was given,
"frames": what came out of it, "samples": of sound}]}
"""

import json
import sys
import time

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

# Seconds, of one file.
PATIENCE = 60

Gst.init(None)


class Track:
    def __init__(self, kind):
        self.kind, self.units, self.frames, self.bytes, self.caps = kind, 0, 0, 0, None

    def given(self, _, info):
        self.units += is_data(info.get_buffer())
        return Gst.PadProbeReturn.OK

    def came(self, pad, info):
        buffer = info.get_buffer()
        if is_data(buffer):
            self.frames += 1
            self.bytes += buffer.get_size()
            self.caps = pad.get_current_caps().get_structure(0).to_string()
        return Gst.PadProbeReturn.OK

    def told(self):
        return {"kind": self.kind, "units": self.units, "frames": self.frames, "samples": self.samples()}

    def samples(self):
        if self.kind != "audio" or self.caps is None:
            return 0
        caps = Gst.Caps.from_string(self.caps).get_structure(0)
        _, channels = caps.get_int("channels")
        digits = "".join(c for c in caps.get_string("format")[1:3] if c.isdigit())
        return self.bytes // (channels * int(digits) // 8)


def is_data(buffer):
    return buffer.get_size() > 0 and not buffer.has_flags(Gst.BufferFlags.GAP)


def look(uri):
    pipeline, tracks, said = Gst.Pipeline(), [], []
    source = Gst.ElementFactory.make("uridecodebin")
    source.set_property("uri", uri)
    pipeline.add(source)

    def added(_, __, element):
        factory = element.get_factory()
        kinds = factory.get_metadata("klass").split("/") if factory else []
        for kind in ("Video", "Audio"):
            if "Decoder" in kinds and kind in kinds:
                track = Track(kind.lower())
                tracks.append(track)
                element.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, track.given)
                element.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, track.came)

    def pad_added(_, pad):
        queue, sink = Gst.ElementFactory.make("queue"), Gst.ElementFactory.make("fakesink")
        sink.set_property("sync", False)
        for element in (queue, sink):
            pipeline.add(element)
            element.sync_state_with_parent()
        queue.link(sink)
        pad.link(queue.get_static_pad("sink"))

    source.connect("deep-element-added", added)
    source.connect("pad-added", pad_added)
    pipeline.set_state(Gst.State.PLAYING)
    bus, end = pipeline.get_bus(), time.monotonic() + PATIENCE
    wanted = Gst.MessageType.EOS | Gst.MessageType.ERROR | Gst.MessageType.WARNING | Gst.MessageType.ELEMENT
    while True:
        left = end - time.monotonic()
        message = bus.timed_pop_filtered(int(left * Gst.SECOND), wanted) if left > 0 else None
        if message is None:
            said.append("it does not end")
            break
        if message.type == Gst.MessageType.EOS:
            break
        if message.type == Gst.MessageType.ERROR:
            said.append(" ".join(map(str, message.parse_error())))
            break
        if message.type == Gst.MessageType.WARNING:
            said.append(" ".join(map(str, message.parse_warning())))
        elif message.get_structure() and message.get_structure().get_name() == "missing-plugin":
            said.append(message.get_structure().to_string())
    pipeline.set_state(Gst.State.NULL)
    # One that was tried and given nothing is none.
    return {"uri": uri, "said": said, "tracks": [track.told() for track in tracks if track.units]}


for line in sys.stdin:
    print(json.dumps(look(line.strip())), flush=True)
