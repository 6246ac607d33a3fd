//! One run of one instruction: the registers before or after it, and their form on the wire to the peer.

/// Doublewords of a record; `serve.c` has the same number.
pub const HEADER: usize = 174;
/// Where the buffer that loads and stores use lies.
pub const BUFFER: u64 = 0x10_0000;
/// Its size in bytes. What follows it is not mapped.
pub const BUFFER_BYTES: usize = 0x1000;
/// Trap words that branches may land on.
pub const LANDING: std::ops::Range<u64> = 0x10_8000..0x11_8000;
/// Address of the instruction under test. One word before it, the one to run first.
pub const CIA: u64 = 0x11_0004;

/// User registers of a processor.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Registers {
    pub gpr: [u64; 32],
    pub cr: u64,
    pub xer: u64,
    pub lr: u64,
    pub ctr: u64,
    /// An input only.
    pub tar: u64,
    pub fpscr: u64,
    pub vscr: u64,
    pub vrsave: u64,
    pub vsr: [u128; 64],
}

/// What a run starts from.
#[derive(Clone)]
pub struct Start {
    /// An instruction to run first, or 0.
    pub before: u32,
    /// The instruction under test, its prefix in the high half.
    pub word: u64,
    /// Words that follow are traps, so that its next address shows.
    pub branch: bool,
    /// Registers.
    pub registers: Registers,
    /// The buffer, if the instruction uses it.
    pub memory: Option<Box<[u8; BUFFER_BYTES]>>,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It completed.
    Completed,
    /// SIGILL: illegal or privileged.
    Illegal,
    /// SIGTRAP: a trap instruction.
    Trap,
    /// SIGBUS: alignment.
    Alignment,
    /// SIGFPE: an enabled floating-point exception.
    FpEnabled,
    /// SIGSEGV: storage.
    Storage,
    /// Nothing that this harness knows.
    Unknown(i64),
}

/// What a run left.
#[derive(Clone)]
pub struct End {
    /// How it ended.
    pub outcome: Outcome,
    /// Address of the next instruction, of a branch that completed.
    pub next: u64,
    /// Registers.
    pub registers: Registers,
    /// The buffer.
    pub memory: Option<Box<[u8; BUFFER_BYTES]>>,
}

impl Start {
    /// Appends the record to `out`.
    pub fn write(&self, little: bool, out: &mut Vec<u8>) {
        let r = &self.registers;
        let flags = u64::from(self.memory.is_some()) | u64::from(self.branch) << 1;
        let mut put = |v: u64| out.extend(if little { v.to_le_bytes() } else { v.to_be_bytes() });
        [u64::from(self.before), self.word, flags, 0].into_iter().for_each(&mut put);
        r.gpr.into_iter().for_each(&mut put);
        let others = [r.cr, r.xer, r.lr, r.ctr, r.tar, r.fpscr, 0, r.vscr, r.vrsave, 0];
        others.into_iter().for_each(&mut put);
        for v in r.vsr {
            put((v >> 64) as u64);
            put(v as u64);
        }
        if let Some(memory) = &self.memory {
            out.extend(&memory[..]);
        }
    }

    /// Bytes of the answer to this record.
    pub fn answer_bytes(&self) -> usize {
        8 * HEADER + if self.memory.is_some() { BUFFER_BYTES } else { 0 }
    }

    /// Reads the answer to this record.
    pub fn read_answer(&self, little: bool, bytes: &[u8]) -> End {
        let at = |i: usize| {
            let raw: [u8; 8] = std::array::from_fn(|k| bytes[8 * i + k]);
            if little { u64::from_le_bytes(raw) } else { u64::from_be_bytes(raw) }
        };
        let mut outcome = match at(0) as i64 {
            0 => Outcome::Completed,
            4 => Outcome::Illegal,
            5 => Outcome::Trap,
            7 => Outcome::Alignment,
            8 => Outcome::FpEnabled,
            11 => Outcome::Storage,
            other => Outcome::Unknown(other),
        };
        // Branches end in the signal of the place they went to.
        if self.branch && at(1) != CIA {
            outcome = Outcome::Completed;
        }
        End {
            outcome,
            next: at(1),
            registers: Registers {
                gpr: std::array::from_fn(|i| at(4 + i)),
                cr: at(36) & 0xffff_ffff,
                xer: at(37),
                lr: at(38),
                ctr: at(39),
                tar: self.registers.tar,
                fpscr: at(41),
                vscr: at(43) & 0xffff_ffff,
                vrsave: at(44),
                vsr: std::array::from_fn(|i| u128::from(at(46 + 2 * i)) << 64 | u128::from(at(47 + 2 * i))),
            },
            memory: self.memory.is_some().then(|| Box::new(std::array::from_fn(|i| bytes[8 * HEADER + i]))),
        }
    }
}
