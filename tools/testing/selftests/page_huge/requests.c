// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/page-huge: what a mapping says of itself, what it does not do, long
 * pins, and memory that fails.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include "../../../../mm/gup_test.h"
#include "device.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

#define GUP_TEST	"/sys/kernel/debug/gup_test"
#define UNPOISON	"/sys/kernel/debug/hwpoison/unpoison-pfn"

/* The flags that smaps shows of the mapping at an address; "" if there is none. */
static void flags_of(const char *addr, char *flags, size_t size)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	char line[512], key[32];
	bool here = false;

	*flags = 0;
	snprintf(key, sizeof(key), "%lx-", (unsigned long)addr);
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (!strncmp(line, key, strlen(key)))
			here = true;
		if (here && !strncmp(line, "VmFlags:", 8)) {
			snprintf(flags, size, "%s", line + 8);
			break;
		}
	}
	if (smaps)
		fclose(smaps);
}

TEST_F_TIMEOUT(device, shown, LIMIT_S)
{
	char flags[256];

	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	flags_of(self->base, flags, sizeof(flags));
	EXPECT_NE(NULL, strstr(flags, " ht "));
	EXPECT_NE(NULL, strstr(flags, " hz "));
	EXPECT_EQ(NULL, strstr(flags, "??"));
	ASSERT_NE(NULL, map_huge(self->base + GIGA, HUGE, 0));
	flags_of(self->base + GIGA, flags, sizeof(flags));
	EXPECT_NE(NULL, strstr(flags, " ht "));
	EXPECT_EQ(NULL, strstr(flags, " hz "));
}

/* As with hugetlb: it does not grow, and is neither merged nor reclaimed. */
TEST_F_TIMEOUT(device, not_done, LIMIT_S)
{
	static const int refused[] = {
		MADV_REMOVE, MADV_FREE, MADV_PAGEOUT, MADV_WIPEONFORK,
		MADV_COLLAPSE,
	};
	char *base = self->base;
	char flags[256];
	struct pool now;
	uint64_t pfn;
	size_t i;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, HUGE));
	pfn = pfn_of(base);
	fill(base + HUGE, HUGE, 1);
	EXPECT_EQ(MAP_FAILED, mremap(base, LEN, 2 * LEN, MREMAP_MAYMOVE));
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_NE(0, madvise(base, LEN, refused[i])) {
			TH_LOG("advice %d was taken", refused[i]);
		}
	}
	madvise(base, LEN, MADV_MERGEABLE);
	flags_of(base, flags, sizeof(flags));
	EXPECT_EQ(NULL, strstr(flags, " mg "));
	EXPECT_EQ(pfn, pfn_of(base));
	EXPECT_TRUE(filled(base + HUGE, HUGE, 1));
	/* mlock() marks nothing, but fills, as for a write. */
	EXPECT_EQ(0, mlock(base, HUGE));
	flags_of(base, flags, sizeof(flags));
	EXPECT_EQ(NULL, strstr(flags, " lo "));
	EXPECT_NE(pfn, pfn_of(base));
	EXPECT_TRUE(is_zero(base, HUGE));
	/* It shrinks, and what is cut off is given back. */
	ASSERT_EQ(base, mremap(base, LEN, HUGE, 0));
	now = pool_now();
	EXPECT_EQ(self->pool.reserved, now.reserved);
	EXPECT_EQ(self->pool.free - 2, now.free);
	EXPECT_FALSE(can_read(base + HUGE));
}

/* What a device reads or writes for long is the mapping's own. */
static void pin(struct __test_metadata *_metadata, char *addr, unsigned int flags)
{
	struct pin_longterm_test args = {
		.addr = (uintptr_t)addr, .size = PAGE, .flags = flags,
	};
	static uint64_t seen[512];
	uint64_t there = (uintptr_t)seen;
	uint64_t pfn = pfn_of(addr);
	int fd = open(GUP_TEST, O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ioctl(fd, PIN_LONGTERM_TEST_START, &args));
	EXPECT_NE(pfn, pfn_of(addr));
	set_word(addr, 5);
	ASSERT_EQ(0, ioctl(fd, PIN_LONGTERM_TEST_READ, &there));
	EXPECT_EQ(5, seen[0]);
	EXPECT_EQ(0, seen[1]);
	EXPECT_EQ(0, ioctl(fd, PIN_LONGTERM_TEST_STOP));
	close(fd);
}

TEST_F_TIMEOUT(device, pinned, LIMIT_S)
{
	static const unsigned int how[] = {
		0, PIN_LONGTERM_TEST_FLAG_USE_WRITE,
		PIN_LONGTERM_TEST_FLAG_USE_FAST,
		PIN_LONGTERM_TEST_FLAG_USE_FAST |
		PIN_LONGTERM_TEST_FLAG_USE_WRITE,
	};
	char *base = self->base;
	struct pool now;
	int i;

	if (access(GUP_TEST, R_OK))
		SKIP(return, "no " GUP_TEST);
	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	for (i = 0; i < 4; i++) {
		EXPECT_TRUE(is_zero(base + i * HUGE, HUGE));
		pin(_metadata, base + i * HUGE, how[i]);
	}
	EXPECT_TRUE(is_zero(base + i * HUGE, LEN - i * HUGE));
	now = pool_now();
	EXPECT_EQ(self->pool.reserved + PAGES - 4, now.reserved);
	EXPECT_EQ(self->pool.free - 4 - 1, now.free);
}

/* Who has the page of zeroes whose memory failed keeps it; nobody else gets it. */
TEST_F_TIMEOUT(device, zeroes_fail, LIMIT_S)
{
	char *base = self->base;
	char text[32];
	uint64_t pfn;

	if (access(UNPOISON, W_OK))
		SKIP(return, "no " UNPOISON);
	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, HUGE));
	pfn = pfn_of(base);
	EXPECT_NE(0, madvise(base, PAGE, MADV_HWPOISON));
	EXPECT_EQ(pfn, pfn_of(base));
	EXPECT_TRUE(is_zero(base + HUGE, HUGE));
	EXPECT_NE(0, pfn_of(base + HUGE));
	EXPECT_NE(pfn, pfn_of(base + HUGE));
	/* Nobody has it any more: the pool may have it back. */
	ASSERT_EQ(0, munmap(base, LEN));
	snprintf(text, sizeof(text), "%#lx", (unsigned long)pfn);
	EXPECT_EQ(0, write_file(UNPOISON, text));
}

/* One's own is taken away, as from others of hugetlb. */
TEST_F_TIMEOUT(device, own_page_fails, LIMIT_S)
{
	char *base = self->base;
	struct pool before;
	pid_t pid;

	ASSERT_NE(NULL, map_device(self->fd, base, LEN, 0));
	EXPECT_TRUE(is_zero(base, LEN));
	before = pool_now();
	pid = fork();
	if (!pid) {
		fill(base, HUGE, 1);
		if (madvise(base, PAGE, MADV_HWPOISON))
			_exit(errno == EINVAL ? 4 : 2);
		_exit(filled(base, HUGE, 1) ? 3 : 5);
	}
	EXPECT_TRUE(is_killed(pid, SIGBUS));
	EXPECT_TRUE(is_zero(base, LEN));
	/* The page is lost to the pool. */
	self->pool.total = pool_now().total;
	self->pool.free -= before.total - self->pool.total;
}

TEST_HARNESS_MAIN
