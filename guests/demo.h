/* Everything the demo guest's C files know of each other. */
#ifndef DEMO_H
#define DEMO_H
#include "layout.h"

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long u64;
typedef long i64;

#define KERNEL_BASE 0xc000000000000000ul
#define REAL(address) ((u64)(address) & ~KERNEL_BASE)
#define ALIAS(real) ((void *)((u64)(real) | KERNEL_BASE))

/* Registers of an interrupted program; layout.h has the offsets. */
struct frame {
	u64 gpr[32], nip, msr, ctr, lr, xer, cr, vec, dar, dsisr;
};

/* Per-processor area; layout.h has the offsets. */
struct processor {
	u64 save[3], entry, kstack, kmsr, save2[2], toc, problem_stack;
};

/* What the machine said about itself (start.c). Addresses are real, sizes in bytes. */
struct machine {
	u64 memory_size, tree_start, tree_end;
	u64 timebase_hz;
	u32 vty, slb_size, pft_shift;
	u32 has_16m;	/* base page size 16 MiB, and 16 MiB pages in 64 KiB segments */
	u32 penc_64k, penc_16m_in_64k;
	u64 sllp_64k, sllp_16m;
	u32 rtas_power_off, rtas_os_term;
	u64 rtas_base, rtas_entry;
	u32 peer;	/* another machine, to be compared with: client interface, or the boot argument `peer` */
	char bootargs[256];
};
extern struct machine machine;
extern struct processor processor;

/* console.c */
void put(const char *text);
void put_number(u64 value);
void put_hex(u64 value);
void fail(const char *what, u64 wanted, u64 got) __attribute__((noreturn));
static inline void check(const char *what, u64 wanted, u64 got)
{
	if (wanted != got)
		fail(what, wanted, got);
}

/* fdt.c */
const void *fdt_property(const u8 *tree, const char *path, const char *name, u32 *length);
u32 be32(const void *at);
u64 be64(const void *at);

/* firmware.c */
void firmware_discover(u64 tree, u64 client_interface);
void power_off(void) __attribute__((noreturn));
void os_term(const char *message) __attribute__((noreturn));
void rtas_enter(u64 args, u64 base, u64 entry);	/* rtas.S */

/* mmu.c: a segment is what its SLB entry says. */
struct segment {
	u64 base;	/* first effective address */
	u64 vsid;
	u64 slb_flags;	/* low bits of RS of slbmte: Ks, Kp, N, L, LP */
	u32 shift;	/* 28 or 40 */
	u32 page_shift;	/* base page size */
	u32 penc;	/* LP encoding of a page of the base page size */
	u32 user;	/* reachable from problem state */
};
enum { SEGMENT_KERNEL, SEGMENT_WIDE, SEGMENT_SMALL, SEGMENT_TEXT, SEGMENT_DATA, SEGMENTS };
extern struct segment segments[SEGMENTS];
extern u64 slb_faults;
void mmu_start(void);
int segment_fault(u64 ea);
void segment_forget(u64 ea);
void segments_forget_all(void);
u64 hpte_v(const struct segment *segment, u64 ea);
u64 hpte_group(const struct segment *segment, u64 ea, int secondary);
u64 map_page(const struct segment *segment, u64 ea, u64 real, u64 bits);
void unmap_page(const struct segment *segment, u64 ea, u64 index);
void sync_code(void *start, u64 length);
extern u64 pool_real;	/* one aligned 16 MiB block of RAM that nothing else uses */
#define POOL_BYTES (16ul << 20)

#define HPTE_R 0x100ul
#define HPTE_C 0x80ul
#define HPTE_M 0x10ul
#define HPTE_N 0x4ul
#define HPTE_PP0 0x8000000000000000ul

/* trap.c */
extern volatile u64 ticks, facility_faults, program_faults, last_dar, last_dsisr, last_srr1;
extern volatile u64 expect_fetch_fault, problem_fault;
void trap_install(u64 kernel_msr);
u64 run_program(u64 entry, u64 a, u64 b, u64 c);

/* trap.S, probe.S */
extern char vector_stub[], vector_stub_end[], vector_tail[], vector_tail_end[], trap_entry[];
extern char probe_begin[], probe_end[], probe_fault[], program_begin[], program_violation[], program_end[];
extern char image_start[], image_end[], trap_stack_top[];
void enter_problem_state(struct frame *frame);
u64 enter_problem_state_value(struct frame *frame) __asm__("enter_problem_state");
void leave_problem_state(u64 value) __attribute__((noreturn));
u64 probe_load(u64 ea, u64 *value);
u64 probe_store(u64 ea, u64 value);
u64 probe_execute(u64 ea);
u64 use_fp(u64), use_vector(void), use_vsx(u64), illegal_word(void), trap_word(void);

/* selftest.c, churn.c */
void selftest(void);
void churn_start(void);
void churn_round(u64 round, u64 operations);
extern u64 checksum, churn_operations;

#define mfspr(n) ({ u64 v_; __asm__ volatile("mfspr %0," #n : "=r"(v_)); v_; })
#define mtspr(n, v) __asm__ volatile("mtspr " #n ",%0" : : "r"(v))
static inline u64 mfmsr(void)
{
	u64 value;
	__asm__ volatile("mfmsr %0" : "=r"(value));
	return value;
}
static inline u64 timebase(void)
{
	u64 value;
	__asm__ volatile("mftb %0" : "=r"(value));
	return value;
}
#endif
