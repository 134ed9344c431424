// SPDX-License-Identifier: GPL-2.0
/*
 * Ordinary mappings directly beside huge ones, so that the upper page tables
 * are used by both.  In whatever order they go: the tables go with the last
 * one, and what stays mapped stays as it is.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "pgtable.h"

/* From left to right: small, huge, small, a gap, small, huge, huge, small. */
#define PARTS	7

struct part {
	size_t at;
	size_t length;
	bool huge;
};

static const struct part parts[PARTS] = {
	{ 2 * HUGE - PAGE, PAGE, false },
	{ 2 * HUGE, HUGE, true },
	{ 3 * HUGE, PAGE, false },
	{ 3 * HUGE + 16 * PAGE, PAGE, false },
	{ 4 * HUGE, HUGE, true },
	{ 5 * HUGE, HUGE, true },
	{ 6 * HUGE, 2 * PAGE, false },
};

#define ALL	(6 * HUGE + 2 * PAGE)
#define HUGES	3

FIXTURE(beside) {
	struct klog klog;
	struct pool pool;
	char *base;
};

/* The order that parts are unmapped in; ends at -1, the rest goes by exit. */
FIXTURE_VARIANT(beside) {
	int order[PARTS];
};

FIXTURE_VARIANT_ADD(beside, exit) {
	.order = { -1 },
};

FIXTURE_VARIANT_ADD(beside, from_the_left) {
	.order = { 0, 1, 2, 3, 4, 5, 6 },
};

FIXTURE_VARIANT_ADD(beside, from_the_right) {
	.order = { 6, 5, 4, 3, 2, 1, 0 },
};

FIXTURE_VARIANT_ADD(beside, huge_ones_first) {
	.order = { 1, 5, 4, 0, 2, 3, 6 },
};

FIXTURE_VARIANT_ADD(beside, small_ones_first) {
	.order = { 3, 6, 0, 2, 4, 1, 5 },
};

FIXTURE_VARIANT_ADD(beside, some_then_exit) {
	.order = { 1, 2, 5, -1 },
};

FIXTURE_SETUP(beside)
{
	if (!pool_has(HUGES))
		SKIP(return, "not enough pages of 2 MiB");
	ASSERT_TRUE(klog_begin(&self->klog));
	self->pool = pool_now();
	self->base = place(ALL);
	ASSERT_NE(NULL, self->base);
}

FIXTURE_TEARDOWN(beside)
{
	EXPECT_TRUE(pool_is(self->pool));
	EXPECT_EQ(NULL, klog_trouble(&self->klog));
	klog_end(&self->klog);
}

static bool map_parts(char *base)
{
	const struct part *part;
	char *got;

	for (part = parts; part < parts + PARTS; part++) {
		got = part->huge ? map_huge(base + part->at, part->length, 0) :
				   map_small(base + part->at, part->length);
		if (!got)
			return false;
		fill(got, part->length, part - parts);
	}
	return true;
}

static bool others_are_whole(char *base, const bool *gone)
{
	int i;

	for (i = 0; i < PARTS; i++)
		if (!gone[i] &&
		    !filled(base + parts[i].at, parts[i].length, i))
			return false;
	return true;
}

/* In that order, and then the rest by exit. */
static int unmap_in_order(char *base, const int *order)
{
	long tables = status_kb("VmPTE");
	bool gone[PARTS] = { };
	int i;

	if (!map_parts(base))
		return 1;
	for (i = 0; i < PARTS && order[i] >= 0; i++) {
		const struct part *part = &parts[order[i]];

		if (munmap(base + part->at, part->length))
			return 2;
		gone[order[i]] = true;
		if (can_read(base + part->at))
			return 3;
		if (!others_are_whole(base, gone))
			return 4;
	}
	return i == PARTS && status_kb("VmPTE") != tables ? 5 : 0;
}

TEST_F_TIMEOUT(beside, order, LIMIT_S)
{
	pid_t pid = fork();

	if (!pid)
		_exit(unmap_in_order(self->base, variant->order));
	EXPECT_TRUE(is_killed(pid, 0));
}

FIXTURE(all) {
	struct klog klog;
	struct pool pool;
	char *base;
};

FIXTURE_SETUP(all)
{
	if (!pool_has(HUGES))
		SKIP(return, "not enough pages of 2 MiB");
	ASSERT_TRUE(klog_begin(&self->klog));
	self->pool = pool_now();
	self->base = place(ALL);
	ASSERT_NE(NULL, self->base);
	ASSERT_TRUE(map_parts(self->base));
}

FIXTURE_TEARDOWN(all)
{
	EXPECT_TRUE(pool_is(self->pool));
	EXPECT_EQ(NULL, klog_trouble(&self->klog));
	klog_end(&self->klog);
}

/* Everything by one munmap(), and the tables with it. */
TEST_F_TIMEOUT(all, at_once, LIMIT_S)
{
	long tables;

	ASSERT_EQ(0, munmap(self->base, ALL));
	tables = status_kb("VmPTE");
	ASSERT_TRUE(map_parts(self->base));
	EXPECT_LT(tables, status_kb("VmPTE"));
	ASSERT_EQ(0, munmap(self->base, ALL));
	EXPECT_EQ(tables, status_kb("VmPTE"));
}

/* The huge part in the middle is replaced by a small one, and back. */
TEST_F_TIMEOUT(all, replaced, LIMIT_S)
{
	char *at = self->base + parts[1].at;
	bool gone[PARTS] = { [1] = true };
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, munmap(at, HUGE));
		ASSERT_NE(NULL, map_small(at, HUGE));
		fill(at, HUGE, 100);
		EXPECT_TRUE(others_are_whole(self->base, gone));
		EXPECT_TRUE(filled(at, HUGE, 100));
		ASSERT_EQ(0, munmap(at, HUGE));
		ASSERT_NE(NULL, map_huge(at, HUGE, 0));
		EXPECT_EQ(0, *at);
		fill(at, HUGE, 101);
		EXPECT_TRUE(others_are_whole(self->base, gone));
	}
	ASSERT_EQ(0, munmap(self->base, ALL));
}

/* Only the pages between the small mappings go; then they come again, empty. */
TEST_F_TIMEOUT(all, discarded, LIMIT_S)
{
	bool gone[PARTS] = { [4] = true, [5] = true };
	char *at = self->base + parts[4].at;
	struct pool with = pool_now(), without;

	ASSERT_EQ(0, madvise(at, 2 * HUGE, MADV_DONTNEED));
	without = pool_now();
	EXPECT_EQ(with.free + 2, without.free);
	EXPECT_TRUE(others_are_whole(self->base, gone));
	EXPECT_EQ(0, at[0]);
	EXPECT_EQ(0, at[2 * HUGE - 1]);
	ASSERT_EQ(0, munmap(self->base, ALL));
}

TEST_HARNESS_MAIN
