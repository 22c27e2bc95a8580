//! What the crates' tests share: the corpus of public files and what it expects of them, peers to ask, damage and noise.
//!
//! What is not installed is said aloud and given as `None`, so that a test that skips is seen to skip.
#![allow(clippy::print_stderr, reason = "a skipped test is to be seen")]

pub mod dump;

mod corpus;
mod damage;
mod noise;
mod peers;
mod sound;

pub use corpus::{Manifest, corpus, files, go_seeds, manifest};
pub use damage::{Random, flip_bits, truncations};
pub use noise::datagram;
pub use peers::{ask, csv, ended, output, run, shaka_packager, wait};
pub use sound::{strength, tone};
