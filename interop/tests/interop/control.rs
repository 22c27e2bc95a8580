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
    let nginx = Nginx::start();
    let url = nginx.url("control");
    let reader = Reader::start(&url, &[]);
    nginx.process.stderr.wait_for(0, &["play: name='control'"]);
    clip.publish(&url).expect_success();
    reader.finish(&clip.frames_by_blocks).assert_begins(
        &clip.frames,
        &clip.frames_by_blocks,
        "nginx",
    );
}
