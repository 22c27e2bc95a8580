//! Our crates beside the ones that a user would pick instead: same input, same run.
//! Usage: fluvial-peers [area-filter] [op-filter]; see README.md.

mod aac;
mod ac3;
mod dash;
mod flv;
mod h264;
mod harness;
mod hls;
mod inputs;
mod movie;
mod mp4;
mod mpeg2;
mod mpegts;
mod rtmp;
mod rtp;
mod rtsp;

use harness::{Group, Options};
use std::time::Duration;

/// One entry per area; a function builds that area's groups (and loads its inputs) when wanted.
const AREAS: &[(&str, fn() -> Vec<Group>)] = &[
    ("h264", h264::groups),
    ("mp4", mp4::groups),
    ("movie", movie::groups),
    ("mpegts", mpegts::groups),
    ("flv", flv::groups),
    ("rtmp", rtmp::groups),
    ("rtsp", rtsp::groups),
    ("aac", aac::groups),
    ("ac3", ac3::groups),
    ("mpeg2", mpeg2::groups),
    ("hls", hls::groups),
    ("rtp", rtp::groups),
    ("dash", dash::groups),
];

fn env<T: std::str::FromStr>(name: &str, default: T) -> T {
    std::env::var(name)
        .ok()
        .and_then(|v| v.parse().ok())
        .unwrap_or(default)
}

fn main() {
    let mut args = std::env::args().skip(1);
    let area_filter = args.next().unwrap_or_default();
    let op_filter = args.next().unwrap_or_default();
    let opt = Options {
        rounds: env("BENCH_ROUNDS", 7),
        min_sample: Duration::from_millis(env("BENCH_SAMPLE_MS", 40)),
    };
    println!(
        "rounds {}, sample >= {:?}; 'x memcpy' = memcpy time / peer time",
        opt.rounds, opt.min_sample
    );
    for (name, build) in AREAS {
        if !name.contains(area_filter.as_str()) {
            continue;
        }
        for group in build() {
            if group.op.contains(op_filter.as_str()) {
                harness::run(group, &opt);
            }
        }
    }
}
