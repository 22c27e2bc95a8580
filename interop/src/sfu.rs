//! The SFU under test, built by cargo and run as its users run it.

use std::{
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{
    process::{Log, Process},
    server::{address_after, build},
    wait_for,
};

/// A running `sfu`.
#[derive(Debug)]
pub struct Sfu {
    /// The process.
    pub process: Process,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
    /// Where media goes.
    pub udp: SocketAddr,
}

impl Sfu {
    /// Starts one on free ports.
    ///
    /// # Panics
    ///
    /// When it cannot be built or does not come up.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", arguments)
    }

    /// Starts one whose media goes elsewhere than through the loop.
    ///
    /// # Panics
    ///
    /// As [`Self::start`].
    pub fn start_at(udp: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        if !arguments.contains(&"--http") {
            command.args(["--http", "127.0.0.1:0"]);
        }
        command
            .args(["--udp", udp])
            .args(arguments)
            .env_remove("RUST_LOG");
        let mut process = Process::spawn("sfu", &mut command);
        let mut address = |mark: &str| {
            wait_for(mark, || {
                assert!(process.exited().is_none(), "sfu has ended");
                process.stderr.pick(0, |line| address_after(line, mark))
            })
        };
        let udp = address("UDP listening on ");
        let http = address("HTTP listening on http://");
        Self { process, http, udp }
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.process.stderr
    }

    /// Where it listens for something else, as it tells after `mark`.
    ///
    /// # Panics
    ///
    /// When it does not.
    #[must_use]
    pub fn address(&self, mark: &str) -> SocketAddr {
        wait_for(mark, || {
            self.log().pick(0, |line| address_after(line, mark))
        })
    }

    /// A path of the HTTP server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }
}

/// The load generator, which is built along with it.
#[must_use]
pub fn load_generator() -> PathBuf {
    binary().with_file_name("sfu-load")
}

/// `$FLUVIAL_SFU`, else built by cargo in the profile that this package is built in.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let build = || build("fluvial-sfu", "sfu");
        env::var_os("FLUVIAL_SFU").map_or_else(build, PathBuf::from)
    })
}
