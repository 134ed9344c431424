// SPDX-License-Identifier: GPL-2.0
/*
 * Migration.
 */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

#define MOST_MOVED	32

/* Page by page, to a node for each. */
static bool move_pages_of(struct worker *worker, struct range range, int arg)
{
	unsigned long nr = range.len / PAGE, step = 1, i;
	int nodes[MOST_MOVED], found[MOST_MOVED];
	void *pages[MOST_MOVED];
	bool moved = false;

	if (nr > MOST_MOVED) {
		step = nr / MOST_MOVED;
		nr = MOST_MOVED;
	}
	for (i = 0; i < nr; i++) {
		pages[i] = range.addr + i * step * PAGE;
		nodes[i] = below(&worker->random, 2);
	}
	if (syscall(SYS_move_pages, 0, nr, pages, nodes, found,
		    MPOL_MF_MOVE_ALL) < 0)
		return false;
	for (i = 0; i < nr; i++)
		moved |= found[i] == nodes[i];
	return moved;
}

/* The policy, and the pages with it. */
static bool bind(struct worker *worker, struct range range, int arg)
{
	unsigned long node = 1UL << below(&worker->random, 2);

	return !syscall(SYS_mbind, range.addr, range.len, MPOL_BIND, &node,
			8 * sizeof(node), MPOL_MF_MOVE);
}

/* Whichever node the processor is on: so hints are put in. */
static bool balance(struct worker *worker, struct range range, int arg)
{
	return !syscall(SYS_mbind, range.addr, range.len, MPOL_DEFAULT, NULL, 0,
			0);
}

/* All that the process has, from here to there. */
static bool migrate(struct worker *worker, struct range range, int arg)
{
	unsigned long from = 1UL << below(&worker->random, 2), to = 3 - from;

	return syscall(SYS_migrate_pages, 0, 8 * sizeof(from), &from, &to) >= 0;
}

const struct op ops_move[] = {
	{ "move-pages", 4, ANY, move_pages_of },
	{ "mbind", 3, ANY, bind },
	{ "mbind-default", 3, ANY, balance },
	{ "migrate-pages", 1, ANY, migrate },
	{ }
};
