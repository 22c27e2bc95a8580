//! The control experiment: what the harness says of peers among themselves.

use fluvial_interop::{
    clip::NTSC_PYRAMID,
    needs,
    nginx::Nginx,
    peer::{FFMPEG, NGINX_RTMP},
    reader::Reader,
};

/// ffmpeg to nginx-rtmp to ffmpeg: the comparison finds nothing where nothing is wrong.
#[test]
fn ffmpeg_through_nginx() {
    needs!(FFMPEG, NGINX_RTMP);
    let clip = NTSC_PYRAMID.clip();
    let nginx = Nginx::start("");
    let url = nginx.url("control");
    let reader = Reader::start(&url, &[]);
    nginx.wait_for_player("control");
    clip.publish(&url).expect_success();
    nginx.end_after("control");
    reader.finish().assert_same(&clip.frames, "nginx");
}
