use super::Section;
use alloc::vec::Vec;

/// Puts the sections of one PID together from the payloads of its packets (ISO/IEC 13818-1 §2.4.4.1).
///
/// Several sections may share a packet and a section may run over many. Sections that lie whole within a payload are given as they are,
/// the others are copied together; at most one section (4 KiB) is held.
///
/// ```
/// use fluvial_mpegts::psi::{Assembler, Found};
///
/// let mut assembler = Assembler::new();
/// let mut sections = Vec::new();
/// // pointer_field 0, a section of 4 bytes, the start of another
/// assembler.handle_payload(true, &[0, 0x70, 0x70, 1, 0xAA, 0x70, 0x70], |found| {
///     if let Found::Section(section) = found { sections.push(section.to_vec()) }
/// });
/// assembler.handle_payload(false, &[1, 0xBB, 0xFF, 0xFF], |found| {
///     if let Found::Section(section) = found { sections.push(section.to_vec()) }
/// });
/// assert_eq!(sections, [[0x70, 0x70, 1, 0xAA], [0x70, 0x70, 1, 0xBB]]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Assembler {
    /// The start of a section; empty between sections.
    partial: Vec<u8>,
}

/// What an [`Assembler`] finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found<'a> {
    /// A whole section, as [`Section::parse`] takes it. Its check is not looked at yet.
    Section(&'a [u8]),
    /// Bytes of a section whose end did not come, or of a payload whose `pointer_field` points out of it.
    Lost {
        /// How many bytes.
        len: usize,
        /// What was wrong, for a person.
        what: &'static str,
    },
}

/// Fills up what is left of a payload after the last section; no `table_id`.
const STUFFING: u8 = 0xFF;

impl Assembler {
    /// An assembler that waits for the first section to start.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            partial: Vec::new(),
        }
    }

    /// Takes the payload of the next packet, with that packet's `payload_unit_start_indicator`.
    pub fn handle_payload(
        &mut self,
        payload_unit_start_indicator: bool,
        payload: &[u8],
        mut give: impl FnMut(Found<'_>),
    ) {
        if !payload_unit_start_indicator {
            // No section may start in here: what follows the end of the open one is stuffing.
            self.go_on(payload, &mut give);
            return;
        }
        let Some((pointer_field, rest)) = payload.split_first() else {
            return;
        };
        let Some((end, mut rest)) = rest.split_at_checked(usize::from(*pointer_field)) else {
            self.lose("a pointer_field points out of its packet", &mut give);
            give(Found::Lost {
                len: payload.len(),
                what: "a pointer_field points out of its packet",
            });
            return;
        };
        self.go_on(end, &mut give);
        self.lose("a section ends before its length", &mut give);
        while let Some(&first) = rest.first()
            && first != STUFFING
        {
            let whole = Section::len_at(rest).and_then(|len| rest.split_at_checked(len));
            let Some((section, more)) = whole else {
                self.partial.extend_from_slice(rest);
                return;
            };
            give(Found::Section(section));
            rest = more;
        }
    }

    /// Forgets the open section, as packets before the next one were lost. Bytes that were held.
    pub fn handle_gap(&mut self) -> usize {
        let len = self.partial.len();
        self.partial.clear();
        len
    }

    /// Bytes held.
    #[must_use]
    pub const fn buffered_len(&self) -> usize {
        self.partial.len()
    }

    /// Adds to the open section, if one is open, up to its end.
    fn go_on(&mut self, mut data: &[u8], give: &mut impl FnMut(Found<'_>)) {
        // At first the length itself may be missing, then the rest.
        while !self.partial.is_empty() && !data.is_empty() {
            let needed = Section::len_at(&self.partial).unwrap_or(3);
            let missing = needed.saturating_sub(self.partial.len());
            let (part, rest) = data.split_at_checked(missing).unwrap_or((data, &[]));
            self.partial.extend_from_slice(part);
            data = rest;
            if Section::len_at(&self.partial) == Some(self.partial.len()) {
                give(Found::Section(&self.partial));
                self.partial.clear();
            }
        }
    }

    fn lose(&mut self, what: &'static str, give: &mut impl FnMut(Found<'_>)) {
        let len = self.handle_gap();
        if len > 0 {
            give(Found::Lost { len, what });
        }
    }
}

/// Room that a section must find at the end of a payload to start there: its header stays in one piece, as some readers need it.
const WORTH_STARTING: usize = 8;

/// Appends the payloads of packets that carry `sections`, each of `payload_len` bytes (184 without an adaptation field): a
/// `pointer_field` where a section starts, sections one after the other, stuffing at the end.
///
/// Gives for each payload whether its packet has `payload_unit_start_indicator` 1. Payloads of less than 2 bytes carry nothing.
pub fn packetize(sections: &[&[u8]], payload_len: usize, out: &mut Vec<u8>) -> Vec<bool> {
    let mut starts = Vec::new();
    if payload_len < 2 {
        return starts;
    }
    let mut sections = sections
        .iter()
        .copied()
        .filter(|section| !section.is_empty());
    let mut open: &[u8] = &[];
    loop {
        let end = out.len().saturating_add(payload_len);
        let room = payload_len.saturating_sub(open.len().saturating_add(1));
        let pointer_field = match u8::try_from(open.len()) {
            Ok(len) if open.is_empty() || room >= WORTH_STARTING => Some(len),
            _ => None,
        };
        let mut next = pointer_field.and_then(|_| sections.next());
        if let (Some(pointer_field), Some(_)) = (pointer_field, next) {
            out.push(pointer_field);
        } else if open.is_empty() {
            return starts;
        }
        let start = next.is_some();
        starts.push(start);
        loop {
            let room = end.saturating_sub(out.len());
            let (part, rest) = open.split_at_checked(room).unwrap_or((open, &[]));
            out.extend_from_slice(part);
            open = rest;
            let room = end.saturating_sub(out.len());
            if next.is_none() && start && open.is_empty() && room >= WORTH_STARTING {
                next = sections.next();
            }
            match next.take() {
                Some(section) => open = section,
                None => break,
            }
        }
        out.resize(end, STUFFING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn section(table_id: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![table_id, 0x70, u8::try_from(body.len()).unwrap()];
        out.extend(body);
        out
    }

    fn assemble(payloads: &[(bool, &[u8])]) -> (Vec<Vec<u8>>, Vec<(usize, &'static str)>) {
        let mut assembler = Assembler::new();
        let (mut sections, mut lost) = (Vec::new(), Vec::new());
        for (start, payload) in payloads {
            assembler.handle_payload(*start, payload, |found| match found {
                Found::Section(section) => sections.push(section.to_vec()),
                Found::Lost { len, what } => lost.push((len, what)),
            });
            assert!(assembler.buffered_len() <= Section::MAX_LEN);
        }
        (sections, lost)
    }

    #[test]
    fn a_length_field_over_two_packets() {
        let (sections, lost) = assemble(&[
            (true, &[0, 0x40]),
            (false, &[0x70]),
            (false, &[2]),
            (false, &[7, 8, 0xFF]),
        ]);
        assert_eq!(sections, [[0x40, 0x70, 2, 7, 8]]);
        assert_eq!(lost, []);
    }

    #[test]
    fn joining_in_the_middle_waits_for_a_start() {
        let (sections, lost) = assemble(&[(false, &[1, 2, 3]), (true, &[2, 9, 9, 0x40, 0x70, 0])]);
        assert_eq!(sections, [[0x40, 0x70, 0]]);
        assert_eq!(lost, []);
    }

    #[test]
    fn a_section_cut_short_is_lost_alone() {
        let (sections, lost) = assemble(&[
            (true, &[0, 0x40, 0x70, 9, 1]),
            (true, &[1, 2, 0x41, 0x70, 0]),
        ]);
        assert_eq!(sections, [[0x41, 0x70, 0]]);
        assert_eq!(lost, [(5, "a section ends before its length")]);
    }

    #[test]
    fn a_pointer_out_of_the_packet_is_told() {
        let (sections, lost) = assemble(&[(true, &[9, 1, 2]), (true, &[])]);
        assert_eq!(sections.len(), 0);
        assert_eq!(lost, [(3, "a pointer_field points out of its packet")]);
    }

    #[test]
    fn a_gap_drops_what_was_open() {
        let mut assembler = Assembler::new();
        assembler.handle_payload(true, &[0, 0x40, 0x70, 9], |_| ());
        assert_eq!(assembler.handle_gap(), 3);
        assembler.handle_payload(false, &[1; 9], |found| panic!("{found:?}"));
    }

    proptest! {
        #[test]
        fn what_is_packetized_is_assembled(
            bodies in proptest::collection::vec((0u8..0xFF, proptest::collection::vec(any::<u8>(), 0..250)), 0..20),
            payload_len in 2usize..200,
        ) {
            let sections: Vec<_> = bodies.iter().map(|(id, body)| section(*id, body)).collect();
            let borrowed: Vec<&[u8]> = sections.iter().map(Vec::as_slice).collect();
            let mut out = Vec::new();
            let starts = packetize(&borrowed, payload_len, &mut out);
            prop_assert_eq!(out.len(), starts.len() * payload_len);
            let payloads: Vec<_> = starts.iter().copied().zip(out.chunks(payload_len)).collect();
            let (found, lost) = assemble(&payloads);
            prop_assert_eq!(found, sections);
            prop_assert_eq!(lost.len(), 0);
        }

        #[test]
        fn anything_is_survived(payloads: Vec<(bool, Vec<u8>)>) {
            let payloads: Vec<_> = payloads.iter().map(|(start, data)| (*start, data.as_slice())).collect();
            let (sections, _) = assemble(&payloads);
            for section in sections {
                prop_assert_eq!(Section::len_at(&section), Some(section.len()));
            }
        }
    }
}
