// What `forks` executes: ends with status 7.
#include "guest.h"

void start(long count, char **arguments)
{
    (void)arguments;
    leave(count == 1 ? 7 : 8);
}
