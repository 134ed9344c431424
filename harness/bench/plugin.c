// SPDX-License-Identifier: GPL-2.0
/*
 * TCG plugin: what does the guest's kernel execute between two marks?
 *
 *	-plugin plugin.so,symbols=FILE,out=FILE
 *
 * Counted per symbol: instructions, LOCK-prefixed ones (and the exchange with
 * memory, which locks unasked), memory accesses, entries.  A user program marks
 * the begin and the end of a section by a no-op that nobody else uses.
 *
 * Only what tasks that have a user mode do counts, outside of interrupts: the
 * timer and the kernel's own threads come when they like.  When they are done,
 * the counters are put back to what they were.  A task is known by its stack,
 * and to have a user mode by a system call or a page fault.
 *
 * For one vCPU; the counters are not atomic.  Written for version 1 of the
 * plugin interface, that of QEMU 7.2, whose header no package of Debian 12
 * contains; hence the declarations.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API		1
#define PUBLIC		__attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;

/* What QEMU says about itself. */
struct qemu_said {
	const char *target;
	struct {
		int least;
		int now;
	} api;
	bool whole_system;
	int vcpus, vcpus_max;
};

extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t self,
		void (*fn)(uint64_t self, struct qemu_plugin_tb *tb));
extern void qemu_plugin_register_atexit_cb(uint64_t self,
		void (*fn)(uint64_t self, void *arg), void *arg);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
extern struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
extern const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
extern size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
extern void qemu_plugin_register_vcpu_insn_exec_cb(
		struct qemu_plugin_insn *insn,
		void (*fn)(unsigned int vcpu, void *arg), int regs, void *arg);
extern void qemu_plugin_register_vcpu_insn_exec_inline(
		struct qemu_plugin_insn *insn, int op, void *counter,
		uint64_t add);
extern void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
		void (*fn)(unsigned int vcpu, uint32_t info, uint64_t addr,
			   void *arg),
		int regs, int kind, void *arg);
extern void qemu_plugin_register_vcpu_mem_inline(struct qemu_plugin_insn *insn,
		int kind, int op, void *counter, uint64_t add);

/* Arguments of the functions above. */
enum { ADD_U64 = 0, NO_REGISTERS = 0, LOADS_AND_STORES = 3 };

#define KERNEL		0xffffffff80000000ULL
#define BEGIN_MARK	0x4e4d0001U
#define END_MARK	0x4e4d0002U

/* What a symbol is, as the table says. */
enum {
	PLAIN = '.',
	INTERRUPT = 'i',
	FAULT = 'f',
	SYSCALL = 's',		/* pushes to the stack of a task with user mode */
	SWITCHED = 't',		/* pushes to the stack of the task switched to */
	BORN = 'b',		/* first thing of a new task, before it pushes */
};

#define STACK_SIZE	0x4000ULL
#define NR_TASKS	1024

struct symbol {
	uint64_t addr;
	char kind;
};

struct counts {
	uint64_t insns, locked, accesses, entries;
};

struct task {
	uint64_t stack;
	unsigned int interrupts;
	bool has_user_mode;
};

PUBLIC int qemu_plugin_version = API;

static struct symbol *symbols;
static size_t nr_symbols;
static struct counts *counts, *saved;
static FILE *out;
static unsigned int section;
static bool open_section;
static struct task tasks[NR_TASKS], *current = tasks;
static bool left_out, born;

/* Something has changed: does what comes now count? */
static void decide(void)
{
	bool leave_out = current->interrupts || !current->has_user_mode;

	if (open_section && leave_out && !left_out)
		memcpy(saved, counts, nr_symbols * sizeof(*counts));
	if (open_section && !leave_out && left_out)
		memcpy(counts, saved, nr_symbols * sizeof(*counts));
	left_out = leave_out;
}

static struct task *find_task(uint64_t stack)
{
	size_t i, first = stack / STACK_SIZE % NR_TASKS;

	for (i = first; tasks[i].stack != stack; i = (i + 1) % NR_TASKS) {
		if (!tasks[i].stack)
			tasks[i] = (struct task) { .stack = stack };
		else if ((i + 1) % NR_TASKS == first)
			abort();
		else
			continue;
		break;
	}
	return &tasks[i];
}

static void on_switched(unsigned int vcpu, uint32_t info, uint64_t addr,
			void *arg)
{
	current = find_task(addr & ~(STACK_SIZE - 1));
	/* The stack may have been another task's. */
	if (born)
		*current = (struct task) { .stack = current->stack };
	born = false;
	decide();
}

static void on_born(unsigned int vcpu, void *arg)
{
	born = true;
}

static void on_syscall(unsigned int vcpu, uint32_t info, uint64_t addr,
		       void *arg)
{
	current = find_task(addr & ~(STACK_SIZE - 1));
	current->has_user_mode = true;
	current->interrupts = 0;
	decide();
}

/*
 * A new task faults before its first system call.  One that faults is in no
 * interrupt, and no thread of the kernel's.
 */
static void on_fault(unsigned int vcpu, void *arg)
{
	current->has_user_mode = true;
	current->interrupts = 0;
	decide();
}

static void on_interrupt(unsigned int vcpu, void *arg)
{
	current->interrupts++;
	decide();
}

/* Of an interrupt or of a fault. */
static void on_iret(unsigned int vcpu, void *arg)
{
	if (!current->interrupts)
		return;
	current->interrupts--;
	decide();
}

static void on_begin(unsigned int vcpu, void *arg)
{
	memset(counts, 0, nr_symbols * sizeof(*counts));
	memset(saved, 0, nr_symbols * sizeof(*saved));
	open_section = true;
}

static void on_end(unsigned int vcpu, void *arg)
{
	size_t i;

	open_section = false;
	fprintf(out, "section %u\n", section++);
	for (i = 0; i < nr_symbols; i++) {
		struct counts *c = &counts[i];

		if (c->insns)
			fprintf(out, "%zu %llu %llu %llu %llu\n", i,
				(unsigned long long)c->insns,
				(unsigned long long)c->locked,
				(unsigned long long)c->accesses,
				(unsigned long long)c->entries);
	}
	fflush(out);
}

static const struct symbol *find_symbol(uint64_t addr)
{
	size_t low = 0, high = nr_symbols;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (symbols[middle].addr <= addr)
			low = middle;
		else
			high = middle;
	}
	return &symbols[low];
}

/* Is it LOCK-prefixed, or an exchange with memory? */
static bool is_locked(const uint8_t *code, size_t size)
{
	size_t i = 0;

	for (; i < size && strchr("\x66\xf2\xf3\x2e\x36\x3e\x26\x64\x65\xf0",
				  code[i]) && code[i]; i++)
		if (code[i] == 0xf0)
			return true;
	if (i < size && (code[i] & 0xf0) == 0x40)
		i++;
	return i + 1 < size && (code[i] & 0xfe) == 0x86 &&
	       (code[i + 1] & 0xc0) != 0xc0;
}

static bool is_iretq(const uint8_t *code, size_t size)
{
	return size == 2 && code[0] == 0x48 && code[1] == 0xcf;
}

/* Of a register, or of a small number. */
static bool is_push(const uint8_t *code, size_t size)
{
	if (size == 2 && code[0] == 0x41)
		code++;
	return (code[0] & 0xf8) == 0x50 || code[0] == 0x6a;
}

static void watch_user(struct qemu_plugin_insn *insn)
{
	static const uint8_t nop[] = { 0x0f, 0x1f, 0x80 };
	const uint8_t *code = qemu_plugin_insn_data(insn);
	uint32_t mark;

	if (qemu_plugin_insn_size(insn) != 7 || memcmp(code, nop, sizeof(nop)))
		return;
	memcpy(&mark, code + sizeof(nop), sizeof(mark));
	if (mark == BEGIN_MARK)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_begin,
						       NO_REGISTERS, NULL);
	if (mark == END_MARK)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, on_end,
						       NO_REGISTERS, NULL);
}

/* What changes whether anything counts. */
static void watch_tasks(struct qemu_plugin_insn *insn, char kind, bool first)
{
	const uint8_t *code = qemu_plugin_insn_data(insn);
	size_t size = qemu_plugin_insn_size(insn);
	void (*fn)(unsigned int vcpu, void *arg) = NULL;

	if (first && kind == INTERRUPT)
		fn = on_interrupt;
	else if (first && kind == FAULT)
		fn = on_fault;
	else if (first && kind == BORN)
		fn = on_born;
	else if (is_iretq(code, size))
		fn = on_iret;
	if (fn)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, fn, NO_REGISTERS,
						       NULL);
	if (!is_push(code, size) || (kind != SYSCALL && kind != SWITCHED))
		return;
	qemu_plugin_register_vcpu_mem_cb(insn, kind == SYSCALL ? on_syscall :
					 on_switched, NO_REGISTERS,
					 LOADS_AND_STORES, NULL);
}

static void watch_kernel(struct qemu_plugin_insn *insn, uint64_t addr)
{
	const struct symbol *symbol = find_symbol(addr);
	struct counts *c = &counts[symbol - symbols];
	bool first = symbol->addr == addr;

	watch_tasks(insn, symbol->kind, first);
	qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64, &c->insns, 1);
	if (first)
		qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64,
							   &c->entries, 1);
	if (is_locked(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn)))
		qemu_plugin_register_vcpu_insn_exec_inline(insn, ADD_U64,
							   &c->locked, 1);
	qemu_plugin_register_vcpu_mem_inline(insn, LOADS_AND_STORES, ADD_U64,
					     &c->accesses, 1);
}

static void on_translation(uint64_t self, struct qemu_plugin_tb *tb)
{
	size_t i, n = qemu_plugin_tb_n_insns(tb);

	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		uint64_t addr = qemu_plugin_insn_vaddr(insn);

		if (addr >= KERNEL)
			watch_kernel(insn, addr);
		else
			watch_user(insn);
	}
}

static void on_leave(uint64_t self, void *arg)
{
	fprintf(out, "end %u\n", section);
	fclose(out);
}

/* Lines of "address kind", ascending. */
static int read_symbols(const char *path)
{
	FILE *in = fopen(path, "r");
	unsigned long long addr;
	size_t room = 0;
	char kind;

	if (!in)
		return -1;
	while (fscanf(in, "%llx %c", &addr, &kind) == 2) {
		if (nr_symbols == room) {
			room = room ? 2 * room : 4096;
			symbols = realloc(symbols, room * sizeof(*symbols));
			if (!symbols)
				abort();
		}
		symbols[nr_symbols++] = (struct symbol) { addr, kind };
	}
	fclose(in);
	counts = calloc(nr_symbols, sizeof(*counts));
	saved = calloc(nr_symbols, sizeof(*saved));
	return nr_symbols && counts && saved ? 0 : -1;
}

PUBLIC int qemu_plugin_install(uint64_t self, const struct qemu_said *qemu,
			       int argc, char **argv)
{
	int i, bad = 0;

	if (qemu->api.now != API || !qemu->whole_system || qemu->vcpus != 1) {
		fprintf(stderr, "plugin: needs plugin interface %d (this QEMU: "
			"%d), a whole system and one vCPU\n", API,
			qemu->api.now);
		return -1;
	}
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "symbols=", 8))
			bad |= read_symbols(argv[i] + 8);
		else if (!strncmp(argv[i], "out=", 4))
			out = fopen(argv[i] + 4, "w");
	}
	if (bad || !symbols || !out) {
		fprintf(stderr, "plugin: cannot use symbols= or out=\n");
		return -1;
	}
	qemu_plugin_register_vcpu_tb_trans_cb(self, on_translation);
	qemu_plugin_register_atexit_cb(self, on_leave, NULL);
	return 0;
}
