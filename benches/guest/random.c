// `random N`: N MiB of random bytes to standard output, the same everywhere.
#include "guest.h"

void start(long count, char **arguments)
{
    static unsigned long block[8192];
    unsigned long state = 0x7073657269657321ul, blocks = 0;

    if (count != 2)
        leave(1);
    for (const char *digit = arguments[1]; *digit; digit++)
        blocks = blocks * 10 + (*digit - '0');
    for (blocks *= (1ul << 20) / sizeof(block); blocks; blocks--) {
        for (unsigned long i = 0; i < sizeof(block) / sizeof(block[0]); i++)
            block[i] = next_random(&state);
        write_all((const char *)block, sizeof(block));
    }
    leave(0);
}
