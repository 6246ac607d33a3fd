// A system call that does next to nothing, again and again: the way into the kernel and out of it.
#include "guest.h"

enum { CALLS = 1000000 };

void start(long count, char **arguments)
{
    unsigned long sum = 0;

    (void)count, (void)arguments;
    begin("syscalls");
    for (long i = 0; i < CALLS; i++)
        sum += call(SYS_getppid, 0, 0, 0, 0, 0, 0);
    end("syscalls", sum);
    leave(0);
}
