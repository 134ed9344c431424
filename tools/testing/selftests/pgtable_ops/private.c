// SPDX-License-Identifier: GPL-2.0
/*
 * Private huge pages: who has which page after fork(), a move, a write; and
 * what becomes of reservations.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "pgtable.h"

#define PAGES	3
#define LEN	(PAGES * HUGE)

FIXTURE(private) {
	struct klog klog;
	struct pool pool;
	char *base;
};

FIXTURE_SETUP(private)
{
	/* Once more for those who copy. */
	if (!pool_has(2 * PAGES + 1))
		SKIP(return, "not enough pages of 2 MiB");
	ASSERT_TRUE(klog_begin(&self->klog));
	self->pool = pool_now();
	self->base = place(4 * GIGA);
	ASSERT_NE(NULL, self->base);
	ASSERT_NE(NULL, map_huge(self->base, LEN, 0));
}

FIXTURE_TEARDOWN(private)
{
	EXPECT_TRUE(pool_is(self->pool));
	EXPECT_EQ(NULL, klog_trouble(&self->klog));
	klog_end(&self->klog);
}

/* Reserved by mmap(), used by faults, given back by munmap(). */
TEST_F_TIMEOUT(private, reservation, LIMIT_S)
{
	struct pool before = self->pool;
	struct pool now = pool_now();

	EXPECT_EQ(before.reserved + PAGES, now.reserved);
	EXPECT_EQ(before.free, now.free);
	fill(self->base, HUGE, 1);
	now = pool_now();
	EXPECT_EQ(before.reserved + PAGES - 1, now.reserved);
	EXPECT_EQ(before.free - 1, now.free);
	EXPECT_EQ((long)(HUGE >> 10), status_kb("HugetlbPages"));
	ASSERT_EQ(0, munmap(self->base, LEN));
	EXPECT_EQ(0, status_kb("HugetlbPages"));
}

/* Both have the old contents, and each its own new ones. */
TEST_F_TIMEOUT(private, forked, LIMIT_S)
{
	char *base = self->base;
	int go[2];
	char byte;
	pid_t pid;

	fill(base, LEN, 1);
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		if (read(go[0], &byte, 1) != 1 || !filled(base, LEN, 1))
			_exit(1);
		fill(base + 2 * HUGE, HUGE, 3);
		_exit(!filled(base, 2 * HUGE, 1));
	}
	fill(base, HUGE, 2);
	ASSERT_EQ(1, write(go[1], &byte, 1));
	EXPECT_TRUE(is_killed(pid, 0));
	EXPECT_TRUE(filled(base, HUGE, 2));
	munmap(base, HUGE);
	EXPECT_EQ(2, times_mapped(base + HUGE) + times_mapped(base + 2 * HUGE));
	fill(base + HUGE, 2 * HUGE, 4);
	ASSERT_EQ(0, munmap(base + HUGE, LEN - HUGE));
}

/* With no page left, the one who has reserved takes his from the child. */
TEST_F_TIMEOUT(private, owner_before_child, LIMIT_S)
{
	char *base = self->base;
	struct pool pool;
	char *rest;
	long left;
	int go[2];
	char byte;
	pid_t pid;

	fill(base, LEN, 1);
	pool = pool_now();
	left = pool.free - pool.reserved;
	rest = map_huge(base + 2 * GIGA, left * HUGE, 0);
	ASSERT_NE(NULL, rest);
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		/* Gone, and it must not read as empty. */
		_exit(filled(base, HUGE, 1) ? 2 : 3);
	}
	fill(base, HUGE, 2);
	ASSERT_EQ(1, write(go[1], &byte, 1));
	EXPECT_TRUE(is_killed(pid, SIGBUS));
	EXPECT_TRUE(filled(base, HUGE, 2));
	EXPECT_TRUE(filled(base + HUGE, LEN - HUGE, 1));
	ASSERT_EQ(0, munmap(base, LEN));
	ASSERT_EQ(0, munmap(rest, left * HUGE));
}

/* The pages move, the page tables of the old place go. */
TEST_F_TIMEOUT(private, moved, LIMIT_S)
{
	char *to = self->base + 2 * GIGA;
	struct pool pool;
	long tables;

	fill(self->base, LEN, 1);
	tables = status_kb("VmPTE");
	pool = pool_now();
	ASSERT_EQ(to, mremap(self->base, LEN, LEN,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	EXPECT_EQ(tables, status_kb("VmPTE"));
	EXPECT_TRUE(pool_is(pool));
	EXPECT_FALSE(can_read(self->base));
	EXPECT_TRUE(filled(to, LEN, 1));
	/* What is moved is also gone for good when it is unmapped. */
	ASSERT_EQ(0, munmap(to, LEN));
}

/* A part is protected, and with it the pages that the part has. */
TEST_F_TIMEOUT(private, protected, LIMIT_S)
{
	char *part = self->base + HUGE;

	fill(self->base, LEN, 1);
	ASSERT_EQ(0, mprotect(part, HUGE, PROT_READ));
	EXPECT_FALSE(can_write(part));
	EXPECT_TRUE(can_write(part - PAGE + 8));
	EXPECT_TRUE(can_write(part + HUGE + 8));
	ASSERT_EQ(0, mprotect(self->base, LEN, PROT_NONE));
	EXPECT_FALSE(can_read(part));
	ASSERT_EQ(0, mprotect(self->base, LEN, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(filled(self->base, LEN, 1));
	EXPECT_TRUE(can_write(part + 8));
	ASSERT_EQ(0, munmap(self->base, LEN));
}

TEST_HARNESS_MAIN
