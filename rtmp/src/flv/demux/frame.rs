//! What headers and frames mean for their tracks.

use super::{Demuxer, Frame, Input, Unit, kind_of};
use crate::flv::grid::Stamp;
use crate::flv::setup::{Format, Setup};
use crate::flv::{FourCc, VideoTagHeader};
use crate::{Message, slice};
use alloc::borrow::Cow;
use alloc::format;
use bytes::Bytes;
use h264::access_unit::Canonical;
use media::{Codec, Flags, TrackId};

impl Demuxer {
    /// The track with this id; none where there are too many.
    pub(super) fn input(&mut self, id: TrackId) -> Option<&mut Input> {
        if self.inputs.iter().all(|input| input.id != id) {
            if self.inputs.len() >= self.limits.tracks {
                return None;
            }
            self.inputs.push(Input {
                id,
                header: Bytes::new(),
                setup: None,
                channels: None,
                refused: false,
                headless: false,
                last: None,
            });
            self.inputs.sort_by_key(|input| input.id);
        }
        self.inputs.iter_mut().find(|input| input.id == id)
    }

    pub(super) fn handle_header(&mut self, id: TrackId, format: Format, header: &[u8]) {
        let told_rate = self.told.frame_rate;
        let Some(input) = self.input(id) else {
            return;
        };
        if input
            .setup
            .as_ref()
            .is_some_and(|setup| setup.format == format)
            && *input.header == *header
        {
            return;
        }
        match Setup::from_header(format, kind_of(id), header, told_rate) {
            Ok(Some(setup)) => {
                input.header = Bytes::copy_from_slice(header);
                let wrong = match &setup.codec {
                    Codec::H264(config) => config.damage(),
                    _ => None,
                };
                if input
                    .setup
                    .as_ref()
                    .is_some_and(|old| old.goes_on_as(&setup))
                {
                    return;
                }
                if let Some(wrong) = wrong {
                    self.warn(id, 0, format!("sequence parameter set: {wrong}"));
                }
                self.set_up(id, setup);
            }
            Ok(None) => {}
            Err(error) => self.warn(id, header.len(), error),
        }
    }

    fn set_up(&mut self, id: TrackId, mut setup: Setup) {
        if let Some(input) = self.input(id) {
            if let Some(old) = &input.setup {
                setup.grid = old.grid.followed_by(setup.grid);
            }
            input.setup = Some(setup);
            self.tell_tracks();
        }
    }

    pub(super) fn handle_frame(&mut self, message: &Message, id: TrackId, frame: &Frame) {
        let left = frame.range.len();
        if left == 0 {
            return;
        }
        let told_rate = self.told.frame_rate;
        let data = message.payload.get(frame.range.clone()).unwrap_or_default();
        let Some(input) = self.input(id) else {
            return;
        };
        let same = |setup: &Setup| setup.format == frame.format;
        if !input.setup.as_ref().is_some_and(same) {
            match Setup::from_frame(frame.format, data, told_rate, input.channels) {
                Ok(Some(setup)) => self.set_up(id, setup),
                Ok(None) => return self.complain(id, frame),
                Err(error) => return self.warn(id, left, error),
            }
        }
        let Some(setup) = self.input(id).and_then(|input| input.setup.as_mut()) else {
            return;
        };
        let (data, sync, needed) = if let Codec::H264(config) = &mut setup.codec {
            let unit = Canonical::from_length_prefixed(data, setup.length_size, config);
            if let Some(error) = unit.error {
                return self.warn(id, left, format!("H.264 frame: {error}"));
            }
            let summary = unit.summary;
            let data = match unit.data {
                Cow::Owned(data) => data.into(),
                Cow::Borrowed(_) => {
                    slice(&message.payload, frame.range.clone()).unwrap_or_default()
                }
            };
            if unit.reconfigured {
                self.tell_tracks();
            }
            (data, summary.is_sync(), summary.reference)
        } else {
            if frame.frame_type == VideoTagHeader::KEY_FRAME && setup.refine(data) {
                self.tell_tracks();
            }
            let data = slice(&message.payload, frame.range.clone()).unwrap_or_default();
            (data, false, true)
        };
        if data.is_empty() {
            return;
        }
        let millis = self.clock.unwrap(message.timestamp);
        let sync = sync || matches!(frame.frame_type, VideoTagHeader::KEY_FRAME | 4);
        let disposable =
            !sync && (frame.frame_type == VideoTagHeader::DISPOSABLE_INTER_FRAME || !needed);
        let unit = Unit {
            track: id,
            stamp: Stamp { millis, nanos: 0 },
            composition: Stamp {
                millis: frame.composition_time.into(),
                nanos: frame.nanos,
            },
            flags: Flags::SYNC.when(sync) | Flags::DISPOSABLE.when(disposable),
            data,
        };
        if frame.format == Format::FourCc(FourCc::MP3) {
            self.push_each(&unit);
        } else {
            self.push(unit);
        }
    }

    /// Several frames of MPEG audio may stand in one body.
    fn push_each(&mut self, unit: &Unit) {
        let mut start = 0;
        while let Some(rest) = unit.data.get(start..)
            && let Ok(header) = mpeg2::audio::Header::parse(rest)
            && let Some(len) = header
                .frame_len()
                .filter(|len| *len < rest.len() && *len > 0)
        {
            let end = start.saturating_add(len);
            let data = slice(&unit.data, start..end).unwrap_or_default();
            self.push(Unit { data, ..*unit });
            start = end;
        }
        if let Some(data) = slice(&unit.data, start..unit.data.len()) {
            self.push(Unit { data, ..*unit });
        }
    }

    /// A frame that nothing can be made of.
    fn complain(&mut self, id: TrackId, frame: &Frame) {
        let left = frame.range.len();
        let Some(input) = self.input(id) else {
            return;
        };
        let what = match frame.format {
            Format::FourCc(four_cc) => {
                if core::mem::replace(&mut input.headless, true) {
                    return;
                }
                format!("{four_cc} frames before their sequence header")
            }
            Format::Sound(_) | Format::Video(_) if core::mem::replace(&mut input.refused, true) => {
                return;
            }
            Format::Sound(byte) => format!("audio of SoundFormat {} is left out", byte >> 4),
            Format::Video(codec_id) => format!("video of CodecID {codec_id} is left out"),
        };
        self.warn(id, left, what);
        self.start_if_complete();
    }
}
