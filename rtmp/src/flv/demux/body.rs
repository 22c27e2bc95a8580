//! What stands in a message: metadata, headers of decoders, frames.

use super::{Demuxer, Frame, track_id};
use crate::flv::enhanced::{ExTagHeader, ExTrack, MultichannelConfig, PacketType};
use crate::flv::metadata::{self, Told};
use crate::flv::setup::{self, Format};
use crate::flv::{AudioTagHeader, AvcHeader, FourCc, SOUND_FORMAT_AAC, VideoTagHeader};
use crate::{Message, TypeId};
use alloc::format;
use alloc::string::String;
use media::{Event, Kind, Warning};
use wire::Reader;

impl Demuxer {
    pub(super) fn handle_data(&mut self, message: &Message) {
        let body = match (message.type_id, &*message.payload) {
            (TypeId::DATA_AMF3, [0, body @ ..]) => body,
            (_, body) => body,
        };
        match metadata::parse(body, &self.limits) {
            Ok((metadata, is_metadata)) => {
                if is_metadata {
                    self.told = Told::by(&metadata);
                }
                if is_metadata || !metadata.entries.is_empty() {
                    self.events.push_back(Event::Metadata(metadata));
                }
                self.start_if_complete();
            }
            Err(error) => {
                let warning = Warning::new(format!("data message: {error}"));
                self.events.push_back(Event::Warning(
                    warning.skipping(message.payload.len() as u64),
                ));
            }
        }
    }

    pub(super) fn handle_audio(&mut self, message: &Message) {
        let id = track_id(Kind::Audio, 0);
        let mut r = Reader::new(&message.payload);
        if ExTagHeader::is_audio(&message.payload) {
            return match ExTagHeader::decode_audio(&mut r) {
                Ok(header) => self.handle_ex(message, Kind::Audio, &header, r),
                Err(error) => self.warn(id, message.payload.len(), format!("audio: {error}")),
            };
        }
        let header = match AudioTagHeader::decode(&mut r) {
            Ok(header) => header,
            Err(error) => {
                return self.warn(id, message.payload.len(), format!("audio: {error}"));
            }
        };
        let format = Format::of_sound(header);
        match (header.sound_format, header.aac_packet_type) {
            (SOUND_FORMAT_AAC, Some(0)) => self.handle_header(id, format, r.peek()),
            (SOUND_FORMAT_AAC, kind) if kind != Some(1) => {}
            _ => {
                let frame = Frame {
                    format,
                    frame_type: VideoTagHeader::KEY_FRAME,
                    composition_time: 0,
                    nanos: 0,
                    range: r.offset()..message.payload.len(),
                };
                self.handle_frame(message, id, &frame);
            }
        }
    }

    pub(super) fn handle_video(&mut self, message: &Message) {
        let id = track_id(Kind::Video, 0);
        let mut r = Reader::new(&message.payload);
        if ExTagHeader::is_video(&message.payload) {
            return match ExTagHeader::decode_video(&mut r) {
                Ok(header) => self.handle_ex(message, Kind::Video, &header, r),
                Err(error) => self.warn(id, message.payload.len(), format!("video: {error}")),
            };
        }
        let header = match VideoTagHeader::decode(&mut r) {
            Ok(header) => header,
            Err(error) => {
                return self.warn(id, message.payload.len(), format!("video: {error}"));
            }
        };
        let format = Format::of_video(header.codec_id);
        let composition_time = match header.avc {
            // Commands are nothing to be shown.
            _ if header.frame_type == VideoTagHeader::COMMAND_FRAME => return,
            Some(AvcHeader {
                avc_packet_type: 0, ..
            }) => return self.handle_header(id, format, r.peek()),
            Some(AvcHeader {
                avc_packet_type: 1,
                composition_time,
            }) => composition_time,
            Some(_) => return,
            None => 0,
        };
        let frame = Frame {
            format,
            frame_type: header.frame_type,
            composition_time,
            nanos: 0,
            range: r.offset()..message.payload.len(),
        };
        self.handle_frame(message, id, &frame);
    }

    /// Takes a body whose codec a FourCC tells, track by track.
    fn handle_ex(
        &mut self,
        message: &Message,
        kind: Kind,
        header: &ExTagHeader,
        mut r: Reader<'_>,
    ) {
        loop {
            match header.track(&mut r) {
                Ok(Some(track)) => self.handle_ex_track(message, kind, header, track),
                Ok(None) => return,
                Err(error) => {
                    let what = format!("multitrack body: {error}");
                    return self.warn(track_id(kind, 0), r.left(), what);
                }
            }
        }
    }

    fn handle_ex_track(
        &mut self,
        message: &Message,
        kind: Kind,
        header: &ExTagHeader,
        track: ExTrack<'_>,
    ) {
        let ExTrack {
            track_id: number,
            four_cc,
            mut body,
        } = track;
        let (id, format) = (track_id(kind, number), Format::FourCc(four_cc));
        let mut composition_time = 0;
        match header.packet_type {
            PacketType::SequenceStart => return self.handle_header(id, format, body.peek()),
            PacketType::Mpeg2TsSequenceStart if four_cc == FourCc::AV1 => {
                return match setup::av1_record(body.peek()) {
                    Some(record) => self.handle_header(id, format, &record),
                    None => self.warn(id, body.left(), String::from("AV1 video descriptor")),
                };
            }
            PacketType::MultichannelConfig => {
                return match MultichannelConfig::decode(&mut body) {
                    Ok(config) => {
                        if let Some(input) = self.input(id) {
                            input.channels = Some(config.channel_count);
                        }
                    }
                    Err(error) => self.warn(id, body.left(), format!("channels: {error}")),
                };
            }
            PacketType::CodedFrames => {
                if kind == Kind::Video && four_cc.has_composition_time() {
                    composition_time = match body.i24("compositionTimeOffset") {
                        Ok(time) => time,
                        Err(error) => return self.warn(id, body.left(), format!("video: {error}")),
                    };
                }
            }
            PacketType::CodedFramesX => {}
            PacketType::Metadata => {
                return match metadata::parse(body.peek(), &self.limits) {
                    Ok((metadata, _)) => self.events.push_back(Event::Metadata(metadata)),
                    Err(error) => {
                        self.warn(id, body.left(), format!("video metadata: {error}"));
                    }
                };
            }
            PacketType::SequenceEnd | PacketType::Mpeg2TsSequenceStart | PacketType::Other(_) => {
                return;
            }
        }
        let frame = Frame {
            format,
            frame_type: header.frame_type.unwrap_or(VideoTagHeader::KEY_FRAME),
            composition_time,
            nanos: header.timestamp_offset_nano,
            range: body.offset()..body.offset().saturating_add(body.left()),
        };
        self.handle_frame(message, id, &frame);
    }
}
