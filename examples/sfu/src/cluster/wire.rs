//! What nodes tell each other: JSON over NATS, and packets of media as SRTP.

use crate::room::{Guest, Packet, RawDependencies};
use anyhow::{Context as _, bail};
use rtp::extension::{AudioLevel, Element};
use rtp::srtp::{Config, Context, MasterKey, Profile};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Instant;
use str0m::rtp::ExtensionValues;

/// How packets between nodes are encrypted.
const PROFILE: Profile = Profile::AeadAes128Gcm;
/// Streams of one node at most.
const STREAMS: usize = 1 << 16;
/// Ids of the extensions, which only nodes see.
const LEVEL: u8 = 1;
const ORIENTATION: u8 = 2;
const DEPENDENCIES: u8 = 3;

/// From a node to others.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Message {
    /// Once a second, to all: a node is there.
    Hello {
        node: String,
        /// Where pages can go.
        url: String,
        /// Where packets can be sent to.
        address: SocketAddr,
        /// What those that it sends are encrypted with.
        key: Vec<u8>,
    },
    /// To all: a node ends.
    Bye { node: String },
    /// To all that have the room, once a second and when it changes: all people whom a node has in a room.
    People {
        node: String,
        room: String,
        people: Vec<Traveller>,
    },
    /// To all that have the room: somebody has written to a data channel.
    Said {
        node: String,
        room: String,
        label: String,
        binary: bool,
        data: Vec<u8>,
    },
    /// To the node that sends a stream: a keyframe is needed, and the stream from then on.
    Keyframe {
        ssrc: u32,
        #[serde(default)]
        node: String,
    },
    /// To each node that has people in a room, once a second and when it changes: those of its streams of pictures that a node wants. Who does not tell
    /// gets all.
    Wants {
        node: String,
        room: String,
        streams: Vec<u32>,
    },
}

/// Somebody who is at the node that tells of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Traveller {
    /// Their number there.
    pub(super) id: u64,
    pub(super) guest: Guest,
    /// Of each layer of each track: its synchronisation source, and the rollover counter that it has now.
    pub(super) streams: Vec<Vec<(u32, u32)>>,
}

/// A key that nobody has had before.
pub(super) fn new_key() -> Vec<u8> {
    let mut key = vec![0; PROFILE.key_len() + PROFILE.salt_len()];
    rand::fill(&mut key[..]);
    key
}

/// What packets under a key are encrypted or decrypted with.
pub(super) fn context(key: &[u8]) -> anyhow::Result<Context> {
    let key = MasterKey::concatenated(PROFILE, key)?;
    let mut config = Config::default();
    config.sources = STREAMS;
    Ok(Context::new(PROFILE, &[key], config)?)
}

/// A packet as it goes to other nodes.
pub(super) fn seal(context: &mut Context, ssrc: u32, packet: &Packet) -> anyhow::Result<Vec<u8>> {
    // Numbers of rooms do not wrap, those of RTP do.
    let (sequence, rollover) = (packet.sequence as u16, (packet.sequence >> 16) as u32);
    context.expect_rollover_counter(ssrc, rollover)?;
    let level = packet.values.audio_level.map(|level| {
        let voice = packet.values.voice_activity.unwrap_or_default();
        let level = level.unsigned_abs();
        AudioLevel { voice, level }.encode()
    });
    let orientation = packet.values.video_orientation.map(|way| [way as u8]);
    let mut elements = Vec::new();
    elements.extend(level.iter().map(|data| Element { id: LEVEL, data }));
    elements.extend(orientation.iter().map(|data| Element {
        id: ORIENTATION,
        data,
    }));
    let dependencies = packet.values.user_values.get::<RawDependencies>();
    elements.extend(dependencies.map(|RawDependencies(data)| Element {
        id: DEPENDENCIES,
        data,
    }));
    let mut data = Vec::new();
    let extension = match elements.is_empty() {
        true => None,
        false => {
            let profile = rtp::extension::encode(&elements, &mut data)?;
            Some(rtp::extension::Extension {
                profile,
                data: &data,
            })
        }
    };
    let header = rtp::Header {
        marker: packet.marker,
        sequence_number: sequence,
        timestamp: packet.time,
        ssrc,
        extension,
        ..Default::default()
    };
    let mut out = Vec::with_capacity(packet.payload.len() + 64);
    header.encode(&mut out)?;
    out.extend_from_slice(&packet.payload);
    context.protect(&mut out)?;
    Ok(out)
}

/// Whose packet a datagram is, before it is known to be one.
pub(super) fn ssrc(datagram: &[u8]) -> Option<u32> {
    Some(u32::from_be_bytes(*datagram.get(8..)?.first_chunk()?))
}

/// The packet of another node; `last` is the highest number of its stream so far.
pub(super) fn open(
    context: &mut Context,
    datagram: &mut Vec<u8>,
    last: u64,
    now: Instant,
) -> anyhow::Result<Packet> {
    context.unprotect(datagram)?;
    let packet = rtp::Packet::parse(datagram)?;
    let mut values = ExtensionValues::default();
    if let Some(extension) = packet.extension() {
        for element in extension.elements() {
            let element = element?;
            match (element.id, element.data) {
                (LEVEL, data) => {
                    let level = AudioLevel::parse(data)?;
                    values.audio_level = Some(-level.level.cast_signed());
                    values.voice_activity = Some(level.voice);
                }
                (DEPENDENCIES, data) => values.user_values.set(RawDependencies(data.into())),
                (ORIENTATION, &[way]) => values.video_orientation = Some(way.into()),
                _ => {}
            }
        }
    }
    if packet.payload().is_empty() {
        bail!("a packet without a payload");
    }
    let sequence = nearest(last, packet.sequence_number()).context("a number before the first")?;
    Ok(Packet {
        sequence,
        time: packet.timestamp(),
        marker: packet.marker(),
        at: now,
        report: None,
        values,
        payload: packet.payload().into(),
    })
}

/// The number nearest to `last` that has these lower bits.
fn nearest(last: u64, lower: u16) -> Option<u64> {
    let ahead = lower.wrapping_sub(last as u16).cast_signed();
    last.checked_add_signed(ahead.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u64) -> Packet {
        Packet {
            sequence,
            time: 7,
            marker: true,
            at: Instant::now(),
            report: None,
            values: ExtensionValues {
                audio_level: Some(-30),
                voice_activity: Some(true),
                ..Default::default()
            },
            payload: [1, 2, 3][..].into(),
        }
    }

    #[test]
    fn packets_arrive_as_they_were_sent_also_for_who_comes_after_a_wrap() {
        let key = new_key();
        let mut sender = context(&key).unwrap();
        let mut receiver = context(&key).unwrap();
        for sequence in 65_530..65_540 {
            seal(&mut sender, 5, &packet(sequence)).unwrap();
        }
        let counter = sender.rollover_counter(5).unwrap();
        receiver.expect_rollover_counter(5, counter).unwrap();
        let mut last = 65_539;
        for sequence in 65_540..65_560 {
            let mut datagram = seal(&mut sender, 5, &packet(sequence)).unwrap();
            assert_eq!(ssrc(&datagram), Some(5));
            let mut again = datagram.clone();
            let got = open(&mut receiver, &mut datagram, last, Instant::now()).unwrap();
            last = got.sequence;
            assert_eq!(got.sequence, sequence);
            assert_eq!((got.time, got.marker), (7, true));
            assert_eq!(got.values.audio_level, Some(-30));
            assert_eq!(&*got.payload, [1, 2, 3]);
            let replayed = open(&mut receiver, &mut again, last, Instant::now());
            assert!(replayed.is_err());
        }
    }

    #[test]
    fn what_av1_needs_goes_along() {
        let key = new_key();
        let (mut sender, mut receiver) = (context(&key).unwrap(), context(&key).unwrap());
        for length in [3, 16, 17, 100] {
            let mut sent = packet(length);
            let told = RawDependencies(vec![7; length as usize].into());
            sent.values.user_values.set(told);
            let mut datagram = seal(&mut sender, 5, &sent).unwrap();
            let got = open(&mut receiver, &mut datagram, length, Instant::now()).unwrap();
            let told = got.values.user_values.get::<RawDependencies>().unwrap();
            assert_eq!(*told.0, vec![7; length as usize]);
            assert_eq!(got.values.audio_level, Some(-30));
        }
    }

    #[test]
    fn what_others_send_is_refused() {
        let mut sender = context(&new_key()).unwrap();
        let mut receiver = context(&new_key()).unwrap();
        let mut datagram = seal(&mut sender, 5, &packet(1)).unwrap();
        for length in 0..datagram.len() {
            let mut cut = datagram[..length].to_vec();
            assert!(open(&mut receiver, &mut cut, 1, Instant::now()).is_err());
        }
        assert!(open(&mut receiver, &mut datagram, 1, Instant::now()).is_err());
        assert!(context(&[0; 3]).is_err());
    }

    #[test]
    fn numbers_go_on_over_a_wrap_and_back() {
        assert_eq!(nearest(65_535, 0), Some(65_536));
        assert_eq!(nearest(65_536, 65_535), Some(65_535));
        assert_eq!(nearest(0, 65_535), None);
    }
}
