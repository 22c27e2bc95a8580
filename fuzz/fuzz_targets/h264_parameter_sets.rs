//! SPS, PPS, subset SPS and prefixes: what parses is written back to something that parses to the same.
#![no_main]

use h264::{Pps, Sps, extension::Prefix, sps::SubsetSps};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut out = Vec::new();
    if let Ok(sps) = Sps::parse(data) {
        let _ = (sps.width(), sps.height(), sps.frame_rate());
        sps.encode(3, &mut out)
            .expect("it was read, so it can be written");
        assert_eq!(Sps::parse(&out).as_ref(), Ok(&sps));
    }
    if let Ok(subset) = SubsetSps::parse(data) {
        out.clear();
        subset
            .encode(3, &mut out)
            .expect("it was read, so it can be written");
        assert_eq!(SubsetSps::parse(&out).as_ref(), Ok(&subset));
    }
    if let Ok((header, prefix)) = Prefix::parse(data) {
        out.clear();
        prefix
            .encode(header.nal_ref_idc, &mut out)
            .expect("it was read, so it can be written");
        assert_eq!(Prefix::parse(&out), Ok((header, prefix)));
    }
    for chroma_format_idc in [1, 3] {
        let Ok(pps) = Pps::parse(data, chroma_format_idc) else {
            continue;
        };
        out.clear();
        pps.encode(3, chroma_format_idc, &mut out)
            .expect("it was read, so it can be written");
        assert_eq!(Pps::parse(&out, chroma_format_idc).as_ref(), Ok(&pps));
    }
});
