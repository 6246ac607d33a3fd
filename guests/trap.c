/* Interrupts in C: who caused it, was it on purpose, and what to do about it. */
#include "demo.h"

#define VECTOR_DATA_STORAGE 0x300
#define VECTOR_DATA_SEGMENT 0x380
#define VECTOR_INST_STORAGE 0x400
#define VECTOR_INST_SEGMENT 0x480
#define VECTOR_EXTERNAL 0x500
#define VECTOR_PROGRAM 0x700
#define VECTOR_FP 0x800
#define VECTOR_DECREMENTER 0x900
#define VECTOR_SYSTEM_CALL 0xc00
#define VECTOR_VECTOR 0xf20
#define VECTOR_VSX 0xf40

struct processor processor;
volatile u64 ticks, facility_faults, program_faults, last_dar, last_dsisr, last_srr1;
volatile u64 expect_fetch_fault, problem_fault;

_Static_assert(__builtin_offsetof(struct frame, nip) == TF_NIP, "layout.h");
_Static_assert(__builtin_offsetof(struct frame, dsisr) == TF_DSISR, "layout.h");
_Static_assert(sizeof(struct frame) == TF_SIZE, "layout.h");
_Static_assert(__builtin_offsetof(struct processor, kmsr) == PC_KMSR, "layout.h");
_Static_assert(__builtin_offsetof(struct processor, problem_stack) == PC_R13, "layout.h");

static void copy_words(u64 real, const char *from, const char *to)
{
	u32 *at = ALIAS(real);

	for (const u32 *w = (const u32 *)from; w < (const u32 *)to; w++)
		*at++ = *w;
}

/* Copies the stubs to real addresses 0x100.. and, for interrupts taken with translation on (AIL 3), to
 * 0x4100... `kernel_msr` is what handlers run with. */
void trap_install(u64 kernel_msr)
{
	static const unsigned short vectors[] = { 0x100, 0x200, 0x300, 0x380, 0x400, 0x480, 0x500, 0x600, 0x700, 0x800,
						  0x900, 0x980, 0xa00, 0xc00, 0xd00, 0xe00, 0xe20, 0xe40, 0xe60, 0xe80,
						  0xea0, 0xf00, 0xf20, 0xf40, 0xf60, 0xf80 };

	processor.entry = (u64)trap_entry;
	processor.kstack = (u64)trap_stack_top;
	processor.kmsr = kernel_msr;
	__asm__ volatile("mr %0,2" : "=r"(processor.toc));
	__asm__ volatile("mtsprg 0,%0" : : "r"(&processor));
	for (u64 base = 0; base <= 0x4000; base += 0x4000) {
		u64 tail = base + 0x2000;

		copy_words(tail, vector_tail, vector_tail_end);
		for (u32 i = 0; i < sizeof vectors / sizeof *vectors; i++) {
			u32 *stub = ALIAS(base + vectors[i]);

			copy_words(base + vectors[i], vector_stub, vector_stub_end);
			stub[2] |= vectors[i]; /* li r12,vector */
			stub[3] = 0x48000000 | (u32)(tail - (base + vectors[i] + 12));
		}
	}
	sync_code(ALIAS(0), 0x8000);
}

static void unexpected(struct frame *f)
{
	put("interrupt ");
	put_hex(f->vec);
	put(" at ");
	put_hex(f->nip);
	put(" MSR ");
	put_hex(f->msr);
	put(" DAR ");
	put_hex(f->dar);
	put(" DSISR ");
	put_hex(f->dsisr);
	put("\n");
	fail("interrupts without a cause", 0, f->vec);
}

/* A storage access that was not allowed. */
static void refused(struct frame *f)
{
	last_dar = f->dar;
	last_dsisr = f->dsisr;
	last_srr1 = f->msr;
	if (f->msr & MSR_PR) {
		problem_fault = f->vec;
		leave_problem_state(0);
	} else if (f->nip >= (u64)probe_begin && f->nip < (u64)probe_end) {
		f->nip = (u64)probe_fault;
		f->gpr[3] = f->vec;
	} else if (expect_fetch_fault && f->nip == expect_fetch_fault) {
		f->nip = f->lr;
		f->gpr[3] = f->vec;
	} else {
		unexpected(f);
	}
}

void trap(struct frame *f)
{
	switch (f->vec) {
	case VECTOR_DECREMENTER:
		ticks++;
		mtspr(22, machine.timebase_hz / 200);
		break;
	case VECTOR_DATA_SEGMENT:
		if (!segment_fault(f->dar))
			refused(f);
		break;
	case VECTOR_INST_SEGMENT:
		if (!segment_fault(f->nip))
			refused(f);
		break;
	case VECTOR_DATA_STORAGE:
	case VECTOR_INST_STORAGE:
		refused(f);
		break;
	case VECTOR_FP:
		f->msr |= MSR_FP;
		facility_faults++;
		break;
	case VECTOR_VECTOR:
		f->msr |= MSR_VEC;
		facility_faults++;
		break;
	case VECTOR_VSX:
		f->msr |= MSR_VSX | MSR_VEC | MSR_FP;
		facility_faults++;
		break;
	case VECTOR_PROGRAM:
		program_faults++;
		last_srr1 = f->msr;
		if (f->msr & MSR_PR) {
			problem_fault = f->vec;
			leave_problem_state(0);
		}
		if (f->nip != (u64)illegal_word && f->nip != (u64)trap_word)
			unexpected(f);
		f->nip += 4;
		break;
	case VECTOR_SYSTEM_CALL:
		if (!(f->msr & MSR_PR))
			unexpected(f);
		if (f->gpr[0] == 0)
			leave_problem_state(f->gpr[3]);
		f->gpr[3] = f->gpr[3] * 0x9e3779b97f4a7c15ul >> 7;
		break;
	default:
		unexpected(f);
	}
}

/* Runs `entry` in problem state with three arguments; what it ended with, or 0 after a fault (problem_fault). */
u64 run_program(u64 entry, u64 a, u64 b, u64 c)
{
	struct frame f = { .nip = entry };

	f.msr = (mfmsr() | MSR_PR | MSR_EE) & ~(u64)(MSR_FP | MSR_VEC | MSR_VSX);
	f.gpr[3] = a, f.gpr[4] = b, f.gpr[5] = c;
	problem_fault = 0;
	return enter_problem_state_value(&f);
}
