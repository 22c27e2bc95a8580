//! The client of HLS against a server of any kind: it ends, or waits, and holds no more than it was given.
//!
//! The input is what the server answers to one request for a playlist after the other, with lines of `---` between; an answer
//! that is empty is a failure.
#![no_main]

use hls::client::{Client, Config, Kind};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let answers: Vec<&str> = text.split("---\n").collect();
    let mut config = Config::default();
    config.retries = 1;
    let mut client = Client::new("http://h/a.m3u8?q=1", config);
    let (mut now, mut asked, mut turns) = (0, 0, 0);
    while turns < 400 {
        turns += 1;
        if let Some(request) = client.poll_request(now) {
            let url = request.resource.url.as_str();
            match request.kind {
                Kind::Playlist => {
                    let answer = answers.get(asked).or(answers.last()).copied().unwrap_or("");
                    asked += 1;
                    if answer.is_empty() {
                        client.handle_failure(request.id, now);
                    } else {
                        client.handle_response(request.id, url, answer.as_bytes(), now);
                    }
                }
                Kind::Key => client.handle_response(request.id, url, &[7; 16], now),
                _ if turns % 5 == 0 => client.handle_failure(request.id, now),
                _ => client.handle_response(request.id, url, b"0123456789", now),
            }
        } else if let Some(at) = client.poll_timeout() {
            assert!(at > now || client.poll_request(now).is_some(), "it waits for what is past");
            now = now.max(at);
        }
        match turns % 50 {
            10 => client.set_bandwidth(Some(u64::from(data.len() as u32) * 1000)),
            20 => client.set_variant(1),
            30 => client.seek(4_000_000_000),
            _ => {}
        }
        if client.poll_event().is_err() {
            assert!(client.poll_request(now).is_none());
            break;
        }
    }
});
