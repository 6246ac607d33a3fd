//! Bitwise logic.

use super::lanes::{registers_ab, registers_abc};
use crate::{fields::Word, state::Cpu, trap::Done};

registers_ab! {
    vand: |a, b| a & b;
    vandc: |a, b| a & !b;
    veqv: |a, b| !(a ^ b);
    vnand: |a, b| !(a & b);
    vnor: |a, b| !(a | b);
    vor: |a, b| a | b;
    vorc: |a, b| a | !b;
    vxor: |a, b| a ^ b;
}

registers_abc! {
    vsel: |a, b, c| a & !c | b & c;
}

#[cfg(test)]
mod tests {
    use super::{super::testing::run, *};

    #[test]
    fn every_truth_table_is_right() {
        let (a, b) = (0b0011, 0b0101);
        let low = |v: u128| v & 0xf;
        assert_eq!(low(run!(vand, a, b)), 0b0001);
        assert_eq!(low(run!(vandc, a, b)), 0b0010);
        assert_eq!(low(run!(veqv, a, b)), 0b1001);
        assert_eq!(low(run!(vnand, a, b)), 0b1110);
        assert_eq!(low(run!(vnor, a, b)), 0b1000);
        assert_eq!(low(run!(vor, a, b)), 0b0111);
        assert_eq!(low(run!(vorc, a, b)), 0b1011);
        assert_eq!(low(run!(vxor, a, b)), 0b0110);
        assert_eq!(low(run!(vsel, a, b, 0b0110)), 0b0101);
    }
}
