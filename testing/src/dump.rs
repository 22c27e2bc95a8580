//! The `.dump` files of androidx/media: what its extractors find in a file, track by track.

use std::path::Path;

/// What one extractor found in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dump {
    /// Microseconds; `None` where it is not known.
    pub duration: Option<u64>,
    /// Where reading has to begin for a time: microseconds asked for, then microseconds and byte of one or two places.
    pub positions: Vec<(u64, Vec<(u64, u64)>)>,
    /// The tracks.
    pub tracks: Vec<Track>,
}

/// A track.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Track {
    /// Its number.
    pub id: u32,
    /// The lines of its formats, as they are, without the names of entries that have none.
    pub formats: Vec<Vec<(String, String)>>,
    /// Its samples.
    pub samples: Vec<Sample>,
}

/// A sample.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sample {
    /// Microseconds.
    pub time: i64,
    /// 1 for one at which decoding may begin.
    pub flags: u32,
    /// Bytes.
    pub len: usize,
    /// [`hash`] of the bytes.
    pub hash: u32,
}

/// `java.util.Arrays.hashCode` of some bytes.
#[must_use]
pub fn hash(data: &[u8]) -> u32 {
    data.iter().fold(1, |hash: u32, &byte| {
        hash.wrapping_mul(31)
            .wrapping_add_signed(i32::from(byte.cast_signed()))
    })
}

impl Dump {
    /// Reads a dump file.
    ///
    /// # Panics
    /// Where it cannot be read.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        let text =
            std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::parse(&text)
    }

    /// Reads a dump.
    ///
    /// # Panics
    /// Where it is not written as dumps are.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut dump = Self::default();
        for line in text.lines() {
            let line = line.trim();
            if let Some(id) = numbered(line, "track") {
                dump.tracks.push(Track {
                    id,
                    ..Track::default()
                });
            } else if let Some(place) = line.strip_prefix("getPosition(") {
                dump.positions.push(position(place));
            } else if let Some(track) = dump.tracks.last_mut() {
                track.line(line);
            } else if let Some(duration) = line.strip_prefix("duration = ") {
                dump.duration = duration.parse().ok();
            }
        }
        dump
    }
}

impl Track {
    /// The first value that a format has under a name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut lines = self.formats.iter().flatten();
        Some(lines.find(|(key, _)| key == name)?.1.as_str())
    }

    fn line(&mut self, line: &str) {
        if numbered(line, "sample").is_some() {
            self.samples.push(Sample::default());
        } else if numbered(line, "format").is_some() {
            self.formats.push(Vec::new());
        } else if let Some((key, value)) = line.split_once(" = ") {
            match (self.samples.last_mut(), self.formats.last_mut()) {
                (Some(sample), _) => sample.line(key, value),
                (None, Some(format)) => format.push((key.to_owned(), value.to_owned())),
                _ => {}
            }
        }
    }
}

impl Sample {
    fn line(&mut self, key: &str, value: &str) {
        match key {
            "time" => self.time = value.parse().unwrap(),
            "flags" => self.flags = value.parse().unwrap(),
            "data" => (self.len, self.hash) = content(value),
            _ => {}
        }
    }
}

/// Length and hash of some bytes, as dumps have them: `length 417, hash D0AE`.
///
/// # Panics
/// Where they are not written like that.
#[must_use]
pub fn content(value: &str) -> (usize, u32) {
    let (len, hash) = value
        .strip_prefix("length ")
        .and_then(|value| value.split_once(", hash "))
        .unwrap();
    (len.parse().unwrap(), u32::from_str_radix(hash, 16).unwrap())
}

fn numbered(line: &str, what: &str) -> Option<u32> {
    let number = line.strip_prefix(what)?.strip_prefix(' ')?;
    number.strip_suffix(':')?.parse().ok()
}

fn position(text: &str) -> (u64, Vec<(u64, u64)>) {
    let (time, places) = text.split_once(')').unwrap();
    let places = places.split("timeUs=").skip(1).map(|place| {
        let (time, place) = place.split_once(", position=").unwrap();
        let end = place.find(']').unwrap();
        (time.parse().unwrap(), place[..end].parse().unwrap())
    });
    (time.parse().unwrap_or(0), places.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_is_read() {
        let text = "seekMap:\n  isSeekable = true\n  duration = 40\n  getPosition(20) = [[timeUs=0, position=3], [timeUs=40, position=9]]\n\
                    numberOfTracks = 1\ntrack 7:\n  sample count = 1\n  format 0:\n    sampleRate = 44100\n    \
                    initializationData:\n      data = length 2, hash 5F7\n  sample 0:\n    time = -5\n    flags = 1\n    data = length 2, hash 3E0\n\
                    tracksEnded = true\n";
        let dump = Dump::parse(text);
        assert_eq!(dump.duration, Some(40));
        assert_eq!(dump.positions, [(20, vec![(0, 3), (40, 9)])]);
        let [track] = &dump.tracks[..] else { panic!() };
        assert_eq!((track.id, track.value("sampleRate")), (7, Some("44100")));
        assert_eq!(track.value("data").map(content), Some((2, hash(&[18, 8]))));
        let sample = Sample {
            time: -5,
            flags: 1,
            len: 2,
            hash: hash(&[0, 0x1F]),
        };
        assert_eq!(track.samples, [sample]);
    }
}
