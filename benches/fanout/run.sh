#!/usr/bin/env bash
# What it costs to give one stream to many RTMP players: our streaming server beside nginx with its RTMP module, the
# same publisher and the same players, in turns. Needs ffmpeg, nginx and the module (libnginx-mod-rtmp).
#
#   benches/fanout/run.sh [--players 200] [--seconds 20] [--rounds 3] [-- SERVER OPTIONS]
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
module=
for folder in /usr/lib/nginx/modules /usr/lib64/nginx/modules /usr/local/libexec/nginx; do
    [ -f "$folder/ngx_rtmp_module.so" ] && module=$folder/ngx_rtmp_module.so
done
[ -n "$module" ] || { echo "nginx's RTMP module is not installed" >&2; exit 1; }

tmp=$(mktemp -d)
started=()
stop() {
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${started[@]}"; do wait "$pid" 2>/dev/null || true; done
    started=()
}
trap 'stop; rm -rf "$tmp"' EXIT

# 4 Mbit/s at a constant rate: 720p at 30 pictures per second, a keyframe every 2 seconds, and AAC.
clip=${FANOUT_CLIP:-$target/fanout-clip.flv}
[ -f "$clip" ] || ffmpeg -v error -y -f lavfi -i "testsrc2=s=1280x720:r=30:d=20,noise=alls=12:allf=t" -f lavfi -i "sine=220:r=48000:d=20" \
    -c:v libx264 -preset veryfast -g 60 -sc_threshold 0 -b:v 3870k -minrate 3870k -maxrate 3870k -bufsize 1935k -x264-params nal-hrd=cbr \
    -pix_fmt yuv420p -c:a aac -b:a 128k -f flv "$clip"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# Publishes to $1 and measures the process $2 under the name $3.
measure() {
    ffmpeg -v error -re -stream_loop -1 -i "$clip" -c copy -f flv "$1" </dev/null >"$tmp/ffmpeg.log" 2>&1 &
    started+=($!)
    sleep 3
    "$bench" "$1" --pid "$2" --name "$3" --players "$players" --seconds "$seconds" --ticks "$(getconf CLK_TCK)" | tee -a "$tmp/table"
    stop
}

for ((round = 1; round <= rounds; round++)); do
    port=$(free_port)
    printf '%s\n' "load_module $module;" "daemon off; master_process off; error_log $tmp/nginx.log; pid $tmp/nginx.pid;" \
        "events { worker_connections 4096; }" "rtmp { access_log off; server { listen 127.0.0.1:$port; application live { live on; } } }" >"$tmp/nginx.conf"
    nginx -c "$tmp/nginx.conf" -e "$tmp/nginx.log" &
    nginx=$!
    started+=("$nginx")
    sleep 1
    measure "rtmp://127.0.0.1:$port/live/bench" "$nginx" nginx

    "$target/release/streaming-server" --rtmp 127.0.0.1:0 --http 127.0.0.1:0 --no-demo "$@" >"$tmp/server.log" 2>&1 &
    server=$!
    started+=("$server")
    sleep 1
    port=$(sed -n 's/.*RTMP listening on rtmp:.*:\([0-9]*\)$/\1/p' "$tmp/server.log")
    measure "rtmp://127.0.0.1:$port/live/bench" "$server" fluvial
done

# Medians, and the ratio of them.
awk '
    { for (i = 1; i < NF; i++) if ($i == "ms/Mbit") cost[$1, ++count[$1]] = $(i - 1) + 0 }
    function median(name,    i, j, n, t) {
        n = count[name]
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (cost[name, j] < cost[name, i]) { t = cost[name, i]; cost[name, i] = cost[name, j]; cost[name, j] = t }
        return cost[name, int((n + 1) / 2)]
    }
    END { n = median("nginx"); f = median("fluvial"); printf "median ms CPU per delivered Mbit: nginx %.4f, fluvial %.4f, ratio %.2f\n", n, f, f / n }
' "$tmp/table"
