// SPDX-License-Identifier: GPL-2.0
/*
 * The cells of the coherence matrix, and the report: a TAP line for each cell
 * and subscriber, then tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../kselftest.h"
#include "matrix.h"

static const struct op *const families[] = {
	ops_map, ops_advice, ops_reclaim, ops_move, ops_huge, ops_file,
	ops_uffd, ops_proc, ops_device, ops_end,
};

/* Those that have translations. */
static const unsigned int subs[] = {
	MNT_LIST, MNT_LIST_START, MNT_SECONDARY, MNT_INTERVAL, MNT_GET,
};

#define NR_SUBS		(sizeof(subs) / sizeof(subs[0]))
#define NR_FAMILIES	(sizeof(families) / sizeof(families[0]))

const char *cgroup;

static const char usage[] =
	"usage: matrix [-t] [-l] [operation...]\n"
	"  -t  all subscribers together in a cell, not one after the other\n"
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

	switch (result->verdict) {
	case PASSED:
		ksft_test_result_pass("%s, %s, %s\n", op->name, page, who);
		matrix->passed++;
		return;
	case MISSING:
		ksft_test_result_skip("%s, %s, %s: %s\n", op->name, page, who,
				      result->why);
		matrix->missing++;
		return;
	case FAILED:
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
		result = cell_run(op, kind, subs, NR_SUBS);
		report(matrix, op, kind, "all subscribers", &result);
	}
	for (i = 0; i < NR_SUBS && !matrix->together; i++) {
		result = cell_run(op, kind, &subs[i], 1);
		report(matrix, op, kind, sub_names[subs[i]], &result);
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

	for (i = 0; i < NR_FAMILIES; i++)
		for (op = families[i]; op->name; op++)
			for (kind = 0; kind < NR_PAGE_KINDS; kind++)
				if (is_wanted(matrix, op) &&
				    op->kinds & ONLY(kind))
					nr += matrix->together ? 1 : NR_SUBS;
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
	for (i = 0; i < NR_FAMILIES; i++)
		for (op = families[i]; op->name; op++)
			if (is_wanted(matrix, op))
				row(matrix, op);
	ksft_finished();
}

static void list(void)
{
	const struct op *op;
	unsigned int i;

	for (i = 0; i < NR_FAMILIES; i++)
		for (op = families[i]; op->name; op++)
			puts(op->name);
}

int main(int argc, char **argv)
{
	struct matrix matrix = { };
	int option;

	if (argc == 2 && !strcmp(argv[1], "--after-exec"))
		return after_exec();
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((option = getopt(argc, argv, "tl")) != -1) {
		switch (option) {
		case 't':
			matrix.together = true;
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
	if (why_no_device()) {
		ksft_print_header();
		ksft_exit_skip("%s\n", why_no_device());
	}
	cgroup = cgroup_make("matrix");
	run(&matrix);
	return 0;
}
