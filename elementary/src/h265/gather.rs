use super::{
    DELIMITER, END_OF_SEQUENCE, END_OF_STREAM, FILLER, Header, ParameterSets, SliceHeader, Sps,
};
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use h264::{Reorder, length_prefixed};
use media::codec::Hevc;

/// Bytes of an access unit at most.
const UNIT: usize = 16 << 20;
/// Bytes that wait for their places in output order at most; past that, these are settled at once.
const HELD: usize = 64 << 20;
/// Ticks in a second at least, as usual in MP4.
const MIN_TIMESCALE: u32 = 10_000;
/// Pictures a second that are believed, and seconds a picture.
const MAX_RATE: u32 = 1000;
const MAX_STEP: u32 = 60;

/// What comes out, in decoding order.
#[derive(Debug)]
pub(super) enum Out {
    /// The configuration is another one; ticks in a second.
    Config(Hevc, u32),
    Picture {
        data: Bytes,
        dts: i64,
        pts: i64,
        duration: u32,
        is_sync: bool,
    },
    /// Bytes passed over, before this offset.
    Warning {
        offset: u64,
        skipped: usize,
        what: String,
    },
}

/// Puts access units together, and gives them times.
#[derive(Debug, Default)]
pub(super) struct Gather {
    sets: ParameterSets,
    config: Option<Hevc>,
    /// The parameter sets are others than the configuration's.
    changed: bool,
    unit: Vec<u8>,
    offset: u64,
    /// The first slice of the access unit that could be read.
    picture: Option<SliceHeader>,
    /// The header of the first one that could not: its parameter sets may be damaged, and decoders get over more than that.
    unread: Option<Header>,
    /// What the sequence parameter set of the last slice says.
    sps: Option<Sps>,
    /// The greatest `PicOrderCntVal` since counts started anew.
    most: i64,
    has_slices: bool,
    is_too_long: bool,
    /// `PicOrderCntVal` of the last picture that others are told from.
    anchor: Option<i64>,
    reorder: Option<(u8, Reorder<u64>)>,
    waiting: VecDeque<Waiting>,
    held: usize,
    /// Pictures taken, given out, and shown.
    taken: u64,
    given: u64,
    shown: i64,
    last_dts: Option<i64>,
    clock: Option<(u32, u32)>,
}

#[derive(Debug)]
struct Waiting {
    data: Bytes,
    is_sync: bool,
    config: Option<Hevc>,
    /// Its place in output order.
    place: Option<i64>,
    depth: u8,
}

impl Gather {
    pub(super) fn buffered_len(&self) -> usize {
        self.unit.len().saturating_add(self.held)
    }

    /// Takes a NAL unit that is whole.
    pub(super) fn nal(&mut self, nal: &[u8], offset: u64, out: &mut VecDeque<Out>) {
        let Some(header) = Header::parse(nal) else {
            if !nal.is_empty() {
                out.push_back(Out::Warning {
                    offset,
                    skipped: nal.len(),
                    what: "a NAL unit without a header".into(),
                });
            }
            return;
        };
        if self.has_slices && self.begins(header, nal) {
            self.end(out);
        }
        if self.unit.is_empty() && !self.has_slices {
            self.offset = offset;
        }
        match header.nal_unit_type {
            DELIMITER | FILLER => {}
            // Those of other layers are for who decodes these.
            _ if header.is_parameter_set() && header.nuh_layer_id == 0 => {
                match self.sets.insert(nal) {
                    Ok(changed) => self.changed |= changed,
                    Err(error) => out.push_back(Out::Warning {
                        offset,
                        skipped: nal.len(),
                        what: error.to_string(),
                    }),
                }
            }
            kind => {
                if header.is_slice() {
                    self.has_slices = true;
                    if header.nuh_layer_id == 0 && self.picture.is_none() {
                        match SliceHeader::parse(nal, &self.sets) {
                            Ok((slice, sps)) => {
                                (self.picture, self.sps) = (Some(slice), Some(*sps));
                            }
                            Err(_) => self.unread = self.unread.or(Some(header)),
                        }
                    }
                }
                self.is_too_long |= self.unit.len().saturating_add(nal.len()) > UNIT;
                if !self.is_too_long {
                    // Its length fits, as the limit does.
                    _ = length_prefixed::push(nal, &mut self.unit);
                }
                if matches!(kind, END_OF_SEQUENCE | END_OF_STREAM) {
                    self.end(out);
                    self.anchor = None;
                }
            }
        }
    }

    /// Whether a NAL unit is the first of an access unit, behind the slices of another one (§7.4.2.4.4).
    fn begins(&self, header: Header, nal: &[u8]) -> bool {
        match header.nal_unit_type {
            // Slices of other layers belong to the picture of the lowest one.
            ..32 => header.nuh_layer_id == 0 && nal.get(2).is_some_and(|byte| byte & 0x80 != 0),
            32..=35 | 39 | 41..=44 | 48..=55 => header.nuh_layer_id == 0,
            _ => false,
        }
    }

    /// The access unit is whole.
    fn end(&mut self, out: &mut VecDeque<Out>) {
        let data = core::mem::take(&mut self.unit);
        let has_slices = core::mem::take(&mut self.has_slices);
        let is_too_long = core::mem::take(&mut self.is_too_long);
        let picture = self.picture.take();
        let unread = self.unread.take().filter(|header| header.is_picture());
        let mut warn = |what: &str, skipped| {
            out.push_back(Out::Warning {
                offset: self.offset,
                skipped,
                what: what.into(),
            });
        };
        let (header, slice, sps) = match (picture, unread, self.sps) {
            _ if data.is_empty() && !is_too_long => return,
            _ if is_too_long => return warn("an access unit passes the limit", data.len()),
            (Some(slice), _, Some(sps)) => (slice.header, Some(slice), sps),
            (_, Some(header), Some(sps)) => {
                warn(
                    "the slices of a picture cannot be read: it is shown after those before it",
                    0,
                );
                (header, None, sps)
            }
            _ if has_slices => {
                return warn("a picture whose parameter sets are not there", data.len());
            }
            _ => return warn("messages without a picture", data.len()),
        };
        let config = self.reconfigure(out);
        if self.config.is_none() {
            return;
        }
        self.push(data.into(), header, slice, &sps, config);
        if self.held > HELD {
            self.settle(true);
        }
        self.release(out);
    }

    /// The configuration, if it is another one.
    fn reconfigure(&mut self, out: &mut VecDeque<Out>) -> Option<Hevc> {
        if !core::mem::take(&mut self.changed) {
            return None;
        }
        let nals: Vec<&[u8]> = self.sets.nals().collect();
        match Hevc::from_parameter_sets(&nals) {
            Ok(config) => {
                self.config = Some(config.clone());
                Some(config)
            }
            Err(error) => {
                out.push_back(Out::Warning {
                    offset: self.offset,
                    skipped: 0,
                    what: format!("parameter sets: {error}"),
                });
                None
            }
        }
    }

    fn push(
        &mut self,
        data: Bytes,
        header: Header,
        slice: Option<SliceHeader>,
        sps: &Sps,
        config: Option<Hevc>,
    ) {
        let restarts = header.is_restart() || (header.is_irap() && self.anchor.is_none());
        let count = match slice {
            Some(slice) => self.count(slice, sps, restarts),
            None if restarts => 0,
            None => self.most.saturating_add(1),
        };
        self.most = if restarts {
            count
        } else {
            self.most.max(count)
        };
        if header.is_anchor() && (slice.is_some() || restarts) {
            self.anchor = Some(count);
        }
        self.clock.get_or_insert_with(|| clock(sps.frame_rate));
        let depth = sps.max_num_reorder_pics;
        if self.reorder.as_ref().is_none_or(|(is, _)| *is != depth) {
            self.settle(true);
            self.reorder = Some((depth, Reorder::new(depth)));
        }
        self.held = self.held.saturating_add(data.len());
        self.waiting.push_back(Waiting {
            data,
            is_sync: header.is_irap(),
            config,
            place: None,
            depth,
        });
        if let Some((_, reorder)) = &mut self.reorder {
            reorder.push(count, restarts, self.taken);
        }
        self.taken = self.taken.saturating_add(1);
        self.settle(false);
    }

    /// `PicOrderCntVal` (§8.3.1).
    fn count(&self, slice: SliceHeader, sps: &Sps, restarts: bool) -> i64 {
        let lsb = i64::from(slice.slice_pic_order_cnt_lsb);
        let anchor = match self.anchor {
            Some(anchor) if !restarts => anchor,
            _ => return lsb,
        };
        let max = 1_i64 << sps.log2_max_pic_order_cnt_lsb;
        let before = anchor.rem_euclid(max);
        let high = anchor.saturating_sub(before);
        let high = if lsb < before && before - lsb >= max / 2 {
            high.saturating_add(max)
        } else if lsb > before && lsb - before > max / 2 {
            high.saturating_sub(max)
        } else {
            high
        };
        high.saturating_add(lsb)
    }

    /// Numbers the pictures whose place in output order is known; `all`: none follows.
    fn settle(&mut self, all: bool) {
        let Some((_, reorder)) = &mut self.reorder else {
            return;
        };
        if all {
            reorder.finish();
        }
        while let Some(number) = reorder.pop() {
            let at = usize::try_from(number.saturating_sub(self.given)).unwrap_or(usize::MAX);
            if let Some(picture) = self.waiting.get_mut(at) {
                picture.place = Some(self.shown);
                self.shown = self.shown.saturating_add(1);
            }
        }
    }

    /// Gives out pictures in decoding order, as far as their times are known.
    fn release(&mut self, out: &mut VecDeque<Out>) {
        let (timescale, step) = self.clock.unwrap_or_else(|| clock(None));
        let ticks = i64::from(step);
        while let Some(place) = self.waiting.front().and_then(|picture| picture.place) {
            let Some(picture) = self.waiting.pop_front() else {
                return;
            };
            let number = i64::try_from(self.given).unwrap_or(i64::MAX);
            self.given = self.given.saturating_add(1);
            self.held = self.held.saturating_sub(picture.data.len());
            if let Some(config) = picture.config {
                out.push_back(Out::Config(config, timescale));
            }
            let pts = place.saturating_mul(ticks);
            let planned = number.saturating_sub(picture.depth.into());
            let dts = planned.saturating_mul(ticks).min(pts);
            // Where more is reordered than was told, decoding times move together.
            let dts = match self.last_dts {
                Some(last) => dts.max(last.saturating_add(1)),
                None => dts,
            };
            self.last_dts = Some(dts);
            out.push_back(Out::Picture {
                data: picture.data,
                dts,
                pts: pts.max(dts),
                duration: step,
                is_sync: picture.is_sync,
            });
        }
    }

    /// Nothing follows.
    pub(super) fn finish(&mut self, out: &mut VecDeque<Out>) {
        self.end(out);
        self.settle(true);
        self.release(out);
    }
}

/// Ticks in a second, and how many a picture lasts, in whole numbers.
fn clock(rate: Option<(u32, u32)>) -> (u32, u32) {
    let plausible = |&(pictures, seconds): &(u32, u32)| {
        pictures > 0
            && seconds > 0
            && pictures / seconds <= MAX_RATE
            && seconds / pictures <= MAX_STEP
    };
    let (mut timescale, mut step) = rate.filter(plausible).unwrap_or((25, 1));
    while timescale < MIN_TIMESCALE {
        match (timescale.checked_mul(2), step.checked_mul(2)) {
            (Some(more), Some(longer)) => (timescale, step) = (more, longer),
            _ => break,
        }
    }
    (timescale, step)
}
