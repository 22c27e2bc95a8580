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
}

impl Default for Modification {
    fn default() -> Self {
        Self::Subtract {
            abs_diff_pic_num_minus1: 0,
        }
    }
}

impl Modification {
    const fn idc(self) -> u32 {
        match self {
            Self::Subtract { .. } => 0,
            Self::Add { .. } => 1,
            Self::LongTerm { .. } => 2,
        }
    }
}

/// `modification_of_pic_nums_idc` that ends the list.
const END: u32 = 3;

/// The changes of one list, up to the end mark.
pub(super) fn syntax<S: Syntax>(s: &mut S, list: &mut List<Modification, 32>) -> Result<(), Error> {
    let written = *list;
    let mut written = written.iter();
    let mut read = List::default();
    loop {
        let next = written.next();
        let mut idc = next.map_or(END, |item| item.idc());
        s.ue("modification_of_pic_nums_idc", &mut idc, 0..=END)?;
        if idc == END {
            *list = read;
            return Ok(());
        }
        let mut number = match next {
            Some(
                Modification::Subtract {
                    abs_diff_pic_num_minus1: number,
                }
                | Modification::Add {
                    abs_diff_pic_num_minus1: number,
                }
                | Modification::LongTerm {
                    long_term_pic_num: number,
                },
            ) => *number,
            None => 0,
        };
        let what = if idc == 2 {
            "long_term_pic_num"
        } else {
            "abs_diff_pic_num_minus1"
        };
        s.ue(what, &mut number, 0..=u32::MAX)?;
        let item = match idc {
            0 => Modification::Subtract {
                abs_diff_pic_num_minus1: number,
            },
            1 => Modification::Add {
                abs_diff_pic_num_minus1: number,
            },
            _ => Modification::LongTerm {
                long_term_pic_num: number,
            },
        };
        if !read.push(item) {
            return s.invalid("modification_of_pic_nums_idc", idc);
        }
    }
}
