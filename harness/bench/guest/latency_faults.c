// SPDX-License-Identifier: GPL-2.0
/*
 * KVM faults on the middle of a guest's memory: layout code | A | F | B, all of
 * one slot. Ranges of A and B are invalidated, or held in flight, and each
 * page of F is faulted meanwhile. No fault on F has a reason to be retried.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

#include "latency.h"
#include "subs.h"
#include "vcpu.h"

#define SIDE		64	/* pages of A, and of B */
#define NR_FAULTS	256
#define PAGES		(1 + SIDE + NR_FAULTS + SIDE)
#define ROUNDS		8
#define WARM		100
#define MOST_THREADS	8

struct machine {
	struct vcpu vcpu;
	char *memory, *a, *f, *b;
};

/* Subscribers that hold come first: the later one, KVM, is called before. */
static struct machine machine_create(char *memory)
{
	return (struct machine) {
		.vcpu = vcpu_create(memory, PAGES * PAGE),
		.memory = memory,
		.a = memory + PAGE,
		.f = memory + (1 + SIDE) * PAGE,
		.b = memory + (1 + SIDE + NR_FAULTS) * PAGE,
	};
}

/* Each page of F once, so that the machine knows its own way. */
static uint64_t touch_all(struct machine *machine, const char *what,
			  unsigned int number)
{
	uint64_t all = now_ns(), began;
	unsigned int i;

	vcpu_place(&machine->vcpu, 1 + SIDE);
	for (i = 0; i < NR_FAULTS; i++) {
		began = now_ns();
		vcpu_touch(&machine->vcpu);
		if (what)
			say(what, number, now_ns() - began);
	}
	return now_ns() - all;
}

/* Both sides of memory have pages, so that there is something to withdraw. */
static void fault_again(struct machine *machine)
{
	must(!madvise(machine->f, NR_FAULTS * PAGE, MADV_DONTNEED),
	     "MADV_DONTNEED");
}

static int hold(int fd, char *area, unsigned int ms)
{
	int id = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);

	must(id >= 0, "subscribe");
	must(!dev_rule(fd, (struct mnt_rule) {
		.id = id,
		.op = MNT_OP_START,
		.start = (uintptr_t)area,
		.end = (uintptr_t)area + SIDE * PAGE,
		.hold_ms = ms,
	}), "rule");
	return id;
}

/* Invalidates when told to, once. */
static int once(char *addr, size_t len)
{
	do_dontneed(addr, len);
	return -1;
}

void faults_held(unsigned int hold_ms)
{
	char *memory = map_anon(PAGES * PAGE);
	struct churn low, high;
	struct machine machine;
	int fd = dev_open(), a, b, i;

	a = hold(fd, memory + PAGE, hold_ms);
	b = hold(fd, memory + (1 + SIDE + NR_FAULTS) * PAGE, hold_ms);
	machine = machine_create(memory);
	churn_prepare(&low, machine.a, PAGE, once);
	churn_prepare(&high, machine.b + (SIDE - 1) * PAGE, PAGE, once);
	touch_all(&machine, NULL, 0);
	for (i = 0; i < ROUNDS; i++) {
		fault_again(&machine);
		say("undisturbed", hold_ms, touch_all(&machine, NULL, 0));
	}
	/* The last invalidation of F is over when the holds begin. */
	fault_again(&machine);
	low.go = true;
	high.go = true;
	must(dev_wait_held(fd, a) && dev_wait_held(fd, b), "nothing held");
	say("held", hold_ms, touch_all(&machine, NULL, 0));
	say("held-to-the-end", hold_ms,
	    dev_still_held(fd, a) && dev_still_held(fd, b));
	dev_let_go(fd, a, MNT_OP_START);
	dev_let_go(fd, b, MNT_OP_START);
	churn_stop(&low);
	churn_stop(&high);
}

static int touch_and_drop(char *addr, size_t len)
{
	touch(addr);
	return do_dontneed(addr, len);
}

/* None, or threads that invalidate a page each, in A and in B by turns. */
void faults_disturbed(unsigned int threads)
{
	struct churn churns[MOST_THREADS];
	struct machine machine = machine_create(map_anon(PAGES * PAGE));
	uint64_t taken;
	unsigned int i;

	must(threads <= MOST_THREADS, "threads");
	touch_all(&machine, NULL, 0);
	for (i = 0; i < threads; i++)
		churn_start(&churns[i], (i & 1 ? machine.a : machine.b) +
			    i * 4 * PAGE, PAGE, touch_and_drop);
	/* Not before all of them are at work. */
	for (i = 0; i < threads; i++)
		while (churns[i].rounds < WARM)
			sleep_ms(1);
	for (i = 0; i < ROUNDS; i++) {
		fault_again(&machine);
		taken = kvm_stat("pf_taken");
		touch_all(&machine, "kvm-fault", threads);
		say("kvm-faults-taken", threads, kvm_stat("pf_taken") - taken);
	}
	say("kvm-faults-needed", threads, NR_FAULTS);
	for (i = 0; i < threads; i++) {
		churns[i].stop = true;
		churn_stop(&churns[i]);
		say("invalidations", threads, churns[i].rounds);
	}
}
