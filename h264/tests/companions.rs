//! What lies beside the streams of the corpus, and what ffprobe says of them as a whole: sizes, profiles, counts.

mod common;

use fluvial_h264::nal::UnitType;
use fluvial_h264::stream::{AccessUnit, Demuxer, Event, Limits};
use fluvial_h264::{DecoderConfig, Sps, Tracer, annexb};
use std::path::Path;

/// Configurations and access units.
fn demux(stream: &[u8]) -> (Vec<DecoderConfig>, Vec<AccessUnit>) {
    let mut demuxer = Demuxer::new(Limits::default());
    demuxer.handle_input(stream);
    demuxer.handle_eof();
    let (mut configs, mut units) = (Vec::new(), Vec::new());
    while let Some(event) = demuxer.poll_event() {
        match event {
            Event::Config { config, .. } => configs.push(config),
            Event::AccessUnit(unit) => units.push(unit),
            other => panic!("{other:?}"),
        }
    }
    (configs, units)
}

/// Frames, of which fields make half each: by how long they are shown at 25 frames in a second.
fn frames(units: &[AccessUnit]) -> usize {
    let ticks: u32 = units.iter().map(|unit| unit.duration).sum();
    usize::try_from(ticks / 512).unwrap()
}

fn first_sps(stream: &[u8]) -> Sps {
    annexb::nals(stream)
        .find_map(|nal| Sps::parse(nal).ok())
        .unwrap()
}

fn text(path: &Path) -> Option<String> {
    path.is_file()
        .then(|| std::fs::read_to_string(path).unwrap())
}

/// A number such as in `"width": 320,`.
fn number(json: &str, name: &str) -> u64 {
    let (_, rest) = json.split_once(&format!("\"{name}\": ")).unwrap();
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
    rest[..end].parse().unwrap()
}

#[test]
fn frames_are_as_many_as_checksums_of_them() {
    let Some(folder) = common::corpus() else {
        return;
    };
    let mut compared = 0;
    for (path, stream) in common::streams() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let Some(crc) = text(&path.with_file_name(format!("{name}.crc"))) else {
            continue;
        };
        let (_, units) = demux(&stream);
        assert_eq!(units.len(), crc.lines().count(), "{name}");
        compared += 1;
    }
    assert_eq!(compared, 6);
    let refs = [
        ("bcrm_freh10", "freh10.264"),
        ("brcm_freh3", "freh3.264"),
        ("brcm_freh5", "freh5.264"),
        ("frext01_jvc_d", "FREXT01_JVC_D.264"),
        ("frext1_panasonic_c", "FRExt1_Panasonic.avc"),
        ("frext3_panasonic_d", "FRExt3_Panasonic.avc"),
        ("hcaff1_hhi_b", "HCAFF1_HHI.264"),
        ("hcafr1_hhi_c", "HCAFR1_HHI.264"),
    ];
    for (reference, name) in refs {
        let reference = folder.join(format!("libav-fate-ref/h264-conformance-frext-{reference}"));
        let reference = text(&reference).unwrap();
        let lines: Vec<&str> = reference
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        let stream = std::fs::read(folder.join("lu-zero-fate-samples/FRext").join(name)).unwrap();
        let (configs, units) = demux(&stream);
        assert_eq!(frames(&units), lines.len(), "{name}");
        let sps = configs[0].first_sps().unwrap();
        let size = (sps.width() * sps.height() * 3 / 2).to_string();
        assert!(
            lines
                .iter()
                .all(|line| line.split(',').nth(4).unwrap().trim() == size),
            "{name}"
        );
    }
}

#[test]
fn a_stream_is_what_its_json_says() {
    let Some(folder) = common::corpus() else {
        return;
    };
    let path = folder.join("chromeos-cros-codecs/test_data/test-25fps.h264");
    let stream = std::fs::read(&path).unwrap();
    let json = text(&path.with_extension("h264.json")).unwrap();
    let (configs, units) = demux(&stream);
    let sps = configs[0].first_sps().unwrap();
    assert!(json.contains("\"profile\": \"H264PROFILE_MAIN\"") && sps.profile_idc == 77);
    assert_eq!(u64::from(sps.width()), number(&json, "width"));
    assert_eq!(u64::from(sps.height()), number(&json, "height"));
    // It tells no rate itself.
    assert_eq!((sps.frame_rate(), number(&json, "frame_rate")), (None, 25));
    assert_eq!(units.len() as u64, number(&json, "num_frames"));
}

/// The names of profiles.
fn profile(sps: &Sps) -> &'static str {
    match sps.profile_idc {
        66 if sps.constraint_set(1) => "Constrained Baseline",
        66 => "Baseline",
        77 => "Main",
        88 => "Extended",
        100 => "High",
        110 => "High 10",
        122 => "High 4:2:2",
        244 => "High 4:4:4 Predictive",
        other => panic!("{other}"),
    }
}

#[test]
fn profiles_are_those_of_the_list_of_conformance_streams() {
    let Some(folder) = common::corpus() else {
        return;
    };
    let lists = ["JVT-AVC_V1.json", "JVT-FR-EXT.json"]
        .map(|name| text(&folder.join("fluendo-fluster/h.264").join(name)).unwrap());
    let mut compared = 0;
    for (path, stream) in common::streams() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let line = format!("\"input_file\": \"{name}\"");
        let Some((_, entry)) = lists.iter().find_map(|list| list.split_once(&line)) else {
            continue;
        };
        let value = |name: &str| {
            let (_, rest) = entry.split_once(&format!("\"{name}\": \"")).unwrap();
            rest.split('"').next().unwrap()
        };
        let sps = first_sps(&stream);
        assert_eq!(profile(&sps), value("profile"), "{name}");
        assert_eq!(value("output_format"), "yuv420p");
        assert_eq!(
            (sps.chroma_format_idc, sps.bit_depth_luma_minus8),
            (1, 0),
            "{name}"
        );
        compared += 1;
    }
    assert!(compared >= 25, "{compared}");
}

#[test]
fn streams_are_what_ffprobe_says_of_them() {
    let entries = "profile,level,width,height,sample_aspect_ratio,pix_fmt,color_range,color_space,\
                   color_transfer,color_primaries,r_frame_rate,has_b_frames";
    for (path, stream) in common::streams() {
        let input = path.to_str().unwrap();
        if input.ends_with("sps_subsetsps_bothVUI.264") {
            // A slice of a further layer alone, from which ffprobe learns nothing.
            continue;
        }
        let arguments =
            format!("-v error -f h264 -show_entries stream={entries} -of default=nw=1 {input}");
        let Some(told) = testing::ask("ffprobe", &arguments, &[]) else {
            return;
        };
        let told = String::from_utf8(told).unwrap();
        let value = |name: &str| {
            told.lines()
                .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                .unwrap_or("")
        };
        let sps = first_sps(&stream);
        assert_eq!(value("profile"), profile(&sps), "{input}");
        assert_eq!(value("level"), sps.level_idc.to_string(), "{input}");
        assert_eq!(value("width"), sps.width().to_string(), "{input}");
        assert_eq!(value("height"), sps.height().to_string(), "{input}");
        let ratio = sps.sample_aspect_ratio();
        let ratio = ratio.map_or("N/A".to_owned(), |ratio| {
            format!("{}:{}", ratio.num, ratio.den)
        });
        assert_eq!(value("sample_aspect_ratio"), ratio, "{input}");
        let rate = sps
            .frame_rate()
            .map_or("25/1".to_owned(), |rate| rate.to_string());
        assert_eq!(value("r_frame_rate"), rate, "{input}");
        let format = match (sps.chroma_format_idc, sps.bit_depth_luma_minus8) {
            (1, 0) => "yuv420p",
            other => panic!("{other:?}"),
        };
        assert_eq!(value("pix_fmt"), format, "{input}");
        let colour = sps.colour().map(|colour| colour.matrix_coefficients);
        let space = match colour {
            Some(1) => "bt709",
            Some(5) => "bt470bg",
            Some(6) => "smpte170m",
            None | Some(2) => "unknown",
            Some(other) => panic!("{other}"),
        };
        assert_eq!(value("color_space"), space, "{input}");
        assert_eq!(value("color_range") == "pc", sps.is_full_range(), "{input}");
    }
}

/// A value of fq, such as in `      chroma_format_idc: "4:4:4" (3) 0x3.1-0x3.6 (0.5)`: its name, the bit where it starts,
/// and the value. Text after the value and values without a number are left out.
fn field(line: &str) -> Option<(&str, u64, i64)> {
    let line = line.rsplit('|').next()?.trim();
    let (name, rest) = line.split_once(": ")?;
    let range = rest.split(' ').rfind(|word| word.starts_with("0x"))?;
    let (start, _) = range.split_once('-')?;
    let (byte, bit) = start.split_once('.').unwrap_or((start, "0"));
    let at =
        u64::from_str_radix(byte.strip_prefix("0x")?, 16).ok()? * 8 + bit.parse::<u64>().ok()?;
    let value = match rest.split(' ').next()? {
        "true" => 1,
        "false" => 0,
        quoted if quoted.starts_with('"') => {
            let (_, number) = rest.split_once("\" (")?;
            number.split(')').next()?.parse().ok()?
        }
        number => number.parse().ok()?,
    };
    Some((name, at, value))
}

/// What fq adds to the coded value, by the end of the name.
fn coded(name: &str) -> (&str, i64) {
    let names = [
        ("num_slice_groups_minus1", "num_slice_groups", 1),
        (
            "num_ref_idx_l0_default_active_minus1",
            "num_ref_idx_l0_default_active",
            1,
        ),
        (
            "num_ref_idx_l1_default_active_minus1",
            "num_ref_idx_l1_default_active",
            1,
        ),
        ("pic_init_qp_minus26", "pic_init_qp", 26),
        ("pic_init_qs_minus26", "pic_init_qs", 26),
        ("bit_depth_luma_minus8", "bit_depth_luma", 8),
        ("bit_depth_chroma_minus8", "bit_depth_chroma", 8),
        ("log2_max_frame_num_minus4", "log2_max_frame_num", 4),
        (
            "log2_max_pic_order_cnt_lsb_minus4",
            "log2_max_pic_order_cnt_lsb",
            4,
        ),
        ("pic_width_in_mbs_minus1", "pic_width_in_mbs", 1),
        (
            "pic_height_in_map_units_minus1",
            "pic_height_in_map_units",
            1,
        ),
        ("payload_type_byte", "payload_type", 0),
        ("payload_size_byte", "payload_size", 0),
    ];
    names
        .into_iter()
        .find_map(|(ours, theirs, added)| (ours == name).then_some((theirs, added)))
        .unwrap_or((name, 0))
}

/// All that fq tells of a unit's content, and that we tell too, is the same; tells how much that was.
fn compare(theirs: &[(&str, u64, i64)], nal: &[u8], base: u64, tracer: &mut Tracer) -> usize {
    let mut ours = Vec::new();
    tracer.nal(nal, |element| ours.push(element)).unwrap();
    let mut same = 0;
    for (name, at, value) in theirs {
        let found = ours.iter().find(|element| coded(element.name).0 == *name);
        let Some(found) = found else {
            let flags = [
                "stop_one_bit",
                "forbidden_zero_bit",
                "payload_type",
                "payload_size",
            ];
            let told_whole = name.starts_with("constraint_set") || *name == "reserved_zero_2bits";
            assert!(told_whole || flags.contains(name), "{name}");
            continue;
        };
        assert_eq!(base + at, found.bit, "{name}");
        assert_eq!(*value, found.value + coded(found.name).1, "{name}");
        same += 1;
    }
    same
}

#[test]
fn elements_are_those_of_fq() {
    let Some(folder) = common::corpus().map(|folder| folder.join("wader-fq")) else {
        return;
    };
    // Files of one unit: with its header, and without.
    for (name, header, expected) in [
        ("avc_nalu_sei_recovery_point", None, 6),
        ("avc_pps_stop_more_8bit", Some(0x68), 15),
    ] {
        let dump = text(&folder.join(format!("{name}.fqtest"))).unwrap();
        let theirs: Vec<_> = dump.lines().filter_map(field).collect();
        let mut nal: Vec<u8> = header.into_iter().collect();
        nal.extend(std::fs::read(folder.join(name)).unwrap());
        let mut tracer = Tracer::default();
        let base = if header.is_some() { 8 } else { 0 };
        assert_eq!(
            compare(&theirs, &nal, base, &mut tracer),
            expected,
            "{name}"
        );
    }
    let stream = std::fs::read(folder.join("avc_annexb")).unwrap();
    let dump = text(&folder.join("avc_annexb.fqtest")).unwrap();
    let mut tracer = Tracer::default();
    let units = dump.split("nalu (avc_nalu)").skip(1);
    let mut same = 0;
    for (unit, nal) in units.zip(annexb::nals(&stream)) {
        // Offsets are those of the file, but within what had emulation prevention bytes.
        let at = (nal.as_ptr().addr() - stream.as_ptr().addr()) as u64 * 8;
        let within = UnitType::of(nal) == UnitType::Sps;
        let theirs: Vec<_> = unit.lines().filter_map(field).collect();
        let (inner, outer): (Vec<_>, Vec<_>) = theirs.into_iter().partition(|(name, ..)| {
            within
                && *name != "nal_ref_idc"
                && *name != "nal_unit_type"
                && !name.starts_with("forbidden")
        });
        let outer: Vec<_> = outer
            .into_iter()
            .map(|(name, bit, value)| (name, bit - at, value))
            .collect();
        same += compare(&inner, nal, 8, &mut tracer.clone());
        same += compare(&outer, nal, 0, &mut tracer);
    }
    assert!(same > 60, "{same}");
}
