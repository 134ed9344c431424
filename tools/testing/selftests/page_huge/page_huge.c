// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/page-huge: what is only read takes no memory, what is written to is one's
 * own, and everything is given back.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "device.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22
#endif
#ifndef MADV_SOFT_OFFLINE
#define MADV_SOFT_OFFLINE	101
#endif

#define OFFLINE	"/proc/sys/vm/enable_soft_offline"

/* All pages of the mapping are one page of the pool, in whatever process. */
TEST_F_TIMEOUT(device, reads_share_one_page, LIMIT_S)
{
	struct pool now;
	uint64_t pfn;
	int i;

	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	now = pool_now();
	EXPECT_EQ(self->pool.reserved + PAGES, now.reserved);
	EXPECT_TRUE(is_zero(self->base, LEN));
	now = pool_now();
	EXPECT_EQ(self->pool.free - 1, now.free);
	EXPECT_EQ(self->pool.reserved + PAGES, now.reserved);
	pfn = pfn_of(self->base);
	EXPECT_NE(0, pfn);
	for (i = 1; i < PAGES; i++)
		EXPECT_EQ(pfn, pfn_of(self->base + i * HUGE));
	EXPECT_EQ(PAGES, times_mapped(self->base));
	ASSERT_NE(NULL, map_device(self->fd, self->base + GIGA, HUGE, 0));
	EXPECT_TRUE(is_zero(self->base + GIGA, HUGE));
	EXPECT_EQ(pfn, pfn_of(self->base + GIGA));
}

/* A write has a page from the reservation, and the others see nothing of it. */
TEST_F_TIMEOUT(device, writes_copy, LIMIT_S)
{
	char *base = self->base;
	struct pool now;
	uint64_t pfn;
	int i;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, LEN));
	pfn = pfn_of(base);
	for (i = 0; i < PAGES; i += 2)
		fill(base + i * HUGE, HUGE, i);
	now = pool_now();
	EXPECT_EQ(self->pool.free - 1 - PAGES / 2, now.free);
	EXPECT_EQ(self->pool.reserved + PAGES / 2, now.reserved);
	for (i = 0; i < PAGES; i++) {
		if (i % 2) {
			EXPECT_TRUE(is_zero(base + i * HUGE, HUGE));
			EXPECT_EQ(pfn, pfn_of(base + i * HUGE));
		} else {
			EXPECT_TRUE(filled(base + i * HUGE, HUGE, i));
			EXPECT_NE(pfn, pfn_of(base + i * HUGE));
		}
	}
	/* Where nothing was read before, nothing is copied. */
	ASSERT_NE(NULL, map_device(self->fd, base + GIGA, HUGE, 0));
	fill(base + GIGA, HUGE, 9);
	EXPECT_TRUE(filled(base + GIGA, HUGE, 9));
}

/* What is discarded reads as zeroes again, and takes no page then. */
TEST_F_TIMEOUT(device, discarded, LIMIT_S)
{
	struct pool now;

	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	fill(self->base, LEN, 1);
	ASSERT_EQ(0, madvise(self->base, LEN, MADV_DONTNEED));
	EXPECT_TRUE(is_zero(self->base, LEN));
	now = pool_now();
	EXPECT_EQ(self->pool.free - 1, now.free);
	fill(self->base, HUGE, 2);
	EXPECT_TRUE(filled(self->base, HUGE, 2));
	EXPECT_TRUE(is_zero(self->base + HUGE, LEN - HUGE));
}

/* With all of the pool reserved, each page that was read can be written to. */
TEST_F_TIMEOUT(device, reservation_holds, LIMIT_S)
{
	char *base = self->base, *rest = base + 2 * GIGA;
	struct pool now;
	long left;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, LEN));
	now = pool_now();
	left = now.free - now.reserved;
	ASSERT_NE(NULL, map_huge(rest, left * HUGE, 0));
	fill(base, LEN, 1);
	EXPECT_TRUE(filled(base, LEN, 1));
	/* More than there is cannot be mapped, but for who reserves nothing. */
	EXPECT_EQ(NULL, map_device(self->fd, base + GIGA, LEN, 0));
	ASSERT_NE(NULL, map_device(self->fd, base + GIGA, LEN, MAP_NORESERVE));
	EXPECT_TRUE(is_zero(base + GIGA, LEN));
	EXPECT_FALSE(can_write(base + GIGA));
	ASSERT_EQ(0, munmap(rest, left * HUGE));
	EXPECT_TRUE(can_write(base + GIGA));
}

/* Both have what was there, and each what it has written. */
TEST_F_TIMEOUT(device, forked, LIMIT_S)
{
	char *base = self->base;
	int go[2];
	char byte = 0;
	pid_t pid;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, 2 * HUGE));
	fill(base + 2 * HUGE, HUGE, 1);
	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid) {
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		if (!is_zero(base, 2 * HUGE) || !filled(base + 2 * HUGE, HUGE, 1))
			_exit(2);
		fill(base + HUGE, HUGE, 3);
		_exit(!is_zero(base + 3 * HUGE, HUGE));
	}
	fill(base, HUGE, 2);
	ASSERT_EQ(1, write(go[1], &byte, 1));
	EXPECT_TRUE(is_killed(pid, 0));
	EXPECT_TRUE(filled(base, HUGE, 2));
	EXPECT_TRUE(is_zero(base + HUGE, HUGE));
	EXPECT_TRUE(filled(base + 2 * HUGE, HUGE, 1));
}

TEST_F_TIMEOUT(device, moved_and_protected, LIMIT_S)
{
	char *base = self->base, *to = base + GIGA;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, 2 * HUGE));
	fill(base + 2 * HUGE, HUGE, 1);
	ASSERT_EQ(to, mremap(base, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED,
			     to));
	EXPECT_FALSE(can_read(base));
	EXPECT_TRUE(is_zero(to, 2 * HUGE));
	EXPECT_TRUE(filled(to + 2 * HUGE, HUGE, 1));
	ASSERT_EQ(0, mprotect(to, 2 * HUGE, PROT_READ));
	EXPECT_FALSE(can_write(to));
	EXPECT_TRUE(can_write(to + 3 * HUGE));
	ASSERT_EQ(0, mprotect(to, LEN, PROT_NONE));
	EXPECT_FALSE(can_read(to));
	/* Rights to write do not make the page of zeroes writable. */
	ASSERT_EQ(0, mprotect(to, LEN, PROT_READ | PROT_WRITE));
	EXPECT_TRUE(is_zero(to, 2 * HUGE));
	fill(to, HUGE, 2);
	EXPECT_TRUE(is_zero(to + HUGE, HUGE));
	EXPECT_TRUE(filled(to, HUGE, 2));
}

/* The kernel writes as well, on behalf of read() and of others. */
TEST_F_TIMEOUT(device, written_by_the_kernel, LIMIT_S)
{
	char *base = self->base;
	int fd;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, 3 * HUGE));
	fd = open("/proc/self/mem", O_RDWR);
	ASSERT_LE(0, fd);
	EXPECT_EQ(5, pwrite(fd, "hello", 5, (off_t)(uintptr_t)base));
	close(fd);
	EXPECT_EQ(0, memcmp(base, "hello", 5));
	EXPECT_TRUE(can_write(base + HUGE));
	EXPECT_TRUE(is_zero(base + 2 * HUGE, HUGE));
}

TEST_F_TIMEOUT(device, populated, LIMIT_S)
{
	struct pool now;

	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	ASSERT_EQ(0, madvise(self->base, LEN, MADV_POPULATE_READ));
	EXPECT_EQ(PAGES, times_mapped(self->base));
	EXPECT_EQ((long)(LEN >> 10), status_kb("HugetlbPages"));
	ASSERT_NE(NULL, map_device(self->fd, self->base + GIGA, 2 * HUGE,
				   MAP_POPULATE));
	now = pool_now();
	EXPECT_EQ(self->pool.free - 3, now.free);
	ASSERT_EQ(0, munmap(self->base, LEN));
	ASSERT_EQ(0, munmap(self->base + GIGA, 2 * HUGE));
	EXPECT_EQ(0, status_kb("HugetlbPages"));
}

/* The page of zeroes stays where it is; one's own pages go where they are told. */
TEST_F_TIMEOUT(device, migrated, LIMIT_S)
{
	unsigned long nodes = 2;
	void *pages[2] = { self->base, self->base + HUGE };
	int to[2] = { 1, 1 }, status[2] = { -1, -1 };
	uint64_t pfn;

	if (access("/sys/devices/system/node/node1", F_OK))
		SKIP(return, "only one node");
	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	EXPECT_TRUE(is_zero(self->base, HUGE));
	pfn = pfn_of(self->base);
	fill(self->base + HUGE, HUGE, 1);
	syscall(__NR_move_pages, 0, 2, pages, to, status, MPOL_MF_MOVE_ALL);
	EXPECT_EQ(1, status[1]);
	EXPECT_EQ(pfn, pfn_of(self->base));
	EXPECT_TRUE(is_zero(self->base, HUGE));
	EXPECT_TRUE(filled(self->base + HUGE, HUGE, 1));
	/* Where a policy says. */
	ASSERT_EQ(0, syscall(__NR_mbind, self->base + 2 * HUGE, HUGE, MPOL_BIND,
			     &nodes, 8 * sizeof(nodes), 0));
	fill(self->base + 2 * HUGE, HUGE, 2);
	to[0] = -1;
	pages[0] = self->base + 2 * HUGE;
	EXPECT_EQ(0, syscall(__NR_move_pages, 0, 1, pages, NULL, to, 0));
	EXPECT_EQ(1, to[0]);
}

/* userfaultfd is asked first, also about reads. */
TEST_F_TIMEOUT(device, userfaultfd, LIMIT_S)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = UFFD_FEATURE_SIGBUS };
	struct uffdio_register reg = { };
	pid_t pid;
	int fd;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		SKIP(return, "no userfaultfd");
	ASSERT_EQ(0, ioctl(fd, UFFDIO_API, &api));
	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	reg.range.start = (uintptr_t)self->base;
	reg.range.len = LEN;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg));
	EXPECT_FALSE(can_read(self->base));
	EXPECT_EQ(0, pfn_of(self->base));
	close(fd);
	pid = fork();
	if (!pid)
		_exit(!is_zero(self->base, HUGE));
	EXPECT_TRUE(is_killed(pid, 0));
}

/* A page of one's own is replaced by another; the page of zeroes stays. */
TEST_F_TIMEOUT(device, memory_failure, LIMIT_S)
{
	char *base = self->base;
	struct pool before;
	char was[16];
	pid_t pid;

	if (read_file(OFFLINE, was, sizeof(was)) || write_file(OFFLINE, "1"))
		SKIP(return, "no " OFFLINE);
	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, HUGE));
	before = pool_now();
	pid = fork();
	if (!pid) {
		fill(base + HUGE, HUGE, 1);
		if (madvise(base + HUGE, PAGE, MADV_SOFT_OFFLINE))
			_exit(2);
		if (!filled(base + HUGE, HUGE, 1))
			_exit(3);
		/* Somebody else's page, in truth. */
		if (!madvise(base, PAGE, MADV_SOFT_OFFLINE))
			_exit(4);
		_exit(!is_zero(base, HUGE));
	}
	EXPECT_TRUE(is_killed(pid, 0));
	write_file(OFFLINE, was);
	EXPECT_TRUE(is_zero(base, HUGE));
	/* Soft offlining takes a page out of the pool, for good. */
	self->pool.total = pool_now().total;
	self->pool.free = self->pool.free - (before.total - self->pool.total);
}

/* Only what is aligned, private, and from its beginning. */
TEST_F_TIMEOUT(device, refused, LIMIT_S)
{
	char *base = self->base, *got;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, HUGE, PROT_READ, MAP_SHARED, self->fd,
				   0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, HUGE, PROT_READ, MAP_PRIVATE, self->fd,
				   HUGE));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, self->fd,
				   0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(base + PAGE, HUGE, PROT_READ, MAP_PRIVATE |
				   MAP_FIXED_NOREPLACE, self->fd, 0));
	EXPECT_EQ(EINVAL, errno);
	got = map_device(self->fd, NULL, LEN, 0);
	ASSERT_NE(NULL, got);
	EXPECT_EQ(0, (uintptr_t)got % HUGE);
	EXPECT_NE(0, munmap(got, PAGE));
	ASSERT_EQ(0, munmap(got, LEN));
}

/* Each pool has its device, which maps pages of its size. */
TEST_F_TIMEOUT(device, every_size, LIMIT_S)
{
	struct dirent *entry;
	unsigned long kb;
	char path[300];
	DIR *pools;
	size_t size;
	char *got;
	int fd;

	pools = opendir("/sys/kernel/mm/hugepages");
	ASSERT_NE(NULL, pools);
	while ((entry = readdir(pools))) {
		if (sscanf(entry->d_name, "hugepages-%lukB", &kb) != 1)
			continue;
		size = kb << 10;
		snprintf(path, sizeof(path), "/dev/page-huge-%lukB", kb);
		fd = open(size == HUGE ? DEVICE : path, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		got = map_device(fd, NULL, size, MAP_NORESERVE);
		ASSERT_NE(NULL, got);
		EXPECT_EQ(0, (uintptr_t)got % size);
		if (size == HUGE)
			EXPECT_TRUE(is_zero(got, size));
		EXPECT_EQ(0, munmap(got, size));
		close(fd);
	}
	closedir(pools);
}

TEST_HARNESS_MAIN
