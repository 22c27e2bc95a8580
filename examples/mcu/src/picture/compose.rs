//! Pictures and cells to one picture. Only what has changed is drawn again.

use super::{Area, Colour, Picture, Scaler, Writer};
use crate::layout::{Region, WHOLE};
use std::sync::Arc;

/// What is shown in a cell.
#[derive(Debug, Clone)]
pub struct Tile {
    /// Whose.
    pub id: u64,
    /// Where.
    pub region: Region,
    /// None where there is none now.
    pub picture: Option<Arc<Picture>>,
    /// Other for every other picture of the same participant.
    pub version: u64,
    /// Written into the corner, and where there is no picture into the middle.
    pub name: Arc<str>,
    /// Whether it is marked as mute.
    pub muted: bool,
}

/// What was drawn of a tile.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Drawn {
    id: u64,
    area: Area,
    version: Option<u64>,
    name: Arc<str>,
    muted: bool,
}

/// A picture that is composed again and again.
#[derive(Debug)]
pub struct Canvas {
    picture: Picture,
    drawn: Vec<Drawn>,
    scaler: Scaler,
    writer: Writer,
}

impl Canvas {
    /// Of this size.
    #[must_use]
    pub fn new(width: usize, height: usize) -> Self {
        Self {
            picture: Picture::new(width, height, Colour::BLACK),
            drawn: Vec::new(),
            scaler: Scaler::new(),
            writer: Writer::new(),
        }
    }

    /// As it was composed last.
    #[must_use]
    pub const fn picture(&self) -> &Picture {
        &self.picture
    }

    /// Where a region is.
    fn area(&self, region: Region) -> Area {
        let scale = |part: u32, whole: usize| (part as usize * whole / WHOLE as usize) & !1;
        let (x, y) = (
            scale(region.x, self.picture.width()),
            scale(region.y, self.picture.height()),
        );
        Area {
            x,
            y,
            width: scale(region.x + region.width, self.picture.width()) - x,
            height: scale(region.y + region.height, self.picture.height()) - y,
        }
    }

    /// Draws what is not as `tiles` say, later ones over earlier ones; how many tiles that took, or that nothing has changed.
    pub fn compose(&mut self, tiles: &[Tile]) -> usize {
        let wanted: Vec<_> = tiles
            .iter()
            .map(|tile| Drawn {
                id: tile.id,
                area: self.area(tile.region),
                version: tile.picture.as_ref().map(|_| tile.version),
                name: Arc::clone(&tile.name),
                muted: tile.muted,
            })
            .collect();
        let place = |drawn: &Drawn| (drawn.id, drawn.area);
        let same_places = wanted.iter().map(place).eq(self.drawn.iter().map(place));
        if !same_places {
            self.picture.fill(self.picture.area(), Colour::BLACK);
        }
        let mut again: Vec<Area> = Vec::new();
        for (index, (tile, drawn)) in tiles.iter().zip(&wanted).enumerate() {
            // What lies over something that was drawn again is drawn again.
            let stale = !same_places
                || self.drawn.get(index) != Some(drawn)
                || again.iter().any(|area| area.meets(&drawn.area));
            if stale {
                self.draw(tile, drawn.area, self.has_edges(tile));
                again.push(drawn.area);
            }
        }
        let count = again.len().max(usize::from(!same_places));
        self.drawn = wanted;
        count
    }

    /// Whether what is around the picture has to be drawn, too.
    fn has_edges(&self, tile: &Tile) -> bool {
        let area = self.area(tile.region);
        tile.picture
            .as_ref()
            .is_none_or(|picture| area.fit(picture.width(), picture.height()) != area)
    }

    fn draw(&mut self, tile: &Tile, area: Area, around: bool) {
        if area.width < 2 || area.height < 2 {
            return;
        }
        let text = (area.height / 12).clamp(10, 40);
        match &tile.picture {
            Some(picture) => {
                let inner = area.fit(picture.width(), picture.height());
                if around {
                    self.picture.fill(area, Colour::BLACK);
                }
                self.scaler.scale(picture, &mut self.picture, inner);
            }
            None => {
                self.picture.fill(area, Colour::SLATE);
                let initial: String = tile
                    .name
                    .chars()
                    .take(1)
                    .flat_map(char::to_uppercase)
                    .collect();
                let size = (area.height / 3).max(12);
                self.writer.centre(&mut self.picture, area, &initial, size);
            }
        }
        self.writer.label(&mut self.picture, area, &tile.name, text);
        let size = (text + 2) & !1;
        // Where there is no room for the mark, it would lie on others.
        if tile.muted && area.width.min(area.height) >= size + 4 {
            let mark = Area {
                x: (area.x + area.width).saturating_sub(size + 4) & !1,
                y: (area.y + area.height).saturating_sub(size + 4) & !1,
                width: size,
                height: size,
            };
            self.picture.fill(mark, Colour::RED);
            self.writer.centre(&mut self.picture, mark, "M", size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use proptest::prelude::*;

    const BLUE: Colour = Colour::new(41, 240, 110);

    fn tile(id: u64, region: Region, colour: Colour) -> Tile {
        Tile {
            id,
            region,
            picture: Some(Arc::new(Picture::new(320, 180, colour))),
            version: 1,
            name: "".into(),
            muted: false,
        }
    }

    fn left() -> Region {
        Region::new(0, 0, 500, 1000)
    }

    fn right() -> Region {
        Region::new(500, 0, 500, 1000)
    }

    #[test]
    fn only_what_has_changed_is_drawn() {
        let mut canvas = Canvas::new(640, 180);
        let mut tiles = [tile(1, left(), Colour::RED), tile(2, right(), BLUE)];
        assert_eq!(canvas.compose(&tiles), 2);
        assert_eq!(canvas.picture().at(160, 90), Colour::RED);
        assert_eq!(canvas.picture().at(480, 90), BLUE);
        assert_eq!(canvas.compose(&tiles), 0);
        // The other picture of the first is other than it was, but nobody says so: it is not looked at.
        tiles[0].picture = Some(Arc::new(Picture::new(320, 180, Colour::WHITE)));
        assert_eq!(canvas.compose(&tiles), 0);
        tiles[0].version = 2;
        assert_eq!(canvas.compose(&tiles), 1);
        assert_eq!(canvas.picture().at(160, 90), Colour::WHITE);
        // Somebody has gone: all is new.
        assert_eq!(canvas.compose(&tiles[1..]), 1);
        assert_eq!(canvas.picture().at(160, 90), Colour::BLACK);
        assert_eq!(canvas.compose(&[]), 1);
        assert_eq!(canvas.picture().at(480, 90), Colour::BLACK);
        assert_eq!(canvas.compose(&[]), 0);
    }

    #[test]
    fn what_lies_over_something_stays_there() {
        let mut canvas = Canvas::new(640, 360);
        let small = Region::new(700, 700, 200, 200);
        let mut tiles = [tile(1, Region::ALL, Colour::RED), tile(2, small, BLUE)];
        canvas.compose(&tiles);
        tiles[0].version = 2;
        assert_eq!(canvas.compose(&tiles), 2);
        assert_eq!(canvas.picture().at(512, 288), BLUE);
        tiles[1].version = 2;
        assert_eq!(canvas.compose(&tiles), 1);
    }

    #[test]
    fn another_shape_has_black_beside_it() {
        let mut canvas = Canvas::new(640, 360);
        let mut tiles = [tile(1, Region::ALL, Colour::RED)];
        canvas.compose(&tiles);
        assert_eq!(canvas.picture().at(10, 180), Colour::RED);
        // Turned by a quarter.
        tiles[0].picture = Some(Arc::new(Picture::new(180, 320, BLUE)));
        tiles[0].version = 2;
        canvas.compose(&tiles);
        assert_eq!(canvas.picture().at(10, 180), Colour::BLACK);
        assert_eq!(canvas.picture().at(320, 180), BLUE);
    }

    #[test]
    fn without_a_picture_there_is_a_letter_and_a_mark() {
        let mut canvas = Canvas::new(640, 360);
        let mut tiles = [tile(1, Region::ALL, Colour::RED)];
        tiles[0].picture = None;
        tiles[0].name = "ann".into();
        assert_eq!(canvas.compose(&tiles), 1);
        assert_eq!(canvas.picture().at(20, 20), Colour::SLATE);
        let middle = (300..340).map(|x| canvas.picture().at(x, 180).y).max();
        assert!(middle > Some(150), "{middle:?}");
        assert_eq!(canvas.compose(&tiles), 0);
        tiles[0].muted = true;
        assert_eq!(canvas.compose(&tiles), 1);
        let mark = canvas.picture().at(606, 326);
        assert_eq!(mark, Colour::RED);
        // A picture comes again.
        tiles[0].picture = Some(Arc::new(Picture::new(320, 180, BLUE)));
        assert_eq!(canvas.compose(&tiles), 1);
        assert_eq!(canvas.picture().at(20, 20), BLUE);
    }

    proptest! {
        /// Regions as narrow and as far out as a layout may have, on pictures as small as the smallest step: all of it is drawn where it belongs.
        #[test]
        fn any_region_is_drawn_inside(
            edges in prop::collection::vec((0..1000_u32, 0..1000_u32, 1..1000_u32, 1..1000_u32), 1..6),
            size in (16_usize..200, 16_usize..120),
            shape in (1_usize..40, 1_usize..40),
            (shown, muted) in any::<(bool, bool)>(),
        ) {
            let mut canvas = Canvas::new(2 * size.0, 2 * size.1);
            let mut tiles = Vec::new();
            for (id, (x, y, width, height)) in edges.into_iter().enumerate() {
                let region = Region::new(x, y, width.min(1000 - x), height.min(1000 - y));
                let picture = Arc::new(Picture::new(2 * shape.0, 2 * shape.1, Colour::RED));
                let picture = shown.then_some(picture);
                let name = "Ann \u{1F600}".into();
                tiles.push(Tile { id: id as u64, region, picture, version: 1, name, muted });
            }
            canvas.compose(&tiles);
            for y in 0..2 * size.1 {
                for x in 0..2 * size.0 {
                    // Subsampled planes have one number for four places.
                    let is_inside = |tile: &Tile| {
                        let area = canvas.area(tile.region);
                        (area.x..area.x + area.width).contains(&x) && (area.y..area.y + area.height).contains(&y)
                    };
                    let seen = canvas.picture().at(x, y);
                    prop_assert!(tiles.iter().any(is_inside) || seen == Colour::BLACK, "{seen:?} at {x}, {y}");
                }
            }
        }
    }
}
