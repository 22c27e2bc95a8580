//! RTCP compounds: what is read is written back alike.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::rtcp::{Packet, Packets, check_compound};

fuzz_target!(|data: &[u8]| {
    let mut all_read = true;
    for packet in Packets::new(data) {
        let Ok(packet) = packet else {
            all_read = false;
            continue;
        };
        let mut out = Vec::new();
        packet.encode(&mut out).expect("what was read fits");
        let again = Packets::new(&out)
            .next()
            .expect("a packet")
            .expect("our own");
        // Packets know where they were; their bytes are the same.
        let mut written = Vec::new();
        again.encode(&mut written).expect("what was read fits");
        assert_eq!(written, out);
        match packet {
            Packet::Twcc(twcc) => {
                assert_eq!(twcc.arrivals().count(), usize::from(twcc.status_count))
            }
            Packet::Xr(xr) => xr.blocks().for_each(drop),
            Packet::Sdes(sdes) => sdes.chunks().for_each(|chunk| chunk.items().for_each(drop)),
            _ => {}
        }
    }
    if check_compound(data, true).is_ok() {
        assert!(all_read);
    }
});
