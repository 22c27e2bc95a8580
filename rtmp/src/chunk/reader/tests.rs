use super::*;
use crate::chunk::Writer;
use proptest::prelude::*;

fn read_all(reader: &mut Reader, mut input: &[u8]) -> Result<Vec<Message>, Error> {
    let mut messages = Vec::new();
    while let Some(message) = reader.read(&mut input)? {
        messages.push(message);
    }
    assert!(input.is_empty());
    Ok(messages)
}

fn reader() -> Reader {
    Reader::new(&Limits::default())
}

/// Header bytes of format 0 for `length` bytes of audio on message stream 1.
fn full(csid: u8, time: u32, length: u32) -> Vec<u8> {
    let mut out = vec![csid];
    out.extend_from_slice(&time.min(EXTENDED).to_be_bytes()[1..]);
    out.extend_from_slice(&length.to_be_bytes()[1..]);
    out.extend_from_slice(&[8, 1, 0, 0, 0]);
    if time >= EXTENDED {
        out.extend_from_slice(&time.to_be_bytes());
    }
    out
}

#[test]
fn all_formats_and_their_history() {
    let mut bytes = full(4, 1000, 2);
    bytes.extend([1, 1]);
    bytes.extend([0x44, 0, 0, 20, 0, 0, 1, 9, 2]); // format 1: delta 20, one byte of video
    bytes.extend([0x84, 0, 0, 30, 3]); // format 2: delta 30
    bytes.extend([0xC4, 4]); // format 3: the delta again
    bytes.extend(full(4, 5000, 1));
    bytes.push(5);
    bytes.extend([0xC4, 6]); // after format 0 its timestamp is the delta
    let messages = read_all(&mut reader(), &bytes).unwrap();
    let times: Vec<u32> = messages.iter().map(|m| m.timestamp).collect();
    assert_eq!(times, [1000, 1020, 1050, 1080, 5000, 10_000]);
    let types: Vec<u8> = messages.iter().map(|m| m.type_id.0).collect();
    assert_eq!(types, [8, 9, 9, 9, 8, 8]);
    assert!(messages.iter().all(|m| m.stream_id == 1));
}

#[test]
fn every_form_of_the_chunk_stream_id() {
    let mut bytes = Vec::new();
    for basic in [
        &[0x02][..],
        &[0x3F],
        &[0x00, 0],
        &[0x00, 255],
        &[0x01, 0, 1],
        &[0x01, 255, 255],
    ] {
        bytes.extend(basic);
        bytes.extend(&full(0, 7, 1)[1..]);
        bytes.push(9);
    }
    // The last one again, as a format 3 chunk: the long form is little-endian, 65 599 is the highest id.
    bytes.extend([0xC1, 255, 255, 10]);
    let messages = read_all(&mut reader(), &bytes).unwrap();
    assert_eq!(messages.len(), 7);
    assert_eq!(messages[6].timestamp, 14);
}

#[test]
fn an_extended_timestamp_is_repeated_or_not() {
    let time = 0x0123_4567;
    for repeated in [true, false] {
        let mut bytes = full(6, time, 300);
        let payload: Vec<u8> = (0..300u32).map(|i| i as u8).collect();
        for (i, piece) in payload.chunks(128).enumerate() {
            if i > 0 {
                bytes.push(0xC6);
                if repeated {
                    bytes.extend(time.to_be_bytes());
                }
            }
            bytes.extend(piece);
        }
        for split in 0..bytes.len() {
            let mut reader = reader();
            let mut messages = read_all(&mut reader, &bytes[..split]).unwrap();
            messages.extend(read_all(&mut reader, &bytes[split..]).unwrap());
            assert_eq!(messages.len(), 1);
            assert_eq!(messages[0].timestamp, time);
            assert_eq!(messages[0].payload, payload);
        }
    }
}

#[test]
fn an_extended_delta_is_a_delta() {
    let mut bytes = full(4, 100, 1);
    bytes.push(0);
    bytes.extend([0x84, 0xFF, 0xFF, 0xFF, 0x01, 0, 0, 0, 1]);
    bytes.extend([0xC4, 0x01, 0, 0, 0, 2]);
    let messages = read_all(&mut reader(), &bytes).unwrap();
    assert_eq!(messages[1].timestamp, 0x0100_0064);
    assert_eq!(messages[2].timestamp, 0x0200_0064);
}

#[test]
fn abort_drops_the_message_and_keeps_its_history() {
    let mut bytes = full(4, 100, 200);
    bytes.extend([0xAA; 128]);
    bytes.extend([2, 0, 0, 0, 0, 0, 4, 2, 0, 0, 0, 0, 0, 0, 0, 4]);
    bytes.extend([0x44, 0, 0, 5, 0, 0, 1, 8, 0xBB]);
    let mut reader = reader();
    let messages = read_all(&mut reader, &bytes).unwrap();
    assert_eq!(messages.len(), 2);
    assert_eq!(
        (messages[1].timestamp, &messages[1].payload[..]),
        (105, &[0xBB][..])
    );
    assert_eq!(reader.buffered_len(), 0);
}

#[test]
fn chunk_sizes_of_0_and_past_31_bits_are_errors_and_the_largest_is_not() {
    let set = |size: u32| {
        let mut bytes = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];
        bytes.extend(size.to_be_bytes());
        bytes
    };
    for size in [0, 1 << 31] {
        let err = read_all(&mut reader(), &set(size)).unwrap_err();
        assert_eq!(
            err,
            Error::Invalid {
                field: "chunk size",
                value: size.into(),
                offset: 16
            }
        );
    }
    let mut bytes = set(0x7FFF_FFFF);
    bytes.extend(full(4, 0, 5000));
    bytes.extend([7; 5000]);
    let messages = read_all(&mut reader(), &bytes).unwrap();
    assert_eq!(messages[1].payload.len(), 5000);
}

#[test]
fn an_announced_message_costs_little_until_it_comes() {
    let limits = Limits {
        message_size: 0xFF_FFFF,
        ..Limits::default()
    };
    let mut reader = Reader::new(&limits);
    for csid in 3..60 {
        let mut bytes = full(csid, 0, 0xFF_FFFF);
        bytes.extend([0; 128]);
        assert_eq!(read_all(&mut reader, &bytes), Ok(vec![]));
    }
    assert!(reader.buffered_len() < 1 << 20);
    let err = read_all(&mut self::reader(), &full(3, 0, 9 << 20)).unwrap_err();
    assert_eq!(
        err,
        Error::Limit {
            limit: "message size",
            max: 8 << 20
        }
    );
}

#[test]
fn incomplete_messages_are_bounded_together() {
    let mut reader = reader();
    let mut bytes = vec![2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0, 0x40, 0, 0];
    for csid in 3..20 {
        bytes.extend(full(csid, 0, 8 << 20));
        bytes.extend(vec![0; 4 << 20]);
        match read_all(&mut reader, &bytes) {
            Ok(_) => assert!(reader.buffered_len() <= 16 << 20),
            Err(err) => {
                assert_eq!(
                    err,
                    Error::Limit {
                        limit: "bytes of incomplete messages",
                        max: 16 << 20
                    }
                );
                return;
            }
        }
        bytes.clear();
        // The chunk of 4 MiB has ended, so the next header may follow.
    }
    panic!("no limit");
}

#[test]
fn chunk_streams_are_bounded() {
    let mut reader = reader();
    for csid in 0..64u8 {
        let mut bytes = vec![0, csid];
        bytes.extend(&full(0, 0, 0)[1..]);
        assert_eq!(read_all(&mut reader, &bytes).unwrap().len(), 1);
    }
    let err = read_all(&mut reader, &full(3, 0, 0)).unwrap_err();
    assert_eq!(
        err,
        Error::Limit {
            limit: "chunk streams",
            max: 64
        }
    );
}

#[test]
fn headers_that_refer_to_nothing_or_contradict_are_errors() {
    for header in [&[0xC5][..], &[0x85, 0, 0, 0]] {
        assert!(matches!(
            read_all(&mut reader(), header),
            Err(Error::Invalid {
                value: 5,
                offset: 0,
                ..
            })
        ));
    }
    let mut bytes = full(4, 0, 200);
    bytes.extend([0; 128]);
    bytes.extend(full(4, 0, 201));
    assert!(matches!(
        read_all(&mut reader(), &bytes),
        Err(Error::Invalid { value: 201, .. })
    ));
    // Format 1 without history counts from 0 on stream 0.
    let messages = read_all(&mut reader(), &[0x45, 0, 0, 9, 0, 0, 0, 8]).unwrap();
    assert_eq!((messages[0].timestamp, messages[0].stream_id), (9, 0));
}

#[test]
fn a_full_header_in_the_middle_of_a_message_goes_on_with_it() {
    let mut bytes = full(4, 50, 130);
    bytes.extend([1; 128]);
    bytes.extend(full(4, 50, 130));
    bytes.extend([2; 2]);
    let messages = read_all(&mut reader(), &bytes).unwrap();
    assert_eq!(
        (
            messages.len(),
            messages[0].payload.len(),
            messages[0].timestamp
        ),
        (1, 130, 50)
    );
}

fn messages() -> impl Strategy<Value = Vec<(u32, Message)>> {
    let payload = prop_oneof![
        3 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (1000usize..40_000, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ];
    let time = prop_oneof![0u32..100_000, EXTENDED - 2..EXTENDED + 2, any::<u32>()];
    let csid = prop_oneof![3u32..8, 60u32..70, Just(319), Just(320), Just(65_599)];
    // Type 7 and above: control messages would change the reader.
    let one = (csid, time, 7u8..23, 0u32..3, payload).prop_map(
        |(csid, timestamp, type_id, stream_id, payload)| {
            (
                csid,
                Message {
                    timestamp,
                    type_id: TypeId(type_id),
                    stream_id,
                    payload: payload.into(),
                },
            )
        },
    );
    prop::collection::vec(one, 0..12)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back_however_it_is_cut(
        messages in messages(),
        chunk_size in prop_oneof![Just(128u32), 1u32..300, Just(4096), Just(MAX_CHUNK_SIZE)],
        cuts in prop::collection::vec(1usize..400, 1..20),
    ) {
        let mut writer = Writer::new();
        let mut out = Vec::new();
        writer.set_chunk_size(chunk_size, &mut out).unwrap();
        for (csid, message) in &messages {
            writer.write(*csid, message, &mut out).unwrap();
        }
        let mut reader = reader();
        let mut got = Vec::new();
        let mut rest = &out[..];
        for cut in cuts.iter().cycle() {
            let (mut piece, tail) = rest.split_at(rest.len().min(*cut));
            while let Some(message) = reader.read(&mut piece).unwrap() {
                got.push(message);
            }
            rest = tail;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(got.len(), messages.len() + 1);
        for (got, (_, sent)) in got[1..].iter().zip(&messages) {
            prop_assert_eq!(got, sent);
        }
        prop_assert_eq!(reader.buffered_len(), 0);
    }

    #[test]
    fn interleaved_chunks_of_two_messages(a in prop::collection::vec(any::<u8>(), 1..2000), b in prop::collection::vec(any::<u8>(), 1..2000)) {
        let mut bytes = full(4, 1, a.len() as u32);
        let (mut x, mut y) = (a.chunks(128), b.chunks(128));
        bytes.extend(x.next().unwrap());
        bytes.extend(full(6, 2, b.len() as u32));
        bytes.extend(y.next().unwrap());
        loop {
            let (p, q) = (x.next(), y.next());
            for (csid, piece) in [(0xC4, p), (0xC6, q)] {
                if let Some(piece) = piece {
                    bytes.push(csid);
                    bytes.extend(piece);
                }
            }
            if p.is_none() && q.is_none() {
                break;
            }
        }
        let messages = read_all(&mut reader(), &bytes).unwrap();
        prop_assert_eq!(messages.len(), 2);
        let (first, second) = if a.len().div_ceil(128) <= b.len().div_ceil(128) { (a, b) } else { (b, a) };
        prop_assert_eq!(&messages[0].payload[..], &first[..]);
        prop_assert_eq!(&messages[1].payload[..], &second[..]);
    }

    #[test]
    fn random_bytes_do_no_harm(bytes: Vec<u8>) {
        let mut reader = reader();
        let mut input = &bytes[..];
        while let Ok(Some(_)) = reader.read(&mut input) {}
        prop_assert!(reader.buffered_len() < 17 << 20);
    }
}

/// The start of a payload that looks like the extended timestamp that this sender leaves out, cut in the middle.
#[test]
fn a_payload_that_starts_like_an_extended_timestamp_is_kept_when_cut() {
    let mut input = vec![
        4, 0xFF, 0xFF, 0xFF, 0, 0, 130, 9, 1, 0, 0, 0, 0x01, 0x02, 0x03, 0x04,
    ];
    input.extend([0xAA; 128]);
    // A continuation without extended timestamp, whose payload begins with its first byte.
    input.extend([0xC4, 0x01, 0xBB]);
    for cut in 1..input.len() {
        let mut reader = Reader::new(&Limits::default());
        let (mut head, mut tail) = input.split_at(cut);
        let mut message = reader.read(&mut head).unwrap();
        message = message.or(reader.read(&mut tail).unwrap());
        // Only what the input ended in may be waited for: two bytes of payload end the message.
        if message.is_none() {
            message = reader.read(&mut [0xC4].as_slice()).unwrap();
        }
        let message = message.expect("whole");
        assert_eq!(message.payload.len(), 130, "cut at {cut}");
        assert_eq!(message.payload[128..], [0x01, 0xBB], "cut at {cut}");
    }
}
