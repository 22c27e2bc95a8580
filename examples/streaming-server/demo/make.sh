#!/bin/sh
# Makes demo.mp4, the clip behind the built-in stream live/demo: 8 seconds that loop without a seam.
# Needs ffmpeg with libx264 and drawtext, and the DejaVu fonts. Takes a few minutes.
#
# 8 s at 48 kHz are 375 AAC frames of 1024 samples, and at 30 fps 240 pictures, both exactly, so a loop that
# adds 8 s to all times keeps both grids. Everything that moves has a period that divides 8 s. GOPs are closed
# and last 2 s. The sound is a chord whose frequencies and swells fit into 8 s a whole number of times; three
# rounds of it are encoded and the middle one is kept, so that each frame's overlap finds its neighbour across
# the joint and no encoder priming is left.
set -eu
cd "$(dirname "$0")"
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
font=${FONT:-/usr/share/fonts/truetype/dejavu}

# Drawn at 640x360 in two passes: first how deep the water is, how much light the sky has and where it glints,
# as red, green and blue; then their colours. Each wave moves a whole number of its own lengths in 8 s.
w='2*PI*T/8'
layer() { # number, height, amplitude, waves, rounds, amplitude of a second wave
    echo "clip((Y-(H*$2+$3*sin(2*PI*$4*X/W-$5*$w)+$6*sin(2*PI*($4+2)*X/W+$5*$w+$1)))*0.9,0,1)"
}
depth="51*($(layer 1 0.50 9 1 1 4)+$(layer 2 0.58 11 1.5 2 4)+$(layer 3 0.67 12 1 2 5)+$(layer 4 0.77 13 1.25 3 5)+$(layer 5 0.88 12 0.75 2 6))"
light="st(0,hypot(X-W*0.70,Y-H*0.40));if(lt(ld(0),46),200+55*clip(46-ld(0),0,1),200*exp(-(ld(0)-46)/95)*(0.85+0.15*cos($w)))"
glint="if(lt(Y,H*0.46),0,255*exp(-pow((X-W*0.70)/(30+60*(Y/H-0.5)),2))*pow(max(0,sin(Y*0.55+3*sin(X*0.05+2*$w)-2*$w)),4))"
colour() { # sky above, sky below, water far, water near, sun, glow, glint
    echo "st(0,r(X,Y)/51);st(1,clip(ld(0),0,1));st(2,g(X,Y));st(3,clip((ld(2)-200)/55,0,1));st(4,min(ld(2),200)/200);\
(1-ld(1))*(($1+($2-$1)*clip(Y/H/0.55,0,1)+$6*ld(4))*(1-ld(3))+$5*ld(3))+ld(1)*($3+($4-$3)*ld(0)/5+0.25*$6*ld(4)+$7*b(X,Y)/255)"
}
red=$(colour 18 228 96 6 255 70 120)
green=$(colour 24 120 92 20 218 44 96)
blue=$(colour 62 112 150 48 168 18 60)

ffmpeg -v error -y -f lavfi \
    -i "color=c=black:s=640x360:r=30:d=8,format=gbrp,geq=r='$depth':g='$light':b='$glint',geq=r='clip($red,0,255)':g='clip($green,0,255)':b='clip($blue,0,255)'" \
    -filter_complex "[0:v]scale=1280:720:flags=lanczos,format=yuv444p,
        drawtext=fontfile=$font/DejaVuSans-ExtraLight.ttf:text='fluvial':fontcolor=white@0.95:fontsize=92:x=84:y=84,
        drawtext=fontfile=$font/DejaVuSans.ttf:text='live/demo':fontcolor=white@0.75:fontsize=26:x=92:y=198,
        drawbox=x=92:y=252:w=216:h=2:color=white@0.35:t=fill,
        drawtext=fontfile=$font/DejaVuSansMono.ttf:text='%{eif\:n/30\:d\:2}.%{eif\:mod(n\,30)\:d\:2}':fontcolor=white@0.75:fontsize=26:x=92:y=270[base];
        color=c=white@0.9:s=12x12:r=30:d=8,format=yuva444p[dot];
        [base][dot]overlay=x='92+204*(0.5-0.5*cos(2*PI*t/4))':y=247:shortest=1,format=yuv420p[v]" \
    -map '[v]' -c:v libx264 -preset slow -profile:v high -level 3.1 -crf "23" -maxrate 1200k -bufsize 1600k \
    -bf 2 -refs 4 -g 60 -keyint_min 60 -sc_threshold 0 -x264-params open-gop=0 \
    -color_primaries bt709 -color_trc bt709 -colorspace bt709 -fflags +bitexact -flags:v +bitexact "$tmp/video.mp4"

# A, C sharp, E, G sharp and the A below, each on a multiple of 1/8 Hz, swelling out of step.
voice() { # frequency, level, swells in 8 s, phase
    echo "$2*sin(2*PI*$1*t)*(0.55+0.45*sin(2*PI*$3*t/8+$4))"
}
left="$(voice 110 0.16 1 0)+$(voice 220 0.12 2 1)+$(voice 277.125 0.08 1 2)+$(voice 329.625 0.08 2 3)+$(voice 415.25 0.045 3 4)+$(voice 880.5 0.012 4 5)"
right="$(voice 110 0.16 1 0.6)+$(voice 220.125 0.12 2 2)+$(voice 277.25 0.08 1 3.5)+$(voice 329.625 0.08 2 4.2)+$(voice 415.25 0.045 3 5.5)+$(voice 880.5 0.012 4 0.5)"
ffmpeg -v error -y -f lavfi -i "aevalsrc=exprs='$left|$right':s=48000:d=24" -c:a aac -b:a 64k -flags:a +bitexact "$tmp/long.m4a"
ffmpeg -v error -y -ss 8 -i "$tmp/long.m4a" -t 8 -c copy -fflags +bitexact "$tmp/audio.m4a"

# x264 starts two pictures (1024 ticks) before zero; here nothing does.
ffmpeg -v error -y -i "$tmp/video.mp4" -i "$tmp/audio.m4a" -map 0:v -map 1:a -c copy -bsf:v setts=pts=PTS+1024:dts=DTS+1024 -fflags +bitexact \
    -movflags +frag_keyframe+empty_moov+default_base_moof demo.mp4
ls -l demo.mp4
