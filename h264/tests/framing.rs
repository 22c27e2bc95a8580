//! Byte streams and length-prefixed units, whole, in pieces and turned into each other.

mod common;

use fluvial_h264::annexb::{self, Piece, Splitter};
use fluvial_h264::{length_prefixed, nal as unit};
use proptest::prelude::*;

/// NAL units as the standard has them: not empty, no start code inside, no zero at the end.
fn nal() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(
        prop_oneof![4 => Just(0u8), 2 => 0u8..4, 2 => any::<u8>()],
        1..60,
    )
    .prop_map(|bytes| {
        let mut nal: Vec<u8> = Vec::new();
        for byte in bytes {
            if byte <= 3 && nal.ends_with(&[0, 0]) {
                nal.push(3);
            }
            nal.push(byte);
        }
        if nal.ends_with(&[0]) {
            nal.push(0x80);
        }
        nal
    })
}

fn nals() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(nal(), 0..10)
}

/// Units with start codes of 3 or more bytes before them and zeros at the end.
fn byte_stream(nals: &[Vec<u8>], zeros: &[usize]) -> Vec<u8> {
    let mut zeros = zeros.iter().copied().cycle();
    let mut out = Vec::new();
    for nal in nals {
        out.resize(out.len() + 2 + zeros.next().unwrap_or(0), 0);
        out.push(1);
        out.extend_from_slice(nal);
    }
    out.resize(out.len() + zeros.next().unwrap_or(0), 0);
    out
}

/// What a splitter makes of the input cut at these places.
fn split(stream: &[u8], cuts: &[usize]) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (stream.len() + 1)).collect();
    cuts.extend([0, stream.len()]);
    cuts.sort_unstable();
    let mut splitter = Splitter::default();
    let mut nals: Vec<Vec<u8>> = Vec::new();
    for cut in cuts.windows(2) {
        splitter.push(&stream[cut[0]..cut[1]], |piece| match piece {
            Piece::Start { .. } => nals.push(Vec::new()),
            Piece::Data(data) => {
                assert!(!data.is_empty());
                nals.last_mut().unwrap().extend_from_slice(data);
            }
        });
    }
    nals.retain(|nal| !nal.is_empty());
    nals
}

proptest! {
    #[test]
    fn byte_streams_are_split_into_their_units(nals in nals(), zeros in proptest::collection::vec(0usize..4, 1..8)) {
        let stream = byte_stream(&nals, &zeros);
        prop_assert!(annexb::nals(&stream).eq(nals.iter().map(Vec::as_slice)));
    }

    #[test]
    fn where_the_input_is_cut_makes_no_difference(
        stream in proptest::collection::vec(prop_oneof![5 => Just(0u8), 3 => Just(1u8), 1 => any::<u8>()], 0..200),
        cuts in proptest::collection::vec(any::<usize>(), 0..20),
    ) {
        let whole: Vec<Vec<u8>> = annexb::nals(&stream).map(<[u8]>::to_vec).collect();
        prop_assert_eq!(split(&stream, &cuts), whole);
    }

    #[test]
    fn both_framings_turn_into_each_other(nals in nals(), zeros in proptest::collection::vec(0usize..4, 1..8)) {
        let stream = byte_stream(&nals, &zeros);
        let mut prefixed = Vec::new();
        annexb::to_length_prefixed(&stream, &mut prefixed).unwrap();
        let read: Result<Vec<&[u8]>, _> = length_prefixed::nals(&prefixed, 4).collect();
        prop_assert_eq!(&read.unwrap(), &nals);

        let mut in_place = stream.clone();
        annexb::make_length_prefixed(&mut in_place).unwrap();
        prop_assert_eq!(&in_place, &prefixed);

        let mut again = Vec::new();
        length_prefixed::to_annexb(&prefixed, 4, &mut again).unwrap();
        prop_assert_eq!(&again, &byte_stream(&nals, &[1]).into_iter().take(again.len()).collect::<Vec<u8>>());
        length_prefixed::make_annexb(&mut in_place).unwrap();
        prop_assert_eq!(in_place, again);
    }

    #[test]
    fn emulation_prevention_is_put_in_and_taken_out(
        rbsp in proptest::collection::vec(prop_oneof![5 => Just(0u8), 3 => 0u8..5, 1 => any::<u8>()], 0..100),
    ) {
        let mut escaped = Vec::new();
        unit::escape(&rbsp, &mut escaped);
        prop_assert!(!escaped.windows(3).any(|w| w[0] == 0 && w[1] == 0 && w[2] < 3));
        prop_assert!(!escaped.ends_with(&[0]));
        if !rbsp.ends_with(&[0]) || escaped.ends_with(&[0, 0, 3]) {
            prop_assert_eq!(&*unit::unescape(&escaped), &rbsp);
        }
    }

    #[test]
    fn nothing_panics(data: Vec<u8>, size in 0u8..6) {
        for nal in length_prefixed::nals(&data, size) {
            let _ = nal;
        }
        let mut copy = data.clone();
        let _ = length_prefixed::make_annexb(&mut copy);
        let _ = annexb::make_length_prefixed(&mut copy);
    }
}

#[test]
fn every_length_size_is_read() {
    for (size, data) in [
        (1, &[1, 0x65][..]),
        (2, &[0, 1, 0x65]),
        (3, &[0, 0, 1, 0x65]),
        (4, &[0, 0, 0, 1, 0x65]),
    ] {
        assert!(length_prefixed::nals(data, size).eq([Ok(&[0x65][..])]));
        let short = length_prefixed::nals(&data[..data.len() - 1], size).collect::<Vec<_>>();
        assert!(matches!(short[..], [Err(_)]));
    }
}

#[test]
fn the_corpus_in_pieces_of_every_size() {
    for (path, mut stream) in common::streams() {
        stream.truncate(20_000);
        let whole: Vec<&[u8]> = annexb::nals(&stream).collect();
        for size in [1, 2, 3, 7, 188, 4096] {
            let cuts: Vec<usize> = (0..stream.len()).step_by(size).collect();
            assert!(
                split(&stream, &cuts) == whole,
                "{path:?} in pieces of {size}"
            );
        }
    }
}
