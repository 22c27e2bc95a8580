#!/usr/bin/env bash
# What a room costs: participants of 360p or 720p in, one mix of 720p out. Our MCU beside the same job built from GStreamer's elements, with its
# two encoders of H.264, in turns; then 100 participants of sound alone, and a room that nobody listens to. GStreamer reads its participants from
# files, so that it has no network to pay for, and gives one mix; the MCU takes them by RTMP. Needs ffmpeg, python3 and GStreamer with its good,
# bad, ugly and libav plugins. Prints a table, and draws capacity.svg beside this file. Takes less than four minutes.
#
#   benches/mcu/run.sh [--seconds 6] [--small "2 4 6"] [--large "1 2 3"]
#   MCU=target/release/mcu measures that binary instead of building one
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=6 small="2 4 6" large="1 2 3"
while [ $# -gt 0 ]; do
    case "$1" in
        --seconds) seconds=$2 ;;
        --small) small=$2 ;;
        --large) large=$2 ;;
        *) echo "unknown: $1" >&2; exit 1 ;;
    esac
    shift 2
done
mcu=${MCU:-target/release/mcu}
[ -n "${MCU:-}" ] || cargo build --release --locked -p fluvial-mcu --bin mcu
tmp=$(mktemp -d)
started=()
trap 'for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done; rm -rf "$tmp"' EXIT

for edges in 640x360:600k 1280x720:1500k; do
    ffmpeg -nostdin -v error -f lavfi -i "testsrc2=s=${edges%:*}:r=25" -f lavfi -i sine=frequency=440:sample_rate=48000 -t 16 \
        -c:v libx264 -preset veryfast -tune zerolatency -b:v "${edges#*:}" -g 50 -pix_fmt yuv420p -c:a aac -ac 2 -b:a 96k "$tmp/${edges%:*}.flv"
done
ffmpeg -nostdin -v error -i "$tmp/640x360.flv" -vn -c copy "$tmp/sound.flv"

# Seconds of processor time so far.
used() { awk -v hertz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hertz }' "/proc/$1/stat"; }

# Waits until it runs evenly, and tells the processor time that it takes of each second.
measure() {
    local before
    sleep 3
    before=$(used "$1")
    sleep "$seconds"
    awk -v after="$(used "$1")" -v before="$before" -v seconds="$seconds" 'BEGIN { printf "%.3f", (after - before) / seconds }'
}

end() {
    for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done
    for id in "${started[@]}"; do wait "$id" 2>/dev/null || true; done
    started=()
}

# Starts our MCU; $id is its process, $rtmp and $http are its addresses.
mcu() {
    "$mcu" --http 127.0.0.1:0 --udp 127.0.0.1:0 --rtmp 127.0.0.1:0 --rtsp 127.0.0.1:0 2>"$tmp/mcu.log" &
    id=$!
    started+=("$id")
    until http=$(grep -o 'HTTP listening on http://[0-9.:]*' "$tmp/mcu.log" 2>/dev/null); do sleep 0.1; done
    http=${http#HTTP listening on }
    rtmp=$(grep -o 'rtmp://[0-9.:]*' "$tmp/mcu.log" | head -1)
}

# So many publishers of a file, in one process.
publish() {
    local to="" person
    for ((person = 1; person <= $2; person++)); do
        to+="|[f=flv:onfail=abort]$rtmp/room/bench?name=p$person"
    done
    ffmpeg -nostdin -v error -re -stream_loop -1 -i "$1" -map 0 -c copy -f tee "${to#|}" 2>/dev/null &
    started+=("$!")
}

watch() {
    ffmpeg -nostdin -v error -i "$rtmp/room/bench" -c copy -f null - 2>/dev/null &
    started+=("$!")
}

fluvial() {
    local id rtmp http
    mcu
    publish "$1" "$2"
    sleep 1
    watch
    measure "$id"
    python3 - "$http/metrics" >"$tmp/shares" <<'PY'
import re, sys, urllib.request
text = urllib.request.urlopen(sys.argv[1]).read().decode()
work = {kind: float(value) for kind, value in re.findall(r'mcu_work_seconds_total\{.*?work="(\w+)"\} (\S+)', text)}
whole = sum(work.values())
print("\t".join(f"{100 * work[kind] / whole:.0f}" for kind in ("decode", "scale", "mix", "encode")))
PY
    end
}

# Measures a pipeline of GStreamer.
launch() {
    # Words are to be split.
    # shellcheck disable=SC2086
    gst-launch-1.0 -q $1 >"$tmp/gst.log" 2>&1 &
    local id=$!
    started+=("$id")
    measure "$id"
    end
}

gstreamer() {
    local clip=$1 people=$2 columns=1 line="compositor name=c" x y
    while ((columns * columns < people)); do columns=$((columns + 1)); done
    for ((person = 0; person < people; person++)); do
        x=$((person % columns * 1280 / columns)) y=$((person / columns * 720 / columns))
        line+=" sink_$person::xpos=$x sink_$person::ypos=$y sink_$person::width=$((1280 / columns)) sink_$person::height=$((720 / columns))"
    done
    line+=" ! video/x-raw,format=I420,width=1280,height=720,framerate=25/1 ! $3 ! h264parse ! queue ! m. audiomixer name=a ! audioconvert ! avenc_aac bitrate=128000 ! aacparse ! queue ! m. flvmux name=m streamable=true ! fakesink sync=true"
    for ((person = 0; person < people; person++)); do
        line+=" filesrc location=$clip ! flvdemux name=d$person d$person.video ! queue ! h264parse ! openh264dec ! queue ! c.sink_$person d$person.audio ! queue ! aacparse ! avdec_aac ! audioconvert ! audio/x-raw,rate=48000,channels=2 ! queue ! a."
    done
    launch "$line"
}

# 100 people who only speak, and are heard in one mix.
voices() {
    local id rtmp http
    mcu
    publish "$tmp/sound.flv" 100
    sleep 3
    curl -s -X PUT -d '{"mode": "audio"}' "$http/api/rooms/bench/layout" >/dev/null
    watch
    measure "$id"
    end
}

their_voices() {
    local line="audiomixer name=a ! audioconvert ! avenc_aac bitrate=128000 ! aacparse ! flvmux streamable=true ! fakesink sync=true" person
    for ((person = 0; person < 100; person++)); do
        line+=" filesrc location=$tmp/sound.flv ! flvdemux ! queue ! aacparse ! avdec_aac ! audioconvert ! audio/x-raw,rate=48000,channels=2 ! queue ! a."
    done
    launch "$line"
}

idle() {
    local id rtmp http
    mcu
    publish "$tmp/640x360.flv" 1
    sleep 1
    # Nothing is asked for: what this costs is taking in, not mixing.
    measure "$id"
    end
}

# One whose room is empty, and one who waits for nobody.
empty() {
    local id rtmp http
    mcu
    measure "$id"
    end
}

table=$tmp/table
echo "One mix of 1280x720 at 25 pictures and 1.5 Mbit per second; processor seconds per second:"
printf '%-10s %7s %8s %12s %8s   %s\n' size people fluvial openh264enc x264enc "ours: decode, scale, mix, encode in %"
for size in 640x360 1280x720; do
    counts=$small
    [ "$size" = 640x360 ] || counts=$large
    for people in $counts; do
        ours=$(fluvial "$tmp/$size.flv" "$people")
        open=$(gstreamer "$tmp/$size.flv" "$people" "openh264enc bitrate=1500000 complexity=low")
        x264=$(gstreamer "$tmp/$size.flv" "$people" "x264enc bitrate=1500 speed-preset=superfast tune=zerolatency")
        printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$size" "$people" "$ours" "$open" "$x264" "$(cat "$tmp/shares")" >>"$table"
        printf '%-10s %7s %8s %12s %8s   %s\n' "$size" "$people" "$ours" "$open" "$x264" "$(tr '\t' ' ' <"$tmp/shares")"
    done
done
python3 benches/mcu/plot.py <"$table" benches/mcu/capacity.svg
echo "100 participants of sound alone (AAC in, one mix of AAC out): $(voices), GStreamer $(their_voices)"
echo "one participant that nobody listens to: $(idle); nobody: $(empty)"
