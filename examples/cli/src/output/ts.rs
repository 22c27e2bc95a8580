use super::{Sink, Target};
use crate::pool::Pool;
use anyhow::Result;
use bytes::Bytes;
use media::{Codec, Sample, Timescale, Track, TrackId, Tracks};
use mpegts::mux::{Config, Muxer};

/// A transport stream, plain or with time stamps.
pub struct Ts {
    muxer: Muxer,
    name: &'static str,
    out: Target,
    pool: Pool,
}

impl Ts {
    pub fn plain(out: Target) -> Self {
        Self::new(Config::default(), "a transport stream", out)
    }

    pub fn m2ts(out: Target) -> Self {
        Self::new(Config::m2ts(), "M2TS", out)
    }

    fn new(config: Config, name: &'static str, out: Target) -> Self {
        let mut ts = Self {
            muxer: Muxer::new(config),
            name,
            out,
            pool: Pool::new(),
        };
        let mut first = ts.buffer();
        ts.muxer.swap_output(&mut first);
        ts
    }

    /// A buffer for as many packets as go out together, and those of a picture that comes on top; what it has is written over.
    fn buffer(&self) -> Vec<u8> {
        let most = 2 * self.out.gathers();
        let mut buffer = self.pool.buffer();
        buffer.reserve_exact(most.saturating_sub(buffer.len()));
        buffer
    }

    /// Writes packets once there are as many as go out together, or all.
    fn write(&mut self, all: bool) -> Result<()> {
        let len = self.muxer.output_len();
        if len == 0 {
            return Ok(());
        }
        if !all && len < self.out.gathers() {
            // What cannot be written is told at once.
            return self.out.append(Bytes::new());
        }
        let mut packets = self.buffer();
        self.muxer.swap_output(&mut packets);
        self.out.append(self.pool.lend(packets, 0, len))
    }
}

/// Whether a transport stream can carry a codec.
pub fn can_carry(codec: &Codec) -> bool {
    let track = Track::new(TrackId(0x100), Timescale::KHZ_90, codec.clone());
    let tracks: Tracks = [track].into_iter().collect();
    Muxer::new(Config::default()).set_tracks(&tracks).is_ok()
}

impl Sink for Ts {
    fn name(&self) -> String {
        self.name.into()
    }

    fn can_carry(&self, codec: &Codec) -> bool {
        can_carry(codec)
    }

    fn set_tracks(&mut self, tracks: &Tracks) -> Result<()> {
        self.muxer.set_tracks(tracks)?;
        self.write(false)
    }

    fn handle_sample(&mut self, sample: Sample) -> Result<()> {
        self.muxer.handle_sample(&sample)?;
        self.write(false)
    }

    fn finish(&mut self) -> Result<()> {
        self.muxer.finish()?;
        self.write(true)?;
        self.out.finish()
    }
}
