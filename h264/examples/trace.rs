//! Prints every syntax element of an H.264 byte stream: `cargo run -p fluvial-h264 --example trace -- stream.264`

use fluvial_h264::{Tracer, access_unit, annexb, nal::UnitType};
use std::error::Error;
use std::io::{BufWriter, Write, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("which file?")?;
    let stream = std::fs::read(path)?;
    let mut out = BufWriter::new(stdout().lock());
    let mut tracer = Tracer::default();
    for (n, unit) in access_unit::units(&stream).enumerate() {
        writeln!(out, "access unit {n}")?;
        for nal in annexb::nals(unit) {
            writeln!(out, "  {:?}, {} bytes", UnitType::of(nal), nal.len())?;
            let mut written = Ok(());
            let told = tracer.nal(nal, |element| {
                if written.is_ok() {
                    let (bit, name, value) = (element.bit, element.name, element.value);
                    written = writeln!(out, "    {bit:6} {name} = {value}");
                }
            });
            written?;
            if let Err(error) = told {
                writeln!(out, "    {error}")?;
            }
        }
    }
    Ok(out.flush()?)
}
