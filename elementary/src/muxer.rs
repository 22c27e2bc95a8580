use crate::h265::Header;
use crate::{Error, Format};
use aac::latm::StreamMuxConfig;
use alloc::format;
use alloc::vec::Vec;
use bytes::Bytes;
use media::{Codec, Sample, TrackId, Tracks};

/// Writes the samples of one track as a raw stream. Times are lost: these formats have none.
#[derive(Debug)]
pub struct Muxer {
    format: Format,
    writer: Option<(TrackId, Writer)>,
    /// Parameter sets are to go before the next picture, whatever it is: others may have come between two of a coded video sequence.
    sets_due: bool,
    output: Vec<u8>,
}

#[derive(Debug)]
enum Writer {
    Adts(aac::adts::Writer),
    Loas(aac::latm::Writer),
    H264(h264::DecoderConfig),
    H265(media::codec::Hevc),
    /// Samples are what the stream has.
    AsIs,
}

/// LATM tells its configuration once in so many frames, about twice a second.
const LATM_INTERVAL: u32 = 20;
const START_CODE: [u8; 4] = [0, 0, 0, 1];

impl Muxer {
    /// A muxer of a format.
    #[must_use]
    pub const fn new(format: Format) -> Self {
        Self {
            format,
            writer: None,
            sets_due: false,
            output: Vec::new(),
        }
    }

    /// Whether a format can carry a codec.
    #[must_use]
    pub const fn can_carry(format: Format, codec: &Codec) -> bool {
        matches!(
            (format, codec),
            (Format::Adts | Format::Loas, Codec::Aac(_))
                | (Format::Ac3, Codec::Ac3(_) | Codec::Eac3(_))
                | (Format::MpegAudio, Codec::MpegAudio(_))
                | (Format::MpegVideo, Codec::Mpeg2Video(_))
                | (Format::H264, Codec::H264(_))
                | (Format::H265, Codec::Hevc(_))
        )
    }

    /// Says what follows: of these tracks, the first that the format can carry is written.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there is none; [`Error::Aac`] where its configuration does not fit ADTS.
    pub fn set_tracks(&mut self, tracks: &Tracks) -> Result<(), Error> {
        let carried = |codec: &Codec| Self::can_carry(self.format, codec);
        let Some(track) = tracks.iter().find(|track| carried(&track.codec)) else {
            let codecs: Vec<_> = tracks.iter().map(|track| track.codec.rfc6381()).collect();
            let what = format!("{} cannot carry {}", self.format, codecs.join(", "));
            return Err(Error::Unsupported(what));
        };
        let writer = match (&track.codec, self.format) {
            (Codec::Aac(config), Format::Adts) => Writer::Adts(aac::adts::Writer::new(config)?),
            (Codec::Aac(config), _) => {
                let mux = StreamMuxConfig::new(config.clone());
                Writer::Loas(aac::latm::Writer::in_band(mux, LATM_INTERVAL))
            }
            (Codec::H264(config), _) => Writer::H264(config.with_length_size(4)),
            (Codec::Hevc(config), _) => Writer::H265(config.clone()),
            _ => Writer::AsIs,
        };
        self.writer = Some((track.id, writer));
        self.sets_due = true;
        Ok(())
    }

    /// Writes a sample; one of another track is passed over.
    ///
    /// # Errors
    /// [`Error::State`] before the tracks are known; [`Error::Aac`] and [`Error::H264`] where its bytes do not fit.
    pub fn handle_sample(&mut self, sample: &Sample) -> Result<(), Error> {
        let Some((track, writer)) = &mut self.writer else {
            return Err(Error::State("a sample before any track"));
        };
        if sample.track != *track {
            return Ok(());
        }
        let sets_due = core::mem::take(&mut self.sets_due) || sample.is_sync();
        match writer {
            Writer::Adts(writer) => writer.write(&sample.data, &mut self.output)?,
            Writer::Loas(writer) => writer.write_loas(&[&sample.data], &mut self.output)?,
            Writer::AsIs => self.output.extend_from_slice(&sample.data),
            Writer::H265(config) => {
                if sets_due {
                    let sets = config
                        .nals()
                        .filter(|nal| Header::parse(nal).is_some_and(Header::is_parameter_set));
                    for nal in sets {
                        self.output.extend_from_slice(&START_CODE);
                        self.output.extend_from_slice(nal);
                    }
                }
                let length_size = config.length_size();
                h264::length_prefixed::to_annexb(&sample.data, length_size, &mut self.output)?;
            }
            Writer::H264(config) => {
                if sets_due {
                    for nal in config.sps().chain(config.sps_ext()).chain(config.pps()) {
                        self.output.extend_from_slice(&START_CODE);
                        self.output.extend_from_slice(nal);
                    }
                }
                h264::length_prefixed::to_annexb(&sample.data, 4, &mut self.output)?;
            }
        }
        Ok(())
    }

    /// What was written since the last call; `None` where nothing was.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        (!self.output.is_empty()).then(|| core::mem::take(&mut self.output).into())
    }
}
