//! The MCU under test, built by cargo and run as its users run it.

use std::{
    env,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
    time::Duration,
};

use serde_json::Value;

use crate::{
    http,
    process::{Log, Process},
    server::{address_after, build},
    wait_for,
};

/// A running `mcu`.
#[derive(Debug)]
pub struct Mcu {
    /// The process.
    pub process: Process,
    /// Where it speaks HTTP.
    pub http: SocketAddr,
    /// Where it speaks RTMP.
    pub rtmp: SocketAddr,
    /// Where it speaks RTSP.
    pub rtsp: SocketAddr,
    /// Where media of browsers comes and goes.
    pub udp: SocketAddr,
}

impl Mcu {
    /// Starts one on free ports.
    ///
    /// # Panics
    ///
    /// When it cannot be built or does not come up.
    pub fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(binary());
        for port in ["--http", "--udp", "--rtmp", "--rtsp"] {
            command.args([port, "127.0.0.1:0"]);
        }
        command.args(arguments).env_remove("RUST_LOG");
        let mut process = Process::spawn("mcu", &mut command);
        let mut address = |mark: &str| {
            wait_for(mark, || {
                assert!(process.exited().is_none(), "mcu has ended");
                process.stderr.pick(0, |line| address_after(line, mark))
            })
        };
        let rtmp = address("RTMP listening on rtmp://");
        let rtsp = address("RTSP listening on rtsp://");
        let udp = address("UDP listening on ");
        let http = address("HTTP listening on http://");
        Self {
            process,
            http,
            rtmp,
            rtsp,
            udp,
        }
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.process.stderr
    }

    /// A path of the HTTP server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.http)
    }

    /// What the API tells of a room; nothing, if nobody is in it.
    ///
    /// # Panics
    ///
    /// When the server is gone.
    pub fn room(&self, name: &str) -> Option<Value> {
        let answer =
            http::get(&self.url(&format!("/api/rooms/{name}"))).expect("the server is there");
        serde_json::from_slice(&answer.body).ok()
    }

    /// Waits until so many people are in a room.
    ///
    /// # Panics
    ///
    /// When they do not come.
    pub fn wait_for_people(&self, room: &str, count: usize) {
        wait_for(&format!("{count} people in {room}"), || {
            let room = self.room(room)?;
            (room["people"].as_array()?.len() == count).then_some(())
        });
    }

    /// Posts JSON to the API, which has to like it.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn post(&self, path: &str, body: &Value) {
        let body = body.to_string();
        let answer = self.ask("POST", path, "application/json", body.as_bytes());
        assert!(
            answer.starts_with("HTTP/1.0 2") || answer.starts_with("HTTP/1.1 2"),
            "{path}: {answer}"
        );
    }

    /// The whole answer to a request, whatever it is.
    ///
    /// # Panics
    ///
    /// When there is none.
    pub fn ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> String {
        self.try_ask(method, path, kind, body)
            .expect("the server answers")
    }

    fn try_ask(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> io::Result<String> {
        let mut stream = TcpStream::connect(self.http)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.http,
            body.len()
        )?;
        stream.write_all(body)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Memory of the process that is in use, in KiB.
    ///
    /// # Panics
    ///
    /// Where there is no `/proc`.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))
            .expect("it runs on Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let number = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
        number.expect("the kernel tells it")
    }
}

/// `$FLUVIAL_MCU`, else built by cargo in the profile that this package is built in.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let build = || build("fluvial-mcu", "mcu");
        env::var_os("FLUVIAL_MCU").map_or_else(build, PathBuf::from)
    })
}
