use super::*;
use proptest::prelude::*;

fn cipher() -> Cipher {
    Cipher::new(&Key::new([7; 16], [9; 16]))
}

/// The vector of AES-128 in CBC of NIST SP 800-38A, F.2.1, as the blocks of a frame.
#[test]
fn frames_are_chained_as_nist_has_it() {
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
            .collect()
    };
    let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let iv = hex("000102030405060708090a0b0c0d0e0f");
    let cipher = Cipher::new(&Key::new(key.try_into().unwrap(), iv.try_into().unwrap()));
    let clear = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
    let mut frame = [&[0x55; 23][..], &clear, &[0xAA; 15]].concat();
    cipher.frame(7, &mut frame, Way::Encrypt);
    let encrypted = hex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2");
    assert_eq!(frame, [&[0x55; 23][..], &encrypted, &[0xAA; 15]].concat());
    cipher.decrypt_frame(7, &mut frame);
    assert_eq!(frame, [&[0x55; 23][..], &clear, &[0xAA; 15]].concat());
}

/// Which bytes of a slice change.
fn changed(len: usize) -> Vec<(usize, usize)> {
    let slice: Vec<u8> = [0x41].into_iter().chain((1..len).map(|_| 0xA5)).collect();
    let encrypted = cipher().encrypt_nal(&slice).into_owned();
    let encrypted = nal::unescape(&encrypted).into_owned();
    assert_eq!(encrypted.len(), len);
    let mut ranges = Vec::new();
    for block in (0..len).step_by(16) {
        let range = block..(block + 16).min(len);
        if encrypted[range.clone()] != slice[range.clone()] {
            ranges.push((range.start, range.end));
        }
    }
    ranges
}

#[test]
fn of_a_slice_one_block_in_ten() {
    assert_eq!(changed(48), []);
    assert_eq!(changed(49), [(32, 48)]);
    // The second block of a stride is clear, and so is the last one.
    assert_eq!(changed(32 + 160), [(32, 48)]);
    assert_eq!(changed(32 + 160 + 16), [(32, 48)]);
    assert_eq!(changed(32 + 160 + 17), [(32, 48), (192, 208)]);
}

#[test]
fn what_is_no_slice_is_clear() {
    for header in [0x09, 0x67, 0x68, 0x06, 0x02] {
        let nal = [&[header][..], &[0x5A; 200]].concat();
        assert!(matches!(cipher().encrypt_nal(&nal), Cow::Borrowed(_)));
        assert!(matches!(cipher().decrypt_nal(&nal), Cow::Borrowed(_)));
    }
}

proptest! {
    #[test]
    fn slices_come_back(
        body in proptest::collection::vec(prop_oneof![3 => 0u8..4, 1 => any::<u8>()], 0..900),
        idr: bool,
    ) {
        let mut nal = vec![if idr { 0x65 } else { 0x41 }];
        nal::escape(&body, &mut nal);
        nal.push(0x80);
        let encrypted = cipher().encrypt_nal(&nal).into_owned();
        prop_assert!(memchr::memmem::find(&encrypted, &[0, 0, 1]).is_none() || nal.len() <= 48);
        prop_assert_eq!(&*cipher().decrypt_nal(&encrypted), &nal[..]);
        let mut stream = Vec::new();
        annexb::push(&[0x09, 0xF0], &mut stream);
        annexb::push(&nal, &mut stream);
        annexb::push(&nal, &mut stream);
        let mut out = Vec::new();
        cipher().encrypt_annexb(&stream, &mut out);
        prop_assert_eq!(cipher().decrypt_annexb(&out), stream);
    }

    #[test]
    fn any_bytes_are_taken(mut data in proptest::collection::vec(any::<u8>(), 0..400)) {
        _ = cipher().decrypt_annexb(&data);
        let len = data.len();
        cipher().decrypt_sound(Sound::Adts, &mut data);
        cipher().decrypt_sound(Sound::SyncFrames, &mut data);
        prop_assert_eq!(data.len(), len);
    }
}
