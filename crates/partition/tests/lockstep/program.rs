//! A program: basic blocks of random instructions with branches among them, in one byte order.

use crate::asm::*;
use crate::layout::*;
use crate::shared::random::Random;
use crate::word::{BASES, OFFSETS, Rows};

/// Scratch registers of the sequences here.
const SCRATCH: u32 = 12;
pub const SECOND: u32 = 11;

/// A branch whose target is a block that was not there yet.
struct Fixup {
    at: usize,
    block: usize,
}

/// Code under way.
pub struct Program<'a> {
    asm: Asm,
    pub rows: &'a Rows,
    /// Page of tables in this program's byte order.
    pub tables: u64,
    /// Address of each block.
    blocks: Vec<u64>,
    wanted_blocks: usize,
    fixups: Vec<Fixup>,
}

/// A program as it lies in memory.
pub struct Code {
    /// The words.
    pub asm: Asm,
    /// Where blocks begin.
    pub blocks: Vec<u64>,
}

/// Makes a program of about `blocks` blocks at `base`.
pub fn program(base: u64, tables: u64, blocks: usize, rows: &Rows, random: &mut Random) -> Code {
    let mut program = Program {
        asm: Asm::new(base),
        rows,
        tables,
        blocks: Vec::new(),
        wanted_blocks: blocks,
        fixups: Vec::new(),
    };
    for _ in 0..blocks {
        program.blocks.push(program.asm.here());
        program.block(random);
    }
    // Whoever runs off the end begins again.
    program.branch_to(0, false);
    program.resolve();
    Code { asm: program.asm, blocks: program.blocks }
}

impl Program<'_> {
    fn resolve(&mut self) {
        for Fixup { at, block } in std::mem::take(&mut self.fixups) {
            let from = self.asm.base + 4 * at as u64;
            let offset = self.blocks[block].wrapping_sub(from) as i64;
            let word = &mut self.asm.words[at];
            *word |= if *word >> 26 == 18 { b(offset, false) } else { bc(0, 0, offset, false) };
        }
    }

    pub fn put(&mut self, word: u32) {
        self.asm.put(word);
    }

    /// A random instruction. One with a prefix crosses 64 bytes now and then only.
    pub fn random(&mut self, random: &mut Random) {
        let mut word = self.rows.word(self.asm.here(), random);
        if word.prefix() != 0 {
            if self.asm.here() % 64 == 60 && !random.once_in(8) {
                self.put(ori(0, 0, 0));
                // Its own address may be in it.
                word = self.rows.word(self.asm.here(), random);
            }
            if word.prefix() != 0 {
                self.put(word.prefix());
            }
        }
        self.put(word.low());
    }

    fn branch_to(&mut self, block: usize, link: bool) {
        self.fixups.push(Fixup { at: self.asm.words.len(), block });
        self.put(b(0, link));
    }

    fn branch_if(&mut self, bo: u32, bi: u32, block: usize, link: bool) {
        self.fixups.push(Fixup { at: self.asm.words.len(), block });
        self.put(bc(bo, bi, 0, link));
    }

    /// Loads an entry of a table.
    fn load(&mut self, register: u32, table: (u64, u64), random: &mut Random) {
        self.put(ld(register, 0, self.tables + table.0 + 8 * random.below(table.1)));
    }

    fn block(&mut self, random: &mut Random) {
        let longest = random.of(&[2, 6, 12, 24]);
        for _ in 0..random.below(longest) {
            self.item(random);
        }
        self.end(random);
    }

    /// One instruction, or a short sequence.
    fn item(&mut self, random: &mut Random) {
        match random.below(48) {
            0..=6 => self.load(BASES.start + random.below(8) as u32, ADDRESSES, random),
            7..=8 => {
                let register = OFFSETS.start + random.below(4) as u32;
                let small = random.of(&[0, 1, 2, 4, 8, 16, 64, -8, 3, 128]);
                self.put(addi(register, 0, small));
            }
            9..=10 => self.load(random.below(14) as u32, INTEGERS, random),
            11 => {
                let at = self.tables + VALUES.0 + 16 * random.below(VALUES.1);
                self.put(addi(SECOND, 0, at as i32));
                self.put(lxvd2x(random.below(64) as u32, SECOND));
            }
            12 => {
                self.load(SCRATCH, MSRS, random);
                self.put(mtmsrd(SCRATCH, u32::from(random.once_in(4))));
            }
            13 if random.once_in(2) => self.patch(random),
            14..=15 => self.counted_loop(random),
            16..=17 => self.arithmetic(random),
            18 => self.reservation(random),
            _ => self.random(random),
        }
    }

    /// A store of an instruction to a place in the program, perhaps just ahead.
    fn patch(&mut self, random: &mut Random) {
        self.put(lwz(SECOND, 0, self.tables + PATCHES.0 + 4 * random.below(PATCHES.1)));
        if random.once_in(2) {
            self.load(SCRATCH, SITES, random);
            self.put(stw(SECOND, SCRATCH, random.below(16) as i32 * 4 - 32));
        } else {
            let ahead = self.asm.here() + 4 * (1 + random.below(6));
            self.put(addis(SCRATCH, 0, ((ahead + 0x8000) >> 16) as i32));
            self.put(stw(SECOND, SCRATCH, ahead as i16 as i32));
        }
    }

    fn counted_loop(&mut self, random: &mut Random) {
        let most = random.of(&[3, 20, 20, 100]);
        self.put(addi(SCRATCH, 0, 1 + random.below(most) as i32));
        self.put(mtspr(CTR, SCRATCH));
        let start = self.asm.here();
        for _ in 0..1 + random.below(6) {
            self.random(random);
        }
        let back = start.wrapping_sub(self.asm.here()) as i64;
        let (bo, bi) = match random.below(4) {
            // bdnzt, bdnzf
            0 => (random.of(&[0b01000, 0b00000]), random.below(32) as u32),
            _ => (COUNT, 0),
        };
        self.put(bc(bo, bi, back, false));
    }

    fn near(&self, random: &mut Random) -> usize {
        let here = self.blocks.len() as u64 - 1;
        let first = here.saturating_sub(4);
        ((first + random.below(10)) as usize).min(self.wanted_blocks - 1)
    }

    fn end(&mut self, random: &mut Random) {
        let block = self.near(random);
        let link = random.once_in(3);
        match random.below(24) {
            0..=2 => self.branch_to(block, link),
            3..=10 => {
                // With or without a test of CTR, with or without one of CR.
                let bo = random.of(&[0b00100, 0b01100, 0b00100, 0b01100, COUNT, 0b10010, 0, 0b01010, ALWAYS]);
                self.branch_if(bo, random.below(32) as u32, block, random.once_in(6));
            }
            11..=12 => self.branch_to(block, true),
            13..=14 => {
                let bo = random.of(&[ALWAYS, ALWAYS, 0b00100, 0b01100, COUNT]);
                self.put(branch_register(16, bo, random.below(32) as u32, link));
            }
            15..=17 => {
                self.load(SCRATCH, CODE_ADDRESSES, random);
                let (spr, which) = random.of(&[(LR, 16), (CTR, 528), (CTR, 528), (TAR, 560)]);
                self.put(mtspr(spr, SCRATCH));
                let bo = random.of(&[ALWAYS, ALWAYS, 0b00100, 0b01100]);
                self.put(branch_register(which, bo, random.below(32) as u32, link));
            }
            18 => self.return_from_interrupt(CODE_ADDRESSES, MSRS, random),
            19 if random.once_in(2) => self.return_from_interrupt(OTHER_ENTRIES, OTHER_MSRS, random),
            20 => self.put(SC),
            21 if random.once_in(2) => self.put(HYPERCALL),
            22 => {
                self.load(SCRATCH, CODE_ADDRESSES, random);
                self.put(mtspr(EBBRR, SCRATCH));
                self.put(RFEBB);
            }
            23 => self.put(scv(random.below(128) as u32)),
            _ => {}
        }
    }

    fn return_from_interrupt(&mut self, to: (u64, u64), msr: (u64, u64), random: &mut Random) {
        self.load(SCRATCH, to, random);
        self.put(mtspr(SRR0, SCRATCH));
        self.load(SCRATCH, msr, random);
        self.put(mtspr(SRR1, SCRATCH));
        self.put(RFID);
    }
}
