// SPDX-License-Identifier: GPL-2.0
/*
 * The invalidation is started before the locks of hugetlb are taken: while a
 * subscriber sleeps in it, others who map the same file are not kept waiting.
 */
#define _GNU_SOURCE
#include <linux/memfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "pgtable.h"

#define LEN	(2 * HUGE)

FIXTURE(locks) {
	struct klog klog;
	struct pool pool;
	char *base;
	int device;
	int file;
};

FIXTURE_SETUP(locks)
{
	if (why_no_device())
		SKIP(return, "%s", why_no_device());
	if (!pool_has(2))
		SKIP(return, "not enough pages of 2 MiB");
	ASSERT_TRUE(klog_begin(&self->klog));
	self->pool = pool_now();
	self->device = dev_open();
	ASSERT_LE(0, self->device);
	self->file = memfd_create("locks", MFD_CLOEXEC | MFD_HUGETLB |
				  MFD_HUGE_2MB);
	ASSERT_LE(0, self->file);
	ASSERT_EQ(0, ftruncate(self->file, LEN));
	self->base = place(GIGA);
	ASSERT_NE(NULL, self->base);
	ASSERT_EQ(self->base, mmap(self->base, LEN, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_FIXED_NOREPLACE, self->file,
				   0));
	fill(self->base, LEN, 1);
}

FIXTURE_TEARDOWN(locks)
{
	munmap(self->base, LEN);
	close(self->file);
	close(self->device);
	EXPECT_TRUE(pool_is(self->pool));
	EXPECT_EQ(NULL, klog_trouble(&self->klog));
	klog_end(&self->klog);
}

/* Takes and releases the locks of the file for write, and faults. */
static int use_too(char *base)
{
	return madvise(base, LEN, MADV_DONTNEED) || !filled(base, LEN, 1) ||
	       munmap(base, LEN);
}

TEST_F_TIMEOUT(locks, not_held_by_who_sleeps, LIMIT_S)
{
	struct churn churn;
	int go[2], id, status = -1;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid)
		_exit(read(go[0], &byte, 1) != 1 || use_too(self->base));
	id = dev_add(self->device, 0, MNT_LIST, self->base, LEN, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, dev_hold(self->device, id, MNT_OP_START, self->base, LEN));
	churn_start(&churn, self->base, LEN, do_dontneed);
	ASSERT_TRUE(dev_wait_held(self->device, id));
	ASSERT_EQ(1, write(go[1], &byte, 1));
	EXPECT_TRUE(wait_child(pid, PATIENCE_MS, &status));
	EXPECT_EQ(0, status);
	EXPECT_TRUE(dev_still_held(self->device, id));
	churn.stop = true;
	dev_let_go(self->device, id, MNT_OP_START);
	churn_stop(&churn);
	EXPECT_TRUE(filled(self->base, LEN, 1));
	ASSERT_EQ(0, dev_del(self->device, id, NULL));
}

TEST_HARNESS_MAIN
