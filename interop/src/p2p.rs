//! The P2P server under test, built by cargo and run as its users run it.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    process::Process,
    server::{address_after, build},
    wait_for,
};

/// A running `p2p`.
#[derive(Debug)]
pub struct P2p {
    /// The process.
    pub process: Process,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
    /// Where it speaks STUN and TURN.
    pub turn: SocketAddr,
    /// Where it speaks TURN over TLS.
    pub turns: SocketAddr,
}

impl P2p {
    /// Starts one on free ports.
    ///
    /// # Panics
    ///
    /// When it cannot be built or does not come up.
    pub fn start(arguments: &[&str]) -> Self {
        let any = "127.0.0.1:0";
        let mut command = Command::new(binary());
        command
            .args(["--http", any, "--turns", any])
            .args(["--secret", "north"])
            .args(arguments)
            .env_remove("RUST_LOG");
        if !arguments.contains(&"--turn") {
            command.args(["--turn", any]);
        }
        let mut process = Process::spawn("p2p", &mut command);
        let mut address = |mark: &str| {
            wait_for(mark, || {
                assert!(process.exited().is_none(), "p2p has ended");
                process.stderr.pick(0, |line| address_after(line, mark))
            })
        };
        let turn = address("TURN listening on ");
        let turns = address("TURN over TLS listening on ");
        let http = address("HTTP listening on http://");
        Self {
            process,
            http,
            turn,
            turns,
        }
    }

    /// A path of the HTTP server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }
}

/// `$FLUVIAL_P2P`, else built by cargo in the profile that this package is built in.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let build = || build("fluvial-p2p", "p2p");
        env::var_os("FLUVIAL_P2P").map_or_else(build, PathBuf::from)
    })
}
