use super::*;
use crate::packet::Header as PacketHeader;
use crate::pes;
use crate::psi::{ElementaryStream, Program, StreamType, Table, Version};
use proptest::prelude::*;

pub(crate) const VIDEO: u16 = 0x100;
const AUDIO: u16 = 0x101;
const MAP: u16 = 0x1000;

/// Writes packets one by one, each with the next counter of its PID.
#[derive(Default)]
pub(crate) struct Stream {
    pub(crate) out: Vec<u8>,
    counters: std::collections::BTreeMap<u16, u8>,
}

impl Stream {
    pub(crate) fn packet(&mut self, pid: u16, start: bool, payload: &[u8]) {
        let counter = self.counters.entry(pid).or_default();
        let stuffing = 184 - payload.len();
        let header = PacketHeader::new(Pid::new(pid).unwrap())
            .with_payload_unit_start(start)
            .with_content(stuffing > 0, true)
            .with_continuity_counter(*counter);
        *counter = (*counter + 1) & 0x0F;
        self.out.extend(header.to_bytes());
        if stuffing > 0 {
            let field = crate::adaptation::AdaptationField::default();
            field.encode(stuffing, &mut self.out).unwrap();
        }
        self.out.extend(payload);
    }

    fn unit(&mut self, pid: u16, bytes: &[u8]) {
        for (i, payload) in bytes.chunks(184).enumerate() {
            self.packet(pid, i == 0, payload);
        }
    }

    fn section(&mut self, pid: u16, table: &(impl Table + Clone)) {
        for section in table.encode().unwrap() {
            self.unit(pid, &[&[0], section.as_slice()].concat());
        }
    }

    pub(crate) fn tables(&mut self, version: u8, streams: &[u16]) {
        let pat = Pat {
            transport_stream_id: 1,
            version: Version::FIRST,
            programs: vec![Program {
                program_number: 1,
                pid: MAP,
            }],
        };
        self.section(0, &pat);
        let stream = |pid: &u16| ElementaryStream {
            stream_type: if *pid == VIDEO {
                StreamType::H264
            } else {
                StreamType::AAC_ADTS
            },
            elementary_pid: *pid,
            descriptors: psi::Descriptors::new(),
        };
        let pmt = psi::Pmt {
            program_number: 1,
            version: Version {
                number: version,
                current: true,
            },
            pcr_pid: VIDEO,
            descriptors: psi::Descriptors::new(),
            streams: streams.iter().map(stream).collect(),
        };
        self.section(MAP, &pmt);
    }

    fn pes(&mut self, pid: u16, pts: u64, data: &[u8], bounded: bool) {
        let mut bytes = Vec::new();
        let id = if pid == VIDEO {
            pes::StreamId::video(0)
        } else {
            pes::StreamId::audio(0)
        };
        let fields = pes::Fields {
            pts: Some(pts),
            ..pes::Fields::default()
        };
        let mut header = pes::Header::with_fields(id, fields);
        if bounded {
            header.set_data_len(data.len()).unwrap();
        }
        header.encode(&mut bytes).unwrap();
        bytes.extend(data);
        self.unit(pid, &bytes);
    }
}

fn read(pieces: &[&[u8]]) -> Vec<Unit> {
    let mut reader = Reader::new(Limits::default());
    let mut units = Vec::new();
    for (i, mut piece) in pieces.iter().copied().chain([&[][..]]).enumerate() {
        if i == pieces.len() {
            reader.handle_eof();
        }
        while let Some(unit) = reader.next(&mut piece) {
            units.push(unit);
        }
    }
    assert_eq!(reader.buffered_len(), 0);
    units
}

fn packets(units: &[Unit]) -> Vec<(u16, Option<u64>, Vec<u8>, bool)> {
    let pes = units.iter().filter_map(|unit| match unit {
        Unit::Pes(pes) => Some((pes.pid.get(), pes.pts, pes.data.clone(), pes.damaged)),
        _ => None,
    });
    pes.collect()
}

fn problems(units: &[Unit]) -> Vec<String> {
    let problems = units.iter().filter_map(|unit| match unit {
        Unit::Problem(problem) => Some(problem.what.to_string()),
        _ => None,
    });
    problems.collect()
}

/// Bytes that tell where they are from, without sync bytes.
fn data(len: usize) -> Vec<u8> {
    (0..len)
        .map(|i| u8::try_from(i % 64).unwrap() | 0x80)
        .collect()
}

fn sample_stream() -> Stream {
    let mut stream = Stream::default();
    stream.tables(0, &[VIDEO, AUDIO]);
    for n in 0..6u64 {
        stream.pes(
            VIDEO,
            n * 3000,
            &data(700 * usize::try_from(n).unwrap() + 1),
            false,
        );
        stream.pes(AUDIO, n * 2000, &data(300), true);
    }
    stream
}

#[test]
fn packets_come_out_as_they_went_in() {
    let units = read(&[&sample_stream().out]);
    assert_eq!(problems(&units), [""; 0]);
    let found = packets(&units);
    let of = |pid| found.iter().filter(move |pes| pes.0 == pid);
    for n in 0..6 {
        let video = of(VIDEO).nth(n).unwrap();
        assert_eq!(
            (video.1, &video.2),
            (Some(n as u64 * 3000), &data(700 * n + 1))
        );
        let audio = of(AUDIO).nth(n).unwrap();
        assert_eq!(
            (audio.1, &audio.2, audio.3),
            (Some(n as u64 * 2000), &data(300), false)
        );
    }
    // Told lengths end a packet at once, others the next start does.
    assert_eq!(found[0].0, AUDIO);
}

#[test]
fn a_lost_packet_and_a_repeated_one() {
    let stream = sample_stream().out;
    let packet = |n: usize| &stream[n * 188..(n + 1) * 188];
    // PAT, PMT, video 0, audio 0 of two packets, video 1 of four.
    let mut damaged = stream[..188 * 5].to_vec();
    for n in [5, 6, 6, 8] {
        damaged.extend(packet(n));
    }
    damaged.extend(&stream[188 * 9..]);
    let units = read(&[&damaged]);
    assert_eq!(problems(&units), ["packets are missing, 1 or 16 more each"]);
    let damaged: Vec<_> = packets(&units).into_iter().filter(|pes| pes.3).collect();
    let [(VIDEO, Some(3000), data, true)] = damaged.as_slice() else {
        panic!("{damaged:?}");
    };
    assert_eq!(data.len(), 701 - 184);
}

#[test]
fn a_new_version_adds_and_takes_away() {
    let mut stream = Stream::default();
    stream.tables(0, &[VIDEO, AUDIO]);
    stream.pes(VIDEO, 1, &data(10), false);
    stream.tables(0, &[VIDEO, AUDIO]);
    stream.tables(1, &[AUDIO]);
    stream.pes(VIDEO, 2, &data(10), false);
    stream.pes(AUDIO, 3, &data(10), false);
    let units = read(&[&stream.out]);
    let times: Vec<_> = packets(&units).iter().map(|pes| pes.1).collect();
    assert_eq!(times, [Some(1), Some(3)]);
    let maps = units.iter().filter(|unit| matches!(unit, Unit::Pmt(_)));
    assert_eq!(maps.count(), 2);
}

#[test]
fn a_header_over_two_packets() {
    let mut stream = Stream::default();
    stream.tables(0, &[VIDEO]);
    let mut bytes = vec![0, 0, 1, 0xE0, 0, 0, 0x80, 0x80, 5, 0x21, 0, 5, 0xBF, 0x21];
    bytes.extend(data(20));
    stream.packet(VIDEO, true, &bytes[..7]);
    stream.packet(VIDEO, false, &bytes[7..12]);
    stream.packet(VIDEO, false, &bytes[12..]);
    let units = read(&[&stream.out]);
    assert_eq!(packets(&units), [(VIDEO, Some(90_000), data(20), false)]);
}

/// Access units of slices after start codes of 3 and 4 bytes, across packets and beyond them.
#[cfg(feature = "media")]
fn access_units() -> Vec<Vec<u8>> {
    let unit = |n: usize| {
        let slice = |len: usize| [&[0x41], &data(len)[..]].concat();
        let mut unit = vec![0, 0, 0, 1, 9, 0xF0];
        for (slice, code) in [
            (slice(n * 13), 1),
            (slice(4000 + n), 0),
            (slice(n * 900), 2),
        ] {
            unit.resize(unit.len() + code, 0);
            unit.extend([0, 0, 1]);
            unit.extend(slice);
        }
        unit
    };
    (1..20).map(unit).collect()
}

#[cfg(feature = "media")]
fn read_nal_units(stream: &[u8], piece: usize) -> Vec<Unit> {
    let mut reader = Reader::new(Limits::default());
    let mut units = Vec::new();
    for mut piece in stream.chunks(piece).chain([&[][..]]) {
        if piece.is_empty() {
            reader.handle_eof();
        }
        while let Some(unit) = reader.next(&mut piece) {
            if let Unit::Pes(pes) = &unit {
                reader.gather_nal_units(pes.pid, true);
            }
            units.push(unit);
        }
    }
    units
}

#[cfg(feature = "media")]
#[test]
fn nal_units_come_with_lengths_where_that_is_wanted() {
    let mut stream = Stream::default();
    stream.tables(0, &[VIDEO, AUDIO]);
    for (n, unit) in access_units().iter().enumerate() {
        stream.pes(VIDEO, n as u64, unit, n % 3 == 0);
        stream.pes(AUDIO, n as u64, &data(300), true);
    }
    // What does not begin with a start code stays as it is.
    stream.pes(VIDEO, 99, &data(5000), false);
    let whole = read_nal_units(&stream.out, stream.out.len());
    assert_eq!(problems(&whole), [""; 0]);
    let video: Vec<&Pes> = whole
        .iter()
        .filter_map(|unit| match unit {
            Unit::Pes(pes) if pes.pid.get() == VIDEO => Some(pes),
            Unit::Pes(pes) => {
                assert!(!pes.is_length_prefixed && pes.data == data(300));
                None
            }
            _ => None,
        })
        .collect();
    let mut with_lengths = 0;
    for (pes, unit) in video.iter().zip(access_units()) {
        let mut expected = unit;
        if pes.is_length_prefixed {
            with_lengths += 1;
            h264::annexb::make_length_prefixed(&mut expected).unwrap();
        }
        assert!(pes.data == expected, "{:?}", pes.pts);
    }
    assert!(with_lengths >= 17 && video.len() == 20);
    assert!(!video[19].is_length_prefixed && video[19].data == data(5000));
    assert_eq!(read_nal_units(&stream.out, 100), whole);

    // Each packet of the pictures twice, which is allowed.
    let twice = |packet: &[u8]| match packet[1] & 0x1F == 1 && packet[3] & 0x10 != 0 {
        true => [packet, packet].concat(),
        false => packet.to_vec(),
    };
    let twice: Vec<u8> = stream.out.chunks(188).flat_map(twice).collect();
    let found = read_nal_units(&twice, 10_000);
    assert_eq!(problems(&found), [""; 0]);
    assert_eq!(packets(&found), packets(&whole));
}

#[test]
fn video_that_is_longer_than_it_says_goes_on() {
    let mut stream = Stream::default();
    stream.tables(0, &[VIDEO]);
    let mut bytes = vec![0, 0, 1, 0xE0, 0, 103, 0x80, 0, 0];
    bytes.extend(data(700));
    stream.unit(VIDEO, &bytes);
    let found = packets(&read(&[&stream.out]));
    let joined: Vec<u8> = found.iter().flat_map(|pes| pes.2.clone()).collect();
    assert_eq!((found.len(), joined), (2, data(700)));
}

#[test]
fn memory_stays_within_its_limits() {
    let mut stream = Stream::default();
    let pids: Vec<u16> = (VIDEO..VIDEO + 8).collect();
    stream.tables(0, &pids);
    for pid in &pids {
        stream.packet(*pid, true, &[0, 0, 1, 0xE0, 0, 0, 0x80, 0, 0]);
    }
    for n in 0..800 {
        stream.packet(pids[n / 100], false, &data(184));
    }
    let limits = Limits {
        pes_size: 10_000,
        held_size: 30_000,
        ..Limits::default()
    };
    let mut reader = Reader::new(limits);
    let mut total = 0;
    for mut piece in stream.out.chunks(1000) {
        while let Some(unit) = reader.next(&mut piece) {
            if let Unit::Pes(pes) = unit {
                assert!(pes.data.len() <= 10_184);
                total += pes.data.len();
            }
        }
        assert!(
            reader.buffered_len() <= 30_000 + 1000,
            "{}",
            reader.buffered_len()
        );
    }
    assert_eq!(total + reader.buffered_len(), 800 * 184);
}

/// The sample stream, with its two packets of tables behind so many others.
fn tables_behind(count: usize) -> Vec<u8> {
    let mut bytes = sample_stream().out;
    bytes[..188 * (2 + count)].rotate_left(188 * 2);
    bytes
}

#[test]
fn what_comes_before_its_tables_is_no_less_than_the_rest() {
    let first = read(&[&sample_stream().out]);
    let mut expected = packets(&first);
    expected.sort_by_key(|pes| pes.0);
    let count = sample_stream().out.len() / 188 - 2;
    for behind in [1, 7, count - 1, count] {
        let units = read(&[&tables_behind(behind)]);
        assert!(matches!(units[..], [Unit::Pat(_), Unit::Pmt(_), ..]));
        assert_eq!(problems(&units), [""; 0]);
        let mut found = packets(&units);
        found.sort_by_key(|pes| pes.0);
        assert_eq!(found, expected, "{behind}");
    }
    // The map before the table that tells where it is.
    let mut swapped = tables_behind(9);
    swapped[188 * 9..188 * 11].rotate_left(188);
    let mut found = packets(&read(&[&swapped]));
    found.sort_by_key(|pes| pes.0);
    assert_eq!(found, expected);
}

#[test]
fn each_program_has_what_came_before_its_map() {
    let (maps, streams) = ([MAP, MAP + 1], [VIDEO, AUDIO]);
    let mut stream = Stream::default();
    let program = |n: u16| Program {
        program_number: n + 1,
        pid: maps[usize::from(n)],
    };
    let pat = Pat {
        transport_stream_id: 1,
        version: Version::FIRST,
        programs: vec![program(0), program(1)],
    };
    for (n, start) in [(0u16, 0u64), (1, 10)] {
        for pid in streams {
            stream.pes(pid, start + 1, &data(300), true);
            stream.pes(pid, start + 2, &data(10), true);
        }
        if n == 0 {
            stream.section(0, &pat);
        }
        let n = usize::from(n);
        let map = psi::Pmt {
            program_number: u16::try_from(n).unwrap() + 1,
            version: Version::FIRST,
            pcr_pid: psi::Pmt::NO_PCR,
            descriptors: psi::Descriptors::new(),
            streams: vec![ElementaryStream {
                stream_type: StreamType::AAC_ADTS,
                elementary_pid: streams[n],
                descriptors: psi::Descriptors::new(),
            }],
        };
        stream.section(maps[n], &map);
    }
    for pid in streams {
        stream.pes(pid, 20, &data(10), true);
    }
    let units = read(&[&stream.out]);
    assert_eq!(problems(&units), [""; 0]);
    for pid in streams {
        let all = packets(&units);
        let times = all.iter().filter(|pes| pes.0 == pid).map(|pes| pes.1);
        let expected = [1, 2, 11, 12, 20].map(Some);
        assert_eq!(times.collect::<Vec<_>>(), expected, "{pid:#X}");
    }
}

#[test]
fn what_is_too_much_before_the_tables_is_left_out_and_told() {
    let count = sample_stream().out.len() / 188 - 2;
    let bytes = tables_behind(count);
    let limits = Limits {
        early_size: 10 * 188 + 100,
        ..Limits::default()
    };
    let mut reader = Reader::new(limits);
    let mut units = Vec::new();
    for mut piece in bytes.chunks(100).chain([&[][..]]) {
        if piece.is_empty() {
            reader.handle_eof();
        }
        while let Some(unit) = reader.next(&mut piece) {
            units.push(unit);
        }
        let waiting = units.iter().any(|unit| matches!(unit, Unit::Pat(_)));
        assert!(waiting || reader.buffered_len() <= 10 * 188 + 1000);
    }
    assert_eq!(reader.buffered_len(), 0);
    let told = units.iter().find_map(|unit| match unit {
        Unit::Problem(problem) => Some((problem.offset, problem.skipped)),
        _ => None,
    });
    assert_eq!(told, Some((0, 188 * (count as u64 - 10))));
    // The last of the sound is there, and of the pictures none that is whole.
    let found = packets(&units);
    assert_eq!(found, [(AUDIO, Some(10_000), data(300), false)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn cuts_change_nothing(
        flips in proptest::collection::vec((0usize..100_000, 0u8..8), 0..6),
        cuts in proptest::collection::vec(0usize..100_000, 0..30),
        behind in 0usize..60,
    ) {
        let mut bytes = tables_behind(behind);
        let len = bytes.len();
        for (place, bit) in flips {
            bytes[place % len] ^= 1 << bit;
        }
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % len).collect();
        cuts.extend([0, len]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
        prop_assert_eq!(read(&pieces), read(&[&bytes]));
    }

    #[test]
    fn any_packets_are_survived(packets in proptest::collection::vec((0u16..0x103, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..184)), 0..50)) {
        let mut stream = Stream::default();
        stream.tables(0, &[VIDEO, AUDIO]);
        for (pid, start, payload) in packets {
            stream.packet(pid, start, &payload);
        }
        read(&[&stream.out]);
    }
}
