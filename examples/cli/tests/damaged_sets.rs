//! Parameter sets of H.265 that are damaged: where ffmpeg gets over that and shows every picture as it was, so do copies.

mod support;

use std::fs;
use support::fluvial;

/// The sums of the pictures that ffmpeg decodes, none of them left out or shown twice.
fn frames(path: &str) -> Vec<String> {
    let args = format!("-v quiet -threads 1 -i {path} -map 0:v -vsync passthrough -f framemd5 -");
    let lines = testing::csv("ffmpeg", &args, b"").unwrap_or_default();
    let lines = lines.into_iter().filter(|line| !line[0].starts_with('#'));
    lines.filter_map(|mut line| line.pop()).collect()
}

/// Ways to damage a set of so many bytes: bits that are flipped, or where it ends early.
fn ways(len: usize) -> impl Iterator<Item = (bool, usize)> {
    let flips = (21..len * 8).step_by(41).map(|bit| (true, bit));
    flips.chain([(false, len * 2 / 3), (false, len - 1)])
}

fn damaged(set: &[u8], (is_flipped, at): (bool, usize)) -> Vec<u8> {
    let mut set = set.to_vec();
    if is_flipped {
        set[at / 8] ^= 0x80 >> (at % 8);
    } else {
        // As long as before, so that it fits its place in a packet.
        set[at..].fill(0xFF);
    }
    set
}

fn places(data: &[u8], part: &[u8]) -> Vec<usize> {
    let windows = data.windows(part.len());
    let all = windows.enumerate().filter(|(_, window)| *window == part);
    all.map(|(at, _)| at).collect()
}

#[test]
fn pictures_behind_damaged_parameter_sets_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let make = "-v error -f lavfi -i testsrc2=size=96x80:rate=25 -t 1.2 -c:v libx265 -x265-params log-level=none:keyint=10:bframes=3:scenecut=0:repeat-headers=1:hrd=1:vbv-maxrate=400:vbv-bufsize=400 -muxdelay 0 -f mpegts -";
    let Some(stream) = testing::run("ffmpeg", make, b"") else {
        return;
    };
    let raw = testing::run("ffmpeg", "-v error -i - -c copy -f hevc -", &stream).unwrap();
    let mut got_over = 0;
    for kind in [32, 33, 34] {
        let set = h264::annexb::nals(&raw).find(|nal| nal[0] >> 1 == kind);
        let set = set.unwrap();
        for (name, whole) in [("x.h265", &raw), ("x.ts", &stream)] {
            let places = places(whole, set);
            assert!(places.len() > 2, "{name}");
            let source = at(name);
            fs::write(&source, whole).unwrap();
            let all = frames(&source);
            assert_eq!(all.len(), 30);
            for way in ways(set.len()) {
                let mut broken = whole.clone();
                // Not the first ones, for those a decoder has to have.
                let place = places[places.len() - 2];
                broken[place..place + set.len()].copy_from_slice(&damaged(set, way));
                fs::write(&source, broken).unwrap();
                if frames(&source) != all {
                    continue;
                }
                got_over += 1;
                for (copy, options) in [
                    ("y.mp4", &[][..]),
                    ("z.mp4", &["--fragmented"]),
                    ("y.ts", &[]),
                ] {
                    let copy = at(copy);
                    let output = fluvial(&[&["remux"], options, &[&source, &copy]].concat());
                    assert!(output.status.success(), "{kind} {way:?}: {output:?}");
                    let found = frames(&copy);
                    assert!(
                        found == all,
                        "{name}, {kind} {way:?}, {copy}: {}",
                        found.len()
                    );
                }
            }
        }
    }
    assert!(got_over > 15, "{got_over}");
}
