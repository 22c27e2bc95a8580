//! RTP packets and header extensions: what is read is written back alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::extension::{self, Extension};
use rtp::{Header, Packet, packet};

fuzz_target!(|data: &[u8]| {
    let Ok(read) = Packet::parse(data) else {
        return;
    };
    let csrcs: Vec<u32> = read.csrcs().collect();
    let header = Header {
        marker: read.marker(),
        payload_type: read.payload_type(),
        sequence_number: read.sequence_number(),
        timestamp: read.timestamp(),
        ssrc: read.ssrc(),
        csrcs: &csrcs,
        extension: read.extension(),
    };
    let mut out = Vec::new();
    header.encode(&mut out).expect("what was read fits");
    assert_eq!(out.len(), read.header_len());
    out.extend_from_slice(read.payload());
    packet::pad(&mut out, 0, read.padding()).expect("a packet starts there");
    let again = Packet::parse(&out).expect("our own");
    assert_eq!(
        (again.payload(), again.padding(), again.extension()),
        (read.payload(), read.padding(), read.extension())
    );
    let Some(found) = read.extension() else {
        return;
    };
    let elements: Result<Vec<_>, _> = found.elements().collect();
    if let Ok(elements) = elements {
        let mut data = Vec::new();
        // The id 0 with two-byte headers is padding, and is not read.
        let profile = extension::encode(&elements, &mut data).expect("what was read fits");
        let written = Extension {
            profile,
            data: &data,
        };
        let again: Result<Vec<_>, _> = written.elements().collect();
        assert_eq!(again.as_ref(), Ok(&elements));
    }
});
