use super::*;
use crate::Error;
use proptest::prelude::*;
use testing::Random;

pub(super) fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}

const SALT: &str = "517569642070726f2071756f";
const KEY_128: &str = "000102030405060708090a0b0c0d0e0f";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// RFC 7714 §16: an RTP packet under AEAD_AES_128_GCM and AEAD_AES_256_GCM.
#[test]
fn rtp_vectors_of_rfc_7714() {
    let rtp = hex(
        "8040f17b8041f8d35501a0b247616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573",
    );
    let vectors = [
        (
            Profile::AeadAes128Gcm,
            KEY_128,
            "8040f17b8041f8d35501a0b2f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            Profile::AeadAes256Gcm,
            KEY_256,
            "8040f17b8041f8d35501a0b232b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ];
    for (profile, key, expected) in vectors {
        let context =
            || Context::from_session_keys(profile, &hex(key), &hex(SALT), Config::default());
        let mut packet = rtp.clone();
        context().protect(&mut packet).expect("protects");
        assert_eq!(packet, hex(expected), "{profile:?}");
        context().unprotect(&mut packet).expect("unprotects");
        assert_eq!(packet, rtp, "{profile:?}");
    }
}

/// RFC 7714 §17: an RTCP packet, encrypted, and tagged only.
#[test]
fn rtcp_vectors_of_rfc_7714() {
    let rtcp = hex(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    );
    let vectors = [
        (
            Profile::AeadAes128Gcm,
            KEY_128,
            true,
            "81c8000d4d61727363e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded0bb9275bc84aa45896cf4d2fc5abf87245d9eade800005d4",
        ),
        (
            Profile::AeadAes256Gcm,
            KEY_256,
            true,
            "81c8000d4d617273d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de0476f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4",
        ),
        (
            Profile::AeadAes128Gcm,
            KEY_128,
            false,
            "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef841dd9683dd78ec92ae58790125f62b3000005d4",
        ),
    ];
    for (profile, key, encrypt_rtcp, expected) in vectors {
        let config = Config {
            encrypt_rtcp,
            ..Config::default()
        };
        let context = || Context::from_session_keys(profile, &hex(key), &hex(SALT), config.clone());
        let mut packet = rtcp.clone();
        let mut sender = context();
        sender.set_srtcp_index(0x4d61_7273, 0x5d3);
        sender.protect_rtcp(&mut packet).expect("protects");
        assert_eq!(packet, hex(expected), "{profile:?}");
        context().unprotect_rtcp(&mut packet).expect("unprotects");
        assert_eq!(packet, rtcp, "{profile:?}");
    }
}

/// Whole packets as libsrtp's tests have them, with the master key of RFC 3711 §B.3.
#[test]
fn whole_packets_of_counter_mode() {
    let profile = Profile::AesCm128HmacSha1_80;
    let key = MasterKey::new(
        profile,
        &hex("e1f97a0d3e018be0d64fa32c06de4139"),
        &hex("0ec675ad498afeebb6960b3aabe6"),
    )
    .expect("right lengths");
    let mut context = Context::new(profile, &[key], Config::default()).expect("context");
    let mut rtp = hex("800f1234decafbadcafebabeabababababababababababababababab");
    context.protect(&mut rtp).expect("protects");
    assert_eq!(
        rtp,
        hex("800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb")
    );
    let mut rtcp = hex("81c8000bcafebabeabababababababababababababababab");
    context.protect_rtcp(&mut rtcp).expect("protects");
    assert_eq!(
        rtcp,
        hex("81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798")
    );
}

fn key(profile: Profile, seed: u8) -> MasterKey {
    MasterKey::new(
        profile,
        &vec![seed; profile.key_len()],
        &vec![seed ^ 0x55; profile.salt_len()],
    )
    .expect("right lengths")
}

fn pair(profile: Profile) -> (Context, Context) {
    let context = || Context::new(profile, &[key(profile, 3)], Config::default()).expect("context");
    (context(), context())
}

fn rtp(sequence_number: u16, ssrc: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence_number.to_be_bytes());
    packet.extend([0; 4]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

#[test]
fn rollover_with_loss_and_reordering() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut random = Random::new(7);
        let mut sent: Vec<(u32, Vec<u8>)> = Vec::new();
        for n in 0u32..140_000 {
            // Over two wraps, one packet of seven, and each may wait for eight others.
            if random.below(7) == 0 {
                let mut packet = rtp(n as u16, 1, &n.to_be_bytes());
                sender.protect(&mut packet).expect("protects");
                sent.push((n, packet));
            }
            if sent.len() == 9 {
                // None waits for longer than the replay list is.
                let oldest = (0..9).min_by_key(|at| sent[*at].0).expect("nine");
                let at = if n - sent[oldest].0 > 50 {
                    oldest
                } else {
                    random.below(9)
                };
                let (n, mut packet) = sent.swap_remove(at);
                receiver
                    .unprotect(&mut packet)
                    .unwrap_or_else(|error| panic!("{profile:?} {n}: {error}"));
                assert_eq!(packet[12..], n.to_be_bytes());
            }
        }
        assert_eq!(
            (sender.rollover_counter(1), receiver.rollover_counter(1)),
            (Some(2), Some(2))
        );
    }
}

#[test]
fn a_late_joiner_is_told_the_rollover_counter() {
    let (mut sender, mut receiver) = pair(Profile::AesCm128HmacSha1_80);
    sender.set_rollover_counter(1, 5, 65_534).expect("room");
    let mut packet = rtp(0, 1, b"x");
    sender.protect(&mut packet).expect("protects");
    assert_eq!(
        receiver.unprotect(&mut packet.clone()),
        Err(Error::Authentication)
    );
    receiver.set_rollover_counter(1, 6, 0).expect("room");
    receiver.unprotect(&mut packet).expect("now it is known");
}

#[test]
fn damage_is_found_and_leaves_the_packet_alone() {
    for profile in Profile::ALL {
        let (mut sender, mut receiver) = pair(profile);
        let mut good = rtp(1, 1, b"some payload");
        sender.protect(&mut good).expect("protects");
        let mut rtcp = hex("81c8000bcafebabeabababababababababababababababab");
        sender.protect_rtcp(&mut rtcp).expect("protects");
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let before = bad.clone();
            receiver.unprotect(&mut bad).expect_err("damaged");
            assert_eq!(bad, before);
        }
        for bit in 0..rtcp.len() * 8 {
            let mut bad = rtcp.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let before = bad.clone();
            receiver.unprotect_rtcp(&mut bad).expect_err("damaged");
            assert_eq!(bad, before);
        }
        for len in 0..good.len() {
            receiver
                .unprotect(&mut good[..len].to_vec())
                .expect_err("cut off");
        }
        assert!(
            receiver.sources_is_empty(),
            "nothing is held for packets that are not authentic"
        );
        receiver.unprotect(&mut good.clone()).expect("good");
        assert_eq!(
            receiver.unprotect(&mut good),
            Err(Error::Replayed { index: 1 })
        );
        receiver.unprotect_rtcp(&mut rtcp.clone()).expect("good");
        assert_eq!(
            receiver.unprotect_rtcp(&mut rtcp),
            Err(Error::Replayed { index: 1 })
        );
    }
}

#[test]
fn a_sender_uses_no_index_twice_unless_told() {
    let profile = Profile::AeadAes128Gcm;
    let (mut sender, _) = pair(profile);
    sender.protect(&mut rtp(9, 1, b"a")).expect("new");
    assert_eq!(
        sender.protect(&mut rtp(9, 1, b"b")),
        Err(Error::Replayed { index: 9 })
    );
    let config = Config {
        repeats: true,
        ..Config::default()
    };
    let mut sender = Context::new(profile, &[key(profile, 3)], config).expect("context");
    let (mut once, mut twice) = (rtp(9, 1, b"a"), rtp(9, 1, b"a"));
    sender.protect(&mut once).expect("new");
    sender.protect(&mut twice).expect("the same again");
    assert_eq!(once, twice);
}

#[test]
fn keys_end_and_others_take_over() {
    for profile in Profile::ALL {
        let keys = [
            key(profile, 1).with_mki(&[0, 1]).with_lifetime(3),
            key(profile, 2).with_mki(&[0, 2]),
        ];
        let context = || Context::new(profile, &keys, Config::default()).expect("context");
        let (mut sender, mut receiver) = (context(), context());
        for n in 0..3 {
            let mut packet = rtp(n, 1, b"payload");
            sender.protect(&mut packet).expect("alive");
            assert_eq!(packet.len(), 12 + 7 + profile.rtp_tag_len() + 2);
            receiver.unprotect(&mut packet).expect("key 1");
            assert_eq!(packet, rtp(n, 1, b"payload"));
        }
        let over = Error::Limit {
            limit: "packets of an SRTP master key",
            max: 3,
        };
        assert_eq!(sender.lifetime_left().0, 0);
        assert_eq!(sender.protect(&mut rtp(3, 1, b"payload")), Err(over));
        assert!(sender.use_key(&[9, 9]).is_err());
        sender.use_key(&[0, 2]).expect("known");
        let mut packet = rtp(3, 1, b"payload");
        sender.protect(&mut packet).expect("key 2");
        receiver.unprotect(&mut packet).expect("key 2");
        let mut rtcp = hex("80c90001cafebabe");
        sender.protect_rtcp(&mut rtcp).expect("key 2");
        receiver.unprotect_rtcp(&mut rtcp).expect("key 2");
        assert_eq!(rtcp, hex("80c90001cafebabe"));
    }
}

#[test]
fn sources_are_bounded() {
    let config = Config {
        sources: 3,
        ..Config::default()
    };
    let profile = Profile::AesCm128HmacSha1_80;
    let context = |config: &Config| {
        Context::new(profile, &[key(profile, 1)], config.clone()).expect("context")
    };
    let (mut sender, mut receiver) = (context(&Config::default()), context(&config));
    for ssrc in 0..5 {
        let mut packet = rtp(1, ssrc, b"x");
        sender.protect(&mut packet).expect("protects");
        let result = receiver.unprotect(&mut packet);
        let limit = Error::Limit {
            limit: "SRTP sources",
            max: 3,
        };
        assert_eq!(result, if ssrc < 3 { Ok(()) } else { Err(limit) });
    }
    receiver.forget(0);
    let mut packet = rtp(2, 4, b"x");
    sender.protect(&mut packet).expect("protects");
    receiver.unprotect(&mut packet).expect("room again");
}

#[test]
fn keys_of_dtls() {
    let profile = Profile::AesCm128HmacSha1_80;
    let material: Vec<u8> = (0..60).collect();
    let (client, server) = MasterKey::from_dtls(profile, &material).expect("60 bytes");
    let expected = |key: std::ops::Range<u8>, salt: std::ops::Range<u8>| {
        MasterKey::new(profile, &key.collect::<Vec<_>>(), &salt.collect::<Vec<_>>())
            .expect("right lengths")
    };
    assert_eq!(
        (client, server),
        (expected(0..16, 32..46), expected(16..32, 46..60))
    );
    assert!(MasterKey::from_dtls(profile, &material[1..]).is_err());
    assert!(!format!("{:?}", key(profile, 0xAB)).contains("171"));
}

proptest! {
    #[test]
    fn there_and_back(
        profile in proptest::sample::select(Profile::ALL.to_vec()),
        first: u16,
        ssrc: u32,
        csrcs in 0u8..16,
        extension in proptest::option::of(0u8..5),
        payload in proptest::collection::vec(any::<u8>(), 0..100),
        encrypt in any::<[bool; 2]>(),
    ) {
        let mut packet = rtp(first, ssrc, &vec![7; usize::from(csrcs) * 4]);
        packet[0] |= csrcs;
        if let Some(words) = extension {
            packet[0] |= 0x10;
            packet.extend([0xBE, 0xDE, 0, words]);
            packet.extend(vec![1; usize::from(words) * 4]);
        }
        let clear = packet.clone();
        packet.extend(&payload);
        let plain = packet.clone();
        let config = Config { encrypt_rtp: profile.is_aead() || encrypt[0], encrypt_rtcp: encrypt[1], ..Config::default() };
        let context = || Context::new(profile, &[key(profile, 1)], config.clone()).expect("context");
        let (mut sender, mut receiver) = (context(), context());
        sender.protect(&mut packet)?;
        prop_assert_eq!(&packet[..clear.len()], &clear[..]);
        prop_assert_eq!(packet.len(), plain.len() + profile.rtp_tag_len());
        receiver.unprotect(&mut packet)?;
        prop_assert_eq!(&packet, &plain);
        sender.protect_rtcp(&mut packet)?;
        prop_assert_eq!(packet.len(), plain.len() + profile.rtcp_tag_len() + 4);
        receiver.unprotect_rtcp(&mut packet)?;
        prop_assert_eq!(packet, plain);
    }

    #[test]
    fn noise_is_refused(profile in proptest::sample::select(Profile::ALL.to_vec()), noise in proptest::collection::vec(any::<u8>(), 0..80)) {
        let (_, mut receiver) = pair(profile);
        prop_assert!(receiver.unprotect(&mut noise.clone()).is_err());
        prop_assert!(receiver.unprotect_rtcp(&mut noise.clone()).is_err());
    }
}
