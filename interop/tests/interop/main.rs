//! Real peers against the crates and the streaming server, both directions.

mod control;
