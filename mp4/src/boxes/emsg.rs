use super::header::{put_version_and_flags, version_0_or_1};
use super::{FourCc, IsoBox};
use crate::Error;
use alloc::string::String;
use alloc::vec::Vec;
use wire::{Reader, Writer};

/// A message for the player at a time (ISO/IEC 23009-1 §5.10.3.3).
///
/// ```text
/// version 0: scheme_id_uri, value (strings that end with 0) | timescale u32 | presentation_time_delta u32
///            event_duration u32 | id u32 | message_data
/// version 1: timescale u32 | presentation_time u64 | event_duration u32 | id u32 | scheme_id_uri, value | message_data
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emsg {
    /// What kind of message.
    pub scheme_id_uri: String,
    /// Refines the kind.
    pub value: String,
    /// Ticks per second of the times here.
    pub timescale: u32,
    /// When.
    pub presentation_time: PresentationTime,
    /// Ticks that it lasts; `u32::MAX`: not known.
    pub event_duration: u32,
    /// Messages of one kind and number are the same one.
    pub id: u32,
    /// The message.
    pub message_data: Vec<u8>,
}

/// The time of an [`Emsg`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresentationTime {
    /// Ticks after the start of the segment that it is in (version 0).
    FromSegment(u32),
    /// Ticks on the presentation's time line (version 1).
    Absolute(u64),
}

/// Reads a string that ends with a zero.
fn string(r: &mut Reader<'_>, what: &'static str) -> Result<String, Error> {
    let offset = r.offset() as u64;
    // Without a zero the whole rest is the string, and the zero is missed.
    let len = r
        .peek()
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(r.left());
    let text = r.take(len, what)?;
    r.skip(1, what)?;
    let invalid = |error: core::str::Utf8Error| {
        let at = error.valid_up_to();
        let value = text.get(at).copied().unwrap_or_default();
        Error::Invalid {
            field: what,
            value: value.into(),
            offset: offset.saturating_add(at as u64),
        }
    };
    core::str::from_utf8(text)
        .map(String::from)
        .map_err(invalid)
}

impl Emsg {
    fn put_strings(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        for (field, text) in [
            ("scheme_id_uri", &self.scheme_id_uri),
            ("value", &self.value),
        ] {
            if let Some(offset) = text.bytes().position(|byte| byte == 0) {
                return Err(Error::Invalid {
                    field,
                    value: 0,
                    offset: offset as u64,
                });
            }
            w.bytes(text.as_bytes()).u8(0);
        }
        Ok(())
    }
}

impl IsoBox for Emsg {
    const TYPE: FourCc = FourCc(*b"emsg");

    fn decode_body(r: &mut Reader<'_>) -> Result<Self, Error> {
        let (version, _) = version_0_or_1(r)?;
        let mut strings = (String::new(), String::new());
        if version == 0 {
            strings = (string(r, "scheme_id_uri")?, string(r, "value")?);
        }
        let timescale = r.u32("timescale")?;
        let presentation_time = match version {
            0 => PresentationTime::FromSegment(r.u32("presentation_time_delta")?),
            _ => PresentationTime::Absolute(r.u64("presentation_time")?),
        };
        let event_duration = r.u32("event_duration")?;
        let id = r.u32("id")?;
        if version == 1 {
            strings = (string(r, "scheme_id_uri")?, string(r, "value")?);
        }
        let (scheme_id_uri, value) = strings;
        let message_data = r.rest().into();
        Ok(Self {
            scheme_id_uri,
            value,
            timescale,
            presentation_time,
            event_duration,
            id,
            message_data,
        })
    }

    fn encode_body(&self, w: &mut Writer<'_>) -> Result<(), Error> {
        match self.presentation_time {
            PresentationTime::FromSegment(delta) => {
                put_version_and_flags(w, 0, 0);
                self.put_strings(w)?;
                w.u32(self.timescale)
                    .u32(delta)
                    .u32(self.event_duration)
                    .u32(self.id);
            }
            PresentationTime::Absolute(time) => {
                put_version_and_flags(w, 1, 0);
                w.u32(self.timescale)
                    .u64(time)
                    .u32(self.event_duration)
                    .u32(self.id);
                self.put_strings(w)?;
            }
        }
        w.bytes(&self.message_data);
        Ok(())
    }

    fn body_len(&self) -> usize {
        let fixed = match self.presentation_time {
            PresentationTime::FromSegment(_) => 22,
            PresentationTime::Absolute(_) => 26,
        };
        [
            self.scheme_id_uri.len(),
            self.value.len(),
            self.message_data.len(),
        ]
        .into_iter()
        .fold(fixed, usize::saturating_add)
    }
}
