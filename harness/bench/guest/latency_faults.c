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
#define HELD_ROUNDS	5
#define WARM		100
#define MOST_THREADS	8

struct machine {
	struct vcpu vcpu;
	char *memory, *a, *f, *b;
};

/* Subscribers that hold come first: KVM, the later one, is called earlier. */
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

/* Withdraw all of F; the sides have pages, too, that can be withdrawn. */
static void fault_again(struct machine *machine)
{
	must(!madvise(machine->f, NR_FAULTS * PAGE, MADV_DONTNEED),
	     "MADV_DONTNEED");
}

/* One of two subscribers that hold a range of their side. */
struct holder {
	int fd;
	int id;
	char *area;
	struct churn churn;
};

static void holder_create(struct holder *holder, char *area)
{
	holder->fd = dev_open();
	holder->area = area;
	holder->id = dev_add(holder->fd, 0, MNT_LIST, NULL, 0, NULL);
	must(holder->id >= 0, "subscribe");
}

/* Invalidates when told to, once. */
static int once(char *addr, size_t len)
{
	do_dontneed(addr, len);
	return -1;
}

/* No thread can be made while a range is held. */
static void holder_prepare(struct holder *holder, unsigned int ms)
{
	must(!dev_rule(holder->fd, (struct mnt_rule) {
		.id = holder->id,
		.op = MNT_OP_START,
		.start = (uintptr_t)holder->area,
		.end = (uintptr_t)holder->area + SIDE * PAGE,
		.hold_ms = ms,
	}), "rule");
	churn_prepare(&holder->churn, holder->area, PAGE, once);
}

static void holder_stop(struct holder *holder)
{
	dev_let_go(holder->fd, holder->id, MNT_OP_START);
	churn_stop(&holder->churn);
}

static void held_round(struct machine *machine, struct holder *holders,
		       unsigned int hold_ms)
{
	unsigned int i, expired = 0;
	uint64_t ns;

	for (i = 0; i < 2; i++) {
		holder_prepare(&holders[i], hold_ms);
		expired += dev_stats(holders[i].fd, holders[i].id).expired;
	}
	fault_again(machine);
	say("undisturbed", hold_ms, touch_all(machine, NULL, 0));
	/* The last invalidation of F is over when the holds begin. */
	fault_again(machine);
	for (i = 0; i < 2; i++)
		holders[i].churn.go = true;
	for (i = 0; i < 2; i++)
		must(dev_wait_held(holders[i].fd, holders[i].id),
		     "nothing held");
	ns = touch_all(machine, NULL, 0);
	for (i = 0; i < 2; i++)
		expired -= dev_stats(holders[i].fd, holders[i].id).expired;
	say("held", hold_ms, ns);
	say("held-to-the-end", hold_ms, !expired);
	for (i = 0; i < 2; i++)
		holder_stop(&holders[i]);
}

void faults_held(unsigned int hold_ms)
{
	char *memory = map_anon(PAGES * PAGE);
	struct holder holders[2];
	struct machine machine;
	unsigned int i;

	holder_create(&holders[0], memory + PAGE);
	holder_create(&holders[1], memory + (1 + SIDE + NR_FAULTS) * PAGE);
	machine = machine_create(memory);
	touch_all(&machine, NULL, 0);
	for (i = 0; i < HELD_ROUNDS; i++)
		held_round(&machine, holders, hold_ms);
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
	uint64_t taken, fixed;
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
		fixed = kvm_stat("pf_fixed");
		touch_all(&machine, "kvm-fault", threads);
		say("kvm-faults-taken", threads, kvm_stat("pf_taken") - taken);
		say("kvm-faults-fixed", threads, kvm_stat("pf_fixed") - fixed);
	}
	say("kvm-faults-needed", threads, NR_FAULTS);
	for (i = 0; i < threads; i++) {
		churns[i].stop = true;
		churn_stop(&churns[i]);
		say("invalidations", threads, churns[i].rounds);
	}
}
