use super::{Area, Picture};
use fast_image_resize::images::{TypedCroppedImageMut, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// Scales pictures into parts of others.
#[derive(Debug)]
pub struct Scaler {
    resizer: Resizer,
}

impl Scaler {
    /// One whose pixels are means of what they show.
    #[must_use]
    pub fn new() -> Self {
        Self {
            resizer: Resizer::new(),
        }
    }

    /// Fills an area of `into`, which begins and ends on even pixels inside of it, with all of `from`.
    pub fn scale(&mut self, from: &Picture, into: &mut Picture, area: Area) {
        let (width, height) = (into.width(), into.height());
        if area.width < 2
            || area.height < 2
            || area.x + area.width > width
            || area.y + area.height > height
        {
            return;
        }
        if (area.width, area.height) == (from.width(), from.height()) {
            return copy(from, into, area);
        }
        // Down to a half, four pixels are all that is between; beyond that, the mean of all costs more.
        let near = from.width() <= 2 * area.width && from.height() <= 2 * area.height;
        let filter = match near {
            true => ResizeAlg::Interpolation(FilterType::Bilinear),
            false => ResizeAlg::Convolution(FilterType::Bilinear),
        };
        let options = ResizeOptions::new().resize_alg(filter).use_alpha(false);
        for plane in 0..3 {
            let half = u32::from(plane > 0);
            let part = |value: usize| u32::try_from(value).unwrap_or(u32::MAX) >> half;
            let source = &from.planes()[plane];
            let source =
                TypedImageRef::<U8>::from_buffer(part(from.width()), part(from.height()), source);
            let target = &mut into.planes_mut()[plane];
            let target = TypedImage::<U8>::from_buffer(part(width), part(height), target);
            let (Ok(source), Ok(mut target)) = (source, target) else {
                return;
            };
            let (x, y, width, height) = (
                part(area.x),
                part(area.y),
                part(area.width),
                part(area.height),
            );
            let Ok(mut target) = TypedCroppedImageMut::from_ref(&mut target, x, y, width, height)
            else {
                return;
            };
            // Its only reason to fail is an area outside of the source, and there is none.
            let _ = self.resizer.resize_typed(&source, &mut target, &options);
        }
    }
}

fn copy(from: &Picture, into: &mut Picture, area: Area) {
    for plane in 0..3 {
        let source = &from.planes()[plane];
        into.lines(plane, area, |line, number| {
            let start = number * line.len();
            line.copy_from_slice(&source[start..start + line.len()]);
        });
    }
}

impl Default for Scaler {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Colour;
    use super::*;

    #[test]
    fn halves_stay_halves() {
        let mut source = Picture::new(64, 32, Colour::WHITE);
        let left = Area {
            width: 32,
            ..source.area()
        };
        source.fill(left, Colour::RED);
        for (width, height) in [(200, 100), (32, 16), (64, 32)] {
            let mut target = Picture::new(256, 128, Colour::BLACK);
            let area = Area {
                x: 16,
                y: 8,
                width,
                height,
            };
            Scaler::new().scale(&source, &mut target, area);
            assert_eq!(target.at(16 + width / 8, 8 + height / 2), Colour::RED);
            assert_eq!(target.at(16 + width * 7 / 8, 8 + height - 2), Colour::WHITE);
            for outside in [(15, 20), (16 + width, 20), (20, 7), (20, 8 + height)] {
                assert_eq!(
                    target.at(outside.0, outside.1),
                    Colour::BLACK,
                    "{outside:?}"
                );
            }
        }
        // What does not fit is left out.
        let mut small = Picture::new(16, 16, Colour::BLACK);
        Scaler::new().scale(&source, &mut small, source.area());
        assert_eq!(small, Picture::new(16, 16, Colour::BLACK));
    }
}
