//! Damaged input: nothing panics, nothing grows without bound, what is still read is written back the same.

mod common;

use fluvial_h264::access_unit::{Boundaries, Summary};
use fluvial_h264::nal::{Header, UnitType};
use fluvial_h264::sei::{self, Payload};
use fluvial_h264::stream::{AccessUnit, Demuxer, Event, Limits};
use fluvial_h264::{
    BitReader, BitWriter, DecoderConfig, Error, ParameterSets, PicOrderCounter, Pps, SliceHeader,
    Sps, Tracer, annexb, extension::HeaderExtension,
};
use proptest::prelude::*;

const SPS: &[u8] = &[
    0x67, 0x64, 0x00, 0x1F, 0xAC, 0xD9, 0x40, 0x50, 0x05, 0xBB, 0x01, 0x6A, 0x02, 0x02, 0x02, 0x80,
    0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x07, 0x8C, 0x18, 0xCB,
];
const PPS: &[u8] = &[0x68, 0xEB, 0xE3, 0xCB, 0x22, 0xC0];
const SLICES: [&[u8]; 3] = [
    &[
        0x65, 0x88, 0x84, 0x00, 0x33, 0xFF, 0xFE, 0xF6, 0xF0, 0xFE, 0x05, 0x36,
    ],
    &[
        0x41, 0x9A, 0x24, 0x6C, 0x43, 0x3F, 0xFE, 0x9E, 0x10, 0x00, 0x00, 0x45,
    ],
    &[
        0x01, 0x9E, 0x42, 0x78, 0x85, 0xFF, 0x00, 0x01, 0x83, 0x7F, 0x21, 0x44,
    ],
];
const MESSAGES: &[u8] = &[
    0x06, 0x00, 0x01, 0x80, 0x01, 0x02, 0x12, 0x34, 0x06, 0x01, 0xC4, 0x04, 0x03, 0xB5, 0x00, 0x31,
    0x80,
];

/// Everything that reads NAL units, over a whole stream.
fn read_all(stream: &[u8]) {
    let mut boundaries = Boundaries::default();
    let mut counter = PicOrderCounter::default();
    let mut tracer = Tracer::default();
    let mut config: Option<DecoderConfig> = None;
    for nal in annexb::nals(stream) {
        boundaries.next(nal);
        let mut last = 0;
        let told = tracer.nal(nal, |element| {
            assert!(element.bit >= last, "elements come in order");
            last = element.bit;
        });
        if let Err(Error::Invalid { bit, .. } | Error::Overlong { bit, .. }) = told {
            assert!(bit <= nal.len() as u64 * 8);
        }
        let _ = Summary::of([nal]);
        let _ = HeaderExtension::parse(nal);
        match (UnitType::of(nal), &mut config) {
            (UnitType::Sps, None) => config = DecoderConfig::from_parameter_sets([nal], []).ok(),
            (_, Some(config)) => {
                let _ = config.merge([nal]);
            }
            _ => {}
        }
        let sets = boundaries.parameter_sets();
        if let Ok(slice) = SliceHeader::parse(nal, sets)
            && let Ok(pps) = sets.pps(slice.pic_parameter_set_id)
            && let Ok(sps) = sets.sps(pps.seq_parameter_set_id)
        {
            counter.next(Header::parse(nal).unwrap(), &slice, sps);
            let _ = (sps.width(), sps.height(), sps.max_num_reorder_frames());
        }
    }
}

/// What a demuxer makes of a stream, of which it never holds much more than the limits say.
fn samples(stream: &[u8]) -> Vec<AccessUnit> {
    let limits = Limits::default();
    let mut demuxer = Demuxer::new(limits);
    let mut units = Vec::new();
    let mut last = i64::MIN;
    for piece in stream.chunks(4096).map(Some).chain([None]) {
        match piece {
            Some(piece) => demuxer.handle_input(piece),
            None => demuxer.handle_eof(),
        }
        while let Some(event) = demuxer.poll_event() {
            if let Event::AccessUnit(unit) = event {
                assert!(unit.dts > last);
                last = unit.dts;
                units.push(unit);
            }
        }
        assert!(demuxer.buffered_len() <= limits.held + 2 * limits.access_unit);
    }
    units
}

#[test]
fn the_corpus_with_bits_flipped() {
    let mut random = testing::Random::new(264);
    for (path, stream) in common::streams() {
        let good = samples(&stream);
        let mut bad = stream.clone();
        testing::flip_bits(&mut bad, &mut random);
        read_all(&bad);
        samples(&bad);
        // With the second quarter damaged, the last half comes out as if nothing had been.
        let half = stream.len() / 2;
        let mut bad = stream.clone();
        testing::flip_bits(&mut bad[stream.len() / 4..half], &mut random);
        let found = samples(&bad);
        // But for the first one: what is taken for a message by damage belongs to it.
        let whole = good.iter().filter(|unit| unit.offset > half as u64);
        for unit in whole.skip(1) {
            let same =
                |found: &AccessUnit| (found.offset, &found.data) == (unit.offset, &unit.data);
            assert!(
                found.iter().any(same),
                "{}: {}",
                path.display(),
                unit.offset
            );
        }
    }
}

#[test]
fn the_corpus_cut_off() {
    for (path, stream) in common::streams() {
        let good = samples(&stream);
        for (n, part) in testing::truncations(&stream, 200).enumerate() {
            // Each part by all parsers: of the long ones, where they end.
            read_all(&part[part.len().saturating_sub(3000)..]);
            // And some by the demuxer, for which what is whole stays as it was.
            if n % 20 == 0 {
                let found = samples(part);
                let same = good
                    .iter()
                    .zip(&found)
                    .take_while(|(a, b)| a.data == b.data)
                    .count();
                assert!(same + 1 >= found.len(), "{}: {n}", path.display());
            }
        }
        let heads: Vec<&[u8]> = annexb::nals(&stream).take(20).collect();
        for (n, nal) in heads.iter().enumerate() {
            for cut in 0..nal.len().min(80) {
                let mut nals = heads.clone();
                nals[n] = &nal[..cut];
                let mut stream = Vec::new();
                for nal in nals {
                    annexb::push(&nal[..nal.len().min(80)], &mut stream);
                }
                read_all(&stream);
            }
        }
    }
}

#[test]
fn what_fuzzers_of_others_have_found() {
    let Some(folder) = common::corpus() else {
        return;
    };
    for path in testing::files(&folder.join("bluenviron-mediacommon")) {
        for data in testing::go_seeds(&std::fs::read(path).unwrap()) {
            let _ = Sps::parse(&data);
            let _ = DecoderConfig::parse(&data);
            read_all(&data);
            let mut stream = vec![0, 0, 1];
            stream.extend_from_slice(&data);
            read_all(&stream);
        }
    }
}

/// Bytes of a valid unit with some of its bits changed.
fn damaged(unit: &'static [u8]) -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((1..unit.len(), any::<u8>()), 0..6);
    (changes, proptest::collection::vec(any::<u8>(), 0..40)).prop_map(|(changes, more)| {
        let mut unit = unit.to_vec();
        for (at, change) in changes {
            unit[at] ^= change & change.rotate_left(3);
        }
        unit.extend(more);
        unit
    })
}

fn sets() -> ParameterSets {
    let mut sets = ParameterSets::default();
    sets.insert(SPS).unwrap();
    sets.insert(PPS).unwrap();
    sets
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn parameter_sets_that_are_read_are_written_the_same(
        sps in prop_oneof![damaged(SPS), damaged(&[0x67, 0xF4, 0x00, 0x1F, 0xB1, 0x82, 0x3A, 0x05, 0x27, 0xE3, 0x11])],
        pps in damaged(PPS),
    ) {
        if let Ok(read) = Sps::parse(&sps) {
            let mut out = Vec::new();
            read.encode(3, &mut out).unwrap();
            prop_assert_eq!(Sps::parse(&out), Ok(read));
        }
        if let Ok(read) = Pps::parse(&pps, 3) {
            let mut out = Vec::new();
            read.encode(3, 3, &mut out).unwrap();
            prop_assert_eq!(Pps::parse(&out, 3), Ok(read));
        }
    }

    #[test]
    fn slice_headers_that_are_read_are_written_the_same(
        slice in prop_oneof![damaged(SLICES[0]), damaged(SLICES[1]), damaged(SLICES[2])],
        pps in damaged(PPS),
    ) {
        let mut sets = sets();
        let _ = sets.insert(&pps);
        let mut reader = BitReader::escaped(&slice);
        if let Ok((header, read)) = SliceHeader::decode(&mut reader, &sets) {
            let mut out = Vec::new();
            let mut writer = BitWriter::escaped(&mut out);
            read.encode(header, &sets, &mut writer).unwrap();
            prop_assert_eq!(writer.position(), reader.position());
            writer.trailing_bits();
            prop_assert_eq!(SliceHeader::parse(&out, &sets), Ok(read));
        }
    }

    #[test]
    fn messages_that_are_read_are_written_the_same(nal in damaged(MESSAGES)) {
        let sps = Sps::parse(SPS).unwrap();
        let read: Result<Vec<Payload>, Error> = sei::messages(&nal).map(|message| message?.payload(Some(&sps))).collect();
        if let Ok(read) = read {
            let mut out = Vec::new();
            sei::encode(&read, Some(&sps), &mut out).unwrap();
            let again: Result<Vec<Payload>, Error> = sei::messages(&out).map(|message| message?.payload(Some(&sps))).collect();
            prop_assert_eq!(again, Ok(read));
        }
    }

    #[test]
    fn records_that_are_read_stay_the_same(
        record: Vec<u8>,
        good in any::<bool>(),
        nals in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 0..8),
    ) {
        let mut data = if good {
            DecoderConfig::from_parameter_sets([SPS], [PPS]).unwrap().raw().to_vec()
        } else {
            vec![1]
        };
        data.extend(record);
        if let Ok(mut config) = DecoderConfig::parse(&data) {
            prop_assert_eq!(config.raw(), &data);
            let before = config.clone();
            match config.merge(nals.iter().map(Vec::as_slice)) {
                Ok(changed) => prop_assert_eq!(changed, config != before),
                Err(_) => prop_assert_eq!(&config, &before),
            }
            prop_assert_eq!(DecoderConfig::parse(config.raw()), Ok(config));
        }
    }
}
