#!/usr/bin/env bash
# What it costs to forward one publisher of 600 kbit/s to many subscribers by WebRTC: our SFU beside Janus's videoroom, in turns, with the
# same load generator, the server on one processor and the generator on the other. Needs ffmpeg, taskset, and Janus (Debian: janus).
#
#   benches/fanout/sfu.sh [--subscribers "100 200"] [--seconds 10] [--rounds 1] [--only sfu|janus] [--plot FILE.svg] [-- OPTIONS OF sfu]
set -euo pipefail
cd "$(dirname "$0")/../.."

counts="100 200 400" seconds=10 rounds=1 only= plot=
while [ $# -gt 0 ]; do
    case $1 in
        --subscribers) counts=$2; shift 2 ;;
        --seconds) seconds=$2; shift 2 ;;
        --rounds) rounds=$2; shift 2 ;;
        --only) only=$2; shift 2 ;;
        --plot) plot=$2; shift 2 ;;
        --) shift; break ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
done

[ -n "${SFU_BIN:-}" ] || cargo build --quiet --release -p fluvial-sfu
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
bin=${SFU_BIN:-$target/release}
ulimit -n "$(ulimit -Hn)"

tmp=$(mktemp -d)
server=
stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true
    server=
}
trap 'stop; rm -rf "$tmp"' EXIT

# 600 kbit/s at a constant rate: 360p at 25 pictures per second, a keyframe every 2 seconds.
clip=${SFU_CLIP:-$target/sfu-clip.mp4}
[ -f "$clip" ] || ffmpeg -v error -y -f lavfi -i "testsrc2=s=640x360:r=25:d=20,noise=alls=12:allf=t" -c:v libx264 -preset veryfast -profile:v baseline \
    -bf 0 -g 50 -sc_threshold 0 -b:v 600k -minrate 600k -maxrate 600k -bufsize 300k -x264-params nal-hrd=cbr -pix_fmt yuv420p -movflags +faststart "$clip"

# The address that both take: Janus has no candidates on loopback.
host=$(hostname -I | cut -d' ' -f1)
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
on_first="taskset -c 0" on_second="taskset -c 1"
[ "$(nproc)" -ge 2 ] || on_first="" on_second=""

load() {
    $on_second "$bin/sfu-load" "$1" --kind "$2" --name "$3" --subscribers "$4" --file "$clip" --pid "$server" --seconds "$seconds" | tee -a "$tmp/table"
}

start_janus() {
    local port folder
    port=$(free_port)
    mkdir -p "$tmp/janus"
    printf '%s\n' "general: { debug_level = 2; session_timeout = 0; protected_folders = []; }" \
        "nat: { ice_lite = true; ice_enforce_list = \"$host\"; }" "media: { rtp_port_range = \"20000-50000\"; }" \
        "plugins: { disable = \"$(cd "$(janus_folder plugins)" && ls ./*.so | grep -v videoroom | sed 's|^./||' | paste -sd,)\"; }" \
        "transports: { disable = \"$(cd "$(janus_folder transports)" && ls ./*.so | grep -v http | sed 's|^./||' | paste -sd,)\"; }" \
        "events: { broadcast = false; }" >"$tmp/janus/janus.jcfg"
    printf '%s\n' "general: { json = \"compact\"; base_path = \"/janus\"; http = true; port = $port; https = false; }" "admin: { admin_http = false; }" \
        >"$tmp/janus/janus.transport.http.jcfg"
    : >"$tmp/janus/janus.plugin.videoroom.jcfg"
    $on_first janus -F "$tmp/janus" -C "$tmp/janus/janus.jcfg" >"$tmp/janus.log" 2>&1 &
    server=$!
    url=http://$host:$port/janus
    until curl -sf "$url/info" >/dev/null; do kill -0 "$server" || { cat "$tmp/janus.log"; exit 1; }; sleep 0.1; done
}
janus_folder() { find /usr/lib /usr/local/lib /opt -path "*janus/$1" -type d 2>/dev/null | head -1; }

start_sfu() {
    : >"$tmp/sfu.log"
    $on_first "$bin/sfu" --http "$host:0" --udp "$host:0" --workers 1 --max-peers 10000 "$@" 2>"$tmp/sfu.log" &
    server=$!
    until grep -q "HTTP listening" "$tmp/sfu.log"; do kill -0 "$server" || { cat "$tmp/sfu.log"; exit 1; }; sleep 0.1; done
    url=$(sed -n 's/.*HTTP listening on //p' "$tmp/sfu.log")
}

for ((round = 1; round <= rounds; round++)); do
    for count in $counts; do
        if [ "$only" != sfu ]; then
            start_janus
            load "$url" janus janus "$count" || true
            stop
        fi
        if [ "$only" != janus ]; then
            start_sfu "$@"
            load "$url" whip fluvial "$count" || true
            stop
        fi
    done
done

# For each number of subscribers the medians of both, and how many times as many consumers ours has on a core.
awk '
    { for (i = 3; i <= NF; i++) { if ($i == "ms/Mbit") c[$1, $2, ++k[$1, $2]] = $(i - 1) + 0 } sizes[$2] = 1 }
    function median(a, b,    n, i, j, t) {
        n = k[a, b]
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (c[a, b, j] < c[a, b, i]) { t = c[a, b, i]; c[a, b, i] = c[a, b, j]; c[a, b, j] = t }
        return n ? c[a, b, int((n + 1) / 2)] : 0
    }
    END { for (n in sizes) { j = median("janus", n); f = median("fluvial", n); if (j && f) printf "%s subscribers: median ms/Mbit janus %.4f, fluvial %.4f; ours serves %.2f times as many\n", n, j, f, j / f } }
' "$tmp/table"
[ -z "$plot" ] || python3 benches/fanout/plot.py "$plot" <"$tmp/table"
