/* Accesses that are allowed to fault.
 *
 * A storage or segment interrupt at an instruction between probe_begin and probe_end resumes at probe_fault
 * with the vector in r3 (trap.c). */
	.text
	.globl	probe_begin, probe_end, probe_fault
	.globl	probe_load, probe_store, probe_execute, probe_execute_fault

/* u64 probe_load(ea, u64 *value): 0 or the vector. */
probe_load:
	mr	r6, r3
	li	r3, 0
probe_begin:
	ld	r5, 0(r6)
	std	r5, 0(r4)
	blr

/* u64 probe_store(ea, u64 value): 0 or the vector. */
probe_store:
	mr	r6, r3
	li	r3, 0
	std	r4, 0(r6)
	blr
probe_end:
probe_fault:
	blr

/* u64 probe_execute(ea): calls ea; 0, or the vector when the fetch there faults. */
probe_execute:
	mflr	r0
	std	r0, 16(r1)
	mr	r12, r3
	mtctr	r3
	li	r3, 0
	bctrl
	ld	r0, 16(r1)
	mtlr	r0
	blr

/* Facilities: each uses one register set; the interrupt that says "unavailable" enables it and comes back. */
	.globl	use_fp, use_vector, use_vsx, illegal_word, trap_word
use_fp:
	std	r3, -8(r1)
	lfd	f1, -8(r1)
	fadd	f1, f1, f1
	stfd	f1, -8(r1)
	ld	r3, -8(r1)
	blr
use_vector:
	vspltisw v1, 7
	vadduwm	v1, v1, v1
	addi	r4, r1, -16
	stvewx	v1, 0, r4
	lwz	r3, -16(r1)
	blr
use_vsx:
	mtvsrd	vs33, r3
	xxlor	vs34, vs33, vs33
	mfvsrd	r3, vs34
	blr
illegal_word:
	.long	0
	blr
trap_word:
	trap
	blr

/* Copied to a page of its own and run in problem state. r3 = data page, r4 = rounds, r5 = seed.
 * Fills the page with a sequence, adds it up again, asks the kernel (r0 = 1) to mix the sum; ends with r0 = 0. */
	.globl	program_begin, program_end, program_violation
program_begin:
	mr	r14, r3
	mr	r15, r4
	mr	r16, r5
1:	li	r6, 512
	mtctr	r6
	mr	r7, r14
2:	mulld	r16, r16, r16
	ori	r16, r16, 5
	rotldi	r16, r16, 32
	addi	r16, r16, 77
	std	r16, 0(r7)
	addi	r7, r7, 8
	bdnz	2b
	mtctr	r6
	li	r3, 0
	mr	r7, r14
3:	ld	r8, 0(r7)
	xor	r3, r3, r8
	addi	r3, r3, 1
	addi	r7, r7, 8
	bdnz	3b
	li	r0, 1
	sc
	add	r16, r16, r3
	addic.	r15, r15, -1
	bne	1b
	mr	r3, r16
	li	r0, 0
	sc
/* Entered here, it does what problem state must not: r3 = 0 reads MSR, otherwise loads from r3. */
program_violation:
	cmpdi	r3, 0
	bne	4f
	mfmsr	r3
	li	r0, 0
	sc
4:	ld	r3, 0(r3)
	li	r0, 0
	sc
program_end:
