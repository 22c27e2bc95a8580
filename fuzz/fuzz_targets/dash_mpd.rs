//! MPDs: written and read back the same; addresses, checks and clients that end.
#![no_main]

use dash::address::Address;
use dash::client::{Client, Config, Kind};
use dash::{Limits, Mpd, check};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let _ = dash::Patch::parse(data);
    let _ = dash::address::Index::parse(data, 0);
    let mut limits = Limits::new();
    limits.memory = 16 << 20;
    let Ok(mpd) = Mpd::parse_with(data, &limits) else {
        return;
    };
    let mut out = Vec::new();
    mpd.write(&mut out);
    let again = Mpd::parse(&out).expect("our own");
    assert_eq!(mpd, again, "{}", String::from_utf8_lossy(&out));
    assert!(check(&mpd).len() <= 1000);
    for period in mpd.placed_periods() {
        for set in &period.period.adaptation_sets {
            for representation in &set.representations {
                let Ok(address) = Address::new(&mpd, "http://h/a", &period, set, representation)
                else {
                    continue;
                };
                let _ = address.initialization();
                let Ok(segments) = address.segments() else {
                    continue;
                };
                assert!(segments.clone().take(100).count() <= 100);
                let mut ahead = segments.clone();
                ahead.skip_to(1 << 60);
                let _ = ahead.next();
                assert!(segments.available(1 << 60).take(100).count() <= 100);
            }
        }
    }
    let mut client = Client::new("http://h/a", Config::default());
    let mut now = 1 << 60;
    for _ in 0..200 {
        if let Some(request) = client.poll_request(now) {
            let body = if request.kind == Kind::Document {
                data
            } else {
                &[]
            };
            client.handle_response(request.id, &request.resource.url, body, now);
        } else if let Some(at) = client.poll_timeout() {
            now = now.max(at);
        }
        if client.poll_event().is_err() {
            break;
        }
    }
});
