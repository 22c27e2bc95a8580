//! Configuration records as ffmpeg 5.1 writes them (`testsrc2=s=320x180:r=25`, libx265, libaom-av1, libvpx, libopus, flac), and
//! the `CODECS` strings that shaka-packager 3 gives to the same files.

use bytes::Bytes;
use fluvial_media::codec::hevc::{ParameterSets, Sps};
use fluvial_media::codec::{Av1, Flac, Hevc, MpegAudio, MpegVideo, Opus, Pcm, PcmFormat, Vp};
use fluvial_media::{Codec, Kind};
use proptest::prelude::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| d as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

const HVCC: &str = "01 01 60000000 900000000000 3c f000 fc fd f8 f8 0000 0f 03 \
    20 0001 0018 40010c01ffff01600000030090000003000003003c959809 \
    21 0001 002b 42010101600000030090000003000003003ca00a080b9f796566924caf016808000003000800000300c840 \
    22 0001 0007 4401c172b46240";
const HVCC_10: &str = "01 02 20000000 900000000000 3c f000 fc fd fa fa 0000 0f 01 \
    21 0001 002a 42010102200000030090000003000003003ca00a080b9f6d96566924caf0168080000003000800000300c8";
const AV1C: &str = "81 00 0c 00 0a0b 000000043cfeccdaf90040";
const AV1_KEY: &str = "1200 0a0b 000000043cfeccdaf90040 320a 1400a0b010d870024b42";
const VP8_KEY: &str = "106200 9d012a 4001 b400 00070885";
const VP9_KEY: &str = "824983420013f00b36043824";
const VP9_444_KEY: &str = "a249834200027e0166c08704";
const DFLA: &str =
    "80000022 1200 1200 000449 0004de 0ac440f0000033ae cd36f8ab0a878da30b37b9efb6c64d51";

/// A set that cannot be used does not come in place of one that can.
#[test]
fn damaged_hevc_sets_replace_none() {
    let config = Hevc::parse(&hex(HVCC)).unwrap();
    let mut whole = ParameterSets::default();
    for nal in config.nals() {
        assert!(whole.insert(nal).unwrap());
        assert!(!whole.insert(nal).unwrap());
    }
    let [_, sps, pps] = config.nals().collect::<Vec<_>>()[..] else {
        panic!("three");
    };
    let rate = Sps::parse(sps).unwrap().frame_rate;
    assert_eq!(rate, Some((25, 1)));
    let kept = |nal: &[u8]| {
        let mut sets = whole.clone();
        assert!(sets.insert(nal).is_err(), "{nal:?}");
        assert!(sets.nals().eq(config.nals()));
        assert!(sets.find(0).is_some());
    };
    for len in 0..sps.len() {
        kept(&sps[..len]);
        let usable = Sps::parse_usable(&sps[..len]);
        // Up to the usability information all of it is needed.
        assert_eq!(usable.is_ok(), len >= 29, "{len}: {usable:?}");
        let Ok((usable, wrong)) = usable else {
            continue;
        };
        assert!(wrong.is_some());
        assert_eq!(usable.dimensions, Some((320, 180)));
        assert_eq!(usable.frame_rate, rate.filter(|_| len > 41), "{len}");
        // Where there is no other one, it does.
        assert!(ParameterSets::default().insert(&sps[..len]).unwrap());
    }
    // `pps_seq_parameter_set_id` 5, which is not there.
    let other = [0x44, 1, 0b1001_1011, 0xB4, 0x62, 0x40];
    kept(&other);
    assert!(ParameterSets::default().insert(&other).unwrap());
    let mut sets = whole.clone();
    let mut changed = pps.to_vec();
    changed[4] ^= 1;
    assert!(sets.insert(&changed).unwrap());
    let nals: Vec<&[u8]> = sets.nals().collect();
    let changed = Hevc::from_parameter_sets(&nals).unwrap();
    assert!(changed != config && changed.has_sequences_of(&config));
    let other = Hevc::parse(&hex(HVCC_10)).unwrap();
    assert!(!other.has_sequences_of(&config));
}

#[test]
fn hevc_record() {
    let config = Hevc::parse(&hex(HVCC)).unwrap();
    assert_eq!(config.dimensions(), Some((320, 180)));
    assert_eq!((config.profile(), config.level()), (1, 60));
    assert_eq!((config.length_size(), config.nals().count()), (4, 3));
    // What the parameter sets give is what ffmpeg wrote, in whatever order they come.
    let mut nals: Vec<&[u8]> = config.nals().collect();
    nals.reverse();
    let made = Hevc::from_parameter_sets(&nals).unwrap();
    assert_eq!(made, config);
    let codec = Codec::Hevc(config);
    assert_eq!(codec.rfc6381(), "hvc1.1.6.L60.90");
    assert!(codec.is_sync(&hex("00000002 4601 00000003 4e01ff 00000004 28010000")));
    assert!(!codec.is_sync(&hex("00000003 020100")));
    assert!(!codec.is_sync(&hex("0000ffff 2801")));
    let ten = Codec::Hevc(Hevc::parse(&hex(HVCC_10)).unwrap());
    assert_eq!(
        (ten.rfc6381(), ten.dimensions()),
        ("hvc1.2.4.L60.90".into(), Some((320, 180)))
    );
    assert!(codec.goes_on_as(&ten));
    // With lengths of 2 bytes, which samples keep, it goes on as nothing but itself.
    let mut record = hex(HVCC);
    record[21] = record[21] & 0xFC | 1;
    let short = Hevc::parse(&record).unwrap();
    assert_eq!(short.length_size(), 2);
    let short = Codec::Hevc(short);
    assert!(
        short.goes_on_as(&short.clone()) && !short.goes_on_as(&codec) && !codec.goes_on_as(&short)
    );
    assert!(Hevc::from_parameter_sets(&[&[0x40, 1]]).is_err());
    assert!(Hevc::parse(&[2; 40]).is_err());
}

#[test]
fn av1_record() {
    let config = Av1::parse(&hex(AV1C)).unwrap();
    assert_eq!(config.dimensions(), Some((320, 180)));
    assert_eq!(
        (config.profile(), config.level(), config.bit_depth()),
        (0, 0, 8)
    );
    let unit = hex(AV1_KEY);
    assert_eq!(
        Av1::from_temporal_unit(&unit).unwrap(),
        Some(config.clone())
    );
    assert_eq!(Av1::from_temporal_unit(&[0x12, 0]), Ok(None));
    let codec = Codec::Av1(config);
    assert_eq!(codec.rfc6381(), "av01.0.00M.08");
    assert!(codec.is_sync(&unit));
    assert!(!codec.is_sync(&hex("1200 3203 340000")));
    // 10 bits, BT.2020 with PQ: told in full.
    let mut hdr = hex(AV1C);
    hdr[2] = 0x4C;
    hdr.truncate(4);
    assert_eq!(Av1::parse(&hdr).unwrap().rfc6381(), "0.00M.10");
    hdr[2] = 0x1C;
    assert_eq!(
        Av1::parse(&hdr).unwrap().rfc6381(),
        "0.00M.08.1.110.01.01.01.0"
    );
}

#[test]
fn vp8_and_vp9_records() {
    let config = Vp::parse(&hex("00 0b 82 02 02 02 0000")).unwrap();
    let codec = Codec::Vp9(config.with_dimensions(320, 180));
    assert_eq!(codec.rfc6381(), "vp09.00.11.08");
    assert_eq!(codec.dimensions(), Some((320, 180)));
    let key = hex(VP9_KEY);
    assert_eq!(codec.dimensions(), Vp::from_vp9(&key).unwrap().dimensions());
    assert_eq!(
        Vp::from_vp9(&key).unwrap().raw(),
        &hex("00 0b 82 02 02 02 0000")
    );
    assert!(codec.is_sync(&key) && !codec.is_sync(&[0x86, 0, 0]));
    // 4:4:4, as shaka-packager spells it.
    let codec = Codec::Vp9(Vp::from_vp9(&hex(VP9_444_KEY)).unwrap());
    assert_eq!(codec.rfc6381(), "vp09.01.11.08.03.02.02.02.00");
    assert_eq!(codec.dimensions(), Some((320, 180)));

    let key = hex(VP8_KEY);
    let codec = Codec::Vp8(Vp::from_vp8(&key).unwrap());
    assert_eq!(codec.dimensions(), Some((320, 180)));
    assert!(codec.is_sync(&key) && !codec.is_sync(&[0x31, 0, 0]));
    assert_eq!(Vp::from_vp8(&[0x31, 0, 0, 0x9D, 1, 0x2A, 0, 0, 0, 0]), None);
}

#[test]
fn opus_identification() {
    for record in [
        "00 01 0138 0000bb80 0000 00",
        "00 06 0138 0000bb80 0000 01 0402 000401020305",
    ] {
        let record = hex(record);
        let opus = Opus::parse_dops(&record).unwrap();
        assert_eq!((opus.pre_skip, opus.output_channel_count), (312, record[1]));
        let mut out = Vec::new();
        opus.encode_dops(&mut out);
        assert_eq!(out, record);
        out.clear();
        opus.encode_head(&mut out);
        assert_eq!(Opus::parse_head(&out), Ok(opus));
        assert!(Opus::parse_dops(&record[..record.len() - 1]).is_err());
    }
    // 20 ms of CELT, twice; a count of frames that is not there; 48 frames of 2.5 ms; past 120 ms.
    assert_eq!(Opus::samples(&[0xFD]), Some(1920));
    assert_eq!((Opus::samples(&[]), Opus::samples(&[0xFF])), (None, None));
    assert_eq!(
        (Opus::samples(&[0xE3, 48]), Opus::samples(&[0xE3, 49])),
        (Some(5760), None)
    );
    assert_eq!(
        (Opus::samples(&[3 << 3]), Opus::samples(&[15 << 3])),
        (Some(2880), Some(960))
    );
}

#[test]
fn flac_blocks() {
    let flac = Flac::parse(&hex(DFLA)).unwrap();
    let info = flac.stream_info;
    assert_eq!(
        (info.sample_rate, info.channels, info.bits_per_sample),
        (44_100, 1, 16)
    );
    assert_eq!((info.max_block_size, info.total_samples), (4608, 13_230));
    assert_eq!(Flac::parse(&hex(DFLA)[4..]), Ok(flac.clone()));
    let mut stream = b"fLaC".to_vec();
    stream.extend(hex(DFLA));
    assert_eq!(Flac::parse(&stream), Ok(flac.clone()));
    // 4608 samples by code, then 4096; 0x0ADB + 1 in full after a number of two bytes.
    assert_eq!(Flac::samples(&hex("fff8 59 08 00 00")), Some(4608));
    assert_eq!(Flac::samples(&hex("fff8 c9 08 00 00")), Some(4096));
    assert_eq!(Flac::samples(&hex("fff8 79 08 c280 0adb")), Some(0xADC));
    assert_eq!(Codec::Flac(flac).sample_rate(), Some(44_100));
    assert!(Flac::parse(&[0; 40]).is_err());
}

#[test]
fn mpeg_codecs() {
    let video = MpegVideo::parse(&hex("000001b3 16012083 02ce20a4")).unwrap();
    let codec = Codec::Mpeg2Video(video);
    assert_eq!(
        (codec.rfc6381().as_str(), codec.dimensions()),
        ("mp4v.6A", Some((352, 288)))
    );
    assert_eq!(codec.frame_rate(), Some((25, 1)));
    assert!(
        codec.is_sync(&hex("00000100 000ffff800")) && !codec.is_sync(&hex("00000100 0017fff800"))
    );
    assert!(MpegVideo::parse(&[0, 0, 1, 0]).is_err());

    let header = mpeg2::audio::Header::parse(&[0xFF, 0xFB, 0x90, 0]).unwrap();
    let codec = Codec::MpegAudio(MpegAudio::new(header).unwrap());
    assert_eq!(
        (codec.rfc6381().as_str(), codec.channels()),
        ("mp4a.6B", Some(2))
    );
    assert_eq!(
        (codec.sample_rate(), codec.duration(&[])),
        (Some(44_100), Some(1152))
    );
}

#[test]
fn sound_without_a_decoder() {
    let codec = Codec::Pcm(Pcm::signed(16, true, 48_000, 2));
    assert_eq!(
        (codec.duration(&[0; 400]), codec.kind()),
        (Some(100), Kind::Audio)
    );
    let codec = Codec::Pcm(Pcm::g711(PcmFormat::MuLaw, 8000, 1));
    assert_eq!(
        (codec.duration(&[0; 160]), codec.rfc6381()),
        (Some(160), "ulaw".into())
    );
    let ac3 = ac3::Dac3::parse(&hex("10 11 00")).unwrap();
    let codec = Codec::Ac3(ac3);
    assert_eq!(
        (codec.sample_rate(), codec.duration(&[])),
        (Some(48_000), Some(1536))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(data: Vec<u8>, cut in 0_usize..64) {
        for record in [HVCC, AV1C, DFLA] {
            let mut record = hex(record);
            let cut = cut.min(record.len());
            record.truncate(cut);
            record.extend_from_slice(&data);
            let bytes = Bytes::from(record);
            if let Ok(config) = Hevc::try_from(bytes.clone()) {
                prop_assert_eq!(config.raw(), &bytes);
                let codec = Codec::Hevc(config);
                let _ = (codec.rfc6381(), codec.is_sync(&data), codec.dimensions());
            }
            if let Ok(config) = Av1::try_from(bytes.clone()) {
                let codec = Codec::Av1(config);
                let _ = (codec.rfc6381(), codec.is_sync(&data), codec.dimensions());
            }
            let _ = (Flac::parse(&bytes), Flac::samples(&bytes), Opus::samples(&bytes));
            let _ = (Vp::parse(&bytes), Vp::from_vp8(&bytes), Vp::from_vp9(&bytes));
            let _ = (Opus::parse_dops(&bytes), Opus::parse_head(&bytes), MpegVideo::parse(&bytes));
            let _ = Hevc::from_parameter_sets(&[&bytes, &data]);
            let _ = Av1::from_temporal_unit(&bytes);
        }
    }

    #[test]
    fn opus_round_trips(channels in 1_u8.., pre_skip: u16, rate: u32, gain: i16, family: u8, mapping: [u8; 257]) {
        let mut opus = Opus::new(channels, pre_skip);
        (opus.input_sample_rate, opus.output_gain, opus.channel_mapping_family) = (rate, gain, family);
        opus.mapping = match family {
            0 => Bytes::new(),
            _ => Bytes::copy_from_slice(&mapping[..2 + usize::from(channels)]),
        };
        let (mut dops, mut head) = (Vec::new(), Vec::new());
        opus.encode_dops(&mut dops);
        opus.encode_head(&mut head);
        prop_assert_eq!(Opus::parse_dops(&dops), Ok(opus.clone()));
        prop_assert_eq!(Opus::parse_head(&head), Ok(opus));
    }
}

/// As ffmpeg 9 writes it into an MP4.
#[test]
fn opus_of_six_channels_has_the_mapping_of_vorbis() {
    let expected = [
        0, 6, 1, 0x38, 0, 0, 0xBB, 0x80, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5,
    ];
    let mut dops = Vec::new();
    Opus::new(6, 312).encode_dops(&mut dops);
    assert_eq!(dops, expected);
}

#[test]
fn a_sample_entry_that_is_passed_through_tells_sizes_and_rates() {
    let other = |kind, name: &[u8; 4], body: &[u8]| {
        let size = u32::try_from(body.len() + 8).unwrap();
        let config = [&size.to_be_bytes()[..], name, body].concat();
        Codec::Other {
            kind,
            fourcc: fluvial_media::FourCc(*name),
            config: config.into(),
        }
    };
    let mut visual = vec![0; 78];
    visual[24..28].copy_from_slice(&[0x05, 0x00, 0x02, 0xD0]);
    let encrypted = other(Kind::Video, b"encv", &visual);
    assert_eq!(
        (encrypted.dimensions(), encrypted.sample_rate()),
        (Some((1280, 720)), None)
    );
    let mut audio = vec![0; 28];
    audio[17] = 2;
    audio[24..26].copy_from_slice(&44_100u16.to_be_bytes());
    let sound = other(Kind::Audio, b"enca", &audio);
    assert_eq!(
        (sound.channels(), sound.sample_rate(), sound.dimensions()),
        (Some(2), Some(44_100), None)
    );
    // QuickTime's second version has them elsewhere; a record is no sample entry.
    audio[9] = 2;
    assert_eq!(other(Kind::Audio, b"lpcm", &audio).channels(), None);
    assert_eq!(other(Kind::Video, b"vvc1", &[1; 9]).dimensions(), None);
}
