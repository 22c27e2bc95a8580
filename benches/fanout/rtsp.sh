#!/usr/bin/env bash
# What it costs to give one stream to many RTSP players, by TCP and by UDP: our streaming server beside gst-rtsp-server, the same clip
# and the same players, in turns. Needs ffmpeg, gst-rtsp-server and its Python bindings (see interop/README.md).
#
#   benches/fanout/rtsp.sh [--players 200] [--seconds 20] [--rounds 3] [-- SERVER OPTIONS]
set -euo pipefail
cd "$(dirname "$0")/../.."

. benches/fanout/common.sh

# Four sockets for each player by UDP.
ulimit -n "$(ulimit -Hn)"
# Long enough for a round.
ffmpeg -v error -y -stream_loop 5 -i "$clip" -c copy "$tmp/clip.mp4"

cat >"$tmp/camera.py" <<'PYTHON'
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch('( filesrc location="%s" ! qtdemux name=d d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 mtu=1200 '
                   'config-interval=-1 d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 mtu=1200 )' % sys.argv[1])
# One pipeline for all, as for a camera.
factory.set_shared(True)
server.get_mount_points().add_factory("/bench", factory)
server.attach(None)
print("rtsp://127.0.0.1:%d/bench" % server.get_bound_port(), flush=True)
GLib.MainLoop().run()
PYTHON

for ((round = 1; round <= rounds; round++)); do
    for way in tcp udp; do
        udp=()
        [ $way = tcp ] || udp=(--udp)
        /usr/bin/python3 "$tmp/camera.py" "$tmp/clip.mp4" >"$tmp/camera.url" 2>"$tmp/camera.log" &
        camera=$!
        started+=("$camera")
        sleep 2
        measure "$(cat "$tmp/camera.url")" "$camera" "gst-$way" "${udp[@]}"

        start_server --rtsp 127.0.0.1:0
        url=rtsp://127.0.0.1:$(port_of RTSP)/live/bench
        ffmpeg -v error -re -i "$tmp/clip.mp4" -c copy -f rtsp -rtsp_transport tcp "$url" </dev/null >"$tmp/ffmpeg.log" 2>&1 &
        started+=($!)
        sleep 3
        measure "$url" "$server" "fluvial-$way" "${udp[@]}"
    done
done
compare gst-tcp fluvial-tcp
compare gst-udp fluvial-udp
