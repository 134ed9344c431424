// SPDX-License-Identifier: GPL-2.0
/* Idle pages: see idle.h. */
#include <fcntl.h>
#include <unistd.h>

#include "idle.h"
#include "../util.h"

#define BITMAP	"/sys/kernel/mm/page_idle/bitmap"
#define PRESENT	0x8000000000000000ULL
#define PFN	((1ULL << 55) - 1)
/* Of attempts to make all pages idle. */
#define TRIES	10

/**
 * idle_why_not() - is there something to watch with?
 *
 * Return: NULL if so, else what is missing.
 */
const char *idle_why_not(void)
{
	return access(BITMAP, R_OK | W_OK) ? "no bitmap of idle pages" : NULL;
}

/**
 * idle_open() - watch pages
 * @idle: what is known of them
 * @mem:  the first one
 * @nr:   how many
 * @step: pages in a huge page, if it is such; else 1
 */
void idle_open(struct idle *idle, const char *mem, unsigned int nr,
	       unsigned int step)
{
	idle->mem = mem;
	idle->nr = nr;
	idle->step = step;
	idle->pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	idle->bitmap = open(BITMAP, O_RDWR | O_CLOEXEC);
}

/**
 * idle_close() - watch no longer
 * @idle: what was known
 */
void idle_close(struct idle *idle)
{
	close(idle->pagemap);
	close(idle->bitmap);
}

/* 0 if it is nowhere. */
static uint64_t pfn_now(const struct idle *idle, unsigned int page)
{
	uint64_t entry;
	off_t at = ((uintptr_t)idle->mem / PAGE + page) * sizeof(entry);

	if (pread(idle->pagemap, &entry, sizeof(entry), at) != sizeof(entry))
		return 0;
	return entry & PRESENT ? entry & PFN : 0;
}

static off_t word_at(uint64_t pfn)
{
	return pfn / 64 * sizeof(uint64_t);
}

/**
 * idle_set() - forget that pages were accessed
 * @idle: the pages
 *
 * Return: false if the kernel refuses, or a page is nowhere.
 */
bool idle_set(struct idle *idle)
{
	unsigned int page, i;
	uint64_t bit, pfn;

	for (page = 0; page < idle->nr; page += idle->step) {
		i = page / idle->step;
		pfn = pfn_now(idle, page);
		idle->pfn[i] = pfn;
		bit = 1ULL << pfn % 64;
		if (pfn && pwrite(idle->bitmap, &bit, sizeof(bit),
				  word_at(pfn)) != sizeof(bit))
			return false;
	}
	return true;
}

/**
 * idle_get() - was a page accessed?
 * @idle: the pages
 * @page: which; of a huge page, the first one
 *
 * Return: what is known of it.
 */
enum idle_state idle_get(const struct idle *idle, unsigned int page)
{
	uint64_t pfn = idle->pfn[page / idle->step], word;

	if (!pfn || pfn != pfn_now(idle, page) ||
	    pread(idle->bitmap, &word, sizeof(word), word_at(pfn)) !=
	    sizeof(word))
		return MOVED;
	return word >> pfn % 64 & 1 ? IDLE : YOUNG;
}

/**
 * idle_set_all() - the same, and see to it that it is so
 * @idle: the pages, which nobody uses meanwhile
 *
 * Pages that are on their way from one list to another cannot be marked.
 *
 * Return: true if all are idle.
 */
bool idle_set_all(struct idle *idle)
{
	unsigned int page, tries;

	for (tries = 0; tries < TRIES; tries++) {
		if (!idle_set(idle))
			return false;
		for (page = 0; page < idle->nr; page += idle->step)
			if (idle_get(idle, page) != IDLE)
				break;
		if (page >= idle->nr)
			return true;
		write_file("/proc/sys/vm/drop_caches", "1");
	}
	return false;
}
