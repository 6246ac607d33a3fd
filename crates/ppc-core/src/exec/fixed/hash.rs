//! Hashes of return addresses (3.1B, Book I, "Hash Instructions"): a function stores one of its return address and its
//! stack pointer when it begins, and traps before it returns if they give another.
//!
//! The digest is that of the book: RA and RB are dealt into four words, each is encrypted as a Simon-like cipher does
//! it (blocks of 32 bits, a key of 64), with the round keys of each group of four rotated by the word's number, and the
//! two halves of the result are added without carries.

use crate::{
    fields::Word,
    spr::{
        DEXCR_NPHIE, DEXCR_PHIE,
        number::{DEXCR, HASHKEYR, HASHPKEYR},
    },
    state::Cpu,
    trap::{Done, Trap},
};

const ROUNDS: usize = 32;
/// Round keys beyond the key's own four words differ in one bit of this sequence each, from the left.
const SEQUENCE: u64 = 0xfa25_61cd_f44a_c398;
const CONSTANT: u16 = 0xfffc;

/// The round keys of `key`.
fn schedule(key: u64) -> [u16; ROUNDS] {
    let mut keys = [0; ROUNDS];
    for i in 0..ROUNDS {
        keys[i] = if i < 4 {
            (key >> (48 - 16 * i)) as u16
        } else {
            let bit = (SEQUENCE >> (67 - i) & 1) as u16;
            let mixed = keys[i - 1].rotate_right(3) ^ keys[i - 3];
            CONSTANT ^ bit ^ keys[i - 4] ^ mixed ^ mixed.rotate_right(1)
        };
    }
    keys
}

/// Word number `lane`, encrypted.
fn encrypt(block: u32, keys: &[u16; ROUNDS], lane: usize) -> u32 {
    let (mut left, mut right) = (block as u16, (block >> 16) as u16);
    for i in 0..ROUNDS {
        let key = keys[i & !3 | (i + lane) & 3];
        let mixed = left.rotate_left(1) & left.rotate_left(8) ^ left.rotate_left(2);
        (left, right) = (right ^ mixed ^ key, left);
    }
    u32::from(right) << 16 | u32::from(left)
}

/// The hash of RA and RB under `key`.
pub fn digest(ra: u64, rb: u64, key: u64) -> u64 {
    let keys = schedule(key);
    // The bytes of a word of RB, in order from the right, are the left bytes of the halfwords from the left on; those of
    // RA the right bytes of the halfwords from the right on.
    let dealt = |ra: u32, rb: u32| {
        (0..4).fold(0u64, |dealt, i| {
            let (a, b) = (u64::from(ra >> (8 * i) & 0xff), u64::from(rb >> (8 * i) & 0xff));
            dealt | a << (16 * i) | b << (56 - 16 * i)
        })
    };
    let encrypted = |half: u64, lane| {
        let [left, right] = [(half >> 32) as u32, half as u32];
        u64::from(encrypt(left, &keys, lane)) << 32 | u64::from(encrypt(right, &keys, lane + 1))
    };
    let high = dealt((ra >> 32) as u32, rb as u32);
    let low = dealt(ra as u32, (rb >> 32) as u32);
    encrypted(high, 0) ^ encrypted(low, 2)
}

/// The displacement: eight bits of doublewords, below RA.
fn ea(cpu: &Cpu, w: Word) -> u64 {
    let doublewords = (w.bits(31, 1) << 5 | w.bits(6, 5)) as i64 - 64;
    cpu.wrap(cpu.gpr[w.ra()].wrapping_add((8 * doublewords) as u64))
}

/// The key and where the hash is; `None` where DEXCR's `aspect` is off: the instruction is a no-op then.
fn begin(cpu: &Cpu, w: Word, aspect: u64, key: usize) -> Result<Option<(u64, u64)>, Trap> {
    // An invalid form.
    if w.ra() == 0 {
        return Err(Trap::Illegal);
    }
    let on = cpu.spr[DEXCR] & aspect << if cpu.supervisor().is_ok() { 32 } else { 0 } != 0;
    Ok(on.then(|| (cpu.spr[key], ea(cpu, w))))
}

fn store(cpu: &mut Cpu, w: Word, aspect: u64, key: usize) -> Done {
    match begin(cpu, w, aspect, key)? {
        Some((key, ea)) => cpu.store(ea, digest(cpu.gpr[w.ra()], cpu.gpr[w.rb()], key)),
        None => Ok(()),
    }
}

fn check(cpu: &mut Cpu, w: Word, aspect: u64, key: usize) -> Done {
    let Some((key, ea)) = begin(cpu, w, aspect, key)? else { return Ok(()) };
    let stored: u64 = cpu.load(ea)?;
    if stored == digest(cpu.gpr[w.ra()], cpu.gpr[w.rb()], key) { Ok(()) } else { Err(Trap::TrapInstruction) }
}

/// Hash Store.
pub fn hashst(cpu: &mut Cpu, w: Word) -> Done {
    store(cpu, w, DEXCR_NPHIE, HASHKEYR)
}

/// Hash Check.
pub fn hashchk(cpu: &mut Cpu, w: Word) -> Done {
    check(cpu, w, DEXCR_NPHIE, HASHKEYR)
}

/// Hash Store Privileged.
pub fn hashstp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    store(cpu, w, DEXCR_PHIE, HASHPKEYR)
}

/// Hash Check Privileged.
pub fn hashchkp(cpu: &mut Cpu, w: Word) -> Done {
    cpu.supervisor()?;
    check(cpu, w, DEXCR_PHIE, HASHPKEYR)
}

#[cfg(test)]
mod tests {
    use super::super::tests::cpu;
    use super::*;
    use crate::{exec::ExecFn, msr};

    /// hashst and hashchk r3,-16(r4): the displacement is 0b1 || DX || D || 0b000.
    const W: Word = Word((62 & 31) << 21 | 4 << 16 | 3 << 11 | 1);

    #[test]
    fn what_was_stored_checks_and_nothing_else_does() {
        let mut c = cpu();
        c.spr[DEXCR] = DEXCR_NPHIE << 32 | DEXCR_PHIE << 32;
        (c.spr[HASHKEYR], c.spr[HASHPKEYR]) = (0x0123_4567_89ab_cdef, 42);
        (c.gpr[3], c.gpr[4]) = (0x1000_1234, 0x200);
        let both: [[ExecFn; 2]; 2] = [[hashst, hashchk], [hashstp, hashchkp]];
        for [store, check] in both {
            store(&mut c, W).unwrap();
            assert_ne!(c.load(0x1f0), Ok(0u64));
            assert_eq!(check(&mut c, W), Ok(()));
            c.gpr[3] ^= 4;
            assert_eq!(check(&mut c, W), Err(Trap::TrapInstruction));
            c.gpr[3] ^= 4;
        }
        // The keys differ.
        assert_eq!(hashchk(&mut c, W), Err(Trap::TrapInstruction));
    }

    #[test]
    fn digests_are_those_of_another_implementation() {
        let rb = 0x0001_0001_2340_5678;
        // Recorded from QEMU 7.2, `qemu-system-ppc64 -M powernv10`.
        for (ra, key, recorded) in [
            (0x10_0000, 0x0123_4567_89ab_cdef, 0xa0a4_3139_ea6c_5fff),
            (0x20_0770, 0xfedc_ba98_7654_3210, 0x7eb3_0105_670f_0dcf),
            (0xf000_0000_0020_0770, 0xfedc_ba98_7654_3210, 0xf0fc_27ad_670f_0dcf),
        ] {
            assert_eq!(digest(ra, rb, key), recorded, "{ra:#x}");
        }
    }

    #[test]
    fn each_state_has_its_aspect_and_without_it_nothing_happens() {
        let mut c = cpu();
        (c.gpr[3], c.gpr[4]) = (1, 0x200);
        for (problem, bit) in [(true, DEXCR_NPHIE), (false, DEXCR_NPHIE << 32)] {
            c.msr = msr::SF | if problem { msr::PR } else { 0 };
            c.spr[DEXCR] = !bit;
            hashst(&mut c, W).unwrap();
            assert_eq!((c.load(0x1f0), hashchk(&mut c, W)), (Ok(0u64), Ok(())));
            c.spr[DEXCR] = bit;
            assert_eq!(hashchk(&mut c, W), Err(Trap::TrapInstruction));
        }
        c.msr |= msr::PR;
        assert_eq!(hashstp(&mut c, W), Err(Trap::Privileged));
        assert_eq!(hashst(&mut c, Word(W.0 & !(31 << 16))), Err(Trap::Illegal));
    }
}
