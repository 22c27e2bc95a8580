use crate::keys::Key;
use crate::rtsp_server::pull::Pull;
use clap::{Parser, ValueEnum};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// A streaming server, live and on demand: RTMP and RTSP in; RTMP, RTSP, HLS and DASH out, with a page to watch it on.
#[derive(Debug, Clone, Parser)]
#[command(name = "streaming-server", version)]
#[non_exhaustive]
pub struct Config {
    /// Where to speak RTMP; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:1935")]
    pub rtmp: SocketAddr,

    /// Where to speak RTMP inside of TLS
    #[arg(long, value_name = "ADDR")]
    pub rtmps: Option<SocketAddr>,

    /// Where to speak RTMP inside of HTTP
    #[arg(long, value_name = "ADDR")]
    pub rtmpt: Option<SocketAddr>,

    /// Where to speak RTMP inside of HTTP inside of TLS
    #[arg(long, value_name = "ADDR")]
    pub rtmpts: Option<SocketAddr>,

    /// Where to speak RTSP, also inside of HTTP
    #[arg(long, value_name = "ADDR")]
    pub rtsp: Option<SocketAddr>,

    /// Where to speak RTSP inside of TLS
    #[arg(long, value_name = "ADDR")]
    pub rtsps: Option<SocketAddr>,

    /// Where media of WHIP and WHEP comes and goes, by UDP; any free port where nothing is said
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:0")]
    pub webrtc: SocketAddr,

    /// An address at which clients of WHIP and WHEP reach that port, if it is not one of this machine; may be given several times
    #[arg(long = "announce", value_name = "IP")]
    pub announce: Vec<IpAddr>,

    /// The first group for players of RTSP that ask for multicast
    #[arg(long, value_name = "GROUP", default_value = "239.255.0.1")]
    pub multicast: Ipv4Addr,

    /// A camera that is pulled while somebody watches it, as NAME=rtsp://..., or NAME=rtspu://... where its packets are to come by UDP
    #[arg(long = "pull", value_name = "NAME=URL")]
    pub(crate) pulls: Vec<Pull>,

    /// Publish only with this key: NAME?key=KEY as the name, or the stream key of an encoder; more than once for more keys
    #[arg(long = "publish-key", value_name = "[NAME=]KEY")]
    pub(crate) publish_keys: Vec<Key>,

    /// Let clients obfuscate (RTMPE, and RTMPTE): this keeps no secret
    #[arg(long)]
    pub rtmpe: bool,

    /// The certificate for TLS with its chain, as PEM; one is made at the start where none is given
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The private key of the certificate, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Where to speak HTTP; port 0 takes any free one
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8080")]
    pub http: SocketAddr,

    /// Serve the files of this folder, and of those in it: MP4, TS and FLV at /vod/FILE/index.m3u8 and /vod/FILE/manifest.mpd, MP4 and
    /// FLV over RTMP
    #[arg(long, value_name = "DIR")]
    pub vod: Option<PathBuf>,

    /// Record all that is published into this folder, as APP/NAME-TIME.mp4
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,

    /// Do not publish the built-in stream live/demo
    #[arg(long = "no-demo", action = clap::ArgAction::SetFalse)]
    pub demo: bool,

    /// How long segments of HLS are to be; they end at the first keyframe after that
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub segment: Duration,

    /// How long the parts of a segment are to be, which players can have before it is complete; 0: no parts, no low latency
    #[arg(long, value_name = "SECONDS", default_value = "0.25", value_parser = seconds)]
    pub part: Duration,

    /// How far behind the newest part players with low latency are to stay, at least three parts; more leaves them time to go over to
    /// another rendition when their network gets slow
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub hold_back: Duration,

    /// Tell parts in HLS as byte ranges of their segments instead of as files of their own
    #[arg(long)]
    pub part_ranges: bool,

    /// How segments are told in DASH: by number, or by a timeline, which tells only those that are complete
    #[arg(long, value_name = "HOW", default_value = "number")]
    pub dash: Addressing,

    /// How much of a stream its playlist holds
    #[arg(long, value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    pub window: Duration,

    /// How long a stream waits for its publisher to come back before its playlist ends
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub linger: Duration,

    /// How long messages may wait, so that more of them leave in one system call
    #[arg(long, value_name = "SECONDS", default_value = "0.05", value_parser = seconds)]
    pub merge: Duration,

    /// How long a peer may take from its first byte to its RTMP connection
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub handshake: Duration,

    /// How long a peer may take nothing of what waits for it before it is cut
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub stall: Duration,

    /// Most connections at a time, on each port
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_connections: usize,

    /// Most streams at a time
    #[arg(long, value_name = "COUNT", default_value_t = 1000)]
    pub max_streams: usize,

    /// Where npm has put the page's optional players
    #[arg(long, value_name = "DIR", default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/web/node_modules"))]
    pub web_modules: PathBuf,
}

/// How segments are told in DASH.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Addressing {
    /// `$Number$` and a duration.
    Number,
    /// `SegmentTimeline`.
    Timeline,
}

impl Default for Config {
    /// What the command line means without arguments.
    fn default() -> Self {
        Self::parse_from(["streaming-server"])
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "not a number of seconds".to_owned())
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
            (config.rtmp.port(), config.http.port(), config.demo),
            (1935, 8080, true)
        );
        let config =
            Config::parse_from(["", "--no-demo", "--rtmp", "127.0.0.1:0", "--segment", "0.5"]);
        assert!(!config.demo);
        assert_eq!(config.segment, Duration::from_millis(500));
        assert!(Config::try_parse_from(["", "--linger", "-1"]).is_err());
        let config = Config::parse_from(["", "--pull", "cam=rtsp://h/x"]);
        assert_eq!(config.pulls[0].name, "live/cam");
        assert!(Config::try_parse_from(["", "--pull", "cam"]).is_err());
    }
}
