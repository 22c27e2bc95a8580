//! The decoder configuration record, read, made and merged.

use fluvial_h264::{DecoderConfig, Error, Pps, Sps};

const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02, 0x80,
    0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
];
const PPS: &[u8] = &[0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];
const BASELINE_SPS: &[u8] = &[0x67, 0x42, 0xC0, 0x1E, 0xD9, 0x00, 0xA0, 0x47, 0xFE, 0xC8];

fn config() -> DecoderConfig {
    DecoderConfig::from_parameter_sets([SPS], [PPS]).unwrap()
}

#[test]
fn a_record_made_of_parameter_sets_has_the_high_tail() {
    let config = config();
    let raw = config.raw();
    assert_eq!(raw[..8], [1, 0x64, 0, 0x1F, 0xFF, 0xE1, 0, 28]);
    assert_eq!(raw[8 + 28..8 + 28 + 3], [1, 0, 6]);
    assert_eq!(raw[raw.len() - 4..], [0xFD, 0xF8, 0xF8, 0]);
    assert!(config.sps().eq([SPS]) && config.pps().eq([PPS]));
    assert_eq!(
        (config.profile(), config.constraint_flags(), config.level()),
        (100, 0, 31)
    );
    assert_eq!(config.rfc6381(), "64001F");
    assert_eq!(config.length_size(), 4);
    assert_eq!(config.first_sps().unwrap().pic_width_in_mbs(), 80);
}

#[test]
fn a_baseline_record_has_no_tail() {
    let config = DecoderConfig::from_parameter_sets([BASELINE_SPS], [PPS]).unwrap();
    assert_eq!(config.raw().last(), PPS.last());
    assert_eq!(config.rfc6381(), "42C01E");
}

#[test]
fn records_are_kept_byte_for_byte() {
    let config = config();
    let mut raw = config.raw().to_vec();
    raw.extend_from_slice(b"trailing junk");
    let with_junk = DecoderConfig::parse(&raw).unwrap();
    assert_eq!(with_junk.raw(), &raw);
    assert_ne!(with_junk, config);
    let without_tail = DecoderConfig::parse(&raw[..8 + 28 + 3 + 6]).unwrap();
    assert_eq!(without_tail.sps_ext().count(), 0);
    assert!(without_tail.pps().eq([PPS]));
}

#[test]
fn the_length_size_can_be_changed_alone() {
    let config = config();
    let two = config.with_length_size(2);
    assert_eq!(two.length_size(), 2);
    assert_eq!(two.raw()[4], 0xFD);
    assert_eq!(two.with_length_size(4), config);
}

#[test]
fn a_set_that_cannot_be_read_does_not_fail_the_record() {
    let broken = &SPS[..6];
    let config = DecoderConfig::from_parameter_sets([broken], [PPS]).unwrap();
    assert!(config.first_sps().is_none());
    assert!(config.sps().eq([broken]));
    assert_eq!(DecoderConfig::parse(config.raw()).unwrap(), config);
}

#[test]
fn empty_lists_are_read() {
    let config = DecoderConfig::parse(&[1, 0x4D, 0x40, 0x28, 0xFF, 0xE0, 0]).unwrap();
    assert_eq!((config.sps().count(), config.pps().count()), (0, 0));
    assert_eq!(config.rfc6381(), "4D4028");
    assert!(config.first_sps().is_none());
}

#[test]
fn what_is_cut_off_or_of_another_version_is_told() {
    let raw = config().raw().to_vec();
    let end_of_pps = raw.len() - 4;
    for len in 0..end_of_pps {
        assert!(
            matches!(DecoderConfig::parse(&raw[..len]), Err(Error::Short(_))),
            "{len}"
        );
    }
    let err = DecoderConfig::parse(&raw[..20]).unwrap_err();
    assert_eq!(
        err.to_string(),
        "sequenceParameterSetNALUnit at offset 8 needs 28 bytes, 12 left"
    );
    let mut other = raw;
    other[0] = 0;
    assert_eq!(
        DecoderConfig::parse(&other).unwrap_err().to_string(),
        "configurationVersion at bit 0 is 0"
    );
}

#[test]
fn sets_that_are_known_change_nothing() {
    let mut config = config();
    let before = config.clone();
    assert_eq!(config.merge([SPS, PPS, &[0x65, 0x88], &[]]), Ok(false));
    assert_eq!(config, before);
}

#[test]
fn sets_replace_those_of_their_id_and_others_are_added() {
    let mut config = config();
    let mut wide = Sps::parse(SPS).unwrap();
    wide.pic_width_in_mbs_minus1 = 119;
    wide.level_idc = 40;
    let mut sps = Vec::new();
    wide.encode(3, &mut sps).unwrap();
    let mut second = Pps::parse(PPS, 1).unwrap();
    second.pic_parameter_set_id = 1;
    let mut pps = Vec::new();
    second.encode(3, 1, &mut pps).unwrap();

    assert_eq!(config.merge([&sps[..], &pps[..]]), Ok(true));
    assert!(config.sps().eq([&sps[..]]));
    assert!(config.pps().eq([PPS, &pps[..]]));
    assert_eq!(config.first_sps(), Some(&wide));
    assert_eq!(config.level(), 40);
    assert_eq!(config.merge([&pps[..], &sps[..]]), Ok(false));
}

#[test]
fn a_set_without_an_id_leaves_the_record_alone() {
    let mut config = config();
    let before = config.clone();
    assert!(config.merge([&[0x68][..]]).is_err());
    assert_eq!(config, before);
}

#[test]
fn too_many_sets_do_not_fit() {
    let err = DecoderConfig::from_parameter_sets([SPS; 32], [PPS]).unwrap_err();
    assert!(matches!(err, Error::TooLong(_)));
    assert!(DecoderConfig::from_parameter_sets([], [PPS]).is_err());
}
