// A pointer chase: 256 MiB of nodes of 64 bytes in one random cycle, each load of which gives the next one's address.
#include "guest.h"

enum { NODES = 1 << 22, STEPS = 3000000 };

struct node {
    struct node *next;
    unsigned long number;
    char rest[48];
};

void start(long count, char **arguments)
{
    struct node *nodes = (struct node *)map((unsigned long)NODES * sizeof(struct node)), *at = nodes;
    unsigned long state = 0x6368617365ul, sum = 0;

    (void)count, (void)arguments;
    for (long i = 0; i < NODES; i++) {
        nodes[i].next = &nodes[i];
        nodes[i].number = i;
    }
    for (long i = NODES - 1; i > 0; i--) { // one cycle through all (Sattolo)
        struct node *other = &nodes[(unsigned __int128)next_random(&state) * i >> 64], *mine = nodes[i].next;
        nodes[i].next = other->next;
        other->next = mine;
    }
    begin("chase");
    for (long i = 0; i < STEPS; i++)
        at = at->next;
    sum = at->number;
    end("chase", sum);
    leave(0);
}
