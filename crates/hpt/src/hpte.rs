//! One entry of the hash page table: every bit position is named here and nowhere else.
//!
//! The format is the one of Power ISA 2.07 (Book III-S, Page Table, "Page Table Entry"), which PAPR keeps for
//! its hypercalls on later processors too. Bit 0 is the most significant one.
//!
//! ```text
//! dword 0 (v)
//!  0 1 2                                                  56 57 58 59   60 61 62 63
//! +---+-----------------------------------------------------+--+--+--+----+--+--+--+
//! | B |            AVPN: virtual address bits 0:54          |D |K |    SW | L| H| V|
//! +---+-----------------------------------------------------+--+--+--+----+--+--+--+
//!   B  segment size (0 256 MiB, 1 1 TiB)        D  hypervisor: changed since last taken ("dirty")
//!   L  page larger than 4 KiB                   K  hypervisor: this entry is locked
//!   H  secondary hash                           SW for the guest (Linux: 59 bolted, 60 lock)
//!   V  valid
//!
//! dword 1 (r)
//!  0   1  2 3 4                        43 44  51 52 54 55 56 57 60 61 62 63
//! +---+--+---+---------------------------+------+-----+--+--+-----+--+-----+
//! |pp0|- |key|           ARPN            |  LP  | key | R| C| WIMG| N| pp  |
//! +---+--+---+---------------------------+------+-----+--+--+-----+--+-----+
//!   bit 1 is reserved; LP continues ARPN for a 4 KiB page and encodes the sizes for a larger one
//! ```

/// V: B, the segment size.
pub const V_B: u64 = 0xc000_0000_0000_0000;
/// Position of the low bit of B.
pub const V_B_SHIFT: u32 = 62;
/// V: abbreviated virtual page number, virtual address bits 0:54 of 78.
pub const V_AVPN: u64 = 0x3fff_ffff_ffff_ff80;
/// Position of the low bit of AVPN.
pub const V_AVPN_SHIFT: u32 = 7;
/// Number of low-order virtual address bits that AVPN leaves out.
pub const VA_BITS_BELOW_AVPN: u32 = 23;
/// V: changed since the entry was last taken by [`crate::Hpt::take_dirty`] (PAPR: hypervisor software bit 57).
pub const V_DIRTY: u64 = 0x40;
/// V: the entry is being changed (PAPR: hypervisor software bit 58). Set only inside [`crate::Hpt`]'s update path.
pub const V_LOCK: u64 = 0x20;
/// V: the two software bits that PAPR reserves for the hypervisor; a guest neither sees nor sets them.
pub const V_HYPERVISOR: u64 = V_DIRTY | V_LOCK;
/// V: the guest's software bit by which Linux marks an entry never to be evicted.
pub const V_BOLTED: u64 = 0x10;
/// V: L, a page larger than 4 KiB.
pub const V_LARGE: u64 = 0x4;
/// V: H, found by the secondary hash.
pub const V_SECONDARY: u64 = 0x2;
/// V: V, valid.
pub const V_VALID: u64 = 0x1;
/// V: the bits that an AVPN comparison of a hypercall compares (dword 0 bits 0:56).
pub const V_AVPN_COMPARE: u64 = V_B | V_AVPN;
/// V: the bits that the page table search compares.
pub const V_SEARCH: u64 = V_B | V_AVPN | V_SECONDARY | V_VALID;

/// R: pp0, the high bit of the page protection.
pub const R_PP0: u64 = 0x8000_0000_0000_0000;
/// R: reserved, forced to zero by H_ENTER.
pub const R_RESERVED: u64 = 0x4000_0000_0000_0000;
/// R: key, bits 0:1.
pub const R_KEY_HI: u64 = 0x3000_0000_0000_0000;
/// R: ARPN and LP, the real page number.
pub const R_RPN: u64 = 0x0fff_ffff_ffff_f000;
/// Position of the low bit of LP.
pub const R_RPN_SHIFT: u32 = 12;
/// R: key, bits 2:4.
pub const R_KEY_LO: u64 = 0x0e00;
/// R: reference.
pub const R_R: u64 = 0x0100;
/// R: change.
pub const R_C: u64 = 0x0080;
/// R: write through.
pub const R_W: u64 = 0x0040;
/// R: caching inhibited.
pub const R_I: u64 = 0x0020;
/// R: memory coherence.
pub const R_M: u64 = 0x0010;
/// R: guarded.
pub const R_G: u64 = 0x0008;
/// R: all four storage control bits.
pub const R_WIMG: u64 = R_W | R_I | R_M | R_G;
/// R: no execute.
pub const R_N: u64 = 0x0004;
/// R: pp1 and pp2, the low bits of the page protection.
pub const R_PP: u64 = 0x0003;
/// R: what H_PROTECT sets.
pub const R_PROTECTION: u64 = R_PP0 | R_KEY_HI | R_KEY_LO | R_N | R_PP;

/// Size of an entry in bytes, as a shift.
pub const HPTE_SHIFT: u32 = 4;
/// Entries of a page table entry group.
pub const GROUP_SLOTS: u64 = 8;
/// Size of a group in bytes, as a shift.
pub const GROUP_SHIFT: u32 = 7;

use std::fmt;

/// The two doublewords of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Hpte {
    /// Doubleword 0.
    pub v: u64,
    /// Doubleword 1.
    pub r: u64,
}

impl Hpte {
    /// As the guest may see it.
    #[inline]
    #[must_use]
    pub fn guest(self) -> Self {
        Self { v: self.v & !V_HYPERVISOR, r: self.r }
    }

    /// Whether V is set.
    #[inline]
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.v & V_VALID != 0
    }

    /// The five-bit storage key.
    #[inline]
    #[must_use]
    pub fn key(self) -> u32 {
        (((self.r & R_KEY_HI) >> 57) | ((self.r & R_KEY_LO) >> 9)) as u32
    }

    /// The three-bit page protection, pp0 the most significant.
    #[inline]
    #[must_use]
    pub fn pp(self) -> u32 {
        (((self.r & R_PP0) >> 61) | (self.r & R_PP)) as u32
    }
}

/// The fields by name, for people.
impl fmt::Display for Hpte {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let segment = if self.v & V_B == 1 << V_B_SHIFT { "1T" } else { "256M" };
        let avpn = (self.v & V_AVPN) >> V_AVPN_SHIFT;
        let (rpn, key, pp) = (self.r & R_RPN, self.key(), self.pp());
        write!(f, "{segment} avpn {avpn:#x} rpn {rpn:#x} key {key} pp {pp}")?;
        for (bit, name) in [(V_BOLTED, "bolted"), (V_LARGE, "L"), (V_SECONDARY, "secondary"), (V_VALID, "V")]
        {
            if self.v & bit != 0 {
                write!(f, " {name}")?;
            }
        }
        for (bit, name) in
            [(R_R, "R"), (R_C, "C"), (R_W, "W"), (R_I, "I"), (R_M, "M"), (R_G, "G"), (R_N, "N")]
        {
            if self.r & bit != 0 {
                write!(f, " {name}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_each_doubleword_cover_it_without_overlap() {
        let v = [V_B, V_AVPN, V_DIRTY, V_LOCK, V_BOLTED, 0x8, V_LARGE, V_SECONDARY, V_VALID];
        let r = [R_PP0, R_RESERVED, R_KEY_HI, R_RPN, R_KEY_LO, R_R, R_C, R_WIMG, R_N, R_PP];
        for fields in [&v[..], &r[..]] {
            assert_eq!(fields.iter().fold(0, |all, f| all | f), u64::MAX);
            assert_eq!(fields.iter().map(|f| f.count_ones()).sum::<u32>(), 64);
        }
    }

    #[test]
    fn an_entry_names_its_fields() {
        let entry = Hpte {
            v: 1 << V_B_SHIFT | 5 << V_AVPN_SHIFT | V_BOLTED | V_VALID,
            r: R_KEY_HI | 0x3000 | R_R | R_M | 2,
        };
        assert_eq!(entry.to_string(), "1T avpn 0x5 rpn 0x3000 key 24 pp 2 bolted V R M");
        assert_eq!(Hpte::default().to_string(), "256M avpn 0x0 rpn 0x0 key 0 pp 0");
    }

    #[test]
    fn key_and_pp_are_gathered_from_their_two_halves() {
        let entry = |r| Hpte { v: 0, r };
        assert_eq!(entry(R_KEY_HI).key(), 0b11000);
        assert_eq!(entry(R_KEY_LO).key(), 0b00111);
        assert_eq!(entry(R_PP0 | 2).pp(), 0b110);
    }
}
