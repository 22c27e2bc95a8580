//! What waits until tracks are known.

use alloc::collections::VecDeque;
use media::{Event, Sample, Time, TrackId};

/// Events that wait for tracks: for the first ones, after a map with others, and behind a jump, where all may be others.
#[derive(Debug)]
pub(super) struct Hold {
    on: bool,
    events: VecDeque<Event>,
    bytes: usize,
    /// Times between which the samples lie that are held.
    span: Option<(Time, Time)>,
    /// The longest that may become.
    pub(super) time: Time,
}

/// Most events that are held.
const MOST: usize = 8192;

impl Hold {
    /// Waits for the first tracks.
    pub(super) const fn new() -> Self {
        Self {
            on: true,
            events: VecDeque::new(),
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

    /// Takes a sample, decoded at a time.
    pub(super) fn sample(&mut self, sample: Sample, at: Time) {
        let (first, last) = self.span.unwrap_or((at, at));
        self.span = Some((first.min(at), last.max(at)));
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
