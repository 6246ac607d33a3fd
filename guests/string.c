/* What the compiler may call on its own account. */
#include "demo.h"

void *memset(void *to, int value, u64 length)
{
	for (u64 i = 0; i < length; i++)
		((volatile u8 *)to)[i] = (u8)value;
	return to;
}

void *memcpy(void *to, const void *from, u64 length)
{
	for (u64 i = 0; i < length; i++)
		((volatile u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}
