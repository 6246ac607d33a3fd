//! `lxvl`, `lxvll`, `stxvl`, `stxvll`: the first 0 to 16 bytes of a vector; the count stands in RB bits 0:7.

use crate::{
    fields::Word,
    state::Cpu,
    trap::{Done, Trap},
};

/// The byte count: RB bits 0:7, at most 16.
#[inline(always)]
fn count(cpu: &Cpu, w: Word) -> u32 {
    ((cpu.gpr[w.rb()] >> 56) as u32).min(16)
}

/// EA is (RA|0) alone.
#[inline(always)]
fn address(cpu: &Cpu, w: Word) -> u64 {
    cpu.wrap(cpu.ra0(w))
}

/// `count` bytes from ascending addresses, the first one in byte 0; zeros after them.
fn load_left(cpu: &mut Cpu, ea: u64, count: u32) -> Result<u128, Trap> {
    let mut value = 0u128;
    for i in 0..count {
        let byte: u8 = cpu.load(cpu.wrap(ea.wrapping_add(i as u64)))?;
        value |= (byte as u128) << (120 - 8 * i);
    }
    Ok(value)
}

/// Bytes 0 to `count - 1` of `value` to ascending addresses.
fn store_left(cpu: &mut Cpu, ea: u64, count: u32, value: u128) -> Done {
    if count == 0 {
        return Ok(());
    }
    cpu.probe_store(ea, count as u64)?;
    for i in 0..count {
        cpu.store(cpu.wrap(ea.wrapping_add(i as u64)), (value >> (120 - 8 * i)) as u8)?;
    }
    Ok(())
}

/// `lxvl`: right-justified in little-endian mode, so that the bytes are where `lxvx` would put them.
pub fn lxvl(cpu: &mut Cpu, w: Word) -> Done {
    let value = load_left(cpu, address(cpu, w), count(cpu, w))?;
    cpu.vsr[w.xt()] = if cpu.le() { value.swap_bytes() } else { value };
    Ok(())
}

/// `lxvll`: left-justified in either byte order.
pub fn lxvll(cpu: &mut Cpu, w: Word) -> Done {
    cpu.vsr[w.xt()] = load_left(cpu, address(cpu, w), count(cpu, w))?;
    Ok(())
}

/// `stxvl`
pub fn stxvl(cpu: &mut Cpu, w: Word) -> Done {
    let value = cpu.vsr[w.xt()];
    let value = if cpu.le() { value.swap_bytes() } else { value };
    store_left(cpu, address(cpu, w), count(cpu, w), value)
}

/// `stxvll`
pub fn stxvll(cpu: &mut Cpu, w: Word) -> Done {
    store_left(cpu, address(cpu, w), count(cpu, w), cpu.vsr[w.xt()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ram::RealAddr;
    use crate::{exec::ExecFn, exec::vector::testing::cpu, msr};

    /// T = 7, RA = 3, RB = 4.
    const W: Word = Word(7 << 21 | 3 << 16 | 4 << 11);

    #[test]
    fn only_the_counted_bytes_move() {
        let cases: [(ExecFn, ExecFn, bool, u128); 4] = [
            (lxvl, stxvl, true, 0x03_0201),
            (lxvl, stxvl, false, 0x01_0203 << 104),
            (lxvll, stxvll, true, 0x01_0203 << 104),
            (lxvll, stxvll, false, 0x01_0203 << 104),
        ];
        for (load, store, le, want) in cases {
            let mut cpu = cpu(0, 0, 0);
            cpu.msr |= if le { msr::LE } else { 0 };
            // Only three bytes are inside RAM.
            cpu.ram.write(RealAddr(0xfffd), 0x01u8);
            cpu.ram.write(RealAddr(0xfffe), 0x02u8);
            cpu.ram.write(RealAddr(0xffff), 0x03u8);
            cpu.gpr[3] = 0xfffd;
            cpu.gpr[4] = 3 << 56 | 0xff;
            load(&mut cpu, W).unwrap();
            assert_eq!(cpu.vsr[7], want);
            cpu.gpr[3] = 0x100;
            store(&mut cpu, W).unwrap();
            assert_eq!(cpu.ram.read::<u64>(RealAddr(0x100)), Some(0x03_0201));
            cpu.gpr[3] = u64::MAX;
            cpu.gpr[4] = 0;
            load(&mut cpu, W).unwrap();
            assert_eq!(cpu.vsr[7], 0);
            store(&mut cpu, W).unwrap();
        }
    }
}
