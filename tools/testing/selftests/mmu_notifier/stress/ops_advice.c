// SPDX-License-Identifier: GPL-2.0
/*
 * madvise(), of every kind that changes page tables.
 */
#define _GNU_SOURCE
#include <linux/mman.h>
#include <sys/mman.h>

#include "stress.h"

static bool advise(struct worker *worker, struct range range, int arg)
{
	return !madvise(range.addr, range.len, arg);
}

/*
 * There is nothing smaller.  Where others have been, it seldom works: where
 * that is possible, begin anew, with small pages.
 */
static bool collapse(struct worker *worker, struct range range, int arg)
{
	size_t at;

	range.addr = (char *)((uintptr_t)range.addr & -HUGE);
	range.len = HUGE;
	if (ONLY(range.kind) & (ONLY(ANON) | ONLY(SPARE))) {
		arena_map(worker->target, range);
		for (at = 0; at < range.len; at += range.len / 8)
			arena_write(worker->target, range.addr + at);
		madvise(range.addr, range.len, MADV_HUGEPAGE);
	}
	return !madvise(range.addr, range.len, MADV_COLLAPSE);
}

const struct op ops_advice[] = {
	{ "dontneed", 6, ANY, advise, MADV_DONTNEED },
	{ "dontneed-locked", 2, ANY, advise, MADV_DONTNEED_LOCKED },
	{ "free", 4, ANY_ANON, advise, MADV_FREE },
	{ "cold", 4, NOT_HUGETLB, advise, MADV_COLD },
	{ "pageout", 6, NOT_HUGETLB, advise, MADV_PAGEOUT },
	{ "remove", 3, ANY_SHARED, advise, MADV_REMOVE },
	{ "populate-read", 4, ANY, advise, MADV_POPULATE_READ },
	{ "populate-write", 4, ANY, advise, MADV_POPULATE_WRITE },
	{ "hugepage", 4, NOT_HUGETLB, advise, MADV_HUGEPAGE },
	{ "nohugepage", 2, NOT_HUGETLB, advise, MADV_NOHUGEPAGE },
	{ "collapse", 6, NOT_HUGETLB, collapse },
	{ "mergeable", 3, ANY_ANON, advise, MADV_MERGEABLE },
	{ "unmergeable", 2, ANY_ANON, advise, MADV_UNMERGEABLE },
	{ }
};
