//! H_BULK_REMOVE: up to four removals in one hypercall (LoPAR, "H_BULK_REMOVE").
//!
//! ```text
//! translation specifier high (R4, R6, R8, R10)
//!  0  1 2   3 4  5 6   7 8                            63
//! +----+-----+----+-----+--------------------------------+      low (R5, R7, R9, R11): AVPN or andcond mask
//! |type|code | RC |flags|             PTEX               |
//! +----+-----+----+-----+--------------------------------+
//! ```
//! A request is overwritten by its response; nothing behind an end mark or an error is read.

use crate::hcall::{H_ANDCOND, H_AVPN};
use crate::hpte::{R_C, R_R};
use crate::outcome::Outcome;
use crate::ret::{H_PARAMETER, H_SUCCESS};
use crate::table::Hpt;

/// Type: bits 0:1.
pub const TYPE: u64 = 0xc000_0000_0000_0000;
/// A request.
pub const TYPE_REQUEST: u64 = 0x4000_0000_0000_0000;
const TYPE_RESPONSE: u64 = 0x8000_0000_0000_0000;
/// No more requests.
pub const TYPE_END: u64 = 0xc000_0000_0000_0000;
/// Code: bits 2:3 of a response. Success is zero.
const CODE_NOT_FOUND: u64 = 0x1000_0000_0000_0000;
const CODE_PARM: u64 = 0x2000_0000_0000_0000;
/// From R and C in doubleword 1 of an entry to bits 4:5 of a response.
const RC_SHIFT: u32 = 51;
/// Flags: bits 6:7.
pub const FLAGS: u64 = 0x0300_0000_0000_0000;
const FLAGS_ABSOLUTE: u64 = 0;
const FLAGS_ANDCOND: u64 = 0x0100_0000_0000_0000;
/// As H_AVPN.
pub const FLAGS_AVPN: u64 = 0x0200_0000_0000_0000;
/// Index of the entry.
pub const PTEX: u64 = 0x00ff_ffff_ffff_ffff;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hcall::H_BULK_REMOVE;
    use crate::hpte::V_BOLTED;
    use crate::testing::{Result, address, call, map};

    const END: u64 = TYPE_END | 0x1234;

    fn request(flags: u64, ptex: u64) -> u64 {
        TYPE_REQUEST | flags | ptex
    }

    #[test]
    fn each_request_is_answered_with_its_code_and_the_r_and_c_bits() -> Result {
        let hpt = Hpt::new(18)?;
        let [a, b, c] = [1, 2, 3].map(|page| map(&hpt, page, 0));
        for (ptex, store) in [(a, true), (b, false)] {
            let entry = hpt.guest_entry(ptex)?;
            hpt.set_rc(ptex, entry, store);
        }
        let args = [
            [request(FLAGS_ABSOLUTE, a), 7],
            [request(FLAGS_ANDCOND, b), V_BOLTED],
            [request(FLAGS_AVPN, c), address(500).avpn()],
            [request(FLAGS_AVPN, c), address(3).avpn()],
        ];
        let done = call(&hpt, H_BULK_REMOVE, args.as_flattened());
        assert_eq!(done.rc, H_SUCCESS);
        let responses: Vec<u64> = done.out().iter().copied().step_by(2).collect();
        let response = 0x8000_0000_0000_0000;
        assert_eq!(
            responses,
            [
                response | 0x0c00_0000_0000_0000 | a,
                response | 0x0800_0000_0000_0000 | FLAGS_ANDCOND | b,
                response | 0x1000_0000_0000_0000 | FLAGS_AVPN | c,
                response | FLAGS_AVPN | c,
            ]
        );
        assert_eq!(done.invalidated().iter().map(|i| i.ptex).collect::<Vec<_>>(), [a, b, c]);
        assert_eq!(hpt.valid_entries(), 0);
        Ok(())
    }

    #[test]
    fn nothing_behind_an_end_mark_is_looked_at() -> Result {
        let hpt = Hpt::new(18)?;
        let [a, b] = [1, 2].map(|page| map(&hpt, page, 0));
        let args = [request(0, a), 0, END, 5, request(0, b), 0, 0, 0];
        let done = call(&hpt, H_BULK_REMOVE, &args);
        assert_eq!((done.rc, &done.out()[2..]), (H_SUCCESS, &args[2..]));
        assert_eq!((done.invalidated().len(), hpt.valid_entries()), (1, 1));
        Ok(())
    }

    #[test]
    fn a_bad_request_stops_the_call_and_keeps_what_was_done_before() -> Result {
        for (bad, answer) in [
            (request(FLAGS, 1), TYPE_RESPONSE | CODE_PARM | FLAGS | 1),
            (request(0, 1 << 14), TYPE_RESPONSE | CODE_PARM | 1 << 14),
            (request(0, PTEX), TYPE_RESPONSE | CODE_PARM | PTEX),
            // Not requests: no answer.
            (TYPE_RESPONSE | 1, TYPE_RESPONSE | 1),
            (1, 1),
        ] {
            let hpt = Hpt::new(18)?;
            let [a, b] = [1, 2].map(|page| map(&hpt, page, 0));
            let done = call(&hpt, H_BULK_REMOVE, &[request(0, a), 0, bad, 0, request(0, b), 0, END, 0]);
            assert_eq!((done.rc, done.out()[2], done.out()[4]), (H_PARAMETER, answer, request(0, b)));
            assert_eq!((done.invalidated().len(), hpt.valid_entries()), (1, 1), "{bad:#x}");
        }
        Ok(())
    }
}
