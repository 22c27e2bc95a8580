//! Splice information: what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mpegts::psi::crc32;
use mpegts::scte35::{SpliceDescriptor, SpliceInfoSection};

fuzz_target!(|data: &[u8]| {
    let _ = SpliceInfoSection::parse(data);
    // The same with the right table, length and check.
    let mut bytes: Vec<u8> = data.iter().copied().take(4093 - 4).collect();
    let Some(length) = bytes.len().checked_sub(3) else { return };
    let length = (length + 4) as u16;
    bytes[0] = SpliceInfoSection::TABLE_ID;
    bytes[1] = bytes[1] & 0x30 | (length >> 8) as u8;
    bytes[2] = length as u8;
    bytes.extend(crc32(&bytes).to_be_bytes());
    let Ok(section) = SpliceInfoSection::parse(&bytes) else { return };
    let mut out = Vec::new();
    section.encode(&mut out).expect("it was read");
    assert_eq!(SpliceInfoSection::parse(&out).as_ref(), Ok(&section));
    let _ = section.pts();
    for descriptor in section.descriptors() {
        if let SpliceDescriptor::Segmentation(segmentation) = descriptor
            && let Some(segment) = &segmentation.segment
        {
            let _ = (segment.upid.to_string(), segment.upid.parts());
        }
    }
});
