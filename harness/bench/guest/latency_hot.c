// SPDX-License-Identifier: GPL-2.0
/*
 * Hot and cold: a guest goes round in an eighth of its memory while the host
 * reclaims half of it. What comes back from swap was hot, and should have stayed.
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
#define HOT		(PAGES / 8)
#define STEPS		16
#define STEP		(MEMORY / 2 / STEPS)
#define VMSTAT		"/proc/vmstat"

struct guest {
	struct vcpu vcpu;
	atomic_bool stop;
	atomic_ulong rounds;
};

static void go_round(struct guest *guest, unsigned int pages)
{
	unsigned int i;

	vcpu_place(&guest->vcpu, 1);
	for (i = 1; i < pages; i++)
		vcpu_touch(&guest->vcpu);
	guest->rounds++;
}

static void *stay_hot(void *arg)
{
	struct guest *guest = arg;

	while (!guest->stop)
		go_round(guest, HOT);
	return NULL;
}

/* A line "name number" of a file; nobody else swaps. */
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

/* Each hot page has been touched since it was looked at last. */
static void wait_round(struct guest *guest)
{
	unsigned long enough = guest->rounds + 2;

	while (guest->rounds < enough)
		sleep_ms(1);
}

/* With MGLRU or without; what is told has that as its number. */
void hot_and_cold(unsigned int mglru)
{
	const char *cgroup = cgroup_make("hot");
	unsigned long refaults, out;
	struct guest guest = { };
	char path[160], text[32];
	pthread_t thread;
	char *area;
	int i;

	must(cgroup && swap_is_on(), "a memory cgroup and swap");
	must(!write_file("/sys/kernel/mm/lru_gen/enabled", mglru ? "y" : "n"),
	     "lru_gen");
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	must(!write_file(path, "0"), path);
	area = area_map(MEMORY);
	guest.vcpu = vcpu_create(area, MEMORY);
	go_round(&guest, PAGES);
	refaults = number_in(VMSTAT, "workingset_refault_anon ");
	out = number_in(VMSTAT, "pswpout ");
	must(!pthread_create(&thread, NULL, stay_hot, &guest), "a thread");
	snprintf(path, sizeof(path), "%s/memory.reclaim", cgroup);
	snprintf(text, sizeof(text), "%lu", STEP);
	for (i = 0; i < STEPS; i++) {
		wait_round(&guest);
		write_file(path, text);
	}
	wait_round(&guest);
	guest.stop = true;
	pthread_join(thread, NULL);
	say("swapped-out", mglru, number_in(VMSTAT, "pswpout ") - out);
	say("hot-came-back", mglru,
	    number_in(VMSTAT, "workingset_refault_anon ") - refaults);
}
