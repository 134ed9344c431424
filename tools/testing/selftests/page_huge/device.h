/* SPDX-License-Identifier: GPL-2.0 */
/* The device, and a fixture with room for a mapping of it. */
#ifndef _PAGE_HUGE_DEVICE_H
#define _PAGE_HUGE_DEVICE_H

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../kselftest_harness.h"
#include "../pgtable_ops/pgtable.h"

#define DEVICE	"/dev/page-huge"
#define PAGES	8
#define LEN	(PAGES * HUGE)

static inline char *map_device(int fd, char *at, size_t length, int flags)
{
	char *got = mmap(at, length, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			 (at ? MAP_FIXED_NOREPLACE : 0) | flags, fd, 0);

	return got == MAP_FAILED ? NULL : got;
}

/* Nothing but zeroes, in all of it? */
static inline bool is_zero(const char *addr, size_t length)
{
	size_t at;

	for (at = 0; at < length; at += 8)
		if (get_word(addr + at))
			return false;
	return true;
}

/*
 * The pool is looked at when the page of zeroes is not there: the device gives
 * it back when it is closed and not mapped.
 */
FIXTURE(device) {
	struct klog klog;
	struct pool pool;
	char *base;
	int fd;
};

FIXTURE_SETUP(device)
{
	if (access(DEVICE, R_OK))
		SKIP(return, "no " DEVICE);
	close(open(DEVICE, O_RDWR | O_CLOEXEC));
	if (!pool_has(2 * PAGES + 2))
		SKIP(return, "not enough pages of 2 MiB");
	ASSERT_TRUE(klog_begin(&self->klog));
	self->pool = pool_now();
	self->fd = open(DEVICE, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->fd);
	self->base = place(4 * GIGA);
	ASSERT_NE(NULL, self->base);
}

FIXTURE_TEARDOWN(device)
{
	munmap(self->base, 4 * GIGA);
	close(self->fd);
	/* Children have closed it before, when somebody still had it mapped. */
	close(open(DEVICE, O_RDWR | O_CLOEXEC));
	EXPECT_TRUE(pool_is(self->pool));
	EXPECT_EQ(NULL, klog_trouble(&self->klog));
	klog_end(&self->klog);
}

#endif /* _PAGE_HUGE_DEVICE_H */
