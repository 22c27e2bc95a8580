//! AMF3: no panic, and what is decoded is stable when encoded again; the same inside of AMF0.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtmp::Limits;
use rtmp::amf::{amf0, amf3};

fuzz_target!(|data: &[u8]| {
    let limits = Limits::default();
    if let Ok(values) = amf3::decode(data, &limits) {
        let mut out = Vec::new();
        amf3::encode(&values, &mut out).unwrap();
        // Numbers that are none are not equal to themselves.
        let text = format!("{values:?}");
        let again = amf3::decode(&out, &limits);
        // What nobody can measure takes what is written behind it for its own.
        if !text.contains("Bytes { class") {
            assert_eq!(format!("{:?}", again.unwrap()), text);
        }
        for value in values {
            let _ = amf0::Value::from(value.into_owned());
        }
    }
    let inside = [&[0x11], data].concat();
    let _ = amf0::decode(&inside, &limits);
});
