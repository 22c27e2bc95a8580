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
