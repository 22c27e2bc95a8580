//! AudioSpecificConfig in every way of saying it, and back.

use fluvial_aac::asc::{
    ChannelElement, CouplingElement, EldExtension, EldSpecificConfig, EpConfig, ErrorResilience,
    Extension, Fields, LdSbr, MatrixMixdown, Mps212, Opaque, ProgramConfigElement, SbrBands,
    SbrHeader, SbrLimiter, Specific, UsacChannels, UsacConfig, UsacCore, UsacElement,
    UsacExtension, UsacSbr,
};
use fluvial_aac::{AudioSpecificConfig, Error, ObjectType};
use proptest::prelude::*;
use std::sync::Arc;

/// What a configuration comes down to.
#[derive(Debug, PartialEq)]
struct Facts {
    object_type: u8,
    rates: (u32, u32),
    channels: (u16, u16),
    lengths: (u32, u32),
    sbr: Option<bool>,
    ps: Option<bool>,
    rfc6381: &'static str,
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|c| c.to_digit(16))
        .map(|d| d as u8)
        .collect();
    digits.chunks(2).map(|d| d[0] << 4 | d[1]).collect()
}

#[track_caller]
fn check(text: &str, facts: &Facts) {
    let raw = hex(text);
    let config = AudioSpecificConfig::parse(&raw).unwrap();
    let rfc6381 = config.rfc6381();
    let found = Facts {
        object_type: config.object_type().number(),
        rates: (
            config.sampling_frequency(),
            config.output_sampling_frequency(),
        ),
        channels: (config.channels(), config.output_channels()),
        lengths: (config.frame_length(), config.output_frame_length()),
        sbr: config.sbr(),
        ps: config.ps(),
        rfc6381: if rfc6381 == facts.rfc6381 {
            facts.rfc6381
        } else {
            "another"
        },
    };
    assert_eq!(&found, facts, "{text}: {rfc6381}");
    assert_eq!(config.raw(), &raw);
    let mut out = Vec::new();
    config.encode(&mut out);
    assert_eq!(out, raw);
    let again = AudioSpecificConfig::new(config.fields().clone()).unwrap();
    assert_eq!(again.fields(), config.fields());
}

fn lc(hz: u32, channels: u16) -> Facts {
    Facts {
        object_type: 2,
        rates: (hz, hz),
        channels: (channels, channels),
        lengths: (1024, 1024),
        sbr: None,
        ps: None,
        rfc6381: "40.2",
    }
}

#[test]
fn plain_aac() {
    check("1210", &lc(44_100, 2));
    check("1188", &lc(48_000, 1));
    check("11 90 00 00", &lc(48_000, 2));
    check(
        "1214",
        &Facts {
            lengths: (960, 960),
            ..lc(44_100, 2)
        },
    );
    check(
        "0A10",
        &Facts {
            object_type: 1,
            rfc6381: "40.1",
            ..lc(44_100, 2)
        },
    );
    check(
        "2210",
        &Facts {
            object_type: 4,
            rfc6381: "40.4",
            ..lc(44_100, 2)
        },
    );
    // The escape for a rate that has no index, and for one that has.
    check("17 80 56 1C 10", &lc(44_088, 2));
    check("17 80 56 22 10", &lc(44_100, 2));
    // Core coder delay 5.
    check("1212 00 28", &lc(44_100, 2));
}

#[test]
fn seven_one_in_its_variants_and_what_is_beyond() {
    check("11B0", &lc(48_000, 6));
    check("11B8", &lc(48_000, 8));
    check("11D8", &lc(48_000, 7));
    check("11E0", &lc(48_000, 8));
    check("11E8", &lc(48_000, 24));
    check("11F0", &lc(48_000, 8));
}

#[test]
fn sbr_and_ps_said_in_every_way() {
    let he = Facts {
        rates: (22_050, 44_100),
        lengths: (1024, 2048),
        sbr: Some(true),
        rfc6381: "40.5",
        ..lc(0, 2)
    };
    check("2B 92 08 00", &he);
    check("13 90 56 E5 A0", &he);
    // Version 2, in front and behind.
    let he2 = Facts {
        channels: (1, 2),
        ps: Some(true),
        rfc6381: "40.29",
        ..he
    };
    check("EB 8A 08 00", &he2);
    check("13 88 56 E5 A5 48 80", &he2);
    // PS said not to be there.
    check(
        "13 88 56 E5 A5 48 00",
        &Facts {
            channels: (1, 1),
            ps: Some(false),
            rfc6381: "40.5",
            ..he2
        },
    );
    // SBR said not to be there.
    check(
        "12 10 56 E5 00",
        &Facts {
            sbr: Some(false),
            ..lc(44_100, 2)
        },
    );
    // Downsampled: the output has the core's rate.
    check(
        "2A 12 08 00",
        &Facts {
            rates: (44_100, 44_100),
            lengths: (1024, 1024),
            sbr: Some(true),
            rfc6381: "40.5",
            ..lc(0, 2)
        },
    );
    // Frames of 960 samples.
    check(
        "2B 92 0A 00",
        &Facts {
            rates: (22_050, 44_100),
            lengths: (960, 1920),
            sbr: Some(true),
            rfc6381: "40.5",
            ..lc(0, 2)
        },
    );
    // A broken extension costs nothing but itself.
    check("12 10 56 E5", &lc(44_100, 2));
    check("12 10 56 E5 F8", &lc(44_100, 2));
}

#[test]
fn low_delay() {
    let ld = Facts {
        object_type: 23,
        lengths: (512, 512),
        rfc6381: "40.23",
        ..lc(48_000, 1)
    };
    check("B9 89 00", &Facts { ..ld });
    check(
        "B9 8D 00",
        &Facts {
            lengths: (480, 480),
            ..ld
        },
    );
    let eld = Facts {
        object_type: 39,
        lengths: (512, 512),
        sbr: Some(false),
        rfc6381: "40.39",
        ..lc(44_100, 2)
    };
    check(
        "F8 E8 50 00",
        &Facts {
            lengths: (480, 480),
            ..eld
        },
    );
    check("F8 E8 40 00", &eld);
    // SBR at twice the rate.
    let mut fields = AudioSpecificConfig::parse(&hex("F8E84000"))
        .unwrap()
        .fields()
        .clone();
    fields.specific = Specific::Eld(Arc::new(EldSpecificConfig {
        ld_sbr: Some(LdSbr {
            dual_rate: true,
            crc: false,
            headers: vec![SbrHeader::default()],
        }),
        ..EldSpecificConfig::default()
    }));
    let config = AudioSpecificConfig::new(fields).unwrap();
    assert_eq!(config.output_sampling_frequency(), 88_200);
    assert_eq!(config.output_frame_length(), 1024);
    assert_eq!(config.sbr(), Some(true));
    assert_eq!(config.rfc6381(), "40.39");
}

#[test]
fn xhe_aac() {
    // 48 kHz out of 24 kHz, stereo in one element, pre-roll extension.
    let usac = UsacConfig {
        sampling_frequency: 48_000,
        core_sbr_frame_length_index: 3,
        channels: UsacChannels::Configuration(2),
        elements: vec![
            UsacElement::Pair {
                core: UsacCore {
                    tw_mdct: false,
                    noise_filling: true,
                },
                sbr: Some(UsacSbr::default()),
                mps212: Some((1, Mps212::default())),
            },
            UsacElement::Extension {
                kind: 3,
                config: Default::default(),
                default_length: None,
                payload_frag: false,
            },
        ],
        extensions: vec![UsacExtension {
            kind: 7,
            data: vec![0x12, 0x34].into(),
        }],
    };
    let mut fields = Fields::ga(ObjectType::USAC, 48_000, 2);
    fields.specific = Specific::Usac(Arc::new(usac));
    let config = AudioSpecificConfig::new(fields).unwrap();
    assert_eq!(config.sampling_frequency(), 24_000);
    assert_eq!(config.output_sampling_frequency(), 48_000);
    assert_eq!(
        (config.frame_length(), config.output_frame_length()),
        (1024, 2048)
    );
    assert_eq!((config.channels(), config.sbr()), (2, Some(true)));
    assert_eq!(config.rfc6381(), "40.42");
    // A ratio of 8 to 3: 18 kHz of core.
    let raw = config.raw().to_vec();
    let mut fields = config.fields().clone();
    if let Specific::Usac(usac) = &mut fields.specific {
        Arc::make_mut(usac).core_sbr_frame_length_index = 2;
    }
    let config = AudioSpecificConfig::new(fields).unwrap();
    assert_ne!(config.raw(), &raw);
    assert_eq!(config.sampling_frequency(), 18_000);
    assert_eq!(
        (config.frame_length(), config.output_frame_length()),
        (768, 2048)
    );
}

#[test]
fn a_layout_spelled_out_is_aligned_from_the_start_of_the_configuration() {
    // As ffmpeg's encoder writes 2.1: front left and right, one low frequency channel, its name as comment.
    let pce = ProgramConfigElement {
        object_type: 1,
        sampling_frequency_index: 3,
        front: vec![ChannelElement {
            is_cpe: true,
            tag: 0,
        }],
        lfe: vec![0],
        comment: "Lavc".into(),
        ..ProgramConfigElement::default()
    };
    let mut fields = Fields::ga(ObjectType::AAC_LC, 48_000, 0);
    if let Specific::Ga(ga) = &mut fields.specific {
        ga.program_config_element = Some(Arc::new(pce));
    }
    let config = AudioSpecificConfig::new(fields).unwrap();
    assert_eq!(config.channels(), 3);
    assert!(config.raw().ends_with(b"\x04Lavc"));
}

#[test]
fn what_is_not_understood_is_kept() {
    // ALS: its own header follows, on a byte boundary after 5 bits of fill.
    let raw = hex("F8 80 40 00 41 4C 53 00 12 34");
    let config = AudioSpecificConfig::parse(&raw).unwrap();
    assert_eq!(config.object_type(), ObjectType::ALS);
    assert!(matches!(&config.fields().specific, Specific::Opaque(bits) if !bits.is_empty()));
    let mut out = Vec::new();
    config.fields().encode(&mut out).unwrap();
    assert_eq!(out, raw);
    assert_eq!(
        (config.frame_length(), config.rfc6381()),
        (0, "40.36".into())
    );
}

#[test]
fn errors_name_the_element_and_its_place() {
    let error = |text| {
        AudioSpecificConfig::parse(&hex(text))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(error(""), "audioObjectType at bit 0 needs 5 bits, 0 left");
    assert_eq!(
        error("12"),
        "samplingFrequency at bit 5 needs 4 bits, 3 left"
    );
    assert_eq!(error("00 00"), "audioObjectType at bit 5 is 0");
    assert_eq!(error("16 90"), "samplingFrequency at bit 9 is 13");
    assert_eq!(error("12 48"), "channelConfiguration at bit 13 is 9");
    assert_eq!(
        error("12 00"),
        "element_instance_tag at bit 16 needs 4 bits, 0 left"
    );
    assert!(matches!(
        AudioSpecificConfig::lc(48_000, 9),
        Err(Error::Invalid {
            field: "channelConfiguration",
            value: 9,
            ..
        })
    ));
    assert!(matches!(
        AudioSpecificConfig::lc(1 << 24, 2),
        Err(Error::TooLong(_))
    ));
}

#[test]
fn fields_that_contradict_each_other_are_refused() {
    let mut fields = Fields::ga(ObjectType::AAC_LC, 48_000, 0);
    assert!(AudioSpecificConfig::new(fields.clone()).is_err());
    fields.channel_configuration = 2;
    fields.ep_config = Some(EpConfig::Whole);
    assert!(AudioSpecificConfig::new(fields.clone()).is_err());
    fields.ep_config = None;
    assert!(AudioSpecificConfig::new(fields.clone()).is_ok());
    fields.extension = Extension::Hierarchical {
        sampling_frequency: 48_000,
        ps: false,
        channel_configuration: Some(2),
    };
    assert!(AudioSpecificConfig::new(fields).is_err());
}

#[test]
fn short_configurations_read_alike_with_and_without_the_short_way() {
    let decode = |raw: &[u8]| Fields::decode(&mut wire::BitReader::new(raw), true);
    for [a, b] in (0..=u16::MAX).map(u16::to_be_bytes) {
        assert_eq!(Fields::parse(&[a, b]), decode(&[a, b]));
        assert_eq!(Fields::parse(&[a, b, 0]), decode(&[a, b, 0]));
    }
}

fn rate() -> impl Strategy<Value = u32> {
    prop_oneof![
        Just(48_000u32),
        Just(7_350),
        Just(57_600),
        Just(9_600),
        1u32..1 << 24
    ]
}

fn pce() -> impl Strategy<Value = ProgramConfigElement> {
    let speakers = || {
        prop::collection::vec(
            (any::<bool>(), 0u8..16).prop_map(|(is_cpe, tag)| ChannelElement { is_cpe, tag }),
            0..16,
        )
    };
    let tags = |max| prop::collection::vec(0u8..16, 0..max);
    (
        (0u8..16, 0u8..4, 0u8..16),
        (speakers(), speakers(), speakers(), tags(4), tags(8)),
        prop::collection::vec((any::<bool>(), 0u8..16), 0..16),
        (prop::option::of(0u8..16), prop::option::of(0u8..16)),
        prop::option::of((0u8..4, any::<bool>())),
        prop::collection::vec(any::<u8>(), 0..256),
    )
        .prop_map(
            |(ids, (front, side, back, lfe, assoc_data), coupling, mixdown, matrix, comment)| {
                ProgramConfigElement {
                    element_instance_tag: ids.0,
                    object_type: ids.1,
                    sampling_frequency_index: ids.2,
                    front,
                    side,
                    back,
                    lfe,
                    assoc_data,
                    coupling: coupling
                        .into_iter()
                        .map(|(is_ind_sw, tag)| CouplingElement { is_ind_sw, tag })
                        .collect(),
                    mono_mixdown: mixdown.0,
                    stereo_mixdown: mixdown.1,
                    matrix_mixdown: matrix.map(|(index, pseudo_surround)| MatrixMixdown {
                        index,
                        pseudo_surround,
                    }),
                    comment: comment.into(),
                }
            },
        )
}

fn extension() -> impl Strategy<Value = Extension> {
    prop_oneof![
        Just(Extension::Implicit),
        (rate(), any::<bool>(), 0u8..16).prop_map(|(sampling_frequency, ps, channels)| {
            Extension::Hierarchical {
                sampling_frequency,
                ps,
                channel_configuration: Some(channels),
            }
        }),
        (
            prop::option::of((rate(), prop::option::of(any::<bool>()))),
            0u8..16
        )
            .prop_map(|(sbr, channels)| Extension::BackwardCompatible {
                sampling_frequency: sbr.map(|sbr| sbr.0),
                ps: sbr.and_then(|sbr| sbr.1),
                channel_configuration: Some(channels),
            }),
    ]
}

/// Takes out of an extension what the core does not go with.
fn fit(extension: Extension, core: ObjectType) -> Extension {
    let mut extension = extension;
    match &mut extension {
        Extension::Implicit => {}
        Extension::Hierarchical {
            channel_configuration,
            ..
        } => {
            channel_configuration.take_if(|_| core != ObjectType::ER_BSAC);
        }
        Extension::BackwardCompatible {
            channel_configuration,
            ps,
            ..
        } => {
            channel_configuration.take_if(|_| core != ObjectType::ER_BSAC);
            ps.take_if(|_| core == ObjectType::ER_BSAC);
        }
    }
    extension
}

fn general_audio() -> impl Strategy<Value = Fields> {
    (
        prop::sample::select(vec![1u8, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]),
        rate(),
        prop_oneof![1u8..8, 11u8..15, Just(0)],
        pce(),
        extension(),
        (
            any::<[bool; 7]>(),
            0u16..1 << 14,
            0u8..8,
            0u8..32,
            0u16..1 << 11,
        ),
    )
        .prop_map(
            |(number, hz, channels, pce, extension, (flags, delay, layer, subs, length))| {
                let core = ObjectType::new(number).unwrap();
                let mut fields = Fields::ga(core, hz, channels);
                fields.extension = fit(extension, core);
                if fields.ep_config.is_some() && flags[6] {
                    fields.ep_config = Some(EpConfig::PerCategory);
                }
                let Specific::Ga(ga) = &mut fields.specific else {
                    unreachable!()
                };
                ga.frame_length_flag = flags[0];
                ga.core_coder_delay = flags[1].then_some(delay);
                ga.program_config_element = (channels == 0).then(|| Arc::new(pce));
                ga.layer_nr = ga.layer_nr.map(|_| layer);
                ga.extension_flag = flags[2];
                ga.bsac = (flags[2] && core == ObjectType::ER_BSAC).then_some((subs, length));
                ga.error_resilience =
                    (flags[2] && matches!(number, 17 | 19 | 20 | 23)).then_some(ErrorResilience {
                        section_data: flags[3],
                        scalefactor_data: flags[4],
                        spectral_data: flags[5],
                    });
                ga.extension_flag3 = flags[2] && flags[6];
                fields
            },
        )
}

fn bands() -> impl Strategy<Value = Option<SbrBands>> {
    prop::option::of((0u8..4, any::<bool>(), 0u8..4).prop_map(
        |(freq_scale, alter_scale, noise_bands)| SbrBands {
            freq_scale,
            alter_scale,
            noise_bands,
        },
    ))
}

fn limiter() -> impl Strategy<Value = Option<SbrLimiter>> {
    prop::option::of((0u8..4, 0u8..4, any::<bool>(), any::<bool>()).prop_map(
        |(limiter_bands, limiter_gains, interpol_freq, smoothing_mode)| SbrLimiter {
            limiter_bands,
            limiter_gains,
            interpol_freq,
            smoothing_mode,
        },
    ))
}

fn low_delay_fields() -> impl Strategy<Value = Fields> {
    let header = (any::<bool>(), 0u8..16, 0u8..16, 0u8..8, bands(), limiter()).prop_map(
        |(amp_res, start_freq, stop_freq, xover_band, bands, limiter)| SbrHeader {
            amp_res,
            start_freq,
            stop_freq,
            xover_band,
            bands,
            limiter,
        },
    );
    let extension = (
        1u8..16,
        prop_oneof![0usize..20, 250usize..300, 65_700usize..65_806],
    )
        .prop_map(|(kind, len)| EldExtension {
            kind,
            data: vec![0xA5; len].into(),
        });
    (
        1u8..8,
        any::<[bool; 4]>(),
        prop::option::of((
            any::<bool>(),
            any::<bool>(),
            prop::collection::vec(header, 4),
        )),
        prop::collection::vec(extension, 0..3),
    )
        .prop_map(|(channels, flags, sbr, extensions)| {
            let headers = [0, 1, 1, 2, 3, 3, 3, 4][usize::from(channels)];
            let mut fields = Fields::ga(ObjectType::ER_AAC_ELD, 48_000, channels);
            fields.specific = Specific::Eld(Arc::new(EldSpecificConfig {
                frame_length_flag: flags[0],
                error_resilience: ErrorResilience {
                    section_data: flags[1],
                    scalefactor_data: flags[2],
                    spectral_data: flags[3],
                },
                ld_sbr: sbr.map(|(dual_rate, crc, all)| LdSbr {
                    dual_rate,
                    crc,
                    headers: all[..headers].to_vec(),
                }),
                extensions,
            }));
            fields
        })
}

fn usac() -> impl Strategy<Value = Fields> {
    let core = || {
        any::<(bool, bool)>().prop_map(|(tw_mdct, noise_filling)| UsacCore {
            tw_mdct,
            noise_filling,
        })
    };
    let sbr = || {
        (any::<[bool; 3]>(), 0u8..16, 0u8..16, bands(), limiter()).prop_map(
            |(flags, start_freq, stop_freq, bands, limiter)| UsacSbr {
                harmonic_sbr: flags[0],
                inter_tes: flags[1],
                pvc: flags[2],
                start_freq,
                stop_freq,
                bands,
                limiter,
            },
        )
    };
    let mps = (
        1u8..4,
        (0u8..8, 0u8..8, 0u8..4, 0u8..4),
        any::<[bool; 4]>(),
        prop::option::of(0u8..32),
        0u8..32,
    )
        .prop_map(|(stereo, small, flags, ott, bands)| {
            let mps212 = Mps212 {
                freq_res: small.0,
                fixed_gain_dmx: small.1,
                temp_shape_config: small.2,
                decorr_config: small.3,
                high_rate_mode: flags[0],
                phase_coding: flags[1],
                ott_bands_phase: ott,
                residual: (stereo > 1).then_some((bands, flags[2])),
                env_quant_mode: (small.2 == 2).then_some(flags[3]),
            };
            (stereo, mps212)
        });
    let kind = || prop_oneof![0u32..15, 15u32..270, 270u32..65_806];
    let element = prop_oneof![
        (core(), sbr()).prop_map(|(core, sbr)| UsacElement::Single {
            core,
            sbr: Some(sbr)
        }),
        (core(), sbr(), prop::option::of(mps)).prop_map(|(core, sbr, mps212)| UsacElement::Pair {
            core,
            sbr: Some(sbr),
            mps212
        }),
        Just(UsacElement::Lfe),
        (
            kind(),
            prop::collection::vec(any::<u8>(), 0..40),
            prop::option::of(1u32..65_792),
            any::<bool>()
        )
            .prop_map(|(kind, config, default_length, payload_frag)| {
                UsacElement::Extension {
                    kind,
                    config: config.into(),
                    default_length,
                    payload_frag,
                }
            }),
    ];
    let channels = prop_oneof![
        (1u8..32).prop_map(UsacChannels::Configuration),
        prop::collection::vec(0u8..32, 0..40).prop_map(UsacChannels::Positions),
    ];
    (
        rate(),
        0u8..5,
        channels,
        prop::collection::vec(element, 1..20),
        prop::collection::vec((kind(), prop::collection::vec(any::<u8>(), 0..20)), 0..8),
        extension(),
    )
        .prop_map(
            |(hz, index, channels, mut elements, extensions, extension)| {
                if index < 2 {
                    for element in &mut elements {
                        match element {
                            UsacElement::Single { sbr, .. } => *sbr = None,
                            UsacElement::Pair { sbr, mps212, .. } => (*sbr, *mps212) = (None, None),
                            _ => {}
                        }
                    }
                }
                let mut fields = Fields::ga(ObjectType::USAC, hz, 2);
                fields.extension = fit(extension, ObjectType::USAC);
                fields.specific = Specific::Usac(Arc::new(UsacConfig {
                    sampling_frequency: hz,
                    core_sbr_frame_length_index: index,
                    channels,
                    elements,
                    extensions: extensions
                        .into_iter()
                        .map(|(kind, data)| UsacExtension {
                            kind,
                            data: data.into(),
                        })
                        .collect(),
                }));
                fields
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(fields in prop_oneof![general_audio(), low_delay_fields(), usac()]) {
        let mut raw = Vec::new();
        fields.encode(&mut raw).unwrap();
        prop_assert_eq!(&Fields::parse(&raw).unwrap(), &fields);
        let config = AudioSpecificConfig::parse(&raw).unwrap();
        prop_assert_eq!(AudioSpecificConfig::new(fields).unwrap(), config);
    }

    #[test]
    fn any_bytes_are_read_or_refused_and_what_was_read_stays_the_same(mut raw: Vec<u8>, start in 0usize..8) {
        // Most first bytes lead nowhere.
        let starts: [&[u8]; 8] = [&[], &[0x12], &[0x2B, 0x92], &[0xF8, 0xE8], &[0xF9, 0x46], &[0xEB, 0x8A], &[0x11, 0x80], &[0xB9]];
        raw.splice(0..0, starts[start].iter().copied());
        let Ok(config) = AudioSpecificConfig::parse(&raw) else { return Ok(()) };
        let _ = (config.output_sampling_frequency(), config.output_channels(), config.output_frame_length());
        let mut again = Vec::new();
        if config.fields().encode(&mut again).is_ok() {
            prop_assert_eq!(&Fields::parse(&again).unwrap(), config.fields());
        }
    }

    #[test]
    fn opaque_bits_are_at_most_the_bytes(bytes: Vec<u8>, len: u64) {
        let opaque = Opaque::new(bytes.clone().into(), len);
        prop_assert!(opaque.len() <= bytes.len() as u64 * 8);
    }
}

#[test]
fn bytes_are_kept_however_many_they_are() {
    for len in [2, 3, 6, 7, 8, 100] {
        let mut data = vec![0x12, 0x10];
        data.resize(len, 0);
        let config = AudioSpecificConfig::parse(&data).unwrap();
        assert_eq!(config.raw(), data);
        assert_eq!(config.clone(), config);
        let of_bytes = AudioSpecificConfig::try_from(bytes::Bytes::from(data.clone())).unwrap();
        assert_eq!(of_bytes, config);
        let mut out = Vec::new();
        config.encode(&mut out);
        assert_eq!((out.len(), out), (config.encoded_len(), data));
    }
}
