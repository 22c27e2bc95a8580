//! Reads MPDs, tells which rules they break, and lists the first segments of each representation.
//!
//! ```sh
//! cargo run -p fluvial-dash --example mpd_check -- manifest.mpd ...
//! ```

use fluvial_dash::address::Address;
use fluvial_dash::{Mpd, check};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for path in std::env::args().skip(1) {
        let mpd = match Mpd::parse(&std::fs::read(&path)?) {
            Ok(mpd) => mpd,
            Err(error) => {
                println!("{path}: {error}");
                continue;
            }
        };
        println!("{path}: {} periods", mpd.periods.len());
        for finding in check(&mpd) {
            println!("  {finding}");
        }
        for period in mpd.placed_periods() {
            for set in &period.period.adaptation_sets {
                for representation in &set.representations {
                    let id = representation.id.as_deref().unwrap_or("?");
                    let address = Address::new(&mpd, &path, &period, set, representation)?;
                    let segments = address.segments()?.take(3);
                    let urls: Vec<_> = segments.map(|segment| segment.resource.url).collect();
                    println!("  {id}: {}, ...", urls.join(", "));
                }
            }
        }
    }
    Ok(())
}
