//! Two-operand operations, carries and results, as the lowerings of fixed-point instructions share them.

use super::super::{
    insn::Guest,
    offsets::{CA, CA32, guest},
};
use super::emit::{Emitter, Host, RAX, RCX, RDX, asm};
use crate::model::Isa;
use dynasmrt::DynasmApi;

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
        match self.mapped(n) {
            Some(reg) => match op {
                Alu::Add => asm!(self; add Rq(host), Rq(reg)),
                Alu::AddCarry => asm!(self; adc Rq(host), Rq(reg)),
                Alu::Sub => asm!(self; sub Rq(host), Rq(reg)),
                Alu::And => asm!(self; and Rq(host), Rq(reg)),
                Alu::Or => asm!(self; or Rq(host), Rq(reg)),
                Alu::Xor => asm!(self; xor Rq(host), Rq(reg)),
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
    pub fn alu_constant(&mut self, op: Alu, host: Host, value: u64) {
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
    pub fn binary(&mut self, op: Alu, to: Guest, a: Guest, b: Guest, rc: bool) {
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
    pub fn binary_not(&mut self, op: Alu, to: Guest, a: Guest, b: Guest, rc: bool) {
        self.get(RAX, b);
        asm!(self; not rax);
        self.alu(op, RAX, a);
        self.finish(to, RAX, rc);
    }

    /// `to ← ¬(a op b)`.
    pub fn not_binary(&mut self, op: Alu, to: Guest, a: Guest, b: Guest, rc: bool) {
        self.get(RAX, a);
        if !(op == Alu::Or && a == b) {
            self.alu(op, RAX, b);
        }
        asm!(self; not rax);
        self.finish(to, RAX, rc);
    }

    /// `to ← host`, and CR field 0 if `rc`.
    pub fn finish(&mut self, to: Guest, host: Host, rc: bool) {
        self.put(to, host);
        if rc {
            self.record(host);
        }
    }

    /// `to ← a op value`, and CR field 0 if `rc`.
    pub fn binary_constant(&mut self, op: Alu, to: Guest, a: Guest, value: u64, rc: bool) {
        let host = self.target(to, RAX);
        self.get(host, a);
        if value != 0 || op == Alu::And {
            self.alu_constant(op, host, value);
        }
        self.finish(to, host, rc);
    }

    /// CA ← the host's carry, or for a subtraction its complement; CA32 too where the guest can see it. RAX is the result,
    /// RDX what [`Emitter::note_operands`] left.
    pub fn carry(&mut self, subtraction: bool) {
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
    pub fn note_operands(&mut self, n: Guest) {
        if self.isa >= Isa::V3_0 {
            asm!(self; mov rdx, rax);
            self.alu(Alu::Xor, RDX, n);
        }
    }

    /// RDX ← RAX ⊕ `value`, for CA32.
    pub fn note_constant(&mut self, value: i32) {
        if self.isa >= Isa::V3_0 {
            asm!(self; mov rdx, rax; xor rdx, value);
        }
    }

    /// The host's carry ← CA. Uses ECX.
    pub fn get_carry(&mut self) {
        asm!(self; movzx ecx, BYTE [rbp + CA]; neg ecx);
    }
}
