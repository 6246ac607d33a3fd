/* Hypercalls: numbers, return codes and `sc 1` (PAPR, "Hypervisor Call Functions"). */
#ifndef HCALL_H
#define HCALL_H
#include "demo.h"

enum {
	H_REMOVE = 0x04, H_ENTER = 0x08, H_READ = 0x0c, H_PROTECT = 0x18, H_PUT_TERM_CHAR = 0x58,
	H_CEDE = 0xe0, H_BULK_REMOVE = 0x124, H_SET_MODE = 0x31c, H_RTAS = 0xf000, H_VOF_CLIENT = 0xf005,
};
#define H_SUCCESS 0ul
#define H_BUSY 1ul
#define H_NOT_FOUND ((u64)-7)
#define H_PTEG_FULL ((u64)-6)
#define H_EXACT (1ul << (63 - 24))	/* flag of H_ENTER: this slot only */
#define H_AVPN (1ul << (63 - 32))	/* flag: act only if the AVPN is this */
#define H_READ_4 (1ul << (63 - 26))

/* Arguments and results: r4 to r11. Returns r3. */
static inline u64 hcall(u64 number, u64 r[8])
{
	register u64 r3 __asm__("r3") = number;
	register u64 r4 __asm__("r4") = r[0];
	register u64 r5 __asm__("r5") = r[1];
	register u64 r6 __asm__("r6") = r[2];
	register u64 r7 __asm__("r7") = r[3];
	register u64 r8 __asm__("r8") = r[4];
	register u64 r9 __asm__("r9") = r[5];
	register u64 r10 __asm__("r10") = r[6];
	register u64 r11 __asm__("r11") = r[7];

	__asm__ volatile("sc 1"
			 : "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r11)
			 :
			 : "r0", "r12", "ctr", "xer", "cr0", "cr1", "cr2", "cr3", "cr4", "cr5", "cr6", "cr7", "memory");
	r[0] = r4, r[1] = r5, r[2] = r6, r[3] = r7, r[4] = r8, r[5] = r9, r[6] = r10, r[7] = r11;
	return r3;
}
static inline u64 hcall4(u64 number, u64 a, u64 b, u64 c, u64 d)
{
	u64 r[8] = { a, b, c, d };

	return hcall(number, r);
}
#endif
