use super::table::halves;
use super::{Descriptors, Section, Table, Version, sized_u12, take_u12};
use crate::Error;
use alloc::vec::Vec;
use wire::Writer;

/// The network information table (ETSI EN 300 468 §5.2.1) and the bouquet association table (§5.2.2), which look alike.
///
/// ```text
/// table_id 0x40, 0x41 or 0x4A, table_id_extension: network_id or bouquet_id
/// reserved 4 | network_descriptors_length 12 | descriptors | reserved 4 | transport_stream_loop_length 12
/// for each stream: transport_stream_id 16 | original_network_id 16 | reserved 4 | transport_descriptors_length 12 | descriptors
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nit {
    /// Which of these tables.
    pub kind: NitKind,
    /// `network_id` or `bouquet_id`, 16 bits.
    pub id: u16,
    /// Its version.
    pub version: Version,
    /// What is said of the network or bouquet.
    pub descriptors: Descriptors,
    /// Its transport streams.
    pub streams: Vec<NetworkStream>,
}

/// Which table a [`Nit`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NitKind {
    /// Of the network that the stream is in, `table_id` 0x40, on PID 0x10.
    Actual,
    /// Of another network, `table_id` 0x41, on PID 0x10.
    Other,
    /// Of a bouquet, `table_id` 0x4A, on PID 0x11.
    Bouquet,
}

/// One transport stream of a [`Nit`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkStream {
    /// `transport_stream_id`, 16 bits.
    pub transport_stream_id: u16,
    /// `original_network_id`, 16 bits.
    pub original_network_id: u16,
    /// What is said of it.
    pub descriptors: Descriptors,
}

impl Nit {
    /// The PID of the network information table.
    pub const PID: u16 = 0x10;
}

impl Table for Nit {
    const PRIVATE_INDICATOR: bool = true;

    fn table_id(&self) -> u8 {
        match self.kind {
            NitKind::Actual => 0x40,
            NitKind::Other => 0x41,
            NitKind::Bouquet => 0x4A,
        }
    }

    fn table_id_extension(&self) -> u16 {
        self.id
    }

    fn version(&self) -> Version {
        self.version
    }

    fn decode(section: &Section<'_>) -> Result<Self, Error> {
        let syntax = section.expect(&[0x40, 0x41, 0x4A])?;
        let mut r = section.body;
        let (_, info) = take_u12(&mut r, "network_descriptors_length")?;
        let (_, mut list) = take_u12(&mut r, "transport_stream_loop_length")?;
        let mut streams = Vec::new();
        while !list.is_empty() {
            let transport_stream_id = list.u16("transport_stream_id")?;
            let original_network_id = list.u16("original_network_id")?;
            let (_, info) = take_u12(&mut list, "transport_descriptors_length")?;
            streams.push(NetworkStream {
                transport_stream_id,
                original_network_id,
                descriptors: Descriptors::from_bytes(info.peek()),
            });
        }
        Ok(Self {
            kind: match section.header.table_id {
                0x40 => NitKind::Actual,
                0x41 => NitKind::Other,
                _ => NitKind::Bouquet,
            },
            id: syntax.table_id_extension,
            version: syntax.into(),
            descriptors: Descriptors::from_bytes(info.peek()),
            streams,
        })
    }

    fn append(&mut self, next: Self) {
        self.descriptors.append(&next.descriptors);
        self.streams.extend(next.streams);
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        self.descriptors
            .put_u12(w, "network_descriptors_length", 0xF000)?;
        sized_u12(w, "transport_stream_loop_length", 0xF000, |w| {
            self.streams.iter().try_for_each(|stream| {
                w.u16(stream.transport_stream_id)
                    .u16(stream.original_network_id);
                stream
                    .descriptors
                    .put_u12(w, "transport_descriptors_length", 0xF000)
            })
        })
    }

    fn split(self) -> Option<(Self, Self)> {
        let with = |descriptors: Descriptors, streams: &[NetworkStream]| Self {
            descriptors,
            streams: streams.to_vec(),
            ..self
        };
        if let Some((first, second)) = halves(&self.streams) {
            let none = Descriptors::new();
            return Some((with(self.descriptors.clone(), first), with(none, second)));
        }
        let (first, second) = self.descriptors.halves()?;
        Some((with(first, &[]), with(second, &self.streams)))
    }
}
