// Double precision: additions, multiplications, fused ones, divisions and square roots, some of which wait for one
// another and some do not. The result is the bits of the last sums, so a rounding that differs shows.
#include "guest.h"

enum { ROUNDS = 6000000 };

void start(long count, char **arguments)
{
    double x = 1.0, y = 0.5, z = 2.0, sum = 0.0;
    union { double value; unsigned long bits; } out;

    (void)count, (void)arguments;
    begin("float");
    for (long i = 0; i < ROUNDS; i++) {
        x = x * 1.0000001 + 0.25;
        y = __builtin_fma(y, 0.999, x);
        z = __builtin_sqrt(z + y) + 1.5;
        sum += y / z;
        sum -= x * 0.125;
        if (x > 1000.0)
            x -= 999.0;
    }
    out.value = sum + x + y + z;
    end("float", out.bits);
    leave(0);
}
