//! Everything a run begins with: memory, address space, registers.

use crate::handlers;
use crate::layout::*;
use crate::program::{Code, program};
use crate::setup::Setup;
use crate::shared::random::{Flavour, Random, integer, vector};
use crate::space::Space;
use crate::word::Rows;

/// What a run begins with.
pub struct World {
    /// The circumstances.
    pub setup: Setup,
    /// Segments and pages.
    pub space: Space,
    /// Addresses and bytes of what must be in place for a program to go on.
    pub image: Vec<(u64, Vec<u8>)>,
    /// The data that loads and stores are meant for.
    pub data: Vec<u8>,
    /// Block addresses of the main program, and of the other one.
    pub blocks: [Vec<u64>; 2],
    /// Addresses that registers may hold.
    pub addresses: Vec<u64>,
    /// Instructions that may be written over others.
    pub patches: Vec<u32>,
}

const FLAVOURS: &[Flavour] = &[
    Flavour::Bits,
    Flavour::Double,
    Flavour::Double,
    Flavour::Single,
    Flavour::Quad,
    Flavour::Integer,
    Flavour::Integer,
    Flavour::Decimal,
    Flavour::National,
    Flavour::Zoned,
    Flavour::Dfp,
    Flavour::DfpQuad,
];

fn values(count: u64, little: bool, random: &mut Random) -> Vec<u8> {
    let one = |_| {
        let flavour = random.of(FLAVOURS);
        let value = vector(random, flavour);
        if little { value.to_le_bytes() } else { value.to_be_bytes() }
    };
    (0..count).flat_map(one).collect()
}

/// Another name of the real address `real`, or itself.
fn name_of(setup: &Setup, real: u64, random: &mut Random) -> u64 {
    if setup.relocated {
        real + random.of(&[0, 0, 0, 0, ALIAS, ALIAS, SEGMENT_64K, LINEAR, SEGMENT_16M])
    } else {
        // Real mode ignores the upper four bits.
        real + random.of(&[0, 0, 0, LINEAR])
    }
}

/// An address to load from and store to, for better or worse.
fn address(setup: &Setup, code_end: u64, random: &mut Random) -> u64 {
    let page = DATA.start + (random.below(DATA.end - DATA.start) & !0xfff);
    let real = match random.below(18) {
        16..=17 if setup.window => {
            setup.ram() + random.of(&[0, 4, 16, 0x7f8, 0xff8, 0xfff]) + (random.below(WINDOW) & !0xfff)
        }
        0..=5 => page + random.of(&[0, 8, 0x100, 0x7f0]) + (random.below(0x400) & !15),
        6 => page,
        7..=8 => page + 0x1000 - 1 - random.below(16),
        9 => page + random.below(0x1000),
        // The edges of 64 KiB pages.
        10 => DATA.end - random.below(16),
        11 => random.below(RAM),
        12 => CODE[0].start + (random.below(code_end - CODE[0].start) & !3),
        13 => return name_of(setup, page, random),
        14 => RAM - random.of(&[0, 1, 4, 8, 15, 16]),
        _ => {
            return random.of(&[
                SEGMENT_NONE,
                SEGMENT_NONE - 4,
                HUGE - 4,
                SEGMENT_16M + HUGE - 6,
                0xffff_fffc,
                u64::MAX - 3,
                1 << 62,
                LINEAR - 8,
            ]);
        }
    };
    name_of(setup, real, random)
}

fn words_of(values: &[u32], little: bool) -> Vec<u8> {
    values.iter().flat_map(|v| if little { v.to_le_bytes() } else { v.to_be_bytes() }).collect()
}

impl World {
    /// The world of `seed`.
    pub fn of(seed: u64) -> Self {
        let setup = Setup::of(seed);
        let mut random = Random::new(seed);
        let space = Space::of(&setup, &mut random);
        let rows = Rows::of(setup.model.isa);
        let mut image = Vec::new();
        for at in VECTORS {
            image.push((at + 0x100, handlers::vectors(&setup, &mut random)[0x100..].to_vec()));
        }
        for at in SCV_VECTORS {
            image.push((at, handlers::scv_vectors(&setup)));
        }
        let orders = [setup.little, !setup.little];
        let sizes = [8 + random.below(40) as usize, 3 + random.below(10) as usize];
        let codes: [Code; 2] = std::array::from_fn(|i| {
            // Where a page ends within a program changes from run to run.
            let base = CODE[i].start + (random.below(0x1000) & !3);
            program(base, TABLES[usize::from(orders[i])], sizes[i], &rows, &mut random)
        });
        for (code, (range, little)) in codes.iter().zip(CODE.iter().zip(orders)) {
            assert!(code.asm.here() <= range.end, "the program of seed {seed} is too long");
            image.push((code.asm.base, code.asm.bytes(little)));
        }
        let addresses: Vec<u64> =
            (0..ADDRESSES.1).map(|_| address(&setup, codes[0].asm.here(), &mut random)).collect();
        // A prefix alone is a patch, too.
        let patches: Vec<u32> = (0..PATCHES.1)
            .map(|_| rows.word(0, &mut random))
            .map(|word| if word.prefix() == 0 { word.low() } else { word.prefix() })
            .collect();
        for i in 0..2 {
            let table =
                tables(&setup, [&codes[i], &codes[1 - i]], orders[i], &addresses, &patches, &mut random);
            image.push((TABLES[usize::from(orders[i])], table));
        }
        let data = values((DATA.end - DATA.start) / 16, setup.little, &mut random);
        let blocks = codes.map(|code| code.blocks);
        Self { setup, space, image, data, blocks, addresses, patches }
    }
}

/// A page of tables for the program `own`, which has byte order `little`.
fn tables(
    setup: &Setup,
    [own, other]: [&Code; 2],
    little: bool,
    addresses: &[u64],
    patches: &[u32],
    random: &mut Random,
) -> Vec<u8> {
    let mut page = vec![0; 0x1000];
    let mut put = |at: u64, bytes: &[u8]| page[at as usize..][..bytes.len()].copy_from_slice(bytes);
    let bytes = |value: u64| if little { value.to_le_bytes() } else { value.to_be_bytes() };
    let mut fill = |(at, count): (u64, u64), value: &mut dyn FnMut(u64) -> u64| {
        for i in 0..count {
            put(at + 8 * i, &bytes(value(i)));
        }
    };
    fill(ADDRESSES, &mut |i| addresses[i as usize]);
    fill(CODE_ADDRESSES, &mut |_| {
        let block = random.of(&own.blocks);
        name_of(setup, block, random)
    });
    fill(MSRS, &mut |_| setup.msr(little, random));
    fill(INTEGERS, &mut |_| integer(random));
    fill(SITES, &mut |_| {
        let site = own.asm.base + (random.below(own.asm.here() - own.asm.base) & !3);
        name_of(setup, site, random)
    });
    fill(OTHER_ENTRIES, &mut |_| random.of(&other.blocks));
    fill(OTHER_MSRS, &mut |_| setup.msr(!little, random));
    put(PATCHES.0, &words_of(patches, little));
    put(VALUES.0, &values(VALUES.1, little, random));
    page
}
