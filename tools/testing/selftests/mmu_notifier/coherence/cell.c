// SPDX-License-Identifier: GPL-2.0
/*
 * One cell of the matrix.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "matrix.h"

struct cell {
	const struct op *op;
	struct target target;
	struct oracle oracles[MNT_NR_KINDS];
	struct oracle *end;	/* behind the last one */
	int fd;
	int memory;		/* of the target */
	struct result result;
};

static struct cell *current;

/**
 * cell_look() - wait until all translations have been compared once more
 *
 * For an operation that has to keep things as they are for so long.
 */
void cell_look(void)
{
	struct oracle *oracle;

	for (oracle = current->oracles; oracle < current->end; oracle++)
		oracle_wait_look(oracle);
}

/* The first reason is the one that is told. */
static bool no(struct cell *cell, enum verdict verdict, const char *why, ...)
{
	va_list args;

	if (cell->result.verdict != PASSED)
		return false;
	cell->result.verdict = verdict;
	va_start(args, why);
	vsnprintf(cell->result.why, WHY, why, args);
	va_end(args);
	return false;
}

/* Did a step go well? */
static bool went_well(struct cell *cell, const char *what, int ret)
{
	const char *why = "";

	if (ret == DONE)
		return true;
	if (cell->target.area != MAP_FAILED)
		why = cell->target.area->why;
	if (ret == NOT_HERE)
		return no(cell, MISSING, "%s", why);
	return no(cell, FAILED, "%s: %s %s", what, strerror(-ret), why);
}

static bool nothing_stale(struct cell *cell, struct oracle *oracle,
			  const char *when)
{
	if (!oracle->found.stale)
		return true;
	if (!broken)
		oracle_report(oracle, cell->op);
	return no(cell, STALE, "stale %s, %s: %u of %u", when,
		  sub_names[oracle->kind], oracle->found.stale,
		  oracle->found.checked);
}

static bool begin(struct cell *cell, const unsigned int *subs, unsigned int nr)
{
	struct area *area = cell->target.area;
	unsigned int pages = area->len / PAGE, filled, i;
	struct oracle *oracle;

	for (i = 0; i < nr; i++) {
		if (!oracle_start(cell->end, cell->fd, subs[i], &cell->target))
			return no(cell, FAILED, "subscribe");
		cell->end++;
	}
	for (oracle = cell->oracles; oracle < cell->end; oracle++) {
		filled = oracle_fill(oracle, !area->readonly);
		if (filled != pages)
			return no(cell, FAILED, "%s: %u pages of %u translated",
				  sub_names[oracle->kind], filled, pages);
	}
	for (oracle = cell->oracles; oracle < cell->end; oracle++) {
		if (oracle_look(oracle).checked != pages)
			return no(cell, FAILED, "%s: lost in the beginning",
				  sub_names[oracle->kind]);
		nothing_stale(cell, oracle, "in the beginning");
		oracle_expect(oracle);
	}
	return cell->result.verdict == PASSED;
}

static bool operate_watched(struct cell *cell)
{
	const struct op *op = cell->op;
	struct oracle *oracle;
	int ret = DONE;

	for (oracle = cell->oracles; oracle < cell->end; oracle++) {
		oracle->reads = op->reads;
		oracle_watch(oracle);
	}
	if (op->run)
		ret = target_do(&cell->target, 'r');
	if (op->after == DEAD && ret == -EPIPE)
		ret = DONE;
	if (ret == DONE && op->remote)
		ret = op->remote(cell->target.area, cell->target.pid);
	for (oracle = cell->oracles; oracle < cell->end; oracle++)
		if (!oracle_watched(oracle))
			nothing_stale(cell, oracle, "meanwhile");
	return went_well(cell, op->name, ret) &&
	       cell->result.verdict == PASSED;
}

/* The operation, under observation. */
static bool operate(struct cell *cell)
{
	struct klog klog;
	const char *trouble;
	bool ret;

	if (!cell->op->loud)
		return operate_watched(cell);
	if (!klog_begin(&klog))
		return no(cell, FAILED, "the kernel's log cannot be read");
	ret = operate_watched(cell);
	trouble = klog_trouble(&klog);
	klog_end(&klog);
	return trouble ? no(cell, FAILED, "the kernel says: %.120s", trouble) :
	       ret;
}

/* Nobody tells a TLB of what it cannot have; and a reader has it all again. */
static bool may_keep(const struct cell *cell, const struct oracle *oracle)
{
	unsigned int keeps = cell->op->keeps;

	if (cell->op->reads)
		return true;
	if (oracle->kind == MNT_SECONDARY)
		keeps |= cell->op->quiet;
	return keeps & ONLY(cell->target.area->kind);
}

/* Is it told of nothing but the area? */
static bool is_bounded(const struct oracle *oracle)
{
	return oracle->kind == MNT_INTERVAL || oracle->kind == MNT_FILTERED;
}

/* Was it told why, and of nothing that has another cause? */
static void told_why(struct cell *cell, struct oracle *oracle)
{
	const struct op *op = cell->op;
	unsigned int causes = oracle_causes(oracle);
	unsigned int others = causes & ~(op->why | op->also);

	/* The others hear of all that the process does. */
	if (others && is_bounded(oracle))
		no(cell, FAILED, "%s: told of %s", sub_names[oracle->kind],
		   cause_name(others));
	/* Lists have a callout of its own for this; a TLB has no starts. */
	if (!op->why || oracle->kind == MNT_SECONDARY || may_keep(cell, oracle) ||
	    (op->why == BY(RELEASE) && oracle->kind != MNT_INTERVAL))
		return;
	if (!(causes & op->why))
		no(cell, FAILED, "%s: not told of %s", sub_names[oracle->kind],
		   cause_name(op->why));
}

/* What is left of the mirror is true, and something has been withdrawn. */
static void compare(struct cell *cell, struct oracle *oracle)
{
	unsigned int pages = cell->target.area->len / PAGE;
	struct mnt_check found = oracle_look(oracle);

	if (!nothing_stale(cell, oracle, "afterwards"))
		return;
	if (found.checked == pages && !may_keep(cell, oracle))
		no(cell, FAILED, "%s: nothing has been withdrawn",
		   sub_names[oracle->kind]);
}

/* What a page is to hold; ANON_ANY and ZERO lose what is dropped. */
static bool is_as_expected(const struct cell *cell, const char *page,
			   const char *addr)
{
	enum pages kind = cell->target.area->kind;
	bool was_zero = kind == ZERO, private = ONLY(kind) & (ANON_ANY |
							       ONLY(HUGETLB));
	enum after after = cell->op->after;
	bool same = was_zero ? page_is_zero(page) : tag_is(page, addr, 0);

	switch (after) {
	case ZEROES:
		return page_is_zero(page);
	case EITHER:
		return same || page_is_zero(page);
	case DROPPED:
		return private ? page_is_zero(page) : same;
	case CHANGED:
		return tag_is(page, addr, 1);
	case OTHER:
		return true;
	default:
		return same;
	}
}

/* A page, through the process and through the mirror. */
static bool data_is_right(struct cell *cell, struct oracle *oracle, char *addr)
{
	char page[PAGE] = { };
	uint64_t word;

	if (pread(cell->memory, page, PAGE, (uintptr_t)addr) != PAGE)
		return cell->op->after == EITHER || cell->op->after == OTHER ||
		       no(cell, FAILED, "%p cannot be read", addr);
	if (!is_as_expected(cell, page, addr))
		return no(cell, FAILED, "%p holds something else", addr);
	if (oracle_load(oracle, addr, &word) && memcmp(&word, page, 8))
		return no(cell, FAILED, "%s: other data through the mirror",
			  sub_names[oracle->kind]);
	return true;
}

/* Translate it all again, and use that. */
static void compare_again(struct cell *cell, struct oracle *oracle)
{
	struct area *area = cell->target.area;
	enum after after = cell->op->after;
	unsigned int filled = oracle_fill(oracle, false);
	size_t at;

	if (filled && after == GONE)
		no(cell, FAILED, "%s: %u pages translated that are gone",
		   sub_names[oracle->kind], filled);
	oracle_look(oracle);
	if (!nothing_stale(cell, oracle, "after another use") || after == GONE)
		return;
	for (at = 0; at < area->len; at += PAGE)
		if (!data_is_right(cell, oracle, area->addr + at))
			return;
}

static void after_death(struct cell *cell)
{
	struct oracle *oracle;

	for (oracle = cell->oracles; oracle < cell->end; oracle++)
		if (!oracle_wait_dead(oracle) &&
		    nothing_stale(cell, oracle, "after death"))
			no(cell, FAILED, "%s: not released",
			   sub_names[oracle->kind]);
	for (oracle = cell->oracles; oracle < cell->end; oracle++)
		told_why(cell, oracle);
}

static void after_life(struct cell *cell)
{
	struct oracle *oracle;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", cell->target.pid);
	cell->memory = open(path, O_RDONLY);
	for (oracle = cell->oracles; oracle < cell->end; oracle++) {
		compare(cell, oracle);
		told_why(cell, oracle);
	}
	if (cell->op->after == DENIED)
		for (oracle = cell->oracles; oracle < cell->end; oracle++)
			if (oracle_fill(oracle, false))
				no(cell, FAILED, "%s: translated, but denied",
				   sub_names[oracle->kind]);
	if (cell->op->undo)
		went_well(cell, "undo", target_do(&cell->target, 'u'));
	for (oracle = cell->oracles; oracle < cell->end; oracle++)
		compare_again(cell, oracle);
	close(cell->memory);
}

/**
 * cell_run() - run one cell
 * @op:   the operation
 * @kind: the kind of page
 * @subs: the kinds of subscribers, all at once
 * @nr:   how many
 *
 * Return: whether it passed, and why not.
 */
struct result cell_run(const struct op *op, enum pages kind,
		       const unsigned int *subs, unsigned int nr)
{
	struct cell cell = {
		.op = op,
		.target = { .to = -1, .from = -1, .area = MAP_FAILED },
		.fd = dev_open(),
	};
	struct oracle *oracle;

	current = &cell;
	cell.end = cell.oracles;
	if (cell.fd < 0) {
		no(&cell, FAILED, "no device");
	} else if (went_well(&cell, "making the area",
			     target_start(&cell.target, op, kind)) &&
		   begin(&cell, subs, nr) && operate(&cell)) {
		if (op->after == DEAD)
			after_death(&cell);
		else
			after_life(&cell);
	}
	for (oracle = cell.oracles; oracle < cell.end; oracle++) {
		oracle_stop(oracle);
		if (!oracle_is_paired(oracle))
			no(&cell, FAILED, "%s: not paired",
			   sub_names[oracle->kind]);
	}
	target_stop(&cell.target);
	close(cell.fd);
	return cell.result;
}
