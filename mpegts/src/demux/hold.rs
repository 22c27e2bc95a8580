//! What waits until tracks are known.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use media::{Codec, Event, Sample, Time, Timescale, TrackId};

/// Events that wait for tracks: for the first ones, after a map with others, and behind a jump, where all may be others.
#[derive(Debug)]
pub(super) struct Hold {
    on: bool,
    events: VecDeque<Event>,
    changes: Vec<Change>,
    bytes: usize,
    /// Times between which the samples lie that are held.
    span: Option<(Time, Time)>,
    /// The longest that may become.
    pub(super) time: Time,
}

/// A track's codec became another one between two events that wait.
#[derive(Debug)]
pub(super) struct Change {
    /// How many events wait before it.
    at: usize,
    pub(super) track: TrackId,
    /// What its codec was until then.
    pub(super) before: (Codec, Timescale),
}

/// Most events that are held.
const MOST: usize = 8192;

impl Hold {
    /// Waits for the first tracks.
    pub(super) const fn new() -> Self {
        Self {
            on: true,
            events: VecDeque::new(),
            changes: Vec::new(),
            bytes: 0,
            span: None,
            time: Time::from_millis(2000),
        }
    }

    pub(super) const fn is_on(&self) -> bool {
        self.on
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// What comes from here on waits.
    pub(super) const fn start(&mut self) {
        self.on = true;
    }

    /// Takes a sample, decoded at a time; with none it is no reason to wait less.
    pub(super) fn sample(&mut self, sample: Sample, at: Option<Time>) {
        if let Some(at) = at {
            let (first, last) = self.span.unwrap_or((at, at));
            self.span = Some((first.min(at), last.max(at)));
        }
        self.bytes = self.bytes.saturating_add(sample.data.len());
        self.event(Event::Sample(sample));
    }

    /// Takes another event.
    pub(super) fn event(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// Whether nothing has to wait any longer: too much does, in time, bytes, or number.
    pub(super) fn is_full(&self, bytes: usize) -> bool {
        let is_long = self
            .span
            .is_some_and(|(first, last)| last - first > self.time);
        is_long || self.bytes > bytes || self.events.len() > MOST
    }

    /// The samples that wait.
    pub(super) fn samples(&self) -> impl Iterator<Item = TrackId> {
        self.events.iter().filter_map(|event| match event {
            Event::Sample(sample) => Some(sample.track),
            _ => None,
        })
    }

    /// What comes from here on of a track has another codec.
    pub(super) fn change(&mut self, track: TrackId, before: (Codec, Timescale)) {
        let at = self.events.len();
        let mut changes = self.changes.iter();
        if !changes.any(|known| known.at == at && known.track == track) {
            self.changes.push(Change { at, track, before });
        }
    }

    pub(super) const fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    pub(super) fn take_changes(&mut self) -> Vec<Change> {
        core::mem::take(&mut self.changes)
    }

    /// Gives what waits before a change, of those that were taken the next one.
    pub(super) fn release_before(
        &mut self,
        change: &Change,
        given: &mut usize,
        to: &mut VecDeque<Event>,
    ) {
        while *given < change.at
            && let Some(event) = self.events.pop_front()
        {
            to.push_back(event);
            *given = given.saturating_add(1);
        }
    }

    /// Gives what waits; what comes goes on waiting, if it did.
    pub(super) fn release(&mut self, to: &mut VecDeque<Event>) {
        to.append(&mut self.events);
        self.bytes = 0;
        self.span = None;
    }

    /// Gives what waits, and nothing waits any more.
    pub(super) fn end(&mut self, to: &mut VecDeque<Event>) {
        self.release(to);
        self.on = false;
    }
}
