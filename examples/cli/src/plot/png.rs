use anyhow::{Context, Result};
use resvg::{tiny_skia, usvg};
use std::sync::Arc;

/// Pixels of a unit of the drawing.
const SCALE: f32 = 1.5;

/// Draws an SVG with a font that comes with the program, so that it looks the same everywhere.
pub fn render(svg: &str) -> Result<Vec<u8>> {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    fonts.set_sans_serif_family("Ubuntu");
    let options = usvg::Options {
        fontdb: Arc::new(fonts),
        font_family: "Ubuntu".into(),
        ..usvg::Options::default()
    };
    let tree = usvg::Tree::from_str(svg, &options)?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(SCALE)
        .context("an empty picture")?;
    let mut pixels =
        tiny_skia::Pixmap::new(size.width(), size.height()).context("too large a picture")?;
    resvg::render(
        &tree,
        tiny_skia::Transform::from_scale(SCALE, SCALE),
        &mut pixels.as_mut(),
    );
    Ok(pixels.encode_png()?)
}
