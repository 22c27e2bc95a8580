//! Tells which rules files or segments break.
//!
//! `cargo run -p fluvial-mp4 --example mp4_check -- FILE...`

use fluvial_mp4::Limits;
use fluvial_mp4::check::Checker;
use std::fs::File;
use std::io::Read;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut buffer = vec![0; 1 << 16];
    for path in std::env::args().skip(1) {
        let mut file = File::open(&path)?;
        let mut checker = Checker::new(Limits::default());
        loop {
            let n = file.read(&mut buffer)?;
            match n {
                0 => checker.handle_eof(),
                _ => checker.handle_input(buffer.get(..n).unwrap_or_default()),
            }
            while let Some(finding) = checker.poll_finding() {
                println!("{path}: {finding}");
            }
            if n == 0 {
                break;
            }
        }
    }
    Ok(())
}
