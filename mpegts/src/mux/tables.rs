//! The program association and map tables of what is written.

use super::track::Lane;
use crate::Error;
use crate::packet::Pid;
use crate::psi::descriptor::{MetadataFormat, MetadataPointer, Registration};
use crate::psi::{Descriptors, Pat, Pmt, Program, Table, Version, packetize};
use alloc::vec::Vec;
use media::Codec;

/// A program that is being written.
#[derive(Debug)]
pub(super) struct ProgramOut {
    pub(super) number: u16,
    pub(super) map_pid: Pid,
    /// The lane whose packets have the clock.
    pub(super) clock: Option<usize>,
    /// The last clock reference, in ticks of 27 MHz.
    pub(super) last_pcr: Option<i64>,
}

/// Payloads of packets, ready to be sent again and again.
#[derive(Debug)]
pub(super) struct Repeated {
    pub(super) pid: Pid,
    pub(super) counter: u8,
    /// Each of a packet, with `payload_unit_start_indicator`.
    pub(super) payloads: Vec<(bool, Vec<u8>)>,
}

/// Bytes that a packet without an adaptation field carries.
const PAYLOAD: usize = 184;

impl Repeated {
    pub(super) fn new(pid: Pid, counter: u8, sections: &[Vec<u8>]) -> Self {
        let sections: Vec<&[u8]> = sections.iter().map(Vec::as_slice).collect();
        let mut bytes = Vec::new();
        let starts = packetize(&sections, PAYLOAD, &mut bytes);
        let (chunks, _) = bytes.as_chunks::<PAYLOAD>();
        let payloads = starts.into_iter().zip(chunks);
        Self {
            pid,
            counter,
            payloads: payloads
                .map(|(start, chunk)| (start, chunk.to_vec()))
                .collect(),
        }
    }
}

/// The tables of these programs.
pub(super) fn tables(
    transport_stream_id: u16,
    version: Version,
    programs: &[ProgramOut],
    lanes: &[Lane],
    codecs: &[Codec],
    before: &[Repeated],
) -> Result<Vec<Repeated>, Error> {
    let counter = |pid| {
        let known = before.iter().find(|repeated| repeated.pid == pid);
        known.map_or(0, |repeated| repeated.counter)
    };
    let entry = |program: &ProgramOut| Program {
        program_number: program.number,
        pid: program.map_pid.get(),
    };
    let pat = Pat {
        transport_stream_id,
        version,
        programs: programs.iter().map(entry).collect(),
    };
    let mut found = alloc::vec![Repeated::new(Pid::PAT, counter(Pid::PAT), &pat.encode()?)];
    for (index, program) in programs.iter().enumerate() {
        let of = || {
            lanes
                .iter()
                .zip(codecs)
                .filter(|(lane, _)| lane.program == index)
        };
        let mut descriptors = Descriptors::new();
        if of().any(|(_, codec)| *codec == Codec::Scte35) {
            descriptors.push(&Registration {
                format_identifier: *b"CUEI",
                additional_identification_info: Vec::new(),
            })?;
        }
        if of().any(|(_, codec)| *codec == Codec::Id3) {
            descriptors.push(&pointer(program.number))?;
        }
        let clock = program.clock.and_then(|clock| lanes.get(clock));
        let pmt = Pmt {
            program_number: program.number,
            version,
            pcr_pid: clock.map_or(Pmt::NO_PCR, |lane| lane.pid.get()),
            descriptors,
            streams: of().map(|(lane, _)| lane.stream.clone()).collect(),
        };
        let sections = pmt.encode()?;
        found.push(Repeated::new(
            program.map_pid,
            counter(program.map_pid),
            &sections,
        ));
    }
    Ok(found)
}

/// Where timed ID3 tags are: in this program.
fn pointer(program_number: u16) -> MetadataPointer {
    MetadataPointer {
        format: MetadataFormat::ID3,
        metadata_service_id: 0,
        metadata_locator_record: None,
        mpeg_carriage_flags: 0,
        program_number,
        transport_stream: (0, 0),
        private_data: Vec::new(),
    }
}
