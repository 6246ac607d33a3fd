//! Instructions that several tests put together.

fn spr(number: u32) -> u32 {
    (number & 31) << 16 | number >> 5 << 11
}

pub fn mfspr(rt: u32, number: u32) -> u32 {
    31 << 26 | rt << 21 | spr(number) | 339 << 1
}

pub fn mtspr(number: u32, rs: u32) -> u32 {
    31 << 26 | rs << 21 | spr(number) | 467 << 1
}
