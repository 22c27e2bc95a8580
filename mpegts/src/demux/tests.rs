use super::*;
use crate::reader::tests::{Stream as Packets, VIDEO};
use proptest::prelude::*;

const SPS: [u8; 8] = [0x67, 0x42, 0xC0, 0x0A, 0xDA, 0x11, 0x3F, 0x90];
const PPS: [u8; 4] = [0x68, 0xCE, 0x0F, 0xC8];

/// The header of a PES packet of video that says no length, with a time.
fn header(pts: u64) -> Vec<u8> {
    let fields = crate::pes::Fields {
        pts: Some(pts),
        ..crate::pes::Fields::default()
    };
    let header = crate::pes::Header::with_fields(crate::pes::StreamId::video(0), fields);
    let mut bytes = Vec::new();
    header.encode(&mut bytes).unwrap();
    bytes
}

/// Pictures by their slices, with start codes.
fn access_units(slices: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let units = slices.iter().enumerate().map(|(n, slice)| {
        let mut unit = Vec::new();
        ::h264::annexb::push(&[0x09, 0xF0], &mut unit);
        if n == 0 {
            ::h264::annexb::push(&SPS, &mut unit);
            ::h264::annexb::push(&PPS, &mut unit);
        }
        ::h264::annexb::push(slice, &mut unit);
        unit
    });
    units.collect()
}

/// A transport stream of them: the first ones each in a PES packet, which is stuffed; of the others each begins in the PES packet with
/// its time, behind what the one before left over.
fn stream(units: &[Vec<u8>], stuffed: usize, with_clock: bool) -> Vec<u8> {
    // Of the packet in which a PES packet begins.
    let first = if with_clock { 176 } else { 184 };
    let mut packets = Packets::default();
    packets.tables(0, &[VIDEO]);
    let mut left = Vec::new();
    for (n, unit) in units.iter().enumerate() {
        let bytes = [&header(n as u64 * 3600), &left[..], unit].concat();
        let is_cut = n >= stuffed && n + 1 < units.len();
        let end = match is_cut {
            true => first + (bytes.len() - first) / 184 * 184,
            false => bytes.len(),
        };
        let (head, rest) = bytes[..end].split_at(first);
        packets.packet(VIDEO, true, head);
        if with_clock {
            // In place of stuffing: nothing but PCR.
            let at = packets.out.len() - 188;
            packets.out[at + 5..at + 12].copy_from_slice(&[0x10, 0, 0, 0, 0, 0x7E, 0]);
        }
        for payload in rest.chunks(184) {
            packets.packet(VIDEO, false, payload);
        }
        left = bytes[end..].to_vec();
    }
    packets.out
}

fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut demuxer = Demuxer::new(Limits::default());
    let mut events = Vec::new();
    for piece in pieces.into_iter().map(Some).chain([None]) {
        match piece {
            Some(piece) => demuxer.handle_input(piece),
            None => demuxer.handle_eof(),
        }
        events.extend(core::iter::from_fn(|| demuxer.poll_event().unwrap()));
    }
    assert_eq!(demuxer.buffered_len(), 0);
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    /// With zeros that may lie at the cuts.
    #[test]
    fn pictures_are_whole_though_packets_begin_within_them_later(
        slices in proptest::collection::vec(proptest::collection::vec(0usize..4, 200..500), 6..20),
        stuffed in 2usize..8,
        with_clock: bool,
        size in 1usize..2000,
    ) {
        let mut slices: Vec<Vec<u8>> = slices
            .into_iter()
            .enumerate()
            .map(|(n, tokens)| {
                let tokens = tokens.into_iter().flat_map(|token| match token {
                    0 => &[0x55][..],
                    1 => &[0, 0x55],
                    2 => &[0, 0, 0x55],
                    _ => &[0, 0, 3, 0],
                });
                let head = if n == 0 { 0x65 } else { 0x41 };
                [head, 0x88].into_iter().chain(tokens.copied()).chain([0x80]).collect()
            })
            .collect();
        // Those before it tell that the muxer stuffs its packets.
        for n in 0..stuffed.min(slices.len()) {
            let len = header(0).len() + access_units(&slices)[n].len();
            if (len + if with_clock { 8 } else { 0 }).is_multiple_of(184) {
                slices[n].push(0x80);
            }
        }
        let bytes = stream(&access_units(&slices), stuffed, with_clock);
        let whole = events([&bytes[..]]);
        prop_assert_eq!(&whole, &events(bytes.chunks(size)));
        let mut found = Vec::new();
        for event in whole {
            match event {
                Event::Sample(sample) => found.push((sample.dts, sample.data.to_vec())),
                Event::Warning(warning) => return Err(TestCaseError::fail(warning.to_string())),
                _ => {}
            }
        }
        let expected = slices.iter().enumerate().map(|(n, slice)| {
            let mut data = Vec::new();
            ::h264::length_prefixed::push(slice, &mut data).unwrap();
            (n as i64 * 3600, data)
        });
        prop_assert_eq!(found, expected.collect::<Vec<_>>());
    }
}
