// SPDX-License-Identifier: GPL-2.0
/*
 * Who may do what, and requests that make no sense.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.h"

#define SIZE	(4 * XP_PAGE)
#define USER	1000
#define GROUP	1000
#define OTHER	2000

FIXTURE(memory) {
	int fd;
	char *addr;
};

FIXTURE_SETUP(memory)
{
	self->fd = xp_open();
	ASSERT_LE(0, self->fd);
	self->addr = xp_map(SIZE);
	xp_fill(self->addr, SIZE, 1);
}

FIXTURE_TEARDOWN(memory)
{
	close(self->fd);
}

struct asker {
	uid_t uid;
	gid_t gid;
	gid_t also;
	int64_t segment;
	int flags;
};

static bool become(const struct asker *asker)
{
	return !setgroups(1, &asker->also) && !setgid(asker->gid) &&
	       !setuid(asker->uid);
}

static void ask(struct xp_peer *self, void *arg)
{
	struct asker *asker = arg;
	bool write = asker->flags == XPMEM_GET_WRITE;
	int64_t access;
	char *there;
	int fd;

	if (!become(asker))
		_exit(1);
	fd = xp_open();
	access = xp_get(fd, asker->segment, asker->flags);
	if (access > 0) {
		there = xp_attach(fd, access, 0, SIZE, NULL);
		if (xp_failed(there) || !xp_is_filled(there, SIZE, 1) ||
		    xp_write(there + XP_PAGE + 8, 1) != write)
			access = -EPERM;
	}
	xp_tell(self, access);
}

/* What somebody gets who asks for it. */
static int64_t answer_to(struct asker asker)
{
	struct xp_peer peer;
	int64_t answer = 0;

	if (!xp_peer_start(&peer, ask, &asker) || !xp_hear(&peer, &answer))
		answer = -ECHILD;
	xp_peer_stop(&peer);
	return answer;
}

/* Made by USER of GROUP. */
static void make_peer(struct xp_peer *self, void *arg)
{
	struct asker user = { USER, GROUP, GROUP, 0, 0 };
	int64_t mode = *(int *)arg, word;
	char *addr = xp_map(SIZE);
	int fd;

	xp_fill(addr, SIZE, 1);
	if (!become(&user))
		_exit(1);
	fd = xp_open();
	word = xp_make(fd, addr, SIZE, mode);
	xp_tell(self, word);
	while (xp_hear(self, &word))
		xp_tell(self, xp_remove(fd, word));
}

struct mode_case {
	int mode;
	struct {
		uid_t uid;
		gid_t gid;
		gid_t also;
	} who;
	bool may_read;
	bool may_write;
};

static const struct mode_case mode_cases[] = {
	{ 0600, { USER, GROUP, GROUP }, true, true },
	{ 0400, { USER, GROUP, GROUP }, true, false },
	{ 0200, { USER, GROUP, GROUP }, false, false },
	{ 0066, { USER, GROUP, GROUP }, false, false },
	{ 0600, { OTHER, OTHER, OTHER }, false, false },
	{ 0600, { OTHER, GROUP, OTHER }, false, false },
	{ 0640, { OTHER, GROUP, OTHER }, true, false },
	{ 0640, { OTHER, OTHER, GROUP }, true, false },
	{ 0660, { OTHER, OTHER, GROUP }, true, true },
	{ 0606, { OTHER, OTHER, GROUP }, false, false },
	{ 0660, { OTHER, OTHER, OTHER }, false, false },
	{ 0604, { OTHER, OTHER, OTHER }, true, false },
	{ 0606, { OTHER, OTHER, OTHER }, true, true },
	{ 0602, { OTHER, OTHER, OTHER }, false, false },
	{ 0000, { 0, 0, 0 }, true, true },
};

TEST(modes)
{
	const struct mode_case *test;
	int64_t segment, got[2];
	struct xp_peer peer;
	unsigned int i;
	int mode;

	if (geteuid())
		SKIP(return, "only root can be many users");
	for (i = 0; i < ARRAY_SIZE(mode_cases); i++) {
		test = &mode_cases[i];
		mode = test->mode;
		ASSERT_TRUE(xp_peer_start(&peer, make_peer, &mode));
		ASSERT_TRUE(xp_hear(&peer, &segment));
		ASSERT_LT(0, segment);
		got[0] = answer_to((struct asker) { test->who.uid, test->who.gid,
				   test->who.also, segment, XPMEM_GET_READ });
		got[1] = answer_to((struct asker) { test->who.uid, test->who.gid,
				   test->who.also, segment, XPMEM_GET_WRITE });
		EXPECT_EQ(test->may_read ? 1 : -EACCES, got[0] > 0 ? 1 : got[0]) {
			TH_LOG("mode %o, user %u, for read", mode, test->who.uid);
		}
		EXPECT_EQ(test->may_write ? 1 : -EACCES, got[1] > 0 ? 1 : got[1]) {
			TH_LOG("mode %o, user %u, for write", mode, test->who.uid);
		}
		xp_peer_stop(&peer);
	}
}

/* A right that is given up is given up, also what was got by it. */
TEST_F(memory, dropped)
{
	int64_t segment, access;

	if (geteuid())
		SKIP(return, "only root can be somebody else");
	segment = xp_make(self->fd, self->addr, SIZE, 0600);
	access = xp_get(self->fd, segment, XPMEM_GET_WRITE);
	ASSERT_LT(0, access);
	ASSERT_EQ(0, setgid(OTHER));
	ASSERT_EQ(0, setuid(OTHER));
	EXPECT_EQ(-EACCES, (long)xp_attach(self->fd, access, 0, SIZE, NULL));
	EXPECT_EQ(-EACCES, xp_get(self->fd, segment, XPMEM_GET_READ));
	EXPECT_EQ(0, xp_release(self->fd, access));
	EXPECT_EQ(0, xp_remove(self->fd, segment));
}

/* Not even root removes what another process has made. */
TEST_F(memory, not_mine)
{
	int mode = 0666;
	int64_t segment, access, answer = 1;
	struct xp_peer peer;

	ASSERT_TRUE(xp_peer_start(&peer, make_peer, &mode));
	ASSERT_TRUE(xp_hear(&peer, &segment));
	ASSERT_LT(0, segment);
	EXPECT_EQ(-EACCES, xp_remove(self->fd, segment));
	access = xp_get(self->fd, segment, XPMEM_GET_READ);
	EXPECT_LT(0, access);
	ASSERT_TRUE(xp_ask(&peer, segment, &answer));
	EXPECT_EQ(0, answer);
	xp_peer_stop(&peer);
}

static int order(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Ids do not follow from each other. */
TEST_F(memory, ids)
{
	int64_t ids[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		ids[i] = xp_make(self->fd, self->addr, SIZE, 0600);
		ASSERT_LT(0, ids[i]);
	}
	qsort(ids, ARRAY_SIZE(ids), sizeof(*ids), order);
	for (i = 1; i < ARRAY_SIZE(ids); i++)
		EXPECT_LT(1L << 16, ids[i] - ids[i - 1]);
}

static int make_raw(int fd, uint64_t address, uint64_t size, int type,
		    uint64_t value)
{
	struct xpmem_make_args args = {
		.address = address,
		.size = size,
		.permit_type = type,
		.permit_value = value,
	};

	return ioctl(fd, XPMEM_IOC_MAKE, &args) ? -errno : 0;
}

TEST_F(memory, senseless_make)
{
	uint64_t addr = (uintptr_t)self->addr;
	int fd = self->fd;

	EXPECT_EQ(0, make_raw(fd, addr, SIZE, 1, 0));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, SIZE, 0, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, SIZE, 2, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, SIZE, 1, 01000));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, SIZE, 1, -1));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, 0, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr + 8, XP_PAGE, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, XP_PAGE + 8, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, XPMEM_WHOLE_SPACE, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, 0, 1UL << 63, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, -XP_PAGE, XP_PAGE, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, -XP_PAGE, 2 * XP_PAGE, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, addr, -addr, 1, 0600));
	EXPECT_EQ(-EINVAL, make_raw(fd, XP_PAGE, -XP_PAGE, 1, 0600));
	EXPECT_EQ(0, make_raw(fd, 0, XPMEM_WHOLE_SPACE, 1, 0600));
}

TEST_F(memory, senseless_get)
{
	int64_t segment = xp_make(self->fd, self->addr, SIZE, 0600);
	struct xpmem_get_args args = {
		.segment = segment,
		.flags = XPMEM_GET_READ,
		.permit_type = 2,
	};

	EXPECT_EQ(-EINVAL, xp_get(self->fd, segment, 0));
	EXPECT_EQ(-EINVAL, xp_get(self->fd, segment, 3));
	EXPECT_EQ(-EINVAL, xp_get(self->fd, segment, 4));
	EXPECT_EQ(-EINVAL, xp_get(self->fd, segment, -1));
	EXPECT_EQ(-EINVAL, xp_get(self->fd, 0, XPMEM_GET_READ));
	EXPECT_EQ(-EINVAL, xp_get(self->fd, -1, XPMEM_GET_READ));
	EXPECT_EQ(-ENOENT, xp_get(self->fd, segment ^ 1, XPMEM_GET_READ));
	EXPECT_EQ(-1, ioctl(self->fd, XPMEM_IOC_GET, &args));
	EXPECT_EQ(EINVAL, errno);
	args.permit_type = XPMEM_BY_MODE;
	args.permit_value = 1;
	EXPECT_EQ(-1, ioctl(self->fd, XPMEM_IOC_GET, &args));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, xp_remove(self->fd, 0));
	EXPECT_EQ(-EINVAL, xp_remove(self->fd, -5));
	EXPECT_EQ(-ENOENT, xp_remove(self->fd, segment ^ 1));
	EXPECT_EQ(-EINVAL, xp_release(self->fd, 0));
	EXPECT_EQ(-ENOENT, xp_release(self->fd, segment));
}

static long attach_at(FIXTURE_DATA(memory) *self, int64_t access, int64_t offset,
		      size_t size)
{
	char *there = xp_attach(self->fd, access, offset, size, NULL);

	if (!xp_failed(there))
		xp_detach(self->fd, there);
	return xp_failed(there) ? (long)there : 0;
}

TEST_F(memory, senseless_attach)
{
	int64_t access = xp_get(self->fd, xp_make(self->fd, self->addr, SIZE, 0600),
				XPMEM_GET_WRITE);
	struct xpmem_attach_args args = {
		.access = access,
		.size = SIZE,
		.flags = 1,
	};

	EXPECT_EQ(0, attach_at(self, access, 0, SIZE));
	EXPECT_EQ(0, attach_at(self, access, SIZE - 1, 1));
	EXPECT_EQ(-EINVAL, attach_at(self, access, SIZE, 1));
	EXPECT_EQ(-EINVAL, attach_at(self, access, SIZE - 1, 2));
	EXPECT_EQ(-EINVAL, attach_at(self, access, 0, SIZE + 1));
	EXPECT_EQ(-EINVAL, attach_at(self, access, 0, 0));
	EXPECT_EQ(-EINVAL, attach_at(self, access, 0, -1));
	EXPECT_EQ(-EINVAL, attach_at(self, access, 1, -1));
	EXPECT_EQ(-EINVAL, attach_at(self, access, -1, 2));
	EXPECT_EQ(-EINVAL, attach_at(self, access, -SIZE, SIZE));
	EXPECT_EQ(-EINVAL, attach_at(self, access, INT64_MAX, 1));
	EXPECT_EQ(-EINVAL, attach_at(self, access, INT64_MAX, INT64_MAX));
	EXPECT_EQ(-EINVAL, attach_at(self, access, INT64_MIN, SIZE));
	EXPECT_EQ(-EINVAL, attach_at(self, 0, 0, SIZE));
	EXPECT_EQ(-ENOENT, attach_at(self, access ^ 1, 0, SIZE));
	EXPECT_EQ(-1, ioctl(self->fd, XPMEM_IOC_ATTACH, &args));
	EXPECT_EQ(EINVAL, errno);
	/* Beyond what there is to map to. */
	EXPECT_TRUE(xp_failed(xp_attach(self->fd, access, 0, SIZE,
					(void *)-XP_PAGE)));
	EXPECT_TRUE(xp_failed(xp_attach(self->fd, access, 0, SIZE,
					(void *)0x7ffffffff000)));
	EXPECT_EQ(-EINVAL, xp_detach(self->fd, NULL));
	EXPECT_EQ(-EINVAL, xp_detach(self->fd, (void *)-1));
}

/* What cannot be written back is taken back. */
TEST_F(memory, arguments_read_only)
{
	struct xpmem_make_args *args = (void *)self->addr;
	long segments = xp_count("segments");

	*args = (struct xpmem_make_args) {
		.address = (uintptr_t)self->addr,
		.size = SIZE,
		.permit_type = XPMEM_BY_MODE,
	};
	ASSERT_EQ(0, mprotect(self->addr, SIZE, PROT_READ));
	EXPECT_EQ(-1, ioctl(self->fd, XPMEM_IOC_MAKE, args));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_TRUE(xp_wait_count("segments", segments));
}

TEST_F(memory, memory_that_cannot_be_attached)
{
	char *pages = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	char *there = xp_attach_all(self->fd, pages, SIZE, XPMEM_GET_WRITE);
	uint64_t value;

	ASSERT_FALSE(xp_failed(there));
	EXPECT_FALSE(xp_read(there, &value));
	EXPECT_EQ(SIGBUS, xp_signal());
	ASSERT_EQ(0, mprotect(pages, SIZE, PROT_READ));
	EXPECT_TRUE(xp_read(there, &value));
	EXPECT_FALSE(xp_write(there, 1));
	EXPECT_EQ(SIGBUS, xp_signal());
}

TEST_HARNESS_MAIN
