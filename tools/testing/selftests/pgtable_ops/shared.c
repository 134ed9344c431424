// SPDX-License-Identifier: GPL-2.0
/*
 * Two processes that map the same huge pages by the same page table, and one
 * of them changes its mapping: the table is no longer shared where it has to
 * differ, and the other process does not notice.
 */
#define _GNU_SOURCE
#include <linux/memfd.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "pgtable.h"

/* Pages that are used, of the 512 of a table. */
static const size_t used[] = { 0, HUGE, 2 * HUGE, 300 * HUGE, GIGA - HUGE };

#define NR_USED		ARRAY_SIZE(used)
/* What a change may touch, and what it must leave alone. */
#define PART		(2 * HUGE)

static int protect_part(char *base)
{
	if (mprotect(base + PART, HUGE, PROT_READ))
		return 1;
	return can_write(base + PART) || !can_read(base + PART) ? 2 : 0;
}

static int protect_and_back(char *base)
{
	if (mprotect(base + PART, HUGE, PROT_NONE) || can_read(base + PART))
		return 1;
	if (mprotect(base + PART, HUGE, PROT_READ | PROT_WRITE))
		return 2;
	return !can_write(base + PART + 8) ? 3 : 0;
}

static int unmap_part(char *base)
{
	return munmap(base + PART, HUGE) || can_read(base + PART);
}

static int discard_part(char *base)
{
	if (madvise(base + PART, HUGE, MADV_DONTNEED))
		return 1;
	/* It is the file's, and so comes back as it was. */
	return !filled(base + PART, HUGE, PART / HUGE);
}

static int split_alone(char *base)
{
	return madvise(base + PART, HUGE, MADV_DONTFORK);
}

static int move_part(char *base)
{
	char *to = base + 2 * GIGA;

	if (mremap(base + PART, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   to) != to)
		return 1;
	return can_read(base + PART) || !filled(to, HUGE, PART / HUGE);
}

static int unmap_all(char *base)
{
	return munmap(base, GIGA);
}

static int change_nothing(char *base)
{
	return !filled(base, HUGE, 0);
}

FIXTURE(tables) {
	struct klog klog;
	struct pool pool;
	char *base;
	int fd;
};

FIXTURE_VARIANT(tables) {
	int (*change)(char *base);
	/* Afterwards page 1, beside the part, is mapped by so many tables. */
	long times;
	/* Afterwards the part is not where it was. */
	bool gone;
};

FIXTURE_VARIANT_ADD(tables, protect) {
	.change = protect_part,
	.times = 2,
};

FIXTURE_VARIANT_ADD(tables, protect_and_back) {
	.change = protect_and_back,
	.times = 2,
};

FIXTURE_VARIANT_ADD(tables, unmap) {
	.change = unmap_part,
	.times = 2,
	.gone = true,
};

FIXTURE_VARIANT_ADD(tables, discard) {
	.change = discard_part,
	.times = 1,
};

FIXTURE_VARIANT_ADD(tables, split) {
	.change = split_alone,
	.times = 2,
};

FIXTURE_VARIANT_ADD(tables, move) {
	.change = move_part,
	.times = 2,
	.gone = true,
};

FIXTURE_VARIANT_ADD(tables, unmap_all) {
	.change = unmap_all,
	.times = 1,
	.gone = true,
};

FIXTURE_VARIANT_ADD(tables, exit_alone) {
	.change = change_nothing,
	.times = 1,
};

FIXTURE_SETUP(tables)
{
	size_t i;

	if (!pool_has(NR_USED))
		SKIP(return, "not enough pages of 2 MiB");
	ASSERT_TRUE(klog_begin(&self->klog));
	self->pool = pool_now();
	self->fd = memfd_create("shared", MFD_CLOEXEC | MFD_HUGETLB |
				MFD_HUGE_2MB);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, ftruncate(self->fd, GIGA));
	self->base = place(4 * GIGA);
	ASSERT_NE(NULL, self->base);
	ASSERT_EQ(self->base, mmap(self->base, GIGA, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_NORESERVE |
				   MAP_FIXED_NOREPLACE, self->fd, 0));
	for (i = 0; i < NR_USED; i++)
		fill(self->base + used[i], HUGE, used[i] / HUGE);
}

FIXTURE_TEARDOWN(tables)
{
	munmap(self->base, GIGA);
	close(self->fd);
	EXPECT_TRUE(pool_is(self->pool));
	EXPECT_EQ(NULL, klog_trouble(&self->klog));
	klog_end(&self->klog);
}

static bool whole(char *base, size_t except)
{
	size_t i;

	for (i = 0; i < NR_USED; i++)
		if (used[i] != except &&
		    !filled(base + used[i], HUGE, used[i] / HUGE))
			return false;
	return true;
}

/* One byte each way: the other process goes on. */
static bool meet(int from, int to)
{
	char byte = 0;

	return write(to, &byte, 1) == 1 && read(from, &byte, 1) == 1;
}

static int child(char *base, int (*change)(char *base), bool gone,
		 int from, int to)
{
	int error;

	if (!whole(base, -1UL) || !meet(from, to))
		return 10;
	error = change(base);
	if (error)
		return error;
	if (change != unmap_all && !whole(base, gone ? PART : -1UL))
		return 11;
	/* The others' page 1 is looked at now. */
	if (change != unmap_all)
		base[HUGE + 8]++;
	return meet(from, to) ? 0 : 12;
}

/* The child's page table is the parent's, until the child has to differ. */
TEST_F_TIMEOUT(tables, change, LIMIT_S)
{
	bool writes = variant->change != unmap_all;
	int down[2], up[2];
	char *base = self->base;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(down));
	ASSERT_EQ(0, pipe(up));
	pid = fork();
	if (!pid)
		_exit(child(base, variant->change, variant->gone, down[0],
			    up[1]));
	/* Of the child alone, so that its death is the end of the file. */
	close(up[1]);
	ASSERT_EQ(1, read(up[0], &byte, 1));
	EXPECT_EQ(1, times_mapped(base + HUGE));
	ASSERT_EQ(1, write(down[1], &byte, 1));
	ASSERT_EQ(1, read(up[0], &byte, 1));
	EXPECT_EQ(variant->times, times_mapped(base + HUGE));
	EXPECT_EQ(writes, base[HUGE + 8] != 0);
	EXPECT_TRUE(whole(base, -1UL));
	EXPECT_TRUE(can_write(base + PART + 16));
	ASSERT_EQ(1, write(down[1], &byte, 1));
	EXPECT_TRUE(is_killed(pid, 0));
	EXPECT_EQ(1, times_mapped(base + HUGE));
	EXPECT_TRUE(whole(base, -1UL));
}

TEST_HARNESS_MAIN
