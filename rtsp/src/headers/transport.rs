//! `Transport` (RFC 2326 §12.39; RFC 7826 §18.54).

use super::{Header, name};
use crate::Error;
use crate::text::Text;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

/// All transports that one side offers, best first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transports(pub Vec<Transport>);

/// How packets of one medium travel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Transport {
    /// The profile of RTP.
    pub profile: Profile,
    /// What is below it.
    pub lower: Lower,
    /// To one receiver or to a group.
    pub delivery: Option<Delivery>,
    /// Channels of interleaved frames, for RTP and RTCP.
    pub interleaved: Option<(u8, u8)>,
    /// Ports of the client, unicast.
    pub client_port: Option<Ports>,
    /// Ports of the server, unicast.
    pub server_port: Option<Ports>,
    /// Ports of the group, multicast.
    pub port: Option<Ports>,
    /// Hops that multicast packets may make.
    pub ttl: Option<u8>,
    /// Where packets go.
    pub destination: Option<String>,
    /// Where packets come from.
    pub source: Option<String>,
    /// Synchronisation sources of the sender, 32 bits each.
    pub ssrc: Vec<u32>,
    /// What is done.
    pub mode: Option<Mode>,
    /// Addresses where packets go, for RTP and RTCP (RTSP 2.0).
    pub dest_addr: Vec<String>,
    /// Addresses where packets come from, for RTP and RTCP (RTSP 2.0).
    pub src_addr: Vec<String>,
    /// Everything else, in its order: `append`, `layers`, `RTCP-mux`, `setup`, `connection`, `MIKEY`, ...
    pub others: Vec<(String, Option<String>)>,
}

/// The profile of RTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Profile {
    /// `RTP/AVP` (RFC 3551).
    #[default]
    Avp,
    /// `RTP/AVPF`, with feedback (RFC 4585).
    Avpf,
    /// `RTP/SAVP`, enciphered (RFC 3711).
    Savp,
    /// `RTP/SAVPF`, both (RFC 5124).
    Savpf,
    /// Something else, with its protocol, such as `RAW/RAW`.
    Other(String),
}

impl Profile {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Profile::Avp => "RTP/AVP",
            Profile::Avpf => "RTP/AVPF",
            Profile::Savp => "RTP/SAVP",
            Profile::Savpf => "RTP/SAVPF",
            Profile::Other(other) => other,
        }
    }

    /// Whether packets are enciphered.
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        matches!(self, Profile::Savp | Profile::Savpf)
    }
}

/// What is below RTP.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Lower {
    /// Datagrams; also where nothing is told.
    #[default]
    Udp,
    /// The connection of RTSP itself, interleaved.
    Tcp,
    /// Something else.
    Other(String),
}

/// To one receiver or to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// One receiver.
    Unicast,
    /// A group.
    Multicast,
}

/// What is done with a medium.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Mode {
    /// The client receives.
    Play,
    /// The client sends.
    Record,
    /// Something else.
    Other(String),
}

/// A port and, where there is one, the one for RTCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ports {
    /// For RTP.
    pub rtp: u16,
    /// For RTCP; where none is told, the next one is meant, or there is no RTCP.
    pub rtcp: Option<u16>,
}

impl Ports {
    /// A port and the next one.
    #[must_use]
    pub const fn pair(rtp: u16) -> Self {
        Self {
            rtp,
            rtcp: rtp.checked_add(1),
        }
    }

    /// The port for RTCP.
    #[must_use]
    pub fn rtcp_or_next(&self) -> u16 {
        self.rtcp.unwrap_or(self.rtp.saturating_add(1))
    }
}

impl Transport {
    /// Over the connection of RTSP, with these channels for RTP and RTCP.
    #[must_use]
    pub fn tcp(channels: (u8, u8)) -> Self {
        Self {
            lower: Lower::Tcp,
            delivery: Some(Delivery::Unicast),
            interleaved: Some(channels),
            ..Self::default()
        }
    }

    /// By datagrams to these ports of the client.
    #[must_use]
    pub fn udp(client_port: Ports) -> Self {
        Self {
            delivery: Some(Delivery::Unicast),
            client_port: Some(client_port),
            ..Self::default()
        }
    }

    /// By datagrams to a group.
    #[must_use]
    pub fn multicast() -> Self {
        Self {
            delivery: Some(Delivery::Multicast),
            ..Self::default()
        }
    }

    /// Whether packets go to a group; RFC 2326 has that as the default for datagrams, nobody means it.
    #[must_use]
    pub fn is_multicast(&self) -> bool {
        self.delivery == Some(Delivery::Multicast)
    }

    /// Whether packets are interleaved with RTSP.
    #[must_use]
    pub fn is_interleaved(&self) -> bool {
        self.lower == Lower::Tcp || self.interleaved.is_some()
    }

    /// The ports of the client by `client_port`, or by `dest_addr` of RTSP 2.0.
    #[must_use]
    pub fn client_ports(&self) -> Option<Ports> {
        self.client_port.or_else(|| {
            let mut ports = self.dest_addr.iter().map(|address| {
                let (_, port) = address.rsplit_once(':')?;
                port.parse().ok()
            });
            let rtp = ports.next()??;
            Some(Ports {
                rtp,
                rtcp: ports.next().flatten(),
            })
        })
    }

    fn set(&mut self, parameter: Text<'_>) -> Result<(), Error> {
        let (name, value) = parameter.split('=');
        let is = |word: &str| name.rest.eq_ignore_ascii_case(word);
        match value {
            None if is("unicast") => self.delivery = Some(Delivery::Unicast),
            None if is("multicast") => self.delivery = Some(Delivery::Multicast),
            Some(value) if is("interleaved") => {
                let (rtp, rtcp) = value.split('-');
                let rtp: u8 = rtp.number("interleaved")?;
                let rtcp = match rtcp {
                    Some(rtcp) => rtcp.number("interleaved")?,
                    None => rtp.saturating_add(1),
                };
                self.interleaved = Some((rtp, rtcp));
            }
            Some(value) if is("client_port") => self.client_port = Some(ports(value)?),
            Some(value) if is("server_port") => self.server_port = Some(ports(value)?),
            Some(value) if is("port") => self.port = Some(ports(value)?),
            Some(value) if is("ttl") => self.ttl = Some(value.number("ttl")?),
            Some(value) if is("destination") => self.destination = Some(value.unquoted().into()),
            Some(value) if is("source") => self.source = Some(value.unquoted().into()),
            Some(mut value) if is("ssrc") => {
                while let Some(ssrc) = value.next('/') {
                    // Some write it with spaces in front, or longer than it can be.
                    if let Ok(ssrc) = u32::from_str_radix(ssrc.rest, 16) {
                        self.ssrc.push(ssrc);
                    }
                }
            }
            Some(value) if is("mode") => {
                let mode = value.unquoted().trim();
                let has = |word: &str| {
                    mode.split(',')
                        .any(|own| own.trim().eq_ignore_ascii_case(word))
                };
                self.mode = Some(match () {
                    // Old players write "receive".
                    () if has("record") || has("receive") => Mode::Record,
                    () if has("play") => Mode::Play,
                    () => Mode::Other(mode.into()),
                });
            }
            Some(value) if is("dest_addr") => self.dest_addr = addresses(value),
            Some(value) if is("src_addr") => self.src_addr = addresses(value),
            _ => {
                let value = value.map(|value| value.rest.to_string());
                self.others.push((name.rest.into(), value));
            }
        }
        Ok(())
    }

    fn read(mut text: Text<'_>) -> Result<Self, Error> {
        let whole = text;
        let Some(spec) = text.next(';') else {
            return Err(whole.invalid("transport-spec"));
        };
        let mut transport = Transport::default();
        let mut parts = spec.rest.splitn(3, '/');
        let (protocol, profile) = (parts.next().unwrap_or_default(), parts.next());
        let Some(profile) = profile else {
            return Err(spec.invalid("transport-spec"));
        };
        let is = |word: &str| profile.eq_ignore_ascii_case(word);
        transport.profile = match () {
            () if !protocol.eq_ignore_ascii_case("RTP") => {
                Profile::Other([protocol, "/", profile].concat())
            }
            () if is("AVP") => Profile::Avp,
            () if is("AVPF") => Profile::Avpf,
            () if is("SAVP") => Profile::Savp,
            () if is("SAVPF") => Profile::Savpf,
            () => Profile::Other([protocol, "/", profile].concat()),
        };
        transport.lower = match parts.next() {
            None => Lower::Udp,
            Some(lower) if lower.eq_ignore_ascii_case("UDP") => Lower::Udp,
            Some(lower) if lower.eq_ignore_ascii_case("TCP") => Lower::Tcp,
            Some(lower) => Lower::Other(lower.into()),
        };
        while let Some(parameter) = text.next(';') {
            transport.set(parameter)?;
        }
        Ok(transport)
    }
}

fn ports(text: Text<'_>) -> Result<Ports, Error> {
    let (rtp, rtcp) = text.split('-');
    Ok(Ports {
        rtp: rtp.number("port")?,
        rtcp: rtcp.map(|rtcp| rtcp.number("port")).transpose()?,
    })
}

fn addresses(mut text: Text<'_>) -> Vec<String> {
    let mut addresses = Vec::new();
    while let Some(address) = text.next('/') {
        addresses.push(address.unquoted().into());
    }
    addresses
}

impl Header for Transport {
    const NAME: &'static str = name::TRANSPORT;

    /// Reads the first one of a list.
    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        match text.next(',') {
            Some(first) => Transport::read(first),
            None => Err(Error::invalid("transport-spec", value, 0)),
        }
    }
}

impl Header for Transports {
    const NAME: &'static str = name::TRANSPORT;

    fn parse(value: &str) -> Result<Self, Error> {
        let mut text = Text::new(value);
        let mut transports = Vec::new();
        while let Some(part) = text.next(',') {
            transports.push(Transport::read(part)?);
        }
        if transports.is_empty() {
            return Err(Error::invalid("transport-spec", value, 0));
        }
        Ok(Self(transports))
    }
}

impl fmt::Display for Transports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, transport) in self.0.iter().enumerate() {
            let separator = if index > 0 { "," } else { "" };
            write!(f, "{separator}{transport}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.profile.as_str())?;
        match &self.lower {
            Lower::Udp => Ok(()),
            Lower::Tcp => f.write_str("/TCP"),
            Lower::Other(other) => write!(f, "/{other}"),
        }?;
        match self.delivery {
            Some(Delivery::Unicast) => f.write_str(";unicast"),
            Some(Delivery::Multicast) => f.write_str(";multicast"),
            None => Ok(()),
        }?;
        for (name, value) in [("destination", &self.destination), ("source", &self.source)] {
            if let Some(value) = value {
                write!(f, ";{name}={value}")?;
            }
        }
        if let Some((rtp, rtcp)) = self.interleaved {
            write!(f, ";interleaved={rtp}-{rtcp}")?;
        }
        for (name, ports) in [
            ("client_port", self.client_port),
            ("server_port", self.server_port),
            ("port", self.port),
        ] {
            match ports {
                Some(Ports {
                    rtp,
                    rtcp: Some(rtcp),
                }) => write!(f, ";{name}={rtp}-{rtcp}"),
                Some(Ports { rtp, rtcp: None }) => write!(f, ";{name}={rtp}"),
                None => Ok(()),
            }?;
        }
        if let Some(ttl) = self.ttl {
            write!(f, ";ttl={ttl}")?;
        }
        for (index, ssrc) in self.ssrc.iter().enumerate() {
            let separator = if index > 0 { "/" } else { ";ssrc=" };
            write!(f, "{separator}{ssrc:08X}")?;
        }
        match &self.mode {
            Some(Mode::Play) => f.write_str(";mode=\"PLAY\""),
            Some(Mode::Record) => f.write_str(";mode=record"),
            Some(Mode::Other(other)) => write!(f, ";mode=\"{other}\""),
            None => Ok(()),
        }?;
        for (name, list) in [("dest_addr", &self.dest_addr), ("src_addr", &self.src_addr)] {
            for (index, address) in list.iter().enumerate() {
                let separator = if index > 0 { "/" } else { "=" };
                match index {
                    0 => write!(f, ";{name}{separator}\"{address}\""),
                    _ => write!(f, "{separator}\"{address}\""),
                }?;
            }
        }
        for (name, value) in &self.others {
            match value {
                Some(value) => write!(f, ";{name}={value}"),
                None => write!(f, ";{name}"),
            }?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_peers_write() {
        for (text, again) in [
            // ffmpeg
            (
                "RTP/AVP/TCP;unicast;interleaved=0-1",
                "RTP/AVP/TCP;unicast;interleaved=0-1",
            ),
            (
                "RTP/AVP/UDP;unicast;client_port=5000-5001;mode=record",
                "RTP/AVP;unicast;client_port=5000-5001;mode=record",
            ),
            // A camera that writes no ports for RTCP, and its parameters in an order of its own.
            (
                "RTP/AVP;ssrc=155A5A5;unicast;client_port=6000;server_port=7000-7001",
                "RTP/AVP;unicast;client_port=6000;server_port=7000-7001;ssrc=0155A5A5",
            ),
            (
                "RTP/SAVP;multicast;destination=239.1.1.1;port=5000-5001;ttl=16",
                "RTP/SAVP;multicast;destination=239.1.1.1;port=5000-5001;ttl=16",
            ),
            // RTSP 2.0
            (
                "RTP/AVP/UDP;unicast;dest_addr=\":6970\"/\":6971\";RTCP-mux",
                "RTP/AVP;unicast;dest_addr=\":6970\"/\":6971\";RTCP-mux",
            ),
        ] {
            let transport = Transport::parse(text).unwrap();
            assert_eq!(transport.to_string(), again);
            assert_eq!(Transport::parse(again).unwrap(), transport);
        }
        let ports = Transport::parse("RTP/AVP;dest_addr=\":6970\"/\":6971\"").unwrap();
        assert_eq!(ports.client_ports(), Some(Ports::pair(6970)));
    }

    #[test]
    fn lists_with_modes_that_have_commas() {
        let list = Transports::parse(
            "RTP/AVP;unicast;client_port=1-2;mode=\"PLAY,RECORD\" , RTP/AVP/TCP;interleaved=2",
        )
        .unwrap();
        assert_eq!(list.0.len(), 2);
        assert_eq!(list.0[0].mode, Some(Mode::Record));
        assert_eq!(list.0[1].interleaved, Some((2, 3)));
    }

    #[test]
    fn errors_say_where() {
        for (text, error) in [
            ("RTP", "transport-spec must not be \"RTP\" at offset 0"),
            ("", "transport-spec must not be \"\" at offset 0"),
            (
                "RTP/AVP;client_port=1-70000",
                "port must not be \"70000\" at offset 22",
            ),
            (
                "RTP/AVP,RTP/AVP;interleaved=256",
                "interleaved must not be \"256\" at offset 28",
            ),
        ] {
            assert_eq!(Transports::parse(text).unwrap_err().to_string(), error);
        }
    }
}
