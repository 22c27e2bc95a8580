//! Which cameras are pulled, whether they can be had or not.

use common::Shutdown;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::collections::BTreeMap;

/// Cameras of a server at most.
const MOST: usize = 1000;
/// Longest name of one.
const LONGEST: usize = 64;

/// Why a camera is not pulled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The room or the camera cannot be called so.
    Name,
    /// There is one of that name.
    Taken,
    /// There are too many, or the server is about to end.
    Full,
    /// That is no address of a camera.
    Address,
}

impl Refusal {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Name => "rooms and cameras are called by 1 to 64 characters",
            Self::Taken => "there is a camera of that name",
            Self::Full => "there are too many, or the server is about to end",
            Self::Address => {
                "the url is to be rtsp://HOST/PATH, rtspu:// for packets by UDP, or rtmp://HOST/APP/NAME"
            }
        }
    }
}

/// A camera, as it is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Status {
    pub(super) name: String,
    /// Without user and password.
    pub(super) url: String,
    /// Whether it is in the room.
    pub(super) present: bool,
}

#[derive(Debug)]
struct Camera {
    url: String,
    stop: Shutdown,
}

/// By room and name.
#[derive(Debug, Default)]
pub(super) struct Cameras(BTreeMap<(String, String), Camera>);

impl Cameras {
    /// What the stream of another camera is called, if there may be one.
    pub(super) fn free(&self, room: &str, name: &str) -> Result<String, Refusal> {
        for text in [room, name] {
            let length = text.chars().count();
            if !(1..=LONGEST).contains(&length) || text.chars().any(char::is_control) {
                return Err(Refusal::Name);
            }
        }
        if self.0.contains_key(&(room.to_owned(), name.to_owned())) {
            return Err(Refusal::Taken);
        }
        if self.0.len() >= MOST {
            return Err(Refusal::Full);
        }
        let encoded = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
        Ok(format!("room/{}/{}", encoded(room), encoded(name)))
    }

    /// One is pulled from now on.
    pub(super) fn add(&mut self, room: &str, name: &str, url: &str, stop: Shutdown) {
        let url = without_password(url);
        let key = (room.to_owned(), name.to_owned());
        self.0.insert(key, Camera { url, stop });
    }

    /// Lets one go; whether there was one.
    pub(super) fn remove(&mut self, room: &str, name: &str) -> bool {
        let camera = self.0.remove(&(room.to_owned(), name.to_owned()));
        if let Some(camera) = &camera {
            camera.stop.begin();
        }
        camera.is_some()
    }

    /// Those of a room.
    pub(super) fn of(&self, room: &str, is_present: impl Fn(&str) -> bool) -> Vec<Status> {
        let here = |(key, camera): (&(String, String), &Camera)| {
            (key.0 == room).then(|| Status {
                name: key.1.clone(),
                url: camera.url.clone(),
                present: is_present(&key.1),
            })
        };
        self.0.iter().filter_map(here).collect()
    }
}

/// An address as it may be told.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::new();
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let host = rest[..end].rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{}", &rest[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_have_names_and_tell_no_passwords() {
        let mut cameras = Cameras::default();
        let stream = cameras.free("tea room", "the=door").unwrap();
        assert_eq!(stream, "room/tea%20room/the%3Ddoor");
        let url = "rtsp://me:my@secret@192.0.2.1:554/a@b";
        cameras.add("tea room", "the=door", url, Shutdown::new());
        assert_eq!(cameras.free("tea room", "the=door"), Err(Refusal::Taken));
        assert!(cameras.free("tea", "the=door").is_ok());
        let told = cameras.of("tea room", |name| name == "the=door");
        let wanted = Status {
            name: "the=door".into(),
            url: "rtsp://192.0.2.1:554/a@b".into(),
            present: true,
        };
        assert_eq!(told, [wanted]);
        assert!(cameras.of("tea", |_| true).is_empty());
        let long = "x".repeat(65);
        for bad in ["", "a\n", &long] {
            assert_eq!(cameras.free("tea", bad), Err(Refusal::Name), "{bad}");
            assert_eq!(cameras.free(bad, "tea"), Err(Refusal::Name), "{bad}");
        }
        assert!(cameras.remove("tea room", "the=door"));
        assert!(!cameras.remove("tea room", "the=door"));
    }
}
