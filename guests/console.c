/* Text to the vty, sixteen bytes a call, and what happens when a check fails. */
#include "hcall.h"

static char line[16];
static u32 held;

static void flush(void)
{
	u64 high = 0, low = 0;

	if (!held)
		return;
	for (u32 i = 0; i < 8; i++) {
		high = high << 8 | (i < held ? (u8)line[i] : 0);
		low = low << 8 | (i + 8 < held ? (u8)line[i + 8] : 0);
	}
	while (hcall4(H_PUT_TERM_CHAR, machine.vty, held, high, low) == H_BUSY)
		;
	held = 0;
}

static void put_char(char c)
{
	if (held == sizeof line)
		flush();
	line[held++] = c;
	if (c == '\n')
		flush();
}

void put(const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			put_char('\r');
		put_char(*text);
	}
}

void put_number(u64 value)
{
	char digits[24];
	u32 n = sizeof digits;

	digits[--n] = 0;
	do
		digits[--n] = (char)('0' + value % 10);
	while (value /= 10);
	put(digits + n);
}

void put_hex(u64 value)
{
	put("0x");
	for (int shift = 60; shift >= 0; shift -= 4)
		put_char("0123456789abcdef"[value >> shift & 15]);
}

void fail(const char *what, u64 wanted, u64 got)
{
	put("FAIL: ");
	put(what);
	put(", wanted ");
	put_hex(wanted);
	put(", got ");
	put_hex(got);
	put("\n");
	os_term("demo guest: a check failed");
}
