/* Interrupts: the stub that is copied to each vector, the common entry, and the way back.
 *
 * Stub and tail are position-independent and are copied to real addresses 0x100.. and 0x4100.. (AIL). */
#include "layout.h"
	.text

/* Patched by trap.c: the vector number and the branch to the tail. */
	.globl	vector_stub, vector_stub_end, vector_tail, vector_tail_end
vector_stub:
	mtsprg	2, r13
	mtsprg	3, r12
	li	r12, 0
	b	.
vector_stub_end:

vector_tail:
	mfsprg	r13, 0
	std	r12, PC_VEC(r13)
	mfsprg	r12, 3
	std	r12, PC_R12(r13)
	mfctr	r12
	std	r12, PC_CTR(r13)
	ld	r12, PC_ENTRY(r13)
	mtctr	r12
	bctr
vector_tail_end:

/* r13 = per-processor area; everything else is still the interrupted program's. */
	.globl	trap_entry
trap_entry:
	std	r11, PC_R11(r13)
	mfcr	r11
	std	r11, PC_CR(r13)
	mfsrr1	r11
	andi.	r12, r11, MSR_PR
	addi	r11, r1, -(FRAME_BYTES + RED_ZONE)
	beq	1f
	ld	r11, PC_KSTACK(r13)
	addi	r11, r11, -FRAME_BYTES
1:	std	r1, 0(r11)
	addi	r11, r11, FRAME_HEADER
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	std	\n, (TF_GPR + 8 * \n)(r11)
	.endr
	ld	r3, PC_R11(r13)
	ld	r4, PC_R12(r13)
	mfsprg	r5, 2
	std	r3, (TF_GPR + 8 * 11)(r11)
	std	r4, (TF_GPR + 8 * 12)(r11)
	std	r5, (TF_GPR + 8 * 13)(r11)
	mfsrr0	r3
	mfsrr1	r4
	std	r3, TF_NIP(r11)
	std	r4, TF_MSR(r11)
	ld	r3, PC_CTR(r13)
	mflr	r4
	std	r3, TF_CTR(r11)
	std	r4, TF_LR(r11)
	mfxer	r3
	ld	r4, PC_CR(r13)
	std	r3, TF_XER(r11)
	std	r4, TF_CR(r11)
	ld	r3, PC_VEC(r13)
	mfdar	r4
	mfdsisr	r5
	std	r3, TF_VEC(r11)
	std	r4, TF_DAR(r11)
	std	r5, TF_DSISR(r11)
	/* The frame is whole: another interrupt may be taken from here on. */
	addi	r1, r11, -FRAME_HEADER
	ld	r2, PC_TOC(r13)
	ld	r12, PC_KMSR(r13)
	mtmsrd	r12
	isync
	addi	r3, r1, FRAME_HEADER
	bl	trap
	addi	r3, r1, FRAME_HEADER

/* resume(frame): back to where a trap frame says, with all its registers. */
	.globl	resume
resume:
	li	r4, 0
	mtmsrd	r4, 1			/* EE = RI = 0: SRR0 and SRR1 are ours */
	ld	r4, TF_NIP(r3)
	ld	r5, TF_MSR(r3)
	mtsrr0	r4
	mtsrr1	r5
	ld	r4, TF_CTR(r3)
	ld	r5, TF_LR(r3)
	mtctr	r4
	mtlr	r5
	ld	r4, TF_XER(r3)
	ld	r5, TF_CR(r3)
	mtxer	r4
	mtcr	r5
	.irp	n, 0,1,2,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	\n, (TF_GPR + 8 * \n)(r3)
	.endr
	ld	r3, (TF_GPR + 8 * 3)(r3)
	rfid

/* enter_problem_state(frame): runs the frame; leave_problem_state(value) from a trap makes it return value. */
	.globl	enter_problem_state
enter_problem_state:
	mflr	r0
	std	r0, 16(r1)
	mfcr	r0
	std	r0, 8(r1)
	stdu	r1, -(FRAME_HEADER + 8 * 20)(r1)
	.irp	n, 14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	std	\n, (FRAME_HEADER + 8 * (\n - 14))(r1)
	.endr
	mfmsr	r4
	std	r4, (FRAME_HEADER + 8 * 18)(r1)
	mfsprg	r4, 0
	std	r1, PC_R13(r4)
	b	resume

	.globl	leave_problem_state
leave_problem_state:
	mfsprg	r4, 0
	ld	r1, PC_R13(r4)
	ld	r2, PC_TOC(r4)
	.irp	n, 14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	\n, (FRAME_HEADER + 8 * (\n - 14))(r1)
	.endr
	ld	r4, (FRAME_HEADER + 8 * 18)(r1)
	mtmsrd	r4
	isync
	addi	r1, r1, FRAME_HEADER + 8 * 20
	ld	r0, 16(r1)
	mtlr	r0
	ld	r0, 8(r1)
	mtcr	r0
	blr
