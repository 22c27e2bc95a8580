//! AAC: ADTS walk, AudioSpecificConfig.

use crate::{
    harness::Group,
    inputs::{adts_frames, load},
};
use adts_reader::{
    AdtsConsumer, AdtsParseError, AdtsParser, AudioObjectType, BufferFullness,
    ChannelConfiguration, MpegVersion, Originality, ProtectionIndicator, SamplingFrequencyIndex,
};
use broadcast_common::Parse;
use fluvial_aac::adts;
use std::hint::black_box;

fn show<E: std::fmt::Debug>(e: E) -> String {
    format!("{e:?}")
}

#[derive(Default)]
struct Count {
    frames: u64,
    errors: u64,
}

impl AdtsConsumer for Count {
    fn new_config(
        &mut self,
        _: MpegVersion,
        _: ProtectionIndicator,
        _: AudioObjectType,
        _: SamplingFrequencyIndex,
        _: u8,
        _: ChannelConfiguration,
        _: Originality,
        _: u8,
    ) {
    }
    fn payload(&mut self, _: BufferFullness, _: u8, buf: &[u8]) {
        self.frames += 1;
        black_box(buf);
    }
    fn error(&mut self, _: AdtsParseError) {
        self.errors += 1;
    }
}

pub fn groups() -> Vec<Group> {
    vec![adts(), asc()]
}

fn adts() -> Group {
    let data = load("audio.aac");
    let frames = adts_frames(data).len() as u64;
    Group::new("aac", "ADTS frame walk", data.len(), frames, "frame")
        .case("lengths alone baseline", move || {
            // What no reader can do without: each length tells where the next one is.
            let (mut rest, mut n) = (black_box(data), 0);
            while let [_, _, _, a, b, c, _, ..] = *rest {
                let len = usize::from(a & 3) << 11 | usize::from(b) << 3 | usize::from(c >> 5);
                rest = rest.get(len..).unwrap_or_default();
                n += 1;
            }
            Ok(n)
        })
        .case("fluvial adts::Frames (whole)", move || {
            let mut n = 0;
            for piece in adts::Frames::new(data) {
                if let adts::Piece::Frame { frame, .. } = piece {
                    black_box(frame.bytes());
                    n += 1;
                }
            }
            Ok(n)
        })
        .case("fluvial adts::Splitter (4K push)", move || {
            let mut splitter = adts::Splitter::new();
            let mut n = 0;
            for piece in data.chunks(4096).map(Some).chain([None]) {
                match piece {
                    Some(piece) => splitter.handle_input(piece),
                    None => splitter.handle_eof(),
                }
                while let Some(piece) = splitter.poll_piece() {
                    n += u64::from(matches!(piece, adts::Piece::Frame { .. }));
                }
            }
            Ok(n)
        })
        .case("adts-reader AdtsParser (4K push)", move || {
            let mut p = AdtsParser::new(Count::default());
            for piece in data.chunks(4096) {
                p.push(piece);
            }
            if p.consumer.errors > 0 {
                Err(format!("{} errors", p.consumer.errors))
            } else {
                Ok(p.consumer.frames)
            }
        })
        .case("transmux parse_adts_header", move || {
            let (mut at, mut n) = (0, 0);
            while at < data.len() {
                let h = transmux::aac_asc::parse_adts_header(&data[at..]).map_err(show)?;
                at += usize::from(h.frame_length);
                n += 1;
            }
            Ok(n)
        })
}

fn asc() -> Group {
    // AAC-LC, 48 kHz, stereo.
    const ASC: [u8; 2] = [0x11, 0x90];
    const N: u64 = 1000;
    Group::new(
        "aac",
        "AudioSpecificConfig parse",
        ASC.len() * N as usize,
        N,
        "config",
    )
    .case("fluvial (keeps the bytes too)", move || {
        for _ in 0..N {
            black_box(fluvial_aac::AudioSpecificConfig::parse(black_box(&ASC)).map_err(show)?);
        }
        Ok(N)
    })
    .case("scuffle-aac", move || {
        for _ in 0..N {
            let config =
                scuffle_aac::PartialAudioSpecificConfig::parse(black_box(&ASC)).map_err(show)?;
            black_box(&config);
        }
        Ok(N)
    })
    .case("transmux", move || {
        for _ in 0..N {
            black_box(
                transmux::aac_asc::AudioSpecificConfig::parse(black_box(&ASC)).map_err(show)?,
            );
        }
        Ok(N)
    })
}
