//! Sign-bit moves: absolute value, negative absolute value, negation, copy sign. They look at no other bit, so
//! NaNs pass unchanged and no exception is raised.

use crate::{fields::Word, state::Cpu, trap::Done};

/// The sign of doubleword 0, of both doublewords, of all words, and of the quadword.
const DP: u128 = 1 << 127;
const DP2: u128 = 1 << 127 | 1 << 63;
const SP4: u128 = 1 << 127 | 1 << 95 | 1 << 63 | 1 << 31;
const QP: u128 = 1 << 127;
/// Doubleword 0, the result of a scalar instruction.
const SCALAR: u128 = (u64::MAX as u128) << 64;

macro_rules! signs {
    ($($abs:ident, $nabs:ident, $neg:ident, $cpsgn:ident: $sign:expr, $keep:expr, $t:expr, $a:expr, $b:expr;)*) => { $(
        #[doc = concat!("`", stringify!($abs), "`")]
        pub fn $abs(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[$t(w)] = cpu.vsr[$b(w)] & !$sign & $keep;
            Ok(())
        }
        #[doc = concat!("`", stringify!($nabs), "`")]
        pub fn $nabs(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[$t(w)] = (cpu.vsr[$b(w)] | $sign) & $keep;
            Ok(())
        }
        #[doc = concat!("`", stringify!($neg), "`")]
        pub fn $neg(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[$t(w)] = (cpu.vsr[$b(w)] ^ $sign) & $keep;
            Ok(())
        }
        #[doc = concat!("`", stringify!($cpsgn), "`: the sign of A, the rest of B.")]
        pub fn $cpsgn(cpu: &mut Cpu, w: Word) -> Done {
            cpu.vsr[$t(w)] = (cpu.vsr[$a(w)] & $sign | cpu.vsr[$b(w)] & !$sign) & $keep;
            Ok(())
        }
    )* };
}

/// The VSR a quad-precision instruction names: always one of VSR 32 to 63.
#[inline(always)]
fn vrt(w: Word) -> usize {
    32 + w.vrt()
}
#[inline(always)]
fn vra(w: Word) -> usize {
    32 + w.vra()
}
#[inline(always)]
fn vrb(w: Word) -> usize {
    32 + w.vrb()
}

signs! {
    xsabsdp, xsnabsdp, xsnegdp, xscpsgndp: DP, SCALAR, Word::xt, Word::xa, Word::xb;
    xvabsdp, xvnabsdp, xvnegdp, xvcpsgndp: DP2, u128::MAX, Word::xt, Word::xa, Word::xb;
    xvabssp, xvnabssp, xvnegsp, xvcpsgnsp: SP4, u128::MAX, Word::xt, Word::xa, Word::xb;
    xsabsqp, xsnabsqp, xsnegqp, xscpsgnqp: QP, u128::MAX, vrt, vra, vrb;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{exec::ExecFn, exec::vector::testing::cpu};

    #[test]
    fn only_signs_change() {
        let b = 0x8000_0001_0000_0002_8000_0003_0000_0004;
        let cases: [(ExecFn, u128); 16] = [
            (xsabsdp, 0x0000_0001_0000_0002 << 64),
            (xsnabsdp, 0x8000_0001_0000_0002 << 64),
            (xsnegdp, 0x0000_0001_0000_0002 << 64),
            (xscpsgndp, 0x0000_0001_0000_0002 << 64),
            (xvabsdp, 0x0000_0001_0000_0002_0000_0003_0000_0004),
            (xvnabsdp, 0x8000_0001_0000_0002_8000_0003_0000_0004),
            (xvnegdp, 0x0000_0001_0000_0002_0000_0003_0000_0004),
            (xvcpsgndp, 0x0000_0001_0000_0002_8000_0003_0000_0004),
            (xvabssp, 0x0000_0001_0000_0002_0000_0003_0000_0004),
            (xvnabssp, 0x8000_0001_8000_0002_8000_0003_8000_0004),
            (xvnegsp, 0x0000_0001_8000_0002_0000_0003_8000_0004),
            (xvcpsgnsp, 0x0000_0001_8000_0002_8000_0003_0000_0004),
            (xsabsqp, 0x0000_0001_0000_0002_8000_0003_0000_0004),
            (xsnabsqp, 0x8000_0001_0000_0002_8000_0003_0000_0004),
            (xsnegqp, 0x0000_0001_0000_0002_8000_0003_0000_0004),
            (xscpsgnqp, 0x0000_0001_0000_0002_8000_0003_0000_0004),
        ];
        for (i, (f, want)) in cases.into_iter().enumerate() {
            let mut cpu = cpu(1 << 95 | 1 << 63, b, 0);
            f(&mut cpu, Word(1 << 16 | 2 << 11 | 0b111)).unwrap();
            assert_eq!(cpu.vr(0), want, "case {i}");
        }
    }
}
