// SPDX-License-Identifier: GPL-2.0
/*
 * How long things take, in a guest with two CPUs:
 *
 *	latency isolation	unregister, remove and exit while the callout of
 *				another mm sleeps
 *	latency registration N	first and later ones, against N VMAs
 *	latency readers N	intervals against N disjoint invalidators
 *	latency vm N		create and destroy a VM, with N VMAs
 *	latency held N		KVM faults while ranges are held for N ms
 *	latency disturbed N	KVM faults against N disjoint invalidators
 *	latency hot N		one of N pages in use, while half is reclaimed
 *
 * Each value is a line "@@L what number value"; times are in ns.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "latency.h"
#include "subs.h"

#define LEN		(4 * PAGE)
#define SLEEP_MS	2000
#define TRIES		3
#define LATER		8

void say(const char *what, unsigned long number, uint64_t value)
{
	printf("@@L %s %lu %llu\n", what, number, (unsigned long long)value);
}

char *many_vmas(unsigned int count)
{
	char *area = mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned int i;

	must(area != MAP_FAILED, "mmap");
	touch(area);
	for (i = 0; i < count; i += 2)
		must(!mprotect(area + i * PAGE, PAGE, PROT_READ), "mprotect");
	return area;
}

/* A process whose callout sleeps, over and over. */
struct sleeper {
	pid_t pid;
	int id;
};

static struct sleeper sleep_elsewhere(int fd)
{
	struct sleeper sleeper;
	char *area = map_anon(LEN);

	sleeper.pid = fork();
	must(sleeper.pid >= 0, "fork");
	if (!sleeper.pid)
		for (;;)
			do_dontneed(area, LEN);
	sleeper.id = dev_add(fd, sleeper.pid, MNT_LIST, NULL, 0, NULL);
	must(sleeper.id >= 0, "subscribe another mm");
	must(!dev_rule(fd, (struct mnt_rule) {
		.id = sleeper.id,
		.op = MNT_OP_START,
		.hold_ms = SLEEP_MS,
	}), "rule");
	must(dev_wait_held(fd, sleeper.id), "callout does not sleep");
	return sleeper;
}

static void wake(int fd, struct sleeper sleeper)
{
	kill(sleeper.pid, SIGKILL);
	dev_let_go(fd, sleeper.id, MNT_OP_START);
	waitpid(sleeper.pid, NULL, 0);
}

static void time_unregister(int fd, unsigned int kind, const char *what)
{
	char *area = map_anon(LEN);
	int id = dev_add(fd, 0, kind, area, LEN, NULL);
	uint64_t ns;

	must(id >= 0, "subscribe");
	must(!dev_del(fd, id, &ns), "unsubscribe");
	say(what, 0, ns);
}

static void time_exit(int fd)
{
	uint64_t began = now_ns();
	int id, go[2], status;
	char byte = 0;
	pid_t pid;

	must(!pipe(go), "pipe");
	pid = fork();
	if (!pid)
		_exit(read(go[0], &byte, 1) != 1);
	id = dev_add(fd, pid, MNT_LIST, NULL, 0, NULL);
	must(id >= 0, "subscribe a child");
	began = now_ns();
	must(write(go[1], &byte, 1) == 1, "write");
	must(waitpid(pid, &status, 0) == pid && !status, "child");
	say("exit", 0, now_ns() - began);
	close(go[0]);
	close(go[1]);
}

static void isolation(unsigned int tries)
{
	int fd = dev_open();

	must(fd >= 0, "/dev/mmu_notifier_test");
	while (tries--) {
		struct sleeper sleeper = sleep_elsewhere(fd);

		time_unregister(fd, MNT_LIST, "unregister");
		wake(fd, sleeper);
		sleeper = sleep_elsewhere(fd);
		time_unregister(fd, MNT_INTERVAL, "remove");
		wake(fd, sleeper);
		sleeper = sleep_elsewhere(fd);
		time_exit(fd);
		wake(fd, sleeper);
	}
}

static void registration(unsigned int vmas)
{
	int fd = dev_open(), i;
	uint64_t ns;

	many_vmas(vmas);
	must(dev_add(fd, 0, MNT_LIST, NULL, 0, &ns) >= 0, "subscribe");
	say("first", vmas, ns);
	for (i = 0; i < LATER; i++) {
		must(dev_add(fd, 0, MNT_LIST, NULL, 0, &ns) >= 0, "subscribe");
		say("second", vmas, ns);
	}
}

struct part {
	const char *name;
	void (*fn)(unsigned int arg);
};

static const struct part parts[] = {
	{ "isolation", isolation },
	{ "registration", registration },
	{ "readers", readers },
	{ "vm", vm_life },
	{ "held", faults_held },
	{ "disturbed", faults_disturbed },
	{ "hot", hot_and_cold },
};

static void run_part(const char *number, const void *arg)
{
	const struct part *part = arg;

	part->fn(atoi(number));
}

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; argc > 2 && i < sizeof(parts) / sizeof(parts[0]); i++)
		if (!strcmp(argv[1], parts[i].name)) {
			for (argv += 2; *argv; argv++)
				in_child(run_part, *argv, &parts[i]);
			return 0;
		}
	return 2;
}
