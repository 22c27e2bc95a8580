//! An HTTP server of files that counts what it sends, and can be told to behave badly.
#![allow(unreachable_pub, reason = "nothing of a test is public")]
#![allow(dead_code, reason = "each test takes what it needs")]

pub mod clip;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

pub const FLUVIAL: &str = env!("CARGO_BIN_EXE_fluvial");

pub fn fluvial(args: &[&str]) -> Output {
    testing::output(Command::new(FLUVIAL).args(args), b"").unwrap()
}

/// The same, which has to succeed without a word on standard error.
#[track_caller]
pub fn works(args: &[&str]) -> Vec<u8> {
    let output = fluvial(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && said.is_empty(),
        "{args:?}: {said}"
    );
    output.stdout
}

/// Serves the files of a folder.
pub struct Server {
    pub address: SocketAddr,
    pub state: Arc<State>,
}

#[derive(Default)]
pub struct State {
    folder: PathBuf,
    /// What was asked for.
    pub paths: Mutex<Vec<String>>,
    /// Bytes of bodies.
    pub sent: AtomicU64,
    pub requests: AtomicU64,
    /// Answers that are not those of the files: a status and a body, by path.
    pub answers: Mutex<HashMap<String, (u16, Vec<u8>)>>,
    /// Statuses that come first, by path.
    pub failures: Mutex<HashMap<String, Vec<u16>>>,
    /// Where other paths lead.
    pub redirects: Mutex<HashMap<String, String>>,
    /// Whether ranges are refused by giving everything.
    pub no_ranges: AtomicBool,
    /// Bodies are broken off after so many bytes, once each; 0: never.
    pub break_after: AtomicU64,
}

impl Server {
    pub fn start(folder: impl Into<PathBuf>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            folder: folder.into(),
            ..State::default()
        });
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&serving);
                // A client that has seen enough hangs up.
                std::thread::spawn(move || drop(state.serve(stream)));
            }
        });
        Self { address, state }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }

    pub fn reset(&self) {
        self.state.sent.store(0, Ordering::SeqCst);
        self.state.requests.store(0, Ordering::SeqCst);
    }
}

impl State {
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let path = line.split(' ').nth(1).unwrap_or("/")[1..].to_owned();
            let mut range = None;
            loop {
                let mut header = String::new();
                reader.read_line(&mut header)?;
                let header = header.trim().to_ascii_lowercase();
                if header.is_empty() {
                    break;
                }
                if let Some(bytes) = header.strip_prefix("range: bytes=") {
                    let (first, last) = bytes.split_once('-').unwrap();
                    range = Some((
                        first.parse::<u64>().unwrap(),
                        last.parse::<u64>().unwrap_or(u64::MAX),
                    ));
                }
            }
            self.requests.fetch_add(1, Ordering::SeqCst);
            self.paths.lock().unwrap().push(path.clone());
            self.answer(&mut stream, &path, range)?;
        }
    }

    fn answer(
        &self,
        stream: &mut TcpStream,
        path: &str,
        range: Option<(u64, u64)>,
    ) -> io::Result<()> {
        if let Some(to) = self.redirects.lock().unwrap().get(path) {
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n"
            );
        }
        let failure = self
            .failures
            .lock()
            .unwrap()
            .get_mut(path)
            .and_then(Vec::pop);
        if let Some(status) = failure {
            return write!(
                stream,
                "HTTP/1.1 {status} Failed\r\ncontent-length: 0\r\n\r\n"
            );
        }
        let answer = self.answers.lock().unwrap().get(path).cloned();
        if let Some((status, body)) = answer {
            write!(
                stream,
                "HTTP/1.1 {status} Answer\r\ncontent-length: {}\r\n\r\n",
                body.len()
            )?;
            return stream.write_all(&body);
        }
        let plain = path.split('?').next().unwrap_or(path).replace("%20", " ");
        let Ok(mut file) = File::open(self.folder.join(&plain)) else {
            return write!(
                stream,
                "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"
            );
        };
        let total = file.metadata()?.len();
        let (first, end) = match range {
            Some((first, last)) if !self.no_ranges.load(Ordering::SeqCst) => {
                let end = total.min(last.saturating_add(1));
                if first >= total {
                    return write!(
                        stream,
                        "HTTP/1.1 416 Range Not Satisfiable\r\ncontent-length: 0\r\n\r\n"
                    );
                }
                let len = end - first;
                write!(
                    stream,
                    "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes {first}-{}/{total}\r\ncontent-length: {len}\r\n\r\n",
                    end - 1
                )?;
                (first, end)
            }
            _ => {
                write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {total}\r\n\r\n")?;
                (0, total)
            }
        };
        file.seek(SeekFrom::Start(first))?;
        let mut left = end - first;
        let breaks = self.break_after.swap(0, Ordering::SeqCst);
        if breaks > 0 && breaks < left {
            io::copy(&mut file.take(breaks), stream)?;
            self.sent.fetch_add(breaks, Ordering::SeqCst);
            return stream.shutdown(std::net::Shutdown::Both);
        }
        let mut buffer = vec![0; 16 << 10];
        while left > 0 {
            let most = buffer
                .len()
                .min(usize::try_from(left).unwrap_or(usize::MAX));
            let n = file.read(&mut buffer[..most])?;
            stream.write_all(&buffer[..n])?;
            self.sent.fetch_add(n as u64, Ordering::SeqCst);
            left -= n as u64;
        }
        Ok(())
    }
}
