//! Floating-point loads and stores. Single precision passes through `DOUBLE()` and `SINGLE()` of the ISA, which are
//! not arithmetic: nothing is rounded, no exception is raised, signalling NaNs stay.

use crate::{
    fields::Word,
    softfp::convert::{double, single},
    state::Cpu,
    trap::{Done, Trap},
};

#[inline(always)]
fn load_single(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    let word: u32 = cpu.load(ea)?;
    cpu.set_fpr(w.frt(), double(word));
    Ok(())
}

#[inline(always)]
fn load_double(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    let dword: u64 = cpu.load(ea)?;
    cpu.set_fpr(w.frt(), dword);
    Ok(())
}

#[inline(always)]
fn store_single(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    cpu.store(ea, single(cpu.fpr(w.frs())))
}

#[inline(always)]
fn store_double(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    cpu.store(ea, cpu.fpr(w.frs()))
}

/// The update forms: RA = 0 is an invalid form, then RA receives the effective address.
#[inline(always)]
fn update(cpu: &mut Cpu, w: Word, ea: u64, access: fn(&mut Cpu, Word, u64) -> Done) -> Done {
    if w.ra() == 0 {
        return Err(Trap::Illegal);
    }
    access(cpu, w, ea)?;
    cpu.gpr[w.ra()] = ea;
    Ok(())
}

macro_rules! accesses {
    ($($access:ident: $plain:ident $plain_doc:literal, $u:ident, $x:ident, $ux:ident;)*) => {
        $(
        #[doc = $plain_doc]
        pub fn $plain(cpu: &mut Cpu, w: Word) -> Done {
            let ea = cpu.ea_d(w);
            $access(cpu, w, ea)
        }
        #[doc = concat!($plain_doc, " with Update")]
        pub fn $u(cpu: &mut Cpu, w: Word) -> Done {
            let ea = cpu.ea_d(w);
            update(cpu, w, ea, $access)
        }
        #[doc = concat!($plain_doc, " Indexed")]
        pub fn $x(cpu: &mut Cpu, w: Word) -> Done {
            let ea = cpu.ea_x(w);
            $access(cpu, w, ea)
        }
        #[doc = concat!($plain_doc, " with Update Indexed")]
        pub fn $ux(cpu: &mut Cpu, w: Word) -> Done {
            let ea = cpu.ea_x(w);
            update(cpu, w, ea, $access)
        }
        )*
    };
}

accesses! {
    load_single: lfs "Load Floating-Point Single", lfsu, lfsx, lfsux;
    load_double: lfd "Load Floating-Point Double", lfdu, lfdx, lfdux;
    store_single: stfs "Store Floating-Point Single", stfsu, stfsx, stfsux;
    store_double: stfd "Store Floating-Point Double", stfdu, stfdx, stfdux;
}

/// Load Floating-Point as Integer Word Algebraic Indexed.
pub fn lfiwax(cpu: &mut Cpu, w: Word) -> Done {
    let word: u32 = cpu.load(cpu.ea_x(w))?;
    cpu.set_fpr(w.frt(), word as i32 as i64 as u64);
    Ok(())
}

/// Load Floating-Point as Integer Word & Zero Indexed.
pub fn lfiwzx(cpu: &mut Cpu, w: Word) -> Done {
    let word: u32 = cpu.load(cpu.ea_x(w))?;
    cpu.set_fpr(w.frt(), word as u64);
    Ok(())
}

/// Store Floating-Point as Integer Word Indexed.
pub fn stfiwx(cpu: &mut Cpu, w: Word) -> Done {
    cpu.store(cpu.ea_x(w), cpu.fpr(w.frs()) as u32)
}

/// The registers of a pair in storage order: in little-endian mode the odd one comes first, so that the pair is one
/// 16-byte datum. An odd FRTp is an invalid form and names the pair it is in.
#[inline]
fn pair(cpu: &Cpu, frtp: usize) -> (usize, usize) {
    let even = frtp & !1;
    if cpu.le() { (even | 1, even) } else { (even, even | 1) }
}

fn load_pair(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    let (first, second) = pair(cpu, w.frt());
    let a: u64 = cpu.load(ea)?;
    let b: u64 = cpu.load(cpu.wrap(ea.wrapping_add(8)))?;
    cpu.set_fpr(first, a);
    cpu.set_fpr(second, b);
    Ok(())
}

fn store_pair(cpu: &mut Cpu, w: Word, ea: u64) -> Done {
    let (first, second) = pair(cpu, w.frs());
    cpu.probe_store(ea, 16)?;
    cpu.store(ea, cpu.fpr(first))?;
    cpu.store(cpu.wrap(ea.wrapping_add(8)), cpu.fpr(second))
}

/// Load Floating-Point Double Pair.
pub fn lfdp(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_ds(w);
    load_pair(cpu, w, ea)
}

/// Load Floating-Point Double Pair Indexed.
pub fn lfdpx(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w);
    load_pair(cpu, w, ea)
}

/// Store Floating-Point Double Pair.
pub fn stfdp(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_ds(w);
    store_pair(cpu, w, ea)
}

/// Store Floating-Point Double Pair Indexed.
pub fn stfdpx(cpu: &mut Cpu, w: Word) -> Done {
    let ea = cpu.ea_x(w);
    store_pair(cpu, w, ea)
}
