use super::gather::{Gather, Out};
use crate::demuxer::TRACK;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;
use core::num::NonZeroU32;
use h264::annexb::{Piece, Splitter};
use media::{Codec, Event, Flags, Sample, Timescale, Track, Warning};

/// Bytes of a NAL unit at most; those of a longer one are dropped, and it is damaged.
const NAL: usize = 16 << 20;

/// H.265 with start codes.
#[derive(Debug, Default)]
pub(crate) struct H265 {
    splitter: Splitter,
    gather: Gather,
    nal: Vec<u8>,
    offset: u64,
    before: u64,
    out: VecDeque<Out>,
}

impl H265 {
    pub(crate) const fn start_at(&mut self, bytes: u64) {
        self.before = self.before.saturating_add(bytes);
    }

    pub(crate) fn handle_input(&mut self, data: &[u8]) {
        let (nal, offset) = (&mut self.nal, &mut self.offset);
        let (gather, out) = (&mut self.gather, &mut self.out);
        self.splitter.push(data, |piece| match piece {
            Piece::Start { offset: next } => {
                gather.nal(nal, *offset, out);
                nal.clear();
                *offset = next;
            }
            Piece::Data(data) if nal.len().saturating_add(data.len()) <= NAL => {
                nal.extend_from_slice(data);
            }
            Piece::Data(_) => {}
        });
    }

    pub(crate) fn handle_eof(&mut self) {
        self.gather.nal(&self.nal, self.offset, &mut self.out);
        self.nal = Vec::new();
        self.gather.finish(&mut self.out);
    }

    pub(crate) fn buffered_len(&self) -> usize {
        let out = self.out.iter().map(|out| match out {
            Out::Picture { data, .. } => data.len(),
            _ => 0,
        });
        let held = self.gather.buffered_len().saturating_add(self.nal.len());
        out.fold(held, usize::saturating_add)
    }

    pub(crate) fn parse(&mut self, events: &mut VecDeque<Event>, most: usize) {
        while events.len() < most {
            let Some(out) = self.out.pop_front() else {
                return;
            };
            events.push_back(match out {
                Out::Config(config, timescale) => {
                    let timescale = Timescale::new(timescale).unwrap_or(Timescale::KHZ_90);
                    let track = Track::new(TRACK, timescale, Codec::Hevc(config));
                    Event::Tracks([track].into_iter().collect())
                }
                Out::Picture {
                    data,
                    dts,
                    pts,
                    duration,
                    is_sync,
                } => Event::Sample(Sample {
                    track: TRACK,
                    dts,
                    pts,
                    duration: NonZeroU32::new(duration),
                    flags: Flags::SYNC.when(is_sync),
                    data,
                }),
                Out::Warning {
                    offset,
                    skipped,
                    what,
                } => {
                    let at = self.before.saturating_add(offset);
                    let warning = Warning::new(format!("H.265: {what}"));
                    Event::Warning(warning.on(TRACK).at(at).skipping(skipped as u64))
                }
            });
        }
    }
}
