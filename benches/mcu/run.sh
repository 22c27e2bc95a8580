#!/usr/bin/env bash
# What a room costs: participants of 360p in, one mix of 720p out. Our MCU beside the same job built from GStreamer's elements, with its two
# encoders of H.264, in turns. GStreamer reads its participants from files, so that it has no network to pay for, and gives one mix; the MCU
# takes them by RTMP. Needs ffmpeg, python3 and GStreamer with its good, bad, ugly and libav plugins.
#
#   benches/mcu/run.sh [--people 4] [--seconds 20] [--rounds 2]
#   MCU=target/release/mcu measures that binary instead of building one
set -euo pipefail
cd "$(dirname "$0")/../.."
people=4 seconds=20 rounds=2
while [ $# -gt 0 ]; do
    case "$1" in
        --people) people=$2 ;;
        --seconds) seconds=$2 ;;
        --rounds) rounds=$2 ;;
        *) echo "unknown: $1" >&2; exit 1 ;;
    esac
    shift 2
done
mcu=${MCU:-target/release/mcu}
[ -n "${MCU:-}" ] || cargo build --release --locked -p fluvial-mcu --bin mcu
tmp=$(mktemp -d)
started=()
trap 'for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done; rm -rf "$tmp"' EXIT

clip=$tmp/clip.flv
ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=640x360:r=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t $((seconds + 30)) \
    -c:v libx264 -preset veryfast -tune zerolatency -b:v 600k -g 50 -pix_fmt yuv420p -c:a aac -ac 2 -b:a 96k "$clip"

# Seconds of processor time so far.
used() { awk -v hertz="$(getconf CLK_TCK)" '{ print ($14 + $15) / hertz }' "/proc/$1/stat"; }

# Waits until it runs evenly, and tells the processor time that it takes of each second.
measure() {
    local before
    sleep 5
    before=$(used "$1")
    sleep "$seconds"
    awk -v after="$(used "$1")" -v before="$before" -v seconds="$seconds" 'BEGIN { printf "%.3f", (after - before) / seconds }'
}

end() {
    for id in "${started[@]}"; do kill "$id" 2>/dev/null || true; done
    for id in "${started[@]}"; do wait "$id" 2>/dev/null || true; done
    started=()
}

fluvial() {
    "$mcu" --http 127.0.0.1:0 --udp 127.0.0.1:0 --rtmp 127.0.0.1:0 --rtsp 127.0.0.1:0 2>"$tmp/mcu.log" &
    local id=$! rtmp http
    started+=("$id")
    until http=$(grep -o 'HTTP listening on http://[0-9.:]*' "$tmp/mcu.log" 2>/dev/null); do sleep 0.1; done
    rtmp=$(grep -o 'rtmp://[0-9.:]*' "$tmp/mcu.log" | head -1)
    for ((person = 1; person <= people; person++)); do
        ffmpeg -nostdin -v error -re -stream_loop -1 -i "$clip" -c copy -f flv "$rtmp/room/bench?name=p$person" 2>/dev/null &
        started+=("$!")
    done
    sleep 1
    ffmpeg -nostdin -v error -i "$rtmp/room/bench" -c copy -f null - 2>/dev/null &
    started+=("$!")
    measure "$id"
    python3 - "${http#HTTP listening on }/metrics" >"$tmp/shares" <<'PY'
import re, sys, urllib.request
text = urllib.request.urlopen(sys.argv[1]).read().decode()
work = {kind: float(value) for kind, value in re.findall(r'mcu_work_seconds_total\{.*?work="(\w+)"\} (\S+)', text)}
whole = sum(work.values())
print(", ".join(f"{kind} {100 * value / whole:.0f} %" for kind, value in work.items()))
PY
    end
}

gstreamer() {
    local columns=1 line="compositor name=c" x y
    while ((columns * columns < people)); do columns=$((columns + 1)); done
    for ((person = 0; person < people; person++)); do
        x=$((person % columns * 1280 / columns)) y=$((person / columns * 720 / columns))
        line+=" sink_$person::xpos=$x sink_$person::ypos=$y sink_$person::width=$((1280 / columns)) sink_$person::height=$((720 / columns))"
    done
    line+=" ! video/x-raw,format=I420,width=1280,height=720,framerate=25/1 ! $1 ! h264parse ! queue ! m. audiomixer name=a ! audioconvert ! avenc_aac bitrate=128000 ! aacparse ! queue ! m. flvmux name=m streamable=true ! fakesink sync=true"
    for ((person = 0; person < people; person++)); do
        line+=" filesrc location=$clip ! flvdemux name=d$person d$person.video ! queue ! h264parse ! openh264dec ! queue ! c.sink_$person d$person.audio ! queue ! aacparse ! avdec_aac ! audioconvert ! audio/x-raw,rate=48000,channels=2 ! queue ! a."
    done
    # Words are to be split.
    # shellcheck disable=SC2086
    gst-launch-1.0 -q $line >"$tmp/gst.log" 2>&1 &
    local id=$!
    started+=("$id")
    measure "$id"
    end
}

echo "$people participants of 640x360, one mix of 1280x720 at 25 pictures and 1.5 Mbit per second; processor seconds per second:"
for ((round = 1; round <= rounds; round++)); do
    ours=$(fluvial)
    echo "  fluvial mcu                 $ours   ($(cat "$tmp/shares"))"
    for encoder in "openh264enc bitrate=1500000 complexity=low" "x264enc bitrate=1500 speed-preset=superfast tune=zerolatency"; do
        theirs=$(gstreamer "$encoder")
        printf '  GStreamer, %-16s %s\n' "${encoder%% *}" "$theirs"
    done
    awk -v ours="$ours" -v people="$people" 'BEGIN { printf "  participants of a core: %.1f\n", people / ours }'
done
