// SPDX-License-Identifier: GPL-2.0
/*
 * A fault that has looked a page up comes late: the page is withdrawn meanwhile.
 *
 * It is held where it makes callouts itself, to replace an entry for read by one
 * for write, by a subscriber in the destination.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fixture.h"
#include "../mmu_notifier/util.h"

FIXTURE(late) {
	int fd;
	int test;	/* the device of subscribers */
	char *addr;
	char *there;
	pthread_t writer;
	int sub;
};

FIXTURE_SETUP(late)
{
	uint64_t word;

	self->test = dev_open();
	if (self->test < 0)
		SKIP(return, "%s", why_no_device());
	self->fd = xp_open();
	ASSERT_LE(0, self->fd);
	self->addr = xp_map(XP_PAGE);
	xp_fill(self->addr, XP_PAGE, 1);
	self->there = xp_attach_all(self->fd, self->addr, XP_PAGE,
				    XPMEM_GET_WRITE);
	ASSERT_FALSE(xp_failed(self->there));
	/* For read, from here on. */
	ASSERT_TRUE(xp_read(self->there, &word));
	self->sub = dev_add(self->test, 0, MNT_LIST, self->there, XP_PAGE, NULL);
	ASSERT_LE(0, self->sub);
}

FIXTURE_TEARDOWN(late)
{
	close(self->test);
	close(self->fd);
}

static void *write_there(void *there)
{
	xp_write((char *)there + 8, 9);
	return NULL;
}

/* Have a thread write, and be held with the old page in its hands. */
static bool hold_writer(FIXTURE_DATA(late) *self)
{
	struct mnt_rule rule = {
		.id = self->sub,
		.op = MNT_OP_START,
		.start = (uintptr_t)self->there,
		.end = (uintptr_t)self->there + XP_PAGE,
		.hold_ms = XP_PATIENCE_MS,
		.flags = MNT_ONCE,
	};

	return !dev_rule(self->test, rule) &&
	       !pthread_create(&self->writer, NULL, write_there, self->there) &&
	       dev_wait_held(self->test, self->sub);
}

static bool let_go(FIXTURE_DATA(late) *self)
{
	bool held = dev_still_held(self->test, self->sub);

	return !dev_let_go(self->test, self->sub, MNT_OP_START) &&
	       !pthread_join(self->writer, NULL) && held;
}

/* What is written late is written to the page that is there now. */
TEST_F(late, other_page)
{
	uint64_t word = 0;

	ASSERT_TRUE(hold_writer(self));
	EXPECT_EQ(0, madvise(self->addr, XP_PAGE, MADV_DONTNEED));
	xp_write(self->addr, 5);
	EXPECT_TRUE(let_go(self));
	EXPECT_TRUE(xp_read(self->there, &word));
	EXPECT_EQ(5, word);
	EXPECT_TRUE(xp_read(self->addr + 8, &word));
	EXPECT_EQ(9, word);
}

/* Nor to a segment that is removed. */
TEST_F(late, no_page)
{
	uint64_t word = 0;

	ASSERT_TRUE(hold_writer(self));
	close(self->fd);
	self->fd = xp_open();
	EXPECT_TRUE(let_go(self));
	EXPECT_FALSE(xp_read(self->there, &word));
	EXPECT_TRUE(xp_read(self->addr + 8, &word));
	EXPECT_NE(9, word);
}

TEST_HARNESS_MAIN
