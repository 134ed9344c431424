// SPDX-License-Identifier: GPL-2.0
/*
 * Hot and cold: a guest goes round in a part of its memory while the host
 * reclaims half of it, by turns. What comes back from swap was hot, and should
 * have stayed.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "latency.h"
#include "ops.h"
#include "subs.h"
#include "vcpu.h"

#define MEMORY		(16 * HUGE)
#define PAGES		(MEMORY / PAGE)
#define STEPS		16
#define STEP		(MEMORY / 2 / STEPS)
#define VMSTAT		"/proc/vmstat"

static void go_round(struct vcpu *vcpu, unsigned int pages)
{
	unsigned int i;

	/* The first page has the code. */
	vcpu_place(vcpu, 1);
	for (i = 1; i < pages; i++)
		vcpu_touch(vcpu);
}

/* A line "name number" of a file; nobody else is reclaimed from. */
static unsigned long number_in(const char *path, const char *name)
{
	unsigned long long value = 0;
	char line[128];
	FILE *in = fopen(path, "r");
	int found = 0;

	must(in != NULL, path);
	while (!found && fgets(line, sizeof(line), in))
		if (!strncmp(line, name, strlen(name)))
			found = sscanf(line + strlen(name), "%llu", &value);
	fclose(in);
	must(found, name);
	return value;
}

/* By one LRU; what is told has the hot share as its number: one of so many. */
static void reclaim_beside(const char *lru, const char *enabled,
			   unsigned int share)
{
	char path[160], text[32], what[32];
	unsigned long refaults, evicted;
	const char *cgroup;
	struct vcpu vcpu;
	char *area;
	int i;

	/* A new one for each, which has not learnt yet what swapping costs. */
	snprintf(what, sizeof(what), "hot-%s-%u", lru, share);
	cgroup = cgroup_make(what);
	must(cgroup && swap_is_on(), "a memory cgroup and swap");
	must(!write_file("/sys/kernel/mm/lru_gen/enabled", enabled), "lru_gen");
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	must(!write_file(path, "0"), path);
	area = area_map(MEMORY);
	vcpu = vcpu_create(area, MEMORY);
	go_round(&vcpu, PAGES);
	refaults = number_in(VMSTAT, "workingset_refault_anon ");
	evicted = number_in(VMSTAT, "pgsteal_anon ");
	snprintf(path, sizeof(path), "%s/memory.reclaim", cgroup);
	snprintf(text, sizeof(text), "%lu", STEP);
	for (i = 0; i < STEPS; i++) {
		go_round(&vcpu, PAGES / share);
		go_round(&vcpu, PAGES / share);
		/* It may find less. */
		write_file(path, text);
	}
	go_round(&vcpu, PAGES / share);
	snprintf(what, sizeof(what), "%s-evicted", lru);
	say(what, share, number_in(VMSTAT, "pgsteal_anon ") - evicted);
	snprintf(what, sizeof(what), "%s-came-back", lru);
	say(what, share,
	    number_in(VMSTAT, "workingset_refault_anon ") - refaults);
}

static void by_classic(const char *share, const void *arg)
{
	reclaim_beside("classic", "n", atoi(share));
}

static void by_mglru(const char *share, const void *arg)
{
	reclaim_beside("MGLRU", "y", atoi(share));
}

/* One of so many pages is hot. */
void hot_and_cold(unsigned int share)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", share);
	in_child(by_classic, text, NULL);
	in_child(by_mglru, text, NULL);
}
