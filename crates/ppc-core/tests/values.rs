//! Every row that computes on vector-scalar registers, on many values worth trying, on both engines: results, FPSCR and
//! CR must be the same to the bit. The random programs of `lockstep` reach every row, but not each of them a thousand
//! times.

#[path = "shared/random.rs"]
mod random;

use hpt::Hpt;
use ppc_core::{
    engine::{Engine, EngineKind},
    exit::EngineExit,
    fields::Word,
    insn::{Chapter, Exec, Form, Operand, Row, decode::decode, rows},
    model::{Model, POWER9, POWER10},
    msr,
    ram::{Ram, RealAddr},
    state::Cpu,
};
use random::{Flavour, Random, integer, vector};
use std::sync::Arc;

const CODE: u64 = 0x1000;
const OPERANDS: u64 = 0x1_0000;
const RESULTS: u64 = 0x4_0000;
const ROUNDS: u64 = 4000;

/// Bytes of the results of one round: VSRs 4 to 7 and 36, FPSCR, CR, r9.
const RESULT: u64 = 112;

/// Source registers 1, 2, 3 and target 4, in their VSX and in their VMX half. The accumulator of VSR 4 is number 1.
const FIELDS: u32 = 4 << 21 | 1 << 16 | 2 << 11 | 3 << 6;
/// A GPR as the target is number 9.
const TARGET_GPR: u32 = 9 << 21;

fn lxvd2x(xt: u32, ra: u32, rb: u32) -> u32 {
    31 << 26 | (xt & 31) << 21 | ra << 16 | rb << 11 | 844 << 1 | xt >> 5
}
fn stxvd2x(xs: u32, ra: u32, rb: u32) -> u32 {
    31 << 26 | (xs & 31) << 21 | ra << 16 | rb << 11 | 972 << 1 | xs >> 5
}
fn addi(rt: u32, ra: u32, si: u32) -> u32 {
    14 << 26 | rt << 21 | ra << 16 | si
}
const MTFSB1_XX: u32 = 63 << 26 | 6 << 21 | 38 << 1;
const MFFS_5: u32 = 63 << 26 | 5 << 21 | 583 << 1;
const STFD_5_80_R5: u32 = 54 << 26 | 5 << 21 | 5 << 16 | 80;
const MFCR_8: u32 = 31 << 26 | 8 << 21 | 19 << 1;
fn ld(rt: u32, ds: u32, ra: u32) -> u32 {
    58 << 26 | rt << 21 | ra << 16 | ds
}
fn std(rs: u32, ds: u32, ra: u32) -> u32 {
    62 << 26 | rs << 21 | ra << 16 | ds
}
const NOP: u32 = 24 << 26;

/// The loop around one instruction: r4 walks over the operands, r5 over the results, r6, r7, r10 and r11 are 16, 32, 48 and
/// 64. With it, how many instructions a round has.
fn program(word: Word) -> (Vec<u32>, u64) {
    let mut code = vec![MTFSB1_XX];
    for half in [0, 32] {
        code.extend([lxvd2x(half + 1, 0, 4), lxvd2x(half + 2, 4, 6), lxvd2x(half + 3, 4, 7)]);
        code.push(lxvd2x(half + 4, 4, 7));
    }
    code.extend([ld(1, 0, 4), ld(2, 20, 4), ld(3, 40, 4)]);
    let mut second_words = 0;
    if word.bytes() == 8 {
        // A prefix and its suffix are in one block of 64 bytes.
        if code.len() % 16 == 15 {
            code.push(NOP);
        }
        code.push(word.prefix());
        second_words = 1;
    }
    code.push(word.low());
    code.extend([
        stxvd2x(4, 0, 5),
        stxvd2x(5, 5, 6),
        stxvd2x(6, 5, 7),
        stxvd2x(7, 5, 10),
        stxvd2x(36, 5, 11),
    ]);
    code.extend([MFFS_5, STFD_5_80_R5, MFCR_8, std(8, 88, 5), std(9, 96, 5)]);
    code.extend([addi(4, 4, 48), addi(5, 5, RESULT as u32)]);
    let back = -4 * code.len() as i32;
    code.push(16 << 26 | 16 << 21 | back as u32 & 0xfffc);
    let round = code.len() as u64 - second_words;
    code.push(18 << 26);
    (code, round)
}

fn run(kind: EngineKind, model: &'static Model, word: Word, operands: &[u8]) -> Vec<u8> {
    let (code, round) = program(word);
    let ram = Arc::new(Ram::new(1 << 20).expect("memory"));
    let mut cpu = Cpu::new(model, ram, Arc::new(Hpt::new(18).expect("table")));
    let msr = msr::SF | msr::ME | msr::FP | msr::VEC | msr::VSX | msr::LE;
    cpu.set_register("msr", msr.into()).expect("a register");
    cpu.cia = CODE;
    cpu.ctr = ROUNDS;
    (cpu.gpr[4], cpu.gpr[5]) = (OPERANDS, RESULTS);
    (cpu.gpr[6], cpu.gpr[7], cpu.gpr[10], cpu.gpr[11]) = (16, 32, 48, 64);
    for (i, word) in code.iter().enumerate() {
        cpu.ram.write_bytes(RealAddr(CODE + 4 * i as u64), &word.to_le_bytes()).expect("inside");
    }
    cpu.ram.write_bytes(RealAddr(OPERANDS), operands).expect("inside");
    let mut engine = Engine::with_kind(cpu, kind);
    assert_eq!(engine.run(round * ROUNDS), EngineExit::Limit);
    assert_eq!(engine.cpu.ctr, 0, "every round was run");
    let mut results = vec![0; (RESULT * ROUNDS) as usize];
    engine.cpu.ram.read_bytes(RealAddr(RESULTS), &mut results).expect("inside");
    results
}

/// Numbers near one another, with short significands now and then: sums cancel, results are exact, products of two lie
/// half way between singles. And now and then a single so small that it only tells on which side of half way a sum is.
fn near(random: &mut Random) -> u64 {
    let tail = random.of(&[0, 0, 29, 29, 39, 40, 50]);
    let spread = random.of(&[2, 50]);
    let least = random.of(&[1000, 1000, 1000, 897]);
    random.next() & (0x800f_ffff_ffff_ffff >> tail << tail) | (least + random.below(spread)) << 52
}

const FLAVOURS: [Flavour; 12] = [
    Flavour::Bits,
    Flavour::Double,
    Flavour::Single,
    Flavour::Half,
    Flavour::Bfloat16,
    Flavour::Quad,
    Flavour::Integer,
    Flavour::Decimal,
    Flavour::National,
    Flavour::Zoned,
    Flavour::Dfp,
    Flavour::DfpQuad,
];

fn operand(random: &mut Random) -> u128 {
    let pair = |of: fn(&mut Random) -> u64, random: &mut Random| {
        u128::from(of(random)) << 64 | u128::from(of(random))
    };
    match random.below(8) {
        0 => pair(integer, random),
        1..=3 => {
            let flavour = random.of(&FLAVOURS);
            vector(random, flavour)
        }
        _ => pair(near, random),
    }
}

fn computes(row: &Row) -> bool {
    matches!(row.chapter, Chapter::Float | Chapter::Vector | Chapter::Vsx | Chapter::Decimal)
        && !matches!(row.exec, Exec::None)
        && row.accesses.is_none()
        && !["mtfs", "mffs", "mtvscr"].iter().any(|start| row.name.starts_with(start))
}

/// The instance with registers as in [`FIELDS`]; `record` is Rc.
fn instance(row: &'static Row, model: &Model, immediate: u64, record: bool) -> Option<Word> {
    let free = !row.mask & !row.reserved;
    let low = free as u32;
    // Immediates stand where RA or SHB would.
    let random =
        if row.form == Form::Vx || row.form == Form::Xx2 { immediate as u32 & 0x001f_0000 } else { 0 };
    let mut fields = FIELDS & low
        | random & low & !(0x1f_0000 * u32::from(row.notation().contains("A,")))
        | u32::from(record) & low;
    if row.operands.first() == Some(&Operand::RT) {
        fields = fields & !(31 << 21) | TARGET_GPR;
    }
    if row.operands.contains(&Operand::XAp) {
        fields = fields & !(31 << 16) | 2 << 16;
    }
    let word = Word(row.value | u64::from(fields) | immediate << 32 & free);
    decode(word, model.isa).is_some_and(|found| std::ptr::eq(found, row)).then_some(word)
}

#[test]
fn every_row_computes_the_same_on_both_engines() {
    let mut random = Random::new(0x7a1e5);
    let mut tried = 0;
    for row in rows().filter(|row| computes(row)) {
        let model = if row.is_in(POWER10.isa) { &POWER10 } else { &POWER9 };
        let word = instance(row, model, random.next(), random.once_in(2)).expect(row.name);
        let operands: Vec<u8> = (0..3 * ROUNDS).flat_map(|_| operand(&mut random).to_le_bytes()).collect();
        let [interpreted, compiled] =
            [EngineKind::Interp, EngineKind::Jit].map(|kind| run(kind, model, word, &operands));
        tried += 1;
        let size = RESULT as usize;
        if let Some(at) = interpreted.chunks(size).zip(compiled.chunks(size)).position(|(a, b)| a != b) {
            let [a, b, c] = [0, 16, 32].map(|n| {
                let bytes = operands[48 * at + n..][..16].try_into().expect("sixteen bytes");
                // As lxvd2x sees it.
                u128::from_le_bytes(bytes).rotate_left(64)
            });
            panic!(
                "{} {:#x} of {a:032x} {b:032x} {c:032x}:\n{:02x?}\n{:02x?}",
                row.name,
                word.0,
                &interpreted[size * at..][..size],
                &compiled[size * at..][..size]
            );
        }
    }
    assert!(tried > 780, "{tried} rows");
}
