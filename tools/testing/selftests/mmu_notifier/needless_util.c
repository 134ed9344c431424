// SPDX-License-Identifier: GPL-2.0
/* Memory whose subscribers are watched: see needless.h. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include <fcntl.h>
#include <unistd.h>

#include "needless.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

/* Memory of small pages, none of which has been touched. */
bool watched_make(struct watched *area, int fd, unsigned int pmds)
{
	char *map;

	area->fd = fd;
	area->len = pmds * PMD;
	map = mmap(NULL, area->len + PMD, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		return false;
	area->addr = (char *)(((uintptr_t)map + PMD - 1) & -PMD);
	/* A kernel without huge pages does not know this. */
	madvise(area->addr, area->len, MADV_NOHUGEPAGE);
	area->list = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);
	area->interval = dev_add(fd, 0, MNT_INTERVAL, area->addr, area->len,
				 NULL);
	return area->list >= 0 && area->interval >= 0;
}

/* A change of protection, for whatever reason? */
static bool is_change(const struct mnt_record *record)
{
	return record->cause == MNT_PROTECT || record->cause == MNT_UFFD_WP ||
	       record->cause == MNT_NUMA_HINT;
}

/* Add what a subscriber has seen since the last time. */
static void callouts_add(struct watched *area, int id, unsigned int op,
			 struct callouts *seen)
{
	uint64_t first = (uintptr_t)area->addr, after = first + area->len;
	struct mnt_record records[MNT_LOG_SIZE];
	int nr = dev_log(area->fd, id, records), i;

	for (i = 0; i < nr; i++) {
		if (records[i].op != op || !is_change(&records[i]) ||
		    records[i].end <= first || records[i].start >= after)
			continue;
		if (seen->nr < 4) {
			seen->range[seen->nr].start = records[i].start;
			seen->range[seen->nr].end = records[i].end;
		}
		seen->nr++;
	}
}

/*
 * Since the last time. Both kinds of subscribers have to have seen the same;
 * a hint can be made after the one and before the other was asked.
 */
struct callouts watched_callouts(struct watched *area)
{
	struct callouts list = {}, interval = {};
	int tries;

	for (tries = 0; tries < 4; tries++) {
		callouts_add(area, area->list, MNT_OP_START, &list);
		callouts_add(area, area->interval, MNT_OP_INVALIDATE,
			     &interval);
		if (list.nr == interval.nr)
			return list;
	}
	list.nr = -1;
	return list;
}

/* Is this page in swap? */
static bool is_out(char *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, sizeof(entry),
		  (uintptr_t)page / PAGE * sizeof(entry)) != sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 62 & 1;
}

bool watched_page_out(char *page)
{
	int tries;

	for (tries = 0; tries < PATIENCE_MS / 10; tries++) {
		if (madvise(page, PAGE, MADV_PAGEOUT))
			return false;
		if (is_out(page))
			return true;
		sleep_ms(10);
	}
	return false;
}
