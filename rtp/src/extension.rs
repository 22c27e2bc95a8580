//! RTP header extensions: the general mechanism (RFC 8285) and its elements.

use crate::Error;
use crate::packet::{invalid, short, too_long};
use alloc::vec::Vec;

/// `defined by profile` of elements with a header of one byte (RFC 8285 §4.2).
pub const ONE_BYTE: u16 = 0xBEDE;
/// `defined by profile` of elements with a header of two bytes, whose lower four bits are for the application (§4.3).
pub const TWO_BYTE: u16 = 0x1000;

/// A header extension (RFC 3550 §5.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What the data are: [`ONE_BYTE`], [`TWO_BYTE`], or what a profile says.
    pub profile: u16,
    /// Whole words of 32 bits.
    pub data: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The elements, in order; none where the profile is not that of RFC 8285.
    #[must_use]
    pub const fn elements(&self) -> Elements<'a> {
        let form = match self.profile {
            ONE_BYTE => Form::OneByte,
            profile if profile & 0xFFF0 == TWO_BYTE => Form::TwoByte,
            _ => {
                return Elements {
                    form: Form::OneByte,
                    rest: &[],
                    len: 0,
                };
            }
        };
        Elements {
            form,
            rest: self.data,
            len: self.data.len(),
        }
    }

    /// The data of the first element with this id.
    #[must_use]
    pub fn find(&self, id: u8) -> Option<&'a [u8]> {
        let found = self.elements().map_while(Result::ok).find(|e| e.id == id)?;
        Some(found.data)
    }
}

/// One element of an [`Extension`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// What it is, as the session description maps it (`a=extmap`): 1 to 14 with headers of one byte, 1 to 255 with two.
    pub id: u8,
    /// Its data: 1 to 16 bytes with headers of one byte, up to 255 with two.
    pub data: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    OneByte,
    TwoByte,
}

/// Reads elements; after an error there are no more.
#[derive(Debug, Clone)]
pub struct Elements<'a> {
    form: Form,
    rest: &'a [u8],
    len: usize,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, Error>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let (id, len, body) = loop {
            match (self.form, self.rest) {
                (_, []) => return None,
                (_, [0, rest @ ..]) => self.rest = rest,
                // The id 15 says that reading stops here, and so does a length with the id 0 (§4.2).
                (Form::OneByte, [0xF0..=0xFF | 0x01..=0x0F, ..]) => return None,
                (Form::OneByte, [head, rest @ ..]) => {
                    break (head >> 4, usize::from(head & 0x0F).saturating_add(1), rest);
                }
                (Form::TwoByte, [id, len, rest @ ..]) => break (*id, usize::from(*len), rest),
                (Form::TwoByte, [_]) => {
                    self.rest = &[];
                    let at = self.len.saturating_sub(1);
                    return Some(Err(short("extension element length", at, 2, 1)));
                }
            }
        };
        let Some((data, rest)) = body.split_at_checked(len) else {
            let at = self.len.saturating_sub(body.len());
            self.rest = &[];
            return Some(Err(short("extension element", at, len, body.len())));
        };
        self.rest = rest;
        Some(Ok(Element { id, data }))
    }
}

/// Writes the data of an extension, filled up to whole words, and returns its `profile`: headers of one byte where they
/// are enough, of two where not.
///
/// # Errors
/// [`Error::Invalid`] for the id 0; [`Error::TooLong`] for more than 255 bytes.
pub fn encode(elements: &[Element<'_>], out: &mut Vec<u8>) -> Result<u16, Error> {
    for element in elements {
        if element.id == 0 {
            return Err(invalid("extension id", 0, out.len()));
        }
        if element.data.len() > 255 {
            let len = element.data.len() as u64;
            return Err(too_long("extension element length", len, 255));
        }
    }
    let start = out.len();
    let fits = |e: &Element<'_>| e.id < 15 && (1..=16).contains(&e.data.len());
    let profile = if elements.iter().all(fits) {
        ONE_BYTE
    } else {
        TWO_BYTE
    };
    for element in elements {
        let len = u8::try_from(element.data.len()).unwrap_or(0);
        if profile == ONE_BYTE {
            out.push(element.id << 4 | len.wrapping_sub(1) & 0x0F);
        } else {
            out.extend_from_slice(&[element.id, len]);
        }
        out.extend_from_slice(element.data);
    }
    let fill = out.len().wrapping_sub(start).wrapping_neg() % 4;
    out.resize(out.len().saturating_add(fill), 0);
    Ok(profile)
}

/// Loudness of the sound in a packet (RFC 6464).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioLevel {
    /// Whether it is speech, where the sender looks for that.
    pub voice: bool,
    /// -dBov: 0 is the loudest, 127 silence.
    pub level: u8,
}

impl AudioLevel {
    /// Names it in `a=extmap`.
    pub const URI: &str = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";

    /// From an element's data.
    ///
    /// # Errors
    /// [`Error::Short`] where there are none.
    pub const fn parse(data: &[u8]) -> Result<Self, Error> {
        match data {
            [byte, ..] => Ok(Self {
                voice: *byte & 0x80 != 0,
                level: *byte & 0x7F,
            }),
            [] => Err(short("audio level", 0, 1, 0)),
        }
    }

    /// The element's data.
    #[must_use]
    pub const fn encode(self) -> [u8; 1] {
        let voice = if self.voice { 0x80 } else { 0 };
        [voice | self.level & 0x7F]
    }
}

/// When a packet left: seconds modulo 64 as a 6.18 fixed-point number, 24 bits
/// (`draft-alvestrand-rmcat-remb` and WebRTC's description of it).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsSendTime(pub u32);

impl AbsSendTime {
    /// Names it in `a=extmap`.
    pub const URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";

    /// Of a time on any clock.
    #[must_use]
    pub fn from_duration(time: core::time::Duration) -> Self {
        let ticks = ((time.as_nanos() % 64_000_000_000) << 18) / 1_000_000_000;
        Self(u32::try_from(ticks).unwrap_or(0) & 0xFF_FFFF)
    }

    /// From an element's data.
    ///
    /// # Errors
    /// [`Error::Short`] for fewer than 3 bytes.
    pub const fn parse(data: &[u8]) -> Result<Self, Error> {
        match data {
            [a, b, c, ..] => Ok(Self(u32::from_be_bytes([0, *a, *b, *c]))),
            _ => Err(short("abs-send-time", 0, 3, data.len())),
        }
    }

    /// The element's data: the lower 24 bits.
    #[must_use]
    pub const fn encode(self) -> [u8; 3] {
        let [_, rest @ ..] = self.0.to_be_bytes();
        rest
    }
}

/// Counts packets of all streams of a transport, for feedback about their arrival
/// (`draft-holmer-rmcat-transport-wide-cc-extensions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportSequence {
    /// The number, modulo 2^16.
    pub sequence_number: u16,
    /// With version 2 of it: that feedback is asked for about this packet and as many before it.
    pub feedback: Option<FeedbackRequest>,
}

/// Asks for feedback (version 2 of [`TransportSequence`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FeedbackRequest {
    /// Whether arrival times are wanted too.
    pub timing: bool,
    /// How many packets it is about, back from this one; 15 bits. 0 asks for none.
    pub count: u16,
}

impl TransportSequence {
    /// Names version 1 in `a=extmap`.
    pub const URI: &str =
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
    /// Names version 2 in `a=extmap`.
    pub const URI_V2: &str = "http://www.webrtc.org/experiments/rtp-hdrext/transport-wide-cc-02";

    /// From an element's data.
    ///
    /// # Errors
    /// [`Error::Short`] for fewer than 2 bytes.
    pub const fn parse(data: &[u8]) -> Result<Self, Error> {
        match data {
            [a, b, c, d, ..] => Ok(Self {
                sequence_number: u16::from_be_bytes([*a, *b]),
                feedback: Some(FeedbackRequest {
                    timing: *c & 0x80 != 0,
                    count: u16::from_be_bytes([*c & 0x7F, *d]),
                }),
            }),
            [a, b, ..] => Ok(Self {
                sequence_number: u16::from_be_bytes([*a, *b]),
                feedback: None,
            }),
            _ => Err(short("transport sequence number", 0, 2, data.len())),
        }
    }

    /// Appends the element's data: 2 bytes, or 4 with a request.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.sequence_number.to_be_bytes());
        if let Some(FeedbackRequest { timing, count }) = self.feedback {
            let timing = if timing { 0x8000 } else { 0 };
            out.extend_from_slice(&(timing | count & 0x7FFF).to_be_bytes());
        }
    }
}

/// The `mid` of the media description that a packet belongs to: text (RFC 9143 §15.2).
pub const MID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:mid";
/// Names an encoding of simulcast: text (RFC 8852 §4.3).
pub const RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
/// Names the encoding that a packet of retransmission repairs: text (RFC 8852 §4.3).
pub const REPAIRED_RID_URI: &str = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
/// Layers and dependencies of a frame (AV1 RTP payload format, appendix A); taken as bytes.
pub const DEPENDENCY_DESCRIPTOR_URI: &str =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";

/// An element that is text: MID, RID.
///
/// # Errors
/// [`Error::Invalid`] for bytes that are no UTF-8.
pub fn text(data: &[u8]) -> Result<&str, Error> {
    core::str::from_utf8(data).map_err(|error| {
        let at = error.valid_up_to();
        invalid("text", data.get(at).copied().unwrap_or(0), at)
    })
}

/// How a picture is to be turned before it is shown (3GPP TS 26.114 §7.4.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VideoOrientation {
    /// Whether the camera faces away from the user.
    pub back_camera: bool,
    /// Whether it is to be mirrored left to right.
    pub flip: bool,
    /// Quarter turns clockwise to be applied by the receiver, 0 to 3.
    pub rotation: u8,
}

impl VideoOrientation {
    /// Names it in `a=extmap`.
    pub const URI: &str = "urn:3gpp:video-orientation";

    /// From an element's data.
    ///
    /// # Errors
    /// [`Error::Short`] where there are none.
    pub const fn parse(data: &[u8]) -> Result<Self, Error> {
        match data {
            [byte, ..] => Ok(Self {
                back_camera: *byte & 8 != 0,
                flip: *byte & 4 != 0,
                rotation: *byte & 3,
            }),
            [] => Err(short("video orientation", 0, 1, 0)),
        }
    }

    /// The element's data.
    #[must_use]
    pub const fn encode(self) -> [u8; 1] {
        let back_camera = if self.back_camera { 8 } else { 0 };
        let flip = if self.flip { 4 } else { 0 };
        [back_camera | flip | self.rotation & 3]
    }
}

/// When the first of a packet's frames was captured, on the clock of the capturer (WebRTC's `abs-capture-time`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsoluteCaptureTime {
    /// The time.
    pub capture: crate::NtpTime,
    /// How far the sender takes the capturer's clock to be ahead of its own: 32.32 fixed-point seconds.
    pub clock_offset: Option<i64>,
}

impl AbsoluteCaptureTime {
    /// Names it in `a=extmap`.
    pub const URI: &str = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";

    /// From an element's data.
    ///
    /// # Errors
    /// [`Error::Short`] for fewer than 8 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, Error> {
        let Some((capture, rest)) = data.split_first_chunk() else {
            return Err(short("absolute capture time", 0, 8, data.len()));
        };
        Ok(Self {
            capture: crate::NtpTime(u64::from_be_bytes(*capture)),
            clock_offset: rest.first_chunk().map(|offset| i64::from_be_bytes(*offset)),
        })
    }

    /// Appends the element's data: 8 bytes, or 16 with an offset.
    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.capture.0.to_be_bytes());
        if let Some(offset) = self.clock_offset {
            out.extend_from_slice(&offset.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use proptest::prelude::*;

    #[test]
    fn one_byte_headers() {
        // RFC 8285 §4.2: elements of 1, 2 and 4 bytes with padding between them.
        let data = [
            0x10, 0xAA, 0x21, 0xBB, 0xBB, 0, 0, 0x33, 0xCC, 0xCC, 0xCC, 0xCC,
        ];
        let extension = Extension {
            profile: ONE_BYTE,
            data: &data,
        };
        let found: Result<Vec<_>, _> = extension.elements().collect();
        let found: Vec<_> = found
            .unwrap()
            .iter()
            .map(|e| (e.id, e.data.len()))
            .collect();
        assert_eq!(found, [(1, 1), (2, 2), (3, 4)]);
        assert_eq!(extension.find(2), Some(&[0xBB, 0xBB][..]));
        assert_eq!(extension.find(4), None);
    }

    #[test]
    fn two_byte_headers_hold_nothing_or_much() {
        let data = [1, 0, 2, 1, 0xBB, 0, 3, 4, 1, 2, 3, 4];
        let extension = Extension {
            profile: 0x1005,
            data: &data,
        };
        let found: Result<Vec<_>, _> = extension.elements().collect();
        let found: Vec<_> = found
            .unwrap()
            .iter()
            .map(|e| (e.id, e.data.len()))
            .collect();
        assert_eq!(found, [(1, 0), (2, 1), (3, 4)]);
        assert_eq!(
            Extension {
                profile: 7,
                ..extension
            }
            .elements()
            .count(),
            0
        );
    }

    #[test]
    fn id_15_ends_it_and_what_is_short_is_told() {
        let elements = |profile, data| Extension { profile, data }.elements().collect::<Vec<_>>();
        assert_eq!(elements(ONE_BYTE, &[0xF0, 1, 0x10, 1]), []);
        let error = elements(ONE_BYTE, &[0x10, 9, 0x13, 1]).pop().unwrap();
        assert!(error.unwrap_err().to_string().contains("at offset 3"));
        let error = elements(TWO_BYTE, &[0, 0, 0, 1]).pop().unwrap();
        assert!(error.unwrap_err().to_string().contains("at offset 3"));
    }

    #[test]
    fn typed_elements() {
        let level = AudioLevel {
            voice: true,
            level: 42,
        };
        assert_eq!(AudioLevel::parse(&level.encode()), Ok(level));
        let time = AbsSendTime::from_duration(Duration::from_millis(65_500));
        assert_eq!(time, AbsSendTime(3 << 17));
        assert_eq!(AbsSendTime::parse(&time.encode()), Ok(time));
        let orientation = VideoOrientation {
            back_camera: true,
            flip: false,
            rotation: 3,
        };
        assert_eq!(orientation.encode(), [0x0B]);
        assert_eq!(VideoOrientation::parse(&[0x0B]), Ok(orientation));
        assert_eq!(text(b"audio"), Ok("audio"));
        assert!(text(&[b'a', 0xFF]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(elements in proptest::collection::vec((1u8..=255, proptest::collection::vec(any::<u8>(), 0..=255)), 0..6)) {
            let put: Vec<_> = elements.iter().map(|(id, data)| Element { id: *id, data }).collect();
            let mut data = vec![1];
            let profile = encode(&put, &mut data).unwrap();
            let extension = Extension { profile, data: &data[1..] };
            prop_assert_eq!(extension.data.len() % 4, 0);
            let got: Result<Vec<_>, _> = extension.elements().collect();
            prop_assert_eq!(got.unwrap(), put);
        }

        #[test]
        fn transport_numbers_and_capture_times(sequence_number: u16, timing: bool, count in 0u16..1 << 15, request: bool, time: u64, offset: Option<i64>) {
            let feedback = request.then_some(FeedbackRequest { timing, count });
            let put = TransportSequence { sequence_number, feedback };
            let mut out = Vec::new();
            put.encode(&mut out);
            prop_assert_eq!(TransportSequence::parse(&out), Ok(put));
            let put = AbsoluteCaptureTime { capture: crate::NtpTime(time), clock_offset: offset };
            out.clear();
            put.encode(&mut out);
            prop_assert_eq!(AbsoluteCaptureTime::parse(&out), Ok(put));
        }
    }
}
