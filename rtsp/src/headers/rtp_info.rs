use super::{Header, name};
use crate::Error;
use crate::text::Text;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// `RTP-Info`: with which packets playing begins (RFC 2326 §12.33; RFC 7826 §18.45).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RtpInfo(pub Vec<RtpInfoEntry>);

/// What [`RtpInfo`] says of one stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RtpInfoEntry {
    /// Address of the stream; cameras write relative ones, and wrong ones.
    pub url: String,
    /// The synchronisation source, 32 bits (RTSP 2.0).
    pub ssrc: Option<u32>,
    /// Sequence number of the first packet, 16 bits.
    pub seq: Option<u16>,
    /// RTP time of the range's start, 32 bits.
    pub rtptime: Option<u32>,
}

impl RtpInfoEntry {
    /// An entry that tells no more than its address.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            ..Self::default()
        }
    }
}

impl RtpInfo {
    /// As RTSP 2.0 writes it.
    #[must_use]
    pub fn to_v2(&self) -> String {
        let mut out = String::new();
        for (index, entry) in self.0.iter().enumerate() {
            if index > 0 {
                out.push_str(", ");
            }
            // Writing into a string does not fail.
            let _ = entry.write_v2(&mut out);
        }
        out
    }
}

impl RtpInfoEntry {
    fn write_v2(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(out, "url=\"{}\"", self.url)?;
        if let Some(ssrc) = self.ssrc {
            write!(out, " ssrc={ssrc:08X}:")?;
            if let Some(seq) = self.seq {
                write!(out, "seq={seq}")?;
            }
            if let Some(time) = self.rtptime {
                let separator = if self.seq.is_some() { ";" } else { "" };
                write!(out, "{separator}rtptime={time}")?;
            }
        }
        Ok(())
    }
}

impl Header for RtpInfo {
    const NAME: &'static str = name::RTP_INFO;

    /// Reads both forms. A number that is none counts as not told: cameras write `rtptime=` with nothing behind it, or more
    /// than 32 bits.
    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        let mut entries = Vec::<RtpInfoEntry>::new();
        while let Some(mut part) = text.next(',') {
            let mut entry = RtpInfoEntry::default();
            let mut any = false;
            while let Some(parameter) = part.next(';') {
                // RTSP 2.0: url="..." ssrc=0A13C760:seq=45102;rtptime=12345678
                let (parameter, stream) = match parameter.rest.find(" ssrc=") {
                    Some(_) => {
                        let at = parameter.rest.find(" ssrc=").unwrap_or_default();
                        let (url, rest) = parameter.rest.split_at_checked(at).unwrap_or_default();
                        (
                            Text {
                                rest: url,
                                ..parameter
                            },
                            Some(rest.trim_start()),
                        )
                    }
                    None => (parameter, None),
                };
                any |= entry.set(parameter);
                if let Some((ssrc, first)) = stream.and_then(|stream| stream.split_once(':')) {
                    entry.ssrc = ssrc
                        .strip_prefix("ssrc=")
                        .and_then(|ssrc| u32::from_str_radix(ssrc.trim(), 16).ok());
                    entry.set(Text::new(first));
                }
            }
            if any {
                entries.push(entry);
            } else if let Some(last) = entries.last_mut() {
                // An address with a comma in it.
                let more = part.rest.replace('"', "");
                if !more.trim().is_empty() {
                    last.url.push(',');
                    last.url.push_str(&more);
                }
            } else {
                return Err(part.invalid("stream-url"));
            }
        }
        Ok(Self(entries))
    }
}

impl RtpInfoEntry {
    /// Whether the parameter is a known one.
    fn set(&mut self, parameter: Text<'_>) -> bool {
        let (name, value) = parameter.split('=');
        let Some(value) = value else {
            return false;
        };
        if name.rest.eq_ignore_ascii_case("url") {
            self.url = value.unquoted().into();
        } else if name.rest.eq_ignore_ascii_case("seq") {
            self.seq = value.rest.parse().ok();
        } else if name.rest.eq_ignore_ascii_case("rtptime") {
            self.rtptime = value.rest.parse().ok();
        } else {
            return false;
        }
        true
    }
}

impl fmt::Display for RtpInfo {
    /// As RTSP 1.0 writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, entry) in self.0.iter().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            write!(f, "{separator}url={}", entry.url)?;
            if let Some(seq) = entry.seq {
                write!(f, ";seq={seq}")?;
            }
            if let Some(time) = entry.rtptime {
                write!(f, ";rtptime={time}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn both_versions() {
        let text = "url=rtsp://h/x/0;seq=45102;rtptime=12345678,url=rtsp://h/x/1;seq=1";
        let info = RtpInfo::parse(text).unwrap();
        assert_eq!(info.0[0].rtptime, Some(12_345_678));
        assert_eq!(info.0[1].rtptime, None);
        assert_eq!(info.to_string(), text);
        let text = "url=\"rtsp://h/x/0\" ssrc=0A13C760:seq=45102;rtptime=12345678, url=\"rtsp://h/1\" ssrc=00000001:seq=2";
        let info = RtpInfo::parse(text).unwrap();
        assert_eq!(info.0[0].ssrc, Some(0x0A13_C760));
        assert_eq!(
            (info.0[0].seq, info.0[0].rtptime),
            (Some(45102), Some(12_345_678))
        );
        assert_eq!(info.to_v2(), text);
    }

    #[test]
    fn what_cameras_write() {
        let info = RtpInfo::parse(
            "url=trackID=1;seq=7;rtptime=, url=rtsp://h/2 ;seq= 9; rtptime=99999999999",
        )
        .unwrap();
        assert_eq!(info.0[0].url, "trackID=1");
        assert_eq!((info.0[0].seq, info.0[0].rtptime), (Some(7), None));
        assert_eq!((info.0[1].seq, info.0[1].rtptime), (Some(9), None));
        assert!(RtpInfo::parse("nonsense").is_err());
    }
}
