//! Cues of SCTE 35 that a publisher sends between its pictures: `onCuePoint` and the like, with the section in Base64.

use media::{Metadata, Time, Value};
use mpegts::scte35::{Content, SpliceCommand, SpliceInfoSection};
use std::collections::HashMap;

/// A `splice_info_section`, and what is to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cue {
    /// As it came.
    pub(crate) section: Vec<u8>,
    /// The same in Base64.
    pub(crate) base64: String,
    /// `splice_event_id`, if it has one.
    pub(crate) id: Option<u32>,
    pub(crate) kind: Kind,
    /// How long the break is to last.
    pub(crate) duration: Option<Time>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Away from the programme.
    Out,
    /// Back to it.
    In,
    /// Something else.
    Other,
}

/// Names of messages that carry cues.
const NAMES: [&str; 4] = ["onCuePoint", "onScte35", "scte35", "SCTE35"];

impl Cue {
    /// The cue in a message, if it is one with a section that is whole.
    pub(crate) fn find(metadata: &Metadata) -> Option<Self> {
        let (_, value) = metadata
            .entries
            .iter()
            .find(|(name, _)| NAMES.contains(&name.as_str()))?;
        texts(value, 0).into_iter().find_map(Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        let section = decode(text)?;
        let parsed = SpliceInfoSection::parse(&section).ok()?;
        let mut cue = Self {
            section,
            base64: text.trim().to_owned(),
            id: None,
            kind: Kind::Other,
            duration: None,
        };
        if let Content::Clear {
            command: SpliceCommand::Insert(insert),
            ..
        } = parsed.content
        {
            cue.id = Some(insert.splice_event_id);
            if let Some(event) = insert.event {
                cue.kind = match event.out_of_network_indicator {
                    true => Kind::Out,
                    false => Kind::In,
                };
                let ticks = event.break_duration.map(|lasts| lasts.duration);
                let ticks = ticks.and_then(|ticks| i64::try_from(ticks).ok());
                cue.duration = ticks.map(|ticks| media::Timescale::KHZ_90.time(ticks));
            }
        }
        Some(cue)
    }

    /// As an attribute of a playlist has it.
    pub(crate) fn hex(&self) -> String {
        let digits = self.section.iter().map(|byte| format!("{byte:02X}"));
        format!("0x{}", digits.collect::<String>())
    }
}

/// All texts in a value.
fn texts(value: &Value, depth: usize) -> Vec<&str> {
    match value {
        Value::Text(text) => vec![text],
        Value::List(list) if depth < 4 => list
            .iter()
            .flat_map(|value| texts(value, depth + 1))
            .collect(),
        Value::Map(map) if depth < 4 => map
            .iter()
            .flat_map(|(_, value)| texts(value, depth + 1))
            .collect(),
        _ => Vec::new(),
    }
}

/// Base64 (RFC 4648 §4); `None` for anything else, and for what is longer than a section.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim().trim_end_matches('=');
    if text.len() < 16 || text.len() > 6000 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held & 0xFF) as u8);
        }
    }
    Some(out)
}

/// Breaks that have begun and not ended: when, in Unix nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Breaks(HashMap<u32, i64>);

/// Most breaks that are open.
const MOST: usize = 256;

impl Breaks {
    /// A cue at this time; gives the time at which the range begins that it is about.
    pub(crate) fn start(&mut self, cue: &Cue, wall: i64) -> i64 {
        match (cue.kind, cue.id) {
            (Kind::Out, Some(id)) if self.0.len() < MOST => *self.0.entry(id).or_insert(wall),
            (Kind::In, Some(id)) => self.0.remove(&id).unwrap_or(wall),
            _ => wall,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ANSI/SCTE 35, the example of a `splice_insert`.
    const OUT: &str = "/DAvAAAAAAAA///wFAVIAACPf+/+c2nALv4AUsz1AAAAAAAKAAhDVUVJAAABNWLbowo=";

    fn message(name: &str, value: Value) -> Metadata {
        Metadata {
            entries: vec![(name.into(), value)],
        }
    }

    #[test]
    fn a_section_is_found_wherever_it_lies() {
        let text = || Value::Text(OUT.into());
        let parameters = Value::Map(vec![("cue".into(), text())]);
        let nested = Value::Map(vec![
            (
                "name".into(),
                Value::Text("a name that is no section".into()),
            ),
            ("parameters".into(), parameters),
        ]);
        for found in [message("scte35", text()), message("onCuePoint", nested)] {
            let cue = Cue::find(&found).unwrap();
            assert_eq!((cue.kind, cue.id), (Kind::Out, Some(0x4800_008F)));
            assert_eq!(cue.duration.unwrap().as_nanos() / 1_000_000, 60_293);
            assert!(cue.hex().starts_with("0xFC302F0000"));
        }
        assert_eq!(Cue::find(&message("onTextData", text())), None);
        let broken = OUT.replace("c2nA", "c2nB");
        assert_eq!(Cue::find(&message("scte35", Value::Text(broken))), None);
    }

    #[test]
    fn a_break_ends_as_the_one_that_began() {
        let mut breaks = Breaks::default();
        let mut cue = Cue::parse(OUT).unwrap();
        assert_eq!(breaks.start(&cue, 100), 100);
        cue.kind = Kind::In;
        assert_eq!(breaks.start(&cue, 160), 100);
        assert_eq!(breaks.start(&cue, 170), 170);
    }
}
