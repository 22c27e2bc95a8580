use crate::Error;
use crate::pes::StreamId;
use crate::psi::{Descriptors, StreamType, Version, crc32, fits};
use alloc::vec::Vec;
use wire::{LengthOf, Reader, Writer};

/// The program stream map: which streams there are, as a PMT tells it in transport streams (ISO/IEC 13818-1 §2.5.4.1).
///
/// ```text
/// packet_start_code_prefix 24 | map_stream_id 8 (0xBC) | program_stream_map_length 16
/// current_next_indicator 1 | single_extension_stream_flag 1 | reserved 1 | program_stream_map_version 5 | reserved 7 | 1
/// program_stream_info_length 16 | descriptors
/// elementary_stream_map_length 16
/// for each stream: stream_type 8 | elementary_stream_id 8 | elementary_stream_info_length 16 | descriptors
/// CRC_32 32
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramStreamMap {
    /// `program_stream_map_version` and `current_next_indicator`.
    pub version: Version,
    /// `single_extension_stream_flag`: only one stream has `stream_id` 0xFD.
    pub single_extension_stream: bool,
    /// What is said of the whole program.
    pub descriptors: Descriptors,
    /// Its streams.
    pub streams: Vec<MapStream>,
}

/// One stream of a [`ProgramStreamMap`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapStream {
    /// `stream_type`, 8 bits.
    pub stream_type: StreamType,
    /// `elementary_stream_id`, 8 bits.
    pub elementary_stream_id: StreamId,
    /// What is said of it. Of a stream with id 0xFD the first one tells `stream_id_extension`.
    pub descriptors: Descriptors,
}

impl ProgramStreamMap {
    /// The start code.
    pub const START_CODE: [u8; 4] = [0, 0, 1, 0xBC];

    /// The stream with this id.
    #[must_use]
    pub fn find(&self, id: StreamId) -> Option<&MapStream> {
        self.streams
            .iter()
            .find(|stream| stream.elementary_stream_id == id)
    }

    /// Reads a whole map from its start code on; gives too whether its `CRC_32` is right: many senders write 0, or what they like.
    ///
    /// # Errors
    /// [`Error::Short`] where it ends early, [`Error::Invalid`] for another start code.
    pub fn parse(data: &[u8]) -> Result<(Self, bool), Error> {
        let mut r = Reader::new(data);
        let code = r.u32("map_stream_id")?;
        if code.to_be_bytes() != Self::START_CODE {
            return Err(Error::Invalid {
                field: "map_stream_id",
                value: code.into(),
                offset: 0,
            });
        }
        let length = usize::from(r.u16("program_stream_map_length")?);
        let whole = data.get(..length.saturating_add(6)).unwrap_or_default();
        let mut r = r.sub(length, "program_stream_map_length")?;
        let &[flags, _] = r.array("program_stream_map_version")?;
        let info = r.u16("program_stream_info_length")?;
        let descriptors = Descriptors::from_bytes(r.take(info.into(), "program_stream_info")?);
        let length = r.u16("elementary_stream_map_length")?;
        let mut list = r.sub(length.into(), "elementary_stream_map_length")?;
        let mut streams = Vec::new();
        while !list.is_empty() {
            let stream_type = StreamType(list.u8("stream_type")?);
            let elementary_stream_id = StreamId(list.u8("elementary_stream_id")?);
            let info = list.u16("elementary_stream_info_length")?;
            streams.push(MapStream {
                stream_type,
                elementary_stream_id,
                descriptors: Descriptors::from_bytes(
                    list.take(info.into(), "elementary_stream_info")?,
                ),
            });
        }
        r.u32("CRC_32")?;
        let map = Self {
            version: Version {
                number: flags & 0x1F,
                current: flags & 0x80 != 0,
            },
            single_extension_stream: flags & 0x40 != 0,
            descriptors,
            streams,
        };
        Ok((map, crc32(whole) == 0))
    }

    /// Appends the map with its start code.
    ///
    /// # Errors
    /// [`Error::TooLong`] where a value does not fit its field, or the map its length.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = out.len();
        let version = fits("program_stream_map_version", self.version.number, 0x1F)?;
        let info = |w: &mut Writer<'_>, what, descriptors: &Descriptors| {
            w.sized_u16(what, LengthOf::Body, |w| {
                w.bytes(descriptors.as_bytes());
                Ok::<(), Error>(())
            })
            .map(|_| ())
        };
        let mut w = Writer::new(out);
        w.bytes(&Self::START_CODE);
        w.sized_u16("program_stream_map_length", LengthOf::Body, |w| {
            w.u8(u8::from(self.version.current) << 7
                | u8::from(self.single_extension_stream) << 6
                | 0x20
                | version)
                .u8(0xFF);
            info(w, "program_stream_info_length", &self.descriptors)?;
            w.sized_u16("elementary_stream_map_length", LengthOf::Body, |w| {
                for stream in &self.streams {
                    w.u8(stream.stream_type.0).u8(stream.elementary_stream_id.0);
                    info(w, "elementary_stream_info_length", &stream.descriptors)?;
                }
                Ok::<(), Error>(())
            })?;
            // Its place, as the length counts it.
            w.u32(0);
            Ok::<(), Error>(())
        })?;
        let whole = out.get_mut(start..).unwrap_or_default();
        if let Some((body, check)) = whole.split_last_chunk_mut::<4>() {
            *check = crc32(body).to_be_bytes();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> ProgramStreamMap {
        ProgramStreamMap {
            version: Version::FIRST,
            single_extension_stream: true,
            descriptors: Descriptors::new(),
            streams: vec![
                MapStream {
                    stream_type: StreamType::H264,
                    elementary_stream_id: StreamId::video(0),
                    descriptors: Descriptors::from_bytes(&[0x52, 1, 1]),
                },
                MapStream {
                    stream_type: StreamType::AAC_ADTS,
                    elementary_stream_id: StreamId::audio(0),
                    descriptors: Descriptors::new(),
                },
            ],
        }
    }

    #[test]
    fn maps_round_trip() {
        let mut out = Vec::new();
        map().encode(&mut out).unwrap();
        assert_eq!(crc32(&out), 0);
        assert_eq!(ProgramStreamMap::parse(&out), Ok((map(), true)));
        assert_eq!(
            map().find(StreamId::audio(0)).unwrap().stream_type,
            StreamType::AAC_ADTS
        );
        for len in 0..out.len() {
            assert!(matches!(
                ProgramStreamMap::parse(&out[..len]),
                Err(Error::Short(_))
            ));
        }
    }

    #[test]
    fn the_map_of_a_camera_without_a_check() {
        // GB/T 28181: H.264 on E0, G.711 on C0, CRC_32 not computed.
        let bytes = [
            0, 0, 1, 0xBC, 0, 0x12, 0xE1, 0xFF, 0, 0, 0, 8, 0x1B, 0xE0, 0, 0, 0x90, 0xC0, 0, 0, 0,
            0, 0, 0,
        ];
        let (map, checked) = ProgramStreamMap::parse(&bytes).unwrap();
        assert!(!checked);
        assert_eq!(map.streams.len(), 2);
        assert_eq!(map.streams[0].stream_type, StreamType::H264);
        assert_eq!(map.streams[1].elementary_stream_id, StreamId::audio(0));
    }
}
