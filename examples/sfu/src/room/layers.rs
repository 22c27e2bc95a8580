//! Which simulcast layer of each picture a receiver gets.

/// What one section shows, and what there is of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// Higher is served first.
    pub(super) priority: u8,
    /// Height of the tile in pixels.
    pub(super) height: u32,
    /// What is sent now.
    pub(super) current: Option<usize>,
    /// What can be sent, from the lowest layer to the highest.
    pub(super) layers: Vec<Offer>,
}

/// A layer that comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Offer {
    /// Bits per second, measured.
    pub(super) rate: u64,
    /// Height of its pictures; 0: not known yet.
    pub(super) height: u32,
}

impl Wish {
    /// The smallest layer that fills the tile. One that is a fifth too small does, too: nobody sees it, and it costs a fourth.
    fn best(&self) -> usize {
        let fills = |offer: &Offer| offer.height == 0 || offer.height * 5 >= self.height * 4;
        let last = self.layers.len().saturating_sub(1);
        self.layers.iter().position(fills).unwrap_or(last)
    }

    /// What it would take to fill the tile.
    pub(super) fn desired(&self) -> u64 {
        self.layers.get(self.best()).map_or(0, |offer| offer.rate)
    }
}

/// Shares `budget`, in bits per second, among `wishes`: to each its lowest layer first, in order of priority, then better ones in turn.
/// To go up takes a fourth more than the layer's rate, so that the choice does not swing with the estimate. Lowest layers are sent up to
/// `floor`, however small the budget. Gives the layer of each; none: not even its lowest one finds room.
pub(super) fn allocate(budget: u64, floor: u64, wishes: &[Wish]) -> Vec<Option<usize>> {
    let mut order: Vec<usize> = (0..wishes.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(wishes[index].priority));
    let mut chosen = vec![None; wishes.len()];
    let mut spent = 0;
    for &index in &order {
        let wish = &wishes[index];
        let Some(lowest) = wish.layers.first() else {
            continue;
        };
        let nobody = chosen.iter().all(Option::is_none);
        // Who asks for one picture gets it: the alternative is a black page.
        if spent + lowest.rate <= budget.max(floor) || nobody {
            spent += lowest.rate;
            chosen[index] = Some(0);
        }
    }
    let mut left = budget.saturating_sub(spent);
    loop {
        let mut grew = false;
        for &index in &order {
            let (wish, Some(now)) = (&wishes[index], chosen[index]) else {
                continue;
            };
            if now >= wish.best() {
                continue;
            }
            let more = wish.layers[now + 1]
                .rate
                .saturating_sub(wish.layers[now].rate);
            let goes_up = wish.current.is_none_or(|current| now + 1 > current);
            let needed = if goes_up && wish.current.is_some() {
                more + more / 4
            } else {
                more
            };
            if needed <= left {
                left -= more;
                chosen[index] = Some(now + 1);
                grew = true;
            }
        }
        if !grew {
            return chosen;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: u64 = 300_000;

    fn wish(priority: u8, height: u32, current: Option<usize>) -> Wish {
        let offer = |rate, height| Offer { rate, height };
        Wish {
            priority,
            height,
            current,
            layers: vec![
                offer(100_000, 180),
                offer(300_000, 360),
                offer(1_000_000, 720),
            ],
        }
    }

    #[test]
    fn the_tile_limits_the_layer() {
        let wishes = [wish(0, 100, None), wish(0, 400, None), wish(0, 2000, None)];
        assert_eq!(
            allocate(u64::MAX, FLOOR, &wishes),
            [Some(0), Some(1), Some(2)],
            "400 lines are filled by 360"
        );
        assert_eq!(wishes[1].desired(), 300_000);
    }

    #[test]
    fn everybody_is_seen_before_anybody_is_sharp() {
        let wishes = [wish(1, 720, None), wish(9, 720, None), wish(1, 720, None)];
        assert_eq!(
            allocate(300_000, FLOOR, &wishes),
            [Some(0), Some(0), Some(0)]
        );
        assert_eq!(
            allocate(550_000, FLOOR, &wishes),
            [Some(0), Some(1), Some(0)]
        );
        assert_eq!(
            allocate(0, FLOOR, &wishes),
            [Some(0), Some(0), Some(0)],
            "the floor"
        );
        let many = [
            wish(0, 720, None),
            wish(0, 720, None),
            wish(1, 720, None),
            wish(0, 720, None),
        ];
        assert_eq!(
            allocate(0, FLOOR, &many),
            [Some(0), Some(0), Some(0), None],
            "the last one finds no room"
        );
        let mut wide = wish(0, 720, None);
        wide.layers.truncate(1);
        wide.layers[0].rate = 2 * FLOOR;
        assert_eq!(allocate(0, FLOOR, &[wide]), [Some(0)], "one at any rate");
        assert_eq!(allocate(0, FLOOR, &[]), []);
    }

    #[test]
    fn going_up_takes_more_than_staying() {
        assert_eq!(
            allocate(320_000, FLOOR, &[wish(0, 360, Some(1))]),
            [Some(1)]
        );
        assert_eq!(
            allocate(320_000, FLOOR, &[wish(0, 360, Some(0))]),
            [Some(0)]
        );
        assert_eq!(
            allocate(350_000, FLOOR, &[wish(0, 360, Some(0))]),
            [Some(1)]
        );
        assert_eq!(
            allocate(290_000, FLOOR, &[wish(0, 360, Some(1))]),
            [Some(0)]
        );
    }
}
