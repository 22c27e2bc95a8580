//! When tracks are told, and what waits for them.

use super::Demuxer;
use super::program::Stream;
use alloc::vec::Vec;
use media::{Event, Sample, TrackId, Tracks};

impl Demuxer {
    pub(super) fn push(&mut self, event: Event) {
        self.push_of(event, None);
    }

    /// The same, while this stream is being worked on.
    pub(super) fn push_of(&mut self, event: Event, taken: Option<&Stream>) {
        if !self.hold.is_on() {
            self.events.push_back(event);
            return;
        }
        self.hold.event(event);
        if self.hold.is_full(usize::MAX) {
            self.announce_now(taken);
        }
    }

    /// Whether a stream is the track that was told.
    pub(super) fn is_told(&self, stream: &Stream) -> bool {
        let told = self.announced.as_ref();
        let told = told.and_then(|told| told.find(stream.id()));
        told.is_some() && told == stream.track().as_ref()
    }

    /// Holds a sample back, of the stream that is being worked on, out of a packet at this offset. What came before the map had to
    /// wait for that already, which says nothing of how soon the rest will come.
    pub(super) fn hold_back(&mut self, sample: Sample, of: &Stream, offset: Option<u64>) {
        let at = (!of.is_early(offset)).then(|| of.timescale().time(sample.dts));
        self.hold.sample(sample, at);
        if self.hold.is_full(self.limits.held_size / 2) {
            self.wait_no_longer(Some(of));
        }
    }

    /// Tells the tracks that are known, though not all are; `taken` is the stream that is being worked on.
    #[cold]
    pub(super) fn wait_no_longer(&mut self, taken: Option<&Stream>) {
        for stream in &mut self.streams {
            stream.awaited = None;
        }
        for program in &mut self.programs {
            program.is_known = true;
        }
        self.announce_now(taken);
    }

    /// Something of the tracks is known, or another: they are told, if all that is waited for is there. `taken` is the stream that is
    /// being worked on.
    pub(super) fn changed(&mut self, taken: Option<&Stream>) {
        let programs = || self.programs.iter().all(|program| program.is_known);
        let mut streams = self.streams.iter().chain(taken);
        if !self.hold.is_on()
            || !self.programs.is_empty()
                && programs()
                && streams.all(|stream| stream.awaited.is_none())
        {
            self.announce_now(taken);
        }
    }

    /// Tells the tracks, if they are others than before; `taken` is the stream that is being worked on.
    pub(super) fn announce_now(&mut self, taken: Option<&Stream>) {
        let order = self.programs.iter().flat_map(|program| &program.tracks);
        let known = |id: &TrackId| {
            let mut streams = self.streams.iter().chain(taken);
            streams.find(|stream| stream.id() == *id)?.track()
        };
        let mut tracks: Vec<media::Track> = Vec::new();
        for track in order.filter_map(known) {
            if !tracks.iter().any(|other| other.id == track.id) {
                tracks.push(track);
            }
        }
        let tracks = Tracks::from(tracks);
        if self.announced.is_none() && tracks.is_empty() {
            // Warnings need not wait.
            if self.hold.is_full(usize::MAX) || self.over {
                self.hold.release(&mut self.events);
            }
            return;
        }
        // Back from what holds now to what held for the first of what waits.
        let changes = self.hold.take_changes();
        let mut sets = Vec::from([tracks]);
        for change in changes.iter().rev() {
            let mut tracks = sets.last().map_or(Vec::new(), |tracks| tracks.to_vec());
            if let Some(track) = tracks.iter_mut().find(|track| track.id == change.track) {
                (track.codec, track.timescale) = change.before.clone();
            }
            sets.push(tracks.into());
        }
        let mut given = 0;
        for change in &changes {
            self.tell(sets.pop());
            self.hold
                .release_before(change, &mut given, &mut self.events);
        }
        self.tell(sets.pop());
        self.hold.end(&mut self.events);
    }

    fn tell(&mut self, tracks: Option<Tracks>) {
        if self.announced != tracks {
            self.announced.clone_from(&tracks);
            self.events.extend(tracks.map(Event::Tracks));
        }
    }
}
