//! GStreamer pipelines and ffmpeg, with sockets of ours at their ends.
#![allow(dead_code, reason = "each test uses its part")]

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A program that runs; it is stopped when this is dropped.
pub(crate) struct Running(Child);

impl Running {
    /// Whether it has ended by itself.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    /// Whether it did something to memory that is not its own: a fault of the program, said aloud.
    #[cfg(unix)]
    pub(crate) fn has_crashed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        const SIGSEGV: i32 = 11;
        let status = self.0.try_wait().ok().flatten();
        let has = status.is_some_and(|status| status.signal() == Some(SIGSEGV));
        if has {
            eprintln!("PEER CRASHED: SIGSEGV");
        }
        has
    }

    #[cfg(not(unix))]
    pub(crate) fn has_crashed(&mut self) -> bool {
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether GStreamer has these elements; says so aloud where not.
pub(crate) fn has(elements: &[&str]) -> bool {
    for element in elements {
        let found = Command::new("gst-inspect-1.0")
            .args(["--exists", element])
            .status();
        if !found.is_ok_and(|status| status.success()) {
            eprintln!("SKIPPED: GStreamer's {element} is not installed");
            return false;
        }
    }
    true
}

/// Starts a program; `None`, said aloud, where it is not installed.
pub(crate) fn start(program: &str, args: &[&str]) -> Option<Running> {
    let child = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit())
        .spawn();
    match child {
        Ok(child) => Some(Running(child)),
        Err(_) => {
            eprintln!("SKIPPED: {program} is not installed");
            None
        }
    }
}

/// Starts a pipeline, told as `gst-launch-1.0` has it.
pub(crate) fn launch(pipeline: &str) -> Running {
    let args: Vec<String> = words(pipeline);
    // Without a handler of its own, which would spin.
    let args: Vec<&str> = ["-q", "--no-fault"]
        .into_iter()
        .chain(args.iter().map(String::as_str))
        .collect();
    start("gst-launch-1.0", &args).expect("its elements are there")
}

/// At blanks, but for those in single quotes.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in text.chars() {
        match c {
            '\'' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => words.push(String::new()),
            c => words.last_mut().expect("one").push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A socket, and its port.
pub(crate) fn socket() -> (UdpSocket, u16) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = socket.local_addr().expect("bound").port();
    (socket, port)
}

/// A port that nobody uses at present, whose successor is free too.
pub(crate) fn free_port() -> u16 {
    pair().0
}

/// Sockets for RTP and RTCP, and the port of the first: nobody else can take them meanwhile.
pub(crate) fn pair() -> (u16, UdpSocket, UdpSocket) {
    loop {
        let (rtp, port) = socket();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind(("127.0.0.1", port + 1))
        {
            return (port, rtp, rtcp);
        }
    }
}

/// Datagrams until there are so many, or none came for a second after the first (for 20 s before it).
pub(crate) fn receive(socket: &UdpSocket, count: usize) -> Vec<Vec<u8>> {
    let mut datagrams = Vec::new();
    let start = Instant::now();
    let mut buffer = [0; 2048];
    while datagrams.len() < count && start.elapsed() < Duration::from_secs(40) {
        let patience = if datagrams.is_empty() {
            Duration::from_secs(20)
        } else {
            Duration::from_secs(1)
        };
        socket.set_read_timeout(Some(patience)).expect("a time");
        match socket.recv(&mut buffer) {
            Ok(len) => datagrams.push(buffer[..len].to_vec()),
            Err(_) => break,
        }
    }
    datagrams
}

/// Sends datagrams to a port, again and again from the first on until one comes back at `answers`; then the rest. So nobody has to guess
/// when a program is ready. Gives all that came back.
pub(crate) fn exchange(
    datagrams: &[Vec<u8>],
    port: u16,
    answers: &UdpSocket,
    count: usize,
) -> Vec<Vec<u8>> {
    let sender = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let start = Instant::now();
    let mut buffer = [0; 2048];
    let mut back = Vec::new();
    answers
        .set_read_timeout(Some(Duration::from_millis(100)))
        .expect("a time");
    while back.is_empty() && start.elapsed() < Duration::from_secs(20) {
        sender
            .send_to(&datagrams[0], ("127.0.0.1", port))
            .expect("sent");
        if let Ok(len) = answers.recv(&mut buffer) {
            back.push(buffer[..len].to_vec());
        }
    }
    for datagram in &datagrams[1..] {
        sender.send_to(datagram, ("127.0.0.1", port)).expect("sent");
        std::thread::sleep(Duration::from_millis(2));
    }
    back.extend(receive(answers, count.saturating_sub(1)));
    back
}
