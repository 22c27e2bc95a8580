//! Redundant payloads (RFC 2198): several payloads in one packet; also what carries ULPFEC in many calls.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |1|   block PT  |  timestamp offset         |   block length    |  of each redundant block
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |0|   block PT  |                                                 of the primary block
//! +-+-+-+-+-+-+-+-+  the blocks, in this order
//! ```
//!
//! ```
//! use fluvial_rtp::red::{self, Block};
//!
//! let before = Block { payload_type: 111, timestamp_offset: 960, data: b"older" };
//! let primary = Block { payload_type: 111, timestamp_offset: 0, data: b"newer" };
//! let mut payload = Vec::new();
//! red::encode(&[before, primary], &mut payload)?;
//! let blocks: Result<Vec<_>, _> = red::Blocks::parse(&payload)?.collect();
//! assert_eq!(blocks?, [before, primary]);
//! # Ok::<(), fluvial_rtp::Error>(())
//! ```

use crate::Error;
use crate::packet::too_long;
use alloc::vec::Vec;
use wire::Reader;

/// The most that `timestamp offset`, 14 bits, can say.
const MAX_OFFSET: u16 = (1 << 14) - 1;
/// The most that `block length`, 10 bits, can say.
const MAX_LEN: usize = (1 << 10) - 1;

/// One payload of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block<'a> {
    /// Its payload type; 7 bits.
    pub payload_type: u8,
    /// How much older it is than the packet's time stamp, in ticks; 14 bits. 0 for the primary block.
    pub timestamp_offset: u16,
    /// The payload; less than 1024 bytes but for the primary block.
    pub data: &'a [u8],
}

/// Reads the blocks of a payload, the primary one last; after an error there are no more.
#[derive(Debug, Clone)]
pub struct Blocks<'a> {
    headers: Reader<'a>,
    data: Reader<'a>,
}

impl<'a> Blocks<'a> {
    /// Of a whole payload.
    ///
    /// # Errors
    /// [`Error::Short`] where the block headers have no end.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        let headers = Reader::new(payload);
        let mut data = headers;
        while data.u8("block header")? & 0x80 != 0 {
            data.skip(3, "block header")?;
        }
        Ok(Self { headers, data })
    }

    fn read(&mut self) -> Result<Block<'a>, Error> {
        let first = self.headers.u8("block header")?;
        let payload_type = first & 0x7F;
        if first & 0x80 == 0 {
            self.headers.rest();
            return Ok(Block {
                payload_type,
                timestamp_offset: 0,
                data: self.data.rest(),
            });
        }
        let rest = self.headers.u24("block header")?;
        let [_, a, b, c] = rest.to_be_bytes();
        let timestamp_offset = u16::from_be_bytes([a, b]) >> 2;
        let len = u16::from_be_bytes([b & 3, c]);
        Ok(Block {
            payload_type,
            timestamp_offset,
            data: self.data.take(len.into(), "block")?,
        })
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.headers.is_empty() {
            return None;
        }
        let block = self.read();
        if block.is_err() {
            self.headers.rest();
        }
        Some(block)
    }
}

/// Writes a payload of these blocks; the last is the primary one.
///
/// # Errors
/// [`Error::TooLong`] for a payload type past 127, and where a redundant block is more than 16383 ticks older or longer
/// than 1023 bytes. [`Error::Invalid`] where there is no block.
pub fn encode(blocks: &[Block<'_>], out: &mut Vec<u8>) -> Result<(), Error> {
    let Some((primary, redundant)) = blocks.split_last() else {
        return Err(Error::Invalid {
            field: "blocks",
            value: 0,
            offset: 0,
        });
    };
    for block in blocks {
        if block.payload_type > 0x7F {
            return Err(too_long("block PT", block.payload_type.into(), 0x7F));
        }
    }
    for block in redundant {
        if block.timestamp_offset > MAX_OFFSET {
            return Err(too_long(
                "timestamp offset",
                block.timestamp_offset.into(),
                MAX_OFFSET.into(),
            ));
        }
        if block.data.len() > MAX_LEN {
            return Err(too_long(
                "block length",
                block.data.len() as u64,
                MAX_LEN as u64,
            ));
        }
    }
    for block in redundant {
        let len = u32::try_from(block.data.len()).unwrap_or(0);
        let header = 0x8000_0000
            | u32::from(block.payload_type) << 24
            | u32::from(block.timestamp_offset) << 10
            | len;
        out.extend_from_slice(&header.to_be_bytes());
    }
    out.push(primary.payload_type);
    blocks
        .iter()
        .for_each(|block| out.extend_from_slice(block.data));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_does_not_fit_is_told() {
        let block = Block {
            payload_type: 1,
            timestamp_offset: 0,
            data: &[],
        };
        let mut out = Vec::new();
        assert!(encode(&[], &mut out).is_err());
        assert!(
            encode(
                &[Block {
                    payload_type: 128,
                    ..block
                }],
                &mut out
            )
            .is_err()
        );
        assert!(
            encode(
                &[
                    Block {
                        timestamp_offset: 1 << 14,
                        ..block
                    },
                    block
                ],
                &mut out
            )
            .is_err()
        );
        assert!(
            encode(
                &[
                    Block {
                        data: &[0; 1024],
                        ..block
                    },
                    block
                ],
                &mut out
            )
            .is_err()
        );
        assert!(out.is_empty());
        encode(
            &[Block {
                data: &[0; 1024],
                ..block
            }],
            &mut out,
        )
        .expect("the primary block may be longer");
        assert_eq!(out.len(), 1025);
        assert!(Blocks::parse(&[0x80, 0, 0, 0]).is_err());
        let cut: Vec<_> = Blocks::parse(&[0x81, 0, 0, 9, 2, 1, 2])
            .expect("headers")
            .collect();
        assert!(matches!(cut[..], [Err(Error::Short(_))]));
    }

    proptest! {
        #[test]
        fn there_and_back(blocks in proptest::collection::vec((0u8..128, 0u16..1 << 14, proptest::collection::vec(any::<u8>(), 0..50)), 1..6)) {
            let last = blocks.len() - 1;
            let blocks: Vec<Block<'_>> = blocks.iter().enumerate().map(|(n, (payload_type, offset, data))| Block {
                payload_type: *payload_type, timestamp_offset: if n == last { 0 } else { *offset }, data,
            }).collect();
            let mut out = Vec::new();
            encode(&blocks, &mut out)?;
            prop_assert_eq!(Blocks::parse(&out)?.collect::<Result<Vec<_>, _>>()?, blocks);
        }

        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            if let Ok(blocks) = Blocks::parse(&bytes) {
                prop_assert!(blocks.count() <= bytes.len());
            }
        }
    }
}
