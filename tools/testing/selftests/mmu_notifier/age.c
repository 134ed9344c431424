// SPDX-License-Identifier: GPL-2.0
/* Folios of each size, and who asks about their age: see age.h. */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "age.h"

#define THP		"/sys/kernel/mm/transparent_hugepage"
#define DAMON		"/sys/kernel/mm/damon/admin/kdamonds"
#define LRU_GEN	"/sys/kernel/debug/lru_gen"

static bool contiguous(const char *start, unsigned int pages)
{
	uint64_t pfn = pfn_of(start);
	unsigned int i;

	for (i = 1; i < pages; i++)
		if (pfn_of(start + i * PAGE) != pfn + i)
			return false;
	return pfn && pfn % pages == 0;
}

/* Address space below one PMD, of which nothing is touched yet. */
static char *map_below_pmd(void)
{
	char *map = mmap(NULL, 2 * HUGE_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *start;

	if (map == MAP_FAILED)
		return NULL;
	start = (char *)(((uintptr_t)map + HUGE_PAGE - 1) & -HUGE_PAGE);
	/* Nothing else is to be mapped there. */
	if (start > map)
		munmap(map, start - map);
	munmap(start + HUGE_PAGE, map + HUGE_PAGE - start);
	return start;
}

static int split_pmd(char *addr)
{
	if (mprotect(addr, PAGE, PROT_READ))
		return -1;
	return mprotect(addr, PAGE, PROT_READ | PROT_WRITE);
}

/* Only folios of one size, where the program asks for large ones. */
static int allow_sizes(bool k64, bool m2)
{
	if (write_file(THP "/hugepages-64kB/enabled", k64 ? "madvise" : "never"))
		return -1;
	return write_file(THP "/hugepages-2048kB/enabled",
			  m2 ? "madvise" : "never");
}

/* Map and touch the first pages of [start, start + 2 MiB). */
static int fill(char *start, enum mapping mapping, unsigned int *pages)
{
	bool k64 = mapping == FOLIO_64K;
	bool m4k = mapping == PAGE_4K || mapping == PAGES_4K;

	*pages = mapping == PAGE_4K ? 1 : k64 ? 16 : 512;
	if (allow_sizes(k64, !m4k && !k64) && !m4k)
		return AREA_NONE;
	if (madvise(start, HUGE_PAGE, m4k ? MADV_NOHUGEPAGE : MADV_HUGEPAGE))
		return -1;
	memset(start, 1, *pages * PAGE);
	/* From now on khugepaged has nothing to look for, and asks nobody. */
	allow_sizes(false, false);
	if (!m4k && !contiguous(start, *pages))
		return AREA_NONE;
	/* Only pages on a list of reclaim are looked at; this puts it there, */
	if (madvise(start, *pages * PAGE, MADV_COLD))
		return -1;
	/* ... and takes it out of the batches of each CPU. */
	if (write_file("/proc/sys/vm/drop_caches", "1"))
		return -1;
	if (mapping == HUGE_BY_PTES)
		return split_pmd(start + 100 * PAGE);
	if (mapping == HUGE_WITH_HOLE)
		return madvise(start + 100 * PAGE, 50 * PAGE, MADV_DONTNEED);
	return 0;
}

static int enter_cgroup(struct area *area)
{
	char path[160];

	area->cgroup = cgroup_make("mmu_notifier_aging");
	if (!area->cgroup)
		return -1;
	snprintf(path, sizeof(path), "%s/cgroup.procs", area->cgroup);
	return write_file(path, "0");
}

static int area_try(struct area *area, enum mapping mapping)
{
	unsigned int pages;
	int ret;

	memset(area, 0, sizeof(*area));
	/* Before, so that it alone is charged there. */
	if (enter_cgroup(area))
		return -1;
	area->start = map_below_pmd();
	if (!area->start)
		return -1;
	ret = fill(area->start, mapping, &pages);
	if (ret)
		return ret;
	area->end = area->start + pages * PAGE;
	area->last = area->end - PAGE;
	area->mapped = pages;
	area->runs = 1;
	if (mapping == HUGE_WITH_HOLE) {
		area->hole = area->start + 120 * PAGE;
		area->mapped -= 50;
		area->runs = 2;
	}
	area->pfn = pfn_of(area->start);
	return area->pfn ? 0 : -1;
}

/*
 * The file of idle page tracking leaves out the last frames of memory, if they
 * are not 64: then keep that page, and take another one.
 */
int area_make(struct area *area, enum mapping mapping)
{
	int tries, ret = -1;

	for (tries = 0; tries < 64; tries++) {
		ret = area_try(area, mapping);
		if (ret || idle_get(area) >= 0)
			break;
	}
	return ret;
}

void callouts_of(int fd, int id, const struct area *area,
		 struct callouts *seen)
{
	uint64_t start = (uintptr_t)area->start, end = (uintptr_t)area->end;
	struct mnt_record records[MNT_LOG_SIZE];
	struct mnt_log log = { .id = id, .records = (uintptr_t)records };
	unsigned int i;

	memset(seen, 0, sizeof(*seen));
	if (ioctl(fd, MNT_LOG, &log)) {
		seen->lost = 1;
		return;
	}
	seen->lost = log.lost;
	for (i = 0; i < log.nr; i++) {
		const struct mnt_record *record = &records[i];

		if (record->op != MNT_OP_AGE || record->end <= start ||
		    record->start >= end)
			continue;
		seen->nr++;
		seen->whole += record->start <= start && record->end >= end;
		seen->pages += record->pages;
		seen->blockable += record->blockable;
		if (record->event < NR_AGE_REASONS)
			seen->of_reason[record->event]++;
	}
}

int dev_access(int fd, int id, const char *one, const char *two,
	       const char *three)
{
	struct mnt_accessed arg = {
		.id = id,
		.nr = !!one + !!two + !!three,
		.pages = {
			(uintptr_t)one, (uintptr_t)two, (uintptr_t)three,
		},
	};

	return ioctl(fd, MNT_ACCESS, &arg);
}

/* How many pages count as accessed still? */
int dev_accessed(int fd, int id)
{
	struct mnt_accessed arg = { .id = id };

	return ioctl(fd, MNT_ACCESSED, &arg) ? -1 : (int)arg.nr;
}

/* Age the folio, and call it idle: one walk of its mappings. */
int idle_set(const struct area *area)
{
	uint64_t word = 1ULL << area->pfn % 64;

	return idle_word(area->pfn, &word, true);
}

/* Is it still idle? Another walk. */
int idle_get(const struct area *area)
{
	uint64_t word = 0;

	if (idle_word(area->pfn, &word, false))
		return -1;
	return word >> area->pfn % 64 & 1;
}

/* Before an area is made, so that its pages are where they belong. */
int mglru_set(bool enabled)
{
	return write_file("/sys/kernel/mm/lru_gen/enabled",
			  enabled ? "y" : "n");
}

/* Have what the cgroup has, which is the area, looked at for eviction. */
void reclaim_area(const struct area *area)
{
	char path[160];
	int i;

	snprintf(path, sizeof(path), "%s/memory.reclaim", area->cgroup);
	for (i = 0; i < 3; i++)
		write_file(path, "2M");
}

/* Find the area's cgroup in the list, and its youngest generation. */
int mglru_find(const struct area *area, struct mglru *mglru)
{
	const char *name = strrchr(area->cgroup, '/');
	char line[256], path[128];
	unsigned int memcg = 0;
	bool here = false;
	unsigned long seq;
	FILE *file;

	file = fopen(LRU_GEN, "r");
	if (!file)
		return -1;
	mglru->max_seq = 0;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "memcg %u %127s", &memcg, path) == 2) {
			here = !strcmp(path, name);
			if (here)
				mglru->memcg = memcg;
		} else if (here && sscanf(line, " %lu", &seq) == 1 &&
			   seq > mglru->max_seq) {
			mglru->max_seq = seq;
		}
	}
	fclose(file);
	return mglru->max_seq ? 0 : -1;
}

static int mglru_command(const char *text)
{
	return write_file(LRU_GEN, text);
}

/* Walk the page tables of the cgroup, and begin a new generation. */
int mglru_age(struct mglru *mglru)
{
	char text[64];
	int ret;

	snprintf(text, sizeof(text), "+ %u 0 %lu 1 1\n", mglru->memcg,
		 mglru->max_seq);
	ret = mglru_command(text);
	if (!ret)
		mglru->max_seq++;
	return ret;
}

/* Evict generations up to this one. */
int mglru_evict(struct mglru *mglru, unsigned long seq)
{
	char text[64];

	snprintf(text, sizeof(text), "- %u 0 %lu 200\n", mglru->memcg, seq);
	return mglru_command(text);
}

static int damon_set(const char *name, const char *text)
{
	char path[160];

	snprintf(path, sizeof(path), DAMON "/%s", name);
	return write_file(path, text);
}

static int damon_configure(const struct area *area)
{
	char text[32];
	int ret;

	ret = damon_set("nr_kdamonds", "1");
	ret |= damon_set("0/contexts/nr_contexts", "1");
	ret |= damon_set("0/contexts/0/operations", "paddr");
	ret |= damon_set("0/contexts/0/targets/nr_targets", "1");
	ret |= damon_set("0/contexts/0/targets/0/regions/nr_regions", "1");
	snprintf(text, sizeof(text), "%llu",
		 (unsigned long long)(area->pfn * PAGE));
	ret |= damon_set("0/contexts/0/targets/0/regions/0/start", text);
	snprintf(text, sizeof(text), "%llu",
		 (unsigned long long)(area->pfn * PAGE +
				      (area->end - area->start)));
	ret |= damon_set("0/contexts/0/targets/0/regions/0/end", text);
	ret |= damon_set("0/contexts/0/monitoring_attrs/intervals/sample_us",
			 "20000");
	ret |= damon_set("0/contexts/0/monitoring_attrs/intervals/aggr_us",
			 "200000");
	ret |= damon_set("0/contexts/0/monitoring_attrs/nr_regions/min", "3");
	ret |= damon_set("0/contexts/0/monitoring_attrs/nr_regions/max", "3");
	return ret;
}

/* Have DAMON watch the memory of the area for a moment. */
int damon_watch(const struct area *area)
{
	int ret = damon_configure(area);

	if (!ret)
		ret = damon_set("0/state", "on");
	if (!ret)
		sleep_ms(300);
	damon_set("0/state", "off");
	damon_set("nr_kdamonds", "0");
	return ret;
}
