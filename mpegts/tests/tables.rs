//! Every table and every splice information section in the corpus, read, and written as it was.

use fluvial_mpegts::packet::Packet;
use fluvial_mpegts::psi::{
    Assembler, Cat, ClockTable, Descriptor, Descriptors, Eit, Found, Nit, Pat, Pmt, Sdt, Section,
    StreamType, Table,
};
use fluvial_mpegts::scte35::{SpliceCommand, SpliceInfoSection};
use std::collections::{BTreeMap, BTreeSet};
use testing::{corpus, files};

/// The sections of some packets, by PID; PIDs beyond the fixed ones are those that the tables name.
fn sections(data: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut assemblers: BTreeMap<u16, Assembler> = [0, 1, 2, 0x10, 0x11, 0x12, 0x14]
        .into_iter()
        .map(|pid| (pid, Assembler::new()))
        .collect();
    let mut all = Vec::new();
    let (packets, _) = data.as_chunks::<188>();
    for bytes in packets {
        let Ok(packet) = Packet::parse(bytes) else {
            continue;
        };
        let pid = packet.header.pid().get();
        let Some(assembler) = assemblers.get_mut(&pid) else {
            continue;
        };
        let mut found = Vec::new();
        let start = packet.header.payload_unit_start_indicator();
        assembler.handle_payload(start, packet.payload, |one| {
            if let Found::Section(section) = one {
                found.push(section.to_vec());
            }
        });
        for bytes in found {
            if let Ok(section) = Section::parse(&bytes) {
                if let Ok(pat) = Pat::decode(&section) {
                    for program in pat.programs {
                        assemblers.entry(program.pid).or_default();
                    }
                } else if let Ok(pmt) = Pmt::decode(&section) {
                    let cues = pmt.streams.iter();
                    for stream in cues.filter(|one| one.stream_type == StreamType::SCTE35) {
                        assemblers.entry(stream.elementary_pid).or_default();
                    }
                }
            }
            all.push((pid, bytes));
        }
    }
    all
}

fn again<T: Table>(section: &Section<'_>) -> Vec<u8> {
    let table = T::decode(section).unwrap();
    let syntax = section.header.syntax.unwrap();
    let mut out = Vec::new();
    table
        .encode_section(syntax.section_number, syntax.last_section_number, &mut out)
        .unwrap();
    out
}

/// Descriptors whose reserved bits are 0, where the standard has 1.
const RESERVED_ZERO: [(u8, &[u8]); 2] = [
    (37, b"\xFF\xFFID3 \xFFID3 \0\0\0\x1F\x01"),
    (38, b"\xFF\xFFID3 \xFFID3 \0\0\0\x0F"),
];

/// Whether they are the same, or differ only where senders write 0 for bits that are reserved and have to be 1.
fn same_but_reserved(theirs: &[u8], ours: &[u8]) -> bool {
    let crc = ours.len().saturating_sub(4);
    let (theirs, ours) = (&theirs[..crc], &ours[..crc]);
    let only_set = |(theirs, ours): (&u8, &u8)| theirs & !ours == 0;
    theirs.len() == ours.len() && theirs.iter().zip(ours).all(only_set)
}

#[test]
fn every_table_is_written_as_it_was() {
    let Some(root) = corpus("") else { return };
    let mut paths = files(&root.join("mpegts"));
    paths.extend(files(&root.join("hls")));
    let mut seen: BTreeMap<u8, usize> = BTreeMap::new();
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    let mut unknown: BTreeSet<u8> = BTreeSet::new();
    let mut exact = 0;
    let mut not_exact = BTreeSet::new();
    for path in paths {
        let data = std::fs::read(&path).unwrap();
        if data.first() != Some(&0x47) || data.get(188).is_some_and(|byte| *byte != 0x47) {
            continue;
        }
        for (pid, bytes) in sections(&data) {
            let Ok(section) = Section::parse(&bytes) else {
                eprintln!("{}: PID {pid} has a damaged section", path.display());
                continue;
            };
            let table_id = section.header.table_id;
            let mut plain = Vec::new();
            let written = match table_id {
                0 => again::<Pat>(&section),
                1 => again::<Cat>(&section),
                2 => again::<Pmt>(&section),
                0x40 | 0x41 | 0x4A => again::<Nit>(&section),
                0x42 | 0x46 => again::<Sdt>(&section),
                0x4E..=0x6F => again::<Eit>(&section),
                0x70 | 0x73 => {
                    let table = ClockTable::decode(&section).unwrap();
                    table.encode(&mut plain).unwrap();
                    plain
                }
                0xFC => {
                    let cue = SpliceInfoSection::parse(&bytes).unwrap();
                    cue.encode(&mut plain).unwrap();
                    plain
                }
                _ => continue,
            };
            *seen.entry(table_id).or_default() += 1;
            exact += usize::from(written == bytes);
            assert!(
                same_but_reserved(&bytes, &written),
                "{} PID {pid}:\n{bytes:02x?}\n{written:02x?}",
                path.display()
            );
            if let Ok(pmt) = Pmt::decode(&section) {
                let lists = pmt.streams.iter().map(|stream| &stream.descriptors);
                for raw in lists.chain([&pmt.descriptors]).flatten() {
                    let typed = raw.typed();
                    if let Descriptor::Unknown { tag, .. } = typed {
                        unknown.insert(tag);
                        continue;
                    }
                    let mut list = Descriptors::new();
                    list.push_any(&typed).unwrap();
                    let written = list.iter().next().unwrap();
                    assert_eq!(written.typed(), typed, "{}", path.display());
                    if written != raw {
                        not_exact.insert((raw.tag, raw.data.to_vec()));
                    }
                    let name = format!("{typed:?}");
                    kinds.insert(name.split(['(', ' ']).next().unwrap().to_owned());
                }
            }
        }
    }
    eprintln!(
        "{exact} exact, tables {seen:02x?}, descriptors {kinds:?}, unknown tags {unknown:02x?}"
    );
    let not_exact: Vec<(u8, &[u8])> = not_exact
        .iter()
        .map(|(tag, data): &(u8, Vec<u8>)| (*tag, data.as_slice()))
        .collect();
    assert_eq!(not_exact, RESERVED_ZERO);
    let all: usize = seen.values().sum();
    assert!(exact * 2 > all, "{exact} of {all} are exact");
    for table in [0, 2, 0x42, 0xFC] {
        assert!(seen.contains_key(&table), "no table {table:#x}");
    }
}

#[test]
fn splice_information_in_files() {
    let Some(root) = corpus("") else { return };
    let name = "mpegts/androidx-media/media/ts/sample_scte35.ts";
    let all = sections(&std::fs::read(root.join(name)).unwrap());
    let cues = all
        .iter()
        .filter(|(_, bytes)| bytes[0] == SpliceInfoSection::TABLE_ID)
        .map(|(_, bytes)| SpliceInfoSection::parse(bytes).unwrap());
    let told: Vec<_> = cues
        .map(|cue| match (cue.pts(), cue.command()) {
            (pts, Some(SpliceCommand::Insert(insert))) => (insert.splice_event_id, pts),
            other => panic!("{other:?}"),
        })
        .collect();
    // As tshark's dissector reads them.
    let (first, second) = ((100, Some(200_000)), (100, Some(300_000)));
    assert_eq!(told, [first, first, second]);
}

fn base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut bits, mut count) = (Vec::new(), 0u32, 0);
    for byte in text.bytes().filter(|byte| *byte != b'=') {
        let digit = alphabet.iter().position(|one| *one == byte).unwrap();
        bits = bits << 6 | u32::try_from(digit).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xFF).unwrap());
        }
    }
    out
}

/// The runs of characters from each mark on.
fn runs<'a>(text: &'a str, mark: &str, digit: impl Fn(char) -> bool) -> Vec<&'a str> {
    let starts = text.match_indices(mark).map(|(at, _)| &text[at..]);
    starts
        .map(|rest| &rest[..rest.find(|c| !digit(c)).unwrap_or(rest.len())])
        .collect()
}

/// Texts in the playlists and manifests of the corpus that look like splice information and are not, and why.
const BROKEN: [(&str, &str); 4] = [
    (
        "/DAIAAAAAAAAAAAQAAZ/I0VniQAQAgBDVUVJQAA",
        "made up, length 8",
    ),
    (
        "/DAIAAAAAAAAAAAQAAZ/I0VniQAQAgBDVUVJQAAAAH+cAAAAAA==",
        "made up, length 8",
    ),
    (
        "/DAgAAAAAAAAAP/wBQb+AABb0AAAABAAAAEAAQCA==",
        "made up, too short",
    ),
    ("/DASH", "a path"),
];

#[test]
fn splice_information_in_playlists() {
    let Some(root) = corpus("") else { return };
    let mut paths = files(&root.join("hls"));
    paths.extend(files(&root.join("dash")));
    let mut cues: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for path in paths {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        for run in runs(&text, "/DA", |c| {
            c.is_ascii_alphanumeric() || "+/=".contains(c)
        }) {
            cues.insert(run.to_owned(), base64(run));
        }
        for run in runs(&text, "FC30", |c| c.is_ascii_hexdigit()) {
            let (digits, _) = run.as_bytes().as_chunks::<2>();
            let bytes = digits
                .iter()
                .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap());
            cues.insert(run.to_owned(), bytes.collect());
        }
    }
    let mut commands = [0usize; 256];
    let mut broken = Vec::new();
    for (text, bytes) in &cues {
        match SpliceInfoSection::parse(bytes) {
            Ok(section) => {
                let mut out = Vec::new();
                section.encode(&mut out).unwrap();
                assert_eq!(&out, bytes, "{text}: {section:?}");
                let command = section
                    .command()
                    .map_or(1, SpliceCommand::splice_command_type);
                commands[usize::from(command)] += 1;
            }
            Err(error) => broken.push((text, error.to_string())),
        }
    }
    eprintln!("{} cues", cues.len() - broken.len());
    broken.retain(|(text, _)| !BROKEN.iter().any(|(known, _)| known == text));
    assert_eq!(broken, []);
    assert!(commands[5] > 10 && commands[6] > 10, "{commands:?}");
}
