//! Interrupt handlers: short, and such that a program goes on whatever happened.

use crate::asm::*;
use crate::layout::*;
use crate::setup::Setup;
use crate::shared::random::Random;
use crate::word::BASES;

const SCRATCH: u32 = 3;
const SECOND: u32 = 4;
/// `rfscv`.
const RFSCV: u32 = 0x4c00_00a4;

struct Handlers<'a> {
    setup: &'a Setup,
    tables: u64,
}

/// The vectors from 0x100 to 0xfff, as they lie at each of [`VECTORS`].
pub fn vectors(setup: &Setup, random: &mut Random) -> Vec<u8> {
    let little = setup.interrupts_little();
    let handlers = Handlers { setup, tables: TABLES[usize::from(little)] };
    let mut bytes = vec![0; 0x1000];
    for (vector, room) in (0x100..0xf00).step_by(0x80).map(|v| (v, 0x80)).chain([
        (0xf00, 0x20),
        (0xf20, 0x20),
        (0xf40, 0x20),
        (0xf60, 0x20),
    ]) {
        let mut asm = Asm::new(vector);
        handlers.handler(vector, &mut asm, random);
        let code = asm.bytes(little);
        assert!(code.len() <= room, "the handler at {vector:#x} has {} bytes", code.len());
        bytes[vector as usize..][..code.len()].copy_from_slice(&code);
    }
    bytes
}

/// The entries of `scv`, as they lie at each of [`SCV_VECTORS`].
pub fn scv_vectors(setup: &Setup) -> Vec<u8> {
    let mut asm = Asm::new(0);
    asm.put(RFSCV);
    asm.words.resize(8, 0);
    asm.bytes(setup.interrupts_little()).repeat(128)
}

impl Handlers<'_> {
    fn handler(&self, vector: u64, asm: &mut Asm, random: &mut Random) {
        match vector {
            // System reset, machine check, and what a fetch may meet.
            0x100 | 0x200 | 0x400 | 0x480 => self.elsewhere(asm),
            0x300 | 0x380 | 0x600 => {
                if random.once_in(2) {
                    let entry = 8 * random.below(ADDRESSES.1);
                    let base = BASES.start + random.below(8) as u32;
                    asm.put(ld(base, 0, self.tables + ADDRESSES.0 + entry));
                }
                self.skip(asm);
            }
            // External: the line stays up, so they are turned off.
            0x500 => self.clear_on_return(asm, 0x8000, false),
            // Program: floating-point exceptions would come again and again while FPSCR[FEX] stands.
            0x700 => {
                self.sometimes_elsewhere(asm);
                self.clear_on_return(asm, 0x900, true);
            }
            0x800 => self.set_on_return(asm, ori(SCRATCH, SCRATCH, 0x2000)),
            0x900 => {
                asm.put(mtspr(SPRG0, SCRATCH));
                asm.put(addi(SCRATCH, 0, self.setup.decrementer as i32));
                asm.put(mtspr(DEC, SCRATCH));
                asm.put(mfspr(SCRATCH, SPRG0));
                asm.put(RFID);
            }
            0xc00 => self.another_msr(asm),
            0xd00 => self.clear_on_return(asm, 0x600, false),
            // Performance monitor: it asks as long as MMCR0[PMAO] stands.
            0xf00 => {
                asm.put(mtspr(SPRG0, SCRATCH));
                asm.put(addi(SCRATCH, 0, 0));
                asm.put(mtspr(MMCR0, SCRATCH));
                asm.put(mfspr(SCRATCH, SPRG0));
                asm.put(RFID);
            }
            0xf20 => self.set_on_return(asm, oris(SCRATCH, SCRATCH, 0x200)),
            0xf40 => self.set_on_return(asm, oris(SCRATCH, SCRATCH, 0x80)),
            0xf60 => self.skip(asm),
            _ => asm.put(RFID),
        }
    }

    /// On with the instruction behind.
    fn skip(&self, asm: &mut Asm) {
        asm.put(mtspr(SPRG0, SCRATCH));
        asm.put(mfspr(SCRATCH, SRR0));
        asm.put(addi(SCRATCH, SCRATCH, 4));
        asm.put(mtspr(SRR0, SCRATCH));
        asm.put(mfspr(SCRATCH, SPRG0));
        asm.put(RFID);
    }

    /// SRR1 | something.
    fn set_on_return(&self, asm: &mut Asm, set: u32) {
        asm.put(mtspr(SPRG0, SCRATCH));
        asm.put(mfspr(SCRATCH, SRR1));
        asm.put(set);
        asm.put(mtspr(SRR1, SCRATCH));
        asm.put(mfspr(SCRATCH, SPRG0));
        asm.put(RFID);
    }

    /// SRR1 without `bits`; and skips.
    fn clear_on_return(&self, asm: &mut Asm, bits: u32, skip: bool) {
        asm.put(mtspr(SPRG0, SCRATCH));
        asm.put(mtspr(SPRG1, SECOND));
        asm.put(addi(SECOND, 0, 0));
        asm.put(ori(SECOND, SECOND, bits));
        asm.put(mfspr(SCRATCH, SRR1));
        asm.put(andc(SCRATCH, SCRATCH, SECOND));
        asm.put(mtspr(SRR1, SCRATCH));
        asm.put(mfspr(SECOND, SPRG1));
        asm.put(mfspr(SCRATCH, SPRG0));
        if skip { self.skip(asm) } else { asm.put(RFID) }
    }

    /// r3 = an entry of a table, chosen by the time.
    fn choose(&self, asm: &mut Asm, table: (u64, u64)) {
        let bits = table.1.trailing_zeros();
        asm.put(mfspr(SCRATCH, TB));
        asm.put(rlwinm(SCRATCH, SCRATCH, 3, 29 - bits, 28));
        asm.put(ld(SCRATCH, SCRATCH, self.tables + table.0));
    }

    /// Begins somewhere else in the program that has the byte order of interrupts.
    fn elsewhere(&self, asm: &mut Asm) {
        asm.put(mtspr(SPRG0, SCRATCH));
        self.choose(asm, CODE_ADDRESSES);
        asm.put(mtspr(SRR0, SCRATCH));
        self.choose(asm, MSRS);
        asm.put(mtspr(SRR1, SCRATCH));
        asm.put(mfspr(SCRATCH, SPRG0));
        asm.put(RFID);
    }

    fn sometimes_elsewhere(&self, asm: &mut Asm) {
        asm.put(mtspr(SPRG0, SCRATCH));
        asm.put(mfspr(SCRATCH, TB));
        // rlwinm. and bne
        asm.put(rlwinm(SCRATCH, SCRATCH, 0, 28, 31) | 1);
        let branch = asm.words.len();
        asm.put(0);
        asm.put(mfspr(SCRATCH, SPRG0));
        self.elsewhere(asm);
        asm.words[branch] = bc(0b00100, 2, 4 * (asm.words.len() - branch) as i64, false);
        asm.put(mfspr(SCRATCH, SPRG0));
    }

    /// System call: returns with another MSR, in the same byte order.
    fn another_msr(&self, asm: &mut Asm) {
        asm.put(mtspr(SPRG0, SCRATCH));
        asm.put(mtspr(SPRG1, SECOND));
        self.choose(asm, MSRS);
        asm.put(mfspr(SECOND, SRR1));
        asm.put(rlwimi(SCRATCH, SECOND, 31, 31));
        asm.put(mtspr(SRR1, SCRATCH));
        asm.put(mfspr(SECOND, SPRG1));
        asm.put(mfspr(SCRATCH, SPRG0));
        asm.put(RFID);
    }
}
