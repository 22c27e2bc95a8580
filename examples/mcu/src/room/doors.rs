//! By what people are in a room, and by what its program leaves it.

use super::person::Person;
use super::push::Push;
use super::{Room, lock, program};
use media::Event;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use streaming_server::embed::{Outlet, Sink};

/// Where the program goes.
#[derive(Debug)]
pub(super) struct Outlets {
    pub(super) outlet: Outlet,
    pub(super) pushes: Arc<Mutex<Vec<Arc<Push>>>>,
    pub(super) tracks: Option<media::Tracks>,
}

impl program::Out for Outlets {
    fn handle(&mut self, event: Event) {
        if let Event::Tracks(tracks) = &event {
            self.tracks = Some(tracks.clone());
        }
        for push in &*lock(&self.pushes) {
            push.handle(&event, self.tracks.as_ref());
        }
        self.outlet.handle(event);
    }

    fn flush(&mut self) {
        // What it holds back goes with the next.
        let _ = self.outlet.flush(Instant::now());
    }
}

/// By what somebody is in a room: dropped, they have gone.
#[derive(Debug)]
pub struct Inlet {
    pub(super) room: Arc<Room>,
    pub(super) person: Arc<Person>,
}

impl Inlet {
    /// Who it is.
    #[must_use]
    pub const fn person(&self) -> &Arc<Person> {
        &self.person
    }
}

impl Sink for Inlet {
    fn handle(&mut self, event: Event) {
        self.person.handle(&event);
    }

    fn wants_keyframe(&mut self) -> bool {
        // Without one nobody knows what its pictures are.
        self.person.take_wish() || !self.person.has_video() && !self.person.is_idle()
    }

    fn turned(&mut self, quarters: u8) {
        self.person.turn(quarters);
    }

    fn loud(&mut self, decibels: Option<i8>) {
        self.person.loud(decibels);
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.people.retain(|person| person.id != self.person.id);
        if state.speaker == Some(self.person.id) {
            state.speaker = None;
        }
        tracing::info!(room = %self.room.name, name = %self.person.name, "somebody has gone");
    }
}
