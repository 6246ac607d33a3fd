/* The way in.
 *
 * Enters: r3 = real address of the flattened device tree, r5 = 0 (or the entry of an Open Firmware client
 * interface), MSR[IR,DR] = 0, either byte order, 32- or 64-bit mode, at any address.
 * Leaves: to C `start` in 64-bit little-endian mode at the address's alias at 0xc000000000000000. Real mode
 * ignores the top four bits of an effective address (Power ISA Book III, "Real Mode Storage Addressing"), so
 * that alias is good before and after translation is turned on. */
#include "layout.h"

/* One instruction in the other byte order. */
.macro	other_endian word
	.long	((\word & 0xff) << 24) | ((\word & 0xff00) << 8) | ((\word >> 8) & 0xff00) | ((\word >> 24) & 0xff)
.endm

	.section .entry, "ax"
	.globl	_start
_start:
	/* Little-endian: a trap that never traps. The same bytes read big-endian are `b .+8`. */
	tdi	0, 0, 0x48
	b	1f
	other_endian 0x7d6000a6		/* mfmsr  r11 */
	other_endian 0x39800001		/* li     r12,1 */
	other_endian 0x798bf80e		/* rldimi r11,r12,63,0: SF */
	other_endian 0x616b0001		/* ori    r11,r11,1: LE */
	other_endian 0x429f0005		/* bcl    20,31,.+4 */
	other_endian 0x7d4802a6		/* mflr   r10 */
	other_endian 0x394a0014		/* addi   r10,r10,20: to 1f */
	other_endian 0x7d5a03a6		/* mtsrr0 r10 */
	other_endian 0x7d7b03a6		/* mtsrr1 r11 */
	other_endian 0x4c000024		/* rfid */
1:	bcl	20, 31, 2f
2:	mflr	r12
	li	r11, 0xc
	rldimi	r12, r11, 60, 0
	addis	r2, r12, (.TOC. - 2b)@ha
	addi	r2, r2, (.TOC. - 2b)@l
	addi	r12, r12, 3f - 2b
	mtctr	r12
	bctr
3:	addis	r1, r2, boot_stack_top@toc@ha
	addi	r1, r1, boot_stack_top@toc@l
	li	r0, 0
	stdu	r0, -FRAME_HEADER(r1)
	bl	start
	b	.

	.bss
	.balign	16
	.space	16384
boot_stack_top:
	.space	16384
	.globl	trap_stack_top
trap_stack_top:

	/* What made this file: read back by the rebuild test. */
	.section .note.compiler, "a", @note
	.balign	4
	.long	9f - 8f, 7f - 6f, 1
8:	.asciz	"demo"
9:	.balign	4
6:	.asciz	COMPILER
7:	.balign	4
