//! Common encryption against ffmpeg and shaka-packager, both ways.

mod common;

use bytes::Bytes;
use common::{
    Folder, demux, file_of, frames, frames_of, package, samples, source, tracks, warnings,
};
use fluvial_mp4::IsoBox;
use fluvial_mp4::boxes::{Children, KeyId, Moof, Pssh};
use fluvial_mp4::cenc::{Encryption, Key, Keys, Scheme};
use fluvial_mp4::check::{Checker, Rule};
use fluvial_mp4::packager::Config;
use fluvial_mp4::{Demuxer, Limits, Reader};
use media::segmenter::Config as Cuts;
use media::{Codec, Event, Kind, Sample, Time};

const KEY: [u8; 16] = [
    0x76, 0xA6, 0xC6, 0x5C, 0x5E, 0xA7, 0x62, 0x04, 0x6B, 0xD7, 0x49, 0xA2, 0xE6, 0x32, 0xCC, 0xBB,
];
const KEY_HEX: &str = "76a6c65c5ea762046bd749a2e632ccbb";
const KID: KeyId = KeyId([
    0xA7, 0xE6, 0x1C, 0x37, 0x3E, 0x21, 0x90, 0x33, 0xC2, 0x10, 0x91, 0xFA, 0x60, 0x7B, 0xF3, 0xB8,
]);
const KID_HEX: &str = "a7e61c373e219033c21091fa607bf3b8";
const SCHEMES: [Scheme; 4] = [Scheme::Cenc, Scheme::Cbc1, Scheme::Cens, Scheme::Cbcs];

fn decrypt(data: &[u8], keys: Keys) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default()).with_keys(keys);
    let mut events = Vec::new();
    for piece in data.chunks(10_007).map(Some).chain([None]) {
        match piece {
            Some(piece) => demuxer.handle_input(piece),
            None => demuxer.handle_eof(),
        }
        while let Some(event) = demuxer.poll_event().unwrap() {
            events.push(event);
        }
    }
    events
}

fn encryption(scheme: Scheme) -> Encryption {
    let mut encryption = Encryption::new(scheme, KID, Key::new(KEY), [0x5A; 16]);
    encryption.psshs.push(Pssh::common([KID]));
    encryption
}

/// The source, in fragments.
fn clear_events(folder: &Folder) -> Option<Vec<Event>> {
    let source = source(folder)?;
    let path = folder.file("fragmented.mp4");
    let flags = "frag_keyframe+empty_moov+default_base_moof";
    #[rustfmt::skip]
    let args = ["-v", "error", "-i", &source, "-c", "copy", "-movflags", flags, "-y", &path];
    common::run("ffmpeg", &args)?;
    Some(demux(&std::fs::read(path).unwrap()))
}

fn of(samples: &[Sample], track: media::TrackId) -> Vec<&Sample> {
    samples
        .iter()
        .filter(|sample| sample.track == track)
        .collect()
}

/// That a file has the same samples as another one.
#[track_caller]
fn assert_same(found: &[Event], expected: &[Event], what: &str) {
    assert_eq!(warnings(found), [""; 0], "{what}");
    assert!(tracks(found) == tracks(expected), "{what}");
    let (found, expected) = (samples(found), samples(expected));
    assert_eq!(found.len(), expected.len(), "{what}");
    for sample in &expected {
        assert!(!sample.data.is_empty());
    }
    for track in [1, 2].map(media::TrackId) {
        for (n, (found, expected)) in of(&found, track)
            .into_iter()
            .zip(of(&expected, track))
            .enumerate()
        {
            assert!(found == expected, "{what}: sample {n} of track {track}");
        }
    }
}

/// What the checker says of how a file is encrypted.
fn protection(file: &[u8]) -> Vec<String> {
    let mut checker = Checker::new(Limits::default());
    checker.handle_input(file);
    checker.handle_eof();
    let findings = std::iter::from_fn(|| checker.poll_finding());
    let findings = findings.filter(|finding| finding.rule == Rule::Protection);
    findings.map(|finding| finding.to_string()).collect()
}

#[test]
fn ffmpeg_decrypts_what_we_encrypt() {
    let folder = Folder::new("cenc-write");
    let Some(events) = clear_events(&folder) else {
        return;
    };
    let cuts = || Cuts::segments(Time::from_millis(1500));
    let clear = file_of(&package(&events, cuts(), Config::muxed()), None);
    let path = folder.file("clear.mp4");
    std::fs::write(&path, &clear).unwrap();
    let expected = frames(&path);
    assert!(expected.len() > 300);
    for scheme in SCHEMES {
        let outputs = package(
            &events,
            cuts(),
            Config::muxed().encrypted(encryption(scheme)),
        );
        let encrypted = file_of(&outputs, None);
        // Where it can seek, ffmpeg takes the vectors of a wrong fragment, of shaka-packager's files too. In `cens`, it
        // decrypts the last bytes of sound too, which do not fill a block and stay clear by §9.7.
        let given = if scheme == Scheme::Cens {
            let config = Config::muxed().encrypted(encryption(scheme).of_kind(Kind::Video));
            file_of(&package(&events, cuts(), config), None)
        } else {
            encrypted.clone()
        };
        let found = frames_of("pipe:0", &["-decryption_key", KEY_HEX], &given);
        assert!(found == expected, "{scheme:?}");

        assert_eq!(protection(&encrypted), [""; 0], "{scheme:?}");
        // A description of the first version, as the oldest packagers write it.
        let mut old = encrypted.clone();
        let tenc = old.windows(4).position(|name| name == b"tenc").unwrap();
        old[tenc + 4] = 0;
        let lacks_pattern = matches!(scheme, Scheme::Cens | Scheme::Cbcs);
        assert_eq!(protection(&old).len(), usize::from(lacks_pattern));

        // Without the key, the samples are others.
        let locked = decrypt(&encrypted, Keys::new());
        let other = |track: &media::Track| matches!(&track.codec, Codec::Other { fourcc, .. } if fourcc.0.starts_with(b"enc"));
        assert!(tracks(&locked)[0].iter().all(other), "{scheme:?}");
        let kept = samples(&locked)
            .iter()
            .zip(samples(&demux(&clear)))
            .filter(|(a, b)| a.data == b.data)
            .count();
        assert!(kept < 30, "{scheme:?}: {kept} samples are clear");

        // With it, they are the same.
        let keys = Keys::new().with(KID, Key::new(KEY));
        assert_same(
            &decrypt(&encrypted, keys),
            &demux(&clear),
            &format!("{scheme:?}"),
        );

        // Sound alone can be encrypted, too.
        let config = Config::muxed().encrypted(encryption(scheme).of_kind(Kind::Audio));
        let half = file_of(&package(&events, cuts(), config), None);
        assert_same(
            &decrypt(&half, Keys::new().with_any(Key::new(KEY))),
            &demux(&clear),
            "sound alone",
        );
    }
}

/// Initialization vectors, as they stand in the file, never come twice under one key.
#[test]
fn vectors_come_once() {
    let folder = Folder::new("cenc-vectors");
    let Some(events) = clear_events(&folder) else {
        return;
    };
    let config = Config::per_track().encrypted(encryption(Scheme::Cenc));
    let outputs = package(&events, Cuts::low_latency(), config);
    let mut seen = std::collections::HashSet::new();
    for track in [1, 2].map(media::TrackId) {
        let file = file_of(&outputs, Some(track));
        for child in Children::new(wire::Reader::new(&file)) {
            let child = child.unwrap();
            if child.header.box_type != Moof::TYPE {
                continue;
            }
            let moof = Moof::parse(child.bytes()).unwrap();
            for traf in &moof.trafs {
                let senc = traf.senc.as_ref().unwrap();
                for info in senc.samples(8) {
                    assert!(seen.insert(info.unwrap().iv));
                }
                // `saio` points at the table of `senc`.
                let place = usize::try_from(traf.saios[0].offsets[0]).unwrap();
                assert!(child.bytes()[place..].starts_with(senc.table()));
            }
        }
    }
    assert!(seen.len() > 600, "{}", seen.len());
}

/// ffmpeg writes `senc` right in progressive files only: `stbl` has it. They are read at random, and as they come.
#[test]
fn ffmpegs_encrypted_files_are_decrypted() {
    let folder = Folder::new("cenc-ffmpeg");
    let Some(source) = source(&folder) else {
        return;
    };
    for moov in ["0", "faststart"] {
        let [clear, encrypted] = ["clear.mp4", "encrypted.mp4"].map(|name| folder.file(name));
        for path in [&clear, &encrypted] {
            let mut args = vec![
                "-v",
                "error",
                "-i",
                &source,
                "-c",
                "copy",
                "-movflags",
                moov,
            ];
            if *path == encrypted {
                args.extend([
                    "-encryption_scheme",
                    "cenc-aes-ctr",
                    "-encryption_key",
                    KEY_HEX,
                ]);
                args.extend(["-encryption_kid", KID_HEX]);
            }
            args.extend(["-y", path]);
            common::run("ffmpeg", &args).unwrap();
        }
        let [clear, encrypted] =
            [clear, encrypted].map(|path| Bytes::from(std::fs::read(path).unwrap()));
        let keys = || Keys::new().with(KID, Key::new(KEY));
        let mut config = fluvial_mp4::reader::Config::default();
        let expected = common::files::events(&clear, config.clone());
        config.keys = keys();
        assert_same(
            &common::files::events(&encrypted, config.clone()),
            &expected,
            moov,
        );
        if moov == "faststart" {
            assert_same(&decrypt(&encrypted, keys()), &demux(&clear), "as it comes");
        }
        // From the middle on, and back to the start.
        let movie = common::files::open(&encrypted).0.unwrap();
        let mut reader = Reader::new(movie, config);
        for time in [3000, 0] {
            reader.seek(Time::from_millis(time));
            let (events, _) = common::files::drain(&mut reader, &encrypted);
            let found = samples(&events);
            let all = samples(&expected);
            for track in &tracks(&expected)[0] {
                let (found, all) = (of(&found, track.id), of(&all, track.id));
                assert!(!found.is_empty());
                let tail = &all[all.len() - found.len()..];
                assert!(
                    found.iter().zip(tail).all(|(a, b)| a.data == b.data),
                    "{time} {moov}"
                );
            }
        }
        // Without a key it is what it is.
        let closed = common::files::events(&encrypted, fluvial_mp4::reader::Config::default());
        assert!(
            tracks(&closed)[0]
                .iter()
                .all(|track| matches!(track.codec, Codec::Other { .. }))
        );
    }
}

#[test]
fn shakas_files_are_decrypted() {
    let folder = Folder::new("cenc-shaka");
    let Some(source) = source(&folder) else {
        return;
    };
    let pack = |name: &str, stream: &str, options: &[&str]| {
        let path = folder.file(name);
        let mut args = vec![format!("in={source},stream={stream},output={path}")];
        args.extend(["--segment_duration=1", "--fragment_duration=1"].map(str::to_owned));
        args.extend(options.iter().map(|option| (*option).to_owned()));
        testing::shaka_packager(&args)?;
        Some(std::fs::read(path).unwrap())
    };
    let raw_key = format!("label=:key_id={KID_HEX}:key={KEY_HEX}");
    for stream in ["video", "audio"] {
        let Some(clear) = pack("clear.mp4", stream, &[]) else {
            return;
        };
        let clear = demux(&clear);
        for scheme in ["cenc", "cbc1", "cens", "cbcs"] {
            for clear_lead in ["0", "2"] {
                let scheme_option = format!("--protection_scheme={scheme}");
                let lead = format!("--clear_lead={clear_lead}");
                let options = [
                    "--enable_raw_key_encryption",
                    "--keys",
                    &raw_key,
                    &scheme_option,
                    &lead,
                ];
                let encrypted = pack("encrypted.mp4", stream, &options).unwrap();
                let what = format!("{stream}, {scheme}, clear lead {clear_lead}");
                assert_eq!(protection(&encrypted), [""; 0], "{what}");
                assert_same(
                    &decrypt(&encrypted, Keys::new().with(KID, Key::new(KEY))),
                    &clear,
                    &what,
                );
            }
        }
    }
}

#[test]
fn shaka_decrypts_what_we_encrypt() {
    let folder = Folder::new("cenc-shaka-write");
    let Some(events) = clear_events(&folder) else {
        return;
    };
    for scheme in SCHEMES {
        // Under one key, shaka-packager takes the pattern of the first track for all.
        let mut sound = encryption(scheme).of_kind(Kind::Audio);
        sound.key_id = KeyId([9; 16]);
        let config = Config::muxed()
            .encrypted(sound)
            .encrypted(encryption(scheme));
        let outputs = package(&events, Cuts::segments(Time::from_millis(1500)), config);
        let input = folder.file("ours.mp4");
        std::fs::write(&input, file_of(&outputs, None)).unwrap();
        for (stream, track) in [("video", media::TrackId(1)), ("audio", media::TrackId(2))] {
            let output = folder.file("shakas.mp4");
            let args = [
                format!("in={input},stream={stream},output={output}"),
                "--enable_raw_key_decryption".to_owned(),
                "--keys".to_owned(),
                format!(
                    "label=:key_id={KID_HEX}:key={KEY_HEX},label=2:key_id={}:key={KEY_HEX}",
                    KeyId([9; 16])
                ),
            ];
            if testing::shaka_packager(&args).is_none() {
                return;
            }
            let data = |events: &[Event]| -> Vec<_> {
                let all = samples(events);
                of(&all, track)
                    .into_iter()
                    .map(|sample| sample.data.clone())
                    .collect()
            };
            // It numbers the only track 1.
            let mut back = demux(&std::fs::read(&output).unwrap());
            for event in &mut back {
                if let Event::Sample(sample) = event {
                    sample.track = track;
                }
            }
            assert!(data(&back) == data(&events), "{scheme:?}, {stream}");
        }
    }
}
