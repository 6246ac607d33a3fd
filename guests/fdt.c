/* Reading a flattened device tree (Devicetree Specification, "Flattened Devicetree (DTB) Format"). */
#include "demo.h"

u32 be32(const void *at)
{
	return __builtin_bswap32(*(const u32 *)at);
}

u64 be64(const void *at)
{
	return (u64)be32(at) << 32 | be32((const u8 *)at + 4);
}

static int same(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b;
}

/* Whether node name `name` is the path component at `part`: the same, or `part` with a unit address after
 * it, or anything that begins with it when it ends in '*'. */
static int component(const char *name, const char *part)
{
	for (; *part && *part != '/' && *part != '*'; name++, part++)
		if (*name != *part)
			return 0;
	return *part == '*' || !*name || *name == '@';
}

static const char *next_component(const char *path)
{
	while (*path && *path != '/')
		path++;
	return *path ? path + 1 : path;
}

/* The property `name` of the first node at `path` ("cpus/PowerPC,*"), or 0. */
const void *fdt_property(const u8 *tree, const char *path, const char *name, u32 *length)
{
	const u8 *at = tree + be32(tree + 8), *strings = tree + be32(tree + 12);
	const char *wanted = path;
	u32 depth = 0, matched = 0;

	for (;;) {
		u32 token = be32(at);

		at += 4;
		if (token == 1) { /* FDT_BEGIN_NODE */
			const char *node = (const char *)at;
			u32 n = 0;

			while (node[n])
				n++;
			at += (n + 4) & ~3u;
			if (depth && matched == depth - 1 && *wanted && component(node, wanted)) {
				matched = depth;
				wanted = next_component(wanted);
			}
			depth++;
		} else if (token == 2) { /* FDT_END_NODE */
			depth--;
			if (depth && matched == depth) {
				/* Leaving a node on the path: properties of its children come before its end, so the
				 * search is over unless a sibling matches as well. */
				const char *p = path;

				matched = depth - 1;
				for (u32 i = 0; i < matched; i++)
					p = next_component(p);
				wanted = p;
			}
			if (!depth)
				return 0;
		} else if (token == 3) { /* FDT_PROP */
			u32 n = be32(at);

			if (!*wanted && depth == matched + 1 && same((const char *)strings + be32(at + 4), name)) {
				*length = n;
				return at + 8;
			}
			at += 8 + ((n + 3) & ~3u);
		} else if (token != 4) { /* FDT_NOP */
			return 0;
		}
	}
}
