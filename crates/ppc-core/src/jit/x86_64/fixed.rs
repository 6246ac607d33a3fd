//! Lowerings of fixed-point instructions in 64-bit mode. Each must leave what its function in `exec::fixed` leaves; an
//! instruction that is not here is a call of that function.

use super::super::{
    insn::{Guest, Insn, mask},
    offsets::{CA, CA32, guest},
};
use super::emit::{Emitter, Host, RAX, RCX, RDX, asm};
use crate::model::Isa;
use dynasmrt::{DynasmApi, DynasmLabelApi};

/// Two-operand operations of the host.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Alu {
    Add,
    AddCarry,
    Sub,
    And,
    Or,
    Xor,
}

impl Emitter {
    /// `host ← host op n`.
    pub fn alu(&mut self, op: Alu, host: Host, n: Guest) {
        match self.pin(n) {
            Some(pin) => match op {
                Alu::Add => asm!(self; add Rq(host), Rq(pin)),
                Alu::AddCarry => asm!(self; adc Rq(host), Rq(pin)),
                Alu::Sub => asm!(self; sub Rq(host), Rq(pin)),
                Alu::And => asm!(self; and Rq(host), Rq(pin)),
                Alu::Or => asm!(self; or Rq(host), Rq(pin)),
                Alu::Xor => asm!(self; xor Rq(host), Rq(pin)),
            },
            None => match op {
                Alu::Add => asm!(self; add Rq(host), [rbp + guest(n)]),
                Alu::AddCarry => asm!(self; adc Rq(host), [rbp + guest(n)]),
                Alu::Sub => asm!(self; sub Rq(host), [rbp + guest(n)]),
                Alu::And => asm!(self; and Rq(host), [rbp + guest(n)]),
                Alu::Or => asm!(self; or Rq(host), [rbp + guest(n)]),
                Alu::Xor => asm!(self; xor Rq(host), [rbp + guest(n)]),
            },
        }
    }

    /// `host ← host op value`.
    fn alu_constant(&mut self, op: Alu, host: Host, value: u64) {
        let Ok(small) = i32::try_from(value as i64) else {
            self.constant(RCX, value);
            return match op {
                Alu::And => asm!(self; and Rq(host), rcx),
                Alu::Or => asm!(self; or Rq(host), rcx),
                Alu::Xor => asm!(self; xor Rq(host), rcx),
                Alu::Add | Alu::AddCarry | Alu::Sub => unreachable!("immediates of additions fit"),
            };
        };
        match op {
            Alu::Add => asm!(self; add Rq(host), small),
            Alu::AddCarry => asm!(self; adc Rq(host), small),
            Alu::Sub => asm!(self; sub Rq(host), small),
            Alu::And => asm!(self; and Rq(host), small),
            Alu::Or => asm!(self; or Rq(host), small),
            Alu::Xor => asm!(self; xor Rq(host), small),
        }
    }

    /// `to ← a op b`, and CR field 0 if `rc`.
    fn binary(&mut self, op: Alu, to: Guest, a: Guest, b: Guest, rc: bool) {
        let mut host = self.target(to, RAX);
        if to == b && a != b {
            if op == Alu::Sub {
                host = RAX;
                self.get(host, a);
                self.alu(op, host, b);
            } else {
                self.get(host, b);
                self.alu(op, host, a);
            }
        } else {
            self.get(host, a);
            self.alu(op, host, b);
        }
        self.put(to, host);
        if rc {
            self.record(host);
        }
    }

    /// `to ← a op ¬b`.
    fn binary_not(&mut self, op: Alu, to: Guest, a: Guest, b: Guest, rc: bool) {
        self.get(RAX, b);
        asm!(self; not rax);
        self.alu(op, RAX, a);
        self.finish(to, RAX, rc);
    }

    /// `to ← ¬(a op b)`.
    fn not_binary(&mut self, op: Alu, to: Guest, a: Guest, b: Guest, rc: bool) {
        self.get(RAX, a);
        if !(op == Alu::Or && a == b) {
            self.alu(op, RAX, b);
        }
        asm!(self; not rax);
        self.finish(to, RAX, rc);
    }

    fn finish(&mut self, to: Guest, host: Host, rc: bool) {
        self.put(to, host);
        if rc {
            self.record(host);
        }
    }

    fn binary_constant(&mut self, op: Alu, to: Guest, a: Guest, value: u64, rc: bool) {
        let host = self.target(to, RAX);
        self.get(host, a);
        if value != 0 || op == Alu::And {
            self.alu_constant(op, host, value);
        }
        self.finish(to, host, rc);
    }

    /// CA ← the host's carry, or for a subtraction its complement; CA32 too where the guest can see it. RAX is the result,
    /// RDX what [`Emitter::note_operands`] left.
    fn carry(&mut self, subtraction: bool) {
        let visible = self.isa >= Isa::V3_0;
        if subtraction {
            asm!(self; setnc BYTE [rbp + CA]);
        } else {
            asm!(self; setc BYTE [rbp + CA]);
        }
        match (visible, subtraction) {
            (false, _) => {}
            (true, false) => asm!(self; xor rdx, rax; bt rdx, 32; setc BYTE [rbp + CA32]),
            (true, true) => asm!(self; xor rdx, rax; bt rdx, 32; setnc BYTE [rbp + CA32]),
        }
    }

    /// RDX ← RAX ⊕ `n`, for CA32.
    fn note_operands(&mut self, n: Guest) {
        if self.isa >= Isa::V3_0 {
            asm!(self; mov rdx, rax);
            self.alu(Alu::Xor, RDX, n);
        }
    }

    /// RDX ← RAX ⊕ `value`, for CA32.
    fn note_constant(&mut self, value: i32) {
        if self.isa >= Isa::V3_0 {
            asm!(self; mov rdx, rax; xor rdx, value);
        }
    }

    /// The host's carry ← CA. Uses ECX.
    fn get_carry(&mut self) {
        asm!(self; movzx ecx, BYTE [rbp + CA]; neg ecx);
    }
}

/// RAX ← RAX & `mask`. Uses RCX.
fn and_mask(e: &mut Emitter, mask: u64) {
    match mask {
        u64::MAX => {}
        0xffff_ffff => asm!(e; mov eax, eax),
        0xffff => asm!(e; movzx eax, ax),
        0xff => asm!(e; movzx eax, al),
        _ if mask <= 0x7fff_ffff => asm!(e; and eax, mask as i32),
        _ if mask <= 0xffff_ffff => asm!(e; and eax, mask as u32 as i32),
        _ => e.alu_constant(Alu::And, RAX, mask),
    }
}

/// `RA ← ROTL64(RS, n) & mask`.
fn rotate_and(e: &mut Emitter, i: &Insn, n: u32, mask: u64) {
    let w = i.word;
    let (mb, me) = (mask.leading_zeros(), 63 - mask.trailing_zeros());
    if n == 0 && mask == 0xffff_ffff {
        let to = e.target(w.ra(), RAX);
        e.get32(to, w.rs());
        return e.finish(w.ra(), to, w.rc());
    }
    let to = e.target(w.ra(), RAX);
    if n != 0 && mask == u64::MAX << n {
        // sldi
        e.get(to, w.rs());
        asm!(e; shl Rq(to), n as i8);
    } else if n != 0 && mask == u64::MAX >> (64 - n) {
        // srdi
        e.get(to, w.rs());
        asm!(e; shr Rq(to), (64 - n) as i8);
    } else if me == 63 && n != 0 && mb >= 64 - n {
        // A field that does not wrap around.
        e.get(RAX, w.rs());
        asm!(e; shr rax, (64 - n) as i8);
        and_mask(e, mask);
        return e.finish(w.ra(), RAX, w.rc());
    } else {
        e.get(RAX, w.rs());
        if n != 0 {
            asm!(e; rol rax, n as i8);
        }
        and_mask(e, mask);
        return e.finish(w.ra(), RAX, w.rc());
    }
    e.finish(w.ra(), to, w.rc());
}

/// `host ← host with its low word in both words`. Uses RCX.
fn double_word(e: &mut Emitter) {
    asm!(e; mov ecx, eax; shl rcx, 32; or rax, rcx);
}

pub fn rlwinm(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (sh, mb, me) = (w.sh5() as u32, w.mb5() as u32, w.me5() as u32);
    let m = mask(mb + 32, me + 32);
    if mb > me {
        e.get32(RAX, w.rs());
        if sh != 0 {
            asm!(e; rol eax, sh as i8);
        }
        double_word(e);
        and_mask(e, m);
        return e.finish(w.ra(), RAX, w.rc());
    }
    let to = e.target(w.ra(), RAX);
    let low = m as u32;
    e.get32(to, w.rs());
    if sh != 0 && low == u32::MAX << sh {
        asm!(e; shl Rd(to), sh as i8);
    } else if sh != 0 && low == u32::MAX >> (32 - sh) {
        asm!(e; shr Rd(to), (32 - sh) as i8);
    } else {
        if sh != 0 {
            asm!(e; rol Rd(to), sh as i8);
        }
        match low {
            u32::MAX => {}
            0xff => asm!(e; movzx Rd(to), Rb(to)),
            0xffff => asm!(e; movzx Rd(to), Rw(to)),
            _ => asm!(e; and Rd(to), low as i32),
        }
    }
    e.finish(w.ra(), to, w.rc());
}

pub fn rlwimi(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let (sh, mb, me) = (w.sh5() as u32, w.mb5() as u32, w.me5() as u32);
    let m = mask(mb + 32, me + 32);
    e.get32(RAX, w.rs());
    if sh != 0 {
        asm!(e; rol eax, sh as i8);
    }
    if mb > me {
        double_word(e);
    }
    insert(e, i, m);
}

/// `RA ← RAX where mask, else (RA)`.
fn insert(e: &mut Emitter, i: &Insn, mask: u64) {
    let w = i.word;
    and_mask(e, mask);
    e.get(RDX, w.ra());
    match i32::try_from(!mask as i64) {
        Ok(small) => asm!(e; and rdx, small),
        Err(_) => {
            e.constant(RCX, !mask);
            asm!(e; and rdx, rcx);
        }
    }
    asm!(e; or rax, rdx);
    e.finish(w.ra(), RAX, w.rc());
}

pub fn rldimi(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.rs());
    if w.sh6() != 0 {
        asm!(e; rol rax, w.sh6() as i8);
    }
    insert(e, i, mask(w.mb6(), 63 - w.sh6()));
}

pub fn rldicl(e: &mut Emitter, i: &Insn) {
    rotate_and(e, i, i.word.sh6(), mask(i.word.mb6(), 63));
}
pub fn rldicr(e: &mut Emitter, i: &Insn) {
    rotate_and(e, i, i.word.sh6(), mask(0, i.word.mb6()));
}
pub fn rldic(e: &mut Emitter, i: &Insn) {
    rotate_and(e, i, i.word.sh6(), mask(i.word.mb6(), 63 - i.word.sh6()));
}

pub fn rlwnm(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let m = mask(w.mb5() as u32 + 32, w.me5() as u32 + 32);
    e.get32(RAX, w.rs());
    e.get32(RCX, w.rb());
    asm!(e; rol eax, cl);
    double_word(e);
    and_mask(e, m);
    e.finish(w.ra(), RAX, w.rc());
}

fn rotate_by_register(e: &mut Emitter, i: &Insn, mask: u64) {
    let w = i.word;
    e.get(RAX, w.rs());
    e.get32(RCX, w.rb());
    asm!(e; rol rax, cl);
    and_mask(e, mask);
    e.finish(w.ra(), RAX, w.rc());
}
pub fn rldcl(e: &mut Emitter, i: &Insn) {
    rotate_by_register(e, i, mask(i.word.mb6(), 63));
}
pub fn rldcr(e: &mut Emitter, i: &Insn) {
    rotate_by_register(e, i, mask(0, i.word.mb6()));
}

macro_rules! shifts {
    ($($name:ident: $get:ident, $limit:literal, $shift:ident $reg:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            e.$get(RAX, w.rs());
            e.get32(RCX, w.rb());
            // Counts with the bit above the host's set give 0.
            asm!(e; xor edx, edx; test ecx, $limit; cmovnz rax, rdx; $shift $reg, cl);
            e.finish(w.ra(), RAX, w.rc());
        }
    )* };
}
shifts! {
    slw: get32, 0x20, shl eax;
    srw: get32, 0x20, shr eax;
    sld: get, 0x40, shl rax;
    srd: get, 0x40, shr rax;
}

/// `RA ← RAX >> n` with its sign, CA when a negative value loses one bits.
fn shift_algebraic(e: &mut Emitter, i: &Insn, n: u32) {
    let w = i.word;
    if n == 0 {
        asm!(e; mov BYTE [rbp + CA], 0);
        if e.isa >= Isa::V3_0 {
            asm!(e; mov BYTE [rbp + CA32], 0);
        }
    } else {
        // CA: the sign of the value and of the bits lost, moved up to the top.
        asm!(e
            ; mov rcx, rax
            ; mov rdx, rax
            ; sar rax, n as i8
            ; shl rcx, (64 - n) as i8
            ; neg rcx
            ; sbb rcx, rcx
            ; and rcx, rdx
            ; shr rcx, 63
            ; mov [rbp + CA], cl
        );
        if e.isa >= Isa::V3_0 {
            asm!(e; mov [rbp + CA32], cl);
        }
    }
    e.finish(w.ra(), RAX, w.rc());
}
pub fn srawi(e: &mut Emitter, i: &Insn) {
    e.get_signed32(RAX, i.word.rs());
    shift_algebraic(e, i, i.word.sh5() as u32);
}
pub fn sradi(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.rs());
    shift_algebraic(e, i, i.word.sh6());
}

pub fn addi(e: &mut Emitter, i: &Insn) {
    add_immediate(e, i, i.word.si());
}
pub fn addis(e: &mut Emitter, i: &Insn) {
    add_immediate(e, i, i.word.si() << 16);
}
fn add_immediate(e: &mut Emitter, i: &Insn, value: i64) {
    let w = i.word;
    let to = e.target(w.rt(), RAX);
    if w.ra() == 0 {
        e.constant(to, value as u64);
    } else {
        match e.pin(w.ra()) {
            Some(pin) if pin != to => asm!(e; lea Rq(to), [Rq(pin) + value as i32]),
            Some(_) => asm!(e; add Rq(to), value as i32),
            None if e.pin(w.rt()).is_none() && w.rt() == w.ra() => {
                return asm!(e; add QWORD [rbp + guest(w.rt())], value as i32);
            }
            None => {
                e.get(to, w.ra());
                asm!(e; add Rq(to), value as i32);
            }
        }
    }
    e.put(w.rt(), to);
}

pub fn add(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    if let (Some(to), Some(a), Some(b)) = (e.pin(w.rt()), e.pin(w.ra()), e.pin(w.rb()))
        && to != a
        && to != b
    {
        asm!(e; lea Rq(to), [Rq(a) + Rq(b)]);
        return e.finish(w.rt(), to, w.rc());
    }
    e.binary(Alu::Add, w.rt(), w.ra(), w.rb(), w.rc());
}
pub fn subf(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.binary(Alu::Sub, w.rt(), w.rb(), w.ra(), w.rc());
}
pub fn neg(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let to = e.target(w.rt(), RAX);
    e.get(to, w.ra());
    asm!(e; neg Rq(to));
    e.finish(w.rt(), to, w.rc());
}

fn add_immediate_carrying(e: &mut Emitter, i: &Insn, rc: bool) {
    let (w, value) = (i.word, i.word.si() as i32);
    e.get(RAX, w.ra());
    e.note_constant(value);
    asm!(e; add rax, value);
    e.carry(false);
    e.finish(w.rt(), RAX, rc);
}
pub fn addic(e: &mut Emitter, i: &Insn) {
    add_immediate_carrying(e, i, false);
}
pub fn addic_rc(e: &mut Emitter, i: &Insn) {
    add_immediate_carrying(e, i, true);
}
pub fn subfic(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.constant(RAX, w.si() as u64);
    e.note_operands(w.ra());
    e.alu(Alu::Sub, RAX, w.ra());
    e.carry(true);
    e.finish(w.rt(), RAX, false);
}
pub fn addc(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    e.note_operands(w.rb());
    e.alu(Alu::Add, RAX, w.rb());
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn subfc(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.rb());
    e.note_operands(w.ra());
    e.alu(Alu::Sub, RAX, w.ra());
    e.carry(true);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn adde(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    e.note_operands(w.rb());
    e.get_carry();
    e.alu(Alu::AddCarry, RAX, w.rb());
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn subfe(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    if w.ra() == w.rb() {
        // CA - 1: how compilers turn CA into a mask. It is its own carry, and that of the low word.
        asm!(e; movzx eax, BYTE [rbp + CA]);
        if e.isa >= Isa::V3_0 {
            asm!(e; mov [rbp + CA32], al);
        }
        asm!(e; sub rax, 1);
        return e.finish(w.rt(), RAX, w.rc());
    }
    e.get(RAX, w.ra());
    asm!(e; not rax);
    e.note_operands(w.rb());
    e.get_carry();
    e.alu(Alu::AddCarry, RAX, w.rb());
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}

/// `RT ← (RA) or ¬(RA), + CA + value`.
fn extend_carry(e: &mut Emitter, i: &Insn, not: bool, value: i32) {
    let w = i.word;
    e.get(RAX, w.ra());
    if not {
        asm!(e; not rax);
    }
    e.note_constant(value);
    e.get_carry();
    asm!(e; adc rax, value);
    e.carry(false);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn addze(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, false, 0);
}
pub fn subfze(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, true, 0);
}
pub fn addme(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, false, -1);
}
pub fn subfme(e: &mut Emitter, i: &Insn) {
    extend_carry(e, i, true, -1);
}

pub fn mulli(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    let a = e.value(w.ra(), RAX);
    let to = e.target(w.rt(), RAX);
    asm!(e; imul Rq(to), Rq(a), w.si() as i32);
    e.put(w.rt(), to);
}
pub fn mulld(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RAX, w.ra());
    match e.pin(w.rb()) {
        Some(b) => asm!(e; imul rax, Rq(b)),
        None => asm!(e; imul rax, [rbp + guest(w.rb())]),
    }
    e.finish(w.rt(), RAX, w.rc());
}
pub fn mullw(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get_signed32(RAX, w.ra());
    e.get_signed32(RCX, w.rb());
    asm!(e; imul rax, rcx);
    e.finish(w.rt(), RAX, w.rc());
}
pub fn mulhd(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.ra());
    e.get(RCX, i.word.rb());
    asm!(e; imul rcx);
    e.finish_high(i);
}
pub fn mulhdu(e: &mut Emitter, i: &Insn) {
    e.get(RAX, i.word.ra());
    e.get(RCX, i.word.rb());
    asm!(e; mul rcx);
    e.finish_high(i);
}
impl Emitter {
    fn finish_high(&mut self, i: &Insn) {
        asm!(self; mov rax, rdx);
        self.finish(i.word.rt(), RAX, i.word.rc());
    }
}
pub fn mulhw(e: &mut Emitter, i: &Insn) {
    e.get_signed32(RAX, i.word.ra());
    e.get_signed32(RCX, i.word.rb());
    asm!(e; imul rax, rcx; shr rax, 32);
    e.finish(i.word.rt(), RAX, i.word.rc());
}
pub fn mulhwu(e: &mut Emitter, i: &Insn) {
    e.get32(RAX, i.word.ra());
    e.get32(RCX, i.word.rb());
    asm!(e; imul rax, rcx; shr rax, 32);
    e.finish(i.word.rt(), RAX, i.word.rc());
}

macro_rules! logical {
    ($($name:ident: $how:ident $op:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            e.$how(Alu::$op, w.ra(), w.rs(), w.rb(), w.rc());
        }
    )* };
}
logical! {
    and: binary And;
    xor: binary Xor;
    andc: binary_not And;
    orc: binary_not Or;
    nand: not_binary And;
    nor: not_binary Or;
    eqv: not_binary Xor;
}

pub fn or(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    if w.rs() != w.rb() {
        return e.binary(Alu::Or, w.ra(), w.rs(), w.rb(), w.rc());
    }
    // mr
    if w.ra() == w.rs() && !w.rc() {
        return;
    }
    let host = match e.pin(w.ra()) {
        Some(to) => {
            e.get(to, w.rs());
            to
        }
        None => e.value(w.rs(), RAX),
    };
    e.finish(w.ra(), host, w.rc());
}

macro_rules! logical_immediate {
    ($($name:ident: $op:ident, $shift:literal, $rc:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            if w.ui() == 0 && w.ra() == w.rs() && !$rc {
                return;
            }
            e.binary_constant(Alu::$op, w.ra(), w.rs(), w.ui() << $shift, $rc);
        }
    )* };
}
logical_immediate! {
    ori: Or, 0, false;
    oris: Or, 16, false;
    xori: Xor, 0, false;
    xoris: Xor, 16, false;
    andi_rc: And, 0, true;
    andis_rc: And, 16, true;
}

macro_rules! extends {
    ($($name:ident: $instruction:ident $part:ident;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            let w = i.word;
            let from = e.value(w.rs(), RAX);
            let to = e.target(w.ra(), RAX);
            asm!(e; $instruction Rq(to), $part(from));
            e.finish(w.ra(), to, w.rc());
        }
    )* };
}
extends! {
    extsb: movsx Rb;
    extsh: movsx Rw;
    extsw: movsxd Rd;
}

// BSR and not LZCNT, which not every host has; BSR leaves a zero to the second move.
pub fn cntlzd(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get(RCX, w.rs());
    asm!(e; mov eax, 127; bsr rcx, rcx; cmovnz rax, rcx; xor eax, 63);
    e.finish(w.ra(), RAX, w.rc());
}
pub fn cntlzw(e: &mut Emitter, i: &Insn) {
    let w = i.word;
    e.get32(RCX, w.rs());
    asm!(e; mov eax, 63; bsr ecx, ecx; cmovnz eax, ecx; xor eax, 31);
    e.finish(w.ra(), RAX, w.rc());
}

macro_rules! divisions {
    ($($name:ident: $long:literal, $signed:literal;)*) => { $(
        pub fn $name(e: &mut Emitter, i: &Insn) {
            divide(e, i, $long, $signed);
        }
    )* };
}
divisions! {
    divd: true, true;
    divdu: true, false;
    divw: false, true;
    divwu: false, false;
}

/// Division. A quotient that cannot be represented is the dividend, as in `exec::fixed`: the host must not divide then.
fn divide(e: &mut Emitter, i: &Insn, long: bool, signed: bool) {
    let w = i.word;
    let (plain, done) = (e.label(), e.label());
    if long {
        e.get(RCX, w.rb());
        e.get(RAX, w.ra());
        asm!(e; test rcx, rcx; jz =>done);
    } else {
        e.get32(RCX, w.rb());
        e.get32(RAX, w.ra());
        asm!(e; test ecx, ecx; jz =>done);
    }
    match (long, signed) {
        (true, true) => asm!(e; cmp rcx, BYTE -1; jne =>plain; neg rax; jmp =>done; =>plain; cqo; idiv rcx),
        (true, false) => asm!(e; xor edx, edx; div rcx),
        (false, true) => asm!(e; cmp ecx, BYTE -1; jne =>plain; neg eax; jmp =>done; =>plain; cdq; idiv ecx),
        (false, false) => asm!(e; xor edx, edx; div ecx),
    }
    asm!(e; =>done);
    e.finish(w.rt(), RAX, w.rc());
}
