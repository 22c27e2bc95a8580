use super::list::List;
use super::{APP, BYE, SDES, write_packet};
use crate::Error;
use crate::packet::too_long;
use alloc::vec::Vec;
use wire::Reader;

/// Kinds of items of a source description (RFC 3550 §6.5).
pub mod item {
    /// The canonical name of the end point, the same in all of its streams.
    pub const CNAME: u8 = 1;
    /// The user's name.
    pub const NAME: u8 = 2;
    /// An address of mail.
    pub const EMAIL: u8 = 3;
    /// A telephone number.
    pub const PHONE: u8 = 4;
    /// A place.
    pub const LOC: u8 = 5;
    /// The application.
    pub const TOOL: u8 = 6;
    /// A notice.
    pub const NOTE: u8 = 7;
    /// Private extensions.
    pub const PRIV: u8 = 8;
    /// The `mid` of the media description (RFC 9143).
    pub const MID: u8 = 15;
}

/// One item of a source's description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item<'a> {
    /// What it is; see [`item`].
    pub kind: u8,
    /// UTF-8, 255 bytes at most; what senders put there is not checked.
    pub text: &'a [u8],
}

/// The description of one source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The source.
    pub ssrc: u32,
    items: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// The items, in order.
    pub fn items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let mut r = Reader::new(self.items);
        core::iter::from_fn(move || {
            let kind = r.u8("item").ok()?;
            let len = r.u8("length").ok()?;
            let text = r.take(len.into(), "text").ok()?;
            Some(Item { kind, text })
        })
    }

    /// The canonical name.
    #[must_use]
    pub fn cname(&self) -> Option<&'a [u8]> {
        let found = self.items().find(|item| item.kind == item::CNAME)?;
        Some(found.text)
    }
}

/// Descriptions of sources (RFC 3550 §6.5).
///
/// ```text
/// for each source: SSRC, 32 | items: kind, 8 | length, 8 | text | zeros up to a whole word, one at least
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sdes<'a> {
    count: u8,
    chunks: &'a [u8],
}

impl<'a> Sdes<'a> {
    #[inline]
    pub(super) fn decode(count: u8, mut r: Reader<'a>) -> Result<Self, Error> {
        let chunks = r.clone().rest();
        for _ in 0..count {
            read_chunk(&mut r)?;
        }
        Ok(Self { count, chunks })
    }

    /// The descriptions, in order.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk<'a>> + use<'a> {
        let mut r = Reader::new(self.chunks);
        (0..self.count).map_while(move |_| read_chunk(&mut r).ok())
    }

    /// Appends the packet as it was read.
    ///
    /// # Errors
    /// None for what was read.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_packet(SDES, self.count.into(), out, |out| {
            out.extend_from_slice(self.chunks);
        })
    }

    /// Appends a packet that describes sources by their items.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 31 sources, or a text of more than 255 bytes.
    pub fn encode_items(sources: &[(u32, &[Item<'_>])], out: &mut Vec<u8>) -> Result<(), Error> {
        for (_, items) in sources {
            for item in *items {
                if item.text.len() > 255 {
                    return Err(too_long("SDES text", item.text.len() as u64, 255));
                }
            }
        }
        write_packet(SDES, sources.len(), out, |out| {
            for (ssrc, items) in sources {
                out.extend_from_slice(&ssrc.to_be_bytes());
                let start = out.len();
                for item in *items {
                    let len = u8::try_from(item.text.len()).unwrap_or(0);
                    out.extend_from_slice(&[item.kind, len]);
                    out.extend_from_slice(item.text);
                }
                let len = out.len().wrapping_sub(start);
                let zeros = 4usize.wrapping_sub(len % 4);
                out.resize(out.len().saturating_add(zeros), 0);
            }
        })
    }
}

#[inline]
fn read_chunk<'a>(r: &mut Reader<'a>) -> Result<Chunk<'a>, Error> {
    let ssrc = r.u32("SSRC")?;
    let all = r.clone().rest();
    let start = r.offset();
    let len = loop {
        if r.u8("SDES item")? == 0 {
            break r.offset().wrapping_sub(start).saturating_sub(1);
        }
        let len = r.u8("SDES length")?;
        r.skip(len.into(), "SDES text")?;
    };
    // Zeros up to a whole word; the last chunk of a packet may be cut where it ends.
    let zeros = r.offset().wrapping_sub(start).wrapping_neg() % 4;
    r.skip(zeros.min(r.left()), "SDES padding")?;
    Ok(Chunk {
        ssrc,
        items: all.get(..len).unwrap_or_default(),
    })
}

/// Sources that leave (RFC 3550 §6.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bye<'a> {
    /// 31 at most.
    pub sources: List<'a, u32>,
    /// Why: UTF-8, 255 bytes at most; empty for no reason.
    pub reason: &'a [u8],
}

impl<'a> Bye<'a> {
    pub(super) fn decode(count: u8, mut r: Reader<'a>) -> Result<Self, Error> {
        let sources = r.take(usize::from(count) * 4, "SSRC list")?;
        let mut reason: &[u8] = &[];
        if !r.is_empty() {
            let len = r.u8("length of reason")?;
            reason = r.take(len.into(), "reason")?;
        }
        Ok(Self {
            sources: List::Wire(sources),
            reason,
        })
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// [`Error::TooLong`] for more than 31 sources, or a reason of more than 255 bytes.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let len = u8::try_from(self.reason.len());
        let len = len.map_err(|_| too_long("reason", self.reason.len() as u64, 255))?;
        write_packet(BYE, self.sources.len(), out, |out| {
            self.sources.encode(out);
            if len > 0 {
                out.push(len);
                out.extend_from_slice(self.reason);
            }
        })
    }
}

/// What an application defines (RFC 3550 §6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct App<'a> {
    /// 5 bits.
    pub subtype: u8,
    /// The sender.
    pub ssrc: u32,
    /// Four characters that name the application.
    pub name: [u8; 4],
    /// Whole words.
    pub data: &'a [u8],
}

impl<'a> App<'a> {
    pub(super) fn decode(subtype: u8, mut r: Reader<'a>) -> Result<Self, Error> {
        Ok(Self {
            subtype,
            ssrc: r.u32("SSRC")?,
            name: *r.array("name")?,
            data: r.rest(),
        })
    }

    /// Appends the packet; the data are filled up with zeros to whole words.
    ///
    /// # Errors
    /// [`Error::TooLong`] for a subtype past 31, or too much data.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        write_packet(APP, self.subtype.into(), out, |out| {
            out.extend_from_slice(&self.ssrc.to_be_bytes());
            out.extend_from_slice(&self.name);
            out.extend_from_slice(self.data);
        })
    }
}
