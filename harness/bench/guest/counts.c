// SPDX-License-Identifier: GPL-2.0
/*
 * Runs each operation n and 2n times between marks, in a process of its own,
 * with subscribers of each kind:
 *
 *	counts ops CONFIG...	the operations
 *	counts subs		an invalidation, against number of subscribers
 *	counts flight		the same, against ranges in flight
 *	counts vmas N...	registration, against number of VMAs
 *	counts ages		the host ages and reclaims a guest's memory
 *
 * For each section a line "@@M part config op n ticks", in the order of the
 * sections, and for operations one by one "@@T config op", then their ticks.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "counts.h"
#include "mark.h"
#include "ops.h"
#include "subs.h"
#include "../../../tools/testing/selftests/mmu_notifier/util.h"

#define LOOPS	128
#define EACH	64

static const char *part;

void say(const char *config, const char *op, unsigned int n, uint64_t ticks)
{
	printf("@@M %s %s %s %u %llu\n", part, config, op, n,
	       (unsigned long long)ticks);
}

/* A kind of subscriber; those "apart" are intervals that stay untouched. */
static void subscribe_kind(int fd, const char *kind, unsigned int count,
			   char *area)
{
	if (!strcmp(kind, "list") || !strcmp(kind, "both"))
		nb_subscribe(fd, NB_LIST, count, NULL, 0, 0);
	if (!strcmp(kind, "interval") || !strcmp(kind, "both"))
		nb_subscribe(fd, NB_INTERVAL, count, area, AREA, 0);
	if (!strcmp(kind, "apart"))
		nb_subscribe(fd, NB_INTERVAL, count, area_map(AREA), PAGE,
			     PAGE);
}

/* KIND-COUNT or vm or vmoutside; "after-" means that it has gone again. */
static void subscribe(int fd, const char *config, char *area)
{
	const char *kind = config;
	char name[16] = "";
	unsigned int count = 0;
	int vm = -1;

	if (!strncmp(kind, "after-", 6))
		kind += 6;
	must(sscanf(kind, "%15[a-z]-%u", name, &count) > 0, "configuration");
	subscribe_kind(fd, name, count, area);
	if (!strcmp(name, "vm"))
		vm = vm_create(vm_open(), area, AREA);
	if (!strcmp(name, "vmoutside"))
		vm = vm_create(vm_open(), area_map(AREA), AREA);
	if (kind == config)
		return;
	madvise(area, AREA, MADV_DONTNEED);
	nb_unsubscribe(fd);
	if (vm >= 0)
		close(vm);
}

static void run(const struct op *op, char *area, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		op->once(area, i);
}

void undisturbed(int yes)
{
	struct sched_param param = { .sched_priority = yes ? 1 : 0 };

	must(!sched_setscheduler(0, yes ? SCHED_FIFO : SCHED_OTHER, &param),
	     "sched_setscheduler");
}

static void measure(const char *config, const struct op *op, char *area,
		    unsigned int n)
{
	uint64_t began, ticks;

	op->prepare(area, n);
	undisturbed(1);
	began = mark_begin();
	run(op, area, n);
	ticks = mark_end(began);
	undisturbed(0);
	say(config, op->name, n, ticks);
}

/* One by one, without marks. */
static void measure_each(const char *config, const struct op *op, char *area)
{
	unsigned int i, n = op->n < EACH ? op->n : EACH;
	uint64_t ticks[EACH], began;

	op->prepare(area, n);
	undisturbed(1);
	for (i = 0; i < n; i++) {
		began = mark_time();
		op->once(area, i);
		ticks[i] = mark_time() - began;
	}
	undisturbed(0);
	printf("@@T %s %s", config, op->name);
	for (i = 0; i < n; i++)
		printf(" %llu", (unsigned long long)ticks[i]);
	printf("\n");
}

static void one_op(const char *config, const void *arg)
{
	const struct op *op = arg;
	char *area = area_map(AREA);

	subscribe(nb_open(), config, area);
	/* What is done for the first time only, done. */
	op->prepare(area, op->n);
	run(op, area, op->n);
	measure(config, op, area, op->n);
	measure(config, op, area, 2 * op->n);
	measure_each(config, op, area);
}

static void loop(int fd, const char *config, char *area)
{
	uint64_t began, ticks;
	unsigned int n;

	nb_loop(fd, LOOPS, area, PAGE);
	for (n = LOOPS; n <= 2 * LOOPS; n *= 2) {
		began = mark_begin();
		nb_loop(fd, n, area, PAGE);
		ticks = mark_end(began);
		say(config, "invalidation", n, ticks);
	}
}

static void one_subs(const char *config, const void *arg)
{
	char *area = area_map(AREA);
	int fd = nb_open();

	subscribe(fd, config, area);
	loop(fd, config, area);
}

static void one_flight(const char *config, const void *arg)
{
	char *area = area_map(AREA), *far = area_map(8192 * PAGE);
	unsigned int count = *(const unsigned int *)arg;
	int fd = nb_open();

	subscribe(fd, "both-1", area);
	if (count)
		nb_hold(fd, count, far, PAGE, 2 * PAGE);
	loop(fd, config, area);
	nb_let_go(fd);
}

static void register_once(int fd, const char *config, const char *name)
{
	uint64_t began = mark_begin();

	nb_subscribe(fd, NB_LIST, 1, NULL, 0, 0);
	say(config, name, 1, mark_end(began));
}

/* All VMAs have one anon_vma, as after the first touch of a heap. */
static void one_vmas(const char *config, const void *arg)
{
	unsigned int count = *(const unsigned int *)arg, i;
	char *area = area_map(count * PAGE);
	int fd = nb_open();

	*(volatile char *)area = 1;
	for (i = 0; i < count; i += 2)
		must(!mprotect(area + i * PAGE, PAGE, PROT_READ), "mprotect");
	register_once(fd, config, "first");
	register_once(fd, config, "second");
}

static void numbered(void (*fn)(const char *config, const void *arg),
		     const char *name, unsigned int count)
{
	char config[32];

	snprintf(config, sizeof(config), "%s-%u", name, count);
	in_child(fn, config, &count);
}

static void all_subs(void)
{
	static const char * const kinds[] = {
		"list", "interval", "both", "apart"
	};
	unsigned int kind, count;

	for (kind = 0; kind < 4; kind++)
		for (count = 1; count <= 256; count *= 2)
			numbered(one_subs, kinds[kind], count);
	in_child(one_subs, "none", NULL);
	in_child(one_subs, "vm", NULL);
	in_child(one_subs, "vmoutside", NULL);
}

static void all_flight(void)
{
	unsigned int count;

	numbered(one_flight, "flight", 0);
	for (count = 1; count <= 4096; count *= 4)
		numbered(one_flight, "flight", count);
}

static void all_ops(char **configs)
{
	unsigned int i;

	must(swap_is_on(), "swap on zram");
	for (; *configs; configs++) {
		for (i = 0; i < nr_ops; i++)
			in_child(one_op, *configs, &ops[i]);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	part = argv[1];
	if (!strcmp(part, "nothing"))
		return 0;
	if (!strcmp(part, "ops"))
		all_ops(argv + 2);
	else if (!strcmp(part, "subs"))
		all_subs();
	else if (!strcmp(part, "flight"))
		all_flight();
	else if (!strcmp(part, "ages"))
		all_ages();
	else if (!strcmp(part, "vmas"))
		while (*(argv++ + 2))
			numbered(one_vmas, "vmas", atoi(argv[1]));
	else
		return 2;
	return 0;
}
