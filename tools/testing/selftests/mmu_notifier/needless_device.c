// SPDX-License-Identifier: GPL-2.0
/*
 * Pages that a device has in memory of its own: the CPU's entries are not
 * present, but a change of protection concerns the device all the same, so it
 * is announced, from the first of them on.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <fcntl.h>

#include "../../../../lib/test_hmm_uapi.h"

#include "fixture.h"
#include "needless.h"

#define DEVICE	"/dev/hmm_dmirror0"
#define FIRST	5
#define NR	3

FIXTURE(device) {
	struct watched area;
	int mirror;
	char *pages;
};

FIXTURE_SETUP(device)
{
	int fd = fixture_open(_metadata);

	ASSERT_LE(0, fd);
	self->mirror = open(DEVICE, O_RDWR | O_CLOEXEC);
	if (self->mirror < 0)
		SKIP(return, "no " DEVICE ": CONFIG_TEST_HMM");
	ASSERT_TRUE(watched_make(&self->area, fd, 2));
	self->pages = self->area.addr + FIRST * PAGE;
}

FIXTURE_TEARDOWN(device)
{
	close(self->area.fd);
	close(self->mirror);
}

/* As many pages as there are, or a negative error. */
static int mirror_do(int mirror, unsigned long what, char *addr, void *data)
{
	struct hmm_dmirror_cmd cmd = {
		.addr = (uintptr_t)addr,
		.ptr = (uintptr_t)data,
		.npages = NR,
	};

	return ioctl(mirror, what, &cmd) ? -errno : (int)cmd.cpages;
}

/* Every page is where it should be. */
static bool are(int mirror, char *addr, unsigned char state)
{
	unsigned char found[NR];
	int i;

	if (mirror_do(mirror, HMM_DMIRROR_SNAPSHOT, addr, found) != NR)
		return false;
	for (i = 0; i < NR; i++)
		if (found[i] != state)
			return false;
	return true;
}

TEST_F_TIMEOUT(device, its_pages_are_announced, LIMIT_S)
{
	struct watched *area = &self->area;
	struct callouts seen;
	char copy[NR * PAGE];
	int i;

	for (i = 0; i < NR; i++)
		touch(self->pages + i * PAGE);
	ASSERT_EQ(NR, mirror_do(self->mirror, HMM_DMIRROR_MIGRATE_TO_DEV,
				self->pages, copy));
	ASSERT_TRUE(are(self->mirror, self->pages,
			HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL |
			HMM_DMIRROR_PROT_WRITE));
	watched_callouts(area);

	ASSERT_EQ(0, mprotect(area->addr, area->len, PROT_READ));
	seen = watched_callouts(area);
	ASSERT_EQ(1, seen.nr);
	EXPECT_EQ((uintptr_t)self->pages, seen.range[0].start);
	EXPECT_EQ((uintptr_t)area->addr + PMD, seen.range[0].end);
	EXPECT_TRUE(are(self->mirror, self->pages,
			HMM_DMIRROR_PROT_DEV_PRIVATE_LOCAL |
			HMM_DMIRROR_PROT_READ));

	/* Read-only they were; to read them is no longer allowed either. */
	ASSERT_EQ(0, mprotect(area->addr, area->len, PROT_NONE));
	EXPECT_EQ(1, watched_callouts(area).nr);
	ASSERT_EQ(0, mprotect(area->addr, area->len, PROT_READ));
	for (i = 0; i < NR; i++)
		EXPECT_EQ(1, peek(self->pages + i * PAGE));
}

TEST_HARNESS_MAIN
