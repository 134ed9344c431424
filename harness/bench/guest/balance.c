// SPDX-License-Identifier: GPL-2.0
/*
 * A guest under NUMA balancing: how often its memory is withdrawn for a hint,
 * and how much of it.
 *
 *	balance SECONDS CASE...
 *
 * The guest has touched all of its memory. In the case "all" it goes on with
 * all of it, in "hot" with a sixteenth. In "pinned" all pages are pinned, as for
 * a device that the guest was given; in "shared" they are shared with a child.
 *
 * A line for each: "@@B case callouts pages flushes hints faults": callouts for
 * changes of protection in the mm, the pages of the guest that they announced,
 * flushes that KVM asked for, hints made, faults on them.
 */
#define _GNU_SOURCE
#include <linux/types.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ops.h"
#include "subs.h"
#include "vcpu.h"
#include "../../../tools/testing/selftests/mmu_notifier/util.h"

#define MEMORY		(32 * HUGE)
#define PAGES		(MEMORY / PAGE)
#define HOT		(PAGES / 16)
#define SWITCH		"/proc/sys/kernel/numa_balancing"
#define BALANCING	"/sys/kernel/debug/sched/numa_balancing/"

/* As mm/gup_test.h says. */
struct pin {
	__u64 addr;
	__u64 size;
	__u32 flags;
};

#define PIN_START	_IOW('g', 7, struct pin)
#define PIN_WRITE	1

struct counts {
	unsigned long callouts;
	unsigned long pages;
	unsigned long flushes;
	unsigned long hints;
	unsigned long faults;
};

static unsigned long vmstat(const char *name)
{
	static char text[32768];
	char *at;

	must(!read_file("/proc/vmstat", text, sizeof(text)), "/proc/vmstat");
	at = strstr(text, name);
	must(at != NULL, name);
	return strtoul(at + strlen(name), NULL, 10);
}

/* What one callout announced of the guest. */
static unsigned long pages_of(const struct mnt_record *record,
			      const char *memory)
{
	uint64_t first = (uintptr_t)memory, after = first + MEMORY;

	/* What a hint is called differs between the kernels. */
	if ((record->event != PROTECTION_VMA &&
	     record->event != PROTECTION_PAGE) ||
	    record->start >= after || record->end <= first)
		return 0;
	if (record->start > first)
		first = record->start;
	if (record->end < after)
		after = record->end;
	return (after - first) / PAGE;
}

/* Before the log of the callouts is full. */
static void drain(int fd, int id, const char *memory, struct counts *counts)
{
	struct mnt_record records[MNT_LOG_SIZE];
	int nr = dev_log(fd, id, records), i;

	for (i = 0; i < nr; i++)
		counts->pages += pages_of(&records[i], memory);
}

static void count(int fd, int id, struct counts *counts)
{
	struct mnt_stats stats = dev_stats(fd, id);

	counts->callouts = stats.events[PROTECTION_VMA] +
			   stats.events[PROTECTION_PAGE];
	counts->flushes = kvm_stat("remote_tlb_flush_requests");
	counts->hints = vmstat("numa_pte_updates ");
	counts->faults = vmstat("numa_hint_faults ");
}

static void pin(char *memory)
{
	struct pin arg = {
		.addr = (uintptr_t)memory,
		.size = MEMORY,
		.flags = PIN_WRITE,
	};
	int fd = open("/sys/kernel/debug/gup_test", O_RDWR | O_CLOEXEC);

	must(fd >= 0 && !ioctl(fd, PIN_START, &arg), "gup_test");
}

static pid_t share(void)
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (!pid) {
		pause();
		_exit(0);
	}
	return pid;
}

static void guest_pass(struct vcpu *vcpu, unsigned int pages)
{
	unsigned int i;

	vcpu_place(vcpu, 1);
	for (i = 1; i < pages; i++)
		vcpu_touch(vcpu);
}

static void one_case(const char *name, const void *arg)
{
	unsigned int seconds = *(const unsigned int *)arg;
	unsigned int pages = strcmp(name, "hot") ? PAGES : HOT;
	struct counts old = {}, new = {};
	char *memory = area_map(MEMORY);
	int fd = dev_open(), id;
	struct vcpu vcpu;
	pid_t child = 0;
	uint64_t until;

	memset(memory, 1, MEMORY);
	vcpu = vcpu_create(memory, MEMORY);
	guest_pass(&vcpu, PAGES);
	if (!strcmp(name, "pinned"))
		pin(memory);
	if (!strcmp(name, "shared"))
		child = share();
	id = dev_add(fd, 0, MNT_LIST_START, NULL, 0, NULL);
	if (id < 0)
		printf("bench: subscribe: %d\n", id);
	must(id >= 0, "subscribe");
	count(fd, id, &old);
	for (until = now_ns() + seconds * 1000 * MSEC; now_ns() < until;) {
		guest_pass(&vcpu, pages);
		drain(fd, id, memory, &new);
	}
	count(fd, id, &new);
	printf("@@B %s %lu %lu %lu %lu %lu\n", name,
	       new.callouts - old.callouts, new.pages,
	       new.flushes - old.flushes, new.hints - old.hints,
	       new.faults - old.faults);
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	unsigned int seconds;
	int i;

	must(argc > 2, "usage: balance SECONDS CASE...");
	seconds = strtoul(argv[1], NULL, 10);
	/* An emulated guest is slow; a scan now and then would show little. */
	write_file(BALANCING "scan_delay_ms", "100");
	write_file(BALANCING "scan_period_min_ms", "100");
	write_file(BALANCING "scan_period_max_ms", "1000");
	must(!write_file(SWITCH, "1"), SWITCH);
	for (i = 2; i < argc; i++)
		in_child(one_case, argv[i], &seconds);
	return 0;
}
