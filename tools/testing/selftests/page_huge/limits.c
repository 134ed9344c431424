// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/page-huge where there is not enough: what a child's owner takes back,
 * cgroups, and pages of which the pool has two.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "device.h"

#define CGROUPS	"/sys/fs/cgroup"
#define POOLS	"/sys/kernel/mm/hugepages"
/* Of what fits into a cgroup's limit. */
#define FEW	3

static long number(const char *folder, const char *name)
{
	char path[384], text[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return read_file(path, text, sizeof(text)) ? -1 : atol(text);
}

static bool set(const char *folder, const char *name, unsigned long value)
{
	char path[384], text[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	snprintf(text, sizeof(text), "%lu", value);
	return !write_file(path, text);
}

/* What a process that has ended was charged for is given back a little later. */
static bool falls_below(const char *folder, const char *name, long limit)
{
	uint64_t until = now_ns() + bound_ns(PATIENCE_MS * MSEC);

	while (number(folder, name) >= limit) {
		if (now_ns() > until)
			return false;
		sleep_ms(10);
	}
	return true;
}

/* What was taken from a child must not read as if it had never been written. */
TEST_F_TIMEOUT(device, taken_back, LIMIT_S)
{
	char *base = self->base, *rest = base + 2 * GIGA;
	struct pool now;
	int go[2], i;
	char byte = 0;
	pid_t pid;
	long left;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	fill(base, 2 * HUGE, 1);
	now = pool_now();
	left = now.free - now.reserved;
	ASSERT_NE(NULL, map_huge(rest, left * HUGE, 0));
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		if (!filled(base + HUGE, HUGE, 1))
			_exit(2);
		_exit(is_zero(base, HUGE) ? 3 : 4);
	}
	fill(base, HUGE, 2);
	ASSERT_EQ(1, write(go[1], &byte, 1));
	EXPECT_TRUE(is_killed(pid, SIGBUS));
	EXPECT_TRUE(filled(base, HUGE, 2));
	for (i = 2; i < PAGES; i++)
		EXPECT_TRUE(can_write(base + i * HUGE));
}

/* Reads are charged to nobody, writes as pages of hugetlb are. */
static int in_memory_cgroup(char *base, const char *group)
{
	long before;
	int i, written = 0;

	if (!set(group, "cgroup.procs", 0))
		return 1;
	before = number(group, "memory.current");
	if (!is_zero(base, LEN))
		return 2;
	if (number(group, "memory.current") - before >= (long)HUGE)
		return 3;
	if (!set(group, "memory.max", (FEW + 1) * HUGE))
		return 4;
	for (i = 0; i < PAGES; i++)
		written += can_write(base + i * HUGE);
	/* There is more in the group than these, but not a huge page. */
	if (written != FEW)
		return 5;
	if (!is_zero(base, LEN))
		return 6;
	if (!set(group, "memory.max", 2 * LEN))
		return 7;
	for (i = 0; i < PAGES; i++)
		if (!can_write(base + i * HUGE))
			return 8;
	return 0;
}

TEST_F_TIMEOUT(device, memory_cgroup, LIMIT_S)
{
	const char *group = cgroup_make("page-huge");
	int status = -1;
	pid_t pid;

	if (!group || mount(NULL, CGROUPS, NULL, MS_REMOUNT,
			    "memory_hugetlb_accounting"))
		SKIP(return, "no cgroups that charge huge pages");
	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, MAP_NORESERVE));
	pid = fork();
	if (!pid)
		_exit(in_memory_cgroup(self->base, group));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(falls_below(group, "memory.current", HUGE));
	mount(NULL, CGROUPS, NULL, MS_REMOUNT, NULL);
	EXPECT_EQ(0, rmdir(group));
}

/* The limits of hugetlb itself, for reservations and for pages. */
static int in_hugetlb_cgroup(int fd, char *base, const char *group)
{
	int i, written = 0;

	if (!set(group, "cgroup.procs", 0))
		return 1;
	if (!set(group, "hugetlb.2MB.max", FEW * HUGE) ||
	    !set(group, "hugetlb.2MB.rsvd.max", FEW * HUGE))
		return 2;
	if (map_device(fd, base, LEN, 0) ||
	    number(group, "hugetlb.2MB.rsvd.current"))
		return 3;
	if (!map_device(fd, base, FEW * HUGE, 0) ||
	    number(group, "hugetlb.2MB.rsvd.current") != FEW * HUGE)
		return 4;
	if (munmap(base, FEW * HUGE) ||
	    number(group, "hugetlb.2MB.rsvd.current"))
		return 5;
	if (!map_device(fd, base, LEN, MAP_NORESERVE) || !is_zero(base, LEN) ||
	    number(group, "hugetlb.2MB.current"))
		return 6;
	for (i = 0; i < PAGES; i++)
		written += can_write(base + i * HUGE);
	if (written != FEW ||
	    number(group, "hugetlb.2MB.current") != FEW * HUGE)
		return 7;
	if (madvise(base, HUGE, MADV_DONTNEED) ||
	    number(group, "hugetlb.2MB.current") != (FEW - 1) * HUGE)
		return 8;
	return can_write(base + (PAGES - 1) * HUGE) ? 0 : 9;
}

TEST_F_TIMEOUT(device, hugetlb_cgroup, LIMIT_S)
{
	const char *group = cgroup_make("page-huge");
	int status = -1;
	pid_t pid;

	if (!group || write_file(CGROUPS "/cgroup.subtree_control", "+hugetlb"))
		SKIP(return, "no CONFIG_CGROUP_HUGETLB");
	pid = fork();
	if (!pid)
		_exit(in_hugetlb_cgroup(self->fd, self->base, group));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(falls_below(group, "hugetlb.2MB.current", 1));
	EXPECT_TRUE(falls_below(group, "hugetlb.2MB.rsvd.current", 1));
	EXPECT_EQ(0, rmdir(group));
}

/* One small page of each is enough to look at: they are large. */
static bool begins_as_zeroes(const char *addr, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += PAGE)
		if (get_word(addr + at))
			return false;
	return true;
}

/* Two pages: one is that of zeroes, one is left for a write. */
TEST_F_TIMEOUT(device, gigantic, LIMIT_S)
{
	const char *pool = POOLS "/hugepages-1048576kB";
	uint64_t pfn;
	char *base;
	int fd;

	if (number(pool, "free_hugepages") != 2)
		SKIP(return, "no pool with two pages of 1 GiB");
	fd = open(DEVICE "-1048576kB", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, fd);
	base = map_device(fd, NULL, 2 * GIGA, MAP_NORESERVE);
	ASSERT_NE(NULL, base);
	EXPECT_EQ(0, (uintptr_t)base % GIGA);
	EXPECT_TRUE(begins_as_zeroes(base, 2 * GIGA));
	pfn = pfn_of(base);
	EXPECT_NE(0, pfn);
	EXPECT_EQ(pfn, pfn_of(base + GIGA));
	EXPECT_EQ(1, number(pool, "free_hugepages"));
	set_word(base + PAGE, 1);
	EXPECT_NE(pfn, pfn_of(base));
	EXPECT_EQ(0, number(pool, "free_hugepages"));
	EXPECT_TRUE(begins_as_zeroes(base + GIGA, GIGA));
	EXPECT_EQ(1, get_word(base + PAGE));
	EXPECT_FALSE(can_write(base + GIGA));
	ASSERT_EQ(0, munmap(base, 2 * GIGA));
	/* Reserved, there is none left for the zeroes but that. */
	base = map_device(fd, NULL, GIGA, 0);
	ASSERT_NE(NULL, base);
	EXPECT_EQ(1, number(pool, "resv_hugepages"));
	EXPECT_EQ(0, base[0]);
	EXPECT_TRUE(can_write(base));
	EXPECT_EQ(0, number(pool, "resv_hugepages"));
	ASSERT_EQ(0, munmap(base, GIGA));
	close(fd);
	EXPECT_EQ(2, number(pool, "free_hugepages"));
}

TEST_HARNESS_MAIN
