// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaim, of both kinds, and what comes back from it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>

#include "matrix.h"

#define LRU_GEN		"/sys/kernel/mm/lru_gen/enabled"

/* Is any page of it not where it was?  Else reclaim what there is. */
static bool is_reclaimed(void *arg)
{
	struct area *area = arg;
	char path[160];
	size_t at;

	for (at = 0; at < area->len; at += PAGE)
		if (!pagemap_pfn(area->addr + at))
			return true;
	settle_pages();
	snprintf(path, sizeof(path), "%s/memory.reclaim", cgroup);
	write_file(path, "8M");
	return false;
}

static int reclaim(struct area *area, const char *generations)
{
	int ret = set_file(area, LRU_GEN, generations);

	if (ret)
		return ret;
	if (!cgroup)
		return lacking(area, "no memory cgroup");
	if (!swap_is_on())
		return lacking(area, "no swap");
	return wait_until(is_reclaimed, area) ? DONE :
	       failed(area, "nothing is reclaimed");
}

static int reclaim_classic(struct area *area)
{
	return reclaim(area, "n");
}

static int reclaim_by_generations(struct area *area)
{
	return reclaim(area, "y");
}

static int stop_generations(struct area *area)
{
	return set_file(area, LRU_GEN, "n");
}

/* Out and in again. */
static int swap_in(struct area *area)
{
	size_t at;

	if (!swap_is_on())
		return lacking(area, "no swap");
	if (!page_out(area))
		return failed(area, "pages stay in memory");
	for (at = 0; at < area->len; at += PAGE)
		peek(area->addr + at);
	return DONE;
}

#define RECLAIMED	(ANY & ~HUGETLB_ANY & ~ONLY(ZERO))
#define NO_RECLAIM	"is not reclaimed"

const struct op ops_reclaim[] = {
	{ "swap-in", RECLAIMED, NO_RECLAIM, .after = SAME, .run = swap_in,
	  .why = BY(RECLAIM) },
	{ "reclaim-classic", RECLAIMED, NO_RECLAIM, .after = SAME,
	  .run = reclaim_classic,
	  .why = BY(RECLAIM), .also = BY(CLEAN) },
	{ "reclaim-mglru", RECLAIMED, NO_RECLAIM, .after = SAME,
	  .run = reclaim_by_generations, .undo = stop_generations,
	  .why = BY(RECLAIM), .also = BY(CLEAN) },
	{ }
};
