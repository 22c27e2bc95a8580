//! What is said over the WebSocket: one JSON object a message, told apart by its `type`. The README has the table.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a track shows or carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Sound of the person.
    Microphone,
    /// Picture of the person.
    Camera,
    /// A screen or window that is shared.
    Screen,
    /// The sound that belongs to it.
    ScreenSound,
}

impl Source {
    /// Whether it is sound.
    #[must_use]
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Microphone | Self::ScreenSound)
    }

    /// Whether it belongs to what is shared.
    #[must_use]
    pub const fn is_screen(self) -> bool {
        matches!(self, Self::Screen | Self::ScreenSound)
    }
}

/// A picture that a page wants to show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tile {
    /// Whose.
    pub peer: String,
    /// Of what; `camera` where nothing is said.
    #[serde(default = "camera")]
    pub source: Source,
    /// Its height on the screen, in device pixels.
    #[serde(default = "tall")]
    pub height: u32,
    /// What gets bandwidth first; higher is sooner.
    #[serde(default)]
    pub priority: u8,
}

const fn camera() -> Source {
    Source::Camera
}

const fn tall() -> u32 {
    720
}

/// From a page to the server.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Request {
    /// The first message: who comes.
    Join {
        /// What the others see.
        name: String,
    },
    /// A session description. The page always offers, the server always answers: there is no glare.
    Offer {
        /// The SDP.
        sdp: String,
        /// What each sending `m=` section carries, by its `mid`.
        #[serde(default)]
        sources: BTreeMap<String, Source>,
    },
    /// All tiles that are on the screen; others need no bandwidth.
    View {
        /// Them.
        tiles: Vec<Tile>,
    },
    /// A source is silent, or shows nothing, or does so again.
    Mute {
        /// Which.
        source: Source,
        /// Whether.
        muted: bool,
    },
    /// Goes at once, without waiting for a time-out.
    Leave,
    /// Asks for `pong`.
    Ping,
}

/// Somebody in a room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Person {
    /// By which all messages call them.
    pub id: String,
    /// What they call themselves.
    pub name: String,
    /// What they send.
    pub sources: Vec<Source>,
    /// What of that is muted.
    pub muted: Vec<Source>,
    /// What is wrong with what they send, for people to read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// What a receiving `m=` section carries just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Assignment {
    /// The section.
    pub mid: String,
    /// From whom; nobody: nothing comes.
    pub peer: Option<String>,
    /// Of what.
    pub source: Option<Source>,
    /// Which of the simulcast layers, by its `rid`.
    pub layer: Option<String>,
}

/// From the server to a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Notice {
    /// The answer to `join`.
    Welcome {
        /// Who you are.
        id: String,
        /// Who is there already.
        peers: Vec<Person>,
        /// Receiving audio sections to offer.
        audio: usize,
        /// Receiving video sections to offer.
        video: usize,
    },
    /// The answer to `offer`.
    Answer {
        /// The SDP.
        sdp: String,
    },
    /// Somebody came.
    Joined {
        /// Who.
        peer: Person,
    },
    /// Somebody sends something else than before, or is muted, or not any more.
    Changed {
        /// Who, as they are now.
        peer: Person,
    },
    /// Somebody went.
    Left {
        /// Who.
        id: String,
    },
    /// More is sent in the room than this page has sections for: add some, and offer.
    Sections {
        /// Receiving audio sections.
        audio: usize,
        /// Receiving video sections.
        video: usize,
    },
    /// What sections carry from now on; all of them are listed.
    Assigned {
        /// Them.
        sections: Vec<Assignment>,
    },
    /// Who speaks loudest; nobody for a while.
    Speaker {
        /// Who.
        id: Option<String>,
    },
    /// How much can be sent to this page.
    Bandwidth {
        /// In bits per second.
        estimate: u64,
    },
    /// The server ends soon: join again, perhaps at another one.
    Drain,
    /// Other servers on which the room goes on, where this one does not.
    Nodes {
        /// Where their pages are.
        urls: Vec<String>,
    },
    /// The answer to `ping`.
    Pong,
    /// A request that could not be done.
    Refused {
        /// Why.
        reason: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_as_documented() {
        let read = |text: &str| serde_json::from_str::<Request>(text).unwrap();
        assert_eq!(
            read(r#"{"type":"join","name":"X"}"#),
            Request::Join { name: "X".into() }
        );
        let Request::Offer { sources, .. } =
            read(r#"{"type":"offer","sdp":"v=0","sources":{"1":"screen-sound"}}"#)
        else {
            panic!("an offer");
        };
        assert_eq!(sources["1"], Source::ScreenSound);
        let Request::View { tiles } = read(r#"{"type":"view","tiles":[{"peer":"7"}]}"#) else {
            panic!("a view");
        };
        assert_eq!((tiles[0].source, tiles[0].height), (Source::Camera, 720));
        assert!(serde_json::from_str::<Request>(r#"{"type":"jump"}"#).is_err());
    }

    #[test]
    fn notices_are_written_as_documented() {
        let notice = Notice::Sections { audio: 1, video: 4 };
        assert_eq!(
            serde_json::to_string(&notice).unwrap(),
            r#"{"type":"sections","audio":1,"video":4}"#
        );
    }
}
