//! The streaming server under test, built by cargo and run as its users run it.

use std::{
    env,
    net::SocketAddr,
    ops::Deref,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex, OnceLock, Weak},
};

use crate::{
    PATIENCE, http,
    process::{Log, Process},
    wait_for, wait_within,
};

/// A running `streaming-server`.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Where it speaks RTMP.
    pub rtmp: SocketAddr,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
}

/// A server that several tests use at once; the last one ends it. It shows its log to each that fails.
#[derive(Debug)]
pub struct Shared(Arc<Server>);

impl Deref for Shared {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if std::thread::panicking() && Arc::strong_count(&self.0) > 1 {
            eprintln!(
                "--- log of the shared server\n{}",
                self.0.log().lines().join("\n")
            );
        }
    }
}

impl Server {
    /// Starts one on free ports.
    ///
    /// # Panics
    ///
    /// When it cannot be built or does not come up.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_at("127.0.0.1:0", arguments)
    }

    /// The same with RTMP at an address.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub fn start_at(rtmp: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        command
            .args(["--rtmp", rtmp, "--http", "127.0.0.1:0"])
            .args(arguments)
            .env_remove("RUST_LOG");
        let mut process = Process::spawn("streaming-server", &mut command);
        let mut address = |mark: &str| {
            wait_for(mark, || {
                assert!(process.exited().is_none(), "streaming-server has ended");
                process.stderr.pick(0, |line| address_after(line, mark))
            })
        };
        let rtmp = address("RTMP listening on rtmp://");
        let http = address("HTTP listening on http://");
        Self {
            process,
            rtmp,
            http,
        }
    }

    /// The server that tests share which do it no harm, without the demo stream. It ends a playlist soon
    /// after its publisher has gone, because only then HLS players end.
    pub fn shared() -> Shared {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        // A test that failed to start it has poisoned nothing: the slot is still empty.
        let mut shared = SHARED
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Shared(shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start(&["--no-demo", "--linger", "8"]));
            *shared = Arc::downgrade(&server);
            server
        }))
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.process.stderr
    }

    /// Where a stream is published to and played from.
    pub fn rtmp_url(&self, name: &str) -> String {
        format!("rtmp://{}/live/{name}", self.rtmp)
    }

    /// Where a stream is published to and played from by `rtmps`, `rtmpt`, `rtmpts`, or obfuscated `rtmpe` and `rtmpte`, which are
    /// on the listeners of `rtmp` and `rtmpt`.
    ///
    /// # Panics
    ///
    /// When the server was not told to listen there.
    pub fn wrapped_url(&self, scheme: &str, name: &str) -> String {
        let listener = match scheme {
            "rtmpe" => return format!("rtmpe://{}/live/{name}", self.rtmp),
            "rtmpte" => "rtmpt",
            other => other,
        };
        let mark = format!(
            "{} listening on {listener}://",
            listener.to_ascii_uppercase()
        );
        let address = wait_for(&mark, || {
            self.log().pick(0, |line| address_after(line, &mark))
        });
        format!("{scheme}://{address}/live/{name}")
    }

    /// A path of the HTTP server.
    pub fn http_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// A stream's playlist.
    pub fn hls_url(&self, name: &str) -> String {
        self.http_url(&format!("/live/{name}/index.m3u8"))
    }

    /// Waits until somebody plays, or waits for, a stream by RTMP.
    ///
    /// # Panics
    ///
    /// When nobody does.
    pub fn wait_for_player(&self, name: &str) {
        self.log()
            .wait_for(0, &["player started", &format!("stream=live/{name} ")]);
    }

    /// Waits until a stream has a playlist.
    ///
    /// # Panics
    ///
    /// When it does not get one.
    pub fn wait_for_playlist(&self, name: &str) {
        let url = self.hls_url(name);
        wait_for(&url, || {
            http::get(&url)
                .ok()
                .filter(|response| response.status == 200)
        });
    }

    /// The memory that the server has in use, in KiB.
    ///
    /// # Panics
    ///
    /// Where there is no `/proc`.
    pub fn resident_kib(&self) -> u64 {
        self.process.resident_kib()
    }

    /// Waits until it has ended, without an error.
    ///
    /// # Panics
    ///
    /// When it does not, or with one.
    pub fn expect_clean_exit(&mut self) {
        let status = wait_within(PATIENCE, || self.process.exited())
            .expect("the server ends when it is told to");
        assert!(status.success(), "the server ended with {status}");
    }
}

pub(crate) fn address_after(line: &str, mark: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once(mark)?;
    rest.split(|c: char| !(c.is_ascii_alphanumeric() || ".:[]".contains(c)))
        .next()?
        .parse()
        .ok()
}

/// `$FLUVIAL_STREAMING_SERVER`, else built by cargo in the profile that this package is built in.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let build = || build("fluvial-streaming-server", "streaming-server");
        env::var_os("FLUVIAL_STREAMING_SERVER").map_or_else(build, PathBuf::from)
    })
}

/// Has cargo build a binary of `package`, and tell where it is.
pub(crate) fn build(package: &str, name: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["build", "--message-format=json", "-p", package])
        .current_dir(crate::peer::manifest_dir());
    // What cargo tells the package under test of itself: a build script of which that is read would have all that
    // depends on it built again, here and by the next cargo outside.
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&*name);
        }
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{name} does not build");
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .expect("cargo tells where the executable is")
}
