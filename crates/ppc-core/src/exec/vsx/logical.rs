//! Bitwise logic on VSRs.

use crate::{fields::Word, state::Cpu, trap::Done};

macro_rules! logical {
    ($($name:ident: $f:expr;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`")]
        pub fn $name(cpu: &mut Cpu, w: Word) -> Done {
            let f: fn(u128, u128) -> u128 = $f;
            let value = f(cpu.vsr[w.xa()], cpu.vsr[w.xb()]);
            cpu.vsr[w.xt()] = value;
            Ok(())
        }
    )* };
}
logical! {
    xxland: |a, b| a & b;
    xxlandc: |a, b| a & !b;
    xxleqv: |a, b| !(a ^ b);
    xxlnand: |a, b| !(a & b);
    xxlnor: |a, b| !(a | b);
    xxlor: |a, b| a | b;
    xxlorc: |a, b| a | !b;
    xxlxor: |a, b| a ^ b;
}

/// `xxsel`
pub fn xxsel(cpu: &mut Cpu, w: Word) -> Done {
    let mask = cpu.vsr[w.xc()];
    cpu.vsr[w.xt()] = cpu.vsr[w.xa()] & !mask | cpu.vsr[w.xb()] & mask;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::vector::testing::cpu;

    #[test]
    fn all_64_registers_are_reachable() {
        let mut cpu = cpu(0b0011, 0b0101, 0b0110);
        // XT = 40, XA = 33 (VR 1), XB = 34 (VR 2), XC = 35 (VR 3).
        let w = Word(8 << 21 | 1 << 16 | 2 << 11 | 3 << 6 | 0b1111);
        for (f, want) in
            [(xxland as crate::exec::ExecFn, 1), (xxlor, 7), (xxlxor, 6), (xxlandc, 2), (xxsel, 5)]
        {
            f(&mut cpu, w).unwrap();
            assert_eq!(cpu.vsr[40], want);
        }
        for (f, want) in [(xxleqv as crate::exec::ExecFn, 6), (xxlnand, 1), (xxlnor, 7), (xxlorc, 4)] {
            f(&mut cpu, w).unwrap();
            assert_eq!(!cpu.vsr[40], want);
        }
    }
}
