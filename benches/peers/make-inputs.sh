#!/usr/bin/env bash
# Generates every input the peer benchmark reads, into ./inputs (about 550 MB).
# Needs ffmpeg with libx264, aac, ac3, eac3, mpeg2video, libmp3lame. Safe to re-run: existing files are kept.
set -euo pipefail
cd "$(dirname "$0")"
out="${BENCH_INPUTS:-inputs}"
mkdir -p "$out"
ff() { ffmpeg -hide_banner -nostdin -loglevel error -y "$@"; }
have() { [ -s "$out/$1" ]; }

# 1. Source clip: 720p30, ~16 Mbit/s, 50 s => ~100 MB of H.264, 1 s GOPs, AAC stereo.
have src.mp4 || ff \
  -f lavfi -i "testsrc2=size=1280x720:rate=30,noise=alls=12:allf=t" \
  -f lavfi -i "sine=frequency=440:sample_rate=48000" \
  -t 50 -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 30 -bf 0 \
  -b:v 16M -minrate 16M -maxrate 16M -bufsize 16M -x264-params "slices=4:nal-hrd=none" \
  -c:a aac -b:a 128k -ac 2 -movflags +faststart "$out/src.mp4"

# 2. Elementary streams and re-muxes of the same access units.
have video.h264 || ff -i "$out/src.mp4" -map 0:v -c copy -bsf:v h264_mp4toannexb -f h264 "$out/video.h264"
have audio.aac  || ff -i "$out/src.mp4" -map 0:a -c copy -f adts "$out/audio.aac"
have audio.ac3  || ff -i "$out/src.mp4" -map 0:a -c:a ac3 -b:a 192k "$out/audio.ac3"
have audio.eac3 || ff -i "$out/src.mp4" -map 0:a -c:a eac3 -b:a 192k "$out/audio.eac3"
have audio.mp3  || ff -i "$out/src.mp4" -map 0:a -c:a libmp3lame -q:a 4 -id3v2_version 0 "$out/audio.mp3"
have video.m2v  || ff -i "$out/src.mp4" -map 0:v -t 20 -c:v mpeg2video -bf 2 -g 15 -b:v 16M -f mpeg2video "$out/video.m2v"
have av.ts      || ff -i "$out/src.mp4" -c copy -f mpegts "$out/av.ts"
have av.flv     || ff -i "$out/src.mp4" -c copy -f flv "$out/av.flv"
have av.frag.mp4 || ff -i "$out/src.mp4" -c copy \
  -movflags +frag_keyframe+empty_moov+default_base_moof "$out/av.frag.mp4"

# 3. One hour of samples: small pictures, so that the tables outweigh them.
have minute.mp4 || ff -f lavfi -i "testsrc2=size=160x90:rate=30" \
  -f lavfi -i "sine=frequency=440:sample_rate=48000" -t 60 \
  -c:v libx264 -preset ultrafast -g 60 -bf 2 -crf 45 -c:a aac -b:a 32k "$out/minute.mp4"
have hour.mp4 || ff -stream_loop 59 -i "$out/minute.mp4" -c copy -movflags +faststart "$out/hour.mp4"

# 4. Text: a media playlist of 10 000 segments.
have media.m3u8 || awk 'BEGIN{
  print "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:1000\n#EXT-X-PLAYLIST-TYPE:EVENT";
  print "#EXT-X-MAP:URI=\"init.mp4\"";
  for(i=0;i<10000;i++){
    if(i%100==0) printf "#EXT-X-PROGRAM-DATE-TIME:2026-01-01T%02d:%02d:%02d.000Z\n", int(i*6/3600)%24, int(i*6/60)%60, (i*6)%60;
    if(i%1000==999) print "#EXT-X-DISCONTINUITY";
    printf "#EXTINF:%.5f,\nsegment_%08d.m4s?token=abcdef0123456789\n", 5.9+(i%7)/50, i+1000;
  } print "#EXT-X-ENDLIST" }' > "$out/media.m3u8"
ls -l "$out"
