// A debugger's view of accumulators: a child computes outer products into all eight and stops; its parent reads the VSRs,
// changes one row, and lets the child take its accumulators apart. Lines "debugger: N HIGH LOW" and "child: N HIGH LOW".
#include <elf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHANGED = 13, NIP = 32 };
struct vsr {
    unsigned long low, high;
};

static void child(void)
{
    static float left[8][4], right[8][4];
    static struct vsr rows[32];

    for (int n = 0; n < 8; n++)
        for (int i = 0; i < 4; i++)
            left[n][i] = n + i + 1, right[n][i] = 10 * n + i;
#define PRODUCT(n) "lxv 32," #n "*16(%0)\nlxv 33," #n "*16(%1)\nxvf32ger " #n ",32,33\n"
#define PARTS(n) \
    "xxmfacc " #n "\nstxv 4*" #n ",64*" #n "(%2)\nstxv 4*" #n "+1,64*" #n "+16(%2)\n" \
    "stxv 4*" #n "+2,64*" #n "+32(%2)\nstxv 4*" #n "+3,64*" #n "+48(%2)\n"
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    __asm__ volatile(PRODUCT(0) PRODUCT(1) PRODUCT(2) PRODUCT(3) PRODUCT(4) PRODUCT(5) PRODUCT(6) PRODUCT(7)
                     "trap\n"
                     PARTS(0) PARTS(1) PARTS(2) PARTS(3) PARTS(4) PARTS(5) PARTS(6) PARTS(7)
                     : : "b"(left), "b"(right), "b"(rows)
                     : "memory", "vs0", "vs1", "vs2", "vs3", "vs4", "vs5", "vs6", "vs7", "vs8", "vs9", "vs10", "vs11",
                       "vs12", "vs13", "vs14", "vs15", "vs16", "vs17", "vs18", "vs19", "vs20", "vs21", "vs22", "vs23",
                       "vs24", "vs25", "vs26", "vs27", "vs28", "vs29", "vs30", "vs31", "vs32", "vs33");
    for (int n = 0; n < 32; n++)
        printf("child: %d %016lx %016lx\n", n, rows[n].high, rows[n].low);
    fflush(stdout);
    _exit(0);
}

int main(void)
{
    unsigned long high[33], low[32];
    struct iovec halves = { low, sizeof(low) };
    int pid = fork(), status;

    if (!pid)
        child();
    waitpid(pid, &status, 0);
    if (ptrace(PTRACE_GETFPREGS, pid, 0, high) || ptrace(PTRACE_GETREGSET, pid, NT_PPC_VSX, &halves))
        return 1;
    for (int n = 0; n < 32; n++)
        printf("debugger: %d %016lx %016lx\n", n, high[n], low[n]);
    fflush(stdout);
    high[CHANGED] = 0x0123456789abcdef, low[CHANGED] = 0xfedcba9876543210;
    if (ptrace(PTRACE_SETFPREGS, pid, 0, high) || ptrace(PTRACE_SETREGSET, pid, NT_PPC_VSX, &halves))
        return 2;
    ptrace(PTRACE_POKEUSER, pid, NIP * 8, ptrace(PTRACE_PEEKUSER, pid, NIP * 8, 0) + 4);
    ptrace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, &status, 0);
    return status != 0;
}
