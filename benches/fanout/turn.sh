#!/usr/bin/env bash
# What it costs to relay datagrams by TURN: our P2P server beside coturn, in turns, with coturn's own client. Each message goes through
# two relays. Needs coturn (its server and turnutils_uclient).
#
#   benches/fanout/turn.sh [--clients "20 100"] [--messages 1000] [--rounds 1] [--ways "udp tcp"]
set -euo pipefail
cd "$(dirname "$0")/../.."

clients="20 100" messages=1000 rounds=1 ways="udp tcp"
while [ $# -gt 0 ]; do
    case $1 in
        --clients) clients=$2 ;;
        --messages) messages=$2 ;;
        --rounds) rounds=$2 ;;
        --ways) ways=$2 ;;
        *) echo "unknown option $1" >&2; exit 2 ;;
    esac
    shift 2
done
[ -n "${P2P_BIN:-}" ] || cargo build --quiet --release -p fluvial-p2p
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
p2p=${P2P_BIN:-$target/release/p2p}

server='' log=$(mktemp)
stop() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true
    server=
}
trap 'stop; rm -f "$log"' EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

start() {
    if [ "$1" = p2p ]; then
        "$p2p" --http 127.0.0.1:0 --turn "127.0.0.1:$port" --secret north --allow-private --user-quota 10000 2>/dev/null &
    else
        turnserver -n --no-cli --no-tls --no-dtls --listening-ip 127.0.0.1 --relay-ip 127.0.0.1 -p "$port" --allow-loopback-peers \
            --use-auth-secret --static-auth-secret north --realm fluvial --log-file /dev/null >/dev/null 2>&1 &
    fi
    server=$!
    sleep 1
}

echo "| server | way | clients | messages | lost | round trip, ms | CPU, ms | CPU per message, us | most memory, MB |"
echo "|---|---|---|---|---|---|---|---|---|"
for ((round = 0; round < rounds; round++)); do
    for way in $ways; do
        for count in $clients; do
            for name in p2p coturn; do
                start "$name"
                option=
                [ "$way" = udp ] || option=-t
                turnutils_uclient -y -c $option -W north -u ann -p "$port" -m "$count" -n "$messages" -l 1000 -z 2 127.0.0.1 >"$log" 2>&1 || true
                cpu=$(cat /proc/"$server"/task/*/schedstat | awk '{ ns += $1 } END { printf "%.0f", ns / 1e6 }')
                memory=$(awk '/VmHWM/ { printf "%.1f", $2 / 1024 }' /proc/"$server"/status)
                awk -v name="$name" -v way="$way" -v count="$count" -v cpu="$cpu" -v memory="$memory" '
                    match($0, /tot_recv_msgs=[0-9]+$/) { got = substr($0, RSTART + 14) }
                    /Total lost packets/ { lost = $6 }
                    /Average round trip/ { trip = $7 }
                    END { printf "| %s | %s | %d | %d | %s | %.2f | %d | %.1f | %s |\n", name, way, count, got, lost, trip, cpu, cpu * 1000 / got, memory }' "$log"
                stop
            done
        done
    done
done
