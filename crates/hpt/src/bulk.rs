//! H_BULK_REMOVE: up to four removals in one hypercall (LoPAR, "H_BULK_REMOVE").
//!
//! ```text
//! translation specifier high (R4, R6, R8, R10)
//!  0  1 2   3 4  5 6   7 8                            63
//! +----+-----+----+-----+--------------------------------+      low (R5, R7, R9, R11): AVPN or andcond mask
//! |type|code | RC |flags|             PTEX               |
//! +----+-----+----+-----+--------------------------------+
//! ```
//! A request is overwritten by its response; nothing behind an end mark or an error is looked at.

use crate::hcall::{H_ANDCOND, H_AVPN, Outcome};
use crate::hpte::{R_C, R_R};
use crate::ret::{H_PARAMETER, H_SUCCESS};
use crate::table::Hpt;

/// Type: bits 0:1.
const TYPE: u64 = 0xc000_0000_0000_0000;
const TYPE_REQUEST: u64 = 0x4000_0000_0000_0000;
const TYPE_RESPONSE: u64 = 0x8000_0000_0000_0000;
const TYPE_END: u64 = 0xc000_0000_0000_0000;
/// Code: bits 2:3 of a response. Success is zero.
const CODE_NOT_FOUND: u64 = 0x1000_0000_0000_0000;
const CODE_PARM: u64 = 0x2000_0000_0000_0000;
/// From R and C in doubleword 1 of an entry to bits 4:5 of a response.
const RC_SHIFT: u32 = 51;
/// Flags: bits 6:7.
const FLAGS: u64 = 0x0300_0000_0000_0000;
const FLAGS_ABSOLUTE: u64 = 0;
const FLAGS_ANDCOND: u64 = 0x0100_0000_0000_0000;
const FLAGS_AVPN: u64 = 0x0200_0000_0000_0000;
const PTEX: u64 = 0x00ff_ffff_ffff_ffff;

pub(crate) fn h_bulk_remove(hpt: &Hpt, args: &[u64; 9]) -> Outcome {
    let mut out = [0; 8];
    out.copy_from_slice(&args[..8]);
    let mut outcome = Outcome::new(H_SUCCESS);
    for [high, low] in out.as_chunks_mut::<2>().0 {
        match *high & TYPE {
            TYPE_REQUEST => {}
            TYPE_END => break,
            // Unused or a response: not a request, so there is no response to it.
            _ => {
                outcome.rc = H_PARAMETER;
                break;
            }
        }
        let ptex = *high & PTEX;
        let response = TYPE_RESPONSE | (*high & (FLAGS | PTEX));
        let flags = match *high & FLAGS {
            FLAGS_ABSOLUTE => Some(0),
            FLAGS_ANDCOND => Some(H_ANDCOND),
            FLAGS_AVPN => Some(H_AVPN),
            _ => None,
        };
        let Some(flags) = flags.filter(|_| ptex < hpt.slots()) else {
            *high = response | CODE_PARM;
            outcome.rc = H_PARAMETER;
            break;
        };
        *high = match hpt.remove(flags, ptex, *low) {
            Some(old) => {
                outcome = outcome.invalidating(ptex, old);
                response | (old.r & (R_R | R_C)) << RC_SHIFT
            }
            None => response | CODE_NOT_FOUND,
        };
    }
    outcome.with_out(&out)
}
