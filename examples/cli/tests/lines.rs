//! What `probe --samples` tells of samples whose format does not say how long they last.
#![allow(unreachable_pub, reason = "nothing of a test is public")]

mod support;

use serde_json::Value;
use support::works;

#[test]
fn all_samples_but_the_last_have_a_duration() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    for (name, codecs) in [
        ("x.ts", "-c:v libx264 -bf 2 -c:a aac"),
        ("x.mpg", "-c:v mpeg2video -bf 2 -c:a mp2 -f vob"),
        ("x.flv", "-c:v libx264 -bf 2 -c:a aac"),
    ] {
        let make = format!(
            "-v error -f lavfi -i testsrc2=size=128x96:rate=25 -f lavfi -i sine=sample_rate=48000 -t 2 {codecs} {}",
            path(name)
        );
        if testing::run("ffmpeg", &make, b"").is_none() {
            return;
        }
        let told = works(&["probe", "--samples", &path(name)]);
        let lines = std::str::from_utf8(&told).unwrap().lines();
        let lines: Vec<Value> = lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let wide = lines.iter().max_by_key(|line| line["size"].as_u64());
        let video = &wide.unwrap()["track"];
        let pictures: Vec<&Value> = lines
            .iter()
            .filter(|line| line["track"] == *video)
            .collect();
        assert_eq!(pictures.len(), 50, "{name}");
        let (last, others) = pictures.split_last().unwrap();
        for pair in pictures.windows(2) {
            let [dts, next] = [0, 1].map(|n| pair[n]["dts"].as_i64().unwrap());
            assert_eq!(pair[0]["duration"], next - dts, "{name}");
        }
        let step = &others[0]["duration"];
        assert!(step.is_u64(), "{name}");
        assert!(
            others.iter().all(|line| line["duration"] == *step),
            "{name}"
        );
        let last = &last["duration"];
        assert!(last.is_null() || last == step, "{name}");
        // In the order of the file, and all of them.
        let report = works(&["probe", "--json", &path(name)]);
        let report: Value = serde_json::from_slice(&report).unwrap();
        let counts = report["tracks"].as_array().unwrap().iter();
        let counts = counts.map(|track| track["samples"].as_u64().unwrap());
        assert_eq!(counts.sum::<u64>(), lines.len() as u64, "{name}");
    }
}

#[test]
fn the_layers_of_mpeg_audio_have_names_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    for (name, codec) in [("mp2", "mp2"), ("mp3", "libmp3lame")] {
        let path = folder.path().join(format!("x.{name}"));
        let path = path.to_str().unwrap();
        let make = format!("-v error -f lavfi -i sine -t 1 -c:a {codec} {path}");
        if testing::run("ffmpeg", &make, b"").is_none() {
            return;
        }
        let report = works(&["probe", "--json", path]);
        let report: Value = serde_json::from_slice(&report).unwrap();
        assert_eq!(report["format"], name);
    }
}
