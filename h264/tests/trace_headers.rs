//! Every syntax element of the corpus, against those that ffmpeg's `trace_headers` tells.

mod common;

use fluvial_h264::{Tracer, annexb};

type Element = (u64, String, i64);

/// What ffmpeg does not tell, or tells as part of something else.
const NOT_COMPARED: [&str; 11] = [
    "forbidden_zero_bit",
    "rbsp_stop_one_bit",
    "rbsp_alignment_zero_bit",
    "cabac_zero_word",
    "cabac_alignment_one_bit",
    "ff_byte",
    "last_payload_type_byte",
    "last_payload_size_byte",
    "bit_equal_to_one",
    "bit_equal_to_zero",
    "extension_data_flag",
];

/// The elements after "Packet:", without those of the repeated parameter sets before it.
fn theirs(log: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut in_packet = false;
    for line in log.lines() {
        let Some((_, line)) = line
            .split_once("] ")
            .filter(|_| line.starts_with("[trace_headers @"))
        else {
            continue;
        };
        in_packet |= line.starts_with("Packet:");
        let fields: Vec<&str> = line.split_whitespace().collect();
        if let [bit, name, .., "=", value] = fields[..]
            && let (true, Ok(bit), Ok(value)) = (in_packet, bit.parse(), value.parse())
        {
            let name = name.split('[').next().unwrap();
            let name = match name {
                "gaps_in_frame_num_allowed_flag" => "gaps_in_frame_num_value_allowed_flag",
                name => name,
            };
            if !NOT_COMPARED.contains(&name) {
                elements.push((bit, name.to_owned(), value));
            }
        }
    }
    elements
}

fn ours(stream: &[u8]) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut tracer = Tracer::default();
    // As ffmpeg has it from the extradata, for messages that come before the first parameter set.
    if let Some(sps) = annexb::nals(stream).find(|nal| nal[0] & 0x1F == 7) {
        tracer.nal(sps, |_| {}).unwrap();
    }
    for nal in annexb::nals(stream) {
        if !matches!(nal[0] & 0x1F, 1 | 5..=11 | 13 | 19) {
            continue;
        }
        let told = tracer.nal(nal, |element| {
            let at = element.bit;
            if element.name == "constraint_set_flags" {
                for n in 0..6 {
                    let flag = element.value >> (7 - n) & 1;
                    elements.push((at + n, format!("constraint_set{n}_flag"), flag));
                }
                elements.push((at + 6, "reserved_zero_2bits".to_owned(), element.value & 3));
            } else {
                elements.push((at, element.name.to_owned(), element.value));
            }
        });
        told.unwrap_or_else(|error| panic!("{:02X?}: {error}", &nal[..nal.len().min(16)]));
    }
    elements
}

#[test]
fn every_element_is_what_ffmpeg_reads() {
    let mut compared = 0;
    for (path, stream) in common::streams() {
        let input = path.to_str().unwrap();
        let arguments = ["-hide_banner", "-v", "trace", "-f", "h264", "-i", input];
        let filter = [
            "-c",
            "copy",
            "-copyinkf",
            "-bsf:v",
            "trace_headers",
            "-f",
            "null",
            "-",
        ];
        let Some((_, log)) = common::run("ffmpeg", &[&arguments[..], &filter].concat()) else {
            return;
        };
        if log.contains("Error initializing") {
            // Two scalable streams, whose picture parameter sets refer to a subset, which ffmpeg does not read.
            let scalable = ["riverbed-II-360p-48961", "sps_subsetsps_bothVUI"];
            assert!(scalable.iter().any(|name| input.contains(name)), "{input}");
            continue;
        }
        let (ours, theirs) = (ours(&stream), theirs(&log));
        for (n, (our, their)) in ours.iter().zip(&theirs).enumerate() {
            assert_eq!(
                our,
                their,
                "{input}: element {n}, after {:?}",
                &ours[n.saturating_sub(5)..n]
            );
        }
        assert_eq!(ours.len(), theirs.len(), "{input}");
        compared += ours.len();
    }
    assert!(compared == 0 || compared > 10_000);
}
