//! Short sequences that single random instructions seldom make: arithmetic on values worth trying under an FPSCR that
//! lets it happen, and reservations that are used.

use crate::asm::*;
use crate::layout::*;
use crate::program::{Program, SECOND};
use crate::shared::operands::put;
use crate::shared::random::Random;
use crate::word::{BASES, OFFSETS};

impl Program<'_> {
    /// Loads three registers of each kind, and computes with them. FPSCR is such mostly that nothing is enabled and
    /// results are rounded to nearest, as programs have it.
    pub fn arithmetic(&mut self, random: &mut Random) {
        let registers = [(); 3].map(|()| random.below(32) as u32);
        for register in registers {
            let at = self.tables + VALUES.0 + 16 * random.below(VALUES.1);
            self.put(addi(SECOND, 0, at as i32));
            self.put(lxvd2x(register, SECOND));
            self.put(lxvd2x(register + 32, SECOND));
        }
        if !random.once_in(4) {
            // VE, OE, UE, ZE; XE, NI, RN.
            self.put(mtfsfi(6, 0));
            self.put(mtfsfi(7, 0));
            if !random.once_in(3) {
                self.put(mtfsb1(XX_BIT));
            }
        }
        for _ in 0..1 + random.below(6) {
            let word = self.rows.arithmetic(random, |row, mut word, random| {
                // FRT, FRA, FRB, FRC: where the row has no opcode.
                for field in [6, 11, 16, 21] {
                    if row.mask & u64::from(put(0, field, 5, 31)) == 0 && !random.once_in(16) {
                        word = put(word, field, 5, u64::from(random.of(&registers)));
                    }
                }
                word
            });
            self.put(word);
        }
    }

    /// A load-and-reserve and a store-conditional, mostly of the same.
    pub fn reservation(&mut self, random: &mut Random) {
        let (base, offset) = (BASES.start + random.below(8) as u32, OFFSETS.start + random.below(4) as u32);
        let at = if random.once_in(2) { (0, base) } else { (base, offset) };
        // lbarx, lharx, lwarx, ldarx and their stores.
        let kinds = [(52, 694), (116, 726), (20, 150), (84, 214)];
        let (load, store) = random.of(&kinds);
        let store = if random.once_in(8) { random.of(&kinds).1 } else { store };
        self.put(x_form(random.below(14) as u32, at.0, at.1, load));
        for _ in 0..random.below(3) {
            self.random(random);
        }
        let base = if random.once_in(8) { BASES.start + random.below(8) as u32 } else { at.1 };
        self.put(x_form(random.below(14) as u32, at.0, base, store) | 1);
    }
}
