use alloc::vec::Vec;
use core::time::Duration;
use media::{Metadata, Value};

/// A key frame that metadata tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFrame {
    /// Its time from the start of the file.
    pub time: Duration,
    /// Bytes from the start of the file to its tag.
    pub offset: u64,
}

/// The index of key frames that many files have in their `onMetaData`: `keyframes`, with `times` in seconds and `filepositions`.
///
/// ```
/// use fluvial_rtmp::flv::KeyFrames;
/// use media::{Metadata, Value};
///
/// let numbers = |numbers: &[f64]| Value::List(numbers.iter().map(|n| Value::Number(*n)).collect());
/// let index = Value::Map(vec![
///     ("filepositions".into(), numbers(&[300.0, 9000.0])),
///     ("times".into(), numbers(&[0.0, 2.0])),
/// ]);
/// let metadata = Metadata { entries: vec![("keyframes".into(), index)] };
/// let index = KeyFrames::of(&metadata).unwrap();
/// assert_eq!(index.at(std::time::Duration::from_millis(1999)).unwrap().offset, 300);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyFrames(
    /// In the order of their times.
    pub Vec<KeyFrame>,
);

impl KeyFrames {
    /// The index in metadata; none where there is none. Entries that cannot be are left out.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Option<Self> {
        let Some(Value::Map(index)) = metadata.get("keyframes") else {
            return None;
        };
        let list = |name: &str| match index.iter().find(|(key, _)| key == name) {
            Some((_, Value::List(values))) => Some(values),
            _ => None,
        };
        let (times, offsets) = (list("times")?, list("filepositions")?);
        let entries = times.iter().zip(offsets).filter_map(|pair| match pair {
            (Value::Number(time), Value::Number(offset)) => Some(KeyFrame {
                time: Duration::try_from_secs_f64(*time).ok()?,
                offset: whole(*offset)?,
            }),
            _ => None,
        });
        let mut entries: Vec<KeyFrame> = entries.collect();
        entries.sort_by_key(|entry| entry.time);
        Some(Self(entries))
    }

    /// The last key frame that is not after `time`, else the first.
    #[must_use]
    pub fn at(&self, time: Duration) -> Option<KeyFrame> {
        let after = self.0.partition_point(|entry| entry.time <= time);
        self.0.get(after.saturating_sub(1)).copied()
    }

    /// The index as an entry of metadata.
    pub(super) fn to_value(&self) -> Value {
        let numbers = |number: fn(&KeyFrame) -> f64| {
            Value::List(
                self.0
                    .iter()
                    .map(|entry| Value::Number(number(entry)))
                    .collect(),
            )
        };
        Value::Map(alloc::vec![
            (
                "filepositions".into(),
                numbers(|entry| double(entry.offset))
            ),
            ("times".into(), numbers(|entry| entry.time.as_secs_f64())),
        ])
    }
}

/// A position as AMF has numbers: exact up to 2^53.
#[expect(
    clippy::cast_precision_loss,
    reason = "files are shorter than 8 petabytes"
)]
pub(super) fn double(offset: u64) -> f64 {
    offset as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range has been checked"
)]
fn whole(number: f64) -> Option<u64> {
    (0.0..9e15).contains(&number).then_some(number as u64)
}
