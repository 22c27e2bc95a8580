//! RTSP inside of HTTP, for networks that let nothing else through: [`http`] in two requests with Base64, [`websocket`] in one.

pub mod http;
pub mod websocket;
