use crate::Error;
use crate::list::List;
use crate::syntax::Syntax;

/// One change of a reference picture list: the picture that comes next in it (§7.3.3.1, §8.2.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Modification {
    /// `modification_of_pic_nums_idc` 0: a short-term picture, by what its number is less than the last one's, less 1.
    Subtract {
        /// `abs_diff_pic_num_minus1`.
        abs_diff_pic_num_minus1: u32,
    },
    /// 1: a short-term picture, by what its number is more than the last one's, less 1.
    Add {
        /// `abs_diff_pic_num_minus1`.
        abs_diff_pic_num_minus1: u32,
    },
    /// 2: a long-term picture.
    LongTerm {
        /// `long_term_pic_num`.
        long_term_pic_num: u32,
    },
    /// 4: another view, by what its index is less than the last one's, less 1; in slices of further views (§G.7.3.3.1.1).
    SubtractView {
        /// `abs_diff_view_idx_minus1`.
        abs_diff_view_idx_minus1: u32,
    },
    /// 5: another view, by what its index is more than the last one's, less 1.
    AddView {
        /// `abs_diff_view_idx_minus1`.
        abs_diff_view_idx_minus1: u32,
    },
}

impl Default for Modification {
    fn default() -> Self {
        Self::Subtract {
            abs_diff_pic_num_minus1: 0,
        }
    }
}

impl Modification {
    /// `modification_of_pic_nums_idc`, and the number.
    const fn parts(self) -> (u32, u32) {
        match self {
            Self::Subtract {
                abs_diff_pic_num_minus1,
            } => (0, abs_diff_pic_num_minus1),
            Self::Add {
                abs_diff_pic_num_minus1,
            } => (1, abs_diff_pic_num_minus1),
            Self::LongTerm { long_term_pic_num } => (2, long_term_pic_num),
            Self::SubtractView {
                abs_diff_view_idx_minus1,
            } => (4, abs_diff_view_idx_minus1),
            Self::AddView {
                abs_diff_view_idx_minus1,
            } => (5, abs_diff_view_idx_minus1),
        }
    }

    const fn from_parts(idc: u32, number: u32) -> Self {
        match idc {
            0 => Self::Subtract {
                abs_diff_pic_num_minus1: number,
            },
            1 => Self::Add {
                abs_diff_pic_num_minus1: number,
            },
            2 => Self::LongTerm {
                long_term_pic_num: number,
            },
            4 => Self::SubtractView {
                abs_diff_view_idx_minus1: number,
            },
            _ => Self::AddView {
                abs_diff_view_idx_minus1: number,
            },
        }
    }
}

/// `modification_of_pic_nums_idc` that ends the list.
const END: u32 = 3;

/// The changes of one list, up to the end mark; of a further view's slice or another one.
pub(super) fn syntax<S: Syntax>(
    s: &mut S,
    list: &mut List<Modification, 32>,
    of_view: bool,
) -> Result<(), Error> {
    let last = if of_view { 5 } else { END };
    let mut n = 0;
    loop {
        let (mut idc, mut number) = list.get(n).map_or((END, 0), |item| item.parts());
        s.ue("modification_of_pic_nums_idc", &mut idc, 0..=last)?;
        if idc == END {
            list.truncate(n);
            return Ok(());
        }
        let what = match idc {
            0 | 1 => "abs_diff_pic_num_minus1",
            2 => "long_term_pic_num",
            _ => "abs_diff_view_idx_minus1",
        };
        s.ue(what, &mut number, 0..=u32::MAX)?;
        if !list.put(n, Modification::from_parts(idc, number)) {
            return s.invalid("modification_of_pic_nums_idc", idc);
        }
        n += 1;
    }
}
