use super::{Area, Picture};
use fast_image_resize::images::{TypedCroppedImageMut, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// Scales pictures into parts of others.
#[derive(Debug)]
pub struct Scaler {
    resizer: Resizer,
    columns: Vec<Between>,
    row: Vec<u8>,
}

/// Where a pixel or a line lies: behind which one of the source, and how far from it, in 256 parts of what is between two.
#[derive(Debug, Clone, Copy)]
struct Between {
    first: usize,
    part: u16,
}

impl Between {
    /// Of the `index`th of `to` that show `from`, from edge to edge.
    fn of(index: usize, to: usize, from: usize) -> Self {
        let at = ((2 * index + 1) * from * 128 / to).saturating_sub(128);
        let first = (at / 256).min(from.saturating_sub(2));
        let part = u16::try_from(at - 256 * first).unwrap_or(256).min(256);
        Self { first, part }
    }

    fn mix(self, first: u8, second: u8) -> u8 {
        let second = u16::from(second) * self.part;
        // Of a sum of 256 parts that is the mean.
        ((u16::from(first) * (256 - self.part) + second).saturating_add(128) >> 8) as u8
    }
}

impl Scaler {
    /// One whose pixels are means of what they show.
    #[must_use]
    pub fn new() -> Self {
        Self {
            resizer: Resizer::new(),
            columns: Vec::new(),
            row: Vec::new(),
        }
    }

    /// Fills an area of `into`, which begins and ends on even pixels inside of it, with all of `from`.
    pub fn scale(&mut self, from: &Picture, into: &mut Picture, area: Area) {
        if area.width < 2
            || area.height < 2
            || area.x + area.width > into.width()
            || area.y + area.height > into.height()
        {
            return;
        }
        if (area.width, area.height) == (from.width(), from.height()) {
            return copy(from, into, area);
        }
        // Down to a half, four pixels are all that is between; beyond that, the mean of all costs more.
        match from.width() <= 2 * area.width && from.height() <= 2 * area.height {
            true => self.blend(from, into, area),
            false => self.average(from, into, area),
        }
    }

    /// Each pixel is made of the four around its place: first of two lines one, then of two pixels of that.
    fn blend(&mut self, from: &Picture, into: &mut Picture, area: Area) {
        let Self { columns, row, .. } = self;
        for plane in 0..3 {
            let half = usize::from(plane > 0);
            let (width, height) = (from.width() >> half, from.height() >> half);
            let (wide, high) = (area.width >> half, area.height >> half);
            let source = &from.planes()[plane];
            columns.clear();
            columns.extend((0..wide).map(|index| Between::of(index, wide, width)));
            into.lines(plane, area, |line, number| {
                let between = Between::of(number, high, height);
                let start = between.first * width;
                let first = &source[start..start + width];
                // Of a single line there is no other.
                let second = source
                    .get(start + width..)
                    .filter(|rest| rest.len() >= width);
                let second = second.unwrap_or(first);
                row.clear();
                row.extend(first.iter().zip(second).map(|(a, b)| between.mix(*a, *b)));
                if width == 2 * line.len() {
                    let (pairs, _) = row.as_chunks::<2>();
                    for (pixel, [a, b]) in line.iter_mut().zip(pairs) {
                        *pixel = (u16::from(*a) + u16::from(*b)).div_ceil(2) as u8;
                    }
                    return;
                }
                row.extend(row.last().copied());
                for (pixel, between) in line.iter_mut().zip(&*columns) {
                    let pair = &row[between.first..between.first + 2];
                    *pixel = between.mix(pair[0], pair[1]);
                }
            });
        }
    }

    /// Each pixel is the mean of all that it shows.
    fn average(&mut self, from: &Picture, into: &mut Picture, area: Area) {
        let (width, height) = (into.width(), into.height());
        let filter = ResizeAlg::Convolution(FilterType::Bilinear);
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
        // A slope stays a slope, upwards and downwards, and at its ends nothing comes from beyond.
        let mut slope = Picture::new(96, 64, Colour::BLACK);
        slope.lines(0, slope.area(), |line, number| {
            for (x, pixel) in line.iter_mut().enumerate() {
                *pixel = (16 + 2 * x + number / 2) as u8;
            }
        });
        for (width, height) in [(48, 32), (64, 48), (72, 40), (180, 120)] {
            let mut target = Picture::new(200, 128, Colour::BLACK);
            let area = Area {
                x: 4,
                y: 2,
                width,
                height,
            };
            Scaler::new().scale(&slope, &mut target, area);
            for (x, y) in [(0, 0), (width / 2, height / 3), (width - 1, height - 1)] {
                let at = |place: usize, to: usize, from: usize| {
                    let at = (place as f32 + 0.5) * from as f32 / to as f32 - 0.5;
                    at.clamp(0.0, (from - 1) as f32)
                };
                let wanted = 16.0 + 2.0 * at(x, width, 96) + at(y, height, 64) / 2.0;
                let seen = f32::from(target.at(4 + x, 2 + y).y);
                assert!(
                    (seen - wanted).abs() < 1.6,
                    "{width} {x} {y}: {seen} {wanted}"
                );
            }
        }
        // What does not fit is left out.
        let mut small = Picture::new(16, 16, Colour::BLACK);
        Scaler::new().scale(&source, &mut small, source.area());
        assert_eq!(small, Picture::new(16, 16, Colour::BLACK));
    }
}
