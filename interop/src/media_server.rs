//! Node-Media-Server: another server that our client talks to, by RTMP and by RTMPS.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Command,
};

use tempfile::TempDir;

use crate::{nginx::free_address, peer, process::Process, transport, wait_for, wait_within};

/// Node-Media-Server, on two free ports.
#[derive(Debug)]
pub struct MediaServer {
    /// The process.
    pub process: Process,
    rtmp: SocketAddr,
    rtmps: SocketAddr,
    _folder: TempDir,
}

/// Its program, where npm has put it.
pub fn program() -> PathBuf {
    peer::manifest_dir().join("browser/node_modules/node-media-server/bin/app.js")
}

impl MediaServer {
    /// Starts it.
    ///
    /// # Panics
    ///
    /// When it does not come up.
    pub fn start() -> Self {
        // It takes no port 0: another process may be quicker to take one that was free.
        for _ in 0..5 {
            let folder = TempDir::new().expect("there is room for temporary files");
            let (rtmp, rtmps) = (free_address(), free_address());
            let (certificate, key) = transport::certificate(folder.path());
            let config = serde_json::json!({
                "bind": "127.0.0.1",
                "rtmp": { "port": rtmp.port() },
                "rtmps": { "port": rtmps.port(), "key": key, "cert": certificate },
                "store": { "path": folder.path().join("store") },
                "record": { "auto": false, "path": folder.path().join("record") },
                "auth": { "play": false, "publish": false, "secret": "", "jwt": { "secret": "of no use", "users": [] } },
                "webadmin": { "enable": false },
            });
            let file = folder.path().join("config.json");
            fs::write(&file, config.to_string()).expect("there is room for temporary files");
            let mut process = Process::spawn(
                "node-media-server",
                Command::new("node")
                    .arg(program())
                    .arg("-c")
                    .arg(&file)
                    .arg("--no-admin"),
            );
            let up = wait_within(crate::PATIENCE, || {
                if process.exited().is_some() {
                    return Some(false);
                }
                let up = |address| TcpStream::connect(address).is_ok();
                (up(rtmp) && up(rtmps)).then_some(true)
            });
            if up == Some(true) {
                return Self {
                    process,
                    rtmp,
                    rtmps,
                    _folder: folder,
                };
            }
        }
        panic!("node-media-server does not start");
    }

    /// The URL of a stream, by `rtmp` or `rtmps`.
    pub fn url(&self, scheme: &str, name: &str) -> String {
        let address = if scheme == "rtmps" {
            self.rtmps
        } else {
            self.rtmp
        };
        format!("{scheme}://{address}/live/{name}")
    }

    /// Waits until so many have begun to play.
    ///
    /// # Panics
    ///
    /// When they do not come.
    pub fn wait_for_players(&self, count: usize) {
        wait_for("players", || {
            let lines = self.process.stdout.lines();
            let players = lines.iter().filter(|line| line.contains("start play"));
            (players.count() >= count).then_some(())
        });
    }
}
