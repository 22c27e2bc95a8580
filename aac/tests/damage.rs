//! Every file of the corpus's AAC, and every seed of others' fuzzers, cut off and with bits flipped, given to every reader.

use fluvial_aac::latm::{self, StreamMuxConfig};
use fluvial_aac::{AudioSpecificConfig, Error, adif, adts};
use std::fs;
use testing::{Random, flip_bits, truncations};

/// Where an error says that it is has to be within the input.
fn check<T>(data: &[u8], result: Result<T, Error>) -> Option<T> {
    let bits = data.len() as u64 * 8;
    match result {
        Ok(value) => Some(value),
        Err(Error::Short(short)) => {
            assert!(
                short.bit + short.left <= bits && short.needed > short.left,
                "{short}"
            );
            None
        }
        Err(Error::Invalid { field, bit, .. }) => {
            assert!(bit <= bits && !field.is_empty(), "{field} at {bit}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn read(data: &[u8]) {
    if let Some(config) = check(data, AudioSpecificConfig::parse(data)) {
        assert_eq!(config.raw(), data);
        let _ = (
            config.rfc6381(),
            config.output_channels(),
            config.output_frame_length(),
        );
    }
    if let Some(frame) = check(data, adts::Frame::parse(data)) {
        let _ = (
            frame.config(),
            frame.blocks().map(Iterator::count),
            frame.is_header_intact(),
        );
    }
    check(data, adif::Header::parse(data));
    if let Some(mux) = check(data, StreamMuxConfig::parse(data)) {
        let _ = StreamMuxConfig::parse(data).map(|again| assert_eq!(again, mux));
    }
    let mut reader = latm::Reader::in_band();
    let mut units = Vec::new();
    for piece in latm::Frames::new(data) {
        if let latm::Piece::Frame { frame, .. } = piece {
            let _ = reader.read(frame, &mut units);
        }
    }
    let _ = reader.read(data, &mut units);
    let len: usize = units.iter().map(|unit| unit.data.len()).sum();
    assert!(len <= 2 * data.len());
}

#[test]
fn nothing_panics_and_errors_say_where() {
    let Some(corpus) = testing::corpus("aac") else {
        return;
    };
    let mut random = Random::new(1);
    for path in testing::files(&corpus) {
        for mut data in testing::go_seeds(&fs::read(path).unwrap()) {
            // What is longer is a walk over frames, which has its own tests.
            data.truncate(1500);
            truncations(&data, 200).for_each(read);
            read(&data);
            for _ in 0..5 {
                let mut flipped = data.clone();
                flip_bits(&mut flipped, &mut random);
                read(&flipped);
            }
        }
    }
}
