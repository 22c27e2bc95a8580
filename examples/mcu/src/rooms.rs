//! All rooms by name, and what comes to them by RTMP and RTSP.

use crate::requests::parameter;
use crate::room::{Inlet, Room, Settings, Way};
use common::Shutdown;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use streaming_server::embed::{Handle, Intake, Newcomer, Sink};
use tokio::sync::Notify;

/// Why a publisher is refused.
const ELSEWHERE: &str = "Publish to room/NAME, or to room/NAME/WHO.";
const NO_NAME: &str = "A room's name has letters, digits and -._~ only, and at most 64 of them.";
const NO_ROOM: &str = "There are too many rooms.";

/// All rooms. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Rooms(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    max_rooms: usize,
    rooms: Mutex<BTreeMap<String, Arc<Room>>>,
    /// Cameras that are pulled, by the name of the stream.
    cameras: Mutex<HashMap<String, Shutdown>>,
    /// A program is wanted, or somebody has come.
    news: Notify,
}

impl Rooms {
    pub(crate) fn new(settings: Settings, max_rooms: usize) -> Self {
        Self(Arc::new(Inner {
            settings,
            max_rooms,
            rooms: Mutex::default(),
            cameras: Mutex::default(),
            news: Notify::new(),
        }))
    }

    fn rooms(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Room>>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room of that name, if anybody is in it.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Room>> {
        self.rooms().get(name).cloned()
    }

    /// All of them.
    pub(crate) fn list(&self) -> Vec<Arc<Room>> {
        self.rooms().values().cloned().collect()
    }

    /// The room of that name, opened if need be.
    pub(crate) fn open(&self, name: &str) -> Result<Arc<Room>, &'static str> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if name.is_empty()
            || name.len() > 64
            || !name.bytes().all(known)
            || matches!(name, "." | "..")
        {
            return Err(NO_NAME);
        }
        let mut rooms = self.rooms();
        if let Some(room) = rooms.get(name) {
            return Ok(Arc::clone(room));
        }
        if rooms.len() >= self.0.max_rooms {
            return Err(NO_ROOM);
        }
        let room = Room::open(name, self.0.settings).map_err(|error| {
            tracing::error!("no room can be opened: {error}");
            NO_ROOM
        })?;
        rooms.insert(name.to_owned(), Arc::clone(&room));
        Ok(room)
    }

    /// Lets somebody into a room.
    pub(crate) fn enter(&self, room: &str, name: &str, way: Way) -> Result<Inlet, &'static str> {
        let inlet = self.open(room)?.enter(name, way)?;
        self.0.news.notify_one();
        Ok(inlet)
    }

    /// Pulls a camera into a room until it is let go, or the server ends.
    pub(crate) fn pull(
        &self,
        server: &Handle,
        room: &str,
        who: &str,
        url: &str,
    ) -> Result<(), String> {
        self.open(room)?;
        let stop = Shutdown::new();
        let mut cameras = self
            .0
            .cameras
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let name = camera_name(&cameras, room, who, self.0.settings.max_people)?;
        server
            .pull(&name, url, stop.clone())
            .map_err(|error| error.to_string())?;
        cameras.insert(name, stop);
        Ok(())
    }

    /// Lets a camera go; whether there was one.
    pub(crate) fn let_go(&self, room: &str, who: &str) -> bool {
        let mut cameras = self
            .0
            .cameras
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let camera = cameras.remove(&format!("room/{room}/{who}"));
        if let Some(stop) = &camera {
            stop.begin();
        }
        camera.is_some()
    }

    fn has_cameras(&self, room: &str) -> bool {
        let cameras = self
            .0
            .cameras
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        cameras_of(&cameras, room) > 0
    }

    /// Looks after the rooms until `close`.
    pub(crate) async fn keep(self, server: Handle, close: Shutdown) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)), if !self.rooms().is_empty() => {}
                () = self.0.news.notified() => {}
                () = close.wait() => break,
            }
            for room in self.list() {
                room.keep(&server);
            }
            self.rooms().retain(|name, room| {
                // Who holds it is about to come in.
                let stays =
                    !room.is_empty() || Arc::strong_count(room) > 3 || self.has_cameras(name);
                if !stays {
                    room.close();
                    tracing::info!(room = %name, "the room is closed");
                }
                stays
            });
        }
        for room in std::mem::take(&mut *self.rooms()).values() {
            room.close();
        }
    }
}

impl Intake for Rooms {
    fn admit(&self, newcomer: Newcomer<'_>) -> Option<Result<Box<dyn Sink>, &'static str>> {
        let Some(path) = newcomer.name.strip_prefix("room/") else {
            return Some(Err(ELSEWHERE));
        };
        let (room, who) = path.split_once('/').unwrap_or((path, ""));
        let asked = parameter(newcomer.query, "name");
        let who = asked.as_deref().unwrap_or(who);
        let inlet = self.enter(room, who, Way::Stream);
        Some(inlet.map(|inlet| -> Box<dyn Sink> { Box::new(inlet) }))
    }

    fn want(&self, name: &str) -> bool {
        let room = name.strip_prefix("room/").and_then(|name| self.find(name));
        let room = room.filter(|room| !room.people().is_empty());
        if let Some(room) = &room {
            room.want_program();
            self.0.news.notify_one();
        }
        room.is_some()
    }
}

fn cameras_of(cameras: &HashMap<String, Shutdown>, room: &str) -> usize {
    let prefix = format!("room/{room}/");
    let names = cameras.keys();
    names.filter(|name| name.starts_with(&prefix)).count()
}

/// What the stream of another camera is called, if there may be one: those that cannot be reached are no participants, and count here.
fn camera_name(
    cameras: &HashMap<String, Shutdown>,
    room: &str,
    who: &str,
    most: usize,
) -> Result<String, &'static str> {
    let name = format!("room/{room}/{who}");
    if who.is_empty() || who.len() > 64 || who.chars().any(|c| c.is_control() || c == '/') {
        return Err("A camera's name has 64 characters at most.");
    }
    if cameras.contains_key(&name) {
        return Err("There is a camera of that name.");
    }
    if cameras_of(cameras, room) >= most {
        return Err("There are too many cameras.");
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::room::Format;

    fn rooms() -> Rooms {
        let settings = Settings {
            format: Format {
                width: 160,
                height: 90,
                rate: 25,
                bitrate: 100_000,
            },
            max_people: 10,
            voices: 16,
            record: false,
        };
        Rooms::new(settings, 2)
    }

    fn newcomer<'a>(name: &'a str, query: &'a str) -> Newcomer<'a> {
        Newcomer {
            name,
            query,
            peer: None,
            agent: "a test",
        }
    }

    #[test]
    fn publishers_are_participants() {
        let rooms = rooms();
        let _first = rooms
            .admit(newcomer("room/a", "name=Ann+B%C3%A9&x=1"))
            .unwrap()
            .unwrap();
        let _second = rooms.admit(newcomer("room/a/bob", "")).unwrap().unwrap();
        let _third = rooms.admit(newcomer("room/a", "")).unwrap().unwrap();
        let room = rooms.find("a").unwrap();
        let names: Vec<_> = room
            .people()
            .iter()
            .map(|person| person.name.to_string())
            .collect();
        assert_eq!(names, ["Ann Bé", "bob", "guest 3"]);
        assert!(rooms.want("room/a") && !rooms.want("room/b") && !rooms.want("live/a"));
        for (name, why) in [
            ("live/a", ELSEWHERE),
            ("room/", NO_NAME),
            ("room/a b", NO_NAME),
        ] {
            assert_eq!(
                rooms.admit(newcomer(name, "")).unwrap().unwrap_err(),
                why,
                "{name}"
            );
        }
        rooms.open("b").unwrap();
        assert_eq!(rooms.open("c").unwrap_err(), NO_ROOM);
        for room in rooms.list() {
            room.close();
        }
    }

    #[test]
    fn cameras_have_names_and_are_not_too_many() {
        let mut cameras = HashMap::new();
        for who in ["door", "gate"] {
            let name = camera_name(&cameras, "a", who, 2).unwrap();
            assert_eq!(name, format!("room/a/{who}"));
            cameras.insert(name, Shutdown::new());
        }
        assert!(camera_name(&cameras, "a", "roof", 2).is_err());
        // Those of another room do not count, be its name how it will.
        assert!(camera_name(&cameras, "a.b", "roof", 2).is_ok());
        let long = "x".repeat(65);
        for bad in ["door", "", "a/b", "a\n", &long] {
            assert!(camera_name(&cameras, "a", bad, 9).is_err(), "{bad}");
        }
    }
}
