# What both comparisons share: sourced with the arguments, from the workspace's folder. Leaves `players`, `seconds`, `rounds`, `rest` (options for
# our server), `target`, `clip`, `tmp`, and the functions below.

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
rest=("$@")

cargo build --quiet --release -p fluvial-streaming-server -p fluvial-fanout-bench
target=$(cargo metadata --format-version 1 --no-deps | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')

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

# Starts our server with the options; `server` is its process.
start_server() {
    "$target/release/streaming-server" --rtmp 127.0.0.1:0 --http 127.0.0.1:0 --no-demo "$@" "${rest[@]}" >"$tmp/server.log" 2>&1 &
    server=$!
    started+=("$server")
    sleep 1
}

# Where it speaks the protocol $1.
port_of() { sed -n "s/.*$1 listening on .*:\\([0-9]*\\)\$/\\1/p" "$tmp/server.log"; }

# Has the players play $1, measures the process $2 under the name $3, and stops everything; $4... are the players' options.
measure() {
    "$target/release/fanout-bench" "$1" --pid "$2" --name "$3" --players "$players" --seconds "$seconds" --ticks "$(getconf CLK_TCK)" "${@:4}" |
        tee -a "$tmp/table"
    stop
}

# The ratio of the medians of the names $1 (theirs) and $2 (ours).
compare() {
    awk -v theirs="$1" -v ours="$2" '
        { for (i = 1; i < NF; i++) if ($i == "ms/Mbit") cost[$1, ++count[$1]] = $(i - 1) + 0 }
        function median(name,    i, j, n, t) {
            n = count[name]
            for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (cost[name, j] < cost[name, i]) { t = cost[name, i]; cost[name, i] = cost[name, j]; cost[name, j] = t }
            return cost[name, int((n + 1) / 2)]
        }
        END { t = median(theirs); o = median(ours); printf "median ms CPU per delivered Mbit: %s %.4f, %s %.4f, ratio %.2f\n", theirs, t, ours, o, o / t }
    ' "$tmp/table"
}
