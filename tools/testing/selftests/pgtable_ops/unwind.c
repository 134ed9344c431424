// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of huge pages that fail late: the VMA exists, the file says no, and
 * everything is undone although the VMA has lost its file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "pgtable.h"

#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE	0x0010
#endif
#define ROUNDS	20

FIXTURE(unwind) {
	struct klog klog;
	struct pool pool;
	char *base;
	int fd;
};

FIXTURE_VARIANT(unwind) {
	bool private;
	bool sealed;
	off_t offset;
	/* Pages more than the pool has left. */
	bool too_many;
	int error;
};

FIXTURE_VARIANT_ADD(unwind, pool_too_small) {
	.too_many = true,
	.error = ENOMEM,
};

FIXTURE_VARIANT_ADD(unwind, pool_too_small_for_private) {
	.private = true,
	.too_many = true,
	.error = ENOMEM,
};

FIXTURE_VARIANT_ADD(unwind, sealed) {
	.sealed = true,
	.error = EPERM,
};

FIXTURE_VARIANT_ADD(unwind, crooked_offset) {
	.offset = PAGE,
	.error = EINVAL,
};

FIXTURE_SETUP(unwind)
{
	if (!pool_has(2))
		SKIP(return, "not enough pages of 2 MiB");
	ASSERT_TRUE(klog_begin(&self->klog));
	self->pool = pool_now();
	self->base = place(self->pool.total * HUGE + 4 * HUGE);
	ASSERT_NE(NULL, self->base);
	self->fd = memfd_create("unwind", MFD_CLOEXEC | MFD_HUGETLB |
				MFD_HUGE_2MB | MFD_ALLOW_SEALING);
	ASSERT_LE(0, self->fd);
}

FIXTURE_TEARDOWN(unwind)
{
	close(self->fd);
	EXPECT_TRUE(pool_is(self->pool));
	EXPECT_EQ(NULL, klog_trouble(&self->klog));
	klog_end(&self->klog);
}

/* Again and again: what is lost each time would show in the end. */
TEST_F_TIMEOUT(unwind, nothing_is_left, LIMIT_S)
{
	struct pool pool = self->pool;
	size_t length = variant->too_many ?
			(pool.free - pool.reserved + 1) * HUGE : HUGE;
	int flags = variant->private ? MAP_PRIVATE : MAP_SHARED;
	char *at = self->base + HUGE, *got;
	long tables, size;
	int i;

	ASSERT_EQ(0, ftruncate(self->fd, 2 * HUGE));
	if (variant->sealed)
		ASSERT_EQ(0, fcntl(self->fd, F_ADD_SEALS,
				   F_SEAL_FUTURE_WRITE));
	/* Neighbours, whose page tables are the same. */
	ASSERT_NE(NULL, map_small(at - PAGE, PAGE));
	ASSERT_NE(NULL, map_small(at + length, PAGE));
	fill(at - PAGE, PAGE, 1);
	fill(at + length, PAGE, 2);
	tables = status_kb("VmPTE");
	size = status_kb("VmSize");
	for (i = 0; i < ROUNDS; i++) {
		got = mmap(at, length, PROT_READ | PROT_WRITE,
			   flags | MAP_FIXED_NOREPLACE, self->fd,
			   variant->offset);
		ASSERT_EQ(MAP_FAILED, got);
		EXPECT_EQ(variant->error, errno);
	}
	EXPECT_EQ(tables, status_kb("VmPTE"));
	EXPECT_EQ(size, status_kb("VmSize"));
	EXPECT_TRUE(pool_is(pool));
	EXPECT_TRUE(filled(at - PAGE, PAGE, 1));
	EXPECT_TRUE(filled(at + length, PAGE, 2));
	/* The place is free for another. */
	ASSERT_NE(NULL, map_huge(at, HUGE, 0));
	fill(at, HUGE, 3);
	EXPECT_TRUE(filled(at, HUGE, 3));
	ASSERT_EQ(0, munmap(at, HUGE));
}

/* Over something that is mapped: the neighbours do not notice. */
TEST_F_TIMEOUT(unwind, in_place_of_another, LIMIT_S)
{
	struct pool pool = self->pool;
	size_t length = variant->too_many ?
			(pool.free - pool.reserved + 1) * HUGE : HUGE;
	int flags = variant->private ? MAP_PRIVATE : MAP_SHARED;
	char *at = self->base + HUGE;

	ASSERT_EQ(0, ftruncate(self->fd, 2 * HUGE));
	if (variant->sealed)
		ASSERT_EQ(0, fcntl(self->fd, F_ADD_SEALS,
				   F_SEAL_FUTURE_WRITE));
	ASSERT_NE(NULL, map_small(at - PAGE, length + 2 * PAGE));
	fill(at - PAGE, 17 * PAGE, 4);
	fill(at + length - 16 * PAGE, 17 * PAGE, 4);
	EXPECT_EQ(MAP_FAILED, mmap(at, length, PROT_READ | PROT_WRITE,
				   flags | MAP_FIXED, self->fd,
				   variant->offset));
	EXPECT_EQ(variant->error, errno);
	EXPECT_TRUE(filled(at - PAGE, PAGE, 4));
	EXPECT_TRUE(can_read(at + length));
	EXPECT_EQ(0, munmap(at - PAGE, length + 2 * PAGE));
	EXPECT_TRUE(pool_is(pool));
}

TEST_HARNESS_MAIN
