//! Who is where: participants and a layout make cells. All is in thousandths of the picture's edges, so that one arrangement does
//! for every size.

use serde::{Deserialize, Serialize};

/// The whole edge.
pub const WHOLE: u32 = 1000;
/// Most cells of a picture.
pub const MAX_CELLS: usize = 49;

/// A part of the picture, in thousandths of its width and height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Region {
    /// Left edge.
    pub x: u32,
    /// Upper edge.
    pub y: u32,
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

impl Region {
    /// The whole picture.
    pub const ALL: Region = Region::new(0, 0, WHOLE, WHOLE);

    /// One with these edges.
    #[must_use]
    pub const fn new(x: u32, y: u32, width: u32, height: u32) -> Self {
        Self {
            x,
            y,
            width,
            height,
        }
    }

    /// Whether there is something of it, and all of it inside of the picture.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.width > 0
            && self.height > 0
            && self.x <= WHOLE
            && self.y <= WHOLE
            && self.width <= WHOLE - self.x
            && self.height <= WHOLE - self.y
    }
}

/// A place of a custom layout.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Where.
    #[serde(flatten)]
    pub region: Region,
    /// Whose, by name; none: whoever has no other place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// How a picture is laid out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Layout {
    /// All alike.
    #[default]
    Grid,
    /// Who speaks, large, with the others in a strip below.
    Speaker,
    /// One, large, with the others in a column beside; nobody named: who shares a screen, or the first.
    Presenter {
        /// Whose picture is large.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
    },
    /// Who speaks fills the picture, the others lie over it.
    Pip,
    /// No pictures: sound only.
    Audio,
    /// As told.
    Custom {
        /// Later ones lie over earlier ones.
        regions: Vec<Place>,
    },
}

impl Layout {
    /// What is wrong with it.
    ///
    /// # Errors
    /// For a custom layout with too many regions, or with one that is not inside of the picture.
    pub fn check(&self) -> Result<(), String> {
        let Layout::Custom { regions } = self else {
            return Ok(());
        };
        if regions.len() > MAX_CELLS {
            return Err(format!("{} regions, at most {MAX_CELLS}", regions.len()));
        }
        match regions.iter().find(|place| !place.region.is_valid()) {
            Some(place) => Err(format!(
                "{:?} is not inside of {WHOLE} x {WHOLE}",
                place.region
            )),
            None => Ok(()),
        }
    }
}

/// One who may be shown, in the order of coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person<'a> {
    /// Number.
    pub id: u64,
    /// Name.
    pub name: &'a str,
    /// Whether the picture is that of a screen.
    pub is_screen: bool,
}

/// One who is shown, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Whose picture.
    pub id: u64,
    /// Where.
    pub region: Region,
}

/// Lays people out. `speaker` is who speaks or spoke last.
#[must_use]
pub fn arrange(layout: &Layout, people: &[Person<'_>], speaker: Option<u64>) -> Vec<Cell> {
    let people = &people[..people.len().min(MAX_CELLS)];
    let first = people.first().map(|person| person.id);
    let is_here = |id: &u64| people.iter().any(|person| person.id == *id);
    let speaker = speaker.filter(is_here).or(first);
    match layout {
        Layout::Audio => Vec::new(),
        Layout::Grid => grid(people),
        Layout::Speaker => with_strip(people, speaker),
        Layout::Presenter { name } => {
            let named = |person: &&Person<'_>| Some(person.name) == name.as_deref();
            let presenter = people.iter().find(named);
            let presenter = presenter.or_else(|| people.iter().find(|person| person.is_screen));
            with_column(people, presenter.map(|person| person.id).or(first))
        }
        Layout::Pip => overlaid(people, speaker),
        Layout::Custom { regions } => custom(people, regions),
    }
}

/// The edge of part `index` of `count`.
const fn edge(index: usize, count: usize) -> u32 {
    (index as u32) * WHOLE / (count as u32)
}

fn grid(people: &[Person<'_>]) -> Vec<Cell> {
    let count = people.len();
    let columns = (1..)
        .find(|columns| columns * columns >= count)
        .unwrap_or(1);
    let rows = count.div_ceil(columns.max(1));
    people
        .iter()
        .enumerate()
        .map(|(index, person)| {
            let (row, column) = (index / columns, index % columns);
            // A last row that is not full stands in the middle.
            let missing = if row + 1 == rows {
                columns * rows - count
            } else {
                0
            };
            let shift = edge(1, columns) * missing as u32 / 2;
            let (left, top) = (edge(column, columns), edge(row, rows));
            let (right, bottom) = (edge(column + 1, columns), edge(row + 1, rows));
            // A grid that has fewer rows than columns keeps the shape of the picture in its cells.
            let height = (bottom - top).min(right - left);
            let top = top + (bottom - top - height) / 2;
            Cell {
                id: person.id,
                region: Region::new(left + shift, top, right - left, height),
            }
        })
        .collect()
}

/// Shows one in `large`, and the others in `parts` equal parts, of which `part` tells each.
fn around(
    people: &[Person<'_>],
    main: Option<u64>,
    large: Region,
    part: impl Fn(usize, usize) -> Region,
) -> Vec<Cell> {
    let is_main = |person: &&Person<'_>| Some(person.id) == main;
    let others = people.iter().filter(|person| !is_main(person));
    let count = others.clone().count();
    let large = if count == 0 { Region::ALL } else { large };
    let main = people.iter().filter(is_main).map(|person| Cell {
        id: person.id,
        region: large,
    });
    let others = others.enumerate().map(|(index, person)| Cell {
        id: person.id,
        region: part(index, count),
    });
    main.chain(others).collect()
}

fn with_strip(people: &[Person<'_>], main: Option<u64>) -> Vec<Cell> {
    around(
        people,
        main,
        Region::new(100, 0, 800, 800),
        |index, count| {
            // Not wider than a fifth, and all of them in the middle.
            let width = (WHOLE / count as u32).min(200);
            let left = (WHOLE - width * count as u32) / 2 + width * index as u32;
            Region::new(left, 800, width, 200)
        },
    )
}

fn with_column(people: &[Person<'_>], main: Option<u64>) -> Vec<Cell> {
    around(
        people,
        main,
        Region::new(0, 0, 800, WHOLE),
        |index, count| {
            let height = (WHOLE / count as u32).min(200);
            let top = (WHOLE - height * count as u32) / 2 + height * index as u32;
            Region::new(800, top, 200, height)
        },
    )
}

fn overlaid(people: &[Person<'_>], main: Option<u64>) -> Vec<Cell> {
    around(people, main, Region::ALL, |index, count| {
        let width = (960 / count as u32).min(240);
        let right = 980 - width * index as u32;
        Region::new(right - width + 5, 980 - width, width - 10, width - 10)
    })
}

fn custom(people: &[Person<'_>], places: &[Place]) -> Vec<Cell> {
    let named = |person: &Person<'_>| {
        let own = |place: &&Place| place.name.as_deref() == Some(person.name);
        places.iter().any(|place| own(&place))
    };
    let mut rest = people.iter().filter(|person| !named(person));
    let cells = places.iter().filter(|place| place.region.is_valid());
    cells
        .filter_map(|place| {
            let person = match &place.name {
                Some(name) => people.iter().find(|person| person.name == name),
                None => rest.next(),
            };
            Some(Cell {
                id: person?.id,
                region: place.region,
            })
        })
        .collect()
}

/// How long cells take from one arrangement to the next, in nanoseconds.
const MOVE: i64 = 300_000_000;

/// Cells on their way from where they were to where they are to be.
#[derive(Debug, Default)]
pub struct Motion {
    from: Vec<Cell>,
    to: Vec<Cell>,
    began: i64,
}

impl Motion {
    /// Where cells are at `now`, in nanoseconds, if this is where they are to be. Who comes is there at once, who goes is gone.
    pub fn at(&mut self, wanted: &[Cell], now: i64) -> Vec<Cell> {
        if self.to != wanted {
            // The first of all has nowhere to come from.
            self.from = if self.to.is_empty() {
                wanted.to_vec()
            } else {
                self.between(now)
            };
            self.to = wanted.to_vec();
            self.began = now;
        }
        self.between(now)
    }

    fn between(&self, now: i64) -> Vec<Cell> {
        let part = (now - self.began).clamp(0, MOVE);
        // Slowly off, slowly in: 3x^2 - 2x^3, in thousandths.
        let x = part * 1000 / MOVE;
        let x = (3 * x * x * 1000 - 2 * x * x * x) / 1_000_000;
        let cells = self.to.iter().map(|to| {
            let Some(from) = self.from.iter().find(|from| from.id == to.id) else {
                return *to;
            };
            let way = |from: u32, to: u32| {
                let at = i64::from(from) + (i64::from(to) - i64::from(from)) * x / 1000;
                u32::try_from(at).unwrap_or(to)
            };
            let (from, region) = (from.region, to.region);
            Cell {
                id: to.id,
                region: Region::new(
                    way(from.x, region.x),
                    way(from.y, region.y),
                    way(from.width, region.width),
                    way(from.height, region.height),
                ),
            }
        });
        cells.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 4] = ["ann", "bob", "cid", "dee"];

    fn people(count: usize) -> Vec<Person<'static>> {
        let person = |id: usize| Person {
            id: id as u64,
            name: NAMES[id % 4],
            is_screen: false,
        };
        (0..count).map(person).collect()
    }

    fn regions(cells: &[Cell]) -> Vec<(u32, u32, u32, u32)> {
        let edges = |region: Region| (region.x, region.y, region.width, region.height);
        cells.iter().map(|cell| edges(cell.region)).collect()
    }

    #[test]
    fn four_share_the_picture_in_quarters() {
        let cells = arrange(&Layout::Grid, &people(4), None);
        assert_eq!(
            regions(&cells),
            [
                (0, 0, 500, 500),
                (500, 0, 500, 500),
                (0, 500, 500, 500),
                (500, 500, 500, 500)
            ]
        );
        assert_eq!(
            regions(&arrange(&Layout::Grid, &people(1), None)),
            [(0, 0, 1000, 1000)]
        );
        // Two stand side by side in their shape, three have the third in the middle.
        let cells = arrange(&Layout::Grid, &people(2), None);
        assert_eq!(regions(&cells), [(0, 250, 500, 500), (500, 250, 500, 500)]);
        let cells = arrange(&Layout::Grid, &people(3), None);
        assert_eq!(regions(&cells)[2], (250, 500, 500, 500));
    }

    #[test]
    fn who_speaks_is_large() {
        let cells = arrange(&Layout::Speaker, &people(3), Some(1));
        assert_eq!(cells[0].id, 1);
        assert_eq!(
            regions(&cells),
            [
                (100, 0, 800, 800),
                (300, 800, 200, 200),
                (500, 800, 200, 200)
            ]
        );
        // One who has gone does not count.
        assert_eq!(arrange(&Layout::Speaker, &people(3), Some(9))[0].id, 0);
        let cells = arrange(&Layout::Pip, &people(2), Some(1));
        assert_eq!((cells[0].id, cells[0].region), (1, Region::ALL));
    }

    #[test]
    fn the_presenter_is_named_or_shares_a_screen() {
        let mut people = people(3);
        let named = Layout::Presenter {
            name: Some("cid".into()),
        };
        assert_eq!(arrange(&named, &people, Some(0))[0].id, 2);
        people[1].is_screen = true;
        let cells = arrange(&Layout::Presenter { name: None }, &people, Some(0));
        assert_eq!(cells[0].id, 1);
        assert_eq!(cells[0].region, Region::new(0, 0, 800, 1000));
    }

    #[test]
    fn custom_regions_are_for_the_named_and_for_the_rest() {
        let text = r#"{"mode":"custom","regions":[
            {"x":0,"y":0,"width":1000,"height":1000},
            {"x":700,"y":700,"width":300,"height":300,"name":"ann"}]}"#;
        let layout: Layout = serde_json::from_str(text).unwrap();
        layout.check().unwrap();
        let cells = arrange(&layout, &people(3), None);
        assert_eq!(cells.iter().map(|cell| cell.id).collect::<Vec<_>>(), [1, 0]);
        let bad = text.replace("700", "800");
        let bad: Layout = serde_json::from_str(&bad).unwrap();
        assert!(bad.check().unwrap_err().contains("not inside"));
        assert!(serde_json::from_str::<Layout>(r#"{"mode":"heap"}"#).is_err());
    }

    #[test]
    fn cells_move_and_arrive() {
        let mut motion = Motion::default();
        let one = arrange(&Layout::Grid, &people(1), None);
        let two = arrange(&Layout::Grid, &people(2), None);
        assert_eq!(motion.at(&one, 0), one);
        assert_eq!(motion.at(&two, 1_000_000_000)[0], one[0]);
        let half = motion.at(&two, 1_000_000_000 + MOVE / 2);
        assert_eq!(half[0].region, Region::new(0, 125, 750, 750));
        assert_eq!(half[1], two[1]);
        assert_eq!(motion.at(&two, 1_000_000_000 + MOVE), two);
        // Turned round on the way, it goes on from where it is.
        motion.at(&one, 5_000_000_000);
        let back = motion.at(&two, 5_000_000_000 + MOVE / 2);
        assert_eq!(back[0].region, Region::new(0, 125, 750, 750));
    }

    #[test]
    fn audio_has_no_cells() {
        assert!(arrange(&Layout::Audio, &people(3), None).is_empty());
        assert_eq!(
            serde_json::to_string(&Layout::Audio).unwrap(),
            r#"{"mode":"audio"}"#
        );
    }

    proptest! {
        /// What comes by HTTP is a layout that can be arranged, or is refused.
        #[test]
        fn any_text_is_refused_or_arranged(
            text in prop_oneof![
                ".{0,200}",
                r#"\{"mode":"(grid|speaker|presenter|pip|audio|custom|x)"(,"(name|regions)":("ann"|\[\]|null|[0-9]{1,12}))?\}"#,
                prop::collection::vec((any::<u32>(), any::<u32>(), 0_u32..2000, 0_u32..2000), 0..60).prop_map(|all| {
                    let regions: Vec<_> = all
                        .iter()
                        .map(|(x, y, width, height)| format!(r#"{{"x":{x},"y":{y},"width":{width},"height":{height}}}"#))
                        .collect();
                    format!(r#"{{"mode":"custom","regions":[{}]}}"#, regions.join(","))
                }),
            ],
            count in 0_usize..60,
        ) {
            if let Ok(layout) = serde_json::from_str::<Layout>(&text) {
                let is_good = layout.check().is_ok();
                for cell in arrange(&layout, &people(count), None) {
                    prop_assert!(cell.region.is_valid());
                }
                if let Layout::Custom { regions } = &layout {
                    let all_inside = regions.iter().all(|place| place.region.is_valid());
                    prop_assert_eq!(is_good, all_inside && regions.len() <= MAX_CELLS);
                }
            }
        }

        #[test]
        fn everybody_is_shown_once_and_inside(count in 0_usize..60, speaker in proptest::option::of(0_u64..60), mode in 0..4) {
            let layout = match mode {
                0 => Layout::Grid,
                1 => Layout::Speaker,
                2 => Layout::Presenter { name: None },
                _ => Layout::Pip,
            };
            let people = people(count);
            let cells = arrange(&layout, &people, speaker);
            let mut ids: Vec<_> = cells.iter().map(|cell| cell.id).collect();
            ids.sort_unstable();
            let wanted: Vec<_> = (0..count.min(MAX_CELLS) as u64).collect();
            prop_assert_eq!(ids, wanted);
            for cell in &cells {
                prop_assert!(cell.region.is_valid(), "{:?}", cell);
            }
            // But for those that lie over another, they do not touch.
            if mode != 3 {
                for (index, cell) in cells.iter().enumerate() {
                    for other in &cells[index + 1..] {
                        let (a, b) = (cell.region, other.region);
                        let apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
                        prop_assert!(apart, "{:?} {:?}", a, b);
                    }
                }
            }
        }
    }
}
