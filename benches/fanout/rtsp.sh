#!/usr/bin/env bash
# What it costs to give one stream to many RTSP players, by TCP and by UDP: our streaming server beside gst-rtsp-server, the same clip
# and the same players, in turns. Needs ffmpeg, gst-rtsp-server and its Python bindings (see interop/README.md).
#
#   benches/fanout/rtsp.sh [--players 200] [--seconds 20] [--rounds 3] [-- SERVER OPTIONS]
set -euo pipefail
cd "$(dirname "$0")/../.."

players=200 seconds=20 rounds=3
while [ $# -gt 0 ]; do
    case $1 in
        --players) players=$2; shift 2 ;;
        --seconds) seconds=$2; shift 2 ;;
        --rounds) rounds=$2; shift 2 ;;
        --) shift; break ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
done

cargo build --quiet --release -p fluvial-streaming-server -p fluvial-fanout-bench
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
bench=$target/release/fanout-bench

tmp=$(mktemp -d)
started=()
stop() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    started=()
}
trap 'stop; rm -rf "$tmp"' EXIT
# Four sockets for each player by UDP.
ulimit -n "$(ulimit -Hn)"

# 4 Mbit/s at a constant rate: 720p at 30 pictures per second, a keyframe every 2 seconds, and AAC; long enough for a round.
clip=${FANOUT_CLIP:-$target/fanout-clip.flv}
[ -f "$clip" ] || ffmpeg -v error -y -f lavfi -i "testsrc2=s=1280x720:r=30:d=20,noise=alls=12:allf=t" -f lavfi -i "sine=220:r=48000:d=20" \
    -c:v libx264 -preset veryfast -g 60 -sc_threshold 0 -b:v 3870k -minrate 3870k -maxrate 3870k -bufsize 1935k -x264-params nal-hrd=cbr \
    -pix_fmt yuv420p -c:a aac -b:a 128k -f flv "$clip"
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

# Measures the process $2 under the name $3 while $players play $1.
measure() {
    "$bench" "$1" --pid "$2" --name "$3" --players "$players" --seconds "$seconds" --ticks "$(getconf CLK_TCK)" "${@:4}" | tee -a "$tmp/table"
    stop
}

for ((round = 1; round <= rounds; round++)); do
    for way in tcp udp; do
        udp=()
        [ $way = tcp ] || udp=(--udp)
        /usr/bin/python3 "$tmp/camera.py" "$tmp/clip.mp4" >"$tmp/camera.url" 2>"$tmp/camera.log" &
        camera=$!
        started+=("$camera")
        sleep 2
        measure "$(cat "$tmp/camera.url")" "$camera" "gst-$way" "${udp[@]}"

        "$target/release/streaming-server" --rtmp 127.0.0.1:0 --http 127.0.0.1:0 --rtsp 127.0.0.1:0 --no-demo "$@" >"$tmp/server.log" 2>&1 &
        server=$!
        started+=("$server")
        sleep 1
        port=$(sed -n 's/.*RTSP listening on rtsp:.*:\([0-9]*\)$/\1/p' "$tmp/server.log")
        url=rtsp://127.0.0.1:$port/live/bench
        ffmpeg -v error -re -i "$tmp/clip.mp4" -c copy -f rtsp -rtsp_transport tcp "$url" </dev/null >"$tmp/ffmpeg.log" 2>&1 &
        started+=($!)
        sleep 3
        measure "$url" "$server" "fluvial-$way" "${udp[@]}"
    done
done

# Medians, and the ratios of them.
awk '
    { for (i = 1; i < NF; i++) if ($i == "ms/Mbit") cost[$1, ++count[$1]] = $(i - 1) + 0 }
    function median(name,    i, j, n, t) {
        n = count[name]
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (cost[name, j] < cost[name, i]) { t = cost[name, i]; cost[name, i] = cost[name, j]; cost[name, j] = t }
        return cost[name, int((n + 1) / 2)]
    }
    END {
        split("tcp udp", ways, " ")
        for (w = 1; w <= 2; w++) {
            g = median("gst-" ways[w]); f = median("fluvial-" ways[w])
            printf "%s: median ms CPU per delivered Mbit: gst-rtsp-server %.4f, fluvial %.4f, ratio %.2f\n", ways[w], g, f, f / g
        }
    }
' "$tmp/table"
