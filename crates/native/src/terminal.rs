//! The virtual terminal's hypercalls while nothing about them needs Python (PAPR, "Virtual Terminal").
//!
//! Enters: what Python allows, for one `Machine.run`. Leaves: what the guest printed, which Python takes after each
//! `Vcpu.run`. Must hold: the guest cannot tell who answered, and a run that waits for a text ends at the hypercall that
//! completes it, as if Python had seen each of them.

use ppc_core::state::Cpu;

const H_GET_TERM_CHAR: u64 = 0x54;
const H_PUT_TERM_CHAR: u64 = 0x58;
/// Characters of one hypercall.
const MOST: u64 = 16;
/// The partition's console, and the unit address of our terminal (`devices/vty.py`).
const CONSOLES: [u32; 2] = [0, 0x7100_0000];
/// Bytes that may wait for Python.
const ROOM: usize = 4096;

/// The name of a hypercall that may be answered here.
pub fn name(number: u64) -> Option<&'static str> {
    match number {
        H_GET_TERM_CHAR => Some("H_GET_TERM_CHAR"),
        H_PUT_TERM_CHAR => Some("H_PUT_TERM_CHAR"),
        _ => None,
    }
}

/// What is allowed, and what was printed.
#[derive(Default)]
pub struct Terminal {
    /// Output may wait here.
    open: bool,
    /// There is no input before somebody types.
    silent: bool,
    output: Vec<u8>,
    /// Python wants to see the hypercall that completes this; empty if it waits for nothing.
    wanted: Vec<u8>,
    /// What was printed last, shorter than `wanted`.
    tail: Vec<u8>,
}

impl Terminal {
    /// Output may wait, until it ends in `wanted`; `tail` is what was printed before.
    pub fn open(&mut self, wanted: &[u8], tail: &[u8]) {
        self.open = true;
        self.wanted = wanted.to_vec();
        self.tail = tail.to_vec();
        self.shorten();
    }

    /// Everything is Python's; output that waits still does.
    pub fn close(&mut self) {
        self.open = false;
        self.silent = false;
    }

    /// Python has no input, and will have none before `heard`.
    pub fn silence(&mut self) {
        self.silent = true;
    }

    /// There may be input.
    pub fn heard(&mut self) {
        self.silent = false;
    }

    /// Whether output waits.
    pub fn waits(&self) -> bool {
        !self.output.is_empty()
    }

    /// What waits.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Answers the hypercall in R3 if that is allowed.
    pub fn handle(&mut self, cpu: &mut Cpu) -> bool {
        let [number, terminal, length, first, second] = [3, 4, 5, 6, 7].map(|register| cpu.gpr[register]);
        if !CONSOLES.contains(&(terminal as u32)) {
            return false;
        }
        match number {
            H_PUT_TERM_CHAR if self.open && length <= MOST => {
                let text = (u128::from(first) << 64 | u128::from(second)).to_be_bytes();
                let text = &text[..length as usize];
                if self.completes(text) || self.output.len() + text.len() > ROOM {
                    return false;
                }
                self.output.extend_from_slice(text);
                cpu.gpr[3] = 0;
                true
            }
            H_GET_TERM_CHAR if self.silent => {
                cpu.gpr[3..7].fill(0);
                true
            }
            _ => false,
        }
    }

    /// Whether what is waited for is among what was printed, now that `text` comes.
    fn completes(&mut self, text: &[u8]) -> bool {
        if self.wanted.is_empty() {
            return false;
        }
        self.tail.extend_from_slice(text);
        let found = self.tail.windows(self.wanted.len()).any(|window| window == self.wanted);
        self.shorten();
        found
    }

    fn shorten(&mut self) {
        let kept = self.wanted.len().saturating_sub(1);
        self.tail.drain(..self.tail.len().saturating_sub(kept));
    }
}
