//! Encrypted samples (HLS, `SAMPLE-AES`): ours read by ffmpeg, shaka-packager's read by us.

mod common;

use common::{Found, demux};
use fluvial_mpegts::mux::Config;
use fluvial_mpegts::packager::{Output, Packager};
use fluvial_mpegts::sample_aes::{Cipher, Key, Sound};
use fluvial_mpegts::{Demuxer, Limits, Muxer};
use media::{Event, Kind, Sample, Segmenter, Time, segmenter};
use std::fmt::Write as _;
use std::path::Path;

const KEY: [u8; 16] = *b"sixteen bytes it";
const IV: [u8; 16] = [0xA5; 16];
const KEY_HEX: &str = "7369787465656e206279746573206974";
const IV_HEX: &str = "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5";

fn key() -> Key {
    Key::new(KEY, IV)
}

/// H.264 with B-pictures and short slices, and sound of a codec.
fn source(sound: &str) -> Option<Vec<u8>> {
    let args = format!(
        "-v error -f lavfi -i testsrc2=s=320x180:r=25:d=4 -f lavfi -i sine=f=440:r=48000:d=4 -c:v libx264 -preset fast -bf 3 -g 25 \
         -x264-params slices=3 -c:a {sound} -f mpegts -"
    );
    testing::run("ffmpeg", &args, &[])
}

/// Reads segments, each with its key.
fn read<'a>(segments: impl IntoIterator<Item = (Option<Key>, &'a [u8])>) -> Found {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut found = Found::default();
    let mut drain = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll_event().unwrap() {
            match event {
                Event::Tracks(tracks) => found.tracks.push(tracks),
                Event::Sample(sample) => found.samples.push(sample),
                Event::Warning(warning) => found.warnings.push(warning),
                Event::Discontinuity => found.discontinuities += 1,
                other => panic!("{other:?}"),
            }
        }
    };
    for (key, segment) in segments {
        demuxer.set_sample_key(key.as_ref());
        for piece in segment.chunks(10_000) {
            demuxer.handle_input(piece);
            drain(&mut demuxer);
        }
    }
    demuxer.handle_eof();
    drain(&mut demuxer);
    found
}

fn mux(found: &Found, config: Config) -> Vec<u8> {
    let mut muxer = Muxer::new(config);
    muxer.set_tracks(&found.last_tracks()).unwrap();
    let mut out = Vec::new();
    for sample in &found.samples {
        muxer.handle_sample(sample).unwrap();
        out.extend(muxer.poll_output().into_iter().flatten());
    }
    muxer.finish().unwrap();
    out.extend(muxer.poll_output().into_iter().flatten());
    out
}

/// The same in segments.
fn package(found: &Found, config: Config) -> Vec<(Time, Vec<u8>)> {
    let mut segmenter = Segmenter::new(segmenter::Config::segments(Time::from_millis(1000)));
    let mut packager = Packager::new(config);
    segmenter.handle_event(&Event::Tracks(found.last_tracks()));
    for sample in &found.samples {
        segmenter.handle_event(&Event::Sample(sample.clone()));
    }
    segmenter.finish();
    let mut segments = Vec::new();
    while let Some(segmented) = segmenter.poll_output() {
        packager.handle(&segmented).unwrap();
        while let Some(output) = packager.poll_output() {
            if let Output::Segment(segment) = output {
                let length = segment.info.timescale.time(segment.info.duration as i64);
                segments.push((length, segment.data.concat()));
            }
        }
    }
    segments
}

fn encrypted(key: Key) -> Config {
    let mut config = Config::default();
    config.sample_key = Some(key);
    config
}

/// Writes a playlist of segments, whose keys lie beside it; `None`: clear.
fn playlist(folder: &Path, segments: &[(Time, Vec<u8>)], keys: &[Option<[u8; 16]>]) {
    let mut text = "#EXTM3U\n#EXT-X-VERSION:5\n#EXT-X-TARGETDURATION:3\n".to_owned();
    for (index, ((length, data), key)) in segments.iter().zip(keys).enumerate() {
        match key {
            Some(key) => {
                std::fs::write(folder.join(format!("{index}.key")), key).unwrap();
                let tag = "#EXT-X-KEY:METHOD=SAMPLE-AES";
                writeln!(text, "{tag},URI=\"{index}.key\",IV=0x{IV_HEX}").unwrap();
            }
            None => text += "#EXT-X-KEY:METHOD=NONE\n",
        }
        let seconds = length.as_nanos() as f64 / 1e9;
        writeln!(text, "#EXTINF:{seconds:.3},\n{index}.ts").unwrap();
        std::fs::write(folder.join(format!("{index}.ts")), data).unwrap();
    }
    text += "#EXT-X-ENDLIST\n";
    std::fs::write(folder.join("index.m3u8"), text).unwrap();
}

fn data(samples: &[Sample]) -> Vec<(u32, i64, &[u8])> {
    let all = samples.iter();
    let mut all: Vec<_> = all
        .map(|sample| (sample.track.0, sample.dts, &sample.data[..]))
        .collect();
    all.sort_unstable();
    all
}

fn assert_same(a: &Found, b: &Found, what: &str) {
    assert_eq!(a.warnings, [], "{what}");
    assert_eq!(a.last_tracks(), b.last_tracks(), "{what}");
    assert_eq!(a.samples.len(), b.samples.len(), "{what}");
    assert!(data(&a.samples) == data(&b.samples), "{what}");
}

#[test]
fn what_is_encrypted_is_opened_with_its_key_only() {
    for sound in ["aac", "ac3", "eac3"] {
        let Some(stream) = source(sound) else {
            return;
        };
        let clear = mux(&demux(&stream), Config::default());
        let clear = demux(&clear);
        for config in [encrypted(key()), {
            let mut config = encrypted(key());
            config.constant_rate = Some(3_000_000);
            config
        }] {
            let sealed = mux(&clear, config);
            assert_same(&read([(Some(key()), &sealed[..])]), &clear, sound);
            // Without a key there is a warning for each track and nothing else.
            let closed = read([(None, &sealed[..])]);
            assert_eq!(
                (closed.samples.len(), closed.warnings.len()),
                (0, 2),
                "{sound}"
            );
            // With a wrong one the bytes differ, but not their number.
            let wrong = read([(Some(Key::new([1; 16], IV)), &sealed[..])]);
            assert!(data(&wrong.samples) != data(&clear.samples));
        }
    }
}

#[test]
fn keys_change_from_segment_to_segment() {
    let Some(stream) = source("aac") else {
        return;
    };
    let clear = demux(&mux(&demux(&stream), Config::default()));
    let of = |key: [u8; 16]| package(&clear, encrypted(Key::new(key, IV)));
    let other = [0x11; 16];
    let (open, first, second) = (package(&clear, Config::default()), of(KEY), of(other));
    assert_eq!(open.len(), 4);
    let whole: Vec<u8> = open.iter().flat_map(|(_, data)| data.clone()).collect();
    let whole = demux(&whole);
    for keys in [
        [None, Some(KEY), Some(other), None],
        [Some(other), None, Some(other), Some(KEY)],
    ] {
        let segments = keys.iter().enumerate().map(|(index, key)| match key {
            None => (None, &open[index].1[..]),
            Some(KEY) => (Some(Key::new(KEY, IV)), &first[index].1[..]),
            Some(_) => (Some(Key::new(other, IV)), &second[index].1[..]),
        });
        let found = read(segments);
        assert_same(&found, &whole, "keys that change");
        assert_eq!(found.tracks.len(), 1, "the tracks stay the same");
    }
}

/// Checksums of what ffmpeg decodes of segments, stream and time before each.
fn decoded(segments: &[(Time, Vec<u8>)], keys: &[Option<[u8; 16]>]) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    playlist(folder.path(), segments, keys);
    let index = folder.path().join("index.m3u8").display().to_string();
    let args = format!("-v quiet -allowed_extensions ALL -i {index} -f framemd5 -");
    let text = String::from_utf8(testing::run("ffmpeg", &args, &[])?).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Some(lines.map(str::to_owned).collect())
}

#[test]
fn ffmpeg_opens_each_codec() {
    for sound in ["aac", "ac3", "eac3"] {
        let Some(stream) = source(sound) else {
            return;
        };
        let found = demux(&stream);
        let open = package(&found, Config::default());
        let expected = decoded(&open, &vec![None; open.len()]).unwrap();
        assert!(expected.len() > 200, "{sound}: {}", expected.len());
        let sealed = package(&found, encrypted(key()));
        let other = package(&found, encrypted(Key::new([0x11; 16], IV)));
        let mut turning = sealed.clone();
        turning[1] = other[1].clone();
        let mut keys = vec![Some(KEY); open.len()];
        for (segments, second) in [(&sealed, KEY), (&turning, [0x11; 16])] {
            // The noise that its decoder of AC-3 adds is another one for good after a broken frame.
            if segments == &turning && sound != "aac" {
                continue;
            }
            keys[1] = Some(second);
            let ours = decoded(segments, &keys).unwrap();
            assert_eq!(ours.len(), expected.len(), "{sound}");
            let differ = ours.iter().zip(&expected).filter(|(a, b)| a != b);
            // ffmpeg forgets the key before its parsers give the last picture and the last sound of a segment after which the key
            // changes, or none comes: it decodes those as they are.
            let most = if second == KEY { 2 } else { 6 };
            let differ: Vec<_> = differ.map(|(ours, _)| ours).collect();
            assert!(differ.len() <= most, "{sound}: {differ:?}");
        }
    }
}

#[test]
fn shakas_segments_are_opened() {
    for sound in ["aac", "ac3", "eac3"] {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let Some(stream) = source(sound) else {
            return;
        };
        let source = at("source.mp4");
        let bitstream = if sound == "aac" {
            "-bsf:a aac_adtstoasc"
        } else {
            ""
        };
        let args = format!("-v error -i - -c copy {bitstream} {source}");
        testing::run("ffmpeg", &args, &stream).unwrap();
        let keys = format!("label=:key_id={}:key={KEY_HEX}", "11".repeat(16));
        for kind in [Kind::Video, Kind::Audio] {
            let pack = |name: &str, more: &[&str]| {
                let template = at(&format!("{name}-$Number$.ts"));
                let playlist = at(&format!("{name}.m3u8"));
                let of = if kind == Kind::Video {
                    "video"
                } else {
                    "audio"
                };
                let input = format!(
                    "in={source},stream={of},segment_template={template},playlist_name={playlist}"
                );
                let mut args = vec![input, "--segment_duration=1".to_owned()];
                args.extend(more.iter().map(|arg| (*arg).to_owned()));
                testing::shaka_packager(&args)?;
                let segments =
                    (1..).map_while(|n| std::fs::read(at(&format!("{name}-{n}.ts"))).ok());
                Some(segments.collect::<Vec<_>>())
            };
            let Some(clear) = pack("clear", &[]) else {
                return;
            };
            let clear = demux(&clear.concat());
            for lead in ["0", "2"] {
                let lead_option = format!("--clear_lead={lead}");
                let iv = format!("--iv={IV_HEX}");
                let options = [
                    "--enable_raw_key_encryption",
                    "--keys",
                    &keys,
                    &iv,
                    "--protection_scheme=cbcs",
                    &lead_option,
                ];
                let sealed = pack(&format!("sealed{lead}"), &options).unwrap();
                assert!(sealed.len() > 1);
                let opened = read(sealed.iter().map(|segment| (Some(key()), &segment[..])));
                assert_same(&opened, &clear, &format!("{sound}, {kind:?}, lead {lead}"));
            }
        }
    }
}

#[test]
fn raw_sound_is_opened() {
    for (sound, format, name) in [
        ("aac", Sound::Adts, "adts"),
        ("ac3", Sound::SyncFrames, "ac3"),
    ] {
        let args = format!("-v error -f lavfi -i sine=f=440:d=2 -c:a {sound} -f {name} -");
        let Some(clear) = testing::run("ffmpeg", &args, &[]) else {
            return;
        };
        let tagged = [b"ID3\x04\0\0\0\0\0\x03tag", &clear[..]].concat();
        let cipher = Cipher::new(&key());
        let mut sealed = tagged.clone();
        cipher.encrypt_sound(format, &mut sealed);
        let changed = tagged.iter().zip(&sealed).filter(|(a, b)| a != b).count();
        assert!(changed > clear.len() / 2, "{changed} of {}", clear.len());
        cipher.decrypt_sound(format, &mut sealed);
        assert!(sealed == tagged);
    }
}
