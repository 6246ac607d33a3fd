/* The peer's side of versus_qemu: reads records from stdin, runs each, writes what it left to stdout.
 *
 * A record is HEADER doublewords in this program's byte order (run_one.S and record.rs name them), followed by the
 * 4 KiB buffer if flag MEMORY is set. The answer has the same shape; its first doubleword is the signal that ended
 * it or 0, its second the address where. Runs under qemu user mode, with nothing but system calls beneath it. */
typedef unsigned long u64;
typedef unsigned int u32;

#define HEADER 174
#define BUFFER 0x100000ul
#define BUFFER_BYTES 0x1000ul
#define LANDING 0x108000ul
#define LANDING_BYTES 0x10000ul
#define CODE 0x110000ul
#define NOP 0x60000000u
#define TRAP 0x7fe00008u
enum { MEMORY = 1, BRANCH = 2 };

u64 result[HEADER];
static u64 state[HEADER];
long run_one(const u64 *state);
void leave_by_signal(long number) __attribute__((noreturn));
void leave_normally(void);

static long call(long number, u64 a, u64 b, u64 c, u64 d, u64 e, u64 f)
{
	register long r0 __asm__("r0") = number;
	register u64 r3 __asm__("r3") = a, r4 __asm__("r4") = b, r5 __asm__("r5") = c;
	register u64 r6 __asm__("r6") = d, r7 __asm__("r7") = e, r8 __asm__("r8") = f;

	__asm__ volatile("sc; bns+ 1f; neg 3,3; 1:"
			 : "+r"(r0), "+r"(r3), "+r"(r4), "+r"(r5), "+r"(r6), "+r"(r7), "+r"(r8)
			 :
			 : "r9", "r10", "r11", "r12", "ctr", "xer", "cr0", "memory");
	return (long)r3;
}

static void leave(u64 status)
{
	call(234, status, 0, 0, 0, 0, 0); /* exit_group */
}

static int transfer(long number, u64 fd, void *at, u64 length)
{
	for (u64 done = 0; done < length;) {
		long n = call(number, fd, (u64)at + done, length - done, 0, 0, 0);

		if (n <= 0)
			return 0;
		done += (u64)n;
	}
	return 1;
}

/* struct ucontext of the 64-bit ABI: 48 gp_regs begin at byte 232, fp_regs follow; the last of those is the FPSCR, which
 * the handler finds cleared. */
static void on_signal(int number, void *info, const char *context)
{
	const u64 *regs = (const u64 *)(context + 232);

	(void)info;
	for (u32 i = 0; i < 32; i++)
		result[4 + i] = regs[i];
	result[1] = regs[32];
	result[36] = regs[38];
	result[37] = regs[37];
	result[38] = regs[36];
	result[39] = regs[35];
	result[41] = regs[48 + 32];
	leave_by_signal(number);
}

static void map(u64 address, u64 length)
{
	/* PROT_READ | WRITE | EXEC, MAP_PRIVATE | FIXED | ANONYMOUS */
	if (call(90, address, length, 7, 0x32, ~0ul, 0) != (long)address)
		leave(2);
}

void serve(void)
{
	static u64 stack[8192];
	static const int signals[] = { 4, 5, 7, 8, 11 };
	u64 alternate[3] = { (u64)stack, 0, sizeof stack };
	u32 *code = (u32 *)CODE;

	map(BUFFER, BUFFER_BYTES);
	map(LANDING, LANDING_BYTES);
	for (u32 i = 0; i < LANDING_BYTES / 4; i++)
		((u32 *)LANDING)[i] = TRAP;
	call(185, (u64)alternate, 0, 0, 0, 0, 0); /* sigaltstack */
	for (u32 i = 0; i < sizeof signals / sizeof *signals; i++) {
		/* SA_SIGINFO | SA_ONSTACK | SA_NODEFER */
		u64 action[4] = { (u64)on_signal, 0x48000004, 0, 0 };

		call(173, (u64)signals[i], (u64)action, 0, 8, 0, 0); /* rt_sigaction */
	}
	while (transfer(3, 0, state, sizeof state)) {
		u64 flags = state[2];

		if (flags & MEMORY && !transfer(3, 0, (void *)BUFFER, BUFFER_BYTES))
			leave(2);
		u32 *next = code;

		*next++ = state[0] ? (u32)state[0] : NOP;
		if (state[1] >> 32)
			*next++ = (u32)(state[1] >> 32);
		*next++ = (u32)state[1];
		*next = flags & BRANCH ? TRAP : 0x48000002u | (u32)(u64)leave_normally; /* ba */
		__asm__ volatile("dcbst 0,%0; sync; icbi 0,%0; sync; isync" : : "r"(code) : "memory");
		result[1] = (u64)next;
		result[0] = (u64)run_one(state);
		if (!transfer(4, 1, result, sizeof result))
			leave(2);
		if (flags & MEMORY && !transfer(4, 1, (void *)BUFFER, BUFFER_BYTES))
			leave(2);
	}
	leave(0);
}
