//! Sections and tables: the same however payloads are cut into packets, little held, and what is read can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mpegts::psi::{
    Assembler, Cat, ClockTable, Collector, Descriptors, Eit, Found, Nit, Pat, Pmt, Sdt, Section, Table, Text,
    Tsdt, crc32, packetize,
};

/// Read, written, and read again.
fn again<T: Table + Clone + PartialEq + std::fmt::Debug>(section: &Section<'_>) {
    let Ok(table) = T::decode(section) else { return };
    // Sections that are longer than their table's may be are read, and not written.
    if section.bytes().len() > usize::from(T::MAX_SECTION_LENGTH) + 3 {
        return;
    }
    let mut out = Vec::new();
    table.encode_section(0, 0, &mut out).expect("it was read");
    assert_eq!(T::decode(&Section::parse(&out).expect("our own")).as_ref(), Ok(&table));
    let mut collector = Collector::new();
    let mut whole = None;
    let sections = table.encode().expect("it was read");
    for bytes in &sections {
        whole = collector.handle_section(&Section::parse(bytes).expect("our own")).expect("our own");
    }
    if table.version().current && sections.len() == 1 {
        assert_eq!(whole, Some(table));
    }
}

fuzz_target!(|data: &[u8]| {
    // A section of anything, whose length and check are right.
    let mut bytes: Vec<u8> = data.iter().copied().take(4093 - 4).collect();
    if let [_, high, low, ..] = bytes.as_mut_slice() {
        let length = (data.len().min(4093 - 4) - 3 + 4) as u16;
        *high = *high & 0xF0 | (length >> 8) as u8;
        *low = length as u8;
        bytes.extend(crc32(&bytes).to_be_bytes());
        let section = Section::parse(&bytes).unwrap_or_else(|error| {
            assert!(matches!(error, mpegts::Error::Short(_)), "{error}");
            // Too small for what its flag says.
            Section::parse(&[0x70, 0, 0]).expect("no body")
        });
        again::<Pat>(&section);
        again::<Pmt>(&section);
        again::<Cat>(&section);
        again::<Tsdt>(&section);
        again::<Nit>(&section);
        again::<Sdt>(&section);
        again::<Eit>(&section);
        if section.bytes().len() <= 1024
            && let Ok(table) = ClockTable::decode(&section)
        {
            let mut out = Vec::new();
            table.encode(&mut out).expect("it was read");
            assert_eq!(ClockTable::decode(&Section::parse(&out).expect("our own")), Ok(table));
        }
    }

    for raw in &Descriptors::from_bytes(data) {
        let typed = raw.typed();
        let mut list = Descriptors::new();
        list.push_any(&typed).expect("it was read");
        assert_eq!(list.iter().next().expect("our own").typed(), typed);
    }
    let _ = Text::from_bytes(data).decode();

    // As payloads: the first byte of each 32 says whether a section starts.
    let mut assembler = Assembler::new();
    let mut sections = Vec::new();
    for chunk in data.chunks(32) {
        assembler.handle_payload(chunk[0] & 1 == 1, &chunk[1..], |found| {
            if let Found::Section(section) = found {
                sections.push(section.to_vec());
            }
        });
        assert!(assembler.buffered_len() <= Section::MAX_LEN);
    }
    sections.retain(|section| section[0] != 0xFF);
    let borrowed: Vec<&[u8]> = sections.iter().map(Vec::as_slice).collect();
    let mut payloads = Vec::new();
    let starts = packetize(&borrowed, 184, &mut payloads);
    let mut assembler = Assembler::new();
    let mut found = Vec::new();
    for (start, payload) in starts.into_iter().zip(payloads.chunks(184)) {
        assembler.handle_payload(start, payload, |one| match one {
            Found::Section(section) => found.push(section.to_vec()),
            Found::Lost { what, .. } => panic!("{what}"),
        });
    }
    assert_eq!(found, sections);
});
