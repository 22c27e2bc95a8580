//! AudioSpecificConfig: kept byte for byte, and its fields are written back to the same fields.
#![no_main]

use aac::AudioSpecificConfig;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(config) = AudioSpecificConfig::parse(data) else {
        return;
    };
    assert_eq!(&config.raw()[..], data);
    let _ = (
        config.rfc6381(),
        config.output_sampling_frequency(),
        config.output_channels(),
    );
    // What is kept as bytes only, such as error protection, has no fields to write.
    let Ok(again) = AudioSpecificConfig::new(config.fields().clone()) else {
        return;
    };
    assert_eq!(again.fields(), config.fields());
});
