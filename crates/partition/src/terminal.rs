//! The virtual terminal's hypercalls while nothing about them needs the caller (PAPR, "Virtual Terminal").
//!
//! Enters: the caller's permission to buffer output. Leaves: the guest's output, which the caller takes after each
//! run. Must hold: the guest cannot tell where the answer came from, and a run that waits for a text or a pattern ends
//! at the hypercall that completes it, as if the caller had seen each of them.

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

/// A set of byte values: bit `b % 8` of byte `b / 8`.
pub type ByteSet = [u8; 32];

/// What the end of the output has to look like for the caller to see it: one set for each of the last bytes.
pub type Ending = Vec<ByteSet>;

/// The ending that is exactly `text`.
pub fn ending(text: &[u8]) -> Ending {
    text.iter()
        .map(|&byte| {
            let mut set = [0; 32];
            set[usize::from(byte / 8)] = 1 << (byte % 8);
            set
        })
        .collect()
}

/// What may be answered here, and the buffered output.
#[derive(Default)]
pub struct Terminal {
    /// Output may wait here.
    open: bool,
    /// There is no input until the next kick.
    silent: bool,
    output: Vec<u8>,
    /// The caller wants to see a hypercall that completes one of these.
    endings: Vec<Ending>,
    /// The end of the output, shorter than the longest ending.
    tail: Vec<u8>,
}

impl Terminal {
    /// Output may wait, until it has one of `endings`; `tail` is what was printed before. An empty one never comes.
    pub fn open(&mut self, mut endings: Vec<Ending>, tail: &[u8]) {
        endings.retain(|ending| !ending.is_empty());
        self.open = true;
        self.endings = endings;
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

    /// Whether an ending is complete with one of the bytes of `text`, which comes now.
    fn completes(&mut self, text: &[u8]) -> bool {
        if self.endings.is_empty() {
            return false;
        }
        let before = self.tail.len();
        self.tail.extend_from_slice(text);
        let found = (before + 1..=self.tail.len())
            .any(|end| self.endings.iter().any(|ending| ends_in(&self.tail[..end], ending)));
        self.shorten();
        found
    }

    fn shorten(&mut self) {
        let kept = self.endings.iter().map(Vec::len).max().unwrap_or(0).saturating_sub(1);
        self.tail.drain(..self.tail.len().saturating_sub(kept));
    }
}

/// Whether the last bytes of `text` are in the sets of `ending`.
fn ends_in(text: &[u8], ending: &[ByteSet]) -> bool {
    text.len() >= ending.len()
        && text
            .iter()
            .rev()
            .zip(ending.iter().rev())
            .all(|(byte, set)| set[usize::from(byte / 8)] >> (byte % 8) & 1 != 0)
}
