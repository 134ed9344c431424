// SPDX-License-Identifier: GPL-2.0
/*
 * A guest under NUMA balancing: how often its memory is withdrawn for a hint.
 *
 *	balance SECONDS CASE...
 *
 * CASE is "local": one thread, whose pages are all where it runs; "threads":
 * the same with a second thread, so that all pages get hints; "pinned": as
 * "threads", with all pages pinned, as for a device that the guest was given;
 * "shared": as "threads", with a child that shares all pages.
 *
 * A line for each: "@@B case callouts flushes scans hints faults", the callouts
 * for changes of protection in the mm, remote TLB flushes of KVM, and times that
 * the whole mm was scanned.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/types.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ops.h"
#include "subs.h"
#include "vcpu.h"
#include "../../../tools/testing/selftests/mmu_notifier/util.h"

#define MEMORY		(32 * HUGE)
#define PAGES		(MEMORY / PAGE)
#define SWITCH		"/proc/sys/kernel/numa_balancing"

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
	unsigned long flushes;
	unsigned long scans;
	unsigned long hints;
	unsigned long faults;
};

static unsigned long number_after(const char *path, const char *name)
{
	static char text[32768];
	char *at;

	must(!read_file(path, text, sizeof(text)), path);
	at = strstr(text, name);
	must(at != NULL, name);
	at += strlen(name) + strspn(at + strlen(name), " :");
	return strtoul(at, NULL, 10);
}

static struct counts count(int fd, int id)
{
	return (struct counts) {
		.callouts = dev_stats(fd, id).events[PROTECTION_VMA],
		.flushes = kvm_stat("remote_tlb_flush"),
		.scans = number_after("/proc/self/sched", "mm->numa_scan_seq"),
		.hints = number_after("/proc/vmstat", "numa_pte_updates "),
		.faults = number_after("/proc/vmstat", "numa_hint_faults "),
	};
}

static void *idle(void *arg)
{
	pause();
	return NULL;
}

static void another_thread(void)
{
	pthread_t thread;

	must(!pthread_create(&thread, NULL, idle, NULL), "pthread_create");
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

/* The guest goes over its memory again and again. */
static void guest_runs(char *memory, unsigned int seconds)
{
	uint64_t until = now_ns() + seconds * 1000 * MSEC;
	struct vcpu vcpu = vcpu_create(memory, MEMORY);
	unsigned int i;

	while (now_ns() < until) {
		vcpu_place(&vcpu, 1);
		for (i = 1; i < PAGES && now_ns() < until; i++)
			vcpu_touch(&vcpu);
	}
}

static void one_case(const char *name, const void *arg)
{
	char *memory = area_map(MEMORY);
	int fd = dev_open(), id;
	struct counts old, new;
	pid_t child = 0;

	memset(memory, 1, MEMORY);
	if (strcmp(name, "local"))
		another_thread();
	if (!strcmp(name, "pinned"))
		pin(memory);
	if (!strcmp(name, "shared"))
		child = share();
	id = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);
	must(id >= 0, "subscribe");
	old = count(fd, id);
	guest_runs(memory, *(const unsigned int *)arg);
	new = count(fd, id);
	printf("@@B %s %lu %lu %lu %lu %lu\n", name,
	       new.callouts - old.callouts, new.flushes - old.flushes,
	       new.scans - old.scans, new.hints - old.hints,
	       new.faults - old.faults);
	if (child) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	unsigned int seconds;
	cpu_set_t cpus;
	int i;

	must(argc > 2, "usage: balance SECONDS CASE...");
	seconds = strtoul(argv[1], NULL, 10);
	must(!write_file(SWITCH, "1"), SWITCH);
	/* One CPU, and by default the memory that is next to it. */
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	must(!sched_setaffinity(0, sizeof(cpus), &cpus), "sched_setaffinity");
	for (i = 2; i < argc; i++)
		in_child(one_case, argv[i], &seconds);
	return 0;
}
