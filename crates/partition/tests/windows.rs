//! Windows of devices, on each engine: what a device sees, in which order, and what the processor has done by then.

#[path = "../../ppc-core/tests/shared/engines.rs"]
mod engines;

use engines::on_each_engine;
use hpt::{
    Hpt, SegmentSize, VirtualAddress,
    hcall::H_ENTER,
    hpte::{R_G, R_I, R_M, V_VALID},
    ret::{H_PARAMETER, H_SUCCESS},
};
use partition::{Exit, Partition, Question, SpaceError, Vcpu};
use ppc_core::{
    engine::{Engine, EngineKind},
    mmu::DSISR_STORE,
    model::POWER9,
    msr,
    outside::DSISR_INHIBITED,
    ram::{Ram, RealAddr},
    slb::{ESID_V, SlbEntry},
    spr::number::{DAR, DSISR, SRR0},
    state::Cpu,
};
use std::{convert::Infallible, sync::Arc};

on_each_engine! {
    loads_and_stores_reach_the_device_once_and_count_once
    nothing_is_done_before_the_device_has_answered
    a_device_is_mapped_as_storage_that_is_not_cached
    what_is_wider_or_not_aligned_goes_out_in_aligned_pieces
    an_access_across_the_end_of_ram_is_in_both
    an_instruction_of_several_accesses_makes_each_once
    instructions_that_need_cached_storage_are_interrupted
    beside_windows_nothing_answers_as_before
    an_interrupt_waits_for_the_instruction
    a_traced_access_is_traced_when_it_is_complete
    a_store_to_code_and_to_a_device_is_one_instruction
    what_was_changed_before_the_answer_holds
}

const RAM: u64 = 1 << 20;
const CODE: u64 = 0x1000;
/// Right behind RAM.
const WINDOW: u64 = RAM;
const LEN: u64 = 0x3000;
const VSID: u64 = 0x1234;
const NOP: u32 = 0x6000_0000;

const fn d_form(opcode: u32, rt: u32, ra: u32, d: i16) -> u32 {
    opcode << 26 | rt << 21 | ra << 16 | d as u16 as u32
}

const fn x_form(rt: u32, ra: u32, rb: u32, code: u32) -> u32 {
    31 << 26 | rt << 21 | ra << 16 | rb << 11 | code << 1
}

const fn lwz(rt: u32, ra: u32, d: i16) -> u32 {
    d_form(32, rt, ra, d)
}

const fn stw(rs: u32, ra: u32, d: i16) -> u32 {
    d_form(36, rs, ra, d)
}

const fn ld(rt: u32, ra: u32, d: i16) -> u32 {
    d_form(58, rt, ra, d)
}

const fn std(rs: u32, ra: u32, d: i16) -> u32 {
    d_form(62, rs, ra, d)
}

const fn branch(by: i32) -> u32 {
    18 << 26 | (4 * by) as u32 & 0x03ff_fffc
}

/// A device's read of `size` bytes at an address, or a write of a value.
type Seen = (u64, u8, Option<u64>);

/// A processor whose R10 points to the window.
fn partition(kind: EngineKind, code: &[u32], little: bool) -> Partition {
    let ram = Arc::new(Ram::new(RAM).expect("memory"));
    let hpt = Arc::new(Hpt::new(18).expect("a table"));
    let word = |word: &u32| if little { word.to_le_bytes() } else { word.to_be_bytes() };
    ram.write_bytes(RealAddr(CODE), &code.iter().flat_map(word).collect::<Vec<_>>()).expect("inside");
    let mut engine = Engine::with_kind(Cpu::new(&POWER9, ram, hpt), kind);
    engine.compile_after = 0;
    let mut partition = Partition::new(vec![Vcpu::new(engine)]);
    partition.set_windows(&[(WINDOW, LEN)]).expect("behind RAM");
    let on = msr::SF | msr::ME | msr::FP | msr::VEC | msr::VSX | if little { msr::LE } else { 0 };
    partition.vcpus[0].reset(CODE, [0; 5], on);
    cpu(&mut partition).gpr[10] = WINDOW;
    partition
}

fn cpu(partition: &mut Partition) -> &mut Cpu {
    &mut partition.vcpus[0].engine.cpu
}

/// Runs to an instruction count. The device answers its first access with 0x81, 0x82 and so on, byte by byte, the second
/// with 0x91 and so on.
fn run_to(partition: &mut Partition, until: u64, seen: &mut Vec<Seen>) -> Exit {
    loop {
        let Ok(exit) = partition.run(0, until, || Ok::<_, Infallible>(false));
        let mut next = Some(exit);
        while let Some(Exit::Asks(Question::Mmio { address, size, write })) = next {
            let first = 0x81 + seen.len() as u64 % 8 * 0x10;
            seen.push((address.0, size, write));
            let value = (0..size).fold(0, |value, n| value << 8 | (first + u64::from(n)) & 0xff);
            next = partition.answer(0, value);
        }
        if let Some(exit) = next {
            return exit;
        }
    }
}

/// What the device sees of so many instructions.
fn seen(partition: &mut Partition, instructions: u64) -> Vec<Seen> {
    let until = cpu(partition).icount + instructions;
    let mut seen = Vec::new();
    assert_eq!(run_to(partition, until, &mut seen), Exit::Limit);
    seen
}

fn loads_and_stores_reach_the_device_once_and_count_once(kind: EngineKind) {
    for little in [false, true] {
        // However the run is cut, the device sees the same and the processor is the same.
        let cut = |step: u64| {
            let mut partition = partition(kind, &[stw(3, 10, 8), lwz(4, 10, 12), NOP, branch(-3)], little);
            cpu(&mut partition).gpr[3] = 0x1122_3344;
            let mut seen = Vec::new();
            for until in (step..400).step_by(step as usize).chain([400]) {
                assert_eq!(run_to(&mut partition, until, &mut seen), Exit::Limit);
                assert_eq!(cpu(&mut partition).icount, until);
            }
            (cpu(&mut partition).digest(), cpu(&mut partition).gpr[4], seen)
        };
        let whole = cut(400);
        let (value, loaded) = if little { (0x4433_2211, 0xf4f3_f2f1) } else { (0x1122_3344, 0xf1f2_f3f4) };
        assert_eq!((whole.1, whole.2.len()), (loaded, 200));
        assert_eq!(whole.2[..2], [(WINDOW + 8, 4, Some(value)), (WINDOW + 12, 4, None)]);
        for step in [1, 3, 7] {
            assert_eq!(cut(step), whole, "in steps of {step}");
        }
    }
}

fn nothing_is_done_before_the_device_has_answered(kind: EngineKind) {
    let mut partition = partition(kind, &[NOP, d_form(33, 4, 10, 4), NOP, branch(-3)], false);
    let before = |partition: &mut Partition| {
        let cpu = cpu(partition);
        (cpu.icount, cpu.cia, cpu.gpr[4], cpu.gpr[10])
    };
    for _ in 0..3 {
        // Nobody answers: it is asked again.
        let Ok(exit) = partition.run(0, 100, || Ok::<_, Infallible>(false));
        assert_eq!(exit, Exit::Asks(Question::Mmio { address: RealAddr(WINDOW + 4), size: 4, write: None }));
        assert_eq!(before(&mut partition), (1, CODE + 4, 0, WINDOW));
    }
    assert_eq!(partition.answer(0, !0 << 32 | 7), None);
    assert_eq!(before(&mut partition), (2, CODE + 8, 7, WINDOW + 4));
    // An answer that nobody waits for is none.
    assert_eq!(partition.answer(0, 8), None);
    assert_eq!(before(&mut partition), (2, CODE + 8, 7, WINDOW + 4));
}

fn a_device_is_mapped_as_storage_that_is_not_cached(kind: EngineKind) {
    for little in [false, true] {
        let mut partition = partition(kind, &[ld(4, 10, 0), std(4, 10, 8), branch(-2)], little);
        let address =
            VirtualAddress { vsid: VSID, segment: SegmentSize::M256, base_shift: 12, offset: 0x5000 };
        let group = (address.hash() & (cpu(&mut partition).hpt.groups() - 1)) * 8;
        let mut enter = |real: u64, wimg: u64| {
            let args = [0, group, address.avpn() | V_VALID, real | wimg | 2, 0, 0, 0, 0, 0];
            partition.hypercall(0, H_ENTER, &args).expect("a native hypercall").rc
        };
        assert_eq!(enter(WINDOW + 0x1000, R_M), H_PARAMETER, "as memory");
        assert_eq!(enter(WINDOW + LEN, R_I | R_G), H_PARAMETER, "behind it");
        assert_eq!(enter(WINDOW + 0x1000, R_I | R_G), H_SUCCESS);
        partition.vcpus[0].set_slb(0, SlbEntry { esid: ESID_V, vsid: VSID << 12 });
        let on = cpu(&mut partition).msr | msr::DR;
        cpu(&mut partition).set_msr(on);
        cpu(&mut partition).gpr[10] = 0x5000;
        let seen = seen(&mut partition, 300);
        assert_eq!(seen.len(), 200);
        let value = Some(0x8182_8384_8586_8788);
        assert_eq!(seen[..2], [(WINDOW + 0x1000, 8, None), (WINDOW + 0x1008, 8, value)]);
    }
}

fn what_is_wider_or_not_aligned_goes_out_in_aligned_pieces(kind: EngineKind) {
    let cases: [(&[u32], u64, &[Seen]); 4] = [
        (
            &[ld(4, 10, 0)],
            3,
            &[(WINDOW + 3, 1, None), (WINDOW + 4, 4, None), (WINDOW + 8, 2, None), (WINDOW + 10, 1, None)],
        ),
        // lvx v2,0,r10; stvx v2,0,r10 with an offset
        (&[x_form(2, 0, 10, 103)], 0x15, &[(WINDOW + 0x10, 8, None), (WINDOW + 0x18, 8, None)]),
        // lfs f1,0(r10)
        (&[d_form(48, 1, 10, 0)], 0x24, &[(WINDOW + 0x24, 4, None)]),
        // sth r10,0(r10)
        (
            &[d_form(44, 10, 10, 0)],
            0x1fff,
            &[(WINDOW + 0x1fff, 1, Some(0x1f)), (WINDOW + 0x2000, 1, Some(0xff))],
        ),
    ];
    for (code, offset, expected) in cases {
        let mut partition = partition(kind, code, false);
        cpu(&mut partition).gpr[10] += offset;
        assert_eq!(seen(&mut partition, 1), expected);
    }
    // What was read in pieces is put together, in either byte order.
    for (little, value) in [(false, 0x8191_9293_94a1_a2b1), (true, 0xb1a2_a194_9392_9181)] {
        let mut partition = partition(kind, &[ld(4, 10, 0)], little);
        cpu(&mut partition).gpr[10] += 3;
        seen(&mut partition, 1);
        assert_eq!(cpu(&mut partition).gpr[4], value);
    }
}

fn an_access_across_the_end_of_ram_is_in_both(kind: EngineKind) {
    let mut partition = partition(kind, &[std(3, 10, 0), ld(4, 10, 0)], false);
    (cpu(&mut partition).gpr[10], cpu(&mut partition).gpr[3]) = (RAM - 4, 0x0102_0304_0506_0708);
    assert_eq!(seen(&mut partition, 2), [(WINDOW, 4, Some(0x0506_0708)), (WINDOW, 4, None)]);
    let cpu = cpu(&mut partition);
    assert_eq!(cpu.ram.read::<u32>(RealAddr(RAM - 4)), Some(0x0102_0304u32.swap_bytes()));
    assert!(cpu.ram.is_dirty(RealAddr(RAM - 4)));
    assert_eq!(cpu.gpr[4], 0x0102_0304_9192_9394);
}

fn an_instruction_of_several_accesses_makes_each_once(kind: EngineKind) {
    // stmw r29,0(r10); lmw r29,4(r10); stswi r29,r10,6; lswi r29,r10,2
    let code = [d_form(47, 29, 10, 0), d_form(46, 29, 10, 4), x_form(29, 10, 6, 725), x_form(29, 10, 2, 597)];
    let mut partition = partition(kind, &code, false);
    cpu(&mut partition).gpr[29..].copy_from_slice(&[1, 2, 3]);
    let word = |n: u64, value| (WINDOW + 4 * n, 4, value);
    assert_eq!(seen(&mut partition, 1), [word(0, Some(1)), word(1, Some(2)), word(2, Some(3))]);
    assert_eq!(seen(&mut partition, 1), [word(1, None), word(2, None), word(3, None)]);
    assert_eq!(cpu(&mut partition).gpr[29..], [0x8182_8384, 0x9192_9394, 0xa1a2_a3a4]);
    let bytes = seen(&mut partition, 1);
    assert_eq!(bytes.len(), 6);
    assert_eq!((bytes[0], bytes[5]), ((WINDOW, 1, Some(0x81)), (WINDOW + 5, 1, Some(0x92))));
    assert_eq!(seen(&mut partition, 1), [(WINDOW, 1, None), (WINDOW + 1, 1, None)]);
    assert_eq!((cpu(&mut partition).gpr[29], cpu(&mut partition).icount), (0x8191_0000, 4));
}

fn instructions_that_need_cached_storage_are_interrupted(kind: EngineKind) {
    let inhibited = u64::from(DSISR_INHIBITED);
    let store = inhibited | u64::from(DSISR_STORE);
    for (word, vector, dsisr) in [
        (x_form(4, 0, 10, 20), 0x300, inhibited),  // lwarx
        (x_form(4, 0, 10, 150) | 1, 0x300, store), // stwcx.
        (d_form(56, 4, 10, 0), 0x300, inhibited),  // lq
        (d_form(62, 4, 10, 2), 0x300, store),      // stq
        (x_form(4, 10, 0, 582), 0x300, inhibited), // lwat
        (x_form(4, 10, 0, 710), 0x300, inhibited), // stwat
        (x_form(0, 0, 10, 1014), 0x600, 0),        // dcbz
    ] {
        let mut partition = partition(kind, &[word], false);
        assert_eq!(seen(&mut partition, 1), []);
        let cpu = cpu(&mut partition);
        assert_eq!((cpu.cia, cpu.spr[SRR0], cpu.spr[DAR]), (vector, CODE, WINDOW), "{word:#x}");
        assert_eq!(cpu.spr[DSISR], dsisr, "{word:#x}");
    }
    // What only checks an address finds one: dcbf, icbi.
    let mut partition = partition(kind, &[x_form(0, 0, 10, 86), x_form(0, 0, 10, 982)], false);
    assert_eq!(seen(&mut partition, 2), []);
    assert_eq!(cpu(&mut partition).cia, CODE + 8);
}

fn beside_windows_nothing_answers_as_before(kind: EngineKind) {
    let loads = |partition: &mut Partition| {
        assert_eq!(seen(partition, 1), []);
        (cpu(partition).cia, cpu(partition).spr[DAR])
    };
    for address in [WINDOW + LEN, WINDOW + LEN - 4, WINDOW + (1 << 40)] {
        let mut partition = partition(kind, &[ld(4, 10, 0)], false);
        cpu(&mut partition).gpr[10] = address;
        let dar = if address < WINDOW + LEN { WINDOW + LEN } else { address };
        assert_eq!(loads(&mut partition), (0x200, dar));
    }
    // No instruction comes from a device.
    let mut fetching = partition(kind, &[NOP], false);
    cpu(&mut fetching).cia = WINDOW;
    assert_eq!(loads(&mut fetching).0, 0x200);
    // A window that is taken away is none any more.
    let mut partition = partition(kind, &[ld(4, 10, 0), ld(4, 10, 0)], false);
    assert_eq!(seen(&mut partition, 1).len(), 1);
    partition.set_windows(&[]).expect("none");
    assert_eq!(loads(&mut partition), (0x200, WINDOW));
    for (ranges, error) in [
        (vec![(RAM - 0x1000, 0x2000)], "window at 0xff000: wanted it outside RAM, which ends at 0x100000"),
        (vec![(RAM, 0x800)], "window of 0x800 bytes at 0x100000: wanted whole pages of 4 KiB below 2^60"),
        (
            vec![(RAM + 0x1000, 0x1000), (RAM, 0x2000)],
            "window at 0x101000: wanted it behind that at 0x100000, which ends at 0x101fff",
        ),
    ] {
        assert_eq!(
            partition.set_windows(&ranges).map_err(|e: SpaceError| e.to_string()),
            Err(error.to_owned())
        );
    }
}

fn an_interrupt_waits_for_the_instruction(kind: EngineKind) {
    let mut partition = partition(kind, &[NOP, ld(4, 10, 0), NOP], false);
    let on = cpu(&mut partition).msr | msr::EE;
    cpu(&mut partition).set_msr(on);
    let Ok(exit) = partition.run(0, 100, || Ok::<_, Infallible>(false));
    assert!(matches!(exit, Exit::Asks(Question::Mmio { .. })));
    partition.vcpus[0].set_external(true);
    assert_eq!(partition.answer(0, 7), None);
    assert_eq!((cpu(&mut partition).gpr[4], cpu(&mut partition).cia), (7, CODE + 8));
    let Ok(exit) = partition.run(0, 2, || Ok::<_, Infallible>(false));
    assert_eq!(exit, Exit::Limit);
    assert_eq!((cpu(&mut partition).cia, cpu(&mut partition).spr[SRR0]), (0x500, CODE + 8));
}

fn a_traced_access_is_traced_when_it_is_complete(kind: EngineKind) {
    let mut partition = partition(kind, &[ld(4, 10, 0), NOP], false);
    let on = cpu(&mut partition).msr | msr::SE;
    cpu(&mut partition).set_msr(on);
    assert_eq!(seen(&mut partition, 1).len(), 1);
    let cpu = cpu(&mut partition);
    assert_eq!((cpu.cia, cpu.spr[SRR0], cpu.icount), (0xd00, CODE + 4, 1));
}

fn a_store_to_code_and_to_a_device_is_one_instruction(kind: EngineKind) {
    // stmw r30,0(r10), from the last word of RAM on, in which there is code.
    let mut partition = partition(kind, &[d_form(47, 30, 10, 0), branch(-1)], false);
    let at = RAM - 4;
    let cpu_ = cpu(&mut partition);
    cpu_.ram.write_bytes(RealAddr(at), &branch(-((at - CODE) as i32) / 4).to_be_bytes()).expect("inside");
    cpu_.gpr[10] = at;
    cpu_.gpr[30..].copy_from_slice(&[NOP.into(), 5]);
    cpu_.cia = at;
    assert_eq!(seen(&mut partition, 2), [(WINDOW, 4, Some(5))]);
    let cpu = cpu(&mut partition);
    assert_eq!((cpu.cia, cpu.ram.read::<u32>(RealAddr(at))), (CODE + 4, Some(NOP.swap_bytes())));
    // The code that was there is gone: what follows the new instruction is the device, where there is none.
    cpu.cia = at;
    cpu.request_event();
    assert_eq!(seen(&mut partition, 2), []);
    assert_eq!(self::cpu(&mut partition).cia, 0x200);
}

fn what_was_changed_before_the_answer_holds(kind: EngineKind) {
    let mut partition = partition(kind, &[ld(4, 10, 0), branch(-1)], false);
    for _ in 0..20 {
        assert_eq!(seen(&mut partition, 2).len(), 1);
    }
    let ask = |partition: &mut Partition| {
        let Ok(exit) = partition.run(0, 1000, || Ok::<_, Infallible>(false));
        assert_eq!(exit, Exit::Asks(Question::Mmio { address: RealAddr(WINDOW), size: 8, write: None }));
    };
    // The instruction is another one.
    ask(&mut partition);
    cpu(&mut partition).ram.write_bytes(RealAddr(CODE), &d_form(14, 4, 0, 5).to_be_bytes()).expect("inside");
    assert_eq!(partition.answer(0, 7), None);
    assert_eq!((cpu(&mut partition).gpr[4], cpu(&mut partition).icount), (5, 41));
    cpu(&mut partition).ram.write_bytes(RealAddr(CODE), &ld(4, 10, 0).to_be_bytes()).expect("inside");
    // The access is another one: that one is asked for.
    ask(&mut partition);
    cpu(&mut partition).gpr[10] += 8;
    assert_eq!(
        partition.answer(0, 7),
        Some(Exit::Asks(Question::Mmio { address: RealAddr(WINDOW + 8), size: 8, write: None }))
    );
    assert_eq!(partition.answer(0, 9), None);
    assert_eq!(cpu(&mut partition).gpr[4], 9);
    // The processor is somewhere else.
    cpu(&mut partition).gpr[10] = WINDOW;
    ask(&mut partition);
    let count = cpu(&mut partition).icount;
    partition.vcpus[0].reset(CODE + 4, [0; 5], msr::SF | msr::ME);
    assert_eq!(partition.answer(0, 7), None);
    assert_eq!((cpu(&mut partition).gpr[4], cpu(&mut partition).icount), (0, count));
}
