use super::{Area, Colour, Picture};
use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use std::collections::HashMap;
use std::sync::Arc;

/// Most letters of a line.
const LETTERS: usize = 64;
/// Lines that are kept.
const KEPT: usize = 256;

/// How much of each pixel a line of text covers.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    width: usize,
    height: usize,
    cover: Vec<u8>,
}

/// Writes on pictures.
#[derive(Debug)]
pub struct Writer {
    font: Option<FontRef<'static>>,
    lines: HashMap<(String, usize), Arc<Line>>,
}

impl Writer {
    /// With the font that the binary has with it.
    #[must_use]
    pub fn new() -> Self {
        Self {
            font: FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok(),
            lines: HashMap::new(),
        }
    }

    /// Writes a line of this height on a dark ground, into the lower left corner of an area, if that is high enough.
    pub fn label(&mut self, picture: &mut Picture, area: Area, text: &str, height: usize) {
        let Some(line) = self.line(text, height) else {
            return;
        };
        let pad = height / 4;
        if line.height + pad > area.height {
            return;
        }
        let ground = Area {
            x: area.x,
            y: (area.y + area.height).saturating_sub(line.height + pad) & !1,
            width: (line.width + 2 * pad).min(area.width),
            height: line.height + pad,
        };
        darken(picture, ground);
        draw(picture, area, &line, ground.x + pad, ground.y + pad / 2);
    }

    /// Writes a line of this height in the middle of an area, if that is high enough.
    pub fn centre(&mut self, picture: &mut Picture, area: Area, text: &str, height: usize) {
        if let Some(line) = self.line(text, height)
            && line.height <= area.height
        {
            let x = area.x + area.width.saturating_sub(line.width) / 2;
            let y = area.y + area.height.saturating_sub(line.height) / 2;
            draw(picture, area, &line, x, y);
        }
    }

    fn line(&mut self, text: &str, height: usize) -> Option<Arc<Line>> {
        if text.trim().is_empty() || height < 4 {
            return None;
        }
        let key = (text.to_owned(), height);
        if let Some(line) = self.lines.get(&key) {
            return Some(Arc::clone(line));
        }
        if self.lines.len() >= KEPT {
            self.lines.clear();
        }
        let line = Arc::new(set(self.font.as_ref()?, text, height));
        self.lines.insert(key, Arc::clone(&line));
        Some(line)
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

/// Sets a line.
fn set(font: &FontRef<'_>, text: &str, height: usize) -> Line {
    let scale = PxScale::from(height as f32);
    let scaled = font.as_scaled(scale);
    let mut pen = 0.0;
    let mut glyphs = Vec::new();
    for letter in text
        .chars()
        .filter(|letter| !letter.is_control())
        .take(LETTERS)
    {
        let id = scaled.glyph_id(letter);
        glyphs.push(id.with_scale_and_position(scale, point(pen, scaled.ascent())));
        pen += scaled.h_advance(id);
    }
    let width = pen.ceil() as usize;
    let mut line = Line {
        width,
        height,
        cover: vec![0; width * height],
    };
    for glyph in glyphs {
        let Some(outline) = font.outline_glyph(glyph) else {
            continue;
        };
        let bounds = outline.px_bounds();
        outline.draw(|x, y, cover| {
            let (x, y) = (bounds.min.x + x as f32, bounds.min.y + y as f32);
            if x >= 0.0 && y >= 0.0 && (x as usize) < width && (y as usize) < height {
                let pixel = &mut line.cover[y as usize * width + x as usize];
                *pixel = pixel.saturating_add((cover * 255.0) as u8);
            }
        });
    }
    line
}

fn darken(picture: &mut Picture, area: Area) {
    picture.lines(0, area, |line, _| {
        for pixel in line {
            *pixel = 16 + (pixel.saturating_sub(16)) / 4;
        }
    });
    for plane in [1, 2] {
        picture.lines(plane, area, |line, _| {
            for pixel in line {
                *pixel = 96 + *pixel / 4;
            }
        });
    }
}

/// Draws a line in white, as far as it is inside of an area.
fn draw(picture: &mut Picture, within: Area, line: &Line, x: usize, y: usize) {
    let width = line.width.min((within.x + within.width).saturating_sub(x));
    let area = Area {
        x,
        y,
        width,
        height: line.height,
    };
    let blend = |pixel: &mut u8, cover: u8, to: u8| {
        let cover = i32::from(cover);
        let mixed = (i32::from(*pixel) * (255 - cover) + i32::from(to) * cover) / 255;
        *pixel = u8::try_from(mixed).unwrap_or(to);
    };
    picture.lines(0, area, |pixels, number| {
        let cover = &line.cover[number * line.width..];
        for (pixel, cover) in pixels.iter_mut().zip(cover) {
            blend(pixel, *cover, Colour::WHITE.y);
        }
    });
    for plane in [1, 2] {
        picture.lines(plane, area, |pixels, number| {
            let cover = &line.cover[(2 * number).min(line.height - 1) * line.width..];
            for (pixel, cover) in pixels.iter_mut().zip(cover.iter().step_by(2)) {
                blend(pixel, *cover, 128);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pixels that are brighter than `than`, in an area.
    fn bright(picture: &Picture, area: Area, than: u8) -> usize {
        let columns = area.x..area.x + area.width;
        let rows = area.y..area.y + area.height;
        rows.flat_map(|y| columns.clone().map(move |x| (x, y)))
            .filter(|(x, y)| picture.at(*x, *y).y > than)
            .count()
    }

    #[test]
    fn a_name_is_in_the_corner_and_nowhere_else() {
        let mut picture = Picture::new(320, 180, Colour::SLATE);
        let area = Area {
            x: 160,
            y: 90,
            width: 160,
            height: 90,
        };
        Writer::new().label(&mut picture, area, "Ann", 16);
        let corner = Area {
            x: 160,
            y: 150,
            width: 60,
            height: 30,
        };
        assert!(bright(&picture, corner, 120) > 10);
        let rest = Area {
            x: 0,
            y: 0,
            width: 320,
            height: 150,
        };
        assert_eq!(bright(&picture, rest, Colour::SLATE.y), 0);
        // More letters than there is room for end at the edge.
        let mut narrow = Picture::new(320, 180, Colour::SLATE);
        let area = Area { width: 20, ..area };
        Writer::new().label(&mut narrow, area, "a name without an end", 16);
        let beyond = Area {
            x: 180,
            y: 90,
            width: 100,
            height: 90,
        };
        assert_eq!(bright(&narrow, beyond, Colour::SLATE.y), 0);
    }

    #[test]
    fn other_letters_look_otherwise() {
        let font = FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).unwrap();
        assert_ne!(set(&font, "b", 20), set(&font, "d", 20));
        assert_eq!(set(&font, "\u{7}", 20).width, 0);
    }
}
