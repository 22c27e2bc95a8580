#!/usr/bin/env bash
# What it costs to give one stream to many RTMP players: our streaming server beside nginx with its RTMP module, the
# same publisher and the same players, in turns. Needs ffmpeg, nginx and the module (libnginx-mod-rtmp).
#
#   benches/fanout/run.sh [--players 200] [--seconds 20] [--rounds 3] [-- SERVER OPTIONS]
set -euo pipefail
cd "$(dirname "$0")/../.."
. benches/fanout/common.sh

module=
for folder in /usr/lib/nginx/modules /usr/lib64/nginx/modules /usr/local/libexec/nginx; do
    [ -f "$folder/ngx_rtmp_module.so" ] && module=$folder/ngx_rtmp_module.so
done
[ -n "$module" ] || { echo "nginx's RTMP module is not installed" >&2; exit 1; }

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

publish() {
    ffmpeg -v error -re -stream_loop -1 -i "$clip" -c copy -f flv "$1" </dev/null >"$tmp/ffmpeg.log" 2>&1 &
    started+=($!)
    sleep 3
}

for ((round = 1; round <= rounds; round++)); do
    port=$(free_port)
    url=rtmp://127.0.0.1:$port/live/bench
    printf '%s\n' "load_module $module;" "daemon off; master_process off; error_log $tmp/nginx.log; pid $tmp/nginx.pid;" \
        "events { worker_connections 4096; }" "rtmp { access_log off; server { listen 127.0.0.1:$port; application live { live on; } } }" >"$tmp/nginx.conf"
    nginx -c "$tmp/nginx.conf" -e "$tmp/nginx.log" &
    nginx=$!
    started+=("$nginx")
    sleep 1
    publish "$url"
    measure "$url" "$nginx" nginx

    start_server
    url=rtmp://127.0.0.1:$(port_of RTMP)/live/bench
    publish "$url"
    measure "$url" "$server" fluvial
done
compare nginx fluvial
