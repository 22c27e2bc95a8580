//! What a receiver tells its senders.

use super::{Receiver, Reception, Transmit};
use crate::Error;
use crate::rtcp::{Item, List, Nack, NackEntry, Pli, ReceiverReport, ReportBlock, Sdes, item};
use alloc::vec::Vec;
use core::time::Duration;
use media::TrackId;

/// Compounds that wait to be sent.
const MOST_WAITING: usize = 256;

impl Receiver {
    /// How a stream is received.
    #[must_use]
    pub fn reception(&self, track: TrackId) -> Option<Reception> {
        let stream = self.streams.get(self.index(track)?)?;
        Some(Reception {
            ssrc: stream.ssrc(),
            lost: lost(stream.reception.expected(), stream.reception.received()),
            jitter: stream.reception.jitter().ticks(),
            ended: stream.ended,
        })
    }

    pub(super) fn report(&mut self, index: usize, now: Duration) {
        let Some(stream) = self.streams.get_mut(index) else {
            return;
        };
        if stream.next_report.is_none_or(|at| now < at) {
            return;
        }
        stream.next_report = Some(now.saturating_add(self.config.report_interval));
        let Some(block) = stream.report(now) else {
            return;
        };
        self.tell(index, &[block], &[], false);
    }

    /// Asks for what is missing.
    pub(super) fn ask(&mut self, index: usize, now: Duration) {
        let Some(stream) = self.streams.get_mut(index) else {
            return;
        };
        let (lost, picture) = stream.repairs.poll(now);
        if !lost.is_empty() || picture {
            let entries: Vec<NackEntry> = NackEntry::of(lost).collect();
            self.tell(index, &[], &entries, picture);
        }
    }

    /// Sends a compound: a report, and what is wanted.
    fn tell(&mut self, index: usize, blocks: &[ReportBlock], lost: &[NackEntry], picture: bool) {
        let Some(stream) = self.streams.get_mut(index) else {
            return;
        };
        // Where packets are encrypted and the other end has no key of ours, there is nothing that it would read.
        #[cfg(feature = "srtp")]
        if stream
            .srtp
            .as_ref()
            .is_some_and(|secure| secure.outbound.is_none())
        {
            return;
        }
        let (ssrc, track) = (self.config.ssrc, stream.track());
        let media_ssrc = stream.ssrc().unwrap_or_default();
        let mut out = Vec::with_capacity(96);
        let mut write = || {
            ReceiverReport {
                ssrc,
                reports: List::Values(blocks),
                extension: &[],
            }
            .encode(&mut out)?;
            let cname = Item {
                kind: item::CNAME,
                text: self.config.cname.as_bytes(),
            };
            Sdes::encode_items(&[(ssrc, &[cname])], &mut out)?;
            if !lost.is_empty() {
                Nack {
                    sender_ssrc: ssrc,
                    media_ssrc,
                    entries: List::Values(lost),
                }
                .encode(&mut out)?;
            }
            if picture {
                Pli {
                    sender_ssrc: ssrc,
                    media_ssrc,
                }
                .encode(&mut out)?;
            }
            Ok(())
        };
        let written: Result<(), Error> = write();
        #[cfg(feature = "srtp")]
        let written = written.and_then(|()| {
            if let Some(secure) = &mut stream.srtp {
                out = secure.protect(&out)?;
            }
            Ok(())
        });
        match written {
            // Who does not poll gets no more than it could use.
            Ok(()) if self.transmits.len() >= MOST_WAITING => {}
            Ok(()) => self.transmits.push_back(Transmit {
                track,
                data: out.into(),
            }),
            Err(error) => self.warn(track, alloc::format!("{error}")),
        }
    }
}

/// Packets that did not come; negative where some came twice.
fn lost(expected: u64, received: u64) -> i64 {
    let missing = i64::try_from(expected.abs_diff(received)).unwrap_or(i64::MAX);
    if expected < received {
        missing.saturating_neg()
    } else {
        missing
    }
}
