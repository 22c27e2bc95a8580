//! Real peers against the crates and the streaming server, both directions.
//!
//! `README.md` says which test drives which peer, how to run them and what they need.

mod adaptation;
mod browser;
mod calls;
mod client;
mod cluster;
mod control;
mod fidelity;
mod forwards;
mod hardships;
mod hostile;
mod ingest;
mod lifecycle;
mod load;
mod mixing;
mod onvif;
mod packaged;
mod peers;
mod recordings;
mod rooms;
mod rtsp;
mod rtsp_files;
mod rtsp_secure;
mod siege;
mod timeline;
mod vod;
mod webrtc;
mod wrapped;
