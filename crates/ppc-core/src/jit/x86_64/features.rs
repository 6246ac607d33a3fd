//! What this host's processor can do beyond SSE2. Code never leaves the process, so it may depend on it.

use std::arch::is_x86_feature_detected;

/// SSSE3, SSE4.1, SSE4.2, POPCNT: what the x86-64-v2 level adds.
pub fn sse4() -> bool {
    is_x86_feature_detected!("ssse3")
        && is_x86_feature_detected!("sse4.1")
        && is_x86_feature_detected!("sse4.2")
        && is_x86_feature_detected!("popcnt")
}

/// Shifts of each element by a count of its own.
pub fn avx2() -> bool {
    sse4() && is_x86_feature_detected!("avx2")
}

/// Fused multiply-add.
pub fn fma() -> bool {
    sse4() && is_x86_feature_detected!("fma")
}

/// Rounds of AES.
pub fn aes() -> bool {
    sse4() && is_x86_feature_detected!("aes")
}

/// Carry-less multiplication.
pub fn pclmulqdq() -> bool {
    sse4() && is_x86_feature_detected!("pclmulqdq")
}
