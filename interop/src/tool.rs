//! The tool `fluvial`, built by cargo.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use crate::{process::Process, server::build};

/// Has `fluvial check` look at a file, which has to be without a finding.
///
/// # Panics
///
/// When it has one.
pub fn check(file: &Path) {
    let mut command = Command::new(binary());
    command.arg("check").arg(file);
    let told = Process::run("fluvial check", &mut command);
    let clean = |line: &String| line.contains("0 errors, 0 warnings");
    assert!(
        told.last().is_some_and(clean),
        "{}: {told:?}",
        file.display()
    );
}

/// `$FLUVIAL_TOOL`, else built by cargo in the profile that this package is built in.
fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        let build = || build("fluvial-cli", "fluvial");
        env::var_os("FLUVIAL_TOOL").map_or_else(build, PathBuf::from)
    })
}
