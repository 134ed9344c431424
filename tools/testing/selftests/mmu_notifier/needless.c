// SPDX-License-Identifier: GPL-2.0
/*
 * What does not change is not announced: subscribers hear of a change of
 * protection from the first page that it concerns, and not at all if there is
 * none. That nothing is left out is for the coherence matrix to find.
 */
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "needless.h"

#define PMDS	4
#define LEN	(PMDS * PMD)

FIXTURE(protect) {
	struct watched area;
};

FIXTURE_SETUP(protect)
{
	int fd = fixture_open(_metadata);

	ASSERT_LE(0, fd);
	ASSERT_TRUE(watched_make(&self->area, fd, PMDS));
}

FIXTURE_TEARDOWN(protect)
{
	close(self->area.fd);
}

static char *at(struct watched *area, unsigned int pmd, unsigned int page)
{
	return area->addr + pmd * PMD + page * PAGE;
}

static int protect(struct watched *area, int prot)
{
	return mprotect(area->addr, LEN, prot);
}

/* One callout, for exactly this. */
#define EXPECT_ONE(area, first, after) do {			\
	struct callouts was = watched_callouts(area);		\
								\
	EXPECT_EQ(1, was.nr);				\
	EXPECT_EQ((uintptr_t)(first), was.range[0].start);	\
	EXPECT_EQ((uintptr_t)(after), was.range[0].end);	\
} while (0)

#define EXPECT_SILENCE(area)	EXPECT_EQ(0, watched_callouts(area).nr)

TEST_F_TIMEOUT(protect, never_touched, LIMIT_S)
{
	ASSERT_EQ(0, protect(&self->area, PROT_READ));
	ASSERT_EQ(0, protect(&self->area, PROT_NONE));
	ASSERT_EQ(0, protect(&self->area, PROT_READ | PROT_WRITE));
	EXPECT_SILENCE(&self->area);
}

TEST_F_TIMEOUT(protect, from_the_first_page, LIMIT_S)
{
	touch(at(&self->area, 2, 7));
	touch(at(&self->area, 2, 9));
	ASSERT_EQ(0, protect(&self->area, PROT_READ));
	EXPECT_ONE(&self->area, at(&self->area, 2, 7), at(&self->area, 3, 0));
	/* Back: the pages become writable, which subscribers may want to know. */
	ASSERT_EQ(0, protect(&self->area, PROT_READ | PROT_WRITE));
	EXPECT_ONE(&self->area, at(&self->area, 2, 7), at(&self->area, 3, 0));
}

/* Holes cost nothing, so they do not cost a second callout either. */
TEST_F_TIMEOUT(protect, over_holes, LIMIT_S)
{
	touch(at(&self->area, 0, 511));
	touch(at(&self->area, 3, 0));
	ASSERT_EQ(0, protect(&self->area, PROT_NONE));
	EXPECT_ONE(&self->area, at(&self->area, 0, 511), at(&self->area, 4, 0));
}

/* The zero page was not writable before. */
TEST_F_TIMEOUT(protect, around_what_stays, LIMIT_S)
{
	struct callouts seen;

	touch(at(&self->area, 0, 5));
	peek(at(&self->area, 1, 0));
	peek(at(&self->area, 3, 0));
	touch(at(&self->area, 3, 1));
	ASSERT_EQ(0, protect(&self->area, PROT_READ));
	seen = watched_callouts(&self->area);
	ASSERT_EQ(2, seen.nr);
	EXPECT_EQ((uintptr_t)at(&self->area, 0, 5), seen.range[0].start);
	EXPECT_EQ((uintptr_t)at(&self->area, 1, 0), seen.range[0].end);
	EXPECT_EQ((uintptr_t)at(&self->area, 3, 1), seen.range[1].start);
	EXPECT_EQ((uintptr_t)at(&self->area, 4, 0), seen.range[1].end);
}

TEST_F_TIMEOUT(protect, zero_page, LIMIT_S)
{
	peek(at(&self->area, 1, 1));
	ASSERT_EQ(0, protect(&self->area, PROT_READ));
	ASSERT_EQ(0, protect(&self->area, PROT_READ | PROT_WRITE));
	EXPECT_SILENCE(&self->area);
	/* It may not be read any more. */
	ASSERT_EQ(0, protect(&self->area, PROT_NONE));
	EXPECT_ONE(&self->area, at(&self->area, 1, 1), at(&self->area, 2, 0));
}

/* What is swapped out has no translation. */
TEST_F_TIMEOUT(protect, swapped_out, LIMIT_S)
{
	if (!swap_is_on())
		SKIP(return, "no swap, and no zram for it");
	touch(at(&self->area, 1, 1));
	touch(at(&self->area, 2, 2));
	ASSERT_TRUE(watched_page_out(at(&self->area, 1, 1)));
	watched_callouts(&self->area);
	ASSERT_EQ(0, protect(&self->area, PROT_READ));
	EXPECT_ONE(&self->area, at(&self->area, 2, 2), at(&self->area, 3, 0));
}

/* A huge page changes as one, and its neighbours do not. */
TEST_F_TIMEOUT(protect, huge_page, LIMIT_S)
{
	/* Other tests want small ones. A kernel may not have this. */
	write_file("/sys/kernel/mm/transparent_hugepage/hugepages-2048kB/enabled",
		   "madvise");
	if (madvise(at(&self->area, 2, 0), PMD, MADV_HUGEPAGE))
		SKIP(return, "no huge pages");
	touch(at(&self->area, 2, 3));
	peek(at(&self->area, 1, 0));
	watched_callouts(&self->area);
	ASSERT_EQ(0, mprotect(at(&self->area, 2, 0), PMD, PROT_READ));
	EXPECT_ONE(&self->area, at(&self->area, 2, 0), at(&self->area, 3, 0));
}

/* Many mappings, one page: each call says what it changes. */
TEST_F_TIMEOUT(protect, pages_of_a_file, LIMIT_S)
{
	char *map, *page;
	int fd;

	fd = memfd_create("needless", MFD_CLOEXEC);
	ASSERT_EQ(0, ftruncate(fd, PMD));
	map = mmap(self->area.addr + PMD, PMD, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	page = map + 17 * PAGE;
	touch(page);
	watched_callouts(&self->area);
	ASSERT_EQ(0, mprotect(map, PMD, PROT_READ));
	EXPECT_ONE(&self->area, page, map + PMD);
}

/* A userfaultfd for what is written to; -1 if there is none. */
static int track_writes(char *addr, size_t len)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP,
	};
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &reg))
		return -1;
	return fd;
}

static int track_again(int fd, char *addr, size_t len, bool on)
{
	struct uffdio_writeprotect wp = {
		.range = { .start = (uintptr_t)addr, .len = len },
		.mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
	};

	return ioctl(fd, UFFDIO_WRITEPROTECT, &wp);
}

TEST_F_TIMEOUT(protect, userfaultfd, LIMIT_S)
{
	char *page = at(&self->area, 1, 100);
	int fd;

	fd = track_writes(self->area.addr, LEN);
	if (fd < 0)
		SKIP(return, "no userfaultfd for write protection");
	touch(page);
	watched_callouts(&self->area);
	ASSERT_EQ(0, track_again(fd, self->area.addr, LEN, true));
	EXPECT_ONE(&self->area, page, at(&self->area, 2, 0));
	/* It is write-protected already. */
	ASSERT_EQ(0, track_again(fd, self->area.addr, LEN, true));
	EXPECT_SILENCE(&self->area);
	ASSERT_EQ(0, track_again(fd, self->area.addr, LEN, false));
	EXPECT_ONE(&self->area, page, at(&self->area, 2, 0));
	ASSERT_EQ(0, track_again(fd, self->area.addr, LEN, false));
	EXPECT_SILENCE(&self->area);
	close(fd);
}

/* To split a mapping does not split a huge page, where there is none. */
TEST_F_TIMEOUT(protect, one_of_many_pages, LIMIT_S)
{
	char *page = at(&self->area, 1, 100);
	struct mnt_stats old, new;

	memset(self->area.addr, 1, LEN);
	watched_callouts(&self->area);
	old = dev_stats(self->area.fd, self->area.list);
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	new = dev_stats(self->area.fd, self->area.list);
	EXPECT_EQ(0, new.events[CLEAR] - old.events[CLEAR]);
	EXPECT_ONE(&self->area, page, page + PAGE);
}

/* KiB of huge pages that the process has. */
static long huge_kib(void)
{
	char text[4096], *line;

	if (read_file("/proc/self/smaps_rollup", text, sizeof(text)))
		return -1;
	line = strstr(text, "AnonHugePages:");
	return line ? strtol(line + 14, NULL, 10) : -1;
}

/* The move has announced the pages that it splits. */
TEST_F_TIMEOUT(protect, split_by_move, LIMIT_S)
{
	char *from = at(&self->area, 1, 0), *to;
	struct mnt_stats old, new;

	if (madvise(from, 2 * PMD, MADV_HUGEPAGE))
		SKIP(return, "no huge pages");
	memset(from, 1, 2 * PMD);
	if (huge_kib() < 4096)
		SKIP(return, "no huge pages are left");
	to = mmap(NULL, 4 * PMD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, to);
	/* Not where a huge page could be. */
	to = (char *)(((uintptr_t)to + PMD - 1) & -PMD) + PAGE;
	old = dev_stats(self->area.fd, self->area.list);
	ASSERT_EQ(to, mremap(from, 2 * PMD, 2 * PMD,
			     MREMAP_MAYMOVE | MREMAP_FIXED, to));
	new = dev_stats(self->area.fd, self->area.list);
	EXPECT_EQ(0, huge_kib());
	EXPECT_LE(1, new.events[UNMAP] - old.events[UNMAP]);
	EXPECT_EQ(0, new.events[CLEAR] - old.events[CLEAR]);
	EXPECT_EQ(1, peek(to + PMD));
}

TEST_HARNESS_MAIN
