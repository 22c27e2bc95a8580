//! A camera: gst-rtsp-server, which plays a file to whoever asks.

use crate::{process::Process, wait_for};
use std::{path::Path, process::Command};
use tempfile::TempDir;

const PROGRAM: &str = r#"
import sys, gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer
Gst.init(None)
server = GstRtspServer.RTSPServer.new()
server.set_address("127.0.0.1")
server.set_service("0")
factory = GstRtspServer.RTSPMediaFactory.new()
factory.set_launch(
    "( filesrc location=\"%s\" ! qtdemux name=d "
    "d.video_0 ! queue ! h264parse ! rtph264pay name=pay0 pt=96 config-interval=-1 "
    "d.audio_0 ! queue ! aacparse ! rtpmp4gpay name=pay1 pt=97 )" % sys.argv[1])
factory.set_shared(False)
if "savp" in sys.argv[2:]:
    factory.set_profiles(GstRtsp.RTSPProfile.SAVP)
if "udp" in sys.argv[2:]:
    factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
server.get_mount_points().add_factory("/camera", factory)
server.attach(None)
print("camera at rtsp://127.0.0.1:%d/camera" % server.get_bound_port(), flush=True)
GLib.MainLoop().run()
"#;

/// A running camera.
#[derive(Debug)]
pub struct Camera {
    /// Where it is.
    pub url: String,
    _process: Process,
    _folder: TempDir,
}

impl Camera {
    /// Starts one that plays `file` to each client from its beginning.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start(file: &Path) -> Self {
        Self::start_with(file, &[])
    }

    /// The same with its packets encrypted (SRTP, keys by MIKEY).
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_secure(file: &Path) -> Self {
        Self::start_with(file, &["savp"])
    }

    /// The same by UDP only: it refuses to interleave.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start_udp_only(file: &Path) -> Self {
        Self::start_with(file, &["udp"])
    }

    fn start_with(file: &Path, arguments: &[&str]) -> Self {
        // It has to seek to the beginning, which its reader of FLV is not up to.
        let folder = TempDir::new().expect("there is room for temporary files");
        let seekable = folder.path().join("camera.mp4");
        let mut remux = Command::new("ffmpeg");
        remux
            .args(["-nostdin", "-v", "error", "-i"])
            .arg(file)
            .args(["-c", "copy"])
            .arg(&seekable);
        Process::run("ffmpeg remuxing", &mut remux);
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", PROGRAM]).arg(&seekable).args(arguments);
        let process = Process::spawn("gst-rtsp-server", &mut command);
        let url = wait_for("the camera", || {
            process.stdout.pick(0, |line| {
                let (_, url) = line.split_once("camera at ")?;
                Some(url.to_owned())
            })
        });
        Self {
            url,
            _process: process,
            _folder: folder,
        }
    }
}
