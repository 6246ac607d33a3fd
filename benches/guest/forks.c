// 300 times: a child, which becomes another program, which ends with a status that is counted.
#include "guest.h"

enum { CHILDREN = 300 };

void start(long count, char **arguments)
{
    static char program[] = "/bin/status";
    char *words[] = { program, 0 }, *environment[] = { 0 };
    unsigned long sum = 0;

    (void)count, (void)arguments;
    begin("forks");
    for (long i = 0; i < CHILDREN; i++) {
        int status = 0;
        long child = call(SYS_fork, 0, 0, 0, 0, 0, 0);
        if (child == 0) {
            call(SYS_execve, (long)program, (long)words, (long)environment, 0, 0, 0);
            leave(1);
        }
        if (child < 0 || call(SYS_wait4, child, (long)&status, 0, 0, 0, 0) != child)
            leave(4);
        sum += status >> 8;
    }
    end("forks", sum);
    leave(0);
}
