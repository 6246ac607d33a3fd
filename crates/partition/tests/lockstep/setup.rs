//! What a run is like, all of it from its seed.

use crate::layout::{LARGE_RAM, RAM};
use crate::shared::random::Random;
use ppc_core::{
    model::{Isa, Model, POWER8, POWER9, POWER10},
    msr,
    spr::{LPCR_AIL_SHIFT, LPCR_ILE, LPCR_LD},
};

/// The circumstances of a run.
pub struct Setup {
    /// Which seed this is of.
    pub seed: u64,
    /// The processor.
    pub model: &'static Model,
    /// The main program is little-endian; the other one is not.
    pub little: bool,
    /// Relocation is on most of the time.
    pub relocated: bool,
    /// There are pages of 16 MiB.
    pub large: bool,
    /// A device has a window behind RAM.
    pub window: bool,
    /// LPCR.
    pub lpcr: u64,
    /// Executions of a block before it is compiled.
    pub compile_after: u32,
    /// What the decrementer's handler writes.
    pub decrementer: u64,
    /// External interrupts are on in most of the program.
    pub external: bool,
}

impl Setup {
    /// The circumstances that belong to `seed`.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5e7);
        let model = random.of(&[&POWER8, &POWER9, &POWER10]);
        let relocated = !random.once_in(3);
        let ail = random.of(&[0, 2, 3]) << LPCR_AIL_SHIFT;
        let ile = if random.once_in(2) { LPCR_ILE } else { 0 };
        let wide = if model.isa >= Isa::V3_0 && !random.once_in(4) { LPCR_LD } else { 0 };
        Self {
            seed,
            model,
            little: random.once_in(2),
            relocated,
            large: relocated && random.once_in(8),
            lpcr: ail | ile | wide,
            compile_after: random.of(&[0, 0, 0, 1, 2, 8]),
            decrementer: random.of(&[20, 150, 700, 5000, 5000]) + random.below(20),
            external: !random.once_in(3),
            window: !random.once_in(3),
        }
    }

    /// Bytes of RAM.
    pub fn ram(&self) -> u64 {
        if self.large { LARGE_RAM } else { RAM }
    }

    /// Interrupts are taken little-endian.
    pub fn interrupts_little(&self) -> bool {
        self.lpcr & LPCR_ILE != 0
    }

    /// An MSR for the program in byte order `little`.
    pub fn msr(&self, little: bool, random: &mut Random) -> u64 {
        let mut value = msr::SF | msr::ME | msr::RI | if little { msr::LE } else { 0 };
        for bit in [msr::FP, msr::VEC, msr::VSX] {
            if !random.once_in(4) {
                value |= bit;
            }
        }
        for bit in [msr::FE0, msr::FE1] {
            if random.once_in(5) {
                value |= bit;
            }
        }
        if self.external != random.once_in(6) {
            value |= msr::EE;
        }
        if self.relocated {
            value |= match random.below(12) {
                0 => msr::DR,
                1 => msr::IR,
                2 => 0,
                3..=6 => msr::IR | msr::DR,
                _ => msr::PR,
            };
        }
        for bit in [msr::SE, msr::BE] {
            if random.once_in(40) {
                value |= bit;
            }
        }
        if random.once_in(24) { value & !msr::SF } else { value }
    }

    /// Where a run begins: with everything turned on.
    pub fn first_msr(&self) -> u64 {
        let on = msr::SF | msr::ME | msr::RI | msr::FP | msr::VEC | msr::VSX;
        let relocation = if self.relocated { msr::IR | msr::DR } else { 0 };
        let external = if self.external { msr::EE } else { 0 };
        on | relocation | external | if self.little { msr::LE } else { 0 }
    }

    /// In one line.
    pub fn describe(&self) -> String {
        format!(
            "{}, {}-endian, {}, RAM {:#x}{}, LPCR {:#x}, compiled after {}",
            self.model.name,
            if self.little { "little" } else { "big" },
            if self.relocated { "relocated" } else { "real mode" },
            self.ram(),
            if self.window { " and a window" } else { "" },
            self.lpcr,
            self.compile_after,
        )
    }
}
