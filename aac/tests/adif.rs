//! ADIF headers, and gapless comments.

use fluvial_aac::adif::Header;
use fluvial_aac::asc::{ChannelElement, ProgramConfigElement};
use fluvial_aac::gapless::Gapless;
use proptest::prelude::*;

fn program(front: u8) -> ProgramConfigElement {
    ProgramConfigElement {
        object_type: 1,
        sampling_frequency_index: 4,
        front: (0..front)
            .map(|tag| ChannelElement { is_cpe: true, tag })
            .collect(),
        comment: "by hand".into(),
        ..ProgramConfigElement::default()
    }
}

#[test]
fn a_header_comes_back_and_the_data_after_it() {
    for copyright_id in [None, Some(*b"copyright")] {
        for buffer_fullness in [None, Some(vec![0xF_FFFF, 0])] {
            let header = Header {
                copyright_id,
                original_copy: true,
                home: false,
                bitrate: 128_000,
                buffer_fullness,
                programs: vec![program(1), program(3)],
            };
            let mut out = Vec::new();
            header.encode(&mut out).unwrap();
            out.extend(b"blocks");
            assert_eq!(Header::parse(&out), Ok((header.clone(), &b"blocks"[..])));
            let config = header.config().unwrap();
            assert_eq!(
                (config.sampling_frequency(), config.channels()),
                (44_100, 2)
            );
            for cut in 0..out.len() - 6 {
                assert!(Header::parse(&out[..cut]).is_err());
            }
        }
    }
}

#[test]
fn what_is_no_header_is_told() {
    let error = Header::parse(b"ADTS    ").unwrap_err();
    assert_eq!(error.to_string(), "adif_id at bit 32 is 1094997075");
    let mut header = Header {
        copyright_id: None,
        original_copy: false,
        home: false,
        bitrate: 0,
        buffer_fullness: None,
        programs: vec![],
    };
    assert!(header.encode(&mut Vec::new()).is_err());
    assert!(header.config().is_err());
    header.programs = vec![program(1); 17];
    assert!(header.encode(&mut Vec::new()).is_err());
    header.programs = vec![program(1)];
    header.buffer_fullness = Some(vec![]);
    assert!(header.encode(&mut Vec::new()).is_err());
}

#[test]
fn comments_that_are_not_gapless_are_told() {
    for text in [
        "",
        " 00000000 00000840",
        "a b c x",
        " 00000000 100000000 0 0",
    ] {
        assert!(text.parse::<Gapless>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn gapless_comments_come_back(delay: u32, padding: u32, samples: u64) {
        let gapless = Gapless { delay, padding, samples };
        prop_assert_eq!(gapless.to_string().parse(), Ok(gapless));
    }

    #[test]
    fn any_header_is_read_or_refused(mut data: Vec<u8>) {
        data.splice(0..0, *b"ADIF");
        if let Ok((header, _)) = Header::parse(&data) {
            let mut out = Vec::new();
            header.encode(&mut out).unwrap();
            prop_assert_eq!(Header::parse(&out).unwrap().0, header);
        }
    }
}
