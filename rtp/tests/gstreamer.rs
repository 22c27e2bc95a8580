//! Every payload format that GStreamer has, in both directions, at an MTU of 1200 and of 200 bytes.

mod common;

use common::{clip, framed, gst, packets, receive, samples, unframed};
use fluvial_rtp::{Format, MP2T};
use media::codec::{Pcm, PcmFormat};
use media::{Codec, Flags, Kind, Sample, Timescale, Track, TrackId, Tracks};
use std::path::Path;

/// One format: how the clip is made, and GStreamer's elements for it.
struct Case {
    name: &'static str,
    /// Options of ffmpeg.
    make: &'static str,
    /// From the file to packets; `MTU` stands for the size.
    pay: &'static str,
    /// Fields of the packets' caps; `CONFIG` stands for the AudioSpecificConfig.
    caps: &'static str,
    /// From packets to a byte stream.
    depay: &'static str,
    /// What a receiver is told of the codec beforehand.
    told: bool,
}

const VIDEO: &str = "-map 0:v -t 1";
const AUDIO: &str = "-map 1:a -t 1 -ac 2";

const CASES: [Case; 10] = [
    Case {
        name: "h264",
        make: "-c:v libx264 -preset ultrafast -bf 2 -g 10",
        pay: "qtdemux ! h264parse ! rtph264pay mtu=MTU config-interval=-1 aggregate-mode=zero-latency",
        caps: "media=video,clock-rate=90000,encoding-name=H264",
        depay: "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=nal",
        told: false,
    },
    Case {
        name: "h264-slices",
        make: "-c:v libx264 -preset ultrafast -x264-params slice-max-size=150 -g 10",
        pay: "qtdemux ! h264parse ! rtph264pay mtu=MTU config-interval=-1",
        caps: "media=video,clock-rate=90000,encoding-name=H264",
        depay: "rtph264depay ! video/x-h264,stream-format=byte-stream,alignment=nal",
        told: false,
    },
    Case {
        name: "h265",
        make: "-c:v libx265 -preset ultrafast -x265-params log-level=error:keyint=10 -tag:v hvc1",
        pay: "qtdemux ! h265parse ! rtph265pay mtu=MTU config-interval=-1 aggregate-mode=zero-latency",
        caps: "media=video,clock-rate=90000,encoding-name=H265",
        depay: "rtph265depay ! video/x-h265,stream-format=byte-stream,alignment=nal",
        told: false,
    },
    Case {
        name: "vp9",
        make: "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -g 10",
        pay: "qtdemux ! vp9parse ! video/x-vp9,alignment=super-frame ! rtpvp9pay mtu=MTU",
        caps: "media=video,clock-rate=90000,encoding-name=VP9",
        depay: "rtpvp9depay",
        told: false,
    },
    Case {
        name: "aac",
        make: "-c:a aac -b:a 128k",
        pay: "qtdemux ! aacparse ! rtpmp4gpay mtu=MTU",
        caps: "media=audio,clock-rate=48000,encoding-name=MPEG4-GENERIC,encoding-params=(string)2,mode=(string)aac-hbr,config=(string)CONFIG,sizelength=(string)13,indexlength=(string)3,indexdeltalength=(string)3,streamtype=(string)5",
        depay: "rtpmp4gdepay",
        told: true,
    },
    Case {
        name: "latm",
        make: "-c:a aac -b:a 128k",
        pay: "qtdemux ! aacparse ! rtpmp4apay mtu=MTU",
        caps: "media=audio,clock-rate=48000,encoding-name=MP4A-LATM,cpresent=(string)0,config=(string)CONFIG",
        depay: "rtpmp4adepay",
        told: true,
    },
    Case {
        name: "ac3",
        make: "-c:a ac3 -b:a 192k",
        pay: "qtdemux ! ac3parse ! rtpac3pay mtu=MTU",
        caps: "media=audio,clock-rate=48000,encoding-name=AC3",
        depay: "rtpac3depay",
        told: false,
    },
    Case {
        name: "mp3",
        make: "-c:a libmp3lame -b:a 128k",
        pay: "qtdemux ! mpegaudioparse ! rtpmpapay mtu=MTU",
        caps: "media=audio,clock-rate=90000,encoding-name=MPA",
        depay: "rtpmpadepay",
        told: false,
    },
    Case {
        name: "mp2",
        make: "-c:a mp2 -b:a 192k",
        pay: "qtdemux ! mpegaudioparse ! rtpmpapay mtu=MTU",
        caps: "media=audio,clock-rate=90000,encoding-name=MPA",
        depay: "rtpmpadepay",
        told: false,
    },
    Case {
        name: "opus",
        make: "-c:a libopus -b:a 64k",
        pay: "qtdemux ! opusparse ! rtpopuspay mtu=MTU",
        caps: "media=audio,clock-rate=48000,encoding-name=OPUS,encoding-params=(string)2",
        depay: "rtpopusdepay",
        told: true,
    },
];

fn format(case: &Case, track: &Track) -> Format {
    match case.name {
        "latm" => Format::latm(track, 96).unwrap(),
        _ => Format {
            payload_type: 96,
            ..Format::of(track, 96).unwrap()
        },
    }
}

/// What a decoder gets of samples: with start codes and parameter sets for H.264 and H.265, else as they are.
fn stream(track: &Track, samples: &[Sample]) -> Vec<u8> {
    let mut out = Vec::new();
    let sets: Vec<&[u8]> = match &track.codec {
        Codec::H264(config) => config.sps().chain(config.pps()).collect(),
        Codec::Hevc(config) => config.nals().collect(),
        _ => {
            samples
                .iter()
                .for_each(|sample| out.extend_from_slice(&sample.data));
            return out;
        }
    };
    for sample in samples {
        let own = h264::length_prefixed::nals(&sample.data, 4).map(Result::unwrap);
        for nal in sets.iter().copied().filter(|_| sample.is_sync()).chain(own) {
            out.extend_from_slice(&[0, 0, 0, 1]);
            out.extend_from_slice(nal);
        }
    }
    out
}

#[track_caller]
fn assert_same(got: &[u8], put: &[u8], what: &str) {
    let differ = got.iter().zip(put).position(|(got, put)| got != put);
    assert!(
        got == put,
        "{what}: {} bytes of {}, which differ from {differ:?} on",
        got.len(),
        put.len()
    );
}

fn case(folder: &Path, case: &Case) -> Option<()> {
    let kind = if case.caps.starts_with("media=video") {
        VIDEO
    } else {
        AUDIO
    };
    let path = clip(
        folder,
        &format!("{}.mp4", case.name),
        &format!("{kind} {}", case.make),
    )?;
    let (tracks, put) = samples(&path);
    let track = &tracks[0];
    let format = format(case, track);
    let config = match (&track.codec, case.name) {
        (Codec::Aac(config), "latm") => {
            let mut out = Vec::new();
            let mux = aac::latm::StreamMuxConfig::new(config.clone());
            mux.encode(&mut out).unwrap();
            hex(&out)
        }
        (Codec::Aac(config), _) => hex(config.raw()),
        _ => String::new(),
    };
    for mtu in [1200, 200] {
        let what = format!("{} at {mtu}", case.name);
        if case.name == "opus" && mtu == 200 {
            // Its packets cannot be cut.
            continue;
        }
        // Ours to theirs.
        let sent = packets(&tracks, &put, mtu, Some(format));
        let (input, output) = (folder.join("ours.rtp"), folder.join("theirs.out"));
        std::fs::write(&input, framed(&sent)).unwrap();
        let caps = case.caps.replace("CONFIG", &config);
        gst(&format!(
            "filesrc location={} ! application/x-rtp-stream,{caps},payload=96 ! rtpstreamdepay ! {} ! filesink buffer-mode=unbuffered location={}",
            input.display(),
            case.depay,
            output.display()
        ))?;
        let got = std::fs::read(&output).unwrap();
        let wanted = stream(track, &put);
        // Before the first access unit of LATM, also of its own, it leaves the length: 255 in each byte but the last.
        let extra = match case.name {
            "latm" => got.len() - wanted.len(),
            _ => 0,
        };
        assert!(extra <= 2);
        assert_same(&got[extra..], &wanted, &what);
        // Theirs to ours.
        let output = folder.join("theirs.rtp");
        let pay = case.pay.replace("MTU", &mtu.to_string());
        gst(&format!(
            "filesrc location={} ! {pay} pt=96 ! rtpstreampay ! filesink buffer-mode=unbuffered location={}",
            path.display(),
            output.display()
        ))?;
        let theirs = unframed(&std::fs::read(&output).unwrap());
        let told = case.told.then(|| track.codec.clone());
        let (found, got, warnings) = receive(track, format, told, &theirs);
        assert_eq!(warnings, [""; 0], "{what}");
        // Its demuxer leaves out what an edit list leaves out.
        let first = put.iter().position(|put| put.data == got[0].data);
        let put = &put[first.unwrap_or_else(|| panic!("{what}: no such first sample"))..];
        assert!(
            got.len() + 2 >= put.len() && got.len() <= put.len() && first.unwrap_or(9) < 3,
            "{what}: {} of {}",
            got.len(),
            put.len()
        );
        assert_eq!(found[0].codec.rfc6381(), track.codec.rfc6381(), "{what}");
        for (n, (got, put)) in got.iter().zip(put).enumerate() {
            assert!(got.data == put.data, "{what}: sample {n}");
            assert_eq!(got.is_sync(), put.is_sync(), "{what}: sample {n}");
        }
        // As far apart as they were, but for those of the first packet, whose time may be cut by an edit list.
        let differences = got.iter().zip(put).skip(4).map(|(got, put)| {
            (found[0].timescale.time(got.pts) - track.timescale.time(put.pts)).as_nanos()
        });
        let differences: Vec<_> = differences.collect();
        let (least, most) = (
            differences.iter().min().unwrap(),
            differences.iter().max().unwrap(),
        );
        assert!(
            most - least < 1_000_000,
            "{what}: times differ by {least} to {most} ns"
        );
        let dts = got.windows(2).all(|pair| pair[0].dts <= pair[1].dts);
        assert!(
            dts && got.iter().all(|sample| sample.dts <= sample.pts),
            "{what}: decoding times"
        );
    }
    eprintln!("{}: {} samples, both ways", case.name, put.len());
    Some(())
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

macro_rules! cases {
    ($($test:ident: $index:literal;)*) => {
        $(#[test]
        fn $test() {
            let folder = tempfile::tempdir().unwrap();
            // Said aloud where a program is missing.
            let _ = case(folder.path(), &CASES[$index]);
        })*
    };
}

cases! {
    h264: 0;
    h264_of_many_slices: 1;
    h265: 2;
    vp9: 3;
    aac: 4;
    latm: 5;
    ac3: 6;
    mp3: 7;
    mp2: 8;
    opus: 9;
}

/// Frames of an IVF file.
fn ivf(file: &[u8]) -> Vec<Vec<u8>> {
    let (mut rest, mut out) = (&file[32..], Vec::new());
    while let Some((head, after)) = rest.split_first_chunk::<12>() {
        let len = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
        let (frame, after) = after.split_at(len);
        out.push(frame.to_vec());
        rest = after;
    }
    out
}

fn sample(data: Vec<u8>, pts: i64, sync: bool) -> Sample {
    Sample {
        track: TrackId(1),
        dts: pts,
        pts,
        duration: None,
        flags: Flags::SYNC.when(sync),
        data: data.into(),
    }
}

/// Both ways for what is no MP4 file: bytes are compared as a whole.
fn bytes_both_ways(
    folder: &Path,
    track: Track,
    put: &[Sample],
    mtu: usize,
    source: (&str, &[u8]),
    [pay, caps, depay]: [&str; 3],
) -> Option<()> {
    let tracks = Tracks::from(vec![track]);
    let track = &tracks[0];
    let format = Format {
        payload_type: 96,
        ..Format::of(track, 96).unwrap()
    };
    let file = folder.join("source");
    std::fs::write(&file, source.1).unwrap();
    let (input, output) = (folder.join("ours.rtp"), folder.join("theirs.out"));
    std::fs::write(&input, framed(&packets(&tracks, put, mtu, Some(format)))).unwrap();
    gst(&format!(
        "filesrc location={} ! application/x-rtp-stream,{caps},payload=96 ! rtpstreamdepay ! {depay} ! filesink buffer-mode=unbuffered location={}",
        input.display(),
        output.display()
    ))?;
    assert!(
        std::fs::read(&output).unwrap() == stream(track, put),
        "{caps} at {mtu}"
    );
    if source.0.is_empty() {
        // It makes no packets of this.
        return Some(());
    }
    let output = folder.join("theirs.rtp");
    gst(&format!(
        "filesrc location={} ! {} ! {pay} mtu={mtu} pt=96 ! rtpstreampay ! filesink buffer-mode=unbuffered location={}",
        file.display(),
        source.0,
        output.display()
    ))?;
    let theirs = unframed(&std::fs::read(&output).unwrap());
    let told = matches!(track.codec, Codec::Pcm(_)).then(|| track.codec.clone());
    let (_, got, warnings) = receive(track, format, told, &theirs);
    assert_eq!(warnings, [""; 0], "{caps} at {mtu}");
    assert!(stream(track, &got) == stream(track, put), "{caps} at {mtu}");
    Some(())
}

#[test]
fn vp8() {
    let folder = tempfile::tempdir().unwrap();
    let options = format!("{VIDEO} -c:v libvpx -deadline realtime -g 10 -b:v 500k");
    let Some(path) = clip(folder.path(), "vp8.ivf", &options) else {
        return;
    };
    let file = std::fs::read(&path).unwrap();
    let put: Vec<_> = ivf(&file)
        .into_iter()
        .enumerate()
        .map(|(n, frame)| {
            let sync = frame[0] & 1 == 0;
            sample(frame, n as i64 * 3600, sync)
        })
        .collect();
    let codec = Codec::Vp8(media::codec::Vp::from_vp8(&put[0].data).unwrap());
    for mtu in [1200, 200] {
        let track = Track::new(TrackId(1), Timescale::KHZ_90, codec.clone());
        let _ = bytes_both_ways(
            folder.path(),
            track,
            &put,
            mtu,
            ("ivfparse", &file),
            [
                "rtpvp8pay",
                "media=video,clock-rate=90000,encoding-name=VP8",
                "rtpvp8depay",
            ],
        );
    }
}

#[test]
fn mpeg_video() {
    let folder = tempfile::tempdir().unwrap();
    for codec in ["mpeg1video", "mpeg2video"] {
        let options = format!("{VIDEO} -c:v {codec} -b:v 800k -g 10 -bf 2 -f {codec}");
        let Some(path) = clip(folder.path(), "clip.m2v", &options) else {
            return;
        };
        let file = std::fs::read(&path).unwrap();
        // Packets are made of MPEG-2 video only.
        let parse = if codec == "mpeg2video" {
            "mpegvideoparse"
        } else {
            ""
        };
        let mut splitter = mpeg2::video::PictureSplitter::new();
        splitter.handle_input(&file);
        splitter.handle_eof();
        let mut put = Vec::new();
        while let Some(piece) = splitter.poll_piece() {
            let mpeg2::audio::Piece::Frame { frame, .. } = piece else {
                panic!("{codec}: no picture");
            };
            let time = put.len() as i64 * 3600;
            put.push(sample(frame.data.to_vec(), time, put.is_empty()));
        }
        // The sequence header, up to the group of pictures.
        let end = file.windows(4).position(|four| four == [0, 0, 1, 0xB8]);
        let config = media::codec::MpegVideo::parse(&file[..end.unwrap()]).unwrap();
        for mtu in [1200, 200] {
            let track = Track::new(
                TrackId(1),
                Timescale::KHZ_90,
                Codec::Mpeg2Video(config.clone()),
            );
            let _ = bytes_both_ways(
                folder.path(),
                track,
                &put,
                mtu,
                (parse, &file),
                [
                    "rtpmpvpay",
                    "media=video,clock-rate=90000,encoding-name=MPV",
                    "rtpmpvdepay",
                ],
            );
        }
    }
}

#[test]
fn pcm_and_klv_and_transport_streams() {
    let folder = tempfile::tempdir().unwrap();
    let noise: Vec<u8> = (0..9600u32).map(|n| (n * n / 7) as u8).collect();
    let sound = |pcm: Pcm| {
        Track::new(
            TrackId(1),
            Timescale::new(pcm.sample_rate).unwrap(),
            Codec::Pcm(pcm),
        )
    };
    for mtu in [1200, 200] {
        let put = [sample(noise.clone(), 0, true)];
        for (pcm, name, pay) in [
            (
                Pcm::g711(PcmFormat::MuLaw, 8000, 1),
                "audio/x-mulaw,rate=8000,channels=1",
                "pcmu",
            ),
            (
                Pcm::g711(PcmFormat::ALaw, 8000, 1),
                "audio/x-alaw,rate=8000,channels=1",
                "pcma",
            ),
        ] {
            let caps = format!(
                "media=audio,clock-rate=8000,encoding-name={}",
                pay.to_uppercase()
            );
            let _ = bytes_both_ways(
                folder.path(),
                sound(pcm),
                &put,
                mtu,
                (name, &noise),
                [&format!("rtp{pay}pay"), &caps, &format!("rtp{pay}depay")],
            );
        }
        for bits in [16, 24] {
            let pcm = Pcm::signed(bits, false, 48_000, 2);
            let raw =
                format!("audio/x-raw,format=S{bits}BE,rate=48000,channels=2,layout=interleaved");
            let caps = format!(
                "media=audio,clock-rate=48000,encoding-name=L{bits},encoding-params=(string)2,channels=2"
            );
            let _ = bytes_both_ways(
                folder.path(),
                sound(pcm),
                &put,
                mtu,
                (&raw, &noise),
                [
                    &format!("rtpL{bits}pay"),
                    &caps,
                    &format!("rtpL{bits}depay"),
                ],
            );
        }
        // A universal label, a length in its long form, and a value.
        let label = [
            6, 0x0E, 0x2B, 0x34, 2, 0x0B, 1, 1, 0x0E, 1, 3, 1, 1, 0, 0, 0,
        ];
        let unit = [&label[..], &[0x82, 0x0B, 0xB8], &noise[..3000]].concat();
        let klv = Track::new(TrackId(1), Timescale::KHZ_90, Codec::Klv);
        let put = [sample(unit.clone(), 0, true)];
        let _ = bytes_both_ways(
            folder.path(),
            klv,
            &put,
            mtu,
            ("meta/x-klv,parsed=true", &unit),
            [
                "rtpklvpay",
                "media=application,clock-rate=90000,encoding-name=SMPTE336M",
                "rtpklvdepay",
            ],
        );
        let other = Codec::Other {
            kind: Kind::Data,
            fourcc: MP2T,
            config: bytes::Bytes::new(),
        };
        let options = format!("{VIDEO} -c:v mpeg2video -f mpegts");
        let Some(path) = clip(folder.path(), "clip.ts", &options) else {
            return;
        };
        let ts = std::fs::read(&path).unwrap();
        let put: Vec<_> = ts
            .chunks(188 * 20)
            .enumerate()
            .map(|(n, piece)| sample(piece.to_vec(), n as i64 * 900, true))
            .collect();
        let track = Track::new(TrackId(1), Timescale::KHZ_90, other);
        let _ = bytes_both_ways(
            folder.path(),
            track,
            &put,
            mtu,
            ("video/mpegts,systemstream=true,packetsize=188", &ts),
            [
                "rtpmp2tpay",
                "media=video,clock-rate=90000,encoding-name=MP2T",
                "rtpmp2tdepay",
            ],
        );
    }
}
