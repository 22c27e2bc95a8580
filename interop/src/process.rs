//! Child processes that cannot outlive their test and whose output can be waited for.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{PATIENCE, wait_for, wait_within};

/// What a process has said, line by line, filled by a thread.
#[derive(Debug, Clone, Default)]
pub struct Log(Arc<Lines>);

#[derive(Debug, Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    ended: AtomicBool,
}

impl Log {
    fn follow(stream: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let filled = log.clone();
        std::thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream
                .read_until(b'\n', &mut line)
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line).trim_end().to_owned();
                filled.0.lines.lock().unwrap().push(text);
                line.clear();
            }
            filled.0.ended.store(true, Ordering::Release);
        });
        log
    }

    /// All lines from number `from` on.
    pub fn since(&self, from: usize) -> Vec<String> {
        self.0.lines.lock().unwrap()[from..].to_vec()
    }

    /// All lines.
    pub fn lines(&self) -> Vec<String> {
        self.since(0)
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.0.lines.lock().unwrap().len()
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What `pick` makes of the first line, from number `from` on, of which it makes something.
    pub fn pick<T>(&self, from: usize, pick: impl FnMut(&str) -> Option<T>) -> Option<T> {
        self.0.lines.lock().unwrap()[from..]
            .iter()
            .map(String::as_str)
            .find_map(pick)
    }

    /// Waits for a line, from number `from` on, that has all of `words` in it.
    ///
    /// # Panics
    ///
    /// When none comes.
    pub fn wait_for(&self, from: usize, words: &[&str]) -> String {
        wait_for(&format!("a log line with {words:?}"), || {
            self.pick(from, |line| {
                words
                    .iter()
                    .all(|word| line.contains(word))
                    .then(|| line.to_owned())
            })
        })
    }
}

/// A child process: its output is collected, and it is killed when this is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    /// Standard output.
    pub stdout: Log,
    /// Standard error.
    pub stderr: Log,
}

impl Process {
    /// Starts `command`; `name` is how messages call it.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn spawn(name: impl Into<String>, command: &mut Command) -> Self {
        Self::start(name.into(), command.stdin(Stdio::null()))
    }

    /// The same for a program that reads commands and goes mad when there are none: its standard input stays open.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn spawn_listening(name: impl Into<String>, command: &mut Command) -> Self {
        Self::start(name.into(), command.stdin(Stdio::piped()))
    }

    fn start(name: String, command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdout = Log::follow(child.stdout.take().expect("piped"));
        let stderr = Log::follow(child.stderr.take().expect("piped"));
        Self {
            name,
            child,
            stdout,
            stderr,
        }
    }

    /// Runs `command` to its end and gives the lines that it wrote to standard output.
    ///
    /// # Panics
    ///
    /// When it fails or does not end.
    pub fn run(name: impl Into<String>, command: &mut Command) -> Vec<String> {
        let mut process = Self::spawn(name, command);
        process.expect_success();
        process.stdout.lines()
    }

    /// The process's number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The memory that it has in use, in KiB.
    ///
    /// # Panics
    ///
    /// Where there is no `/proc`, or no process any more.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()))
            .expect("it lives, and this is Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        number.expect("VmRSS is in there")
    }

    /// How it ended, if it has.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        let status = self
            .child
            .try_wait()
            .expect("waiting for one's own child works")?;
        // A grandchild may hold the pipe open: do not wait for the last lines for ever.
        wait_within(Duration::from_secs(2), || {
            [&self.stdout, &self.stderr]
                .iter()
                .all(|log| log.0.ended.load(Ordering::Acquire))
                .then_some(())
        });
        Some(status)
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// When it does not come.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.exited() {
                return status;
            }
            assert!(Instant::now() < deadline, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for the end, which has to be a good one.
    ///
    /// # Panics
    ///
    /// When it does not come, or is not one.
    pub fn expect_success(&mut self) {
        let status = self.wait();
        assert!(
            status.success(),
            "{} failed: {status}\n{}",
            self.name,
            self.stderr.lines().join("\n")
        );
    }

    /// Sends the signal, named as `kill` names it (`TERM`, `INT`, ...).
    pub fn signal(&self, signal: &str) {
        let id = self.id();
        let _ = Command::new("sh")
            .args(["-c", &format!("kill -s {signal} {id}")])
            .status();
    }

    /// Kills it, as the kernel would: no farewell is said.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            for (stream, log) in [("output", &self.stdout), ("log", &self.stderr)] {
                let lines = log.lines();
                let shown = &lines[lines.len().saturating_sub(200)..];
                eprintln!(
                    "--- {} of {} (last {} lines)\n{}",
                    stream,
                    self.name,
                    shown.len(),
                    shown.join("\n")
                );
            }
        }
    }
}
