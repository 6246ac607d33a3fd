//! FPSCR bits (Power ISA 3.0B, Book I, 4.2.2 "Floating-Point Status and Control Register").
//!
//! ```text
//!  32  33  34  35 36 37 38 39     40    41    42    43    44   45 46 47:51 52 53     54     55    56 57 58 59 60 61 62:63
//!  FX FEX  VX  OX UX ZX XX VXSNAN VXISI VXIDI VXZDZ VXIMZ VXVC FR FI FPRF  /  VXSOFT VXSQRT VXCVI VE OE UE ZE XE NI RN
//! ```

/// Exception summary.
pub const FX: u64 = 1 << 31;
/// Enabled exception summary.
pub const FEX: u64 = 1 << 30;
/// Invalid operation summary.
pub const VX: u64 = 1 << 29;
/// Overflow.
pub const OX: u64 = 1 << 28;
/// Underflow.
pub const UX: u64 = 1 << 27;
/// Zero divide.
pub const ZX: u64 = 1 << 26;
/// Inexact.
pub const XX: u64 = 1 << 25;
/// Invalid: signalling NaN.
pub const VXSNAN: u64 = 1 << 24;
/// Invalid: infinity - infinity.
pub const VXISI: u64 = 1 << 23;
/// Invalid: infinity / infinity.
pub const VXIDI: u64 = 1 << 22;
/// Invalid: zero / zero.
pub const VXZDZ: u64 = 1 << 21;
/// Invalid: infinity * zero.
pub const VXIMZ: u64 = 1 << 20;
/// Invalid: ordered comparison of a NaN.
pub const VXVC: u64 = 1 << 19;
/// The last rounding incremented the fraction.
pub const FR: u64 = 1 << 18;
/// The last result was inexact.
pub const FI: u64 = 1 << 17;
/// Result flags: C, FL, FG, FE, FU.
pub const FPRF: u64 = 0x1f << 12;
/// Position of FPRF.
pub const FPRF_SHIFT: u32 = 12;
/// The four condition bits of FPRF: FL, FG, FE, FU.
pub const FPCC: u64 = 0xf << 12;
/// Invalid: software request.
pub const VXSOFT: u64 = 1 << 10;
/// Invalid: square root of a negative number.
pub const VXSQRT: u64 = 1 << 9;
/// Invalid: integer conversion.
pub const VXCVI: u64 = 1 << 8;
/// Invalid operation enable.
pub const VE: u64 = 1 << 7;
/// Overflow enable.
pub const OE: u64 = 1 << 6;
/// Underflow enable.
pub const UE: u64 = 1 << 5;
/// Zero divide enable.
pub const ZE: u64 = 1 << 4;
/// Inexact enable.
pub const XE: u64 = 1 << 3;
/// Non-IEEE mode; POWER8 and POWER9 keep the bit and ignore it.
pub const NI: u64 = 1 << 2;
/// Rounding mode.
pub const RN: u64 = 3;
/// Decimal rounding mode, bits 29:31.
pub const DRN: u64 = 7 << 32;

/// Every cause of an invalid operation.
pub const VX_ALL: u64 = VXSNAN | VXISI | VXIDI | VXZDZ | VXIMZ | VXVC | VXSOFT | VXSQRT | VXCVI;
/// Every exception bit that is not a summary.
pub const EXCEPTIONS: u64 = OX | UX | ZX | XX | VX_ALL;
/// All enables.
pub const ENABLES: u64 = VE | OE | UE | ZE | XE;
/// Bits that exist on POWER8 and POWER9; the others read 0.
pub const IMPLEMENTED: u64 = DRN | 0xffff_ffff & !(1 << 11);

/// Of the exceptions in `flags`, which an enable in `fpscr` covers: VX, OX, UX, ZX, XX as those summary bits.
#[inline]
pub const fn enabled(flags: u64, fpscr: u64) -> u64 {
    let vx = if flags & VX_ALL != 0 { VX } else { 0 };
    // VX,OX,UX,ZX,XX stand 22 bits above VE,OE,UE,ZE,XE.
    (flags & (OX | UX | ZX | XX) | vx) & (fpscr & ENABLES) << 22
}

/// `fpscr` with VX and FEX made to agree with the bits they summarise.
#[inline]
pub const fn summarise(fpscr: u64) -> u64 {
    let base = fpscr & !(VX | FEX);
    let vx = if base & VX_ALL != 0 { VX } else { 0 };
    let fex = if enabled(base, base) != 0 { FEX } else { 0 };
    base | vx | fex
}

/// `fpscr` after an instruction that caused `flags` (exceptions, FR and FI): FR and FI are replaced, exceptions
/// accumulate, FX is set when one of them is new (ISA: "to change from 0 to 1").
#[inline]
pub const fn accrue(fpscr: u64, flags: u64) -> u64 {
    let fx = if flags & EXCEPTIONS & !fpscr != 0 { FX } else { 0 };
    summarise(fpscr & !(FR | FI) | flags | fx)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enables_cover_their_exceptions() {
        for (exception, enable) in [(VXISI, VE), (VXCVI, VE), (OX, OE), (UX, UE), (ZX, ZE), (XX, XE)] {
            assert_ne!(enabled(exception, enable), 0);
            assert_eq!(enabled(exception, ENABLES & !enable), 0);
        }
    }

    #[test]
    fn fx_rises_only_with_a_new_exception() {
        assert_eq!(accrue(0, XX | FI), XX | FI | FX);
        assert_eq!(accrue(XX, XX | FI), XX | FI);
        assert_eq!(accrue(VE, VXSNAN), VE | VXSNAN | FX | VX | FEX);
        assert_eq!(accrue(FR | FI, 0), 0);
    }
}
