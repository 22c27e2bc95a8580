//! Segments as lists tell them, read whole.

use super::Place;
use crate::net::http::Status;
use anyhow::{Context, Result, anyhow};
use bytes::Bytes;
use hls::aes128;
use std::collections::HashMap;

/// A file or a part of it, perhaps encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub place: Place,
    /// Offset and length of the part.
    pub range: Option<(u64, u64)>,
    /// What opens it.
    pub lock: Option<Lock>,
}

/// How something is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Where the key is; `None`: those that were given are for it.
    pub key: Option<Place>,
    /// The vector; samples of MP4 know theirs themselves.
    pub iv: [u8; 16],
    /// Whether all of it is encrypted, or only samples in it.
    pub whole: bool,
}

/// A segment of a presentation.
#[derive(Debug, Clone)]
pub struct Segment {
    pub piece: Piece,
    /// What its demuxer needs before it.
    pub init: Option<Piece>,
    /// Whether the time line may jump before it.
    pub discontinuity: bool,
    /// What the list says of its time.
    pub told: Told,
}

/// What a list says of the time of a segment, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Its start on the media's own time line; HLS does not tell it.
    pub start: Option<i64>,
    pub duration: Option<i64>,
    /// How far from that the media may be.
    pub slack: i64,
    /// What was before it, nobody can get.
    pub is_after_gap: bool,
    /// The clause that says so.
    pub clause: &'static str,
}

/// Reads pieces, and opens those that are encrypted whole.
#[derive(Default)]
pub struct Reads {
    fetched: HashMap<Place, [u8; 16]>,
}

impl Reads {
    fn key(&mut self, place: &Place) -> Result<[u8; 16]> {
        if let Some(key) = self.fetched.get(place) {
            return Ok(*key);
        }
        let (data, _) = place.read_text().context("the key cannot be had")?;
        let len = data.len();
        let key = data[..].try_into();
        let key = key.map_err(|_| anyhow!("{place}: a key has 16 bytes, this has {len}"))?;
        self.fetched.insert(place.clone(), key);
        Ok(key)
    }

    /// The bytes of a piece.
    pub fn read(&mut self, piece: &Piece) -> Result<Bytes> {
        let data = piece.place.read(piece.range)?;
        let Some(Lock {
            key: Some(key),
            iv,
            whole: true,
        }) = &piece.lock
        else {
            return Ok(data);
        };
        let opened = aes128::decrypt(&self.key(key)?, iv, &data);
        Ok(opened.with_context(|| piece.place.to_string())?.into())
    }
}

/// Whether a server said that there is no such thing.
pub fn is_missing(error: &anyhow::Error) -> bool {
    let status = error.chain().find_map(|cause| cause.downcast_ref());
    status.is_some_and(|Status(code)| *code >= 400)
}
