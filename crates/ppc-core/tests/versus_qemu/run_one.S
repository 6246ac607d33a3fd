/* Runs one instruction with every user register given, and keeps every user register it leaves.
 *
 * long run_one(const u64 *state): loads the registers from `state`, runs the words at CODE and returns 0 with the
 * registers in `result` when they fall through to leave_normally; a signal handler, which has taken the registers of
 * the ABI's frame, returns its number through leave_by_signal instead. TAR is an input only: it carries r31 on the way out.
 * Offsets are in doublewords and are those of record.rs. */
#define GPR 4
#define CR 36
#define XER 37
#define LR 38
#define CTR 39
#define TAR 40
#define FPSCR 41
#define VSCR 42
#define VRSAVE 44
#define VSR 46
#define CODE 0x110000
#define FRAME 288

	.text
	.globl	_start, run_one, leave_normally, leave_by_signal
_start:
	lis	r2, .TOC.@ha
	addi	r2, r2, .TOC.@l
	li	r0, 0
	stdu	r0, -64(r1)
	bl	serve
	b	.

run_one:
	mflr	r0
	std	r0, 16(r1)
	mfcr	r0
	std	r0, 8(r1)
	stdu	r1, -FRAME(r1)
	.irp	n, 14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	std	\n, (32 + 8 * (\n - 14))(r1)
	.endr
	lis	r4, saved_stack@h
	ori	r4, r4, saved_stack@l
	std	r1, 0(r4)
	mr	r31, r3
	lfd	f0, (8 * FPSCR)(r31)
	mtfsf	255, f0, 1, 0
	addi	r5, r31, 8 * VSCR
	lxvd2x	vs32, 0, r5
	mtvscr	v0
	addi	r5, r31, 8 * VSR
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	lxvd2x	\n, 0, r5
	addi	r5, r5, 16
	.endr
	.irp	n, 32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63
	lxvd2x	\n, 0, r5
	addi	r5, r5, 16
	.endr
	ld	r4, (8 * VRSAVE)(r31)
	mtspr	256, r4
	ld	r4, (8 * CR)(r31)
	mtcrf	255, r4
	ld	r4, (8 * XER)(r31)
	mtxer	r4
	ld	r4, (8 * LR)(r31)
	mtlr	r4
	ld	r4, (8 * CTR)(r31)
	mtctr	r4
	ld	r4, (8 * TAR)(r31)
	mtspr	815, r4
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	ld	\n, (8 * (GPR + \n))(r31)
	.endr
	ld	r31, (8 * (GPR + 31))(r31)
	ba	CODE

leave_normally:
	mtspr	815, r31
	lis	r31, result@h
	ori	r31, r31, result@l
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30
	std	\n, (8 * (GPR + \n))(r31)
	.endr
	mfspr	r4, 815
	std	r4, (8 * (GPR + 31))(r31)
	mfcr	r4
	std	r4, (8 * CR)(r31)
	mfxer	r4
	std	r4, (8 * XER)(r31)
	mflr	r4
	std	r4, (8 * LR)(r31)
	mfctr	r4
	std	r4, (8 * CTR)(r31)
	addi	r5, r31, 8 * VSR
	stxvd2x	0, 0, r5
	mffs	f0
	stfd	f0, (8 * FPSCR)(r31)
	lxvd2x	0, 0, r5
	li	r3, 0

/* leave_by_signal(number): the handler uses none of the registers that follow, so they are as the word left them. */
leave_by_signal:
	lis	r31, result@h
	ori	r31, r31, result@l
	mfspr	r4, 256
	std	r4, (8 * VRSAVE)(r31)
	addi	r5, r31, 8 * VSR
	.irp	n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	stxvd2x	\n, 0, r5
	addi	r5, r5, 16
	.endr
	.irp	n, 32,33,34,35,36,37,38,39,40,41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60,61,62,63
	stxvd2x	\n, 0, r5
	addi	r5, r5, 16
	.endr
	mfvscr	v0
	addi	r5, r31, 8 * VSCR
	stxvd2x	vs32, 0, r5
	lis	r4, saved_stack@h
	ori	r4, r4, saved_stack@l
	ld	r1, 0(r4)
	lis	r2, .TOC.@ha
	addi	r2, r2, .TOC.@l
	.irp	n, 14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	ld	\n, (32 + 8 * (\n - 14))(r1)
	.endr
	addi	r1, r1, FRAME
	ld	r0, 8(r1)
	mtcrf	255, r0
	ld	r0, 16(r1)
	mtlr	r0
	blr

	.bss
	.balign	8
saved_stack:
	.space	8
