/* What the machine says about itself, and the calls that end a run.
 *
 * Entered with a flattened device tree in the ordinary case. With an Open Firmware client interface instead
 * (the peer check against another machine), the few properties that matter are asked for one by one. */
#include "hcall.h"

struct machine machine;
static u32 rtas_args[16] __attribute__((aligned(64)));
static const u8 *tree;
static u8 answer[512];

static u32 swap32(u64 value)
{
	return __builtin_bswap32((u32)value);
}

/* One call of the client interface (IEEE 1275, "Client Interface"): all cells big-endian. */
static u32 client_call(const char *service, u64 a, u64 b, u64 c, u64 d, u32 inputs)
{
	u32 cells[] = { swap32(REAL(service)), swap32(inputs), swap32(1), swap32(a), swap32(b), swap32(c), swap32(d), 0 };
	static u32 args[8] __attribute__((aligned(64)));

	for (u32 i = 0; i < 8; i++)
		args[i] = cells[i];
	args[3 + inputs] = 0;
	if (hcall4(H_VOF_CLIENT, REAL(args), 0, 0, 0) != H_SUCCESS)
		return ~0u;
	return __builtin_bswap32(args[3 + inputs]);
}

/* A property from either source; `client_path` is the full path that a client interface wants. */
static const u8 *property(const char *path, const char *client_path, const char *name, u32 *length)
{
	u32 node, n;

	*length = 0;
	if (tree)
		return fdt_property(tree, path, name, length);
	node = client_call("finddevice", REAL(client_path), 0, 0, 0, 1);
	if (node == ~0u)
		return 0;
	n = client_call("getprop", node, REAL(name), REAL(answer), sizeof answer, 4);
	if (n == ~0u)
		return 0;
	*length = n < sizeof answer ? n : sizeof answer;
	return answer;
}

static u32 cell(const char *path, const char *client_path, const char *name, u32 index, u32 otherwise)
{
	u32 length;
	const u8 *at = property(path, client_path, name, &length);

	return at && length >= 4 * (index + 1) ? be32(at + 4 * index) : otherwise;
}

/* ibm,segment-page-sizes: (base shift, SLB encoding, n, n × (shift, PTE encoding)) … (PAPR, CPU node). */
static void page_sizes(const u8 *at, u32 length)
{
	const u8 *end = at + length;

	while (at + 12 <= end) {
		u32 base = be32(at), slb = be32(at + 4), n = be32(at + 8);

		at += 12;
		for (u32 i = 0; i < n && at + 8 <= end; i++, at += 8) {
			u32 shift = be32(at), penc = be32(at + 4);

			if (base == 16 && shift == 16)
				machine.sllp_64k = slb, machine.penc_64k = penc;
			if (base == 16 && shift == 24)
				machine.penc_16m_in_64k = penc;
			if (base == 24 && shift == 24)
				machine.sllp_16m = slb, machine.has_16m = 1;
		}
	}
}

static const char cpu[] = "cpus/PowerPC,*";
static const char cpu_for_client[] = "/cpus/PowerPC,POWER8@0";

void firmware_discover(u64 tree_real, u64 client_interface)
{
	u32 length;
	const u8 *at;

	machine.vty = 0x71000000;
	machine.peer = client_interface != 0;
	if (!client_interface) {
		tree = ALIAS(tree_real);
		machine.tree_start = tree_real;
		machine.tree_end = tree_real + be32(tree + 4);
		check("magic of the device tree", 0xd00dfeed, be32(tree));
	}
	machine.vty = cell("vdevice/vty", "/vdevice/vty@71000000", "reg", 0, machine.vty);
	at = property("memory", "/memory@0", "reg", &length);
	machine.memory_size = at && length >= 16 ? be64(at + 8) : 256ul << 20;
	machine.pft_shift = cell(cpu, cpu_for_client, "ibm,pft-size", 1, 0);
	if (!machine.pft_shift)
		for (machine.pft_shift = 18; 128ul << machine.pft_shift < machine.memory_size;)
			machine.pft_shift++;
	machine.slb_size = cell(cpu, cpu_for_client, "ibm,slb-size", 0, 32);
	machine.timebase_hz = cell(cpu, cpu_for_client, "timebase-frequency", 0, 512000000);
	machine.sllp_64k = 0x110, machine.penc_64k = 1;
	at = property(cpu, cpu_for_client, "ibm,segment-page-sizes", &length);
	if (at)
		page_sizes(at, length);
	machine.rtas_power_off = cell("rtas", "/rtas", "power-off", 0, 0x2003);
	machine.rtas_os_term = cell("rtas", "/rtas", "ibm,os-term", 0, 0x201f);
	machine.rtas_base = cell("rtas", "/rtas", "linux,rtas-base", 0, 0);
	machine.rtas_entry = cell("rtas", "/rtas", "linux,rtas-entry", 0, 0);
	at = property("chosen", "/chosen", "bootargs", &length);
	for (u32 i = 0; at && i < length && i < sizeof machine.bootargs - 1; i++)
		machine.bootargs[i] = (char)at[i];
}

/* Calls RTAS: through its entry point if there is one, otherwise by the hypercall that entry would make. */
static void rtas(u32 token, u32 inputs, u64 a, u64 b)
{
	rtas_args[0] = swap32(token);
	rtas_args[1] = swap32(inputs);
	rtas_args[2] = swap32(1);
	rtas_args[3] = swap32(a);
	rtas_args[4] = swap32(b);
	rtas_args[3 + inputs] = 0;
	if (machine.rtas_entry)
		rtas_enter(REAL(rtas_args), machine.rtas_base, machine.rtas_entry);
	else
		hcall4(H_RTAS, REAL(rtas_args), 0, 0, 0);
}

static void stop(void) __attribute__((noreturn));
static void stop(void)
{
	for (;;)
		__asm__ volatile("mtmsrd %0,1" : : "r"(0ul) : "memory");
}

void power_off(void)
{
	rtas(machine.rtas_power_off, 2, ~0u, ~0u);
	put("FAIL: RTAS power-off came back\n");
	stop();
}

void os_term(const char *message)
{
	static char text[128];

	for (u32 i = 0; i < sizeof text - 1 && message[i]; i++)
		text[i] = message[i];
	rtas(machine.rtas_os_term, 1, REAL(text), 0);
	stop();
}
