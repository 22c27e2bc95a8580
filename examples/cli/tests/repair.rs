//! Files in fragments, cut off anywhere: what `fluvial repair` makes of them is plain, starts with its tables, and ffmpeg reads it
//! without a word up to the last fragment that was whole.

use std::process::Command;

fn fluvial(args: &[&str]) -> bool {
    Command::new(env!("CARGO_BIN_EXE_fluvial"))
        .args(args)
        .output()
        .unwrap()
        .status
        .success()
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
        let output = Command::new("ffmpeg")
            .args(read.split_whitespace())
            .output()
            .unwrap();
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

#[test]
fn pictures_are_found_without_tables_by_a_file_of_the_same_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (good, whole) = (path("good.mp4"), path("whole.mp4"));
    let (cut, mended) = (path("cut.mp4"), path("mended.mp4"));
    for (out, picture, sound) in [(&good, "testsrc2", 300), (&whole, "mandelbrot", 500)] {
        let make = format!(
            "-v error -f lavfi -i {picture}=size=128x96:rate=25 -f lavfi -i sine=frequency={sound} -t 8 -c:v libx264 -g 25 -bf 2 \
             -pix_fmt yuv420p -c:a aac -y {out}"
        );
        if testing::run("ffmpeg", &make, b"").is_none() {
            return;
        }
    }
    let frames = |path: &str| -> Vec<String> {
        let args = format!("-v error -i {path} -map 0:v -f framemd5 -");
        let lines = testing::csv("ffmpeg", &args, b"").unwrap();
        let lines = lines.into_iter().filter(|line| !line[0].starts_with('#'));
        lines.filter_map(|line| line.last().cloned()).collect()
    };
    let (data, all) = (std::fs::read(&whole).unwrap(), frames(&whole));
    assert!(all.len() == 200);
    // The tables come last: without the end there are none, and what a recorder left open has no size either.
    for (part, is_open) in [(9, false), (5, true)] {
        let mut broken = data[..data.len() * part / 10].to_vec();
        let mdat = broken.windows(4).position(|name| name == b"mdat").unwrap();
        if is_open {
            broken[mdat - 4..mdat].copy_from_slice(&[0; 4]);
        }
        std::fs::write(&cut, &broken).unwrap();
        assert!(!fluvial(&["repair", &cut, &mended]), "nothing else knows");
        assert!(fluvial(&["repair", "--like", &good, &cut, &mended]));
        let found = frames(&mended);
        // Of the last pictures, some are cut off, and others refer to them.
        assert!(
            found.len() + 10 >= all.len() * (part - 1) / 10,
            "{}",
            found.len()
        );
        let same = found.iter().zip(&all).filter(|(a, b)| a == b).count();
        assert!(same + 4 >= found.len(), "{same} of {}", found.len());
    }
}
