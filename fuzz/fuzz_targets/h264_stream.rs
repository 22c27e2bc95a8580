//! A byte stream: slice headers, SEI, access units; the same NAL units and samples however it is cut.
#![no_main]

use fluvial_fuzz::pieces;
use h264::slice::LayerSlice;
use h264::stream::{Demuxer, Event, Limits};
use h264::{ParameterSets, PicOrderCounter, SliceHeader, access_unit, annexb, nal::UnitType, sei};
use libfuzzer_sys::fuzz_target;

/// What a demuxer with small limits makes of a stream in pieces.
fn samples<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut limits = Limits::default();
    limits.access_unit = 1000;
    limits.held = 4000;
    limits.events = 4;
    let mut demuxer = Demuxer::new(limits);
    let mut events = Vec::new();
    let mut last = i64::MIN;
    let mut poll = |demuxer: &mut Demuxer| {
        while let Some(event) = demuxer.poll_event() {
            if let Event::AccessUnit(unit) = &event {
                assert!(unit.dts > last && unit.data.len() <= 1000);
                last = unit.dts;
            }
            events.push(event);
        }
    };
    for piece in pieces {
        demuxer.handle_input(piece);
        poll(&mut demuxer);
        assert!(demuxer.buffered_len() <= 4000 + 2 * 1000 + 128);
    }
    demuxer.handle_eof();
    poll(&mut demuxer);
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

fuzz_target!(|data: &[u8]| {
    let mut splitter = annexb::Splitter::default();
    let mut units: Vec<Vec<u8>> = Vec::new();
    for piece in pieces(data) {
        splitter.push(piece, |piece| match piece {
            annexb::Piece::Start { .. } => units.push(Vec::new()),
            annexb::Piece::Data(data) => units
                .last_mut()
                .expect("a start code")
                .extend_from_slice(data),
        });
    }
    // A start code right after another one begins a unit without a byte.
    units.retain(|nal| !nal.is_empty());
    let whole: Vec<&[u8]> = annexb::nals(data).filter(|nal| !nal.is_empty()).collect();
    assert_eq!(units, whole);

    assert_eq!(samples(pieces(data)), samples(core::iter::once(data)));
    let by_units: usize = access_unit::units(data)
        .map(|unit| annexb::nals(unit).count())
        .sum();
    assert_eq!(by_units, whole.len());

    let mut sets = ParameterSets::default();
    let mut boundaries = access_unit::Boundaries::default();
    let mut counter = PicOrderCounter::default();
    for nal in annexb::nals(data) {
        let _ = boundaries.next(nal);
        match UnitType::of(nal) {
            UnitType::Sps | UnitType::Pps | UnitType::SubsetSps => drop(sets.insert(nal)),
            UnitType::SliceExtension | UnitType::SliceExtensionDepth => {
                let mut bits = h264::BitReader::escaped(nal);
                let Ok((header, slice)) = LayerSlice::decode(&mut bits, &sets) else {
                    continue;
                };
                let mut out = Vec::new();
                let mut writer = h264::BitWriter::escaped(&mut out);
                slice
                    .encode(header, &sets, &mut writer)
                    .expect("it was read, so it can be written");
                writer.trailing_bits();
                drop(writer);
                assert_eq!(LayerSlice::parse(&out, &sets).as_ref(), Ok(&slice));
            }
            UnitType::Sei => {
                for message in sei::messages(nal).flatten() {
                    let _ = message.payload(sets.sps(0).ok());
                }
            }
            _ => {
                let mut bits = h264::BitReader::escaped(nal);
                let Ok((header, slice)) = SliceHeader::decode(&mut bits, &sets) else {
                    continue;
                };
                let mut out = Vec::new();
                let mut writer = h264::BitWriter::escaped(&mut out);
                slice
                    .encode(header, &sets, &mut writer)
                    .expect("it was read, so it can be written");
                writer.trailing_bits();
                drop(writer);
                assert_eq!(SliceHeader::parse(&out, &sets).as_ref(), Ok(&slice));
                let pps = sets
                    .pps(slice.pic_parameter_set_id)
                    .expect("the slice was read with it");
                let sps = sets
                    .sps(pps.seq_parameter_set_id)
                    .expect("the slice was read with it");
                let _ = counter.next(header, &slice, sps);
            }
        }
    }
});
