// SPDX-License-Identifier: GPL-2.0
/*
 * The host ages and reclaims the memory of a guest, which has touched all of it.
 *
 *	age-SIZE folio		the folio is marked idle, from its frame number
 *	reclaim-LRU page	so many pages are reclaimed from the cgroup
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "counts.h"
#include "mark.h"
#include "ops.h"
#include "subs.h"
#include "vcpu.h"
#include "../../../tools/testing/selftests/mmu_notifier/util.h"

#define PAGES		(AREA / PAGE)
#define TIMES		64
#define RECLAIMED	256
#define THP		"/sys/kernel/mm/transparent_hugepage/"

/* A kind of folio: how much there is in one, and how it is mapped. */
struct kind {
	const char *config;
	size_t size;
	int by_ptes;
};

static const struct kind kinds[] = {
	{ "age-4K", PAGE, 1 },
	{ "age-64K", 16 * PAGE, 1 },
	{ "age-2M-by-ptes", HUGE, 1 },
	{ "age-2M", HUGE, 0 },
};

static void set(const char *path, const char *value)
{
	must(!write_file(path, value), path);
}

/* Memory in folios of one size, all of it there. */
static char *make(const struct kind *kind)
{
	char *area = area_map(AREA);
	uint64_t first = 0;
	size_t at;

	set(THP "enabled", "madvise");
	set(THP "hugepages-64kB/enabled",
	    kind->size == 16 * PAGE ? "always" : "never");
	if (kind->size == HUGE)
		must(!madvise(area, AREA, MADV_HUGEPAGE), "MADV_HUGEPAGE");
	memset(area, 1, AREA);
	for (at = 0; at < AREA; at += PAGE) {
		if (at % kind->size == 0)
			first = pfn_of(area + at);
		must(pfn_of(area + at) == first + at % kind->size / PAGE,
		     "a folio of this size");
	}
	/* Splits the entry, and not the folio. */
	for (at = 0; kind->size == HUGE && kind->by_ptes && at < AREA; at += HUGE) {
		must(!mprotect(area + at, PAGE, PROT_READ), "mprotect");
		must(!mprotect(area + at, PAGE, PROT_READ | PROT_WRITE),
		     "mprotect");
	}
	return area;
}

static void touch_all(struct vcpu *vcpu)
{
	unsigned int i;

	/* The first page has the code. */
	vcpu_place(vcpu, 1);
	for (i = 1; i < PAGES; i++)
		vcpu_touch(vcpu);
}

static void mark_idle(int fd, uint64_t frame, unsigned int n)
{
	uint64_t word = 1ULL << (frame % 64);

	while (n--)
		must(pwrite(fd, &word, 8, frame / 64 * 8) == 8, "page_idle");
}

static void one_age(const char *config, const void *arg)
{
	const struct kind *kind = arg;
	char *area = make(kind);
	struct vcpu vcpu = vcpu_create(area, AREA);
	int fd = open("/sys/kernel/mm/page_idle/bitmap", O_RDWR);
	uint64_t frame = pfn_of(area + HUGE), began, ticks;
	unsigned int n;

	must(fd >= 0, "page_idle");
	touch_all(&vcpu);
	/* What is done for the first time only, done. */
	mark_idle(fd, frame, TIMES);
	for (n = TIMES; n <= 2 * TIMES; n *= 2) {
		undisturbed(1);
		began = mark_begin();
		mark_idle(fd, frame, n);
		ticks = mark_end(began);
		undisturbed(0);
		say(config, "folio", n, ticks);
	}
}

static void reclaim(const char *cgroup, unsigned int pages)
{
	char path[160], text[32];

	snprintf(path, sizeof(path), "%s/memory.reclaim", cgroup);
	snprintf(text, sizeof(text), "%lu", pages * PAGE);
	/* It may find less; there is far more than that. */
	write_file(path, text);
}

static void one_reclaim(const char *config, const void *arg)
{
	const char *cgroup = cgroup_make("bench");
	struct vcpu vcpu;
	char path[160];
	unsigned int n;
	uint64_t began, ticks;
	char *area;

	set("/sys/kernel/mm/lru_gen/enabled", arg);
	must(cgroup != NULL, "a memory cgroup");
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	set(path, "0");
	area = make(&kinds[0]);
	vcpu = vcpu_create(area, AREA);
	touch_all(&vcpu);
	reclaim(cgroup, RECLAIMED);
	for (n = RECLAIMED; n <= 2 * RECLAIMED; n *= 2) {
		touch_all(&vcpu);
		began = mark_begin();
		reclaim(cgroup, n);
		ticks = mark_end(began);
		say(config, "page", n, ticks);
	}
}

/* The part that has to do with the age of a guest's pages. */
void all_ages(void)
{
	unsigned int i;

	must(swap_is_on(), "swap on zram");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		in_child(one_age, kinds[i].config, &kinds[i]);
	in_child(one_reclaim, "reclaim-classic", "n");
	in_child(one_reclaim, "reclaim-mglru", "y");
}
