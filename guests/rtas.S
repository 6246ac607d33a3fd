/* rtas_enter(args, base, entry): RTAS wants 32-bit big-endian real mode, returns to LR in the same mode
 * (PAPR, "RTAS Environment"). All addresses are real and below 4 GiB. */
#include "layout.h"

.macro	other_endian word
	.long	((\word & 0xff) << 24) | ((\word & 0xff00) << 8) | ((\word >> 8) & 0xff00) | ((\word >> 24) & 0xff)
.endm
	.text
	.globl	rtas_enter
rtas_enter:
	mflr	r0
	std	r0, 16(r1)
	stdu	r1, -(FRAME_HEADER + 32)(r1)
	std	r2, FRAME_HEADER(r1)
	std	r31, (FRAME_HEADER + 8)(r1)
	mfmsr	r31
	std	r31, (FRAME_HEADER + 16)(r1)
	li	r6, 0
	mtmsrd	r6, 1
	/* RTAS keeps only the low words of registers for sure: the stack pointer waits in SPRG1. */
	mtsprg	1, r1
	bcl	20, 31, 1f
1:	mflr	r7
	addi	r7, r7, 2f - 1b
	clrldi	r7, r7, 32
	mtlr	r7
	mtsrr0	r5
	li	r6, MSR_ME
	mtsrr1	r6
	rfid
2:	/* Big-endian, 32-bit. Make SF and LE one again, at this file's address below 4 GiB. */
	other_endian 0x7d6000a6		/* mfmsr  r11 */
	other_endian 0x39800001		/* li     r12,1 */
	other_endian 0x798bf80e		/* rldimi r11,r12,63,0: SF */
	other_endian 0x616b0001		/* ori    r11,r11,1: LE */
	other_endian 0x429f0005		/* bcl    20,31,.+4 */
	other_endian 0x7d4802a6		/* mflr   r10 */
	other_endian 0x394a0014		/* addi   r10,r10,20 */
	other_endian 0x7d5a03a6		/* mtsrr0 r10 */
	other_endian 0x7d7b03a6		/* mtsrr1 r11 */
	other_endian 0x4c000024		/* rfid */
	mfsprg	r1, 1
	ld	r2, FRAME_HEADER(r1)
	ld	r31, (FRAME_HEADER + 8)(r1)
	ld	r6, (FRAME_HEADER + 16)(r1)
	addi	r1, r1, FRAME_HEADER + 32
	ld	r0, 16(r1)
	mtsrr0	r0
	mtsrr1	r6
	rfid
