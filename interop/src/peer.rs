//! Which peers are installed, and what to do about those that are not.

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

/// Something of this machine that a test needs.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// What it is called in the message.
    pub name: &'static str,
    /// The command that brings it.
    pub install: &'static str,
    /// Whether it is here.
    pub probe: fn() -> bool,
}

/// FFmpeg: encodes the clips, publishes, plays, and decodes what others have received.
pub const FFMPEG: Peer = Peer {
    name: "ffmpeg",
    install: "apt-get install ffmpeg",
    probe: || find("ffmpeg").is_some(),
};

/// A newer FFmpeg, inside of a Python package, which knows RTMPE and Enhanced RTMP.
pub const FFMPEG_9: Peer = Peer {
    name: "ffmpeg 9",
    install: "pip install imageio-ffmpeg",
    probe: || ffmpeg_9().is_some(),
};

/// The program of [`FFMPEG_9`].
pub fn ffmpeg_9() -> Option<PathBuf> {
    static PROGRAM: LazyLock<Option<PathBuf>> = LazyLock::new(|| {
        let program = "import imageio_ffmpeg;print(imageio_ffmpeg.get_ffmpeg_exe())";
        let output = Command::new("python3")
            .args(["-c", program])
            .output()
            .ok()?;
        let path = String::from_utf8(output.stdout).ok()?;
        Some(PathBuf::from(path.trim())).filter(|path| path.is_file())
    });
    PROGRAM.clone()
}

/// GStreamer with `rtmp2src` and `rtmp2sink`, its own implementation of RTMP.
pub const GSTREAMER_RTMP2: Peer = Peer {
    name: "GStreamer's rtmp2 elements",
    install: "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
    probe: || gstreamer_has(&["rtmp2src", "rtmp2sink", "flvmux", "h264parse"]),
};

/// GStreamer with `rtmpsrc` and `rtmpsink`, which are librtmp.
pub const GSTREAMER_LIBRTMP: Peer = Peer {
    name: "GStreamer's librtmp elements",
    install: "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
    probe: || gstreamer_has(&["rtmpsrc", "rtmpsink", "flvmux", "h264parse"]),
};

/// GStreamer with the HLS client `hlsdemux2`.
pub const GSTREAMER_HLS: Peer = Peer {
    name: "GStreamer's hlsdemux2",
    install: "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good",
    probe: || gstreamer_has(&["hlsdemux2", "souphttpsrc", "matroskamux"]),
};

/// GStreamer with its own RTSP client, both ways.
pub const GSTREAMER_RTSP: Peer = Peer {
    name: "GStreamer's RTSP elements",
    install: "apt-get install gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-rtsp python3-gi",
    probe: || {
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-c", "import gi"]).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
            && gstreamer_has(&["rtspsrc", "rtspclientsink", "rtph264depay", "mpegtsmux"])
    },
};

/// gst-rtsp-server, driven by the system's Python.
pub const GST_RTSP_SERVER: Peer = Peer {
    name: "gst-rtsp-server",
    install: "apt-get install gir1.2-gst-rtsp-server-1.0 python3-gi gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad",
    probe: || {
        let program = "import gi;gi.require_version('GstRtspServer','1.0');from gi.repository import GstRtspServer";
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-c", program]).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    },
};

/// mediainfo, which tells what files have.
pub const MEDIAINFO: Peer = Peer {
    name: "mediainfo",
    install: "apt-get install mediainfo",
    probe: || find("mediainfo").is_some(),
};

/// rtmpdump, which is librtmp.
pub const RTMPDUMP: Peer = Peer {
    name: "rtmpdump",
    install: "apt-get install rtmpdump",
    probe: || find("rtmpdump").is_some(),
};

/// VLC without a window, run as `nobody` because it refuses root.
pub const VLC: Peer = Peer {
    name: "VLC",
    install: "apt-get install vlc-bin vlc-plugin-base",
    probe: || find("cvlc").is_some() && find("setpriv").is_some(),
};

/// nginx with the RTMP module.
pub const NGINX_RTMP: Peer = Peer {
    name: "nginx with the RTMP module",
    install: "apt-get install nginx libnginx-mod-rtmp",
    probe: || find("nginx").is_some() && crate::nginx::module().is_some(),
};

/// Networks inside of this machine, with the kernel's token buckets: iproute2, and the right to use it.
pub const NETWORKS: Peer = Peer {
    name: "network namespaces",
    install: "apt-get install iproute2, and be root",
    probe: || {
        let ip = |verb| {
            let mut command = Command::new("ip");
            command.args(["netns", verb, "fluvial-probe"]);
            command.stderr(Stdio::null()).status()
        };
        find("tc").is_some()
            && ["add", "del"]
                .into_iter()
                .all(|verb| ip(verb).is_ok_and(|status| status.success()))
    },
};

/// The NATS server.
pub const NATS: Peer = Peer {
    name: "nats-server",
    install: "apt-get install nats-server",
    probe: || find("nats-server").is_some(),
};

/// Node-Media-Server.
pub const NODE_MEDIA_SERVER: Peer = Peer {
    name: "node-media-server",
    install: "apt-get install nodejs npm && npm install --prefix interop/browser",
    probe: || find("node").is_some() && crate::media_server::program().is_file(),
};

/// Axis's library that plays RTSP inside of a WebSocket, for browsers; here in Node.js.
pub const MEDIA_STREAM_LIBRARY: Peer = Peer {
    name: "media-stream-library",
    install: "apt-get install nodejs npm && npm install --prefix interop/browser",
    probe: || {
        find("node").is_some()
            && manifest_dir()
                .join("browser/node_modules/media-stream-library")
                .is_dir()
    },
};

/// rtmpdump's stub of a server, which shakes hands by RTMPE.
pub const RTMPSRV: Peer = Peer {
    name: "rtmpsrv",
    install: "apt-get install rtmpdump",
    probe: || find("rtmpsrv").is_some(),
};

/// nginx, as a proxy for HTTP.
pub const NGINX: Peer = Peer {
    name: "nginx",
    install: "apt-get install nginx",
    probe: || find("nginx").is_some(),
};

/// Chromium.
pub const CHROMIUM: Peer = Peer {
    name: "Chromium",
    install: "apt-get install chromium fonts-dejavu-core",
    probe: || find("chromium").is_some(),
};

/// aiortc, a WebRTC client in Python.
pub const AIORTC: Peer = Peer {
    name: "aiortc",
    install: "pip install aiortc numpy",
    probe: || {
        let mut python = Command::new("python3");
        python
            .args(["-c", "import aiortc, numpy"])
            .stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
    },
};

/// GStreamer's `webrtcbin`, driven by the system's Python. Its certificate has an RSA key.
pub const GSTREAMER_WEBRTC: Peer = Peer {
    name: "GStreamer's webrtcbin",
    install: "apt-get install gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly \
        gstreamer1.0-libav gstreamer1.0-nice gir1.2-gst-plugins-bad-1.0 python3-gi",
    probe: || {
        // Not by gst-inspect: it takes libnice's version for one of GStreamer's, and a too old one.
        let program = "import gi;gi.require_version('GstWebRTC','1.0');from gi.repository import Gst,GstWebRTC;Gst.init(None);\
            assert Gst.ElementFactory.find('nicesrc')";
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-c", program]).stderr(Stdio::null());
        python.status().is_ok_and(|status| status.success())
            && gstreamer_has(&["webrtcbin", "x264enc", "opusenc", "vp8dec"])
    },
};

/// coturn's client for tests.
pub const TURNUTILS: Peer = Peer {
    name: "turnutils_uclient",
    install: "apt-get install coturn",
    probe: || find("turnutils_uclient").is_some(),
};

/// Node.js with playwright-core.
pub const PLAYWRIGHT: Peer = Peer {
    name: "playwright-core",
    install: "apt-get install nodejs npm && npm install --prefix interop/browser",
    probe: || {
        find("node").is_some()
            && manifest_dir()
                .join("browser/node_modules/playwright-core")
                .is_dir()
    },
};

/// libdatachannel, by which OBS Studio publishes, in Node.js.
pub const LIBDATACHANNEL: Peer = Peer {
    name: "libdatachannel",
    install: "apt-get install nodejs npm && npm install --prefix interop/browser",
    probe: || {
        let mut node = Command::new("node");
        node.current_dir(manifest_dir().join("browser"))
            .args(["-e", "require('node-datachannel').cleanup()"])
            .stderr(Stdio::null());
        node.status().is_ok_and(|status| status.success())
    },
};

/// The page's optional npm dependency.
pub const HLS_JS: Peer = Peer {
    name: "hls.js",
    install: "apt-get install nodejs npm && npm install --prefix examples/streaming-server/web",
    probe: || {
        manifest_dir()
            .join("../examples/streaming-server/web/node_modules/hls.js")
            .is_dir()
    },
};

/// The page's optional npm dependency.
pub const DASH_JS: Peer = Peer {
    name: "dash.js",
    install: "apt-get install nodejs npm && npm install --prefix examples/streaming-server/web",
    probe: || {
        manifest_dir()
            .join("../examples/streaming-server/web/node_modules/dashjs")
            .is_dir()
    },
};

/// The page's optional npm dependency.
pub const SHAKA: Peer = Peer {
    name: "Shaka Player",
    install: "apt-get install nodejs npm && npm install --prefix examples/streaming-server/web",
    probe: || {
        manifest_dir()
            .join("../examples/streaming-server/web/node_modules/shaka-player")
            .is_dir()
    },
};

/// The folder of this package.
pub fn manifest_dir() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The program as the shell would find it, `sbin` included because nginx lives there.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

fn gstreamer_has(elements: &[&str]) -> bool {
    find("gst-launch-1.0").is_some()
        && elements.iter().all(|element| {
            Command::new("gst-inspect-1.0")
                .args(["--exists", element])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success())
        })
}

/// Whether all `peers` are here; says aloud which are not.
///
/// # Panics
///
/// When one is missing and `FLUVIAL_INTEROP=required`.
pub fn all_here(peers: &[Peer]) -> bool {
    for peer in peers {
        if !(peer.probe)() {
            let message = format!("{} not found; {}", peer.name, peer.install);
            if env::var("FLUVIAL_INTEROP").is_ok_and(|value| value == "required") {
                panic!("{message}");
            }
            // Past the capture of the test runner, which hides what a passing test prints.
            let _ = writeln!(io::stderr(), "SKIPPED: {message}");
            return false;
        }
    }
    true
}

/// Leaves the test, aloud, unless all the peers are here.
#[macro_export]
macro_rules! needs {
    ($($peer:ident),+ $(,)?) => {
        if !$crate::peer::all_here(&[$($peer),+]) {
            return;
        }
    };
}
