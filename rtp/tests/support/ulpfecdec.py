"""Repairs a stream by GStreamer's rtpulpfecdec: packets from a port, those that come out of it to another.

Usage: ulpfecdec.py IN OUT FEC_PAYLOAD_TYPE"""
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

Gst.init(None)
source, sink, payload_type = sys.argv[1:4]
caps = "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264"
pipeline = Gst.parse_launch(
    f'udpsrc port={source} caps="{caps}" ! rtpstorage name=storage size-time=3000000000 ! rtpssrcdemux name=demux '
    f'demux. ! {caps},payload=(int)96 ! rtpjitterbuffer do-lost=true latency=500 name=jitter ! rtpulpfecdec name=fec pt={payload_type} '
    f"! udpsink host=127.0.0.1 port={sink} sync=false async=false"
)
storage = pipeline.get_by_name("storage").get_property("internal-storage")
pipeline.get_by_name("fec").set_property("storage", storage)
pipeline.set_state(Gst.State.PLAYING)
GLib.timeout_add_seconds(30, sys.exit)
GLib.MainLoop().run()
