//! Annex B and length prefixes: the same NAL units, whichever way they are framed.
#![no_main]

use h264::access_unit::{self, Canonical};
use h264::{DecoderConfig, annexb, length_prefixed};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let nals: Vec<&[u8]> = annexb::nals(data).collect();
    let mut prefixed = Vec::new();
    annexb::to_length_prefixed(data, &mut prefixed).expect("short enough");
    let back: Vec<&[u8]> = length_prefixed::nals(&prefixed, 4)
        .map(|nal| nal.expect("our own"))
        .collect();
    assert_eq!(nals, back);
    let _ = access_unit::Summary::of(nals.iter().copied());

    // Gathered in pieces, whose length the input tells.
    let (mut gathered, mut prefixer) = (Vec::new(), annexb::Prefixer::new());
    let piece = data.first().map_or(1, |len| usize::from(*len) + 1);
    for piece in data.chunks(piece) {
        gathered.extend_from_slice(piece);
        prefixer.advance(&mut gathered, 20).expect("short enough");
    }
    prefixer.finish(&mut gathered).expect("short enough");
    assert_eq!(gathered, prefixed);

    let mut stream = Vec::new();
    length_prefixed::to_annexb(&prefixed, 4, &mut stream).expect("our own");
    assert_eq!(annexb::nals(&stream).collect::<Vec<_>>(), nals);

    for length_size in [1, 2, 4] {
        for nal in length_prefixed::nals(data, length_size) {
            let _ = nal.map(h264::nal::Header::parse);
        }
    }

    // In place or not, the canonical form is the same, and stays what it is.
    let (mut slow, mut fast) = (DecoderConfig::default(), DecoderConfig::default());
    let copied = Canonical::from_nals(nals.iter().copied().map(Ok), data.len(), &mut slow);
    let converted = Canonical::from_annexb(data.to_vec(), &mut fast);
    assert_eq!(copied.data, converted.data);
    assert_eq!(copied.summary, converted.summary);
    if copied.error.is_none() && converted.error.is_none() {
        // An extension before any sequence parameter set has no place in the record.
        assert!(slow.sps().eq(fast.sps()) && slow.pps().eq(fast.pps()));
    }
    let of_units = Canonical::from_units(prefixed, &mut DecoderConfig::default());
    assert!(of_units.data == copied.data && of_units.summary == copied.summary);
    let _ = Canonical::from_units(data.to_vec(), &mut DecoderConfig::default());
    let again = Canonical::from_length_prefixed(&copied.data, 4, &mut slow);
    assert!(*again.data == *copied.data && !again.reconfigured);
    for length_size in [1, 2, 4] {
        let _ = Canonical::from_length_prefixed(data, length_size, &mut fast);
    }
});
