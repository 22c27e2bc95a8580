//! Pictures: held, scaled, written upon, composed, decoded and encoded. All are I420, so that no colour is ever converted.

pub mod compose;
pub mod decode;
pub mod encode;
mod scale;
mod text;

pub use scale::Scaler;
pub use text::Writer;

/// A colour as ITU-R BT.601 has it, of limited range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colour {
    /// Luma.
    pub y: u8,
    /// Blue.
    pub u: u8,
    /// Red.
    pub v: u8,
}

impl Colour {
    /// Nothing.
    pub const BLACK: Colour = Colour::new(16, 128, 128);
    /// All.
    pub const WHITE: Colour = Colour::new(235, 128, 128);
    /// Behind a name without a picture.
    pub const SLATE: Colour = Colour::new(48, 136, 122);
    /// Of the mark of who is muted.
    pub const RED: Colour = Colour::new(90, 96, 210);

    /// One.
    #[must_use]
    pub const fn new(y: u8, u: u8, v: u8) -> Self {
        Self { y, u, v }
    }
}

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Left edge.
    pub x: usize,
    /// Upper edge.
    pub y: usize,
    /// Width.
    pub width: usize,
    /// Height.
    pub height: usize,
}

impl Area {
    /// Whether they have a pixel in common.
    #[must_use]
    pub const fn meets(&self, other: &Area) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    /// The largest part in the middle that has the shape of `width` x `height`, on even pixels.
    #[must_use]
    pub fn fit(&self, width: usize, height: usize) -> Area {
        if width == 0 || height == 0 {
            return *self;
        }
        let (w, h) = match self.width * height <= self.height * width {
            true => (self.width, self.width * height / width),
            false => (self.height * width / height, self.height),
        };
        // A line more or less than the shape wants does not show; a black edge does.
        let near = |part: usize, whole: usize| match whole - part < 4 {
            true => whole,
            false => part,
        };
        let (w, h) = (
            near(w, self.width).max(2) & !1,
            near(h, self.height).max(2) & !1,
        );
        Area {
            x: self.x + (((self.width - w.min(self.width)) / 2) & !1),
            y: self.y + (((self.height - h.min(self.height)) / 2) & !1),
            width: w.min(self.width),
            height: h.min(self.height),
        }
    }
}

/// A picture with even edges: luma, and both colours at half its size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    width: usize,
    height: usize,
    /// The three planes.
    planes: [Vec<u8>; 3],
}

impl Picture {
    /// One of one colour; odd edges lose their last line.
    #[must_use]
    pub fn new(width: usize, height: usize, colour: Colour) -> Self {
        let (width, height) = (width.max(2) & !1, height.max(2) & !1);
        let (all, quarter) = (width * height, width * height / 4);
        Self {
            width,
            height,
            planes: [
                vec![colour.y; all],
                vec![colour.u; quarter],
                vec![colour.v; quarter],
            ],
        }
    }

    /// A copy of planes that have more bytes per line than pixels; none, if one is too short.
    #[must_use]
    pub fn from_planes(
        (width, height): (usize, usize),
        planes: [&[u8]; 3],
        strides: [usize; 3],
    ) -> Option<Self> {
        let (width, height) = (width & !1, height & !1);
        let copy = |index: usize, width: usize, height: usize| {
            let mut all = Vec::with_capacity(width * height);
            for line in 0..height {
                let start = line * strides[index];
                all.extend_from_slice(planes[index].get(start..start + width)?);
            }
            Some(all)
        };
        Some(Self {
            width,
            height,
            planes: [
                copy(0, width, height)?,
                copy(1, width / 2, height / 2)?,
                copy(2, width / 2, height / 2)?,
            ],
        })
    }

    /// Turned clockwise by so many quarters.
    #[must_use]
    pub fn turned(self, quarters: u8) -> Self {
        let quarters = quarters % 4;
        if quarters == 0 {
            return self;
        }
        let (width, height) = (self.width, self.height);
        let mut edges = [width, width / 2, width / 2].into_iter();
        let planes = self.planes.map(|mut plane| {
            let width = edges.next().unwrap_or(1);
            if quarters == 2 {
                plane.reverse();
                return plane;
            }
            let mut out = Vec::with_capacity(plane.len());
            // Each column becomes a line: from the bottom up where it goes clockwise, else the last one first.
            for index in 0..width {
                match quarters {
                    1 => out.extend(plane.iter().skip(index).step_by(width).rev()),
                    _ => out.extend(plane.iter().skip(width - 1 - index).step_by(width)),
                }
            }
            out
        });
        let (width, height) = match quarters {
            2 => (width, height),
            _ => (height, width),
        };
        Self {
            width,
            height,
            planes,
        }
    }

    /// Pixels per line.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Lines.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.height
    }

    /// All of it.
    #[must_use]
    pub const fn area(&self) -> Area {
        Area {
            x: 0,
            y: 0,
            width: self.width,
            height: self.height,
        }
    }

    /// Luma, blue, red; line upon line.
    #[must_use]
    pub const fn planes(&self) -> &[Vec<u8>; 3] {
        &self.planes
    }

    /// The colour of a pixel.
    #[must_use]
    pub fn at(&self, x: usize, y: usize) -> Colour {
        let half = y / 2 * (self.width / 2) + x / 2;
        let [luma, blue, red] = &self.planes;
        Colour::new(luma[y * self.width + x], blue[half], red[half])
    }

    /// Paints a part in one colour.
    pub fn fill(&mut self, area: Area, colour: Colour) {
        for (index, value) in [colour.y, colour.u, colour.v].into_iter().enumerate() {
            self.lines(index, area, |line, _| line.fill(value));
        }
    }

    /// Gives each line of a part of a plane, with its number.
    pub(crate) fn lines(
        &mut self,
        plane: usize,
        area: Area,
        mut each: impl FnMut(&mut [u8], usize),
    ) {
        let half = usize::from(plane > 0);
        let stride = self.width >> half;
        let right = (area.x + area.width).min(self.width);
        let (left, right) = (area.x.min(right) >> half, right >> half);
        let bottom = (area.y + area.height).min(self.height) >> half;
        for (number, y) in ((area.y >> half)..bottom).enumerate() {
            each(
                &mut self.planes[plane][y * stride + left..y * stride + right],
                number,
            );
        }
    }

    pub(crate) const fn planes_mut(&mut self) -> &mut [Vec<u8>; 3] {
        &mut self.planes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_painted_and_nothing_else() {
        let mut picture = Picture::new(8, 6, Colour::BLACK);
        let area = Area {
            x: 2,
            y: 2,
            width: 4,
            height: 2,
        };
        picture.fill(area, Colour::WHITE);
        for y in 0..6 {
            for x in 0..8 {
                let inside = (2..6).contains(&x) && (2..4).contains(&y);
                assert_eq!(picture.at(x, y) == Colour::WHITE, inside, "{x} {y}");
            }
        }
        // What lies outside is not painted.
        let beyond = Area {
            x: 6,
            y: 4,
            width: 10,
            height: 10,
        };
        picture.fill(beyond, Colour::RED);
        assert_eq!(picture.at(7, 5), Colour::RED);
    }

    #[test]
    fn planes_are_copied_without_what_is_behind_their_lines() {
        let luma = [1, 1, 9, 2, 2, 9];
        let picture = Picture::from_planes((2, 2), [&luma, &[3, 9], &[4, 9]], [3, 2, 2]).unwrap();
        assert_eq!(picture.planes(), &[vec![1, 1, 2, 2], vec![3], vec![4]]);
        assert!(Picture::from_planes((2, 4), [&luma, &[3, 9], &[4, 9]], [3, 2, 2]).is_none());
    }

    #[test]
    fn pictures_are_turned_clockwise() {
        let mut picture = Picture::new(8, 4, Colour::BLACK);
        let corner = Area {
            x: 0,
            y: 0,
            width: 4,
            height: 2,
        };
        picture.fill(corner, Colour::RED);
        // Where the upper left corner goes.
        for (quarters, size, x, y) in [
            (0, (8, 4), 0, 0),
            (1, (4, 8), 3, 0),
            (2, (8, 4), 7, 3),
            (3, (4, 8), 0, 7),
        ] {
            let turned = picture.clone().turned(quarters);
            assert_eq!((turned.width(), turned.height()), size);
            assert_eq!(turned.at(x, y), Colour::RED, "{quarters}");
            assert_eq!(turned.at(size.0 - 1 - x, size.1 - 1 - y), Colour::BLACK);
            assert_eq!(turned.turned((4 - quarters) % 4), picture);
        }
    }

    #[test]
    fn shapes_are_kept() {
        let all = Area {
            x: 100,
            y: 0,
            width: 640,
            height: 360,
        };
        assert_eq!(all.fit(1280, 720), all);
        assert_eq!(
            (all.fit(480, 640).width, all.fit(480, 640).height),
            (270, 360)
        );
        assert_eq!(all.fit(480, 640).x, 284);
        assert_eq!(
            (all.fit(640, 160).width, all.fit(640, 160).height),
            (640, 160)
        );
        // Nearly that shape is that shape.
        assert_eq!(all.fit(1280, 718), all);
    }
}
