//! Private data that no descriptor names: sound that ffmpeg writes into m2ts so.

mod common;

use common::demux;
use fluvial_mpegts::psi::crc32;
use media::Kind;

#[test]
fn sound_is_known_by_its_frames() {
    for (codec, options) in [("aac", "-c:a aac"), ("eac3", "-c:a eac3")] {
        let make = |container: &str| {
            let args = format!(
                "-v error -f lavfi -i testsrc2=s=128x96:r=25 -f lavfi -i sine=r=48000 -t 2 -c:v libx264 {options} {container} -"
            );
            testing::run("ffmpeg", &args, b"")
        };
        let Some(named) = make("-f mpegts") else {
            return;
        };
        let other = match codec {
            "aac" => make("-f mpegts -mpegts_m2ts_mode 1").unwrap(),
            _ => without_names(&named),
        };
        let (named, other) = (demux(&named), demux(&other));
        let sound = |found: &common::Found| {
            let tracks = found.last_tracks();
            let track = tracks.first_of(Kind::Audio).unwrap().clone();
            let samples = found.of(track.id.0);
            let data: Vec<_> = samples.iter().map(|sample| sample.data.clone()).collect();
            (track.codec, track.timescale, data)
        };
        assert_eq!(sound(&other), sound(&named), "{codec}");
        assert_eq!(other.warnings, [], "{codec}");
        assert_eq!(other.tracks.len(), 1, "{codec}");
    }
}

#[test]
fn pictures_are_known_by_their_headers() {
    let make = |container: &str| {
        let args = format!(
            "-v error -f lavfi -i testsrc2=s=128x96:r=25 -t 1 -c:v mpeg4 -bf 2 {container} -"
        );
        testing::run("ffmpeg", &args, b"")
    };
    let Some(named) = make("-f mpegts") else {
        return;
    };
    let other = demux(&make("-f mpegts -mpegts_m2ts_mode 1").unwrap());
    let named = demux(&named);
    let pictures = |found: &common::Found| {
        let track = found.last_tracks().first_of(Kind::Video).unwrap().clone();
        let samples = found.of(track.id.0);
        let start = samples[0].dts;
        let samples = samples.iter();
        let samples: Vec<_> = samples
            .map(|sample| (sample.dts - start, sample.pts - start, sample.data.clone()))
            .collect();
        assert_eq!(samples.len(), 25);
        assert!(matches!(track.codec, media::Codec::Mpeg4Video(_)));
        (track.codec, samples)
    };
    assert_eq!(pictures(&other), pictures(&named));
    assert_eq!(other.warnings, []);
}

/// The same stream with E-AC-3 as private data, whose registration is turned into a descriptor that nobody knows.
fn without_names(stream: &[u8]) -> Vec<u8> {
    let mut stream = stream.to_vec();
    let mut changed = 0;
    for packet in stream.chunks_exact_mut(188) {
        // A program map, alone in its packet.
        if packet[1..4] != [0x50, 0x00, packet[3]] || packet[4..6] != [0, 2] {
            continue;
        }
        let section = 5..5 + 3 + (usize::from(packet[6] & 0x0F) << 8 | usize::from(packet[7]));
        let section = &mut packet[section];
        let at = section.windows(4).position(|name| name == b"EAC3").unwrap();
        // The type, PID and length before the descriptor's tag and length.
        assert_eq!((section[at - 7], section[at - 2]), (0x87, 0x05));
        (section[at - 7], section[at - 2]) = (0x06, 0xF0);
        let (body, sum) = section.split_at_mut(section.len() - 4);
        sum.copy_from_slice(&crc32(body).to_be_bytes());
        changed += 1;
    }
    assert!(changed > 5);
    stream
}

/// Packets of cues that are said to be private data, beside pictures whose codec is known by then.
#[test]
fn what_is_not_known_holds_nothing_up() {
    let Some(corpus) = testing::corpus("mpegts/ant-media-Ant-Media-Server") else {
        return;
    };
    let found = demux(&std::fs::read(corpus.join("test_with_scte35.ts")).unwrap());
    assert_eq!(found.tracks.len(), 1);
    assert_eq!(found.last_tracks().len(), 2);
    let [warning] = &found.warnings[..] else {
        panic!("{:?}", found.warnings);
    };
    assert!(warning.what.contains("private data"), "{warning}");
}
