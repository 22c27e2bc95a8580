//! What sequence parameter sets amount to, against ffprobe.

mod common;

use fluvial_h264::{DecoderConfig, ParameterSets, Sps, annexb};
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

#[test]
fn what_is_before_damaged_usability_information_is_usable() {
    const WHOLE: [u8; 28] = [
        0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02,
        0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
    ];
    let sps = Sps::parse(&WHOLE).unwrap();
    assert_eq!(Sps::parse_usable(&WHOLE), Ok((sps.clone(), None)));
    let cut = &WHOLE[..16];
    let error = Sps::parse(cut).unwrap_err();
    let without = Sps { vui: None, ..sps };
    assert_eq!(Sps::parse_usable(cut), Ok((without.clone(), Some(error))));
    let mut sets = ParameterSets::default();
    assert_eq!(sets.insert(cut), Err(error));
    assert_eq!(sets.sps(0), Ok(&without));
    let config = DecoderConfig::from_parameter_sets([cut], []).unwrap();
    assert_eq!(config.first_sps(), Some(&without));
    // Of what is before, nothing is made up.
    assert!(Sps::parse_usable(&WHOLE[..8]).is_err());
}
