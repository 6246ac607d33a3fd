//! Comparisons and tests: the answer goes to a CR field and FPCC.

use super::{answer, format, operand};
use crate::{
    fields::Word,
    softdfp::{arith, test},
    softfp::bits::{VE, VXSNAN, VXVC},
    state::Cpu,
    trap::Done,
};

fn compare<const Q: bool>(cpu: &mut Cpu, w: Word, ordered: bool) -> Done {
    let (a, b) = (operand::<Q>(cpu, w.fra()), operand::<Q>(cpu, w.frb()));
    let order = arith::compare(a, b);
    let mut flags = 0;
    if a.is_snan() || b.is_snan() {
        flags = VXSNAN;
        // "Ordered" adds its own cause unless the first already is an enabled exception.
        if ordered && cpu.fpscr & VE == 0 {
            flags |= VXVC;
        }
    } else if ordered && order.is_none() {
        flags = VXVC;
    }
    answer(cpu, w.bf(), test::crf(order), flags)
}

macro_rules! tests {
    ($($(#[$doc:meta])* $name:ident $quad:ident: |$q:ident, $cpu:ident, $w:ident| $body:expr;)*) => {
        $($(#[$doc])*
        pub fn $name($cpu: &mut Cpu, $w: Word) -> Done {
            const $q: bool = false;
            $body
        }
        /// The same, extended.
        pub fn $quad($cpu: &mut Cpu, $w: Word) -> Done {
            const $q: bool = true;
            $body
        })*
    };
}

tests! {
    /// DFP Compare Ordered.
    dcmpo dcmpoq: |Q, cpu, w| compare::<Q>(cpu, w, true);
    /// DFP Compare Unordered.
    dcmpu dcmpuq: |Q, cpu, w| compare::<Q>(cpu, w, false);
    /// DFP Test Data Class.
    dtstdc dtstdcq: |Q, cpu, w| {
        let crf = test::class(format::<Q>(), operand::<Q>(cpu, w.fra()), w.bits(16, 6));
        answer(cpu, w.bf(), crf, 0)
    };
    /// DFP Test Data Group.
    dtstdg dtstdgq: |Q, cpu, w| {
        let crf = test::group(format::<Q>(), operand::<Q>(cpu, w.fra()), w.bits(16, 6));
        answer(cpu, w.bf(), crf, 0)
    };
    /// DFP Test Exponent.
    dtstex dtstexq: |Q, cpu, w| {
        let crf = test::exponent(operand::<Q>(cpu, w.fra()), operand::<Q>(cpu, w.frb()));
        answer(cpu, w.bf(), crf, 0)
    };
    /// DFP Test Significance.
    dtstsf dtstsfq: |Q, cpu, w| {
        let crf = test::significance(cpu.fpr(w.fra()) as u32 & 0x3f, operand::<Q>(cpu, w.frb()));
        answer(cpu, w.bf(), crf, 0)
    };
    /// DFP Test Significance Immediate.
    dtstsfi dtstsfiq: |Q, cpu, w| {
        let crf = test::significance(w.bits(10, 6), operand::<Q>(cpu, w.frb()));
        answer(cpu, w.bf(), crf, 0)
    };
}
