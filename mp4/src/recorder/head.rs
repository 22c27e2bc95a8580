use crate::Error;
use crate::boxes::{
    Edit, Edts, Elst, FourCc, IsoBox, Mdat, Moov, Mvex, Mvhd, Stbl, Stsd, Trak, Trex,
};
use crate::writer::lane::Lane;
use crate::writer::{Write, movie};
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Time, Timescale};
use wire::Writer as Fields;

/// What stands before the fragments.
///
/// ```text
/// ftyp | moov | free: header, room, 16 bytes for the header of an mdat | fragments
/// ```
#[derive(Debug)]
pub(super) struct Head {
    origin: Time,
    timescale: Timescale,
    edits: Vec<Vec<Edit>>,
    /// Where `moov` is.
    moov: u64,
    /// How long it is now.
    moov_len: u64,
    /// Where the fragments begin.
    data: u64,
}

const FREE: FourCc = FourCc(*b"free");
/// A header of `mdat` with a size of 64 bits.
const MDAT_HEADER: u64 = 16;

impl Head {
    /// The head of a file with these tracks, of which those that have samples begin as they do.
    pub(super) fn new(
        ftyp: Vec<u8>,
        lanes: &[Lane],
        origin: Time,
        reserve: u32,
    ) -> Result<(Self, Write), Error> {
        let timescale = movie::timescale(lanes.iter().map(|lane| &lane.track));
        let edits = lanes
            .iter()
            .map(|lane| edits(lane, origin, timescale))
            .collect();
        let mut head = Self {
            origin,
            timescale,
            edits,
            moov: ftyp.len() as u64,
            moov_len: 0,
            data: 0,
        };
        let mut out = ftyp;
        head.init(lanes)?.encode(&mut out)?;
        head.moov_len = (out.len() as u64).saturating_sub(head.moov);
        let free = reserve.saturating_add(8 + 16);
        Fields::new(&mut out).u32(free).bytes(&FREE.0);
        head.data = (out.len() as u64).saturating_add(free.saturating_sub(8).into());
        let mut write = Write::new(0, out);
        write.data.extend(zeros(free.saturating_sub(8)));
        Ok((head, write))
    }

    pub(super) const fn origin(&self) -> Time {
        self.origin
    }

    pub(super) const fn data(&self) -> u64 {
        self.data
    }

    /// `moov` of a file whose samples are in fragments.
    fn init(&self, lanes: &[Lane]) -> Result<Moov, Error> {
        let trak = |(lane, edits): (&Lane, &Vec<Edit>)| {
            let stbl = Stbl::for_fragments(Stsd {
                entries: lane.entries.clone(),
            });
            Ok::<_, Error>(Trak {
                edts: (!edits.is_empty()).then(|| Edts {
                    elst: Some(Elst {
                        edits: edits.clone(),
                    }),
                    other: Vec::new(),
                }),
                ..movie::track(&lane.track, stbl)?
            })
        };
        let next_track_id = lanes.iter().map(|lane| lane.track.id.0).max().unwrap_or(0);
        Ok(Moov {
            mvhd: Mvhd::new(self.timescale.get(), next_track_id.saturating_add(1)),
            traks: lanes
                .iter()
                .zip(&self.edits)
                .map(trak)
                .collect::<Result<_, _>>()?,
            mvex: Some(Mvex {
                mehd: None,
                trexs: lanes
                    .iter()
                    .map(|lane| Trex::new(lane.track.id.0))
                    .collect(),
                other: Vec::new(),
            }),
            other: Vec::new(),
        })
    }

    /// `moov` with the sample descriptions that there are now, over the one that there was.
    pub(super) fn describe(&mut self, lanes: &[Lane]) -> Result<Write, Error> {
        let mut out = Vec::new();
        self.init(lanes)?.encode(&mut out)?;
        let moov_len = out.len() as u64;
        let end = self.moov.saturating_add(moov_len);
        let free = self
            .data
            .checked_sub(end)
            .and_then(|free| u32::try_from(free).ok());
        let free = free
            .filter(|free| u64::from(*free) >= 8 + MDAT_HEADER)
            .ok_or(Error::Limit {
                limit: "sample descriptions before the fragments",
                max: self.data.saturating_sub(self.moov),
            })?;
        self.moov_len = moov_len;
        Fields::new(&mut out).u32(free).bytes(&FREE.0);
        Ok(Write::new(self.moov, out))
    }

    /// What makes a plain file of one that ends here.
    pub(super) fn close(&self, moov: Vec<u8>, end: u64) -> Result<Vec<Write>, Error> {
        let mdat = self.data.saturating_sub(MDAT_HEADER);
        let mut mdat_header = Vec::new();
        let size = end.saturating_sub(mdat);
        Fields::new(&mut mdat_header)
            .u32(1)
            .bytes(&Mdat::TYPE.0)
            .u64(size);
        // Inside the free box, where nobody looks.
        let room_at = self.moov.saturating_add(self.moov_len).saturating_add(8);
        let room = mdat.saturating_sub(room_at);
        let left = room
            .checked_sub(moov.len() as u64)
            .filter(|left| *left == 0 || *left >= 8);
        let left = left.and_then(|left| u32::try_from(left).ok());
        let mut writes = Vec::new();
        let free_until = match left {
            Some(left) => {
                let mut moov = moov;
                if left > 0 {
                    Fields::new(&mut moov).u32(left).bytes(&FREE.0);
                }
                writes.push(Write::new(room_at, moov));
                room_at
            }
            None => {
                writes.push(Write::new(end, moov));
                mdat
            }
        };
        writes.push(Write::new(mdat, mdat_header));
        // The switch: the first `moov` is free, and so is what was to hide the second.
        let free = free_until.saturating_sub(self.moov);
        let free = u32::try_from(free).map_err(|_| wire::TooLong {
            what: "free",
            value: free,
            max: u32::MAX.into(),
        })?;
        let mut switch = Vec::new();
        Fields::new(&mut switch).u32(free).bytes(&FREE.0);
        writes.push(Write::new(self.moov, switch));
        Ok(writes)
    }
}

/// How a track's line is laid on the movie's: its own begins with its first sample.
fn edits(lane: &Lane, origin: Time, timescale: Timescale) -> Vec<Edit> {
    let (Some(first_dts), Some((least, _))) = (lane.first_dts, lane.presented) else {
        return Vec::new();
    };
    let start = least.saturating_add(lane.track.priming.into());
    let late = lane.track.timescale.time(start) - origin;
    let delay = timescale.ticks(late).max(0).unsigned_abs();
    let media_time = start.saturating_sub(first_dts).max(0);
    let mut edits = Vec::new();
    if delay > 0 {
        edits.push(Edit {
            segment_duration: delay,
            ..Edit::from(-1)
        });
    }
    if delay > 0 || media_time > 0 {
        edits.push(Edit::from(media_time));
    }
    edits
}

/// Zeros, shared.
fn zeros(mut len: u32) -> Vec<Bytes> {
    static ZEROS: [u8; 1 << 16] = [0; 1 << 16];
    let mut pieces = Vec::new();
    while len > 0 {
        let piece = len.min(1 << 16);
        let bytes = ZEROS.get(..usize::try_from(piece).unwrap_or(usize::MAX));
        pieces.push(Bytes::from_static(bytes.unwrap_or_default()));
        len = len.saturating_sub(piece);
    }
    pieces
}
