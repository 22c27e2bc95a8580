use crate::Error;
use crate::list::List;
use crate::syntax::Syntax;

/// What becomes of this and earlier reference pictures (§7.3.3.3, §8.2.5).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "in place, so that no slice header allocates"
)]
pub enum DecRefPicMarking {
    /// In an IDR picture, which forgets all others.
    Idr {
        /// Whether pictures not shown yet are not to be shown.
        no_output_of_prior_pics_flag: bool,
        /// Whether this picture is a long-term reference.
        long_term_reference_flag: bool,
    },
    /// The oldest short-term picture makes room.
    #[default]
    SlidingWindow,
    /// By commands, in their order.
    Adaptive(List<MemoryManagementControl, 66>),
}

/// A command on reference pictures: `memory_management_control_operation` 1 to 6 (Table 7-9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MemoryManagementControl {
    /// 1: a short-term picture is no reference any more.
    UnmarkShortTerm {
        /// What its number is less than this picture's, less 1.
        difference_of_pic_nums_minus1: u32,
    },
    /// 2: a long-term picture is no reference any more.
    UnmarkLongTerm {
        /// Its number.
        long_term_pic_num: u32,
    },
    /// 3: a short-term picture becomes a long-term one.
    AssignLongTerm {
        /// What its number is less than this picture's, less 1; at most 2^17 - 1.
        difference_of_pic_nums_minus1: u32,
        /// The index that it gets.
        long_term_frame_idx: u8,
    },
    /// 4: long-term pictures with this index or a higher one are no references any more.
    MaxLongTerm {
        /// The highest index that remains, plus 1; 0 for none.
        max_long_term_frame_idx_plus1: u8,
    },
    /// 5: no picture is a reference any more, and counts start again, as with an IDR picture.
    #[default]
    UnmarkAll,
    /// 6: this picture is a long-term reference.
    CurrentLongTerm {
        /// The index that it gets.
        long_term_frame_idx: u8,
    },
}

impl DecRefPicMarking {
    /// Whether it holds command 5, after which counts start again.
    #[must_use]
    pub fn unmarks_all(&self) -> bool {
        matches!(self, Self::Adaptive(commands) if commands.contains(&MemoryManagementControl::UnmarkAll))
    }

    /// `dec_ref_pic_marking()`.
    #[inline]
    pub(super) fn syntax<S: Syntax>(&mut self, s: &mut S, idr: bool) -> Result<(), Error> {
        if idr {
            let (mut no_output, mut long_term) = match *self {
                Self::Idr {
                    no_output_of_prior_pics_flag,
                    long_term_reference_flag,
                } => (no_output_of_prior_pics_flag, long_term_reference_flag),
                _ => (false, false),
            };
            s.flag("no_output_of_prior_pics_flag", &mut no_output)?;
            s.flag("long_term_reference_flag", &mut long_term)?;
            *self = Self::Idr {
                no_output_of_prior_pics_flag: no_output,
                long_term_reference_flag: long_term,
            };
            return Ok(());
        }
        let mut adaptive = matches!(self, Self::Adaptive(_));
        s.flag("adaptive_ref_pic_marking_mode_flag", &mut adaptive)?;
        if !adaptive {
            *self = Self::SlidingWindow;
            return Ok(());
        }
        if !matches!(self, Self::Adaptive(_)) {
            *self = Self::Adaptive(List::default());
        }
        match self {
            Self::Adaptive(commands) => syntax(s, commands),
            _ => Ok(()),
        }
    }
}

/// The commands up to the end mark, operation 0.
fn syntax<S: Syntax>(s: &mut S, list: &mut List<MemoryManagementControl, 66>) -> Result<(), Error> {
    let mut n = 0;
    loop {
        let mut command = list.get(n).copied();
        let mut operation = command.map_or(0, MemoryManagementControl::operation);
        s.ue("memory_management_control_operation", &mut operation, 0..=6)?;
        if operation == 0 {
            list.truncate(n);
            return Ok(());
        }
        let command = command.get_or_insert_default();
        command.syntax(s, operation)?;
        if !list.put(n, *command) {
            return s.invalid("memory_management_control_operation", operation);
        }
        n += 1;
    }
}

impl MemoryManagementControl {
    const fn operation(self) -> u8 {
        match self {
            Self::UnmarkShortTerm { .. } => 1,
            Self::UnmarkLongTerm { .. } => 2,
            Self::AssignLongTerm { .. } => 3,
            Self::MaxLongTerm { .. } => 4,
            Self::UnmarkAll => 5,
            Self::CurrentLongTerm { .. } => 6,
        }
    }

    fn syntax<S: Syntax>(&mut self, s: &mut S, operation: u8) -> Result<(), Error> {
        if operation != self.operation() {
            *self = match operation {
                1 => Self::UnmarkShortTerm {
                    difference_of_pic_nums_minus1: 0,
                },
                2 => Self::UnmarkLongTerm {
                    long_term_pic_num: 0,
                },
                3 => Self::AssignLongTerm {
                    difference_of_pic_nums_minus1: 0,
                    long_term_frame_idx: 0,
                },
                4 => Self::MaxLongTerm {
                    max_long_term_frame_idx_plus1: 0,
                },
                5 => Self::UnmarkAll,
                _ => Self::CurrentLongTerm {
                    long_term_frame_idx: 0,
                },
            };
        }
        match self {
            Self::UnmarkShortTerm {
                difference_of_pic_nums_minus1,
            } => s.ue(
                "difference_of_pic_nums_minus1",
                difference_of_pic_nums_minus1,
                0..=u32::MAX,
            ),
            Self::UnmarkLongTerm { long_term_pic_num } => {
                s.ue("long_term_pic_num", long_term_pic_num, 0..=u32::MAX)
            }
            Self::AssignLongTerm {
                difference_of_pic_nums_minus1,
                long_term_frame_idx,
            } => {
                s.ue(
                    "difference_of_pic_nums_minus1",
                    difference_of_pic_nums_minus1,
                    0..=u32::MAX,
                )?;
                s.ue("long_term_frame_idx", long_term_frame_idx, 0..=31)
            }
            Self::MaxLongTerm {
                max_long_term_frame_idx_plus1,
            } => s.ue(
                "max_long_term_frame_idx_plus1",
                max_long_term_frame_idx_plus1,
                0..=32,
            ),
            Self::UnmarkAll => Ok(()),
            Self::CurrentLongTerm {
                long_term_frame_idx,
            } => s.ue("long_term_frame_idx", long_term_frame_idx, 0..=31),
        }
    }
}
