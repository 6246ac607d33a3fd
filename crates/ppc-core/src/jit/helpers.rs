//! Functions that compiled code calls. Each gets the processor whose registers are up to date as far as the function
//! reads them.

use crate::{exec::ExecFn, fields::Word, ram::MemInt, state::Cpu, trap::Done};

/// No trap.
const DONE: u32 = u32::MAX;

fn status(done: Done) -> u32 {
    match done {
        Ok(()) => DONE,
        Err(trap) => trap as u32,
    }
}

/// An instruction's own function. Returns a trap's number, or all ones.
#[expect(improper_ctypes_definitions, reason = "compiled code only hands the function through")]
pub extern "C" fn exec(cpu: &mut Cpu, exec: ExecFn, word: u64) -> u32 {
    cpu.spend(1);
    let done = exec(cpu, Word(word));
    cpu.note_so();
    status(done)
}

/// A value and a trap's number, or all ones.
#[repr(C)]
pub struct Loaded {
    value: u64,
    status: u64,
}

/// A load that misses the TLB.
pub extern "C" fn load<T: MemInt>(cpu: &mut Cpu, ea: u64) -> Loaded {
    match cpu.load::<T>(ea) {
        Ok(value) => Loaded { value: value.to_u128() as u64, status: u64::from(DONE) },
        Err(trap) => Loaded { value: 0, status: trap as u64 },
    }
}

/// A load of a quadword into VSR `vsr`, doubleword 0 first in memory order of the current byte order's doublewords;
/// `swap` as in [`Quad`](super::access::Quad).
pub extern "C" fn load_quad(cpu: &mut Cpu, ea: u64, vsr: u32, swap: u32) -> u32 {
    match cpu.load::<u128>(ea) {
        Ok(value) => {
            cpu.vsr[vsr as usize & 63] = if swap != 0 { value.rotate_left(64) } else { value };
            DONE
        }
        Err(trap) => trap as u32,
    }
}

/// A store that misses the TLB.
pub extern "C" fn store<T: MemInt>(cpu: &mut Cpu, ea: u64, value: u64) -> u32 {
    status(cpu.store(ea, T::from_u128(value.into())))
}

/// A store of VSR `vsr`, its doublewords exchanged if `swap` is not 0.
pub extern "C" fn store_quad(cpu: &mut Cpu, ea: u64, vsr: u32, swap: u32) -> u32 {
    let value = cpu.vsr[vsr as usize & 63];
    status(cpu.store(ea, if swap != 0 { value.rotate_left(64) } else { value }))
}
