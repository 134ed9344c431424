// SPDX-License-Identifier: GPL-2.0
/*
 * Huge pages: made, split, collapsed; and hugetlb's shared page tables.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/mman.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "matrix.h"

#define THP_FOLDER	"/sys/kernel/mm/transparent_hugepage/"
#define KHUGEPAGED	THP_FOLDER "khugepaged/"
#define SPLIT_FILE	"/sys/kernel/debug/split_huge_pages"

/* The huge zero page in place of small ones. */
static int read_huge(struct area *area)
{
	int ret = advise(area, MADV_DONTNEED);

	if (!ret)
		ret = advise(area, MADV_HUGEPAGE);
	if (!ret)
		peek(area->addr);
	return ret;
}

static int do_split(struct area *area)
{
	char text[80];

	snprintf(text, sizeof(text), "%d,%p,%p", getpid(), (void *)area->addr,
		 (void *)(area->addr + area->len));
	settle_pages();
	return set_file(area, SPLIT_FILE, text);
}

/* A file's huge page is mapped when it is used. */
static bool is_collapsed(void *arg)
{
	struct area *area = arg;

	peek(area->addr);
	return is_huge(area->addr);
}

static int wake_khugepaged(struct area *area, bool awake)
{
	int ret = set_file(area, KHUGEPAGED "pages_to_scan", "65536");

	if (!ret)
		ret = set_file(area, KHUGEPAGED "alloc_sleep_millisecs", "0");
	return ret ?: set_file(area, KHUGEPAGED "scan_sleep_millisecs",
			       awake ? "10" : "1000000");
}

/* The daemon does not look at it yet. */
static int prepare_collapse(struct area *area)
{
	int ret = wake_khugepaged(area, false);

	if (!ret)
		ret = advise(area, MADV_NOHUGEPAGE);
	/* It may just have been at it. */
	while (!ret && is_huge(area->addr)) {
		munmap(area->addr, area->len);
		ret = area_make(area, true);
		if (!ret)
			ret = advise(area, MADV_NOHUGEPAGE);
	}
	if (!ret && area->fd >= 0)
		ret = set_file(area, THP_FOLDER "shmem_enabled", "advise");
	return ret;
}

static int wait_collapse(struct area *area)
{
	int ret = advise(area, MADV_HUGEPAGE);

	if (!ret)
		ret = wake_khugepaged(area, true);
	if (!ret && !wait_until(is_collapsed, area))
		ret = failed(area, "not collapsed");
	return ret;
}

static int stop_khugepaged(struct area *area)
{
	int ret = wake_khugepaged(area, false);

	if (!ret && area->fd >= 0)
		ret = set_file(area, THP_FOLDER "shmem_enabled", "never");
	return ret;
}

/* One huge page of a file, with khugepaged asleep again. */
static int prepare_collapsed(struct area *area)
{
	int ret = prepare_collapse(area);

	if (!ret)
		ret = wait_collapse(area);
	return ret ?: stop_khugepaged(area);
}

/* What is not dropped has to go as well: a file's huge page is not split. */
static int drop_half(struct area *area)
{
	return madvise(area->addr, area->len / 2, MADV_DONTNEED) ?
	       failed(area, "madvise") : DONE;
}

/* The same huge page, but each page of it mapped by itself. */
static int prepare_mapped_singly(struct area *area)
{
	int ret = prepare_collapsed(area);

	if (!ret)
		ret = advise(area, MADV_NOHUGEPAGE);
	if (!ret)
		ret = advise(area, MADV_DONTNEED);
	if (!ret)
		ret = advise(area, MADV_POPULATE_WRITE);
	if (!ret && is_huge(area->addr))
		ret = failed(area, "huge as before");
	return ret ?: advise(area, MADV_HUGEPAGE);
}

static int map_as_one(struct area *area)
{
	int ret = advise(area, MADV_COLLAPSE);

	return ret || is_huge(area->addr) ? ret : failed(area, "not huge");
}

static void use_tables(struct area *area)
{
	peek(area->addr);
	peek(area->addr + HUGE);
}

/* Another process that maps the same, by the same page table. */
static int share_tables(struct area *area)
{
	return begin_child(area, use_tables);
}

/* The tables have to be taken apart first: for all of the 1 GiB. */
static int protect_part(struct area *area)
{
	return mprotect(area->addr, HUGE, PROT_READ) ?
	       failed(area, "mprotect") : DONE;
}

static int unmap_part(struct area *area)
{
	return munmap(area->addr + HUGE, HUGE) ? failed(area, "munmap") : DONE;
}

#define NO_FILES	"a huge page of shmem is needed"
#define NO_TABLES	"only shared hugetlb mappings share page tables"

const struct op ops_huge[] = {
	{ "thp-fault", ONLY(ZERO), "what is not empty is not filled anew",
	  .after = CHANGED, .huge = true, .prepare = read_huge,
	  .run = write_anew,
	  .why = BY(COW) },
	{ "thp-split", ONLY(MTHP) | ONLY(THP), "nothing to be split",
	  .after = SAME, .run = do_split,
	  .why = BY(THP_SPLIT) },
	{ "khugepaged", ONLY(ANON) | ONLY(MTHP) | ONLY(SHMEM),
	  "huge already, nothing to write to, or no huge pages of files",
	  .after = SAME, .huge = true, .prepare = prepare_collapse,
	  .run = wait_collapse, .undo = stop_khugepaged,
	  .why = BY(THP_COLLAPSE) },
	{ "thp-drop-half", ONLY(SHMEM), NO_FILES, .after = SAME, .huge = true,
	  .prepare = prepare_collapsed, .run = drop_half,
	  .why = BY(DISCARD), .also = BY(THP_SPLIT) },
	{ "thp-map-as-one", ONLY(SHMEM), NO_FILES, .after = SAME, .huge = true,
	  .prepare = prepare_mapped_singly, .run = map_as_one,
	  .why = BY(THP_COLLAPSE) },
	{ "unshare-by-mprotect", ONLY(HUGETLB_SHARED), NO_TABLES,
	  .after = SAME, .prepare = share_tables, .run = protect_part,
	  .undo = end_child,
	  .why = BY(UNSHARE), .also = BY(PROTECT) },
	{ "unshare-by-munmap", ONLY(HUGETLB_SHARED), NO_TABLES,
	  .after = EITHER, .prepare = share_tables, .run = unmap_part,
	  .undo = end_child,
	  .why = BY(UNSHARE), .also = BY(UNMAP) },
	{ }
};
