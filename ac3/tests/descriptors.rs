//! Descriptors and boxes: what is written is read back.

use fluvial_ac3::descriptor::{Ac3, AtscAc3, EnhancedAc3};
use fluvial_ac3::{Dac3, Dec3, Header, IndependentSubstream};
use proptest::option::of;
use proptest::prelude::*;

#[test]
fn errors_name_the_element() {
    let error = |data: &[u8]| Header::parse(data).unwrap_err().to_string();
    assert_eq!(error(&[0x0B]), "syncframe at bit 0 needs 64 bits, 8 left");
    assert_eq!(error(&[0; 8]), "syncword at bit 16 is 0");
    assert_eq!(
        error(&[0x0B, 0x77, 0, 0, 0xC0, 0x40, 0, 0]),
        "fscod at bit 34 is 3"
    );
    assert_eq!(
        error(&[0x0B, 0x77, 0, 0, 0x26, 0x40, 0, 0]),
        "frmsizecod at bit 40 is 38"
    );
    assert_eq!(
        error(&[0x0B, 0x77, 0, 0, 0, 0xF8, 0, 0]),
        "bsid at bit 45 is 31"
    );
    assert_eq!(
        error(&[0x0B, 0x77, 0xC0, 0xFF, 0, 0x80, 0, 0]),
        "strmtyp at bit 18 is 3"
    );
    assert_eq!(
        error(&[0x0B, 0x77, 0, 0, 0, 0x80, 0, 0]),
        "frmsiz at bit 32 is 0"
    );
    assert_eq!(
        Dac3::parse(&[0, 0]).unwrap_err().to_string(),
        "bit_rate_code at bit 14 needs 5 bits, 2 left"
    );
}

#[test]
fn a_descriptor_of_a_real_multiplex() {
    // component_type 0x42 (stereo, complete main), as DVB streams have it.
    let ac3 = Ac3::parse(&[0x80, 0x42]).unwrap();
    assert_eq!((ac3.component_type, ac3.bsid), (Some(0x42), None));
    // 48 kHz, bsid 8, up to 384 kbit/s, 3/2 channels, full service.
    let atsc = AtscAc3::parse(&[0x08, 0xB8, 0x0F, 0xFF, 0x0F, 0x01]).unwrap();
    assert_eq!(
        (atsc.sample_rate_code, atsc.bsid, atsc.num_channels),
        (0, 8, 7)
    );
    assert!(atsc.full_svc);
}

proptest! {
    #[test]
    fn descriptors_come_back(
        fields in (of(any::<u8>()), of(any::<u8>()), of(any::<u8>()), of(any::<u8>())),
        substreams: [Option<u8>; 3],
        mixinfoexists: bool,
        info: Vec<u8>,
        small in (0u8..8, 0u8..32, 0u8..64, 0u8..4, 0u8..8, 0u8..16),
    ) {
        let ac3 = Ac3 {
            component_type: fields.0,
            bsid: fields.1,
            mainid: fields.2,
            asvc: fields.3,
            additional_info: info.clone().into(),
        };
        let mut out = Vec::new();
        ac3.encode(&mut out);
        prop_assert_eq!(Ac3::parse(&out).unwrap(), ac3);
        let enhanced = EnhancedAc3 {
            component_type: fields.0,
            bsid: fields.1,
            mainid: fields.2,
            asvc: fields.3,
            mixinfoexists,
            substreams,
            additional_info: info.clone().into(),
        };
        out.clear();
        enhanced.encode(&mut out);
        prop_assert_eq!(EnhancedAc3::parse(&out).unwrap(), enhanced);
        let atsc = AtscAc3 {
            sample_rate_code: small.0,
            bsid: small.1,
            bit_rate_code: small.2,
            surround_mode: small.3,
            bsmod: small.4,
            num_channels: small.5,
            full_svc: mixinfoexists,
            rest: info.into(),
        };
        out.clear();
        atsc.encode(&mut out).unwrap();
        prop_assert_eq!(AtscAc3::parse(&out).unwrap(), atsc);
    }

    #[test]
    fn boxes_come_back(
        data_rate in 0u16..1 << 13,
        joc: Option<u8>,
        substreams in prop::collection::vec(
            (0u8..4, 0u8..32, any::<bool>(), 0u8..8, 0u8..8, any::<bool>(), 0u8..16, 0u16..512),
            1..9,
        ),
        code in 0u8..32,
    ) {
        let config = Dec3 {
            data_rate,
            substreams: substreams
                .iter()
                .map(|s| IndependentSubstream {
                    fscod: s.0,
                    bsid: s.1,
                    asvc: s.2,
                    bsmod: s.3,
                    acmod: s.4,
                    lfeon: s.5,
                    num_dep_sub: s.6,
                    chan_loc: if s.6 > 0 { s.7 } else { 0 },
                })
                .collect(),
            joc_complexity: joc,
        };
        let mut out = Vec::new();
        config.encode(&mut out).unwrap();
        prop_assert_eq!(Dec3::parse(&out).unwrap(), config);
        let s = substreams[0];
        let config = Dac3 { fscod: s.0, bsid: s.1, bsmod: s.3, acmod: s.4, lfeon: s.5, bit_rate_code: code };
        out.clear();
        config.encode(&mut out).unwrap();
        prop_assert_eq!(out.len(), 3);
        prop_assert_eq!(Dac3::parse(&out).unwrap(), config);
    }
}
