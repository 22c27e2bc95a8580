//! Files, segments and what is neither: the same findings however the bytes are cut, bounded in number and memory.
#![no_main]

use fluvial_fuzz::pieces;
use libfuzzer_sys::fuzz_target;
use mp4::Limits;
use mp4::check::{Checker, Finding, Rule};

fn check<'a>(input: impl Iterator<Item = &'a [u8]>) -> Vec<Finding> {
    let mut checker = Checker::new(Limits::default());
    let mut fed = 0;
    for piece in input {
        fed += piece.len();
        checker.handle_input(piece);
        assert!(checker.buffered_len() <= 4 * fed, "{} for {fed}", checker.buffered_len());
    }
    checker.handle_eof();
    let findings: Vec<Finding> = std::iter::from_fn(|| checker.poll_finding()).collect();
    // Ten of a kind, and how many more.
    assert!(findings.len() <= 11 * Rule::ALL.len());
    findings
}

fuzz_target!(|data: &[u8]| {
    let whole = check(std::iter::once(data));
    assert_eq!(whole, check(pieces(data)));
});
