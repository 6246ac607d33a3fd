/* Segments by slbmte, pages by H_ENTER (Power ISA Book III, "Virtual Address Generation" and "Virtual to Real
 * Translation"; PAPR, "Page Frame Table Access").
 *
 * The kernel segment holds what the guest needs of RAM: 16 MiB pages if the machine has them, otherwise
 * 64 KiB. Entry 0 of the SLB is its; the others are filled when a segment interrupt asks for them. */
#include "hcall.h"

#define SLB_KS 0x800ul
#define SLB_KP 0x400ul
#define SLB_VALID 0x8000000ul

struct segment segments[SEGMENTS] = {
	[SEGMENT_KERNEL] = { KERNEL_BASE, 0x2a5a5, SLB_KP, 40, 16, 0, 0 },
	[SEGMENT_WIDE] = { 0xd000000000000000ul, 0x13579b, SLB_KP, 40, 16, 0, 0 },
	[SEGMENT_SMALL] = { 0xd800000000000000ul, 0x12345678, SLB_KS | SLB_KP, 28, 12, 0, 0 },
	[SEGMENT_TEXT] = { 0x10000000ul, 0x0abcdef, SLB_KP, 28, 16, 0, 1 },
	[SEGMENT_DATA] = { 0x20000000ul, 0x0fedcba, SLB_KP, 28, 16, 0, 1 },
};
u64 slb_faults, pool_real;
static u32 next_slot = 1;

static void slb_write(const struct segment *segment, u32 slot)
{
	u64 wide = segment->shift == 40;
	u64 rs = (wide ? 1ul << 62 | segment->vsid << 24 : segment->vsid << 12) | segment->slb_flags;
	u64 rb = segment->base | SLB_VALID | slot;

	__asm__ volatile("isync; slbmte %0,%1; isync" : : "r"(rs), "r"(rb) : "memory");
}

static struct segment *segment_of(u64 ea)
{
	for (u32 i = 0; i < SEGMENTS; i++)
		if (ea >> segments[i].shift == segments[i].base >> segments[i].shift)
			return &segments[i];
	return 0;
}

/* Puts the segment of `ea` into the SLB; 0 if there is none. */
int segment_fault(u64 ea)
{
	struct segment *segment = segment_of(ea);

	if (!segment)
		return 0;
	slb_write(segment, next_slot);
	next_slot = next_slot + 1 < machine.slb_size ? next_slot + 1 : 1;
	slb_faults++;
	return 1;
}

void segment_forget(u64 ea)
{
	struct segment *segment = segment_of(ea);
	/* B in bits 0:1 of the second byte pair, class 0 (slbie). */
	u64 rb = segment->base | (segment->shift == 40 ? 1ul << 25 : 0);

	__asm__ volatile("isync; slbie %0; isync" : : "r"(rb) : "memory");
}

/* Everything but entry 0. */
void segments_forget_all(void)
{
	__asm__ volatile("isync; slbia; isync" : : : "memory");
}

/* Doubleword 0 of the entry that translates `ea`, without L. */
u64 hpte_v(const struct segment *segment, u64 ea)
{
	u64 offset = ea & ((1ul << segment->shift) - 1) & ~((1ul << segment->page_shift) - 1);

	if (segment->shift == 40)
		return 1ul << 62 | ((segment->vsid << 40 | offset) >> 23) << 7;
	return ((segment->vsid << 28 | offset) >> 23) << 7;
}

/* Index of the first of the eight entries where `ea` may be. */
u64 hpte_group(const struct segment *segment, u64 ea, int secondary)
{
	u64 page = (ea & ((1ul << segment->shift) - 1)) >> segment->page_shift;
	u64 hash = segment->vsid ^ page;

	if (segment->shift == 40)
		hash ^= segment->vsid << 25;
	if (secondary)
		hash = ~hash;
	return (hash & ((1ul << (machine.pft_shift - 7)) - 1)) << 3;
}

/* Enters a page of the segment's base size; `bits` are pp, N, R, C. Returns its index. */
u64 map_page(const struct segment *segment, u64 ea, u64 real, u64 bits)
{
	u64 v = hpte_v(segment, ea) | (segment->page_shift > 12 ? 4 : 0) | 1;
	u64 r = real | (u64)segment->penc << 12 | HPTE_M | bits;
	u64 rc = H_PTEG_FULL;

	for (int secondary = 0; secondary < 2; secondary++) {
		u64 regs[8] = { 0, hpte_group(segment, ea, secondary), v | (secondary ? 2 : 0), r };

		rc = hcall(H_ENTER, regs);
		if (rc == H_SUCCESS)
			return regs[0];
		if (rc != H_PTEG_FULL)
			break;
	}
	fail("H_ENTER", H_SUCCESS, rc);
}

void unmap_page(const struct segment *segment, u64 ea, u64 index)
{
	check("H_REMOVE", H_SUCCESS, hcall4(H_REMOVE, H_AVPN, index, hpte_v(segment, ea), 0));
}

/* Makes instructions just written visible to fetches (Book II, "Instruction Cache Block Invalidate"). */
void sync_code(void *start, u64 length)
{
	for (u64 at = (u64)start & ~127ul; at < (u64)start + length; at += 128)
		__asm__ volatile("dcbst 0,%0; sync; icbi 0,%0" : : "r"(at) : "memory");
	__asm__ volatile("sync; isync" : : : "memory");
}

static int overlaps(u64 a, u64 a_end, u64 b, u64 b_end)
{
	return a < b_end && b < a_end;
}

static void map_range(u64 start, u64 end, u64 bits)
{
	const struct segment *segment = &segments[SEGMENT_KERNEL];
	u64 size = 1ul << segment->page_shift;

	for (u64 real = start & ~(size - 1); real < end; real += size) {
		u64 regs[8] = { H_READ_4, 0 }, found = 0;
		u64 v = hpte_v(segment, real | KERNEL_BASE);

		/* Ranges may share a page: look before entering it twice. */
		for (u32 half = 0; half < 2; half++) {
			regs[0] = H_READ_4;
			regs[1] = hpte_group(segment, real | KERNEL_BASE, 0) + 4 * half;
			check("H_READ of four entries", H_SUCCESS, hcall(H_READ, regs));
			for (u32 i = 0; i < 4; i++)
				found |= (regs[2 * i] & 1) && (regs[2 * i] & ~0x7ful) == v;
		}
		if (!found)
			map_page(segment, real | KERNEL_BASE, real, bits);
	}
}

/* Called in real mode; leaves with the table filled and translation still off. */
void mmu_start(void)
{
	u64 image = REAL(image_start), image_stop = REAL(image_end);
	struct segment *kernel = &segments[SEGMENT_KERNEL];

	for (u32 i = 0; i < SEGMENTS; i++) {
		if (segments[i].page_shift != 16)
			continue;
		segments[i].slb_flags |= machine.sllp_64k;
		segments[i].penc = machine.penc_64k;
	}
	if (machine.has_16m) {
		kernel->slb_flags = SLB_KP | machine.sllp_16m;
		kernel->page_shift = 24;
		kernel->penc = 0;
	}
	for (u64 block = POOL_BYTES; block + POOL_BYTES <= machine.memory_size && !pool_real; block += POOL_BYTES)
		if (!overlaps(block, block + POOL_BYTES, image, image_stop) &&
		    !overlaps(block, block + POOL_BYTES, machine.tree_start, machine.tree_end))
			pool_real = block;
	if (!pool_real)
		fail("bytes of memory at least", 3 * POOL_BYTES, machine.memory_size);
	segments_forget_all();
	slb_write(kernel, 0);
	map_range(0, 0x10000, HPTE_R | HPTE_C);
	map_range(image, image_stop, HPTE_R | HPTE_C);
	if (machine.tree_end)
		map_range(machine.tree_start, machine.tree_end, HPTE_R);
	map_range(pool_real, pool_real + POOL_BYTES, HPTE_R | HPTE_C);
}
