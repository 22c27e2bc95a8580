//! Files in fragments, cut off anywhere: what `fluvial repair` makes of them is plain, starts with its tables, and ffmpeg reads it
//! without a word up to the last fragment that was whole.

use std::process::Command;

fn fluvial(args: &[&str]) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fluvial"));
    let output = testing::output(command.args(args), b"");
    output.unwrap().status.success()
}

#[test]
fn a_recording_that_was_cut_off_plays_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, cut, mended) = (path("whole.mp4"), path("cut.mp4"), path("mended.mp4"));
    let make = format!(
        "-v error -f lavfi -i testsrc2=size=64x64:rate=25 -f lavfi -i sine -t 10 -c:v libx264 -g 25 -bf 2 -c:a aac -movflags \
         frag_keyframe+empty_moov+default_base_moof {whole}"
    );
    if testing::run("ffmpeg", &make, b"").is_none() {
        return;
    }
    let data = std::fs::read(&whole).unwrap();
    let mut random = testing::Random::new(7);
    for _ in 0..20 {
        // Behind the first fragment, so that there is something to save.
        let len = data.len() / 5 + random.below(data.len() * 4 / 5);
        std::fs::write(&cut, &data[..len]).unwrap();
        assert!(fluvial(&["repair", &cut, &mended]), "{len}");
        let bytes = std::fs::read(&mended).unwrap();
        let at = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
        assert!(at(b"moov") < at(b"mdat"), "{len}");
        assert!(!bytes.windows(4).any(|window| window == b"moof"), "{len}");
        let read = format!("-v warning -i {mended} -f null -");
        let output =
            testing::output(Command::new("ffmpeg").args(read.split_whitespace()), b"").unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{len}: {said}");
        let frames = |path: &str| {
            let args = format!(
                "-v error -select_streams v -count_packets -show_entries stream=nb_read_packets -of csv=p=0 {path}"
            );
            let lines = testing::csv("ffprobe", &args, b"").unwrap();
            // It gives up on some of the cut ones.
            lines
                .first()
                .map_or(0, |line| line[0].parse::<u32>().unwrap_or(0))
        };
        // ffmpeg gives what there is of the last fragment too; at 25 frames a fragment, no more than one can be missing.
        let saved = frames(&mended);
        assert!(saved >= 25 && saved + 25 >= frames(&cut), "{len}");
    }
}

/// The sums of what ffmpeg decodes of one kind.
fn frames(path: &str, map: &str) -> Vec<String> {
    let args = format!("-v error -i {path} -map 0:{map} -f framemd5 -");
    let lines = testing::csv("ffmpeg", &args, b"").unwrap_or_default();
    let lines = lines.into_iter().filter(|line| !line[0].starts_with('#'));
    lines.filter_map(|line| line.last().cloned()).collect()
}

/// The packets of one kind: decoding time and sum.
fn packets(path: &str, map: &str) -> Vec<Vec<String>> {
    let args = format!("-v error -i {path} -map 0:{map} -c copy -f framemd5 -");
    let lines = testing::csv("ffmpeg", &args, b"").unwrap_or_default();
    let lines = lines.into_iter().filter(|line| !line[0].starts_with('#'));
    let whole = lines.filter(|line| line.len() > 5);
    whole
        .map(|line| vec![line[1].clone(), line[5].clone()])
        .collect()
}

#[test]
fn pictures_and_sound_are_found_without_tables_by_a_file_of_the_same_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (good, whole) = (path("good.mp4"), path("whole.mp4"));
    let (cut, mended) = (path("cut.mp4"), path("mended.mp4"));
    for (coding, channels) in [
        ("libx264 -bf 2 -g 25 -r 25 -b:a 128k", 2),
        (
            "libx264 -bf 0 -g 15 -r 30000/1001 -slices 3 -b:a 32k -ar 22050",
            1,
        ),
        (
            "libx264 -bf 3 -g 50 -r 50 -b:a 64k -ar 48000 -bsf:v h264_metadata=delete_filler=1",
            2,
        ),
        (
            "libx265 -x265-params log-level=0:bframes=4:keyint=40:open-gop=1 -r 24000/1001 -b:a 96k",
            2,
        ),
        (
            "libx265 -tag:v hvc1 -x265-params log-level=0:bframes=0:keyint=20:temporal-layers=1 -r 25 -b:a 64k",
            2,
        ),
    ] {
        for (out, picture, sound) in [(&good, "testsrc2", 300), (&whole, "mandelbrot", 500)] {
            let make = format!(
                "-v error -f lavfi -i {picture}=size=128x96:rate=25 -f lavfi -i aevalsrc=exprs=0.3*sin({sound}*6*t)+0.1*random(0) -t 6 \
                 -pix_fmt yuv420p -c:a aac -ac {channels} -c:v {coding} -y {out}"
            );
            if testing::run("ffmpeg", &make, b"").is_none() {
                return;
            }
        }
        let data = std::fs::read(&whole).unwrap();
        let moov = data.windows(4).rposition(|name| name == b"moov").unwrap() - 4;
        // The tables come last: without the end there are none, and what a recorder left open has no size either.
        for (len, is_open) in [(moov, false), (moov + 200, true), (moov * 6 / 10, true)] {
            let mut broken = data[..len].to_vec();
            let mdat = broken.windows(4).position(|name| name == b"mdat").unwrap();
            if is_open {
                broken[mdat - 4..mdat].copy_from_slice(&[0; 4]);
            }
            std::fs::write(&cut, &broken).unwrap();
            let refused = testing::output(
                Command::new(env!("CARGO_BIN_EXE_fluvial")).args(["repair", &cut, &mended]),
                b"",
            )
            .unwrap();
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(
                !refused.status.success() && said.contains("--like"),
                "{said}"
            );
            assert!(fluvial(&["repair", "--like", &good, &cut, &mended]));
            let (pictures, all) = (frames(&mended, "v"), frames(&whole, "v"));
            let (sound, all_sound) = (packets(&mended, "a"), packets(&whole, "a"));
            if len >= moov {
                assert!(pictures == all, "{coding} {len}");
                assert_eq!(packets(&mended, "v").len(), packets(&whole, "v").len());
                assert!(sound == all_sound, "{coding} {len}");
                continue;
            }
            // Of the last pictures, some are cut off, and others refer to them.
            assert!(
                pictures.len() > all.len() / 3,
                "{coding} {}",
                pictures.len()
            );
            let same = pictures.iter().zip(&all).filter(|(a, b)| a == b).count();
            assert!(same + 4 >= pictures.len(), "{same} of {}", pictures.len());
            assert!(
                sound.len() > all_sound.len() / 3,
                "{coding} {}",
                sound.len()
            );
            assert!(sound[..] == all_sound[..sound.len()], "{coding} {len}");
        }
    }
}

#[test]
fn pictures_with_their_parameter_sets_among_them_need_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, cut, mended) = (path("whole.mp4"), path("cut.mp4"), path("mended.mp4"));
    for coding in [
        "libx264 -x264-params repeat-headers=1",
        "libx265 -x265-params log-level=0:repeat-headers=1",
        // The parameter sets stand among the pictures only.
        "libx265 -tag:v hev1 -x265-params log-level=0:repeat-headers=1:bframes=3:aud=1:hrd=1:vbv-bufsize=500:vbv-maxrate=500 -bsf:v hevc_metadata",
    ] {
        let make = format!(
            "-v error -f lavfi -i testsrc2=size=128x96:rate=25 -t 4 -c:v {coding} -y {whole}"
        );
        if testing::run("ffmpeg", &make, b"").is_none() {
            return;
        }
        let data = std::fs::read(&whole).unwrap();
        let moov = data.windows(4).rposition(|name| name == b"moov").unwrap() - 4;
        std::fs::write(&cut, &data[..moov]).unwrap();
        assert!(fluvial(&["repair", &cut, &mended]));
        assert_eq!(frames(&mended, "v"), frames(&whole, "v"));
    }
}

#[test]
fn recorders_of_h265_that_are_killed_lose_no_picture_that_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, broken, mended) = (path("whole.mp4"), path("broken.mp4"), path("mended.mp4"));
    let make = |out: &str, pace: &str| {
        format!(
            "-v error -nostdin {pace} -f lavfi -i testsrc2=size=192x108:rate=25 -f lavfi -i sine=frequency=500 -t 8 -c:v libx265 -x265-params \
             log-level=0:keyint=25:bframes=3 -c:a aac -flush_packets 1 -y {out}"
        )
    };
    if testing::run("ffmpeg", &make(&whole, ""), b"").is_none() {
        return;
    }
    let mut recorder = Command::new("ffmpeg")
        .args(make(&broken, "-re").split_whitespace())
        .spawn()
        .unwrap();
    let enough = std::fs::metadata(&whole).unwrap().len() / 3;
    while std::fs::metadata(&broken).map_or(0, |file| file.len()) < enough {
        assert!(recorder.try_wait().unwrap().is_none());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    recorder.kill().unwrap();
    recorder.wait().unwrap();
    assert!(!fluvial(&["repair", &broken, &mended]));
    assert!(fluvial(&["repair", "--like", &whole, &broken, &mended]));
    let bytes = std::fs::read(&mended).unwrap();
    let at = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
    assert!(at(b"moov") < at(b"mdat"));
    let (pictures, all) = (packets(&mended, "v"), packets(&whole, "v"));
    assert!(pictures.len() > all.len() / 4, "{}", pictures.len());
    let same = pictures.iter().zip(&all).filter(|(a, b)| a[1] == b[1]);
    assert_eq!(same.count(), pictures.len());
    // Of the last pictures, some refer to others that were not written.
    let (decoded, all) = (frames(&mended, "v"), frames(&whole, "v"));
    let same = decoded.iter().zip(&all).filter(|(a, b)| a == b).count();
    assert!(
        decoded.len() == pictures.len() && same + 4 >= decoded.len(),
        "{same} of {}",
        decoded.len()
    );
    let (sound, all) = (packets(&mended, "a"), packets(&whole, "a"));
    assert!(
        sound.len() * pictures.len() > 0 && sound[..] == all[..sound.len()],
        "{}",
        sound.len()
    );
}

#[test]
fn a_file_whose_tables_come_last_gets_them_first() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (whole, cut, mended) = (path("whole.mp4"), path("cut.mp4"), path("mended.mp4"));
    let make = format!(
        "-v error -f lavfi -i testsrc2=size=64x64:rate=25 -f lavfi -i sine -t 3 -c:v libx264 -bf 2 -c:a aac {whole}"
    );
    if testing::run("ffmpeg", &make, b"").is_none() {
        return;
    }
    // As it is, and without the last bytes of its tables, in which no track is.
    let data = std::fs::read(&whole).unwrap();
    for len in [data.len(), data.len() - 1, data.len() - 60] {
        std::fs::write(&cut, &data[..len]).unwrap();
        assert!(fluvial(&["repair", &cut, &mended]), "{len}");
        let bytes = std::fs::read(&mended).unwrap();
        let at = |name: &[u8]| bytes.windows(4).position(|window| window == name).unwrap();
        assert!(at(b"moov") < at(b"mdat"), "{len}");
        for kind in ["v", "a"] {
            assert_eq!(packets(&mended, kind), packets(&whole, kind), "{len}");
            assert_eq!(frames(&mended, kind), frames(&whole, kind), "{len}");
        }
    }
}
