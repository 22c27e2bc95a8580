use clap::Parser;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// A selective forwarding unit for WebRTC: rooms in the browser, WHIP and WHEP.
#[derive(Debug, Clone, Parser)]
#[command(name = "sfu", version)]
#[non_exhaustive]
pub struct Config {
    /// Where to speak HTTP: the page, signalling, WHIP and WHEP; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8080")]
    pub http: SocketAddr,

    /// Where media comes and goes, of all clients; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:7882")]
    pub udp: SocketAddr,

    /// Where media comes over TCP, of clients whose network lets no UDP through; the same as `--udp` if it is not given
    #[arg(long, value_name = "ADDR")]
    pub tcp: Option<SocketAddr>,

    /// Where encoders publish by RTMP, to rtmp://HOST/room/ROOM/NAME; port 0 takes any free one
    #[arg(long, value_name = "ADDR")]
    pub rtmp: Option<SocketAddr>,

    /// Where encoders publish by RTSP, to rtsp://HOST/room/ROOM/NAME; port 0 takes any free one
    #[arg(long, value_name = "ADDR")]
    pub rtsp: Option<SocketAddr>,

    /// A camera that is in a room, as ROOM/NAME=rtsp://..., or rtspu:// where its packets are to come by UDP, or a stream of another server, as
    /// ROOM/NAME=rtmp://...; may be given several times
    #[arg(long = "pull", value_name = "ROOM/NAME=URL", value_parser = camera)]
    pub pulls: Vec<(String, String, String)>,

    /// An address at which clients reach the ports for media, if it is not one of this machine; may be given several times
    #[arg(long = "announce", value_name = "IP")]
    pub announce: Vec<IpAddr>,

    /// Threads, which share the rooms among them; 0: one a processor
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub workers: usize,

    /// Most people in a room
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pub max_peers: usize,

    /// Most rooms of each thread
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub max_rooms: usize,

    /// Most people whom a page hears at a time: the loudest
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    pub max_audio: usize,

    /// Most pictures that a page gets at a time: those on the screen, or of the last who spoke
    #[arg(long, value_name = "COUNT", default_value_t = 24)]
    pub max_video: usize,

    /// Record everybody into this folder, as ROOM/NAME-NUMBER-TIME.mp4, and what they share as ROOM/NAME-NUMBER-screen-TIME.mp4
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Share rooms with the other nodes of a cluster, whose directory is on this NATS server
    #[arg(long, value_name = "NATS-URL")]
    pub cluster: Option<String>,

    /// Where packets of the other nodes come; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:0")]
    pub relay: SocketAddr,

    /// Where pages reach this node of a cluster, if it is not the address of `--http`
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,

    /// Most connections of HTTP at a time, and of media over TCP
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_connections: usize,
}

impl Default for Config {
    /// What the command line means without arguments.
    fn default() -> Self {
        Self::parse_from(["sfu"])
    }
}

fn camera(text: &str) -> Result<(String, String, String), String> {
    let parts = text.split_once('=').and_then(|(name, url)| {
        let (room, name) = name.split_once('/')?;
        Some((room.to_owned(), name.to_owned(), url.to_owned()))
    });
    parts.ok_or_else(|| "not ROOM/NAME=URL".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Config::command().debug_assert();
        assert_eq!(Config::default().http.port(), 8080);
        let config = Config::parse_from(["", "--pull", "tea/the door=rtsp://h/x?a=b"]);
        assert_eq!(config.pulls[0].1, "the door");
        assert_eq!(config.pulls[0].2, "rtsp://h/x?a=b");
        assert!(Config::try_parse_from(["", "--pull", "door=rtsp://h/x"]).is_err());
    }
}
