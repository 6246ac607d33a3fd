//! Loads and stores of every kind, by the bytes that they access.

/// The D, DS and DQ forms: RT, D(r4).
pub const fn d(opcode: u32, rt: u32, d: i32) -> u32 {
    opcode << 26 | rt << 21 | 4 << 16 | d as u32 & 0xffff
}
/// The X forms: RT,r4,r5.
pub const fn x(extended: u32, rt: u32) -> u32 {
    31 << 26 | rt << 21 | 4 << 16 | 5 << 11 | extended << 1
}

/// Loads and stores of each size: log2, load, store. lbz, lhz, lwz, ld and lxvd2x; stb, sth, stw, std and stxvd2x.
pub const SIZES: [(u32, u32, u32); 5] = [
    (0, d(34, 3, 0), d(38, 3, 0)),
    (1, d(40, 3, 0), d(44, 3, 0)),
    (2, d(32, 3, 0), d(36, 3, 0)),
    (3, d(58, 3, 0), d(62, 3, 0)),
    (4, x(844, 3), x(972, 3)),
];

/// Instruction, where its first byte is from r4 on, and how many there are.
pub type Row = (&'static str, u32, i64, u64);

pub const LOAD_ROWS: &[Row] = &[
    ("lbzu", d(35, 3, 7), 7, 1),
    ("lbzx", x(87, 3), 0, 1),
    ("lhau", d(43, 3, -8), -8, 2),
    ("lhzux", x(311, 3), 0, 2),
    ("lwzu", d(33, 3, 16), 16, 4),
    ("lwa", d(58, 3, 8 | 2), 8, 4),
    ("lwaux", x(373, 3), 0, 4),
    ("ldu", d(58, 3, 8 | 1), 8, 8),
    ("ldux", x(53, 3), 0, 8),
    ("lhbrx", x(790, 3), 0, 2),
    ("lwbrx", x(534, 3), 0, 4),
    ("ldbrx", x(532, 3), 0, 8),
    ("lmw", d(46, 20, 4), 4, 48),
    ("lswi", x(597, 20), 0, 5),
    ("lq", d(56, 6, 16), 16, 16),
    ("lfs", d(48, 3, 4), 4, 4),
    ("lfsu", d(49, 3, 4), 4, 4),
    ("lfdu", d(51, 3, 8), 8, 8),
    ("lfdux", x(631, 3), 0, 8),
    ("lfiwax", x(855, 3), 0, 4),
    ("lfdp", d(57, 2, 16), 16, 16),
    ("lvx", x(103, 3), 0, 16),
    ("lvewx", x(71, 3), 0, 4),
    ("lxvw4x", x(780, 3), 0, 16),
    ("lxvdsx", x(332, 3), 0, 8),
    ("lxsdx", x(588, 3), 0, 8),
    ("lxsspx", x(524, 3), 0, 4),
    ("lbarx", x(52, 3), 0, 1),
    ("lharx", x(116, 3), 0, 2),
    ("lwarx", x(20, 3), 0, 4),
    ("ldarx", x(84, 3), 0, 8),
    ("lqarx", x(276, 6), 0, 16),
];

pub const STORE_ROWS: &[Row] = &[
    ("stbu", d(39, 3, 7), 7, 1),
    ("stbx", x(215, 3), 0, 1),
    ("sthux", x(439, 3), 0, 2),
    ("stwu", d(37, 3, -16), -16, 4),
    ("stdu", d(62, 3, 8 | 1), 8, 8),
    ("stdux", x(181, 3), 0, 8),
    ("sthbrx", x(918, 3), 0, 2),
    ("stwbrx", x(662, 3), 0, 4),
    ("stdbrx", x(660, 3), 0, 8),
    ("stmw", d(47, 20, 4), 4, 48),
    ("stswi", x(725, 20), 0, 5),
    ("stq", d(62, 6, 16 | 2), 16, 16),
    ("stfs", d(52, 3, 4), 4, 4),
    ("stfsu", d(53, 3, 4), 4, 4),
    ("stfdu", d(55, 3, 8), 8, 8),
    ("stfdux", x(759, 3), 0, 8),
    ("stfiwx", x(983, 3), 0, 4),
    ("stfdp", d(61, 2, 16), 16, 16),
    ("stvx", x(231, 3), 0, 16),
    ("stvewx", x(199, 3), 0, 4),
    ("stxvw4x", x(908, 3), 0, 16),
    ("stxsdx", x(716, 3), 0, 8),
    ("stxsspx", x(652, 3), 0, 4),
    ("dcbz", x(1014, 0), 0, 128),
];
