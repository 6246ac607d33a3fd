//! The floating-point environment of the host's thread.
//!
//! Engines compute with the host's arithmetic, rounding to nearest and with no trap. A caller's thread may have been set
//! to something else, by a library's fast mathematics for instance, and gets it back.

/// While this lives the thread has the default environment.
pub struct DefaultEnvironment {
    before: Control,
}

impl DefaultEnvironment {
    /// Sets it.
    pub fn enter() -> Self {
        let before = read();
        write(DEFAULT);
        Self { before }
    }
}

impl Drop for DefaultEnvironment {
    fn drop(&mut self) {
        write(self.before);
    }
}

#[cfg(target_arch = "x86_64")]
mod host {
    use std::arch::asm;

    pub type Control = u32;
    /// All exceptions masked, none recorded, to nearest (Intel SDM volume 1, 10.2.3, MXCSR).
    pub const DEFAULT: Control = 0x1f80;

    pub fn read() -> Control {
        let mut value = 0;
        // SAFETY: stores four bytes to `value`.
        unsafe { asm!("stmxcsr [{}]", in(reg) &raw mut value, options(nostack, preserves_flags)) };
        value
    }

    pub fn write(value: Control) {
        // SAFETY: loads four bytes from `value`, which were in this register before or are the default.
        unsafe {
            asm!("ldmxcsr [{}]", in(reg) &raw const value, options(nostack, preserves_flags, readonly))
        };
    }
}

#[cfg(target_arch = "aarch64")]
mod host {
    use std::arch::asm;

    pub type Control = u64;
    /// No traps, no flushing, to nearest (Arm ARM, FPCR).
    pub const DEFAULT: Control = 0;

    pub fn read() -> Control {
        let value;
        // SAFETY: reads a register of the thread's.
        unsafe { asm!("mrs {}, fpcr", out(reg) value, options(nomem, nostack, preserves_flags)) };
        value
    }

    pub fn write(value: Control) {
        // SAFETY: the value was in this register before or is the default.
        unsafe { asm!("msr fpcr, {}", in(reg) value, options(nomem, nostack, preserves_flags)) };
    }
}

/// Others are taken to have the default.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod host {
    pub type Control = ();
    pub const DEFAULT: Control = ();
    pub fn read() -> Control {}
    pub fn write((): Control) {}
}

use host::{Control, DEFAULT, read, write};
