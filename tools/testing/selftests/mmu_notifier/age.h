/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of aging share: folios of each size, and who asks about them. */
#ifndef _MMU_NOTIFIER_TEST_AGE_H
#define _MMU_NOTIFIER_TEST_AGE_H

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util.h"

#define HUGE_PAGE	(512 * PAGE)

/* Reasons, as include/linux/mmu_notifier_age.h numbers them. */
enum {
	AGE_OTHER,
	AGE_RECLAIM,
	AGE_LOOK_AROUND,
	AGE_WALK,
	AGE_IDLE,
	AGE_DAMON,
	AGE_COLLAPSE,
	NR_AGE_REASONS
};

enum mapping {
	PAGE_4K,
	FOLIO_64K,
	HUGE_BY_PTES,
	HUGE_BY_PMD,
	HUGE_WITH_HOLE,
	PAGES_4K,		/* 512 of them, below one PMD */
};

/* One folio, alone below its PMD and alone in its memory cgroup. */
struct area {
	char *start;
	char *end;
	char *last;		/* its last page that is mapped */
	char *hole;		/* a page that is not, or NULL */
	unsigned int mapped;	/* pages */
	unsigned int runs;	/* without a hole */
	uint64_t pfn;		/* of the first page */
	const char *cgroup;
};

#define AREA_NONE	1

/* Callouts of one subscription on one area. */
struct callouts {
	unsigned int nr;
	unsigned int lost;
	unsigned int whole;	/* that go from its start to its end, at least */
	unsigned int pages;
	unsigned int blockable;
	unsigned int of_reason[NR_AGE_REASONS];
};

/* An lruvec, as debugfs names it. */
struct mglru {
	unsigned int memcg;
	unsigned long max_seq;
};

int area_make(struct area *area, enum mapping mapping);
void callouts_of(int fd, int id, const struct area *area,
		 struct callouts *seen);
int dev_access(int fd, int id, const char *one, const char *two,
	       const char *three);
int dev_accessed(int fd, int id);
int idle_set(const struct area *area);
int idle_get(const struct area *area);
void reclaim_area(const struct area *area);
int mglru_set(bool enabled);
int mglru_find(const struct area *area, struct mglru *mglru);
int mglru_age(struct mglru *mglru);
int mglru_evict(struct mglru *mglru, unsigned long seq);
int damon_watch(const struct area *area);

#endif /* _MMU_NOTIFIER_TEST_AGE_H */
