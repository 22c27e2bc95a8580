//! A room: who is in it, who gets its mix, and the two clocks that make it, one for sound and one for pictures. They stand still when
//! nobody listens.

mod clocks;
mod costs;
mod doors;
mod listener;
mod person;
mod pictures;
mod program;
mod push;
mod screen;
mod share;
mod voice;
mod voices;
mod workers;

#[cfg(test)]
pub(crate) use clocks::Watch;
pub use doors::Inlet;
pub(crate) use listener::{Listener, Out};
pub use person::{Person, Way};
pub use share::Format;
#[cfg(test)]
pub(crate) use {pictures::Pictures, voices::Voices};

use crate::layout::Layout;
#[cfg(not(test))]
use clocks::Watch;
use costs::Costs;
use doors::Outlets;
use program::Program;
use push::Push;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use streaming_server::embed::Handle;

/// How long the program goes on for nobody.
const LINGER: Duration = Duration::from_secs(10);
/// A keyframe of the program at least every so many nanoseconds: segments begin with one.
const SEGMENT: i64 = 2_000_000_000;
/// The number of the program among those who see.
const PROGRAM: u64 = 0;

/// Most servers that the program of a room is pushed to.
const MAX_PUSHES: usize = 8;

/// What rooms share.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// The mix at its best.
    pub format: Format,
    /// Most participants.
    pub max_people: usize,
    /// Most of them who are heard at the same time.
    pub voices: usize,
    /// Whether rooms are recorded from the first who comes to the last who goes.
    pub record: bool,
}

/// A room.
#[derive(Debug)]
pub struct Room {
    /// What it is called.
    pub name: Arc<str>,
    settings: Settings,
    watch: Watch,
    state: Mutex<State>,
    /// Something has changed that a clock which stands still has to know.
    changed: Condvar,
    /// Nobody listens.
    idle: Arc<AtomicBool>,
    program: Mutex<Option<Program<Outlets>>>,
    pushes: Arc<Mutex<Vec<Arc<Push>>>>,
    /// When the program was wanted last, in milliseconds since the start, and one.
    wanted: AtomicU64,
    next: AtomicU64,
    costs: Costs,
    pub(crate) sound_encodes: AtomicUsize,
    pub(crate) sound_decodes: AtomicUsize,
    pub(crate) picture_encodes: AtomicUsize,
    pub(crate) ticks: AtomicU64,
}

#[derive(Debug)]
struct State {
    people: Vec<Arc<Person>>,
    listeners: Vec<Arc<Listener>>,
    layout: Arc<Layout>,
    speaker: Option<u64>,
    has_program: bool,
    recording: bool,
    ended: bool,
}

/// Why somebody cannot come in.
pub(crate) const FULL: &str = "The room is full.";

/// What a clock's thread does.
type Clock = fn(&Room);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Room {
    /// Opens a room; its clocks are threads, which end with [`close`](Self::close).
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn open(name: &str, settings: Settings) -> std::io::Result<Arc<Self>> {
        let room = Self::new(name, settings, Watch::new());
        let clocks: [(&str, Clock); 2] =
            [("sound", Room::run_sound), ("pictures", Room::run_pictures)];
        for (name, run) in clocks {
            let own = Arc::clone(&room);
            let thread = std::thread::Builder::new().name(name.into());
            if let Err(error) = thread.spawn(move || run(&own)) {
                room.close();
                return Err(error);
            }
        }
        Ok(room)
    }

    /// One whose clocks do not go by themselves.
    pub(crate) fn new(name: &str, settings: Settings, watch: Watch) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            settings,
            watch,
            state: Mutex::new(State {
                people: Vec::new(),
                listeners: Vec::new(),
                layout: Arc::default(),
                speaker: None,
                has_program: false,
                recording: settings.record,
                ended: false,
            }),
            changed: Condvar::new(),
            idle: Arc::new(AtomicBool::new(true)),
            program: Mutex::new(None),
            pushes: Arc::default(),
            wanted: AtomicU64::new(0),
            next: AtomicU64::new(1),
            costs: Costs::default(),
            sound_encodes: AtomicUsize::new(0),
            sound_decodes: AtomicUsize::new(0),
            picture_encodes: AtomicUsize::new(0),
            ticks: AtomicU64::new(0),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Looks whether anybody listens, and wakes the clocks if that has changed.
    fn look(&self, state: &State) {
        let idle = state.listeners.is_empty() && !state.has_program;
        if self.idle.swap(idle, Ordering::Relaxed) && !idle {
            for person in &state.people {
                person.want_keyframe();
            }
        }
        self.changed.notify_all();
    }

    /// Ends the clocks and the program.
    pub fn close(&self) {
        let mut state = self.state();
        state.ended = true;
        state.has_program = false;
        self.look(&state);
        drop(state);
        *lock(&self.program) = None;
        for push in std::mem::take(&mut *lock(&self.pushes)) {
            push.stop.begin();
        }
    }

    // Who is there --------------------------------------------------------------------------------------------------

    /// Somebody comes in; what the result takes is theirs, and with it they go.
    ///
    /// # Errors
    /// If the room is full.
    pub fn enter(self: &Arc<Self>, name: &str, way: Way) -> Result<Inlet, &'static str> {
        let mut state = self.state();
        if state.people.len() >= self.settings.max_people || state.ended {
            return Err(FULL);
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
        let name = match name.trim() {
            "" => format!("guest {id}"),
            name => name.to_owned(),
        };
        let is_taken = |name: &str| state.people.iter().any(|person| &*person.name == name);
        let numbered = || {
            (2..)
                .map(|number| format!("{name} {number}"))
                .find(|name| !is_taken(name))
        };
        let name = if is_taken(&name) {
            numbered().unwrap_or_default()
        } else {
            name
        };
        let person = Arc::new(Person::new(
            id,
            &name,
            way,
            self.watch.clone(),
            Arc::clone(&self.idle),
        ));
        state.people.push(Arc::clone(&person));
        tracing::info!(room = %self.name, name = %person.name, "somebody has come");
        Ok(Inlet {
            room: Arc::clone(self),
            person,
        })
    }

    /// Somebody listens.
    pub(crate) fn listen(&self, own: Option<u64>, hears: bool, sees: bool) -> Arc<Listener> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let listener = Arc::new(Listener::new(id, own, hears, sees));
        let mut state = self.state();
        state.listeners.push(Arc::clone(&listener));
        self.look(&state);
        listener
    }

    /// Somebody listens no more.
    pub(crate) fn unlisten(&self, id: u64) {
        let mut state = self.state();
        state.listeners.retain(|listener| listener.id != id);
        self.look(&state);
    }

    /// Who is in it, in the order of coming.
    #[must_use]
    pub fn people(&self) -> Vec<Arc<Person>> {
        self.state().people.clone()
    }

    /// One of them.
    #[must_use]
    pub fn person(&self, id: u64) -> Option<Arc<Person>> {
        self.state()
            .people
            .iter()
            .find(|person| person.id == id)
            .cloned()
    }

    /// How many get the mix by WebRTC.
    #[must_use]
    pub fn listeners(&self) -> usize {
        self.state().listeners.len()
    }

    /// Whether nobody is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let state = self.state();
        state.people.is_empty() && state.listeners.is_empty()
    }

    /// Who speaks, or spoke last.
    #[must_use]
    pub fn speaker(&self) -> Option<u64> {
        self.state().speaker
    }

    // How it looks --------------------------------------------------------------------------------------------------

    /// How it is laid out.
    #[must_use]
    pub fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.state().layout)
    }

    /// Lays it out anew, for all who have no layout of their own.
    pub fn set_layout(&self, layout: Layout) {
        self.state().layout = Arc::new(layout);
    }

    /// Lays it out for one participant alone; none: as for all. Whether that one sees it.
    #[must_use]
    pub fn set_own_layout(&self, id: u64, layout: Option<Layout>) -> bool {
        let state = self.state();
        let own = |listener: &&Arc<Listener>| listener.own == Some(id);
        let listener = state.listeners.iter().find(own);
        if let Some(listener) = listener {
            listener.set_layout(layout);
        }
        listener.is_some()
    }

    // The program ---------------------------------------------------------------------------------------------------

    /// The name of its program.
    #[must_use]
    pub fn stream(&self) -> String {
        format!("room/{}", self.name)
    }

    /// What a clock shows when the room's does this, in nanoseconds.
    pub(crate) fn instant(&self, time: i64) -> Instant {
        self.watch.instant(time)
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.watch.now() / 1_000_000).unwrap_or(0)
    }

    /// Somebody wants the program.
    pub(crate) fn want_program(&self) {
        self.wanted.store(self.millis() + 1, Ordering::Relaxed);
    }

    /// Whether it is being recorded, or is to be.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.state().recording
    }

    /// Records it, or records it no more.
    pub fn set_recording(&self, on: bool) {
        self.state().recording = on;
    }

    /// Pushes the program to a server of RTMP, from now on; tells the number of that.
    ///
    /// # Errors
    /// What is wrong with the URL, or that there are too many.
    pub fn push(&self, url: &str) -> Result<u64, String> {
        let mut pushes = lock(&self.pushes);
        if pushes.len() >= MAX_PUSHES {
            return Err(format!("it goes to {MAX_PUSHES} servers already"));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        pushes.push(Push::start(id, url)?);
        Ok(id)
    }

    /// Pushes it there no more; whether it was.
    pub fn end_push(&self, id: u64) -> bool {
        let mut pushes = lock(&self.pushes);
        let count = pushes.len();
        for push in pushes.extract_if(.., |push| push.id == id) {
            push.stop.begin();
        }
        pushes.len() < count
    }

    /// Where it is pushed to, for the API.
    pub(crate) fn pushes(&self) -> Vec<serde_json::Value> {
        lock(&self.pushes)
            .iter()
            .map(|push| push.describe())
            .collect()
    }

    /// Looks at what the networks of those who listen bear; to be called about once a second.
    pub(crate) fn choose(&self) {
        for listener in &self.state().listeners {
            listener.choose(&self.settings.format);
        }
    }

    /// Begins the program where it is wanted, and ends it where it is not; to be called about once a second.
    pub(crate) fn keep(&self, server: &Handle) {
        let state = self.state();
        let (empty, recording) = (state.people.is_empty(), state.recording);
        drop(state);
        self.choose();
        let now = self.millis();
        if server.is_watched(&self.stream()) {
            self.want_program();
        }
        let wanted = self.wanted.load(Ordering::Relaxed);
        let lingers =
            wanted > 0 && now - wanted.min(now) < u64::try_from(LINGER.as_millis()).unwrap_or(0);
        let pushed = !lock(&self.pushes).is_empty();
        let wanted = !empty && (recording || pushed || lingers);
        let mut program = lock(&self.program);
        match (&mut *program, wanted) {
            (none @ None, true) => {
                let Some(outlet) = server.publish(&self.stream(), "the mix") else {
                    return tracing::error!(room = %self.name, "its program cannot be published");
                };
                let shows = *self.layout() != Layout::Audio;
                let outlets = Outlets {
                    outlet,
                    pushes: Arc::clone(&self.pushes),
                    tracks: None,
                };
                match Program::new(outlets, shows) {
                    Ok(program) => *none = Some(program),
                    Err(error) => {
                        return tracing::error!(room = %self.name, "no program: {error:#}");
                    }
                }
                tracing::info!(room = %self.name, "the program begins");
            }
            (Some(_), false) => {
                *program = None;
                tracing::info!(room = %self.name, "the program ends: nobody wants it");
            }
            _ => {}
        }
        if let Some(program) = &mut *program {
            program.out.outlet.set_recording(recording);
        }
        let has_program = program.is_some();
        drop(program);
        let mut state = self.state();
        if state.has_program != has_program {
            state.has_program = has_program;
            self.look(&state);
        }
    }

    /// Seconds of work so far: decoding, composing, encoding, and all of the sound.
    #[must_use]
    pub fn costs(&self) -> [(&'static str, f64); 4] {
        let costs = &self.costs;
        [
            ("decode", costs.decode.seconds()),
            ("scale", costs.compose.seconds()),
            ("encode", costs.encode.seconds()),
            ("mix", costs.mix.seconds()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::FRAME;

    fn settings() -> Settings {
        Settings {
            format: Format {
                width: 160,
                height: 90,
                rate: 25,
                bitrate: 100_000,
            },
            max_people: 3,
            voices: 16,
            record: false,
        }
    }

    #[test]
    fn people_come_and_go_and_have_names_of_their_own() {
        let room = Room::open("x", settings()).unwrap();
        let ann = room.enter("ann", Way::Stream).unwrap();
        let other = room.enter("ann", Way::Stream).unwrap();
        let nobody = room.enter("\u{7} ", Way::Webrtc).unwrap();
        let names: Vec<_> = room
            .people()
            .iter()
            .map(|person| person.name.to_string())
            .collect();
        assert_eq!(names, ["ann", "ann 2", "guest 3"]);
        assert_eq!(room.enter("dee", Way::Stream).unwrap_err(), FULL);
        drop((ann, nobody));
        assert_eq!(room.people().len(), 1);
        assert_eq!(room.person(2).unwrap().name, other.person().name);
        drop(other);
        assert!(room.is_empty());
        room.close();
    }

    #[test]
    fn the_clocks_go_while_somebody_listens_and_only_then() {
        let room = Room::open("x", settings()).unwrap();
        let _ann = room.enter("ann", Way::Stream).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(room.ticks.load(Ordering::Relaxed), 0, "nobody listens");
        let listener = room.listen(None, true, true);
        let mut got = (0, 0);
        let deadline = Instant::now() + Duration::from_secs(20);
        while got.0 < 5 || got.1 < 1 {
            assert!(Instant::now() < deadline, "{got:?}");
            for out in listener.take() {
                match out {
                    Out::Sound(at, _) => {
                        assert_eq!(at % FRAME as i64, 0);
                        got.0 += 1;
                    }
                    Out::Picture(unit) => {
                        assert!(got.1 > 0 || unit.sync);
                        got.1 += 1;
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        room.unlisten(listener.id);
        // A tick may be on its way.
        std::thread::sleep(Duration::from_millis(100));
        let ticks = room.ticks.load(Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(room.ticks.load(Ordering::Relaxed), ticks);
        room.close();
    }
}
