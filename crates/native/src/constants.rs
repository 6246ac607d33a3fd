//! Numbers that Python uses and Rust defines: each is exported from the line that names it, and typed in nowhere else.

use crate::vcpu;
use hpt::{MAX_SHIFT, MIN_SHIFT, bulk, hcall, hpte, page_size::ENCODINGS, ret};
use ppc_core::{memory, msr, ram, spr, time, watchpoint};
use pyo3::prelude::*;

/// Base page shift, L || LP of a segment, and (actual page shift, LP of an entry) pairs.
type SegmentPageSize = (u32, u64, Vec<(u32, u64)>);

/// The page sizes that segments and entries can have, one row for each base page size.
#[pyfunction]
pub fn segment_page_sizes() -> Vec<SegmentPageSize> {
    let mut sizes: Vec<SegmentPageSize> = Vec::new();
    for row in ENCODINGS {
        let page = (row.size.actual_shift, row.lp);
        match sizes.last_mut() {
            Some((base, _, pages)) if *base == row.size.base_shift => pages.push(page),
            _ => sizes.push((row.size.base_shift, row.sllp, vec![page])),
        }
    }
    sizes
}

/// The fields of a hash page table entry by name.
#[pyfunction]
pub fn describe_hpte(v: u64, r: u64) -> String {
    hpt::Hpte { v, r }.to_string()
}

macro_rules! export {
    ($module:ident, $($name:literal: $value:expr,)*) => { $($module.add($name, $value)?;)* };
}

/// Adds all of them to the module.
pub fn add(m: &Bound<'_, PyModule>) -> PyResult<()> {
    export!(m,
        "PAGE": ram::PAGE,
        "CACHE_BLOCK": memory::CACHE_BLOCK,
        "HPT_SHIFT_MIN": MIN_SHIFT,
        "HPT_SHIFT_MAX": MAX_SHIFT,
        "PROCESSORS_MAX": vcpu::PROCESSORS,
        "THREADS_MAX": vcpu::THREADS,
        "TIMEBASE_HZ": time::TIMEBASE_HZ,
        "CLOCK_END": time::END,
        "MSR_EE": msr::EE,
        "MSR_PR": msr::PR,
        "MSR_IR": msr::IR,
        "MSR_DR": msr::DR,
        "LPCR_ILE": spr::LPCR_ILE,
        "LPCR_AIL": spr::LPCR_AIL,
        "LPCR_AIL_SHIFT": spr::LPCR_AIL_SHIFT,
        "DAWRX_DW": watchpoint::DAWRX_DW,
        "DAWRX_DR": watchpoint::DAWRX_DR,
        "DAWRX_HYP": watchpoint::DAWRX_HYP,
        "H_SUCCESS": ret::H_SUCCESS,
        "H_HARDWARE": ret::H_HARDWARE,
        "H_FUNCTION": ret::H_FUNCTION,
        "H_PARAMETER": ret::H_PARAMETER,
        "H_PTEG_FULL": ret::H_PTEG_FULL,
        "H_AVPN": hcall::H_AVPN,
        "BULK_TYPE": bulk::TYPE,
        "BULK_REQUEST": bulk::TYPE_REQUEST,
        "BULK_END": bulk::TYPE_END,
        "BULK_FLAGS": bulk::FLAGS,
        "BULK_AVPN": bulk::FLAGS_AVPN,
        "BULK_PTEX": bulk::PTEX,
        "HPTE_PAGE": hpte::V_AVPN_COMPARE,
        "HPTE_BOLTED": hpte::V_BOLTED,
        "HPTE_LARGE": hpte::V_LARGE,
        "HPTE_VALID": hpte::V_VALID,
        "HPTE_HYPERVISOR": hpte::V_HYPERVISOR,
        "HPTE_RPN": hpte::R_RPN,
        "HPTE_RC": hpte::R_R | hpte::R_C,
        "GROUP_SLOTS": hpte::GROUP_SLOTS,
    );
    m.add_function(wrap_pyfunction!(segment_page_sizes, m)?)?;
    m.add_function(wrap_pyfunction!(describe_hpte, m)?)
}
