use crate::framer::PacketSize;
use alloc::vec::Vec;
use media::{Time, TrackId};

/// How a [`Muxer`](super::Muxer) writes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Packets of 188 bytes, or of 192 with time stamps. Those of 204 are written like those of 188, with zeros behind.
    pub packet_size: PacketSize,
    /// Bits per second of 188-byte packets, if they are to be constant: what is missing is filled with null packets.
    pub constant_rate: Option<u64>,
    /// Longest time between clock references. Default 35 ms; the standard allows 100, DVB 40.
    pub pcr_interval: Time,
    /// Longest time between program tables. Default 100 ms.
    pub table_interval: Time,
    /// How far the clock is behind decoding times: what a receiver may need to take in a large picture. Default 700 ms.
    pub delay: Time,
    /// How long a track waits for another one that is late. Default 1 s.
    pub max_wait: Time,
    /// Bytes of sound that are put into one packet at most; 0 gives each frame a packet of its own. Default 2800.
    pub sound_packet: usize,
    /// What the first clock reference shows at least, where times would begin before it; times are moved up by as much as
    /// it takes. Default 0: only a clock before zero is moved.
    pub earliest: Time,
    /// AC-3 and E-AC-3 by descriptors, as DVB has it, and not by stream types of ATSC.
    pub dvb: bool,
    /// AAC in LATM, as DVB has it, and not with ADTS.
    pub latm: bool,
    /// The key with which H.264, AAC (with ADTS), AC-3 and E-AC-3 are encrypted sample by sample, as HLS has it (`SAMPLE-AES`); what is
    /// of another codec stays clear.
    #[cfg(feature = "sample-aes")]
    pub sample_key: Option<crate::sample_aes::Key>,
    /// `transport_stream_id` of the program association table. Default 1.
    pub transport_stream_id: u16,
    /// The programs, each with its tracks. Tracks that none has belong to the first; without any, all are of program 1.
    pub programs: Vec<ProgramConfig>,
}

/// A program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramConfig {
    /// `program_number`, not 0.
    pub number: u16,
    /// Its tracks.
    pub tracks: Vec<TrackId>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            packet_size: PacketSize::Plain,
            constant_rate: None,
            pcr_interval: Time::from_millis(35),
            table_interval: Time::from_millis(100),
            delay: Time::from_millis(700),
            max_wait: Time::from_millis(1000),
            sound_packet: 2800,
            earliest: Time::ZERO,
            dvb: false,
            latm: false,
            #[cfg(feature = "sample-aes")]
            sample_key: None,
            transport_stream_id: 1,
            programs: Vec::new(),
        }
    }
}

impl Config {
    /// Packets of 192 bytes, as on Blu-ray discs and in AVCHD.
    #[must_use]
    pub fn m2ts() -> Self {
        Self {
            packet_size: PacketSize::TimeStamped,
            ..Self::default()
        }
    }

    /// A constant rate of 188-byte packets, in bits per second.
    #[must_use]
    pub fn constant(bits_per_second: u64) -> Self {
        Self {
            constant_rate: Some(bits_per_second),
            ..Self::default()
        }
    }
}
