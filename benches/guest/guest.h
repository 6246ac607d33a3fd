// What the programs of the benchmark need of Linux: a start, system calls, numbers on the console, and a generator of
// random numbers that is the same everywhere. There is no libc, so that a cross compiler without one will do.
#pragma once

enum {
    SYS_exit = 1, SYS_fork = 2, SYS_write = 4, SYS_execve = 11, SYS_getppid = 64, SYS_mmap = 90, SYS_munmap = 91,
    SYS_wait4 = 114
};

// Power Architecture 64-Bit ELF V2 ABI, "Process Initialization": R1 is the stack, R12 the entry's address.
__asm__(".globl _start\n"
        "_start:\n"
        "addis 2, 12, .TOC.-_start@ha\n"
        "addi 2, 2, .TOC.-_start@l\n"
        "ld 3, 0(1)\n"
        "addi 4, 1, 8\n"
        "clrrdi 1, 1, 4\n"
        "li 0, 0\n"
        "stdu 0, -32(1)\n"
        "mtlr 0\n"
        "bl start\n");

void start(long count, char **arguments);

// The result, or the negative error as on other machines: CR0[SO] says which (Linux, powerpc/syscall64-abi).
static inline long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long r0 __asm__("r0") = number;
    register long r3 __asm__("r3") = a;
    register long r4 __asm__("r4") = b;
    register long r5 __asm__("r5") = c;
    register long r6 __asm__("r6") = d;
    register long r7 __asm__("r7") = e;
    register long r8 __asm__("r8") = f;
    __asm__ volatile("sc\n"
                     "bns+ 1f\n"
                     "neg 3, 3\n"
                     "1:"
                     : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
                     :
                     : "r9", "r10", "r11", "r12", "cr0", "ctr", "memory");
    return r3;
}

static inline void __attribute__((noreturn)) leave(int status)
{
    for (;;)
        call(SYS_exit, status, 0, 0, 0, 0, 0);
}

static inline void write_all(const char *data, unsigned long size)
{
    while (size) {
        long done = call(SYS_write, 1, (long)data, size, 0, 0, 0);
        if (done <= 0)
            leave(1);
        data += done;
        size -= done;
    }
}

// One line in one call, so that it comes to the console at once: "bench: WORD NAME" and what `value` points to.
static inline void say(const char *word, const char *name, const unsigned long *value)
{
    char line[96], *to = line;
    const char *parts[] = { "bench: ", word, " ", name };

    for (int i = 0; i < 4; i++)
        for (const char *from = parts[i]; *from; from++)
            *to++ = *from;
    if (value) {
        *to++ = ' ';
        for (int shift = 60; shift >= 0; shift -= 4)
            *to++ = "0123456789abcdef"[*value >> shift & 15];
    }
    *to++ = '\n';
    write_all(line, to - line);
}

static inline void begin(const char *name)
{
    say("begin", name, 0);
}

static inline void end(const char *name, unsigned long result)
{
    say("end", name, 0);
    say("result", name, &result);
}

// Bytes that are the program's own until it gives them back. Linux's numbers: read and write, private, anonymous.
static inline char *map(unsigned long size)
{
    long address = call(SYS_mmap, 0, size, 1 | 2, 2 | 0x20, -1, 0);
    if (address < 0 && address > -4096)
        leave(2);
    return (char *)address;
}

static inline void unmap(char *address, unsigned long size)
{
    if (call(SYS_munmap, (long)address, size, 0, 0, 0, 0))
        leave(3);
}

// xorshift64* (Marsaglia; Vigna).
static inline unsigned long next_random(unsigned long *state)
{
    unsigned long x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1dul;
}
