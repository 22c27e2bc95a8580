//! What is taken of people becomes files: an MP4 each, of their picture and sound, and one of their screen.

use crate::depacketize::Depacketizer;
use crate::room::{Taken, TakenPacket, TapId};
use common::record::{Recording, Recordings};
use std::collections::HashMap;
use str0m::format::Codec;

/// The recordings of one room.
#[derive(Debug)]
pub(crate) struct Recorder {
    room: String,
    files: Recordings,
    takes: HashMap<TapId, Take>,
}

/// One recording that goes on.
#[derive(Debug)]
struct Take {
    packets: Depacketizer,
    recording: Recording,
}

impl Recorder {
    pub(crate) fn new(room: &str, files: Recordings) -> Self {
        Self {
            room: file_name(room),
            files,
            takes: HashMap::new(),
        }
    }

    /// Takes what comes; whether a keyframe is needed to go on.
    pub(crate) fn handle(&mut self, taken: &Taken) -> bool {
        match taken {
            Taken::Begins { tap, name, tracks } => {
                self.takes.remove(tap);
                let screen = if tap.screen { "-screen" } else { "" };
                let path = format!("{}/{}-{}{screen}", self.room, file_name(name), tap.peer);
                match Take::begin(tracks, self.files.start(&path)) {
                    Ok(take) => {
                        self.takes.insert(*tap, take);
                    }
                    Err(error) => tracing::error!(%path, "cannot record: {error:#}"),
                }
            }
            Taken::Packet { tap, track, packet } => {
                let take = self.takes.get_mut(tap);
                return take.is_some_and(|take| take.packet(*track, packet));
            }
            Taken::Ends { tap } => {
                self.takes.remove(tap);
            }
        }
        false
    }
}

impl Take {
    fn begin(tracks: &[Codec], recording: Recording) -> anyhow::Result<Self> {
        let packets = Depacketizer::new(tracks)?;
        Ok(Self { packets, recording })
    }

    /// Takes a packet; whether a keyframe is needed to go on.
    fn packet(&mut self, track: usize, packet: &TakenPacket) -> bool {
        self.packets.handle(track, packet);
        self.drain();
        std::mem::take(&mut self.packets.is_broken)
    }

    fn drain(&mut self) {
        while let Some(event) = self.packets.poll_event() {
            self.recording.handle(&event);
        }
    }
}

impl Drop for Take {
    fn drop(&mut self) {
        self.packets.finish();
        self.drain();
    }
}

/// A name of a person or a room as one of a file: people call themselves what they like.
fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let name: String = name.chars().map(plain).take(64).collect();
    if name.is_empty() {
        "_".to_owned()
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        assert_eq!(file_name("../../etc/passwd"), "______etc_passwd");
        assert_eq!(file_name(""), "_");
        assert_eq!(file_name("Zoë-1"), "Zoë-1");
    }
}
