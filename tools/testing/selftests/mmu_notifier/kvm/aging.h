/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests of aging: what vCPUs do. In each pass a vCPU reads or writes the pages
 * that it was told to, by itself or in a guest of its own.
 *
 *	aging.c		the tests
 *	aging_guest.c	the guest
 *	aging_host.c	what is done to its memory meanwhile
 */
#ifndef _MMU_NOTIFIER_KVM_AGING_H
#define _MMU_NOTIFIER_KVM_AGING_H

#include "guest.h"
#include "svm_util.h"

#define AGING_VCPUS	2
#define AGING_MAX	(3 * 512U)	/* pages that are watched */
#define AGING_SLOT	(MEM_SLOT + 1)
#define AGING_SLOT_GPA	(MEM_GPA + 64 * HUGE)

/* What a vCPU does to a page. */
enum { LEAVE, READ, WRITE };

/* What is done meanwhile. */
enum {
	PROTECT	= 1 << 0,	/* all of it, so that it is unmapped */
	LOG	= 1 << 1,	/* dirty pages: write-protected, huge ones split */
	SLOTS	= 1 << 2,	/* one that comes, moves and goes */
	DROP	= 1 << 3,	/* pages next to those that are watched */
	ANYTHING = 2 * DROP - 1,
};

/* A vCPU that makes one pass after the other. */
struct runner {
	struct worker *worker;
	pthread_t thread;
	atomic_bool stop;
	atomic_ulong passes;
};

struct trouble {
	pthread_t thread;
	struct guest *guest;
	unsigned int kinds;
	atomic_bool stop;
	atomic_ulong times;
};

/* aging_guest.c */
void aging_guest_code(uint64_t nr, struct svm_test_data *svm, uint64_t npt);
const char *aging_nest(struct guest *guest);
uint8_t *aging_todo(const struct guest *guest, unsigned int pages);

/* aging_host.c */
void runner_start(struct runner *runner, struct worker *worker);
void runner_stop(struct runner *runner);
bool wait_passes(struct runner *runners);
void trouble_start(struct trouble *trouble, struct guest *guest,
		   unsigned int kinds);
void trouble_stop(struct trouble *trouble);

#endif /* _MMU_NOTIFIER_KVM_AGING_H */
