// SPDX-License-Identifier: GPL-2.0
/* Failing allocations, one by one: see inject.h. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inject.h"
#include "util.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define SLAB		"/sys/kernel/debug/failslab/"
#define PAGES		"/sys/kernel/debug/fail_page_alloc/"
/* An operation with more allocations than this does not end. */
#define NTH_MAX		20000
/* However many are left out, these are not. */
#define FIRST		16
#define LAST		16
#define OPTIONS		\
	"CONFIG_FAILSLAB, _FAIL_PAGE_ALLOC, _FAULT_INJECTION_DEBUG_FS"

/* By default most allocations are spared, and each failure is reported. */
static const struct {
	const char *path;
	const char *value;
} settings[] = {
	{ SLAB "ignore-gfp-wait", "N" },
	{ SLAB "verbose", "0" },
	{ PAGES "ignore-gfp-wait", "N" },
	{ PAGES "ignore-gfp-highmem", "N" },
	{ PAGES "min-order", "0" },
	{ PAGES "verbose", "0" },
};

/**
 * why_no_faults() - prepare to make allocations fail
 *
 * Return: why that is not possible, or NULL.
 */
const char *why_no_faults(void)
{
	static char why[160];
	size_t i;

	if (access(FAIL_NTH, W_OK))
		return "no " FAIL_NTH ": CONFIG_FAULT_INJECTION";
	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		if (write_file(settings[i].path, settings[i].value) >= 0)
			continue;
		snprintf(why, sizeof(why), "cannot set %s: %s",
			 settings[i].path, OPTIONS);
		return why;
	}
	return NULL;
}

/*
 * One descriptor for each process: opening the file takes memory, and the
 * link leads to who opens it.
 */
static int fail_nth_file(void)
{
	static int fd = -1;
	static pid_t owner;

	if (owner != gettid()) {
		fd = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			abort();
		owner = gettid();
	}
	return fd;
}

/* How far it is to the next one that is tried. */
static unsigned int sweep_step(const struct sweep *sweep)
{
	const char *all = getenv("MMU_NOTIFIER_FAULTS");

	if (sweep->each || sweep->nth < FIRST || !sweep->skip || (all && *all))
		return 1;
	return sweep->skip;
}

/* The end has been passed: go back, so that none of the last is left out. */
static void sweep_back(struct sweep *sweep)
{
	sweep->each = true;
	sweep->nth -= sweep->nth > FIRST + LAST ? LAST : sweep->nth - FIRST;
}

/**
 * sweep_next() - go on to the next attempt
 * @sweep: all zero before the first, but for @tries
 *
 * Return: false if the latest attempts had no such allocation any more.
 */
bool sweep_next(struct sweep *sweep)
{
	if (sweep->nth && ++sweep->attempt < sweep->tries)
		return true;
	if (sweep->nth && !sweep->any_hit) {
		if (sweep_step(sweep) == 1)
			return false;
		sweep_back(sweep);
	}
	sweep->points += sweep->any_hit;
	sweep->fatal += sweep->any_failed;
	sweep->nth += sweep_step(sweep);
	sweep->any_hit = false;
	sweep->any_failed = false;
	sweep->attempt = 0;
	return sweep->nth < NTH_MAX;
}

/**
 * fault_arm() - let the nth allocation from now on fail
 * @nth: from 1 on; 0 lets none fail
 */
void fault_arm(unsigned int nth)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(fail_nth_file(), text, length, 0) != length)
		abort();
}

/**
 * fault_came() - let none fail from now on
 *
 * Return: true if the one that was to fail was made and has failed.
 */
bool fault_came(void)
{
	char text[16] = "";
	bool came;

	/* What is left to count; nothing, once it has failed. */
	if (pread(fail_nth_file(), text, sizeof(text) - 1, 0) < 1)
		abort();
	came = !strtoul(text, NULL, 10);
	fault_arm(0);
	return came;
}

/**
 * sweep_note() - the attempt is over
 * @sweep:   which told the nth that was armed
 * @success: whether the operation came about
 *
 * Disarms.
 */
void sweep_note(struct sweep *sweep, bool success)
{
	sweep->hit = fault_came();
	sweep->failed = !success;
	sweep->any_hit |= sweep->hit;
	sweep->any_failed |= sweep->hit && sweep->failed;
}
