use crate::Error;
use crate::syntax::Syntax;

/// The scaling lists of a parameter set (§7.3.2.1.1.1). `None` is a list that is not present, for which the
/// fall-back rule holds (Table 7-2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScalingMatrix {
    /// 4×4 lists: Intra Y, Cb, Cr, Inter Y, Cb, Cr.
    pub lists_4x4: [Option<ScalingList<16>>; 6],
    /// 8×8 lists: Intra Y, Inter Y, and with 4:4:4 Intra Cb, Inter Cb, Intra Cr, Inter Cr.
    pub lists_8x8: [Option<ScalingList<64>>; 6],
}

/// A scaling list, in zig-zag (or field) scan order (§7.3.2.1.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScalingList<const N: usize> {
    /// The scaling factors, 1 to 255.
    pub factors: [u8; N],
    /// How many of them are coded; the others repeat the last one coded. 0 is the default list of Tables 7-3 and 7-4.
    pub coded: u8,
}

impl<const N: usize> Default for ScalingList<N> {
    /// The default list, in whose place `factors` are all 16.
    fn default() -> Self {
        Self {
            factors: [16; N],
            coded: 0,
        }
    }
}

impl ScalingMatrix {
    /// The lists, of which there are 6 of 4×4 and as many of 8×8 as is said.
    pub(crate) fn syntax<S: Syntax>(
        &mut self,
        s: &mut S,
        what: &'static str,
        lists_8x8: usize,
    ) -> Result<(), Error> {
        for list in &mut self.lists_4x4 {
            if let Some(list) = s.present(what, list)? {
                list.syntax(s)?;
            }
        }
        for list in self.lists_8x8.iter_mut().take(lists_8x8) {
            if let Some(list) = s.present(what, list)? {
                list.syntax(s)?;
            }
        }
        Ok(())
    }
}

impl<const N: usize> ScalingList<N> {
    /// `scaling_list()`: each factor as its difference to the last, modulo 256; a 0 ends the coding.
    fn syntax<S: Syntax>(&mut self, s: &mut S) -> Result<(), Error> {
        let wanted = self.coded;
        let mut last = 8u8;
        let mut ended = false;
        self.coded = 0;
        for factor in &mut self.factors {
            if !ended {
                let next = if self.coded < wanted { *factor } else { 0 };
                let mut delta = next.wrapping_sub(last).cast_signed();
                s.se("delta_scale", &mut delta, -128..=127)?;
                let next = last.wrapping_add_signed(delta);
                ended = next == 0;
                if !ended {
                    last = next;
                    self.coded += 1;
                }
            }
            // The default list has no factors of its own.
            *factor = if self.coded == 0 { 16 } else { last };
        }
        Ok(())
    }
}
