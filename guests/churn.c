/* The workload: pages are mapped, protected, unmapped and used by a pseudo-random pattern, and after every step
 * the machine must agree with a model kept here: contents, permissions, reference and change bits. */
#include "hcall.h"

#define PAGES 256u	/* virtual pages: even ones in the wide segment (64 KiB), odd ones in the small one (4 KiB) */
#define FRAMES 192u	/* 64 KiB frames from the pool; a 4 KiB page uses the first part of its frame */
#define WORDS 64u	/* words of a frame that carry its pattern, spread over its first 4 KiB */
#define NONE 0xffffu

struct page {
	u64 index;	/* slot in the hash table */
	unsigned short frame;	/* NONE: not mapped */
	u8 pp, loaded, stored;
};
static struct page pages[PAGES];
static u64 generation[FRAMES];	/* seed of a frame's pattern */
static u64 random_state;
u64 checksum, churn_operations;

static u64 random(void) /* xorshift64* */
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return random_state * 0x2545f4914f6cdd1dul;
}

static const struct segment *segment_for(u32 page)
{
	return &segments[page & 1 ? SEGMENT_SMALL : SEGMENT_WIDE];
}

/* Scattered over their segments: 13 GiB apart in the wide one, 17 pages in the small one. */
static u64 address_of(u32 page)
{
	const struct segment *segment = segment_for(page);

	return segment->base + (page & 1 ? (u64)page * 17 << 12 : (u64)(page / 2) * 0x1b7d0000ul + 0x40000);
}

static u64 pattern(u32 frame, u32 word)
{
	return generation[frame] + (word + 1) * 0x9e3779b97f4a7c15ul;
}

/* Where word `word` of the pattern stands in its frame; not a multiple of 8. */
static u64 place(u32 word)
{
	return (u64)word * 63 + (word & 3);
}

/* Power ISA Book III, "Virtual Page Class Key Protection": what supervisor state may do, by pp and Ks. */
static int may_load(u32 page, u32 pp)
{
	return !(page & 1) || pp != 0;
}

static int may_store(u32 page, u32 pp)
{
	return page & 1 ? pp == 2 : pp != 3;
}

static void fill(u8 *at, u32 frame)
{
	for (u32 i = 0; i < WORDS; i++)
		*(u64 *)(at + place(i)) = pattern(frame, i);
}

static void verify(const u8 *at, u32 frame)
{
	u64 sum = 0;

	for (u32 i = 0; i < WORDS; i++) {
		u64 value = *(const u64 *)(at + place(i));

		if (value != pattern(frame, i))
			fail("word of a page", pattern(frame, i), value);
		sum = (sum ^ value) * 0x100000001b3ul;
	}
	checksum = (checksum << 7 | checksum >> 57) ^ sum;
}

static void expect_bits(struct page *page)
{
	u64 regs[8] = { 0, page->index };
	u64 wanted = (page->loaded || page->stored ? HPTE_R : 0) | (page->stored ? HPTE_C : 0);

	check("H_READ", H_SUCCESS, hcall(H_READ, regs));
	check("R and C of an entry", wanted, regs[1] & (HPTE_R | HPTE_C));
	check("pp of an entry", page->pp, regs[1] & 3);
}

static void use(u32 number)
{
	struct page *page = &pages[number];
	u64 ea = address_of(number), value;

	if (page->frame == NONE) {
		check("load from an unmapped page", 0x300, probe_load(ea, &value));
		check("its DSISR", 0x40000000, last_dsisr);
		check("its DAR", ea, last_dar);
		return;
	}
	if (may_load(number, page->pp)) {
		verify((const u8 *)ea, page->frame);
		page->loaded = 1;
	} else {
		check("load without permission", 0x300, probe_load(ea, &value));
		check("its DSISR", 0x08000000, last_dsisr);
	}
	if (may_store(number, page->pp)) {
		generation[page->frame] = random();
		fill((u8 *)ea, page->frame);
		page->stored = 1;
		verify(ALIAS(pool_real + ((u64)page->frame << 16)), page->frame);
	} else {
		check("store without permission", 0x300, probe_store(ea, 0));
		check("its DSISR", 0x0a000000, last_dsisr);
	}
	expect_bits(page);
}

static void map(u32 number)
{
	struct page *page = &pages[number];

	page->frame = (unsigned short)(random() % FRAMES);
	page->pp = random() & 3;
	page->loaded = page->stored = 0;
	page->index = map_page(segment_for(number), address_of(number), pool_real + ((u64)page->frame << 16), page->pp);
}

static void protect(u32 number)
{
	struct page *page = &pages[number];
	u64 avpn = hpte_v(segment_for(number), address_of(number));

	page->pp = random() & 3;
	check("H_PROTECT", H_SUCCESS, hcall4(H_PROTECT, H_AVPN | page->pp, page->index, avpn, 0));
	check("H_PROTECT of another page", H_NOT_FOUND, hcall4(H_PROTECT, H_AVPN, page->index, avpn ^ 0x100000, 0));
}

static void unmap(u32 number)
{
	struct page *page = &pages[number];
	u64 regs[8] = { H_AVPN, page->index, hpte_v(segment_for(number), address_of(number)) };
	u64 wanted = (page->loaded || page->stored ? HPTE_R : 0) | (page->stored ? HPTE_C : 0);

	check("H_REMOVE", H_SUCCESS, hcall(H_REMOVE, regs));
	check("R and C of a removed entry", wanted, regs[1] & (HPTE_R | HPTE_C));
	page->frame = NONE;
}

/* Up to four pages in one call; fewer than four are followed by an end mark. */
static void unmap_many(u32 number)
{
	u64 regs[8] = { 0 };
	u32 chosen[4], n = 0;

	for (u32 i = 0; i < 16 && n < 4; i++) {
		struct page *page = &pages[(number + i) % PAGES];

		if (page->frame == NONE)
			continue;
		chosen[n] = (number + i) % PAGES;
		regs[2 * n] = 0x4200000000000000ul | page->index; /* request, AVPN */
		regs[2 * n + 1] = hpte_v(segment_for(chosen[n]), address_of(chosen[n]));
		n++;
	}
	if (n < 4)
		regs[2 * n] = 0xc000000000000000ul; /* end */
	check("H_BULK_REMOVE", H_SUCCESS, hcall(H_BULK_REMOVE, regs));
	for (u32 i = 0; i < n; i++) {
		struct page *page = &pages[chosen[i]];
		u64 wanted = (page->loaded || page->stored ? 2 : 0) | page->stored;

		check("answer of H_BULK_REMOVE", 8, regs[2 * i] >> 60);
		/* R and C belong into bits 4 and 5; the peer puts them eight bits lower. */
		check("code, R and C of H_BULK_REMOVE", wanted, regs[2 * i] >> (machine.peer ? 50 : 58) & 15);
		page->frame = NONE;
	}
}

void churn_start(void)
{
	random_state = 0x243f6a8885a308d3ul;
	for (u32 i = 0; i < PAGES; i++)
		pages[i].frame = NONE;
	for (u32 i = 0; i < FRAMES; i++) {
		generation[i] = random();
		fill(ALIAS(pool_real + ((u64)i << 16)), i);
	}
}

void churn_round(u64 round, u64 operations)
{
	random_state ^= round * 0x2545f4914f6cdd1dul;
	if (!random_state)
		random_state = 1;
	for (u64 i = 0; i < operations; i++, churn_operations++) {
		u32 number = random() % PAGES;
		u32 what = random() % 16;

		if (what == 0)
			segments_forget_all();
		else if (what == 1)
			segment_forget(address_of(number));
		if (pages[number].frame == NONE) {
			if (what < 12)
				map(number);
		} else if (what < 3) {
			unmap(number);
		} else if (what < 4) {
			unmap_many(number);
		} else if (what < 7) {
			protect(number);
		}
		use(number);
	}
}
