//! Tells who builds that without `nasm` all that is encoded and decoded takes longer.

use std::process::{Command, Stdio};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Elsewhere OpenH264 has no use for it.
    let arch = std::env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
    if !matches!(arch.as_str(), "x86" | "x86_64") {
        return;
    }
    let mut nasm = Command::new("nasm");
    let found = nasm.arg("-v").stdout(Stdio::null()).stderr(Stdio::null());
    if !found.status().is_ok_and(|status| status.success()) {
        println!(
            "cargo::warning=nasm was not found: OpenH264 is built without its assembler, and a room takes up to half as much again of the processor"
        );
    }
}
