//! Boxes: what is read and written is read as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mp4::IsoBox;
use mp4::boxes::{Children, Emsg, Ftyp, Moof, Moov, Prft, Sidx};
use wire::Reader;

fn stable<B: IsoBox>(body: Reader<'_>, header: &mp4::boxes::Header) {
    if header.box_type != B::TYPE {
        return;
    }
    let mut body = body;
    let Ok(value) = B::decode_body(&mut body) else {
        return;
    };
    let mut out = Vec::new();
    value
        .encode(&mut out)
        .expect("it was read, so it can be written");
    assert_eq!(out.len(), value.encoded_len());
    let mut again = Vec::new();
    B::parse(&out)
        .and_then(|value| value.encode(&mut again))
        .expect("our own");
    assert_eq!(out, again);
}

fuzz_target!(|data: &[u8]| {
    for child in Children::new(Reader::new(data)) {
        let Ok(child) = child else { return };
        stable::<Ftyp>(child.body(), &child.header);
        stable::<Moov>(child.body(), &child.header);
        stable::<Moof>(child.body(), &child.header);
        stable::<Sidx>(child.body(), &child.header);
        stable::<Emsg>(child.body(), &child.header);
        stable::<Prft>(child.body(), &child.header);
    }
});
