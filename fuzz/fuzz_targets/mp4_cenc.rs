//! Encryption's boxes, maps and samples: no panic, what is encrypted is decrypted, the same events however bytes are cut.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use media::{Codec, Event};
use mp4::boxes::{KeyId, Pssh, Saio, Saiz, SampleInfo, Seig, Senc, Sinf, Tenc};
use mp4::cenc::{Decryptor, Encryption, Encryptor, Key, Keys, Scheme};
use mp4::{Demuxer, IsoBox, Limits};

fn stable<T: IsoBox + PartialEq + std::fmt::Debug>(data: &[u8]) {
    if let Ok(value) = T::decode_body(&mut wire::Reader::new(data)) {
        let mut out = Vec::new();
        value.encode(&mut out).unwrap();
        assert_eq!(out.len(), value.encoded_len());
        // What is damaged inside is kept as bytes, with an error that names another offset.
        let mut again = Vec::new();
        T::parse(&out).unwrap().encode(&mut again).unwrap();
        assert_eq!(again, out);
    }
}

fn demux<'a>(input: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default()).with_keys(Keys::new().with_any(Key::new([7; 16])));
    let mut events = Vec::new();
    for piece in input.map(Some).chain([None]) {
        match piece {
            Some(piece) => demuxer.handle_input(piece),
            None => demuxer.handle_eof(),
        }
        while let Ok(Some(event)) = demuxer.poll_event() {
            events.push(event);
        }
    }
    events
}

fuzz_target!(|data: &[u8]| {
    stable::<Tenc>(data);
    stable::<Pssh>(data);
    stable::<Saiz>(data);
    stable::<Saio>(data);
    stable::<Senc>(data);
    stable::<Sinf>(data);
    _ = Seig::parse(data);
    if let Ok(senc) = Senc::decode_body(&mut wire::Reader::new(data)) {
        assert!(senc.samples(8).take(100_000).count() <= senc.sample_count() as usize);
    }

    let codec = Codec::Aac(aac::AudioSpecificConfig::lc(48_000, 2).unwrap());
    let infos = [8, 16].map(|iv_size| SampleInfo::decode(&mut wire::Reader::new(data), iv_size, true));
    for scheme in [Scheme::Cenc, Scheme::Cbc1, Scheme::Cens, Scheme::Cbcs] {
        let encryption = Encryption::new(scheme, KeyId([1; 16]), Key::new([7; 16]), [3; 16]);
        let mut encryptor = Encryptor::new(&encryption, &codec, 0).unwrap();
        let decryptor = Decryptor::new(encryptor.protection(), &Key::new([7; 16]));
        let own = encryptor.plan(data).unwrap();
        for info in infos.iter().flatten().chain([&own]) {
            let mut sample = data.to_vec();
            if encryptor.cipher().encrypt(info, &mut sample).is_ok() {
                decryptor.decrypt(info, &mut sample).unwrap();
                assert_eq!(sample, data);
            }
        }
    }
    assert_eq!(demux(std::iter::once(data)), demux(pieces(data)));
});
