//! What any host can tell of the emitter: that it finds an encoding for whatever operands come. What the code does is
//! found out by the lock-step tests where it can run.

use super::*;
use crate::{
    fields::Word,
    insn::{decode::decode_id, row, rows},
    jit::{
        insn::{GUESTS, Insn},
        region::Part,
    },
    model::Isa,
    op::illegal,
};

/// Xorshift.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 16) as usize % bound
    }
}

/// A block of `words` at `place`, in which only the last may end it.
fn part(words: &[Word], place: u32, isa: Isa) -> Part {
    let insns = words.iter().enumerate().map(|(n, &word)| {
        let id = decode_id(word, isa);
        let row = id.and_then(row).filter(|row| row.exec_for(word).is_some());
        let exec = row.and_then(|row| row.exec_for(word)).unwrap_or(illegal);
        let (offset, after) = (place + 4 * n as u32, (words.len() - 1 - n) as u32);
        (Insn { word, row, exec, offset, after }, id)
    });
    let insns = insns.collect();
    Part { place, insns, needs: 0, weight: 1, successors: Vec::new(), number: 0 }
}

/// A random region: two blocks, each of a few random instructions of which the last is one that ends blocks.
fn region(random: &mut Random, isa: Isa) -> Region {
    let (last, inner): (Vec<_>, Vec<_>) = rows()
        .filter(|row| row.is_in(isa) && row.exec_for(Word(row.value)).is_some())
        .partition(|row| row.ends_block(Word(row.value)));
    let mut parts = Vec::new();
    let mut place = 4 * random.below(64) as u32;
    for _ in 0..2 {
        let mut words = Vec::new();
        for n in 0..40 {
            let from = if n < 39 { &inner } else { &last };
            let row = from[random.below(from.len())];
            words.push(Word(row.value | random.next() & !row.mask));
        }
        parts.push(part(&words, place, isa));
        place += 160;
    }
    let mut mapped: Vec<_> = (0..GUESTS).collect();
    for n in (1..GUESTS).rev() {
        mapped.swap(n, random.below(n + 1));
    }
    mapped.truncate(random.below(MAPPABLE + 1));
    Region { parts, mapped }
}

#[test]
fn every_operand_has_an_encoding() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..3000 {
        let isa = [Isa::V2_07, Isa::V3_0, Isa::V3_1][round % 3];
        let mode = CodeMode {
            isa,
            little_endian: random.below(2) == 0,
            half: random.below(2),
            read_shift: [12, 16][random.below(2)],
        };
        let region = region(&mut random, isa);
        let fresh = emit(&region, mode).expect("code");
        assert_eq!(fresh.entries.len(), 2);
        let (words, rest) = fresh.code.as_chunks::<4>();
        // A word of zeros is an instruction that is undefined for ever.
        assert!(rest.is_empty() && words.iter().all(|&word| word != [0; 4]), "round {round}");
    }
}

#[test]
fn entering_and_leaving_have_an_encoding() {
    let stubs = stubs().expect("code");
    assert_eq!(stubs.enter, 0);
    for at in [stubs.next, stubs.here, stubs.unlinked, stubs.trap] {
        assert!(at % 4 == 0 && at < stubs.code.len());
    }
}

/// The immediate of a logical instruction (Arm ARM, "DecodeBitMasks").
fn bits(word: u32) -> u64 {
    let (n, rotate, ones) = (word >> 22 & 1, word >> 16 & 0x3f, word >> 10 & 0x3f);
    let size = 1 << (31 - (n << 6 | !ones & 0x3f).leading_zeros());
    let run = u64::MAX >> (63 - (ones & (size - 1)));
    let element = (0..64 / size).fold(0, |all, copy| all | run << (copy * size));
    let rotated = |value: u64, by: u32| {
        (0..64).fold(0, |all, n| {
            let from = n / size * size + (n + by) % size;
            all | (value >> from & 1) << n
        })
    };
    rotated(element, rotate)
}

#[test]
fn constants_are_what_they_are() {
    // MOVZ, MOVN, MOVK and ORR, run by hand (Arm ARM, "Move (wide immediate)", "Logical (immediate)").
    let mut values = vec![0, 1, u64::MAX, 0xffff, 0x1_0000, 0xffff_0000, 0x5555_5555_5555_5555, 1 << 63];
    let mut random = Random(1);
    values.extend((0..2000).map(|_| {
        let (value, shift) = (random.next(), 16 * random.below(4));
        match random.below(4) {
            0 => value,
            1 => value & 0xffff << shift,
            2 => value | !(0xffff << shift),
            _ => u64::MAX >> random.below(64),
        }
    }));
    for value in values {
        let mut e =
            Emitter::new(CodeMode { isa: Isa::V3_0, little_endian: true, half: 0, read_shift: 12 }, &[]);
        e.constant(X1, value);
        let mut x1 = 0u64;
        for word in e.ops.finalize().expect("code").as_chunks::<4>().0 {
            let word = u32::from_le_bytes(*word);
            let (imm, shift) = (u64::from(word >> 5 & 0xffff), 16 * (word >> 21 & 3));
            match word >> 23 {
                0b1_1010_0101 => x1 = imm << shift,
                0b1_0010_0101 => x1 = !(imm << shift),
                0b1_1110_0101 => x1 = x1 & !(0xffff << shift) | imm << shift,
                0b1_0110_0100 => x1 = bits(word),
                _ => panic!("{word:08x}"),
            }
            assert_eq!(word & 31, 1);
        }
        assert_eq!(x1, value, "{value:x}");
    }
}
