// SPDX-License-Identifier: GPL-2.0
/*
 * What a change of protection costs: instructions, of a whole system call, on
 * a machine where one instruction is one tick.
 *
 *	protect CONFIG...
 *
 * CONFIG is none, or list, or vm: who subscribes. A line for each size of the
 * range, and what is in it: "@@P config size content ticks", the last number
 * for the way there and for the way back.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "mark.h"
#include "ops.h"
#include "subs.h"

#define GIB	(512 * HUGE)
#define RW	(PROT_READ | PROT_WRITE)
#define TRIES	5

static const size_t sizes[] = { PAGE, HUGE, GIB };
static const char * const names[] = { "4KiB", "2MiB", "1GiB" };

static void subscribe(const char *config, char *area)
{
	if (!strcmp(config, "list"))
		nb_subscribe(nb_open(), NB_LIST, 1, NULL, 0, 0);
	if (!strcmp(config, "vm"))
		vm_create(vm_open(), area, GIB);
}

static void write_to(char *area, size_t length, size_t stride)
{
	size_t at;

	for (at = 0; at < length; at += stride)
		*(volatile char *)(area + at) = 1;
}

static uint64_t protect_once(char *area, size_t length, int prot)
{
	uint64_t began = mark_time();

	must(!mprotect(area, length, prot), "mprotect");
	return mark_time() - began;
}

/* The cheapest of some: now and then a timer's interrupt is in it. */
static void measure(const char *config, const char *size, const char *content,
		    char *area, size_t length)
{
	uint64_t there = -1ULL, back = -1ULL, ticks;
	int i;

	for (i = 0; i < TRIES; i++) {
		ticks = protect_once(area, length, PROT_READ);
		there = ticks < there ? ticks : there;
		ticks = protect_once(area, length, RW);
		back = ticks < back ? ticks : back;
	}
	printf("@@P %s %s %s %llu %llu\n", config, size, content,
	       (unsigned long long)there, (unsigned long long)back);
}

static void one_config(const char *config, const void *arg)
{
	struct sched_param param = { .sched_priority = 1 };
	char *area = area_map(GIB);
	unsigned int i;

	subscribe(config, area);
	must(!sched_setscheduler(0, SCHED_FIFO, &param), "sched_setscheduler");
	for (i = 0; i < 3; i++)
		measure(config, names[i], "untouched", area, sizes[i]);
	write_to(area + GIB - PAGE, PAGE, PAGE);
	measure(config, names[2], "last-page", area, GIB);
	write_to(area + HUGE - PAGE, PAGE, PAGE);
	measure(config, names[1], "last-page", area, HUGE);
	write_to(area, GIB, 64 * HUGE);
	measure(config, names[2], "page-per-128MiB", area, GIB);
	/* Nothing to do in any of them: the zero page, all over. */
	must(!madvise(area, GIB, MADV_DONTNEED), "MADV_DONTNEED");
	for (i = 0; i < HUGE / PAGE; i++)
		(void)*(volatile char *)(area + i * PAGE);
	measure(config, names[0], "zero", area, PAGE);
	measure(config, names[1], "zero", area, HUGE);
	must(!madvise(area, GIB, MADV_DONTNEED), "MADV_DONTNEED");
	write_to(area, GIB, PAGE);
	for (i = 0; i < 3; i++)
		measure(config, names[i], "dense", area, sizes[i]);
}

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc; i++)
		in_child(one_config, argv[i], NULL);
	return 0;
}
