//! What sequence parameter sets amount to, against ffprobe.

mod common;

use fluvial_h264::{Sps, annexb};
use std::collections::HashMap;

#[test]
fn streams_are_what_ffprobe_says() {
    for (path, stream) in common::streams() {
        let input = path.to_str().unwrap();
        let Some((told, _)) = common::run(
            "ffprobe",
            &[
                "-v",
                "quiet",
                "-f",
                "h264",
                "-show_streams",
                "-of",
                "default",
                input,
            ],
        ) else {
            return;
        };
        let told: HashMap<&str, &str> = told
            .lines()
            .filter_map(|line| line.split_once('='))
            .collect();
        if told.get("width").is_none_or(|width| *width == "0") {
            // The stream whose picture parameter set refers to a subset.
            assert!(input.contains("sps_subsetsps_bothVUI"), "{input}");
            continue;
        }
        let sps = annexb::nals(&stream)
            .find_map(|nal| Sps::parse(nal).ok())
            .unwrap();
        let check = |key: &str, ours: String| {
            assert_eq!(told.get(key), Some(&ours.as_str()), "{input}: {key}");
        };
        check("width", sps.width().to_string());
        check("height", sps.height().to_string());
        check("level", sps.level_idc.to_string());
        let profile = match (sps.profile_idc, sps.constraint_set(1)) {
            (66, true) => "Constrained Baseline",
            (66, false) => "Baseline",
            (77, _) => "Main",
            (88, _) => "Extended",
            (100, _) => "High",
            (110, _) => "High 10",
            (122, _) => "High 4:2:2",
            other => panic!("{other:?}"),
        };
        check("profile", profile.to_owned());
        if let Some(sar) = sps.sample_aspect_ratio() {
            check("sample_aspect_ratio", format!("{}:{}", sar.num, sar.den));
        }
        if let Some(colour) = sps.colour() {
            let known = |key: &str| told.get(key).is_some_and(|name| *name != "unknown");
            assert_eq!(
                known("color_primaries"),
                colour.colour_primaries != 2,
                "{input}"
            );
        }
        // Told only where there are enough frames.
        let timing = sps.vui.as_ref().and_then(|vui| vui.timing);
        if timing.is_some_and(|timing| timing.fixed_frame_rate_flag)
            && told["avg_frame_rate"] != "0/0"
        {
            check("avg_frame_rate", sps.frame_rate().unwrap().to_string());
        }
    }
}
