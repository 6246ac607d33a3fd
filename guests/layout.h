/* What assembly and C share: offsets in the per-processor area and in the trap frame.
 *
 * The per-processor area is found through SPRG0. A trap frame stands on the stack above the 32-byte
 * frame header of the ELFv2 ABI. C checks these numbers against its structures (trap.c). */
#ifndef LAYOUT_H
#define LAYOUT_H

#define PC_R12 0
#define PC_CTR 8
#define PC_VEC 16
#define PC_ENTRY 24 /* address of trap_entry */
#define PC_KSTACK 32 /* stack for traps from problem state */
#define PC_KMSR 40 /* MSR for trap handlers */
#define PC_R11 48
#define PC_CR 56
#define PC_TOC 64
#define PC_R13 72

#define TF_GPR 0
#define TF_NIP 256
#define TF_MSR 264
#define TF_CTR 272
#define TF_LR 280
#define TF_XER 288
#define TF_CR 296
#define TF_VEC 304
#define TF_DAR 312
#define TF_DSISR 320
#define TF_SIZE 328

#define FRAME_HEADER 32
#define FRAME_BYTES 368 /* header and trap frame, rounded to 16 */
#define RED_ZONE 288 /* bytes below r1 that ELFv2 leaf functions may use */

#define MSR_LE 0x1
#define MSR_RI 0x2
#define MSR_DR 0x10
#define MSR_IR 0x20
#define MSR_ME 0x1000
#define MSR_FP 0x2000
#define MSR_PR 0x4000
#define MSR_EE 0x8000
#define MSR_VSX 0x800000
#define MSR_VEC 0x2000000

#endif
