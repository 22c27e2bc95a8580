//! avcC: kept byte for byte; in-band parameter sets merge once.
#![no_main]

use h264::DecoderConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(config) = DecoderConfig::parse(data) else {
        return;
    };
    assert_eq!(&config.raw()[..], data);
    let _ = (config.rfc6381(), config.first_sps().map(|sps| sps.width()));
    let nals: Vec<&[u8]> = config
        .sps()
        .chain(config.pps())
        .chain(config.sps_ext())
        .collect();
    let mut merged = config.clone();
    if merged.merge(nals.iter().copied()).is_ok() {
        assert_eq!(
            merged.merge(nals.iter().copied()),
            Ok(false),
            "a second time changes nothing"
        );
    }
    let four = config.with_length_size(4);
    assert_eq!(DecoderConfig::parse(four.raw()).as_ref(), Ok(&four));
});
