// Sets watchpoints on its own memory, as a debugger (ptrace) and as a profiler (perf_event_open), and says what Linux
// makes of them: a line "watch: NAME VALUE" each.
#include "../../benches/guest/guest.h"

enum { SYS_read = 3, SYS_getpid = 20, SYS_close = 6, SYS_ptrace = 26, SYS_kill = 37, SYS_pipe = 42, SYS_perf = 319 };
enum { SIGTRAP = 5, SIGSTOP = 19 };
// arch/powerpc/include/uapi/asm/ptrace.h
enum {
    TRACEME = 0, PEEKDATA = 2, PEEKUSER = 3, CONT = 7, GETSIGINFO = 0x4202, DELHWDEBUG = 0x87, SETHWDEBUG = 0x88,
    GETHWDBGINFO = 0x89, NIP = 32
};

struct debug_info {
    unsigned version, instruction_bps, data_bps, condition_regs, alignment, sizeof_condition;
    unsigned long features;
};
struct hw_breakpoint {
    unsigned version, trigger, address_mode, condition_mode;
    unsigned long address, end, condition;
};
enum { READ = 2, WRITE = 4, EXACT = 0, RANGE = 1 };

struct perf_attr {
    unsigned type, size;
    unsigned long config, period, sample_type, read_format, flags;
    unsigned wakeup, bp_type;
    unsigned long bp_address, bp_length;
};
enum { PERF_BREAKPOINT = 5, EXCLUDE_KERNEL = 1 << 5, EXCLUDE_HV = 1 << 6 };

static char data[4096] __attribute__((aligned(4096)));

static void report(const char *name, unsigned long value)
{
    char line[96], *to = line;

    for (const char *from = "watch: "; *from; from++)
        *to++ = *from;
    for (const char *from = name; *from; from++)
        *to++ = *from;
    *to++ = ' ';
    for (int shift = 60; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[value >> shift & 15];
    *to++ = '\n';
    write_all(line, to - line);
}

#define ACCESS(name, instruction) \
    static void name(char *at) \
    { \
        __asm__ volatile(instruction : : "r"(7l), "b"(at) : "r9", "v0", "vs0", "cr0", "memory"); \
    }
ACCESS(stb, "stb %0,0(%1)")
ACCESS(stw, "stw %0,0(%1)")
ACCESS(std, "std %0,0(%1)")
ACCESS(stvx, "stvx 0,0,%1")
ACCESS(dcbz, "dcbz 0,%1")
ACCESS(lbz, "lbz 9,0(%1)")
ACCESS(lwz, "lwz 9,0(%1)")
ACCESS(ld, "ld 9,0(%1)")
ACCESS(lxvd2x, "lxvd2x 0,0,%1")

static void kernel_reads(char *at)
{
    int ends[2];

    call(SYS_pipe, (long)ends, 0, 0, 0, 0, 0);
    call(SYS_write, ends[1], (long)at, 8, 0, 0, 0);
    call(SYS_close, ends[0], 0, 0, 0, 0, 0);
    call(SYS_close, ends[1], 0, 0, 0, 0, 0);
}

static void kernel_writes(char *at)
{
    int ends[2];

    call(SYS_pipe, (long)ends, 0, 0, 0, 0, 0);
    call(SYS_write, ends[1], (long)"01234567", 8, 0, 0, 0);
    call(SYS_read, ends[0], (long)at, 8, 0, 0, 0);
    call(SYS_close, ends[0], 0, 0, 0, 0, 0);
    call(SYS_close, ends[1], 0, 0, 0, 0, 0);
}

static const struct access {
    const char *name;
    void (*make)(char *);
    unsigned size;
} accesses[] = {
    { "stb", stb, 1 }, { "stw", stw, 4 }, { "std", std, 8 }, { "stvx", stvx, 16 }, { "dcbz", dcbz, 128 },
    { "lbz", lbz, 1 }, { "lwz", lwz, 4 }, { "ld", ld, 8 }, { "lxvd2x", lxvd2x, 16 },
    { "kernel_reads", kernel_reads, 8 }, { "kernel_writes", kernel_writes, 8 },
};

static void join(char *to, const char *a, const char *b)
{
    while (*a)
        *to++ = *a++;
    *to++ = '.';
    while ((*to++ = *b++))
        ;
}

// How many of the accesses perf has counted: to the watched bytes, before them and behind them.
static void count(const char *what, unsigned type, unsigned long address, unsigned long length, unsigned long flags)
{
    struct perf_attr attr = {
        .type = PERF_BREAKPOINT, .size = sizeof(attr), .period = 1, .flags = flags,
        .bp_type = type, .bp_address = address, .bp_length = length,
    };

    for (unsigned i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
        const struct access *access = &accesses[i];
        char *places[] = {
            (char *)address, (char *)(address & -(long)access->size) - access->size,
            (char *)((address + length + access->size - 1) & -(long)access->size),
        };
        unsigned long result = 0;
        long fd = call(SYS_perf, (long)&attr, 0, -1, -1, 0, 0);
        char name[64];

        for (int n = 0; fd >= 0 && n < 3; n++) {
            unsigned long before, after;

            call(SYS_read, fd, (long)&before, 8, 0, 0, 0);
            access->make(places[n]);
            call(SYS_read, fd, (long)&after, 8, 0, 0, 0);
            result = result << 8 | (after - before);
        }
        call(SYS_close, fd, 0, 0, 0, 0, 0);
        join(name, what, access->name);
        report(name, fd >= 0 ? result : (unsigned long)fd);
    }
}

// perf counts a store that has been made.
static void complete(char *at)
{
    struct perf_attr attr = {
        .type = PERF_BREAKPOINT, .size = sizeof(attr), .period = 1, .flags = EXCLUDE_KERNEL | EXCLUDE_HV,
        .bp_type = 2, .bp_address = (unsigned long)at, .bp_length = 8,
    };
    long fd = call(SYS_perf, (long)&attr, 0, -1, -1, 0, 0);
    unsigned long before = *(volatile unsigned long *)at;

    std(at);
    report("complete.before", before);
    report("complete.after", *(volatile unsigned long *)at);
    call(SYS_close, fd, 0, 0, 0, 0, 0);
}

static long ptrace(long request, long pid, unsigned long address, void *data)
{
    return call(SYS_ptrace, request, pid, address, (long)data, 0, 0);
}

// What has stopped the child: a signal.
static int wait_for(long pid)
{
    int status = 0;

    call(SYS_wait4, pid, (long)&status, 0, 0, 0, 0);
    return status >> 8 & 0xff;
}

// A child makes an access under a debugger, which says what it was stopped by, where, and what it found there.
static void debug(const char *what, const struct access *access, char *at, struct hw_breakpoint watch)
{
    long pid = call(SYS_fork, 0, 0, 0, 0, 0, 0);
    unsigned long value;
    char name[64];
    long slot;
    int signal;

    if (!pid) {
        ptrace(TRACEME, 0, 0, 0);
        call(SYS_kill, call(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0, 0);
        access->make(at);
        call(SYS_kill, call(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0, 0);
        leave(0);
    }
    wait_for(pid);
    slot = ptrace(SETHWDEBUG, pid, 0, &watch);
    ptrace(CONT, pid, 0, 0);
    signal = wait_for(pid);
    join(name, what, "signal");
    report(name, signal);
    if (signal == SIGTRAP) {
        unsigned long info[16];

        ptrace(GETSIGINFO, pid, 0, info);
        join(name, what, "code");
        report(name, (unsigned)info[1]);
        join(name, what, "address");
        report(name, info[2] - (unsigned long)data);
        ptrace(PEEKUSER, pid, 8 * NIP, &value);
        join(name, what, "opcode");
        report(name, *(unsigned *)value >> 26);
        ptrace(PEEKDATA, pid, (unsigned long)at & -8, &value);
        join(name, what, "before");
        report(name, value);
        // Without the watchpoint the access is made.
        ptrace(DELHWDEBUG, pid, slot, 0);
        ptrace(CONT, pid, 0, 0);
        signal = wait_for(pid);
        ptrace(PEEKDATA, pid, (unsigned long)at & -8, &value);
        join(name, what, "after");
        report(name, value);
    }
    ptrace(CONT, pid, 0, 0);
    wait_for(pid);
}

void start(long number, char **arguments)
{
    char *at = data + 0x400;
    struct hw_breakpoint exact = { 1, WRITE, EXACT, 0, (unsigned long)at, 0, 0 };
    struct debug_info info = { 0 };
    long pid;

    (void)number;
    (void)arguments;
    // Any child will do: what is asked is what the processor has.
    pid = call(SYS_fork, 0, 0, 0, 0, 0, 0);
    if (!pid) {
        ptrace(TRACEME, 0, 0, 0);
        call(SYS_kill, call(SYS_getpid, 0, 0, 0, 0, 0, 0), SIGSTOP, 0, 0, 0, 0);
        leave(0);
    }
    wait_for(pid);
    ptrace(GETHWDBGINFO, pid, 0, &info);
    ptrace(CONT, pid, 0, 0);
    wait_for(pid);
    report("info.data_bps", info.data_bps);
    report("info.features", info.features);

    for (unsigned long i = 0; i < sizeof(data); i++)
        data[i] = 0x11;
    if (info.data_bps) {
        struct hw_breakpoint range = { 1, READ, RANGE, 0, (unsigned long)at, (unsigned long)at + 64, 0 };

        debug("write", &accesses[2], at, exact);
        debug("neighbour", &accesses[2], at + 8, exact);
        debug("kind", &accesses[7], at, exact);
        debug("range", &accesses[6], at + 60, range);
        debug("outside", &accesses[6], at + 64, range);
        debug("system_call", &accesses[10], at, exact);
        debug("across", &accesses[2], at - 4, exact);
    }
    complete(at + 8);
    count("w8", 2, (unsigned long)at, 8, EXCLUDE_KERNEL | EXCLUDE_HV);
    count("r8", 1, (unsigned long)at, 8, EXCLUDE_KERNEL | EXCLUDE_HV);
    count("rw256", 3, (unsigned long)data + 0x800, 256, EXCLUDE_KERNEL | EXCLUDE_HV);
    count("kernel", 3, (unsigned long)at, 8, 0);
    leave(0);
}
