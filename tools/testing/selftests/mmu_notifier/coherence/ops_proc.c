// SPDX-License-Identifier: GPL-2.0
/*
 * What is done to a process from outside, or by looking at it: soft dirty
 * bits, tracing, probes, pins, bad memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mman.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mm/gup_test.h>

#include "matrix.h"

#define PROBES		"/sys/bus/event_source/devices/uprobe/type"
#define GUP_FILE	"/sys/kernel/debug/gup_test"
#define UNPOISON	"/sys/kernel/debug/hwpoison/unpoison-pfn"
/* An instruction of one byte, at a place of its own. */
#define NOP_AT		0x800
#define NOP		((char)0x90)

static int clear_soft_dirty(struct area *area)
{
	return set_file(area, "/proc/self/clear_refs", "4");
}

static int clear_young(struct area *area)
{
	return set_file(area, "/proc/self/clear_refs", "1");
}

static int make_readonly(struct area *area)
{
	area->readonly = true;
	return mprotect(area->addr, area->len, PROT_READ) ?
	       failed(area, "mprotect") : DONE;
}

/* As a debugger does: also what the process itself may not write. */
static int write_by_tracer(struct area *area, pid_t pid)
{
	char path[32], page[PAGE];
	struct area one = { .addr = area->addr, .len = PAGE };
	int fd, ret = DONE;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	for (; one.addr < area->addr + area->len && !ret; one.addr += PAGE) {
		tag_pages(&one, page, 1);
		if (pwrite(fd, page, PAGE, (uintptr_t)one.addr) != PAGE)
			ret = failed(area, "pwrite");
	}
	close(fd);
	return ret;
}

/* There is an instruction, in memory that can be executed and not written. */
static int prepare_probe(struct area *area)
{
	size_t at;

	for (at = 0; at < area->len; at += PAGE)
		if (pwrite(area->fd, &(char){ NOP }, 1, at + NOP_AT) != 1)
			return failed(area, "pwrite");
	return mprotect(area->addr, area->len, PROT_READ | PROT_EXEC) ?
	       failed(area, "mprotect") : DONE;
}

static int probe(struct area *area, const char *path, unsigned int type)
{
	struct perf_event_attr attr = {
		.type = type,
		.size = sizeof(attr),
		.uprobe_path = (uintptr_t)path,
		.probe_offset = NOP_AT,
	};

	area->helper = syscall(SYS_perf_event_open, &attr, getpid(), -1, -1, 0);
	return area->helper < 0 ? failed(area, "perf_event_open") : DONE;
}

static int set_probe(struct area *area)
{
	char path[48], type[16];

	if (read_file(PROBES, type, sizeof(type)))
		return lacking(area, "no uprobes");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", area->fd);
	return probe(area, path, atoi(type));
}

/* For a device: where it is, a page may not be pinned for long. */
static int pin_longterm(struct area *area)
{
	struct pin_longterm_test arg = {
		.addr = (uintptr_t)area->addr,
		.size = area->len,
		.flags = area->readonly || area->kind == FILE_SHARED ? 0 :
			 PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};

	area->helper = open(GUP_FILE, O_RDWR);
	if (area->helper < 0)
		return lacking(area, "no %s", GUP_FILE);
	settle_pages();
	return ioctl(area->helper, PIN_LONGTERM_TEST_START, &arg) ?
	       failed(area, "PIN_LONGTERM_TEST_START") : DONE;
}

/* What the signal tells is known; without it the process would be killed. */
static void survive(int signal)
{
	(void)signal;
}

/* The first page turns out to be bad, or about to be. */
static int damage(struct area *area, int advice)
{
	area->other = (char *)pagemap_pfn(area->addr);
	settle_pages();
	signal(SIGBUS, survive);
	if (madvise(area->addr, PAGE, advice))
		return errno == EINVAL ? lacking(area, "no memory failures") :
		       failed(area, "madvise");
	return DONE;
}

static int poison(struct area *area)
{
	return damage(area, MADV_HWPOISON);
}

static int soft_offline(struct area *area)
{
	return damage(area, MADV_SOFT_OFFLINE);
}

/* So that the next one does not run out of memory. */
static int heal(struct area *area)
{
	char frame[32];

	snprintf(frame, sizeof(frame), "%lu", (unsigned long)area->other);
	write_file(UNPOISON, frame);
	return DONE;
}

static int bury(struct area *area)
{
	munmap(area->addr, area->unit);
	return heal(area);
}

const struct op ops_proc[] = {
	{ "soft-dirty", ANY, .after = SAME, .keeps = HUGETLB_ANY,
	  .quiet = ONLY(ZERO) | ONLY(FILE_PRIVATE), .run = clear_soft_dirty,
	  .why = BY(SOFT_DIRTY) },
	{ "clear-young", ANY, .after = SAME, .keeps = ANY,
	  .run = clear_young },
	{ "ptrace-write", ANON_ANY | ONLY(FILE_PRIVATE) | ONLY(ZERO),
	  "not copied for a tracer", .after = CHANGED, .keeps = ANON_ANY,
	  .prepare = make_readonly, .remote = write_by_tracer,
	  .why = BY(COW) },
	{ "uprobe", ONLY(FILE_PRIVATE), "only in the text of programs",
	  .after = OTHER, .prepare = prepare_probe, .run = set_probe,
	  .undo = close_helper,
	  .why = BY(UPROBE) },
	{ "pin-longterm", ANY, .after = SAME, .keeps = ANY,
	  .run = pin_longterm, .undo = close_helper,
	  .why = BY(COW) },
	{ "memory-failure", ANY & ~ONLY(ZERO), "there is one zero page",
	  .after = OTHER, .run = poison, .undo = bury,
	  .why = BY(HWPOISON) | BY(THP_SPLIT) },
	{ "soft-offline", ANY & ~ONLY(ZERO), "there is one zero page",
	  .after = SAME, .run = soft_offline, .undo = heal,
	  .why = BY(MIGRATE), .also = BY(THP_SPLIT) },
	{ }
};
