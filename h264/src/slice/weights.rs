use crate::Error;
use crate::list::List;
use crate::syntax::Syntax;

/// Explicit prediction weights (§7.3.3.2, §7.4.3.2).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PredWeightTable {
    /// Luma weights are divided by 2 to this power, 0 to 7.
    pub luma_log2_weight_denom: u8,
    /// Chroma weights are divided by 2 to this power, 0 to 7; not coded for monochrome pictures.
    pub chroma_log2_weight_denom: u8,
    /// The entries of the reference lists 0 and 1.
    pub lists: [List<Weights, 32>; 2],
}

/// The weights of one reference picture; `None` stands for a weight of 1 and no offset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weights {
    /// Of luma.
    pub luma: Option<Weight>,
    /// Of Cb and Cr.
    pub chroma: Option<[Weight; 2]>,
}

/// What a sample is multiplied by, in units of the denominator, and what is added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Weight {
    /// `luma_weight` or `chroma_weight`.
    pub weight: i8,
    /// `luma_offset` or `chroma_offset`.
    pub offset: i8,
}

/// Names of the elements of one list.
struct Names {
    luma_flag: &'static str,
    luma: [&'static str; 2],
    chroma_flag: &'static str,
    chroma: [&'static str; 2],
}

const NAMES: [Names; 2] = [
    Names {
        luma_flag: "luma_weight_l0_flag",
        luma: ["luma_weight_l0", "luma_offset_l0"],
        chroma_flag: "chroma_weight_l0_flag",
        chroma: ["chroma_weight_l0", "chroma_offset_l0"],
    },
    Names {
        luma_flag: "luma_weight_l1_flag",
        luma: ["luma_weight_l1", "luma_offset_l1"],
        chroma_flag: "chroma_weight_l1_flag",
        chroma: ["chroma_weight_l1", "chroma_offset_l1"],
    },
];

impl PredWeightTable {
    /// `pred_weight_table()`, of so many entries in so many lists.
    pub(super) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        has_chroma: bool,
        entries: [usize; 2],
        lists: usize,
    ) -> Result<(), Error> {
        s.ue(
            "luma_log2_weight_denom",
            &mut self.luma_log2_weight_denom,
            0..=7,
        )?;
        if has_chroma {
            s.ue(
                "chroma_log2_weight_denom",
                &mut self.chroma_log2_weight_denom,
                0..=7,
            )?;
        }
        for ((list, names), entries) in self.lists.iter_mut().zip(&NAMES).zip(entries).take(lists) {
            list.walk(entries, |weights| weights.syntax(s, has_chroma, names))?;
        }
        Ok(())
    }
}

impl Weights {
    fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        has_chroma: bool,
        names: &Names,
    ) -> Result<(), Error> {
        if let Some(luma) = s.present(names.luma_flag, &mut self.luma)? {
            luma.syntax(s, names.luma)?;
        }
        if has_chroma && let Some(chroma) = s.present(names.chroma_flag, &mut self.chroma)? {
            for plane in chroma {
                plane.syntax(s, names.chroma)?;
            }
        }
        Ok(())
    }
}

impl Weight {
    fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        [weight, offset]: [&'static str; 2],
    ) -> Result<(), Error> {
        s.se(weight, &mut self.weight, -128..=127)?;
        s.se(offset, &mut self.offset, -128..=127)
    }
}
