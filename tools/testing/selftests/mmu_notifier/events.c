// SPDX-License-Identifier: GPL-2.0
/*
 * What changes page tables is announced: with the event that belongs to it,
 * for every page concerned, to every kind of subscriber, start and end.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"

#define LEN		(8 * PAGE)
#define HUGE		(2UL << 20)

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT	21
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

static int do_munmap(char *addr, size_t len)
{
	return munmap(addr, len);
}

static int do_mprotect(char *addr, size_t len)
{
	return mprotect(addr, len, PROT_READ);
}

static int do_free(char *addr, size_t len)
{
	return madvise(addr, len, MADV_FREE);
}

static int do_pageout(char *addr, size_t len)
{
	if (!swap_is_on())
		return -1;
	/* Pages on their way to a list of reclaim, of any CPU, get there. */
	write_file("/proc/sys/vm/drop_caches", "1");
	return madvise(addr, len, MADV_PAGEOUT);
}

/* To a place below, which is there for the taking once it is unmapped. */
static int do_mremap(char *addr, size_t len)
{
	char *to = map_anon(len);

	return mremap(addr, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to;
}

static int do_map_over(char *addr, size_t len)
{
	return mmap(addr, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS |
		    MAP_FIXED, -1, 0) != addr;
}

static int do_fork(char *addr, size_t len)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return waitpid(pid, NULL, 0) != pid;
}

/* Writes to what a child shares: each page is copied. */
static int do_write_after_fork(char *addr, size_t len)
{
	int go[2], status;
	char byte = 0;
	size_t i;
	pid_t pid;

	if (pipe(go))
		return -1;
	pid = fork();
	if (!pid)
		_exit(read(go[0], &byte, 1) != 1);
	for (i = 0; i < len; i += PAGE)
		touch(addr + i);
	if (write(go[1], &byte, 1) != 1)
		return -1;
	close(go[0]);
	close(go[1]);
	return waitpid(pid, &status, 0) != pid || status;
}

static int do_soft_dirty(char *addr, size_t len)
{
	return write_file("/proc/self/clear_refs", "4") < 0;
}

static int do_collapse(char *addr, size_t len)
{
	return madvise(addr, len, MADV_COLLAPSE);
}

static int do_remove(char *addr, size_t len)
{
	return madvise(addr, len, MADV_REMOVE);
}

/* Is each page of the range covered by a callout of this op and event? */
static bool covered(const struct mnt_record *records, int nr, unsigned int op,
		    unsigned int event, const char *addr, size_t len)
{
	uint64_t page, end = (uintptr_t)addr + len;
	int i;

	for (page = (uintptr_t)addr; page < end; page += PAGE) {
		for (i = 0; i < nr; i++)
			if (records[i].op == op && records[i].event == event &&
			    records[i].start <= page &&
			    records[i].end >= page + PAGE)
				break;
		if (i == nr)
			return false;
	}
	return true;
}

/* Does each start have an end that is the same range for the same reason? */
static bool mirrored(const struct mnt_record *records, int nr)
{
	bool used[MNT_LOG_SIZE] = {};
	int i, j;

	for (i = 0; i < nr; i++) {
		if (records[i].op != MNT_OP_START)
			continue;
		for (j = i + 1; j < nr; j++)
			if (records[j].op == MNT_OP_END && !used[j] &&
			    records[j].start == records[i].start &&
			    records[j].end == records[i].end &&
			    records[j].event == records[i].event)
				break;
		if (j >= nr)
			return false;
		used[j] = true;
	}
	return true;
}

FIXTURE(cause) {
	int fd;
};

FIXTURE_VARIANT(cause) {
	int (*change)(char *addr, size_t len);
	unsigned int event;
	size_t len;
	bool shared;
};

FIXTURE_SETUP(cause)
{
	self->fd = fixture_open(_metadata);
}

FIXTURE_TEARDOWN(cause)
{
	close(self->fd);
}

FIXTURE_VARIANT_ADD(cause, munmap) {
	.change = do_munmap,
	.event = UNMAP,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, map_over) {
	.change = do_map_over,
	.event = UNMAP,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, mremap) {
	.change = do_mremap,
	.event = UNMAP,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, dontneed) {
	.change = do_dontneed,
	.event = CLEAR,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, free) {
	.change = do_free,
	.event = CLEAR,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, pageout) {
	.change = do_pageout,
	.event = CLEAR,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, remove) {
	.change = do_remove,
	.event = CLEAR,
	.len = LEN,
	.shared = true,
};

FIXTURE_VARIANT_ADD(cause, collapse) {
	.change = do_collapse,
	.event = CLEAR,
	.len = HUGE,
};

FIXTURE_VARIANT_ADD(cause, mprotect) {
	.change = do_mprotect,
	.event = PROTECTION_VMA,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, fork) {
	.change = do_fork,
	.event = PROTECTION_PAGE,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, write_after_fork) {
	.change = do_write_after_fork,
	.event = CLEAR,
	.len = LEN,
};

FIXTURE_VARIANT_ADD(cause, soft_dirty) {
	.change = do_soft_dirty,
	.event = SOFT_DIRTY,
	.len = LEN,
};

/* Memory of the test's own, with all its pages there. */
static char *map_pages(size_t len, bool shared)
{
	char *map;
	int fd;

	if (!shared) {
		/* Aligned, for what needs it. */
		map = map_anon(2 * HUGE);
		return map ? (char *)(((uintptr_t)map + HUGE - 1) & -HUGE) :
			     NULL;
	}
	fd = memfd_create("events", MFD_CLOEXEC);
	if (ftruncate(fd, len))
		return NULL;
	map = map_fd(fd, len);
	if (map)
		memset(map, 1, len);
	return map;
}

TEST_F_TIMEOUT(cause, announced, LIMIT_S)
{
	struct mnt_record records[MNT_LOG_SIZE];
	unsigned int event = variant->event;
	int list, start, interval, nr;
	size_t len = variant->len;
	char *area;

	area = map_pages(len, variant->shared);
	ASSERT_NE(NULL, area);
	list = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	start = dev_add(self->fd, 0, MNT_LIST_START, NULL, 0, NULL);
	interval = dev_add(self->fd, 0, MNT_INTERVAL, area, len, NULL);
	ASSERT_LE(0, list);
	ASSERT_LE(0, start);
	ASSERT_LE(0, interval);
	ASSERT_EQ(0, variant->change(area, len));

	nr = dev_log(self->fd, list, records);
	EXPECT_TRUE(covered(records, nr, MNT_OP_START, event, area, len));
	EXPECT_TRUE(covered(records, nr, MNT_OP_END, event, area, len));
	EXPECT_TRUE(mirrored(records, nr));
	nr = dev_log(self->fd, start, records);
	EXPECT_TRUE(covered(records, nr, MNT_OP_START, event, area, len));
	nr = dev_log(self->fd, interval, records);
	EXPECT_TRUE(covered(records, nr, MNT_OP_INVALIDATE, event, area, len));
	EXPECT_PAIRED(dev_stats(self->fd, list));
}

/* The end of an mm: release for lists, an event for intervals; nothing after. */
TEST_F_TIMEOUT(mm, event_of_exit, LIMIT_S)
{
	struct mnt_stats list_stats, interval_stats;
	int go[2], status, list, interval;
	char *area = map_anon(LEN);
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid)
		_exit(read(go[0], &byte, 1) != 1);
	list = dev_add(self->fd, pid, MNT_LIST, NULL, 0, NULL);
	interval = dev_add(self->fd, pid, MNT_INTERVAL, area, LEN, NULL);
	ASSERT_LE(0, list);
	ASSERT_LE(0, interval);
	ASSERT_EQ(1, write(go[1], &byte, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));

	list_stats = dev_stats(self->fd, list);
	interval_stats = dev_stats(self->fd, interval);
	EXPECT_EQ(1, list_stats.calls[MNT_OP_RELEASE]);
	EXPECT_EQ(0, list_stats.after_release);
	EXPECT_EQ(0, list_stats.events[UNMAP]);
	EXPECT_PAIRED(list_stats);
	EXPECT_EQ(1, interval_stats.events[RELEASE]);
	EXPECT_EQ(0, interval_stats.events[UNMAP]);
	EXPECT_EQ(0, dev_del(self->fd, list, NULL));
	EXPECT_EQ(0, dev_del(self->fd, interval, NULL));
	EXPECT_EQ(1, dev_stats(self->fd, list).calls[MNT_OP_RELEASE]);
}

TEST_HARNESS_MAIN
