//! Instances of a table row: an instruction word with random fields, and registers it makes sense with.

use crate::record::{BUFFER, BUFFER_BYTES, CIA, LANDING, Registers, Start};
use crate::shared::operands::{TRANSACTIONAL, access_bytes, fpscr, put, put_spr, vscr};
use crate::shared::random::{Flavour, Random, integer, vector};
use ppc_core::{
    fields::Word,
    insn::{Chapter, Form, Operand, Row, decode::decode},
    model::Isa,
};

/// Rows that are not compared, and why.
pub const EXCLUDED: &[(&[&str], &str)] = &[
    (&["sc", "scv"], "system calls: the peer's kernel answers them, ours is an interrupt"),
    (&["mftb", "darn"], "time and random numbers differ by nature"),
    (
        &["icbt", "dst", "dstst", "dss", "reserved_nop"],
        "hints, which change nothing that could be compared; the peer refuses them",
    ),
    (&["copy", "cpabort", "paste_rc", "wait"], "need an accelerator or an interrupt to show anything"),
    (
        &["hashst", "hashchk"],
        "the peer's key is random and nobody's; what they compute has a test of its own",
    ),
    (
        &["rfebb", "clrbhrb", "mfbhrbe"],
        "event-based branches and the branch history: not reachable in user mode of the peer",
    ),
    (TRANSACTIONAL, "transactional memory is not offered"),
];

/// Rows that refuse little-endian mode: "This instruction is not supported in Little-Endian mode. If it is executed in
/// Little-Endian mode, the system alignment error handler is invoked." (3.1, Book I, Load Multiple Word). The peer
/// aborts; our side alone is held to the sentence.
pub const NOT_LITTLE: &[&str] = &["lmw", "stmw", "lswi", "lswx", "stswi", "stswx"];

/// Whether the row is compared at all.
pub fn included(row: &Row) -> bool {
    !EXCLUDED.iter().any(|(names, _)| names.contains(&row.name))
}

/// SPRs that problem state may use and that hold nothing but what was put there: XER, LR, CTR, VRSAVE, TAR.
const SPRS: &[u64] = &[1, 8, 9, 256, 815];

fn aligned_to(name: &str) -> u64 {
    match name {
        "lharx" | "sthcx_rc" => 2,
        "lwarx" | "stwcx_rc" | "lwat" | "stwat" => 4,
        "ldarx" | "stdcx_rc" | "ldat" | "stdat" => 8,
        "lq" | "stq" | "lqarx" | "stqcx_rc" => 16,
        _ => 1,
    }
}

/// Whether a GPR number lies among `count` registers from `first`, wrapping from 31 to 0.
fn among(register: u64, first: u64, count: u64) -> bool {
    (register + 32 - first) % 32 < count
}

/// Chooses fields that are not an invalid form, then a base so that the access lies in the buffer or ends just
/// beyond it.
fn aim(row: &Row, word: &mut u32, r: &mut Registers, random: &mut Random) -> bool {
    let name = row.name;
    let bytes = access_bytes(row);
    let w = Word::from(*word);
    let (rt, ra, rb) = (w.rt() as u64, w.ra() as u64, w.rb() as u64);
    let by_ra_alone = row.notation().contains("NB")
        || row.notation().contains("FC")
        || name.ends_with("xvl")
        || name.ends_with("xvll");
    let displaced = row.notation().contains("(RA)");
    // Invalid forms: update without a base or onto the base; targets that overlap the base. "In general, any attempt to
    // execute an invalid form of an instruction will either cause the system illegal instruction error handler to be
    // invoked or yield boundedly undefined results." (Book I, Invalid Instruction Forms)
    let update = name.ends_with('u') || name.ends_with("ux");
    if update && (ra == 0 || (name.starts_with('l') && row.notation().starts_with("RT,") && ra == rt)) {
        return false;
    }
    let pairs = row.notation().starts_with("RTp") || row.notation().starts_with("RSp");
    if row.notation().starts_with("FR") && row.notation().contains("p,") && rt % 2 != 0 {
        return false;
    }
    if pairs && (rt % 2 != 0 || (name.starts_with('l') && (ra == rt || (rb == rt && !displaced)))) {
        return false;
    }
    if name == "lqarx" && (ra == rt + 1 || rb == rt + 1) {
        return false;
    }
    let count = match name {
        "lmw" => 32 - rt,
        "lswi" => (if rb == 0 { 32 } else { rb }).div_ceil(4),
        "lswx" => {
            let most = random.of(&[24, 24, 24, 100]);
            r.xer = r.xer & !0x7f | (1 + random.below(most));
            (r.xer & 0x7f).div_ceil(4)
        }
        "stswx" => {
            r.xer = r.xer & !0x7f | random.below(128);
            0
        }
        _ => 0,
    };
    if count > 0 && (among(ra, rt, count) || (name == "lswx" && among(rb, rt, count))) {
        return false;
    }
    if row.notation().contains("FC") {
        // "Function codes not listed in this table are considered invalid" (3.0C, Book II, 4.5).
        let functions: &[u64] = match name.starts_with("st") {
            true => &[0, 1, 2, 3, 4, 5, 6, 7, 24],
            _ => &[0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 24, 25, 28],
        };
        *word = put(*word, 16, 5, random.of(functions));
        // The operands come from RT+1 and RT+2.
        if rt > 28 || among(ra, rt, 3) {
            return false;
        }
    }
    if (displaced || by_ra_alone) && ra == 0 {
        return false;
    }
    if by_ra_alone && name.contains("vl") && rb == ra {
        return false;
    }
    let end = BUFFER + BUFFER_BYTES as u64;
    let mut ea = match random.below(8) {
        // Not for accesses that are made in several steps or where the peer reads more than it should.
        // Nor for store-conditionals, which need not look at storage without a reservation.
        0 if bytes <= 16 && !name.ends_with("cx_rc") => end - random.below(17),
        1 if bytes <= 16 => end - 16,
        _ => BUFFER + random.below(BUFFER_BYTES as u64 - 160),
    };
    let alignment = if row.notation().contains("FC") { 32 } else { aligned_to(name) };
    // Without a reservation a store-conditional need not look at its alignment.
    if alignment > 1 && !random.once_in(8) || alignment == 32 || name.ends_with("cx_rc") {
        ea &= !(alignment - 1);
    }
    if alignment == 32 {
        // Both neighbours lie in the same block of 32 bytes.
        ea += 8;
    }
    if displaced {
        let displacement = match row.form {
            Form::Ds => w.ds(),
            Form::Dq => w.dq(),
            _ => w.si(),
        };
        r.gpr[ra as usize] = ea.wrapping_sub(displacement as u64);
    } else if by_ra_alone {
        r.gpr[ra as usize] = ea;
        if name.contains("vl") {
            let most = random.of(&[18, 18, 18, 256]);
            r.gpr[rb as usize] = random.below(most) << 56 | random.below(1 << 20);
        }
    } else if ra == rb && ra != 0 {
        ea &= !1;
        r.gpr[ra as usize] = ea / 2;
    } else {
        if ra != 0 {
            r.gpr[ra as usize] = integer(random);
        }
        r.gpr[rb as usize] = ea.wrapping_sub(if ra == 0 { 0 } else { r.gpr[ra as usize] });
    }
    true
}

/// The same for a prefixed row: a base register, no base or the instruction's own address.
fn aim_prefixed(row: &Row, prefix: &mut u32, word: &mut u32, r: &mut Registers, random: &mut Random) -> bool {
    let w = Word::prefixed(*prefix, *word);
    let (rt, ra) = (w.rt(), w.ra());
    let pairs = row.notation().starts_with("RTp") || row.notation().starts_with("RSp");
    // Invalid forms, as of `lq` and `stq`.
    if pairs && (rt % 2 != 0 || row.name == "plq" && rt == ra) {
        return false;
    }
    let end = BUFFER + BUFFER_BYTES as u64;
    let mut ea = match random.below(8) {
        // Accesses that are made in several steps leave something behind in the peer.
        0 if !row.name.contains("xvp") => end - random.below(17),
        1 if !row.name.contains("xvp") => end - 16,
        _ => BUFFER + random.below(BUFFER_BYTES as u64 - 160),
    };
    if pairs {
        ea &= !15;
    }
    let displacement = match (w.relative(), ra) {
        // With an address of its own an instruction has no base register.
        (true, _) => {
            *word = put(*word, 11, 5, 0);
            ea.wrapping_sub(CIA)
        }
        (false, 0) => ea,
        (false, _) => {
            r.gpr[ra] = ea.wrapping_sub(w.d34() as u64);
            return true;
        }
    };
    *prefix = put(*prefix, 14, 18, displacement >> 16);
    *word = put(*word, 16, 16, displacement);
    true
}

/// Whether a branch there would come back to itself for ever: its own address, or the no-op before it.
fn returns(target: u64) -> bool {
    [CIA - 4, CIA].contains(&(target & !3))
}

fn landing(random: &mut Random) -> u64 {
    if random.once_in(16) {
        return 0x13_0000 + random.below(0x1000);
    }
    let target = LANDING.start + random.below(0xfffc);
    if returns(target) { LANDING.start } else { target }
}

/// Makes a branch go to a trap word, or to an address where nothing is.
fn branch(row: &Row, word: &mut u32, r: &mut Registers, random: &mut Random) {
    let w = Word::from(*word);
    match row.name {
        "b" => {
            let target = LANDING.start + (random.below(0xfff0) & !3);
            let target = if returns(target) { LANDING.start } else { target };
            let offset = if w.aa() { target } else { target.wrapping_sub(CIA) };
            *word = *word & !0x03ff_fffc | offset as u32 & 0x03ff_fffc;
        }
        // "If the decrement and test CTR option is specified (BO2=0), the instruction form is invalid."
        "bcctr" => *word |= 4 << 21,
        _ => {}
    }
    r.lr = landing(random);
    r.tar = landing(random);
    r.ctr = match row.name {
        "bcctr" => landing(random),
        _ if random.once_in(2) => random.of(&[0, 1, 2, 0x1_0000_0001, 0x1_0000_0000]),
        _ => integer(random),
    };
}

fn flavour(row: &Row, random: &mut Random) -> Flavour {
    use Flavour::{Bfloat16, Bits, Decimal, Dfp, Double, Half, Integer, Quad, Single};
    let name = row.name;
    match row.chapter {
        _ if name == "bcdcfn_rc" => Flavour::National,
        _ if name == "bcdcfz_rc" => Flavour::Zoned,
        _ if name.starts_with("bcd") || name.contains("mul10") => Decimal,
        Chapter::Decimal if name.starts_with("dcffix") => Integer,
        Chapter::Decimal if name.starts_with("denbcd") => random.of(&[Decimal, Decimal, Bits]),
        Chapter::Decimal => Dfp,
        Chapter::Float => random.of(&[Double, Double, Double, Double, Integer, Single]),
        Chapter::Vsx if name.contains("bf16") => random.of(&[Bfloat16, Bfloat16, Single]),
        Chapter::Vsx if name.contains("f16") => random.of(&[Half, Half, Single]),
        Chapter::Vsx if name.contains("f32") => Single,
        Chapter::Vsx if name.contains("f64") => Double,
        Chapter::Vsx if name.contains("xvi") => random.of(&[Bits, Integer]),
        Chapter::Vsx if name.ends_with('q') || name.contains("qp") => {
            random.of(&[Quad, Quad, Quad, Integer, Double])
        }
        Chapter::Vsx if name.contains("sp") || name.contains("hp") => {
            random.of(&[Single, Single, Double, Bits])
        }
        Chapter::Vsx => random.of(&[Double, Double, Double, Integer, Single, Bits]),
        Chapter::Vector if name.ends_with("fp") || name.starts_with("vcf") || name.starts_with("vct") => {
            random.of(&[Single, Single, Single, Integer])
        }
        _ => random.of(&[Bits, Integer, Integer]),
    }
}

fn registers(row: &Row, isa: Isa, random: &mut Random) -> Registers {
    let kind = flavour(row, random);
    let pick = |random: &mut Random| if random.once_in(10) { Flavour::Bits } else { kind };
    let xer_bits = if isa >= Isa::V3_0 { 0xe00c_007f } else { 0xe000_007f };
    Registers {
        gpr: std::array::from_fn(|_| integer(random)),
        cr: random.next() & 0xffff_ffff,
        xer: random.next() & xer_bits,
        lr: integer(random),
        ctr: integer(random),
        tar: integer(random) & !3,
        fpscr: fpscr(random),
        vscr: vscr(random),
        vrsave: random.next() & 0xffff_ffff,
        vsr: std::array::from_fn(|_| {
            let kind = pick(random);
            vector(random, kind)
        }),
    }
}

/// The pairs of an extended decimal instruction: its operands are in doublewords 0 of two registers. An odd number of a
/// pair is an invalid form.
fn pairs(row: &Row, word: &mut u32, r: &mut Registers, random: &mut Random) {
    if row.chapter != Chapter::Decimal || !row.operands.iter().any(|operand| operand.id().ends_with('p')) {
        return;
    }
    for operand in row.operands.iter().filter(|operand| operand.id().ends_with('p')) {
        *word &= !(1 << operand.mask().trailing_zeros());
    }
    let kind = if row.name.starts_with("denbcd") { Flavour::Decimal } else { Flavour::DfpQuad };
    for n in (0..32).step_by(2).filter(|_| random.below(8) != 0).collect::<Vec<_>>() {
        let value = vector(random, kind);
        r.vsr[n] = value;
        r.vsr[n + 1] = value << 64;
    }
}

/// `mtfsb0 20`, a reserved bit. The peer lets an outer product raise the exceptions of an earlier instruction again, unless
/// one that writes the FPSCR came between.
const MTFSB0_20: u32 = 63 << 26 | 20 << 21 | 70 << 1;

/// Whether the row computes an outer product.
fn is_product(row: &Row) -> bool {
    row.operands.contains(&Operand::AT) && row.operands.contains(&Operand::XB)
}

/// Outer products: sources that lie in the target and an odd number of a pair are invalid forms. Masks are full now and then.
fn valid_product(row: &Row, prefix: &mut u32, word: &mut u32, random: &mut Random) -> bool {
    if !is_product(row) {
        return true;
    }
    if row.operands.contains(&Operand::XAp) {
        *word &= !(1 << 16);
    }
    if *prefix != 0 && random.once_in(3) {
        *prefix |= !((row.mask | row.reserved) >> 32) as u32;
    }
    let w = Word::from(*word);
    w.xa() / 4 != w.bf() && w.xb() / 4 != w.bf()
}

/// A number in FRA: of digits, or a biased exponent.
fn counts(row: &Row, word: u32, r: &mut Registers, random: &mut Random) {
    let fra = Word::from(word).fra();
    let value = match row.name {
        "diex" | "diexq" => {
            let most = random.of(&[770, 12_300, 12_300, u64::MAX >> 1]);
            random.below(most).wrapping_sub(5)
        }
        "drrnd" | "drrndq" | "dtstsf" | "dtstsfq" => random.below(40) | random.next() << 6,
        _ => return,
    };
    r.vsr[fra] = u128::from(value) << 64 | r.vsr[fra] & u128::from(u64::MAX);
}

/// A random instance of `row`, or `None` when the random fields made an invalid form or another row's word.
pub fn instance(row: &'static Row, isa: Isa, random: &mut Random) -> Option<Start> {
    let fields = row.value | random.next() & !row.mask & !row.reserved;
    let (mut prefix, mut word) = ((fields >> 32) as u32, fields as u32);
    let mut r = registers(row, isa, random);
    pairs(row, &mut word, &mut r, random);
    counts(row, word, &mut r, random);
    if matches!(row.name, "mfspr" | "mtspr") {
        word = put_spr(word, random.of(SPRS));
        // TAR is only an input of the peer's program.
        if row.name == "mtspr" && Word::from(word).spr() == 815 {
            return None;
        }
    }
    // dcbf and dcbfl; sync and lwsync. The peer refuses dcbflp (L = 3), ptesync is privileged, the rest reserved.
    if matches!(row.name, "dcbf" | "sync") {
        word = put(word, 8, 3, random.below(2));
    }
    // With R = 0 the ISA defines RMC = 0b00 and 0b11 only ("if R=0 then do if RMC=0b00 [...] if RMC=0b11").
    if row.name.starts_with("xsrqp") && word & 1 << 16 == 0 && matches!(Word::from(word).bits(21, 2), 1 | 2) {
        return None;
    }
    if row.name == "sync" {
        word = put(word, 11, 5, 0);
    }
    let branches = row.chapter == Chapter::Branch;
    if branches {
        branch(row, &mut word, &mut r, random);
        if row.name == "bc"
            && !Word::from(word).aa()
            && returns(CIA.wrapping_add(Word::from(word).bd() as u64))
        {
            return None;
        }
    }
    let bytes = access_bytes(row);
    let aimed = match (bytes, row.form.is_prefixed()) {
        (0, _) => true,
        (_, true) => aim_prefixed(row, &mut prefix, &mut word, &mut r, random),
        (_, false) => aim(row, &mut word, &mut r, random),
    };
    if !aimed {
        return None;
    }
    if !valid_product(row, &mut prefix, &mut word, random) {
        return None;
    }
    let word = u64::from(prefix) << 32 | u64::from(word);
    if !decode(Word(word), isa).is_some_and(|found| std::ptr::eq(found, row)) {
        return None;
    }
    let mut start = Start { before: 0, word, branch: branches, registers: r, memory: None };
    if bytes > 0 {
        let mut memory = Box::new([0; BUFFER_BYTES]);
        let kind = flavour(row, random);
        for chunk in memory.chunks_exact_mut(16) {
            chunk.copy_from_slice(&vector(random, kind).to_be_bytes());
        }
        start.memory = Some(memory);
    }
    if is_product(row) {
        start.before = MTFSB0_20;
    }
    reserve(row, &mut start, random);
    Some(start)
}

/// A store-conditional comes after a load-and-reserve of the same size, mostly of the same place, into a register
/// that it does not use.
fn reserve(row: &Row, start: &mut Start, random: &mut Random) {
    let load = match row.name {
        "stbcx_rc" => 0x7c00_0068,
        "sthcx_rc" => 0x7c00_00e8,
        "stwcx_rc" => 0x7c00_0028,
        "stdcx_rc" => 0x7c00_00a8,
        "stqcx_rc" => 0x7c00_0228,
        _ => return,
    };
    let w = Word(start.word);
    let used = [w.rs(), w.rs() | 1, w.ra(), w.rb()];
    let Some(target) = (0..32).step_by(2).find(|t| !used.contains(t) && !used.contains(&(t + 1))) else {
        return;
    };
    start.before = put(put(put(load, 6, 5, target as u64), 11, 5, w.ra() as u64), 16, 5, w.rb() as u64);
    if random.once_in(4) {
        // Another place: its own address is not reserved.
        let other = (0..32).find(|n| !used.contains(n) && n & !1 != target).unwrap_or(0);
        start.registers.gpr[other] = BUFFER + 0x800;
        start.before = put(put(start.before, 11, 5, 0), 16, 5, other as u64);
    }
}
