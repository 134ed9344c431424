// SPDX-License-Identifier: GPL-2.0
/*
 * Which operation comes next, on which part of the arena.
 */
#include "stress.h"

static const struct op *const families[] = {
	ops_map, ops_advice, ops_move, ops_uffd, ops_proc,
};

/**
 * op_by_number() - an operation of the table
 * @number: from 0
 *
 * Return: the operation, or NULL if there are not so many.
 */
const struct op *op_by_number(unsigned int number)
{
	const struct op *op;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (op = families[i]; op->name; op++)
			if (!number--)
				return op;
	return NULL;
}

/**
 * nr_ops() - how many operations there are
 *
 * Return: their number.
 */
unsigned int nr_ops(void)
{
	unsigned int nr = 0;

	while (op_by_number(nr))
		nr++;
	return nr;
}

static unsigned int choose_op(uint64_t *random)
{
	unsigned int sum = 0, left, i;

	for (i = 0; op_by_number(i); i++)
		sum += op_by_number(i)->weight;
	left = below(random, sum);
	for (i = 0; left >= op_by_number(i)->weight; i++)
		left -= op_by_number(i)->weight;
	return i;
}

static enum area_kind choose_area(uint64_t *random, unsigned int areas)
{
	enum area_kind kind;

	do {
		kind = below(random, NR_AREAS);
	} while (!(areas & ONLY(kind)));
	return kind;
}

/* Mostly a few pages; sometimes what a huge page may map, or all. */
static struct range choose_range(uint64_t *random, unsigned int areas)
{
	struct range range = { .kind = choose_area(random, areas) };
	unsigned int size = below(random, 8), first;
	size_t unit = PAGE;

	range.addr = ARENA + range.kind * AREA;
	range.len = AREA;
	if (!size)
		return range;
	if (size <= 2 || ONLY(range.kind) & ANY_HUGETLB)
		unit = HUGE;
	first = below(random, AREA / unit);
	range.addr += first * unit;
	range.len = (1 + below(random, 16)) * unit;
	if (range.len > AREA - first * unit || unit == HUGE)
		range.len = unit;
	return range;
}

/**
 * spare_for() - where a part of an area is moved to
 * @range: the part
 *
 * Return: the address.
 */
char *spare_for(struct range range)
{
	enum area_kind to = ONLY(range.kind) & ANY_SHARED ? SPARE_SHARED : SPARE;

	return range.addr + (to - range.kind) * AREA;
}

static void note_step(struct trail *trail, unsigned int op, struct range range)
{
	trail->steps[trail->nr++ % STEPS] = (struct step) {
		.op = op,
		.pages = range.len / PAGE,
		.addr = range.addr,
	};
}

/**
 * operate() - do something
 * @worker: who
 */
void operate(struct worker *worker)
{
	unsigned int number = choose_op(&worker->random);
	const struct op *op = op_by_number(number);
	struct range range = choose_range(&worker->random, op->areas);

	note_step(worker->trail, number, range);
	state->tried[number]++;
	if (op->run(worker, range, op->arg))
		state->worked[number]++;
}
