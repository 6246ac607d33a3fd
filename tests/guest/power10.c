// What a program that was compiled for a POWER10 finds on one: a line "power10: NAME VALUE" each.
#include "../../benches/guest/guest.h"

enum { SYS_prctl = 171 };
enum { AT_HWCAP2 = 26 };
// include/uapi/linux/prctl.h
enum { GET_DEXCR = 72, SET_DEXCR = 73, NPHIE = 3, CTRL_SET = 2, CTRL_CLEAR = 4 };

static void report(const char *name, unsigned long value)
{
    char line[96], *to = line;

    for (const char *from = "power10: "; *from; from++)
        *to++ = *from;
    for (const char *from = name; *from; from++)
        *to++ = *from;
    *to++ = ' ';
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[value >> shift & 15];
    *to++ = '\n';
    write_all(line, to - line);
}

// Globals, which the compiler reaches from the program counter.
unsigned long doublewords[4] = { 0x0123456789abcdef, 42, 7, 1 };
unsigned char bytes[3] = { 1, 2, 0xff };
short halfword = -2;
int word = -3;
double number = 2.5;
float single = 0.125;
__int128 quad = (__int128)5 << 64 | 6;

static unsigned long __attribute__((noinline)) globals(void)
{
    doublewords[3] += doublewords[0] + bytes[2] + halfword + word;
    number *= single + doublewords[1];
    quad += doublewords[2];
    return doublewords[3] + (unsigned long)(number * 64) + (unsigned long)quad + (unsigned long)(quad >> 64);
}

static unsigned long __attribute__((noinline)) bits(unsigned long value, unsigned long mask, int a, int b)
{
    unsigned long sum = __builtin_bswap64(value) + __builtin_bswap32(value) + __builtin_bswap16(value);

    sum += __builtin_pdepd(value, mask) ^ __builtin_pextd(value, mask) ^ __builtin_cfuged(value, mask);
    sum += __builtin_cntlzdm(value, mask) + 100 * __builtin_cnttzdm(value, mask);
    return sum + (a < b) - 2 * (a == b);
}

// What a child is ended by: a signal, or nothing.
static int child(void (*run)(unsigned long *place), unsigned long *place)
{
    int status = 0;
    long pid = call(SYS_fork, 0, 0, 0, 0, 0, 0);

    if (!pid) {
        run(place);
        leave(0);
    }
    call(SYS_wait4, pid, (long)&status, 0, 0, 0, 0);
    return status;
}

static void crosses(unsigned long *place)
{
    (void)place;
    __asm__ volatile("b 1f\n.balign 64\n.skip 60\n1:\n.long 0x06000000, 0x38600001" : : : "r3");
}

static void checked(unsigned long *place)
{
    __asm__ volatile("hashst %0,-8(%1)\nhashchk %0,-8(%1)" : : "r"(0x1234l), "b"(place + 8) : "memory");
}

static void changed(unsigned long *place)
{
    __asm__ volatile("hashst %0,-8(%1)\nhashchk %2,-8(%1)" : : "r"(0x1234l), "b"(place + 8), "r"(0x1238l) : "memory");
}

void start(long count, char **arguments)
{
    static unsigned long stack[16];
    char **at = arguments + count + 1;
    long before;

    while (*at)
        at++;
    for (unsigned long *pair = (unsigned long *)at + 1; *pair; pair += 2)
        if (*pair == AT_HWCAP2)
            report("hwcap2", pair[1]);
    report("globals", globals());
    report("bits", bits(0x0123456789abcdef, 0xf0f000000f0ff0f0, word, -2));
    report("crosses", child(crosses, stack));
    before = call(SYS_prctl, GET_DEXCR, NPHIE, 0, 0, 0, 0);
    report("set", call(SYS_prctl, SET_DEXCR, NPHIE, CTRL_CLEAR, 0, 0, 0));
    stack[7] = 0;
    report("off", child(changed, stack));
    report("set", call(SYS_prctl, SET_DEXCR, NPHIE, CTRL_SET, 0, 0, 0));
    report("checked", child(checked, stack));
    report("changed", child(changed, stack));
    checked(stack);
    report("stored", stack[7] != 0);
    report("aspect", before);
    leave(0);
}
