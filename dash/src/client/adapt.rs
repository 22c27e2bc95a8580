//! Which representation is next, as [`media::abr::choose`] says.

use super::{Client, Kind, Pending, select};
use crate::{AdaptationSet, ContentType, Mpd};
use media::Time;
use media::abr::{Conditions, choose};

fn time(nanos: u64) -> Time {
    Time::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
}

impl Client {
    /// The stream that is adapted: the pictures, or else the first one.
    fn lead(&self) -> usize {
        let is_video =
            |stream: &super::Stream| stream.info.content_type == Some(ContentType::Video);
        self.streams.iter().position(is_video).unwrap_or(0)
    }

    /// Something came.
    pub(super) fn measure(&mut self, pending: &Pending, bytes: usize, now: i64) {
        let Kind::Media(segment) = &pending.request.kind else {
            return;
        };
        if !self.config.adaptive {
            return;
        }
        let took = Time::from_nanos(now.saturating_sub(pending.asked_at));
        // What ends behind the time at which it was asked for was still being made then.
        let asked_at = pending.asked_at.saturating_add(self.clock.unwrap_or(0));
        let mpd = self.mpd.as_ref().filter(|mpd| mpd.is_dynamic());
        let origin = mpd.and_then(|mpd| mpd.availability_start_time);
        let ends = origin
            .zip(segment.end)
            .map(|(origin, end)| origin.unix_nanos().saturating_add(end));
        let being_made = ends.is_some_and(|ends| ends > asked_at);
        let lasts = time(segment.duration_nanos());
        self.adaptation
            .fetched(bytes as u64, took, being_made.then_some(lasts));
        if pending.request.stream == self.lead() {
            let start = Time::from_nanos(segment.start);
            self.adaptation.arrived(start, Time::from_nanos(now));
        }
    }

    /// The representation of a set that a stream is to go on with.
    pub(super) fn adaptive(&self, mpd: &Mpd, set: &AdaptationSet, index: usize, now: i64) -> usize {
        let throughput = self.adaptation.throughput().or(self.config.bandwidth);
        let rates: Vec<u64> = (0..set.representations.len())
            .map(|index| select::rate(set, index))
            .collect();
        if index != self.lead() {
            // Sound is not to take much of what the pictures need.
            return select::representation(set, Some(throughput.unwrap_or(0) / 10));
        }
        let Some(stream) = self.streams.get(index) else {
            return 0;
        };
        let longest = mpd
            .max_segment_duration
            .map_or(4_000_000_000, crate::Duration::as_nanos);
        let most = self.config.max_buffer;
        let most = match mpd.is_dynamic() {
            true => most.min(select::delay(mpd, self.config.delay)),
            false => most,
        };
        choose(&Conditions {
            rates: &rates,
            current: stream.initialized.then_some(stream.info.representation),
            throughput,
            buffer: self
                .adaptation
                .buffer(time(stream.time), Time::from_nanos(now)),
            segment: time(longest),
            max_buffer: time(most),
        })
    }
}
