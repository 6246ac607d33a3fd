/* The demo guest: what runs after entry.S, in order. */
#include "hcall.h"

#define KERNEL_MSR 0x8000000000000000ul

static int option_begins(const char *at, const char *name)
{
	while (*name && *at == *name)
		at++, name++;
	return !*name;
}

/* The value after `name` ("rounds=") among the boot arguments, 1 for a word without a value, else `otherwise`. */
static u64 option(const char *name, u64 otherwise)
{
	for (const char *at = machine.bootargs; *at; at++) {
		const char *end = name;
		u64 value = 0;

		if ((at != machine.bootargs && at[-1] != ' ') || !option_begins(at, name))
			continue;
		while (*end)
			end++;
		if (end[-1] != '=')
			return 1;
		for (at += end - name; *at >= '0' && *at <= '9'; at++)
			value = value * 10 + (u64)(*at - '0');
		return value;
	}
	return otherwise;
}

static void set_msr(u64 value)
{
	__asm__ volatile("mtmsrd %0; isync" : : "r"(value) : "memory");
}

static void introduce(void)
{
	put("pyspapr demo guest: ");
	put_number(machine.memory_size >> 20);
	put(" MiB of memory, hash table of 2^");
	put_number(machine.pft_shift);
	put(" bytes, ");
	put_number(machine.slb_size);
	put(" SLB entries, timebase ");
	put_number(machine.timebase_hz / 1000000);
	put(" MHz\n");
	put("arguments: ");
	put(machine.bootargs);
	put("\n");
}

static void report(u64 round)
{
	put("round ");
	put_number(round);
	put(": ");
	put_number(churn_operations);
	put(" page operations, checksum ");
	put_hex(checksum);
	put("\n");
}

void start(u64 tree, u64 unused, u64 client_interface) __attribute__((noreturn));
void start(u64 tree, u64 unused, u64 client_interface)
{
	u64 kernel = KERNEL_MSR | MSR_ME | MSR_RI | MSR_LE;
	u64 rounds, operations, every, started;

	(void)unused;
	firmware_discover(tree, client_interface);
	machine.peer |= option("peer", 0);
	introduce();
	/* Interrupts little-endian (H_SET_MODE resource 4, value 1), as this code is. */
	check("H_SET_MODE for little-endian interrupts", H_SUCCESS, hcall4(H_SET_MODE, 1, 4, 0, 0));
	trap_install(kernel);
	set_msr(kernel);
	mmu_start();
	put("memory map entered by H_ENTER, ");
	put(machine.has_16m ? "16 MiB" : "64 KiB");
	put(" pages\n");
	kernel |= MSR_IR | MSR_DR;
	processor.kmsr = kernel;
	set_msr(kernel);
	put("translation is on\n");
	mtspr(22, machine.timebase_hz / 200);
	set_msr(kernel | MSR_EE);
	if (option("hang", 0)) {
		put("hanging with interrupts off\n");
		set_msr(kernel);
		for (;;)
			;
	}
	if (option("panic", 0))
		os_term("demo guest: asked to panic");
	selftest();
	put("self-test passed, interrupts at their real addresses\n");
	/* Resource 3 (address translation mode on interrupt), value 3: vectors at 0xc000000000004000. */
	check("H_SET_MODE for relocated interrupts", H_SUCCESS, hcall4(H_SET_MODE, 3, 3, 0, 0));
	selftest();
	put("self-test passed, interrupts at their relocated addresses\n");
	if (option("selftest", 0))
		power_off();
	churn_start();
	rounds = option("forever", 0) ? ~0ul : option("rounds=", 160);
	operations = option("churn=", 1000);
	every = rounds <= 10 ? 1 : rounds == ~0ul ? 50 : rounds / 10;
	started = timebase();
	for (u64 round = 1; round <= rounds; round++) {
		churn_round(round, operations);
		if (round % every == 0)
			report(round);
	}
	check("decrementer ticks counted", 1, ticks > 0 && timebase() >= started);
	put("checksum ");
	put_hex(checksum);
	put("\ndone: ");
	put_number(churn_operations);
	put(" page operations, every check passed, in ");
	put_number((timebase() - started) * 1000 / machine.timebase_hz);
	put(" ms of guest time with ");
	put_number(ticks);
	put(" decrementer interrupts and ");
	put_number(slb_faults);
	put(" segment interrupts\n");
	power_off();
}
