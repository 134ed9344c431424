/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The coherence soak: vCPUs write and verify memory all the time, while the
 * host does to it whatever a host does.
 *
 *	soak.c		the tests
 *	soak_guest.c	what the vCPUs do, and what they know of each page
 *	soak_host.c	what the host does
 *	soak_needs.c	what that needs: swap, a cgroup, nodes, settings
 *
 * Memory has four sections of the same size; in the last one the host drops
 * pages, which must be zero then. The one before has the same content in many
 * pages, so that KSM has something to merge.
 */
#ifndef _MMU_NOTIFIER_KVM_SOAK_H
#define _MMU_NOTIFIER_KVM_SOAK_H

#include "guest.h"

#define SOAK_SECTION	(2 * HUGE)
#define SOAK_SIZE	(4 * SOAK_SECTION)
#define SOAK_PAGES	(SOAK_SIZE / PAGE)
#define SAME_GPA	(MEM_GPA + 2 * SOAK_SECTION)
#define DROP_GPA	(MEM_GPA + 3 * SOAK_SECTION)
#define SOAK_VCPUS	2
#define SOAK_THREADS	2
/* In a row, by one disturbance. */
#define SOAK_RUN	64

/* What the host does; bits of a mask. */
enum soak_kind {
	SOAK_SWAP,
	SOAK_MEMCG,
	SOAK_KSM,
	SOAK_SPLIT,
	SOAK_COLLAPSE,
	SOAK_MIGRATE,
	SOAK_BALANCE,
	SOAK_FORK,
	SOAK_DROP,
	SOAK_PROTECT,
	SOAK_LOG,
	SOAK_KINDS
};

/* How often the host began, and ended, to drop a page; the host writes. */
struct soak_drops {
	uint64_t begun;
	uint64_t ended;
};

/* What a vCPU has done and, if so, found wrong; the guest writes. */
struct soak_result {
	uint64_t steps;
	uint64_t writes;
	uint64_t zeroes;	/* dropped pages that were seen to be zero */
	uint64_t wrong;
	uint64_t where;
	uint64_t wanted;
	uint64_t found;
	uint64_t generation;
};

struct soak {
	struct guest guest;
	unsigned int mask;
	struct soak_drops *drops;
	struct soak_result *results;
	bool *stop_guest;
	char cgroup[128];
	pthread_mutex_t dropping;
	pthread_t threads[SOAK_THREADS];
	atomic_bool stop;
	atomic_ulong done[SOAK_KINDS];
	unsigned long before[SOAK_KINDS];
};

/* soak_guest.c */
void soak_guest_code(uint64_t nr);
void soak_guest_find(struct soak *soak);

/* soak_host.c */
const char *soak_name(enum soak_kind kind);
void soak_disturb(struct soak *soak);
void soak_calm(struct soak *soak);
unsigned long soak_effect(const struct soak *soak, enum soak_kind kind);

/* soak_needs.c */
const char *soak_why_not(enum soak_kind kind);
void soak_prepare(struct soak *soak);
void soak_restore(struct soak *soak);
unsigned long soak_vmstat(const char *name);

#endif /* _MMU_NOTIFIER_KVM_SOAK_H */
