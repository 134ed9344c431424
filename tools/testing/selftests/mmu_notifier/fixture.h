/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The fixture of all tests: an open device, whose subscriptions end with the
 * test. Each test runs in a process of its own, and so on an mm of its own.
 */
#ifndef _MMU_NOTIFIER_TEST_FIXTURE_H
#define _MMU_NOTIFIER_TEST_FIXTURE_H

#include "../kselftest_harness.h"
#include "util.h"

/* For each test; a kernel with checkers on a loaded machine is slow. */
#define LIMIT_S		180

static inline int fixture_open(struct __test_metadata *_metadata)
{
	const char *why = why_no_device();
	int fd = -1;

	if (why)
		SKIP(return fd, "%s", why);
	fd = dev_open();
	EXPECT_LE(0, fd);
	return fd;
}

FIXTURE(mm) {
	int fd;
};

FIXTURE_SETUP(mm)
{
	self->fd = fixture_open(_metadata);
}

FIXTURE_TEARDOWN(mm)
{
	close(self->fd);
}

/* Nothing is owed, nothing came unasked, nothing came too late. */
#define EXPECT_PAIRED(stats) do {		\
	struct mnt_stats __s = (stats);		\
						\
	EXPECT_EQ(0, __s.open);			\
	EXPECT_EQ(0, __s.stray);		\
	EXPECT_EQ(0, __s.open_at_del);		\
	EXPECT_EQ(0, __s.after_del);		\
} while (0)

#endif /* _MMU_NOTIFIER_TEST_FIXTURE_H */
