//! The server's end of a tunnel under any requests: no panic, input taken once, memory bounded; and the client's under any answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtmp::tunnel::{Client, Config, Reply, Server, Target};
use std::time::Duration;
use wire::Reader;

struct Zero;

impl rand_core::RngCore for Zero {
    fn next_u32(&mut self) -> u32 {
        0
    }
    fn next_u64(&mut self) -> u64 {
        0
    }
    fn fill_bytes(&mut self, dst: &mut [u8]) {
        dst.fill(0);
    }
}

fuzz_target!(|data: &[u8]| {
    let _ = std::str::from_utf8(data).map(|path| {
        if let Ok(target) = path.parse::<Target>() {
            assert_eq!(target.to_string().parse::<Target>(), Ok(target));
        }
    });
    let mut server = Server::new(Config::default(), &mut Zero, Duration::ZERO);
    let mut client = Client::new();
    let (mut r, mut now, mut taken, mut given) = (Reader::new(data), Duration::ZERO, 0, 0);
    while let (Ok(verb), Ok(number), Ok(step), Ok(len)) =
        (r.u8("verb"), r.u8("number"), r.u8("step"), r.u8("len"))
    {
        let body = r.take(usize::from(len).min(r.left()), "body").unwrap();
        now += Duration::from_millis(u64::from(step));
        let verb_name = ["send", "idle", "close", "send"][usize::from(verb % 4)];
        let target = format!("/{verb_name}/{}/{}", server.id(), number % 8);
        if let Ok(accepted) = server.handle_request(&target.parse().unwrap(), body, now) {
            taken += accepted.input.len();
            given += body.len();
            let mut bytes = (verb & 4 > 0).then(|| vec![verb; usize::from(len)].into());
            if let Reply::Ready(body) = server.poll_response(accepted.ticket, now, || bytes.take())
            {
                assert!(!body.is_empty());
            }
        }
        assert!(taken <= given && server.buffered_len() <= 512 << 10);
        let mut bytes = (verb & 8 > 0).then(|| vec![verb; usize::from(len) + 1].into());
        if client.poll_request(now, || bytes.take()).is_some() || verb & 16 > 0 {
            let status = if verb & 32 > 0 { 404 } else { 200 };
            let _ = client.handle_response(status, body, now);
        }
    }
});
