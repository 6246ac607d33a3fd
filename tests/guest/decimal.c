// Computes with decimal floating point as C does: reads lines "WIDTH MODE A B" and writes a line of results for each, the
// bits in hexadecimal. MODE is FPSCR[DRN]. Compiled with -mhard-dfp the operators are instructions, with -mno-hard-dfp
// they are functions of libgcc, which knows one rounding mode. The functions are libdfp's.
#define __STDC_WANT_DEC_FP__ 1
#define __STDC_WANT_IEC_60559_BFP_EXT__ 1
#define __STDC_WANT_IEC_60559_DFP_EXT__ 1
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static void show64(_Decimal64 value)
{
    unsigned long bits;

    memcpy(&bits, &value, sizeof(bits));
    printf(" %016lx", bits);
}

static void show128(_Decimal128 value)
{
    unsigned __int128 bits;

    memcpy(&bits, &value, sizeof(bits));
    printf(" %016lx%016lx", (unsigned long)(bits >> 64), (unsigned long)bits);
}

static void set_rounding(unsigned long mode)
{
    unsigned long drn = mode << 32;
    double old, new;

    memcpy(&new, &drn, sizeof(new));
    __asm__ volatile("mffscdrn %0,%1" : "=d"(old) : "d"(new));
}

// `other` is the other format, whose conversion to and from this one is an instruction or a function as well.
#define COMPUTE(type, other, show, show_other, parse, quantize, rint) \
    static void __attribute__((noinline)) compute_##type(const char *first, const char *second) \
    { \
        volatile type x = parse(first, 0), y = parse(second, 0); \
        type a = x, b = y; \
        type limit = 1e18DL; \
        int order = (a < b) | (a == b) << 1 | (a > b) << 2 | (a != b) << 3 | !(a <= b || a > b) << 4; \
        \
        show(a + b), show(a - b), show(a * b), show(a / b), show_other((other)a); \
        printf(" %x i%ld", order, a < limit && a > -limit ? (long)a : 0L); \
        show((type)(0x7fffffffffffffffL - (long)order)); \
        show(quantize(a, b)), show(rint(a)); \
        putchar('\n'); \
    }
COMPUTE(_Decimal64, _Decimal128, show64, show128, strtod64, quantized64, rintd64)
COMPUTE(_Decimal128, _Decimal64, show128, show64, strtod128, quantized128, rintd128)

// Each function in both formats, as text.
#define FUNCTION(name) \
    { \
        char text[128]; \
        strfromd64(text, sizeof(text), "%.16g", name##d64(strtod64(argument, 0))); \
        printf("%s 64 %s %s\n", #name, argument, text); \
        strfromd128(text, sizeof(text), "%.34g", name##d128(strtod128(argument, 0))); \
        printf("%s 128 %s %s\n", #name, argument, text); \
    }

int main(int count, char **arguments)
{
    char first[128], second[128];
    int width, mode;

    for (int i = 1; i < count; i++) {
        const char *argument = arguments[i];
        FUNCTION(exp) FUNCTION(log) FUNCTION(log10) FUNCTION(sqrt)
    }
    while (count == 1 && scanf("%d %d %120s %120s", &width, &mode, first, second) == 4) {
        set_rounding(mode);
        if (width == 64)
            compute__Decimal64(first, second);
        else
            compute__Decimal128(first, second);
    }
    return 0;
}
