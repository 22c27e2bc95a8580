//! A room: who is in it, who gets its mix, and the two clocks that make it, one for sound and one for pictures. They stand still when
//! nobody listens.

mod costs;
mod listener;
mod person;
mod pictures;
mod program;
mod push;
mod screen;
mod share;
mod voices;

pub(crate) use listener::{Listener, Out};
pub use person::{Person, Way};
pub use share::Format;

use crate::layout::Layout;
use crate::sound::FRAME;
use costs::Costs;
use media::Event;
use pictures::{Eye, Pictures};
use program::Program;
use push::Push;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use streaming_server::embed::{Handle, Outlet, Sink};
use voices::{Ear, Voices};

/// A frame of sound.
const TICK: Duration = Duration::from_millis(20);
/// How far a clock may fall behind before it leaves out what it has missed.
const BEHIND: Duration = Duration::from_millis(200);
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
    /// Whether rooms are recorded from the first who comes to the last who goes.
    pub record: bool,
}

/// A room.
#[derive(Debug)]
pub struct Room {
    /// What it is called.
    pub name: Arc<str>,
    settings: Settings,
    start: Instant,
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
        let room = Arc::new(Self {
            name: name.into(),
            settings,
            start: Instant::now(),
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
            picture_encodes: AtomicUsize::new(0),
            ticks: AtomicU64::new(0),
        });
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
            self.start,
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
        self.start + Duration::from_nanos(u64::try_from(time).unwrap_or(0))
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
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

    /// Begins the program where it is wanted, and ends it where it is not; to be called about once a second.
    pub(crate) fn keep(&self, server: &Handle) {
        let state = self.state();
        let (empty, recording) = (state.people.is_empty(), state.recording);
        for listener in &state.listeners {
            listener.choose(&self.settings.format);
        }
        drop(state);
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

    // The clocks ----------------------------------------------------------------------------------------------------

    /// Waits until somebody listens; whether the room is still open.
    fn wait(&self) -> bool {
        let mut state = self.state();
        while !state.ended && self.idle.load(Ordering::Relaxed) {
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        !state.ended
    }

    /// Calls `tick` every `period`, with the time in nanoseconds, as long as somebody listens and whenever somebody does.
    fn run(&self, period: Duration, mut tick: impl FnMut(i64, bool)) {
        let mut due = Instant::now();
        let mut rested = true;
        while self.wait() {
            let now = Instant::now();
            if now > due + BEHIND {
                // On the same grid.
                let missed = (now - self.start).as_nanos() / period.as_nanos() + 1;
                due = self.start + period * u32::try_from(missed).unwrap_or(u32::MAX);
            }
            if let Some(early) = due.checked_duration_since(now) {
                std::thread::sleep(early);
            }
            let at = due.saturating_duration_since(self.start).as_nanos();
            tick(i64::try_from(at).unwrap_or(i64::MAX), rested);
            rested = self.idle.load(Ordering::Relaxed);
            due += period;
        }
    }

    fn run_sound(&self) {
        let mut voices = Voices::default();
        self.run(TICK, |now, rested| {
            if rested {
                voices = Voices::default();
            }
            let state = self.state();
            let people = state.people.clone();
            let listeners = state.listeners.clone();
            let program = state.has_program;
            drop(state);
            let ears: Vec<Ear> = listeners
                .iter()
                .filter_map(|listener| listener.ear())
                .collect();
            let at = voices::samples(now) / FRAME as i64 * FRAME as i64;
            let heard = self
                .costs
                .mix
                .time(|| voices.tick(at, now, &people, &ears, program));
            self.sound_encodes
                .store(voices.encodes() + usize::from(program), Ordering::Relaxed);
            for (id, packet) in heard.packets {
                if let Some(listener) = listeners.iter().find(|listener| listener.id == id) {
                    listener.push(Out::Sound(at, packet));
                }
            }
            if let (Some(all), Some(program)) = (heard.all, &mut *lock(&self.program)) {
                self.costs.mix.time(|| program.sound(at, &all));
            }
            if let Some(speaker) = heard.speaker {
                self.state().speaker = speaker;
            }
        });
    }

    fn run_pictures(&self) {
        let format = self.settings.format;
        let mut pictures = Pictures::new(format);
        self.run(
            Duration::from_secs(1) / format.rate.max(1),
            |now, rested| {
                if rested {
                    pictures = Pictures::new(format);
                }
                let state = self.state();
                let people = state.people.clone();
                let listeners = state.listeners.clone();
                let (layout, speaker) = (Arc::clone(&state.layout), state.speaker);
                let program = state.has_program;
                drop(state);
                let mut eyes: Vec<Eye> = listeners
                    .iter()
                    .filter_map(|listener| listener.eye(&layout))
                    .collect();
                if program {
                    if let Some(program) = &mut *lock(&self.program) {
                        program.set_shows(*layout != Layout::Audio);
                    }
                    eyes.push(Eye {
                        id: PROGRAM,
                        layout,
                        step: 0,
                        wants_keyframe: false,
                        period: Some(SEGMENT),
                    });
                }
                let made = pictures.tick(now, &people, speaker, &eyes, &self.costs);
                self.ticks.fetch_add(1, Ordering::Relaxed);
                self.picture_encodes
                    .store(pictures.encodes(), Ordering::Relaxed);
                for (receivers, unit) in made {
                    if receivers.contains(&PROGRAM)
                        && let Some(program) = &mut *lock(&self.program)
                    {
                        program.picture(&unit);
                    }
                    for listener in listeners
                        .iter()
                        .filter(|listener| receivers.contains(&listener.id))
                    {
                        listener.push(Out::Picture(Arc::clone(&unit)));
                    }
                }
            },
        );
    }
}

/// Where the program goes.
#[derive(Debug)]
struct Outlets {
    outlet: Outlet,
    pushes: Arc<Mutex<Vec<Arc<Push>>>>,
    tracks: Option<media::Tracks>,
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
    room: Arc<Room>,
    person: Arc<Person>,
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
        self.person.take_wish()
    }

    fn turned(&mut self, quarters: u8) {
        self.person.turn(quarters);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            format: Format {
                width: 160,
                height: 90,
                rate: 25,
                bitrate: 100_000,
            },
            max_people: 3,
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
