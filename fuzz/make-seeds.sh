#!/usr/bin/env bash
# Makes the seeds anew. Needs ffmpeg with libx264, libmp3lame, aac, ac3 and eac3.
set -euo pipefail
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
ffmpeg -v error -f lavfi -i testsrc2=size=64x64:rate=10 -f lavfi -i sine=sample_rate=8000 -t 1 \
    -c:v libx264 -g 5 -bf 2 -crf 40 -c:a aac -b:a 8k -movflags frag_keyframe+empty_moov+default_base_moof "$tmp/tiny.mp4"
cargo run -q --example seeds -- "$tmp/tiny.mp4"
mkdir -p seeds/mp4_movie
cp "$tmp/tiny.mp4" seeds/mp4_movie/fragmented
ffmpeg -v error -i "$tmp/tiny.mp4" -c copy -y -f mp4 seeds/mp4_movie/moov_last
ffmpeg -v error -i "$tmp/tiny.mp4" -c copy -movflags faststart -y -f mp4 seeds/mp4_movie/moov_first
mkdir -p seeds/ac3_frames seeds/hls_playlist seeds/mpeg2_audio seeds/mpeg2_video
for codec in ac3 eac3; do
    ffmpeg -v error -y -f lavfi -i sine=sample_rate=32000 -t 0.2 -c:a $codec -b:a 32k -f $codec "seeds/ac3_frames/$codec"
done
for format in mp2 mp3; do
    ffmpeg -v error -y -f lavfi -i sine=sample_rate=16000 -t 0.3 -b:a 32k -id3v2_version 0 -f $format "seeds/mpeg2_audio/$format"
done
for codec in mpeg1video mpeg2video; do
    ffmpeg -v error -y -f lavfi -i testsrc2=size=32x32:rate=25 -t 0.4 -c:v $codec -g 5 -bf 2 -b:v 10k -f $codec "seeds/mpeg2_video/$codec"
done
mkdir -p seeds/mpegts_demux seeds/mpegts_mux
ffmpeg -v error -y -f lavfi -i testsrc2=size=32x32:rate=10 -f lavfi -i sine=sample_rate=16000 -t 0.4 \
    -c:v libx264 -g 5 -bf 2 -crf 45 -c:a aac -b:a 8k -f mpegts seeds/mpegts_demux/h264_aac
ffmpeg -v error -y -f lavfi -i testsrc2=size=32x32:rate=25 -f lavfi -i sine=sample_rate=16000 -t 0.3 \
    -c:v mpeg2video -b:v 10k -c:a mp2 -b:a 8k -f mpegts seeds/mpegts_demux/mpeg2_mp2
for seed in seeds/mpegts_demux/*; do
    { printf '\0' && cat "$seed"; } >"seeds/mpegts_mux/$(basename "$seed")"
done
# The first byte says which format the rest is.
mkdir -p seeds/elementary_demux seeds/media_codecs
elementary() {
    for seed in seeds/"$2"/*; do
        { printf '%b' "\\x0$1" && head -c 6000 "$seed"; } >"seeds/elementary_demux/$2_$(basename "$seed")"
    done
}
elementary 0 aac_frames
elementary 2 ac3_frames
elementary 3 mpeg2_audio
elementary 4 mpeg2_video
elementary 5 h264_stream
# Records as ffmpeg writes them for libx265, libaom, libvpx, flac and libopus.
record() {
    xxd -r -p <<<"$2" >"seeds/media_codecs/$1"
}
record hvcc 0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003003c959809210001002b42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c84022000100074401c172b46240
record av1c 81000c000a0b000000043cfeccdaf90040
record av1 12000a0b000000043cfeccdaf90040320a1400a0b010d870024b42
record vp9 824983420013f00b36043824
record vp8 1062009d012a4001b40000070885
record dfla 80000022120012000004490004de0ac440f0000033aecd36f8ab0a878da30b37b9efb6c64d51
record dops 000601380000bb800000010402000401020305
record mpeg 000001b31601208302ce20a4
printf '#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0\n#EXT-X-PART-INF:PART-TARGET=0.33334\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-MAP:URI="init.mp4",BYTERANGE="700@0"\n#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x1f\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n#EXTINF:4.00008,title\n#EXT-X-BYTERANGE:75232@0\na.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-GAP\n#EXT-X-PART:DURATION=0.33334,URI="p.m4s",INDEPENDENT=YES\n#EXTINF:3.96,\nb.m4s\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="q.m4s"\n#EXT-X-RENDITION-REPORT:URI="../1.m3u8",LAST-MSN=273,LAST-PART=2\n#EXT-X-DATERANGE:ID="x",START-DATE="2026-01-01T00:00:00Z",X-A=1.5\n#EXT-X-UNKNOWN:1\n#EXT-X-ENDLIST\n' >seeds/hls_playlist/media
printf '#EXTM3U\n#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-DEFINE:NAME="v",VALUE="1"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="English",LANGUAGE="en",DEFAULT=YES,URI="a.m3u8",CHANNELS="2"\n#EXT-X-STREAM-INF:BANDWIDTH=1280000,AVERAGE-BANDWIDTH=1000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="a"\nlow.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=86000,URI="i.m3u8"\n#EXT-X-SESSION-DATA:DATA-ID="t",VALUE="x"\n' >seeds/hls_playlist/multivariant
# Sections: program association and map, service description; the targets mend lengths and checks.
mkdir -p seeds/mpegts_psi seeds/mpegts_scte35 seeds/mpegts_ps
section() {
    xxd -r -p <<<"$3" >"seeds/$1/$2"
}
section mpegts_psi pat 00b00d0001c100000001f000
section mpegts_psi pmt 02b02e0001c10000e100f0050504435545491be100f00628046400283f0fe101f0060a046465750006e102f0056a0340010250
section mpegts_psi sdt 42f0250001c10000ff01ff0001fc80144812010646466d7065670953657276696365303100
section mpegts_psi nit 40f0200001c10000f00640044e657431f00d00010002f0074105000101005a00
section mpegts_psi eit 4ef0300001c10000000100020001504e0001c07912450000013000801a4d1864657506014e616368720c1574657874c3a4
section mpegts_psi tot 73701ac079124500f00f580d444555020100e71d0100000200
section mpegts_scte35 time_signal fc3034000000000000fffff00506fe72bd0050001e021c435545494800008e7fcf0001a599b00808000000002ca0a18a340200
section mpegts_scte35 insert fc302f000000000000fffff014054800008f7feffe7369c02efe0052ccf500000000000a0008435545490000013500
section mpegts_scte35 mid fc306b00000000000000fff00506ff000000000055025343554549000000027fbf0d440a0c14778be5e3f60000000000000a0c14778be5e3f600000000000009265349474e414c3a4c79394d476c4b5230684656557470413064435556466e525546006e7a3137010300
section mpegts_scte35 schedule fc302000000000000000fff00f04010000000a7fff53a1b2c3000701020000
for codecs in "mpeg2video mp2" "mpeg1video ac3" "libx264 mp2"; do
    read -r video audio <<<"$codecs"
    ffmpeg -v error -y -f lavfi -i testsrc2=size=64x64:rate=25 -f lavfi -i sine=sample_rate=32000 -t 0.2 -c:v "$video" -b:v 10k \
        -c:a "$audio" -b:a 32k -f vob "$tmp/tiny.vob"
    head -c 12000 "$tmp/tiny.vob" >"seeds/mpegts_ps/$video"
done
# The seeds of rtmp_flv_file, rtmp_amf3, rtmp_tunnel and those of RTSP are a few bytes each, written by hand.
mkdir -p seeds/hls_client
{
    printf '#EXTM3U\n#EXT-X-DEFINE:NAME="v",VALUE="1"\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="E",LANGUAGE="en",DEFAULT=YES,URI="a.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=9,AUDIO="a"\nl{$v}.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=99,AUDIO="a"\nh.m3u8\n---\n'
    printf '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:3\n#EXT-X-MAP:URI="i",BYTERANGE="9@0"\n#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXTINF:4,\n#EXT-X-BYTERANGE:9@9\nx\n#EXT-X-BYTERANGE:9\n#EXTINF:4,\nx\n#EXT-X-GAP\n#EXTINF:4,\ny\n#EXT-X-DISCONTINUITY\n#EXTINF:4,\nz\n---\n'
    printf '#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:99\n#EXTINF:4,\nz\n---\n---\n#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-ENDLIST\n'
} >seeds/hls_client/variants
printf '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.5,CAN-BLOCK-RELOAD=YES\n#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n#EXT-X-PART:DURATION=0.5,URI="7.0",INDEPENDENT=YES\n#EXT-X-PART:DURATION=0.5,URI="7.1",BYTERANGE="5@5"\n#EXTINF:1,\n7\n#EXT-X-PART:DURATION=0.5,URI="8.0"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI="8.1"\n---\n#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:7\n#EXT-X-SKIP:SKIPPED-SEGMENTS=1\n#EXTINF:2,\n8\n#EXT-X-ENDLIST\n' >seeds/hls_client/low_latency

mkdir -p seeds/dash_mpd
cat >seeds/dash_mpd/timeline <<'MPD'
<?xml version="1.0"?><!-- c --><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" xmlns:cenc="urn:mpeg:cenc:2013" id="a" type="dynamic" profiles="p" minBufferTime="PT1.5S" availabilityStartTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:00:00+01:00" minimumUpdatePeriod="PT2S" timeShiftBufferDepth="PT1M"><BaseURL serviceLocation="x">a/</BaseURL><PatchLocation ttl="60">p</PatchLocation><ServiceDescription id="0"><Latency target="3000"/></ServiceDescription><Period id="0" start="PT0S"><EventStream schemeIdUri="urn:x" timescale="1000"><Event presentationTime="5" id="1">m&amp;<b/></Event></EventStream><AdaptationSet contentType="video" par="16:9" segmentAlignment="true"><ContentProtection schemeIdUri="urn:mpeg:dash:mp4protection:2011" value="cenc" cenc:default_KID="x"><cenc:pssh>AA==</cenc:pssh></ContentProtection><SegmentTemplate timescale="90000" presentationTimeOffset="9" media="$RepresentationID$/$Time%05d$.m4s" initialization="i"><SegmentTimeline><S t="9" d="180000" r="2"/><S d="5" k="2"/><S d="7" r="-1"/></SegmentTimeline></SegmentTemplate><Representation id="v" bandwidth="9" frameRate="30000/1001"/></AdaptationSet></Period><UTCTiming schemeIdUri="urn:mpeg:dash:utc:direct:2014" value="2026-01-01T00:00:00Z"/></MPD>
MPD
cat >seeds/dash_mpd/modes <<'MPD'
<m:MPD xmlns:m="urn:mpeg:dash:schema:mpd:2011" mediaPresentationDuration="PT9S"><m:Period duration="PT3S"><m:AdaptationSet mimeType="audio/mp4"><m:Representation id="a" bandwidth="1"><m:BaseURL>a.mp4</m:BaseURL><m:SegmentBase indexRange="10-99"><m:Initialization range="0-9"/></m:SegmentBase></m:Representation></m:AdaptationSet></m:Period><m:Period><m:AdaptationSet contentType="video"><m:SegmentList duration="2" startNumber="3"><m:SegmentURL media="1"/><m:SegmentURL mediaRange="1-2"/></m:SegmentList><m:Representation id="b" bandwidth="1"/></m:AdaptationSet><m:AdaptationSet contentType="text"><m:SegmentTemplate duration="2" endNumber="4" media="$Number$"/><m:Representation id="c" bandwidth="1"/></m:AdaptationSet></m:Period></m:MPD>
MPD
cat >seeds/dash_mpd/patch <<'MPD'
<Patch mpdId="a" originalPublishTime="2026-01-01T00:00:00Z" publishTime="2026-01-01T00:00:02Z"><replace sel="/MPD/@publishTime">2026-01-01T00:00:02Z</replace><add sel="/MPD/Period[@id='0']/AdaptationSet[1]" pos="after"><S d="1"/></add><remove sel="/MPD/Period[1]"/></Patch>
MPD
mkdir -p seeds/mcu_requests
printf '{"mode":"grid"}\n{"mode":"speaker"}\n{"mode":"presenter"}\n{"mode":"presenter","name":"ann"}\n{"mode":"pip"}\n{"mode":"audio"}' >seeds/mcu_requests/modes
printf '{"mode":"custom","regions":[{"x":0,"y":0,"width":1000,"height":1000},{"x":700,"y":700,"width":300,"height":300,"name":"ann"},{"x":0,"y":999,"width":1,"height":1,"name":"bob"}]}\n{"mode":"custom","regions":[{"name":"ann","x":1,"y":2,"width":998,"height":997}]}' >seeds/mcu_requests/custom
printf '{"mode":"custom","regions":[{"x":4294967295,"y":1,"width":4294967295,"height":1},{"x":-1,"y":0.5,"width":1e3,"height":null}]}' >seeds/mcu_requests/out
printf 'a=1&name=x%%20y+%%c3%%a4' >seeds/mcu_requests/query
printf '{"muted":true,"hidden":false,"screen":null,"gain":1.5}\n{"gain":1e39}\n{"on":true}\n{"url":"rtmp://host/app/key"}' >seeds/mcu_requests/bodies
