// Page faults: map a mebibyte, write to each 4 KiB of it, give it back. A mebibyte is too small for a huge page.
#include "guest.h"

enum { ROUNDS = 1000, SIZE = 1 << 20, STRIDE = 4096 };

void start(long count, char **arguments)
{
    unsigned long sum = 0;

    (void)count, (void)arguments;
    begin("faults");
    for (long i = 0; i < ROUNDS; i++) {
        char *area = map(SIZE);
        for (long at = 0; at < SIZE; at += STRIDE) {
            sum += area[at + 8];
            area[at] = (char)i;
        }
        sum += area[(i % 16) << 16];
        unmap(area, SIZE);
    }
    end("faults", sum);
    leave(0);
}
