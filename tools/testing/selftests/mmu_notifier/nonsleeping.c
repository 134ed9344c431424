// SPDX-License-Identifier: GPL-2.0
/*
 * P7: non-sleeping callouts are delivered where page-table entries change,
 * and where their age is asked for.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "fixture.h"

#define LEN		(4 * PAGE)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif

static int do_pageout(char *addr, size_t len)
{
	/* So that there is an entry to clear. */
	touch(addr);
	return madvise(addr, len, MADV_PAGEOUT);
}

static int do_unmap(char *addr, size_t len)
{
	touch(addr);
	return munmap(addr, len);
}

static int do_readonly(char *addr, size_t len)
{
	touch(addr);
	return mprotect(addr, len, PROT_READ);
}

/* Did a secondary TLB callout cover this page? */
static bool flushed(int fd, int id, const char *page)
{
	struct mnt_record records[MNT_LOG_SIZE];
	uint64_t addr = (uintptr_t)page;
	int nr, i;

	nr = dev_log(fd, id, records);
	for (i = 0; i < nr; i++)
		if (records[i].op == MNT_OP_SECONDARY &&
		    records[i].start <= addr && records[i].end >= addr + PAGE)
			return true;
	return false;
}

static void flushed_by(struct __test_metadata *_metadata, int fd,
		       int (*change)(char *addr, size_t len), char *area)
{
	struct mnt_record records[MNT_LOG_SIZE];
	int id;

	ASSERT_NE(NULL, area);
	id = dev_add(fd, 0, MNT_SECONDARY, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_LE(0, dev_log(fd, id, records));
	ASSERT_EQ(0, change(area, PAGE));
	EXPECT_TRUE(flushed(fd, id, area));
	EXPECT_EQ(0, dev_del(fd, id, NULL));
	EXPECT_EQ(1, dev_stats(fd, id).calls[MNT_OP_RELEASE]);
	/* And after the end, nothing. */
	touch(map_anon(PAGE));
	EXPECT_EQ(0, dev_stats(fd, id).after_del);
}

TEST_F_TIMEOUT(mm, secondary_tlbs_after_cow, LIMIT_S)
{
	flushed_by(_metadata, self->fd, do_cow, map_anon(LEN));
}

TEST_F_TIMEOUT(mm, secondary_tlbs_after_mprotect, LIMIT_S)
{
	flushed_by(_metadata, self->fd, do_readonly, map_anon(LEN));
}

TEST_F_TIMEOUT(mm, secondary_tlbs_after_munmap, LIMIT_S)
{
	flushed_by(_metadata, self->fd, do_unmap, map_anon(LEN));
}

TEST_F_TIMEOUT(mm, secondary_tlbs_after_reclaim, LIMIT_S)
{
	int memfd = memfd_create("reclaim", MFD_CLOEXEC);

	ASSERT_EQ(0, ftruncate(memfd, LEN));
	flushed_by(_metadata, self->fd, do_pageout, map_fd(memfd, LEN));
}

/* 1 if the page counts as idle, 0 if not, negative on failure. */
static int idle_after_asking(uint64_t pfn)
{
	uint64_t word = 1ULL << pfn % 64;

	if (idle_word(pfn, &word, true) || idle_word(pfn, &word, false))
		return -1;
	return word >> pfn % 64 & 1;
}

static void age_with(struct __test_metadata *_metadata, int fd,
		     unsigned int kind)
{
	char *area = map_anon(LEN);
	uint64_t pfn;
	int id;

	/* Only pages on a list of reclaim are tracked; this puts it there. */
	ASSERT_EQ(0, madvise(area, LEN, MADV_COLD));
	pfn = pfn_of(area);
	ASSERT_NE(0, pfn);
	id = dev_add(fd, 0, kind, NULL, 0, NULL);
	ASSERT_LE(0, id);

	/* Nobody has used it: idle. */
	ASSERT_EQ(1, idle_after_asking(pfn));
	EXPECT_LT(0, dev_stats(fd, id).calls[MNT_OP_CLEAR_YOUNG]);
	/* The secondary MMU has: not idle. */
	ASSERT_EQ(0, dev_rule(fd, (struct mnt_rule) {
		.id = id, .op = MNT_OP_CLEAR_YOUNG, .answer = 1 }));
	EXPECT_EQ(0, idle_after_asking(pfn));
	EXPECT_EQ(0, dev_del(fd, id, NULL));
	/* The secondary MMU has gone. */
	EXPECT_EQ(1, idle_after_asking(pfn));
	EXPECT_EQ(0, dev_stats(fd, id).after_del);
}

TEST_F_TIMEOUT(mm, aging_alone_is_asked, LIMIT_S)
{
	age_with(_metadata, self->fd, MNT_AGING);
}

TEST_F_TIMEOUT(mm, aging_of_a_list_subscriber_is_asked, LIMIT_S)
{
	age_with(_metadata, self->fd, MNT_LIST);
}

/* Reclaim of a memory cgroup asks for the age of what it looks at. */
TEST_F_TIMEOUT(mm, reclaim_asks_for_age, LIMIT_S)
{
	char *area = map_anon(16 << 20);
	const char *cgroup = cgroup_make("mmu_notifier_age");
	struct mnt_stats stats = {};
	char path[160];
	unsigned int i;
	int id;

	ASSERT_TRUE(swap_is_on());
	ASSERT_NE(NULL, cgroup);
	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	ASSERT_EQ(0, write_file(path, "0"));
	/* Charged to this cgroup by being touched in it. */
	ASSERT_EQ(0, do_dontneed(area, 16 << 20));
	memset(area, 1, 16 << 20);
	id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, id);
	snprintf(path, sizeof(path), "%s/memory.reclaim", cgroup);
	for (i = 0; i < 8; i++)
		write_file(path, "8M");
	stats = dev_stats(self->fd, id);
	EXPECT_LT(0, stats.calls[MNT_OP_CLEAR_FLUSH_YOUNG] +
		     stats.calls[MNT_OP_CLEAR_YOUNG] +
		     stats.calls[MNT_OP_TEST_YOUNG]);
	/* What was evicted was taken from the subscriber. */
	EXPECT_LT(0, stats.events[CLEAR]);
	EXPECT_PAIRED(stats);
}

TEST_HARNESS_MAIN
