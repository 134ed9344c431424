// SPDX-License-Identifier: GPL-2.0
/*
 * madvise().
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mman.h>
#include <sys/mman.h>

#include "matrix.h"

static int advise_dontneed(struct area *area)
{
	return advise(area, MADV_DONTNEED);
}

static int advise_dontneed_locked(struct area *area)
{
	return advise(area, MADV_DONTNEED_LOCKED);
}

static int lock(struct area *area)
{
	return mlock(area->addr, area->len) ? failed(area, "mlock") : DONE;
}

static int advise_free(struct area *area)
{
	return advise(area, MADV_FREE);
}

static int advise_cold(struct area *area)
{
	return advise(area, MADV_COLD);
}

static int advise_pageout(struct area *area)
{
	if (!swap_is_on())
		return lacking(area, "no swap");
	return page_out(area) ? DONE : failed(area, "pages stay in memory");
}

static int allow_huge(struct area *area)
{
	return area->fd < 0 ? advise(area, MADV_HUGEPAGE) : DONE;
}

static int advise_collapse(struct area *area)
{
	return advise(area, MADV_COLLAPSE);
}

static int advise_remove(struct area *area)
{
	return advise(area, MADV_REMOVE);
}

static int populate_read(struct area *area)
{
	return advise(area, MADV_POPULATE_READ);
}

static int populate_write(struct area *area)
{
	return advise(area, MADV_POPULATE_WRITE);
}

#define NO_RECLAIM	"is not reclaimed"

const struct op ops_advice[] = {
	{ "dontneed", ANY, .after = DROPPED, .run = advise_dontneed,
	  .why = BY(DISCARD) },
	{ "dontneed-locked", ANY & ~HUGETLB_ANY, "hugetlb is locked anyway",
	  .after = DROPPED, .prepare = lock, .run = advise_dontneed_locked,
	  .why = BY(DISCARD) },
	{ "free", ANON_ANY | ONLY(ZERO), "only for anonymous memory",
	  .after = EITHER, .quiet = ONLY(ZERO), .run = advise_free,
	  .why = BY(DISCARD) },
	{ "cold", ANY & ~HUGETLB_ANY, NO_RECLAIM, .after = SAME, .keeps = ANY,
	  .run = advise_cold },
	{ "pageout", ANY & ~HUGETLB_ANY & ~ONLY(ZERO), NO_RECLAIM,
	  .after = SAME, .run = advise_pageout,
	  .why = BY(RECLAIM) },
	{ "collapse", ONLY(ANON) | ONLY(MTHP) | ONLY(SHMEM),
	  "huge already, nothing to write to, or no huge pages of files",
	  .after = SAME, .huge = true, .prepare = allow_huge,
	  .run = advise_collapse,
	  .why = BY(THP_COLLAPSE) },
	{ "remove", SHARED_ANY, "only of a shared mapping", .after = ZEROES,
	  .run = advise_remove,
	  .why = BY(DISCARD) },
	{ "populate-read", ANY, .after = SAME, .keeps = ANY,
	  .run = populate_read },
	{ "populate-write", ANY, .after = SAME, .keeps = ANY,
	  .run = populate_write,
	  .why = BY(COW) },
	{ }
};
