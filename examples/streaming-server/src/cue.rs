//! Cues of SCTE 35 that a publisher sends between its pictures: `onCuePoint` and the like, with the section in Base64.

use dash::live::{LiveEvent, Scheme};
use hls::live;
use hls::tag::DateRange;
use media::{Metadata, Time, Value};
use mpegts::scte35::SpliceInfoSection;
use std::collections::HashMap;

/// A `splice_info_section`, and what is to be known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cue {
    /// As it came.
    pub(crate) section: Vec<u8>,
    /// The same in Base64.
    pub(crate) base64: String,
    /// The number of its event, if it has one.
    pub(crate) id: Option<u32>,
    pub(crate) kind: Kind,
    /// How long the break is to last.
    pub(crate) duration: Option<Time>,
    /// Whether it ends by itself then.
    pub(crate) auto_return: bool,
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
        Self::read(decode(text)?)
    }

    /// From a section; `None` where it is damaged.
    pub(crate) fn read(section: Vec<u8>) -> Option<Self> {
        let parsed = SpliceInfoSection::parse(&section).ok()?;
        let mut cue = Self {
            base64: wire::base64::encode(&section),
            section,
            id: None,
            kind: Kind::Other,
            duration: None,
            auto_return: false,
        };
        if let Some(told) = parsed.as_break() {
            cue.id = Some(told.event_id);
            cue.kind = if told.begins { Kind::Out } else { Kind::In };
            cue.duration = told.duration.and_then(ticks);
            cue.auto_return = told.auto_return;
        }
        Some(cue)
    }

    /// As a manifest tells it.
    pub(crate) fn event(&self, time: Time) -> LiveEvent {
        LiveEvent {
            scheme: Scheme {
                uri: dash::live::SCTE_35.into(),
                value: String::new(),
            },
            time,
            duration: self.duration.and_then(Time::to_duration),
            // Of one number there is one event; leaving and coming back have the same.
            id: self.id.unwrap_or(0).wrapping_mul(2) | u32::from(self.kind == Kind::In),
            message: self.base64.clone(),
        }
    }

    /// Tells a playlist of it, in which media time zero was at `clock` (Unix time in nanoseconds): by tags before the segments that
    /// start then, and as a date range.
    pub(crate) fn tell(
        &self,
        playlist: &mut live::Playlist,
        breaks: &mut Breaks,
        time: Time,
        clock: i64,
    ) {
        let now = clock.saturating_add(time.as_nanos());
        let start = breaks.start(self, now);
        let date = hls::DateTime::from_unix_nanos;
        let id = match self.id {
            // Numbers of events may come again.
            Some(id) => format!("splice-{id}-{}", start / 1_000_000),
            None => format!("cue-{}", start / 1_000_000),
        };
        let mut range = DateRange::new(&id);
        let hex = self.hex();
        let hex = hls::Hex::new(&hex);
        let nanos = |time: Time| hls::Decimal::from_nanos(time.as_nanos());
        range.start_date = Some(date(start));
        range.class = Some("urn:scte:scte35:2013:bin");
        match self.kind {
            Kind::Out => {
                playlist.cue_out(live::CueOut {
                    time,
                    duration: self.duration.and_then(Time::to_duration),
                    auto_return: self.auto_return,
                    scte35: Some(self.base64.clone()),
                });
                range.scte35_out = hex;
                range.planned_duration = self.duration.map(nanos);
            }
            Kind::In => {
                playlist.cue_in(time);
                range.scte35_in = hex;
                range.end_date = Some(date(now));
            }
            Kind::Other => {
                range.scte35_cmd = hex;
                range.duration = Some(hls::Decimal::from_nanos(0));
            }
        }
        playlist.push_date_range(&range);
    }

    /// As an attribute of a playlist has it.
    fn hex(&self) -> String {
        let digits = self.section.iter().map(|byte| format!("{byte:02X}"));
        format!("0x{}", digits.collect::<String>())
    }
}

fn ticks(ticks: u64) -> Option<Time> {
    let ticks = i64::try_from(ticks).ok()?;
    Some(media::Timescale::KHZ_90.time(ticks))
}

/// All texts in a value.
pub(crate) fn texts(value: &Value, depth: usize) -> Vec<&str> {
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

/// Base64, of a length that a section or a tag may have.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let fits = (16..=64 << 10).contains(&text.len());
    fits.then(|| wire::base64::decode(text)).flatten()
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
