/* One check of every kind: interrupts on purpose, permissions, problem state, idle, mixed page sizes. */
#include "hcall.h"

#define TEXT_EA 0x10030000ul
#define DATA_EA 0x20070000ul
#define BLR 0x4e800020u
#define DSISR_NO_ENTRY 0x40000000ul
#define DSISR_PROTECTION 0x08000000ul
#define DSISR_STORE 0x02000000ul
#define SRR1_NO_EXECUTE 0x10000000ul
#define SRR1_TRAP 0x20000ul
#define SRR1_PRIVILEGED 0x40000ul
#define SRR1_ILLEGAL 0x80000ul

/* What program_begin computes, in C. */
static u64 program_in_c(u64 rounds, u64 x)
{
	static u64 page[512];

	while (rounds--) {
		u64 sum = 0;

		for (u32 i = 0; i < 512; i++) {
			x = x * x | 5;
			x = (x << 32 | x >> 32) + 77;
			page[i] = x;
		}
		for (u32 i = 0; i < 512; i++)
			sum = (sum ^ page[i]) + 1;
		x += sum * 0x9e3779b97f4a7c15ul >> 7;
	}
	return x;
}

static void copy_program(void)
{
	u32 *to = ALIAS(pool_real);

	for (const u32 *w = (const u32 *)program_begin; w < (const u32 *)program_end; w++)
		*to++ = *w;
	sync_code(ALIAS(pool_real), (u64)(program_end - program_begin));
}

static void problem_state(void)
{
	const struct segment *text = &segments[SEGMENT_TEXT], *data = &segments[SEGMENT_DATA];
	u64 violation = TEXT_EA + (u64)(program_violation - program_begin);
	u64 text_index, data_index;

	copy_program();
	text_index = map_page(text, TEXT_EA, pool_real, 2);
	data_index = map_page(data, DATA_EA, pool_real + 0x10000, 2);
	check("result of the program in problem state", program_in_c(20, 42), run_program(TEXT_EA, DATA_EA, 20, 42));
	check("faults of the program", 0, problem_fault);
	run_program(violation, 0, 0, 0);
	check("interrupt of mfmsr in problem state", 0x700, problem_fault);
	check("its cause", SRR1_PRIVILEGED, last_srr1 & (SRR1_PRIVILEGED | SRR1_ILLEGAL | SRR1_TRAP));
	run_program(violation, (u64)&machine, 0, 0);
	check("interrupt of a load from the kernel", 0x300, problem_fault);
	check("its DSISR", DSISR_PROTECTION, last_dsisr & 0xfffffffful);
	check("its DAR", (u64)&machine, last_dar);
	run_program(DATA_EA + 0x10000, 0, 0, 0);
	check("interrupt of a jump to nothing", 0x400, problem_fault);
	unmap_page(text, TEXT_EA, text_index);
	unmap_page(data, DATA_EA, data_index);
}

static void storage(void)
{
	const struct segment *wide = &segments[SEGMENT_WIDE];
	u64 ea = wide->base + 0x123450000ul, index, value = 0, before;
	u64 regs[8] = { 0 };
	u32 *code = ALIAS(pool_real + 0x20000);

	code[0] = BLR;
	sync_code(code, 4);
	check("load from an unmapped page", 0x300, probe_load(ea + 8, &value));
	check("its DSISR", DSISR_NO_ENTRY, last_dsisr);
	check("its DAR", ea + 8, last_dar);
	index = map_page(wide, ea, pool_real + 0x20000, 3);
	check("load from a read-only page", 0, probe_load(ea, &value));
	check("what it holds", BLR, value & 0xffffffff);
	regs[0] = 0, regs[1] = index;
	check("H_READ", H_SUCCESS, hcall(H_READ, regs));
	check("R and C after a load", HPTE_R, regs[1] & (HPTE_R | HPTE_C));
	check("store to a read-only page", 0x300, probe_store(ea, 1));
	check("its DSISR", DSISR_PROTECTION | DSISR_STORE, last_dsisr);
	check("execution of the page", 0, probe_execute(ea));
	check("H_PROTECT", H_SUCCESS, hcall4(H_PROTECT, H_AVPN | HPTE_N | 2, index, hpte_v(wide, ea), 0));
	expect_fetch_fault = ea;
	check("execution of a no-execute page", 0x400, probe_execute(ea));
	check("its SRR1", SRR1_NO_EXECUTE, last_srr1 & 0x58000000);
	expect_fetch_fault = 0;
	check("store after H_PROTECT", 0, probe_store(ea, 0x1122334455667788ul));
	regs[0] = 0, regs[1] = index;
	check("H_READ", H_SUCCESS, hcall(H_READ, regs));
	check("R and C after a store", HPTE_R | HPTE_C, regs[1] & (HPTE_R | HPTE_C));
	check("what the linear map sees", 0x1122334455667788ul, *(u64 *)ALIAS(pool_real + 0x20000));
	/* The same page once more at another address, unaligned and across the boundary of two pages. */
	before = map_page(wide, ea + 0x10000, pool_real, 2);
	*(volatile u64 *)(ea + 0xfffc) = 0xa1b2c3d4e5f60718ul;
	check("low half of a store across pages", 0xe5f60718, *(u32 *)ALIAS(pool_real + 0x2fffc));
	check("high half of it", 0xa1b2c3d4, *(u32 *)ALIAS(pool_real));
	unmap_page(wide, ea + 0x10000, before);
	before = *(u32 *)ALIAS(pool_real + 0x2fffc);
	check("store across into nothing", 0x300, probe_store(ea + 0xfffc, 0));
	check("its DAR", ea + 0x10000, last_dar);
	check("what it left behind", before, *(u32 *)ALIAS(pool_real + 0x2fffc));
	unmap_page(wide, ea, index);
	check("H_REMOVE of what is gone", H_NOT_FOUND, hcall4(H_REMOVE, 0, index, 0, 0));
	before = slb_faults;
	check("load outside every segment", 0x380, probe_load(0xe000000000000000ul, &value));
	check("its DAR", 0xe000000000000000ul, last_dar);
	check("segments that found", before, slb_faults);
}

/* A 16 MiB page in a segment of 64 KiB pages: one entry for each 64 KiB that is touched. */
static void mixed_pages(void)
{
	const struct segment *wide = &segments[SEGMENT_WIDE];
	u64 ea = wide->base + (0x77ul << 24);

	if (!machine.penc_16m_in_64k)
		return;
	for (u32 i = 0; i < 3; i++) {
		u64 at = ea + i * 0x530000ul, value = 0;
		u64 regs[8] = { 0, hpte_group(wide, at, 0), hpte_v(wide, at) | 4 | 1,
				pool_real | machine.penc_16m_in_64k << 12 | HPTE_M | 2 };

		check("H_ENTER of a mixed page", H_SUCCESS, hcall(H_ENTER, regs));
		*(u64 *)ALIAS(pool_real + i * 0x530000ul + 0x18) = 0x5a5a + i;
		check("load through a mixed page", 0, probe_load(at + 0x18, &value));
		check("what it holds", 0x5a5a + i, value);
		unmap_page(wide, at, regs[0]);
	}
}

static void facilities(void)
{
	u64 before = facility_faults;

	__asm__ volatile("mtmsrd %0" : : "r"(mfmsr() & ~(u64)(MSR_FP | MSR_VEC | MSR_VSX)) : "memory");
	check("floating-point sum 1.5 + 1.5", 0x4008000000000000ul, use_fp(0x3ff8000000000000ul));
	check("vector sum 7 + 7", 14, use_vector());
	check("VSX copy", 0x123456789abcdef0ul, use_vsx(0x123456789abcdef0ul));
	check("facility interrupts", 3, facility_faults - before);
	program_faults = 0;
	illegal_word();
	check("cause of an illegal instruction", SRR1_ILLEGAL, last_srr1 & (SRR1_PRIVILEGED | SRR1_ILLEGAL | SRR1_TRAP));
	trap_word();
	check("cause of a trap instruction", SRR1_TRAP, last_srr1 & (SRR1_PRIVILEGED | SRR1_ILLEGAL | SRR1_TRAP));
	check("program interrupts", 2, program_faults);
	__asm__ volatile("mtmsrd %0" : : "r"(mfmsr() & ~(u64)(MSR_FP | MSR_VEC | MSR_VSX)) : "memory");
}

/* H_CEDE with interrupts on: comes back when the decrementer has ticked. */
static void idle(void)
{
	for (u32 i = 0; i < 3; i++) {
		u64 before = ticks;

		while (ticks == before)
			hcall4(H_CEDE, 0, 0, 0, 0);
	}
}

void selftest(void)
{
	storage();
	mixed_pages();
	problem_state();
	facilities();
	idle();
}
