use crate::amf::amf0::{Object, Value};
use crate::flv::FourCc;
use alloc::borrow::Cow;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// What a peer can do with a codec (Enhanced RTMP v2, `FourCcInfoMask`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct CodecUse(pub u8);

impl CodecUse {
    /// It can decode it.
    pub const DECODE: CodecUse = CodecUse(1);
    /// It can encode it.
    pub const ENCODE: CodecUse = CodecUse(2);
    /// It can pass it on.
    pub const FORWARD: CodecUse = CodecUse(4);

    /// Whether it can do any of these.
    #[must_use]
    pub const fn any(self, of: CodecUse) -> bool {
        self.0 & of.0 != 0
    }
}

/// What a peer knows of Enhanced RTMP, as `connect` and its answer tell.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Video codecs and what it can do with each; `*` stands for all.
    pub video: Vec<(String, CodecUse)>,
    /// Audio codecs.
    pub audio: Vec<(String, CodecUse)>,
    /// Whether it takes a request to connect anew.
    pub reconnect: bool,
    /// Whether it knows several tracks of a kind.
    pub multitrack: bool,
    /// Whether it knows `ModEx`.
    pub mod_ex: bool,
    /// Whether it knows nanoseconds.
    pub timestamp_nano: bool,
}

const RECONNECT: u8 = 1;
const MULTITRACK: u8 = 2;
const MOD_EX: u8 = 4;
const TIMESTAMP_NANO: u8 = 8;

impl Capabilities {
    /// Of a peer that passes on all that there is: a server.
    #[must_use]
    pub fn relay() -> Self {
        let all = || alloc::vec![("*".to_owned(), CodecUse::FORWARD)];
        Self {
            video: all(),
            audio: all(),
            reconnect: false,
            multitrack: true,
            mod_ex: true,
            timestamp_nano: true,
        }
    }

    /// Of a client that can connect anew.
    #[must_use]
    pub fn reconnecting() -> Self {
        Self {
            reconnect: true,
            ..Self::default()
        }
    }

    /// What the object of a `connect`, or the information of its answer, says. A list of v1 says of its codecs that they can be
    /// decoded.
    #[must_use]
    pub fn of(object: &Object<'_>) -> Self {
        let map = |name: &str| match object.get(name).and_then(Value::as_object) {
            Some(map) => {
                let entries = map.0.iter();
                let entries = entries.map(|(name, value)| (name.clone().into_owned(), mask(value)));
                entries.map(|(name, mask)| (name, CodecUse(mask))).collect()
            }
            None => Vec::new(),
        };
        let (mut video, audio) = (map("videoFourCcInfoMap"), map("audioFourCcInfoMap"));
        if let Some(Value::StrictArray(list)) = object.get("fourCcList") {
            for name in list.iter().filter_map(Value::as_str) {
                if video.iter().all(|(other, _)| other != name) {
                    video.push((name.to_owned(), CodecUse::DECODE));
                }
            }
        }
        let ex = object.get("capsEx").map_or(0, mask);
        Self {
            video,
            audio,
            reconnect: ex & RECONNECT != 0,
            multitrack: ex & MULTITRACK != 0,
            mod_ex: ex & MOD_EX != 0,
            timestamp_nano: ex & TIMESTAMP_NANO != 0,
        }
    }

    /// What it can do with a codec.
    #[must_use]
    pub fn of_codec(&self, four_cc: FourCc) -> CodecUse {
        let name = format!("{four_cc}");
        let all = self.video.iter().chain(&self.audio);
        let named = all.filter(|(other, _)| *other == name || other == "*");
        CodecUse(named.fold(0, |mask, (_, codec)| mask | codec.0))
    }

    /// Adds what it says to an object.
    pub(super) fn write(&self, object: &mut Object<'_>) {
        let map = |codecs: &[(String, CodecUse)]| {
            let entries = codecs
                .iter()
                .map(|(name, codec)| (Cow::Owned(name.clone()), Value::Number(codec.0.into())));
            Value::Object(Object(entries.collect()))
        };
        if *self == Self::default() {
            return;
        }
        let names = self.video.iter().chain(&self.audio);
        let names = names.map(|(name, _)| Value::String(Cow::Owned(name.clone())));
        if !self.video.is_empty() || !self.audio.is_empty() {
            object.push("fourCcList", Value::StrictArray(names.collect()));
            object.push("videoFourCcInfoMap", map(&self.video));
            object.push("audioFourCcInfoMap", map(&self.audio));
        }
        let bit = |set: bool, bit: u8| if set { bit } else { 0 };
        let ex = bit(self.reconnect, RECONNECT)
            | bit(self.multitrack, MULTITRACK)
            | bit(self.mod_ex, MOD_EX)
            | bit(self.timestamp_nano, TIMESTAMP_NANO);
        object.push("capsEx", f64::from(ex));
    }
}

/// A mask of few bits, 0 where it is none.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the range has been checked"
)]
fn mask(value: &Value<'_>) -> u8 {
    let number = value.as_f64().unwrap_or_default();
    if (0.0..256.0).contains(&number) {
        number as u8
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip() {
        let mut ours = Capabilities::relay();
        ours.video.push(("hvc1".into(), CodecUse(3)));
        let mut object = Object::default();
        ours.write(&mut object);
        let theirs = Capabilities::of(&object);
        assert!(theirs.video.starts_with(&ours.video));
        assert_eq!((&theirs.audio, theirs.multitrack), (&ours.audio, true));
        assert!(theirs.of_codec(FourCc::HEVC).any(CodecUse::ENCODE));
        assert!(theirs.of_codec(FourCc::AV1).any(CodecUse::FORWARD));
        assert!(!theirs.of_codec(FourCc::AV1).any(CodecUse::DECODE));
        let mut nothing = Object::default();
        Capabilities::default().write(&mut nothing);
        assert!(nothing.0.is_empty());
    }

    #[test]
    fn the_list_of_v1() {
        let list = Value::StrictArray(alloc::vec![Value::from("av01"), Value::from("hvc1")]);
        let theirs = Capabilities::of(&Object::from([("fourCcList", list)]));
        assert!(theirs.of_codec(FourCc::AV1).any(CodecUse::DECODE));
        assert!(!theirs.of_codec(FourCc::VP9).any(CodecUse::DECODE));
    }
}
