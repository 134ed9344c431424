// SPDX-License-Identifier: GPL-2.0
/*
 * The cells of the coherence matrix, and the report: a TAP line for each cell
 * and subscriber, then tables.
 */
#define _GNU_SOURCE
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "matrix.h"

static const struct op *const families[] = {
	ops_map, ops_advice, ops_reclaim, ops_move, ops_huge, ops_file,
	ops_uffd, ops_proc, ops_device, ops_end,
};

const char *cgroup;
bool broken;

static const char usage[] =
	"usage: matrix [-t] [-b] [-l] [operation...]\n"
	"  -t  all subscribers together in a cell, not one after the other\n"
	"  -b  with subscribers that drop nothing, which has to be found out\n"
	"  -l  list the operations\n";

struct matrix {
	bool together;
	char **names;		/* of the operations that are wanted, or none */
	unsigned int passed;
	unsigned int failed;
	unsigned int missing;
};

static bool is_wanted(const struct matrix *matrix, const struct op *op)
{
	char **name;

	for (name = matrix->names; *name; name++)
		if (!strcmp(*name, op->name))
			return true;
	return !matrix->names[0];
}

static void report(struct matrix *matrix, const struct op *op, enum pages kind,
		   const char *who, const struct result *result)
{
	const char *page = page_kinds[kind].name;

	enum verdict verdict = result->verdict;

	/* The same answer is right for the one and wrong for the other. */
	if (broken && verdict != MISSING)
		verdict = verdict == STALE ? PASSED : FAILED;
	switch (verdict) {
	case PASSED:
		ksft_test_result_pass("%s, %s, %s\n", op->name, page, who);
		matrix->passed++;
		return;
	case MISSING:
		ksft_test_result_skip("%s, %s, %s: %s\n", op->name, page, who,
				      result->why);
		matrix->missing++;
		return;
	default:
		printf("# %s\n", result->why);
		ksft_test_result_fail("%s, %s, %s\n", op->name, page, who);
		matrix->failed++;
	}
}

/* One cell with each subscriber; a mark for the table. */
static char cells(struct matrix *matrix, const struct op *op, enum pages kind)
{
	unsigned int before = matrix->failed, missing = matrix->missing, i;
	struct result result;

	if (!(op->kinds & ONLY(kind)))
		return ' ';
	if (matrix->together) {
		result = cell_run(op, kind, oracle_kinds, oracle_nr_kinds);
		report(matrix, op, kind, "all subscribers", &result);
	}
	for (i = 0; i < oracle_nr_kinds && !matrix->together; i++) {
		result = cell_run(op, kind, &oracle_kinds[i], 1);
		report(matrix, op, kind, sub_names[oracle_kinds[i]], &result);
	}
	if (matrix->failed != before)
		return 'X';
	return matrix->missing != missing ? '?' : '+';
}

static void row(struct matrix *matrix, const struct op *op)
{
	char marks[NR_PAGE_KINDS];
	unsigned int kind;

	for (kind = 0; kind < NR_PAGE_KINDS; kind++)
		marks[kind] = cells(matrix, op, kind);
	printf("# table: %-20s", op->name);
	for (kind = 0; kind < NR_PAGE_KINDS; kind++)
		printf(" %c", marks[kind]);
	printf("%s%s\n", op->no ? "  no others: " : "", op->no ?: "");
}

static unsigned int planned(const struct matrix *matrix)
{
	unsigned int nr = 0, kind, i;
	const struct op *op;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (op = families[i]; op->name; op++)
			for (kind = 0; kind < NR_PAGE_KINDS; kind++)
				if (is_wanted(matrix, op) &&
				    op->kinds & ONLY(kind))
					nr += matrix->together ? 1 : oracle_nr_kinds;
	return nr;
}

static void run(struct matrix *matrix)
{
	const struct op *op;
	unsigned int i;

	ksft_print_header();
	ksft_set_plan(planned(matrix));
	for (i = 0; i < NR_PAGE_KINDS; i++)
		printf("# column %u: %s\n", i + 1, page_kinds[i].name);
	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (op = families[i]; op->name; op++)
			if (is_wanted(matrix, op))
				row(matrix, op);
	ksft_finished();
}

static void list(void)
{
	const struct op *op;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (op = families[i]; op->name; op++)
			puts(op->name);
}

/* A process with a policy of its own gets no hints, but where it asks for. */
static void prevent_balancing(void)
{
	unsigned long both = 3;

	syscall(SYS_set_mempolicy, MPOL_BIND, &both, 8 * sizeof(both));
}

int main(int argc, char **argv)
{
	struct matrix matrix = { };
	int option;

	if (argc == 2 && !strcmp(argv[1], "--after-exec"))
		return after_exec();
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "tbl")) != -1) {
		switch (option) {
		case 't':
			matrix.together = true;
			break;
		case 'b':
			broken = true;
			break;
		case 'l':
			list();
			return 0;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	matrix.names = argv + optind;
	if (oracle_missing()) {
		ksft_print_header();
		ksft_exit_skip("%s\n", oracle_missing());
	}
	cgroup = cgroup_make("matrix");
	prevent_balancing();
	run(&matrix);
	return 0;
}
