//! Shows what a transport stream carries: `cargo run -p fluvial-mpegts --example units -- FILE`.

use fluvial_mpegts::Limits;
use fluvial_mpegts::reader::{Reader, Unit};
use std::io::Read;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).ok_or("usage: units FILE")?;
    let mut file = std::fs::File::open(path)?;
    let mut reader = Reader::new(Limits::default());
    let mut buffer = vec![0; 64 << 10];
    loop {
        let len = file.read(&mut buffer)?;
        if len == 0 {
            reader.handle_eof();
        }
        let mut input = &buffer[..len];
        while let Some(unit) = reader.next(&mut input) {
            match unit {
                Unit::Pat(pat) => println!("PAT {:?}", pat.programs),
                Unit::Pmt(pmt) => {
                    println!("PMT of program {}", pmt.program_number);
                    for stream in pmt.streams {
                        println!("  {:#06x} {}", stream.elementary_pid, stream.stream_type);
                    }
                }
                Unit::Pes(pes) => println!(
                    "{} PES {} at {}: pts {:?} dts {:?}, {} bytes",
                    pes.pid,
                    pes.stream_id,
                    pes.offset,
                    pes.pts,
                    pes.dts,
                    pes.data.len()
                ),
                Unit::Section(section) => println!(
                    "{} section at {}: {} bytes",
                    section.pid,
                    section.offset,
                    section.data.len()
                ),
                Unit::Clock(clock) => println!("{} PCR {}", clock.pid, clock.pcr.ticks()),
                Unit::Problem(problem) => println!("{problem:?}"),
                _ => {}
            }
        }
        if len == 0 {
            return Ok(());
        }
    }
}
