//! Shows the tree of boxes of an MP4 file.
//!
//! ```text
//! cargo run -p fluvial-mp4 --example boxes -- FILE
//! ```

use fluvial_mp4::boxes::{Children, SampleEntry, Stsd};
use fluvial_mp4::{Error, IsoBox};
use std::io::Write;
use wire::Reader;

/// Boxes that hold nothing but boxes.
const CONTAINERS: [&[u8; 4]; 11] = [
    b"moov", b"trak", b"edts", b"mdia", b"minf", b"dinf", b"stbl", b"mvex", b"moof", b"traf",
    b"udta",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: boxes FILE")?;
    let data = std::fs::read(path)?;
    show(Reader::new(&data), 0, &mut std::io::stdout().lock())?;
    Ok(())
}

fn show(body: Reader<'_>, depth: usize, out: &mut impl Write) -> std::io::Result<()> {
    for child in Children::new(body) {
        match child {
            Ok(child) => {
                let name = child.header.box_type;
                write!(
                    out,
                    "{:>10} {}{name} {}",
                    child.offset(),
                    "  ".repeat(depth),
                    child.bytes().len()
                )?;
                if name == Stsd::TYPE {
                    let formats: Result<Vec<_>, Error> =
                        Stsd::decode_body(&mut child.body()).map(|stsd| {
                            stsd.entries
                                .iter()
                                .filter_map(SampleEntry::format)
                                .collect()
                        });
                    write!(out, " {formats:?}")?;
                }
                writeln!(out)?;
                // A file of boxes in boxes in boxes would otherwise end this program's stack.
                if CONTAINERS.contains(&&name.0) && depth < 16 {
                    show(child.body(), depth + 1, out)?;
                }
            }
            Err(error) => writeln!(out, "{:>10} {}{error}", "", "  ".repeat(depth))?,
        }
    }
    Ok(())
}
