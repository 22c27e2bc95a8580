use crate::room::{Format, Settings};
use clap::Parser;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// An MCU: every participant sends one stream and gets one back, with all pictures composed and all other voices mixed.
#[derive(Debug, Clone, Parser)]
#[command(name = "mcu", version)]
#[non_exhaustive]
pub struct Config {
    /// Where to speak HTTP: the page, the API, HLS and DASH, WHIP and WHEP; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8080")]
    pub http: SocketAddr,

    /// Where media of browsers comes and goes; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:7882")]
    pub udp: SocketAddr,

    /// Where to speak RTMP; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:1935")]
    pub rtmp: SocketAddr,

    /// Where to speak RTSP; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8554")]
    pub rtsp: SocketAddr,

    /// An address at which browsers reach the UDP port, if it is not one of this machine; may be given several times
    #[arg(long = "announce", value_name = "IP")]
    pub announce: Vec<IpAddr>,

    /// Record every room into this folder, as room/NAME-TIME.mp4, unless the page or the API says otherwise
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// A camera that is a participant of a room, as ROOM/WHO=rtsp://...; may be given several times
    #[arg(long = "pull", value_name = "ROOM/WHO=URL", value_parser = camera)]
    pub pulls: Vec<(String, String, String)>,

    /// The size of the mix at its best
    #[arg(long, value_name = "WIDTHxHEIGHT", default_value = "1280x720", value_parser = size)]
    pub size: (usize, usize),

    /// Pictures per second
    #[arg(long, value_name = "COUNT", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub rate: u32,

    /// Bits per second of the mix's pictures at their best; who has less gets a half, a quarter or a twelfth
    #[arg(long, value_name = "BITS", default_value_t = 1_500_000, value_parser = clap::value_parser!(u32).range(50_000..=50_000_000))]
    pub bitrate: u32,

    /// Most participants of a room
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub max_people: usize,

    /// Most participants of a room who are heard at the same time: the loudest
    #[arg(long, value_name = "COUNT", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub voices: u16,

    /// Most rooms
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    pub max_rooms: usize,

    /// Most connections at a time, of each kind
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_connections: usize,
}

impl Config {
    /// What rooms are to know.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            format: Format {
                width: self.size.0,
                height: self.size.1,
                rate: self.rate,
                bitrate: self.bitrate,
            },
            max_people: self.max_people,
            voices: self.voices.into(),
            record: self.record.is_some(),
        }
    }
}

impl Default for Config {
    /// What the command line means without arguments.
    fn default() -> Self {
        Self::parse_from(["mcu"])
    }
}

fn size(text: &str) -> Result<(usize, usize), String> {
    let edges = text.split_once('x');
    let edges = edges.and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    let fits = |edges: &(usize, usize)| {
        let range = 128..=3840;
        range.contains(&edges.0) && (96..=2160).contains(&edges.1)
    };
    edges
        .filter(fits)
        .ok_or_else(|| "not WIDTHxHEIGHT, from 128x96 to 3840x2160".to_owned())
}

fn camera(text: &str) -> Result<(String, String, String), String> {
    let parts = text.split_once('=').and_then(|(name, url)| {
        let (room, who) = name.split_once('/')?;
        Some((room.to_owned(), who.to_owned(), url.to_owned()))
    });
    parts.ok_or_else(|| "not ROOM/WHO=URL".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Config::command().debug_assert();
        let config = Config::default();
        assert_eq!(
            (config.http.port(), config.size, config.rate),
            (8080, (1280, 720), 25)
        );
        let config =
            Config::parse_from(["", "--size", "640x360", "--pull", "a/door=rtsp://h/x?a=b"]);
        assert_eq!(config.size, (640, 360));
        assert_eq!(config.pulls[0].2, "rtsp://h/x?a=b");
        for bad in [
            ["", "--size", "9x9"],
            ["", "--size", "x"],
            ["", "--pull", "a=b"],
            ["", "--rate", "0"],
        ] {
            assert!(Config::try_parse_from(bad).is_err(), "{bad:?}");
        }
    }
}
