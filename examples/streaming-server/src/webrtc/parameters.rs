//! Parameter sets on their way to a browser.

use common::order::sps_in_order;
use rtp::payload::h264::{STAP_A, encode_stap, stap_a_nals};
use std::borrow::Cow;

/// `nal_unit_type` of a sequence parameter set.
const SPS: u8 = 7;

/// The payload of a packet of H.264 (RFC 6184), whose sequence parameter sets tell that no picture waits for a later one.
pub(super) fn in_order(payload: &[u8]) -> Cow<'_, [u8]> {
    let kind = |nal: &[u8]| nal.first().map(|header| header & 0x1f);
    match kind(payload) {
        Some(SPS) => sps_in_order(payload).into(),
        Some(STAP_A) => {
            let Ok(units) = stap_a_nals(payload).collect::<Result<Vec<_>, _>>() else {
                return payload.into();
            };
            let told: Vec<Cow<'_, [u8]>> = units
                .into_iter()
                .map(|nal| match kind(nal) {
                    Some(SPS) => sps_in_order(nal).into(),
                    _ => nal.into(),
                })
                .collect();
            let told: Vec<&[u8]> = told.iter().map(AsRef::as_ref).collect();
            let mut out = Vec::with_capacity(payload.len() + 8);
            match encode_stap(&told, None, &mut out) {
                Ok(()) => out.into(),
                Err(_) => payload.into(),
            }
        }
        _ => payload.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use h264::Sps;

    /// Of x264 3095, High, 320x180, with two frames out of order.
    const SET: &[u8] = &[
        0x67, 0x64, 0x00, 0x0c, 0xac, 0xd9, 0x41, 0x41, 0x9f, 0x9f, 0x01, 0x10, 0x00, 0x00, 0x03,
        0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0x20, 0xf1, 0x42, 0x99, 0x60,
    ];
    const PPS: &[u8] = &[0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0];

    fn reordered(sps: &[u8]) -> u8 {
        Sps::parse(sps).unwrap().max_num_reorder_frames()
    }

    #[test]
    fn sets_alone_and_with_others_tell_it() {
        assert_eq!(reordered(SET), 2);
        assert_eq!(reordered(&in_order(SET)), 0);
        let mut packet = Vec::new();
        encode_stap(&[SET, PPS], None, &mut packet).unwrap();
        let told = in_order(&packet);
        assert_eq!(told[0], packet[0]);
        let units: Vec<&[u8]> = stap_a_nals(&told).map(Result::unwrap).collect();
        assert_eq!(reordered(units[0]), 0);
        assert_eq!(units[1..], [PPS]);
    }

    #[test]
    fn other_payloads_and_damaged_ones_stay_as_they_are() {
        let mut cut = Vec::new();
        encode_stap(&[SET, PPS], None, &mut cut).unwrap();
        cut.pop();
        for payload in [&[][..], PPS, &[STAP_A], &[0x7c, 0x85, 1, 2], &cut] {
            assert_eq!(*in_order(payload), *payload);
        }
    }
}
