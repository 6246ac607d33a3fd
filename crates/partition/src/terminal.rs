//! The virtual terminal's hypercalls while nothing about them needs the caller (PAPR, "Virtual Terminal").
//!
//! Enters: what the caller of runs allows. Leaves: what the guest printed, which the caller takes after each run. Must
//! hold: the guest cannot tell who answered, and a run that waits for a text ends at the hypercall that completes it, as
//! if the caller had seen each of them.

use hpt::{Outcome, ret::H_SUCCESS};

/// Characters of one hypercall.
const MOST: u64 = 16;
/// The partition's console, and the unit address of our terminal (`devices/vty.py`).
const CONSOLES: [u32; 2] = [0, 0x7100_0000];
/// Bytes that may wait for the caller.
const ROOM: usize = 4096;

/// What answers one of them with R4 to R12; `None`: the caller does.
pub type Handler = fn(&mut Terminal, &[u64; 9]) -> Option<Outcome>;

/// Number, name and handler of each.
pub(crate) const ROWS: [(u64, &str, Handler); 2] = [
    (0x54, "H_GET_TERM_CHAR", Terminal::h_get_term_char),
    (0x58, "H_PUT_TERM_CHAR", Terminal::h_put_term_char),
];

/// Whether R4 names our terminal.
fn is_ours(terminal: u64) -> bool {
    CONSOLES.contains(&(terminal as u32))
}

/// What is allowed, and what was printed.
#[derive(Default)]
pub struct Terminal {
    /// Output may wait here.
    open: bool,
    /// There is no input before somebody types.
    silent: bool,
    output: Vec<u8>,
    /// The caller wants to see the hypercall that completes this; empty if it waits for nothing.
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

    /// Everything is the caller's; output that waits still does.
    pub fn close(&mut self) {
        self.open = false;
        self.silent = false;
    }

    /// The caller has no input, and will have none before `heard`.
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

    fn h_get_term_char(&mut self, args: &[u64; 9]) -> Option<Outcome> {
        (self.silent && is_ours(args[0])).then(|| Outcome::new(H_SUCCESS).with_out(&[0; 3]))
    }

    fn h_put_term_char(&mut self, args: &[u64; 9]) -> Option<Outcome> {
        let &[terminal, length, first, second, ..] = args;
        if !self.open || !is_ours(terminal) || length > MOST {
            return None;
        }
        let text = (u128::from(first) << 64 | u128::from(second)).to_be_bytes();
        let text = &text[..length as usize];
        if self.completes(text) || self.output.len() + text.len() > ROOM {
            return None;
        }
        self.output.extend_from_slice(text);
        Some(Outcome::new(H_SUCCESS))
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
