// SPDX-License-Identifier: GPL-2.0
/*
 * Subscribers are called for what concerns them: by event, by address; and
 * they are told what is their own doing.
 */
#define _GNU_SOURCE
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"

#define LEN		(16 * PAGE)
#define HALF		(LEN / 2)
#define MANY		256
/* More than there are slots. */
#define CROWD		70

static int filter(int fd, int id, unsigned int flags, const void *start,
		  size_t length)
{
	struct mnt_filter filter = {
		.id = id,
		.flags = flags,
		.start = (uintptr_t)start,
		.length = length,
	};

	return ioctl(fd, MNT_FILTER, &filter);
}

static int own(int fd, int id, unsigned int how, const void *start,
	       size_t length)
{
	struct mnt_own own = {
		.id = id,
		.how = how,
		.start = (uintptr_t)start,
		.length = length,
	};

	return ioctl(fd, MNT_OWN, &own);
}

static int add_for_unmaps(int fd, unsigned int kind, const void *start,
			  size_t length)
{
	struct mnt_add add = {
		.kind = kind,
		.start = (uintptr_t)start,
		.length = length,
		.flags = MNT_UNMAPS_ONLY,
	};

	return ioctl(fd, MNT_ADD, &add) ? -1 : (int)add.id;
}

static unsigned int calls(int fd, int id, unsigned int op)
{
	return dev_stats(fd, id).calls[op];
}

static unsigned int starts(int fd, int id)
{
	return calls(fd, id, MNT_OP_START);
}

/* By event, of both kinds. */
TEST_F_TIMEOUT(mm, one_event, LIMIT_S)
{
	char *area = map_anon(LEN);
	struct mnt_stats stats;
	int list, interval, op;

	list = add_for_unmaps(self->fd, MNT_LIST, NULL, 0);
	interval = add_for_unmaps(self->fd, MNT_INTERVAL, area, LEN);
	ASSERT_LE(0, list);
	ASSERT_LE(0, interval);
	ASSERT_EQ(0, do_dontneed(area, LEN));
	ASSERT_EQ(0, do_cow(area, LEN));
	ASSERT_EQ(0, mprotect(area, LEN, PROT_READ));
	EXPECT_EQ(0, starts(self->fd, list));
	EXPECT_EQ(0, calls(self->fd, interval, MNT_OP_INVALIDATE));

	ASSERT_EQ(0, munmap(area, HALF));
	ASSERT_EQ(0, munmap(area + HALF, HALF));
	stats = dev_stats(self->fd, list);
	EXPECT_EQ(2, stats.calls[MNT_OP_START]);
	EXPECT_EQ(2, stats.calls[MNT_OP_END]);
	EXPECT_EQ(2, stats.events[UNMAP]);
	EXPECT_EQ(2, stats.causes[MNT_UNMAP]);
	EXPECT_PAIRED(stats);
	stats = dev_stats(self->fd, interval);
	EXPECT_EQ(2, stats.calls[MNT_OP_INVALIDATE]);
	for (op = CLEAR; op < MNT_NR_EVENTS; op++)
		EXPECT_EQ(0, stats.events[op]);
}

/* By address: inside, outside, across, with what is added and removed. */
TEST_F_TIMEOUT(mm, addresses, LIMIT_S)
{
	char *area = map_anon(LEN);
	int id;

	id = dev_add(self->fd, 0, MNT_FILTERED, area, HALF, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, do_dontneed(area + HALF, HALF));
	EXPECT_EQ(0, starts(self->fd, id));
	ASSERT_EQ(0, do_dontneed(area, PAGE));
	EXPECT_EQ(1, starts(self->fd, id));
	ASSERT_EQ(0, do_dontneed(area + HALF - PAGE, 2 * PAGE));
	EXPECT_EQ(2, starts(self->fd, id));

	ASSERT_EQ(0, filter(self->fd, id, 0, area + HALF, PAGE));
	ASSERT_EQ(0, do_dontneed(area + HALF, PAGE));
	EXPECT_EQ(3, starts(self->fd, id));
	ASSERT_EQ(0, do_dontneed(area + HALF + PAGE, PAGE));
	EXPECT_EQ(3, starts(self->fd, id));
	/* Called once, however many filters there are. */
	ASSERT_EQ(0, filter(self->fd, id, 0, area + HALF, PAGE));
	ASSERT_EQ(0, do_dontneed(area, LEN));
	EXPECT_EQ(4, starts(self->fd, id));

	ASSERT_EQ(0, filter(self->fd, id, MNT_FILTER_REMOVE, area, HALF));
	ASSERT_EQ(0, do_dontneed(area, HALF));
	EXPECT_EQ(4, starts(self->fd, id));
	/* One of two that are the same. */
	ASSERT_EQ(0, filter(self->fd, id, MNT_FILTER_REMOVE, area + HALF, PAGE));
	ASSERT_EQ(0, do_dontneed(area + HALF, PAGE));
	EXPECT_EQ(5, starts(self->fd, id));
	ASSERT_EQ(0, filter(self->fd, id, MNT_FILTER_REMOVE, area + HALF, PAGE));
	ASSERT_EQ(0, do_dontneed(area, LEN));
	EXPECT_EQ(5, starts(self->fd, id));
	EXPECT_EQ(5, calls(self->fd, id, MNT_OP_END));
	EXPECT_PAIRED(dev_stats(self->fd, id));
}

/* How many callouts does idle page tracking make for a page? */
static int ask_age(int fd, int id, const char *addr)
{
	unsigned int before = calls(fd, id, MNT_OP_CLEAR_YOUNG);
	uint64_t pfn = pfn_of(addr), word = 1ULL << pfn % 64;

	if (!pfn || idle_word(pfn, &word, true))
		return -1;
	return calls(fd, id, MNT_OP_CLEAR_YOUNG) - before;
}

/* Nobody is asked for the age of pages below or above all of its filters. */
TEST_F_TIMEOUT(mm, ages, LIMIT_S)
{
	char *area = map_anon(LEN);
	int id, all;

	/* Only pages on a list of reclaim are tracked; this puts them there. */
	ASSERT_EQ(0, madvise(area, LEN, MADV_COLD));
	id = dev_add(self->fd, 0, MNT_FILTERED, area + 4 * PAGE, PAGE, NULL);
	ASSERT_LE(0, id);
	all = dev_add(self->fd, 0, MNT_AGING, NULL, 0, NULL);
	ASSERT_LE(0, all);
	EXPECT_EQ(0, ask_age(self->fd, id, area + 3 * PAGE));
	EXPECT_EQ(1, ask_age(self->fd, id, area + 4 * PAGE));
	EXPECT_EQ(0, ask_age(self->fd, id, area + 5 * PAGE));
	ASSERT_EQ(0, filter(self->fd, id, 0, area + 8 * PAGE, PAGE));
	EXPECT_EQ(0, ask_age(self->fd, id, area + 3 * PAGE));
	EXPECT_EQ(1, ask_age(self->fd, id, area + 4 * PAGE));
	EXPECT_EQ(1, ask_age(self->fd, id, area + 8 * PAGE));
	EXPECT_EQ(0, ask_age(self->fd, id, area + 9 * PAGE));
	ASSERT_EQ(0, filter(self->fd, id, MNT_FILTER_REMOVE, area + 4 * PAGE,
			    PAGE));
	EXPECT_EQ(0, ask_age(self->fd, id, area + 4 * PAGE));
	EXPECT_EQ(1, ask_age(self->fd, id, area + 8 * PAGE));
	EXPECT_EQ(9, calls(self->fd, all, MNT_OP_CLEAR_YOUNG));
}

/* Every other page, of two subscribers in turn. */
TEST_F_TIMEOUT(mm, many, LIMIT_S)
{
	char *area = map_anon(MANY * PAGE);
	int ids[2], i;

	for (i = 0; i < 2; i++) {
		ids[i] = dev_add(self->fd, 0, MNT_FILTERED, area + i * PAGE,
				 PAGE, NULL);
		ASSERT_LE(0, ids[i]);
	}
	for (i = 2; i < MANY; i++)
		ASSERT_EQ(0, filter(self->fd, ids[i % 2], 0, area + i * PAGE,
				    PAGE));
	for (i = 0; i < MANY; i++) {
		ASSERT_EQ(0, do_dontneed(area + i * PAGE, PAGE));
		EXPECT_EQ(i / 2 + 1, starts(self->fd, ids[i % 2]));
		EXPECT_EQ((i + 1) / 2, starts(self->fd, ids[!(i % 2)]));
	}
	/* A range over two pages is both's. */
	ASSERT_EQ(0, do_dontneed(area + 7 * PAGE, 2 * PAGE));
	EXPECT_EQ(MANY / 2 + 1, starts(self->fd, ids[0]));
	EXPECT_EQ(MANY / 2 + 1, starts(self->fd, ids[1]));
	/* All go at once. */
	EXPECT_EQ(0, dev_del(self->fd, ids[0], NULL));
	ASSERT_EQ(0, do_dontneed(area, MANY * PAGE));
	EXPECT_EQ(MANY / 2 + 2, starts(self->fd, ids[1]));
	EXPECT_PAIRED(dev_stats(self->fd, ids[0]));
	EXPECT_PAIRED(dev_stats(self->fd, ids[1]));
}

/* Filters that change while a range is in flight do not unpair it. */
TEST_F_TIMEOUT(mm, change_in_flight, LIMIT_S)
{
	char *area = map_anon(LEN);
	int holder, leaver, comer;
	struct churn churn;

	/* The youngest is called first: the holder comes last of the three. */
	comer = dev_add(self->fd, 0, MNT_FILTERED, area + HALF, PAGE, NULL);
	holder = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	leaver = dev_add(self->fd, 0, MNT_FILTERED, area, PAGE, NULL);
	ASSERT_LE(0, comer);
	ASSERT_LE(0, holder);
	ASSERT_LE(0, leaver);
	churn_prepare(&churn, area, PAGE, do_dontneed);
	ASSERT_EQ(0, dev_hold(self->fd, holder, MNT_OP_START, area, PAGE));
	atomic_store(&churn.go, true);
	ASSERT_TRUE(dev_wait_held(self->fd, holder));
	EXPECT_EQ(1, starts(self->fd, leaver));
	ASSERT_EQ(0, filter(self->fd, leaver, MNT_FILTER_REMOVE, area, PAGE));
	ASSERT_EQ(0, filter(self->fd, comer, 0, area, PAGE));
	ASSERT_EQ(0, dev_let_go(self->fd, holder, MNT_OP_START));
	churn_stop(&churn);
	EXPECT_EQ(1, starts(self->fd, leaver));
	EXPECT_EQ(1, calls(self->fd, leaver, MNT_OP_END));
	EXPECT_EQ(starts(self->fd, comer),
		  calls(self->fd, comer, MNT_OP_END));
	EXPECT_PAIRED(dev_stats(self->fd, leaver));
	EXPECT_PAIRED(dev_stats(self->fd, comer));
}

/* Exit takes filters out of force; they may be removed afterwards. */
TEST_F_TIMEOUT(mm, exit_with_filters, LIMIT_S)
{
	char *area = map_anon(LEN);
	int go[2], status, id, i;
	char byte = 0;
	pid_t pid;

	ASSERT_EQ(0, pipe(go));
	pid = fork();
	if (!pid)
		_exit(read(go[0], &byte, 1) != 1);
	id = dev_add(self->fd, pid, MNT_FILTERED, area, PAGE, NULL);
	ASSERT_LE(0, id);
	for (i = 1; i < 8; i++)
		ASSERT_EQ(0, filter(self->fd, id, 0, area + i * PAGE, PAGE));
	ASSERT_EQ(1, write(go[1], &byte, 1));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(1, calls(self->fd, id, MNT_OP_RELEASE));
	EXPECT_EQ(0, filter(self->fd, id, MNT_FILTER_REMOVE, area, PAGE));
	EXPECT_EQ(0, filter(self->fd, id, 0, area + HALF, PAGE));
	EXPECT_EQ(0, dev_del(self->fd, id, NULL));
	EXPECT_EQ(-1, filter(self->fd, id, 0, area, PAGE));
	EXPECT_PAIRED(dev_stats(self->fd, id));
}

/* Those who found no slot are called for everything, and still in pairs. */
TEST_F_TIMEOUT(mm, crowd, LIMIT_S)
{
	char *area = map_anon(LEN);
	struct mnt_stats stats;
	int ids[CROWD], i;

	for (i = 0; i < CROWD; i++) {
		ids[i] = dev_add(self->fd, 0, MNT_FILTERED, area, PAGE, NULL);
		ASSERT_LE(0, ids[i]);
	}
	ASSERT_EQ(0, do_dontneed(area, PAGE));
	ASSERT_EQ(0, do_dontneed(area + HALF, PAGE));
	for (i = 0; i < CROWD; i++) {
		stats = dev_stats(self->fd, ids[i]);
		EXPECT_EQ(i < 64 ? 1 : 2, stats.calls[MNT_OP_START]);
		EXPECT_EQ(stats.calls[MNT_OP_START], stats.calls[MNT_OP_END]);
		EXPECT_EQ(0, filter(self->fd, ids[i], MNT_FILTER_REMOVE, area,
				    PAGE));
		EXPECT_EQ(0, dev_del(self->fd, ids[i], NULL));
		EXPECT_PAIRED(dev_stats(self->fd, ids[i]));
	}
}

/*
 * The owner of all starts of a cause in an area, if it is the same; -1 if there
 * is no start, -2 if they have several.
 */
static int owner_of(int fd, int id, unsigned int cause, const char *area)
{
	struct mnt_record records[MNT_LOG_SIZE];
	int nr = dev_log(fd, id, records), owner = -1, i;
	uint64_t start = (uintptr_t)area;

	for (i = 0; i < nr; i++) {
		if (records[i].op != MNT_OP_START || records[i].cause != cause ||
		    records[i].start < start || records[i].end > start + LEN)
			continue;
		if (owner >= 0 && owner != (int)records[i].owner)
			return -2;
		owner = records[i].owner;
	}
	return owner;
}

/* What a subscriber does itself carries its name, for all to see. */
TEST_F_TIMEOUT(mm, own_doing, LIMIT_S)
{
	char *area = map_anon(LEN);
	int id, other;
	size_t at;

	id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	other = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, do_dontneed(area, PAGE));
	EXPECT_EQ(MNT_NOBODY, owner_of(self->fd, id, MNT_DISCARD, area));

	/* The zero page gives way to one of its own: a copy. */
	for (at = 0; at < LEN; at += PAGE)
		peek(area + at);
	ASSERT_EQ(0, own(self->fd, id, MNT_OWN_WRITE, area, LEN));
	EXPECT_EQ(MNT_SELF, owner_of(self->fd, id, MNT_COW, area));
	EXPECT_EQ(MNT_SOMEBODY, owner_of(self->fd, other, MNT_COW, area));

	ASSERT_EQ(0, own(self->fd, id, MNT_OWN_UNMAP, area, HALF));
	EXPECT_EQ(MNT_SELF, owner_of(self->fd, id, MNT_UNMAP, area));
	EXPECT_EQ(MNT_SOMEBODY, owner_of(self->fd, other, MNT_UNMAP, area));
	ASSERT_EQ(0, munmap(area + HALF, HALF));
	EXPECT_EQ(MNT_NOBODY, owner_of(self->fd, id, MNT_UNMAP, area));
}

/* Another thread that is not in the scope is nobody's. */
TEST_F_TIMEOUT(mm, not_of_others, LIMIT_S)
{
	char *area = map_anon(LEN), *elsewhere = map_anon(LEN);
	struct churn churn;
	int id, i;

	id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, id);
	churn_start(&churn, elsewhere, PAGE, do_dontneed);
	for (i = 0; i < 200; i++) {
		ASSERT_EQ(0, do_dontneed(area, PAGE));
		peek(area);
		ASSERT_EQ(0, own(self->fd, id, MNT_OWN_WRITE, area, PAGE));
		if (i % 8)
			continue;
		EXPECT_NE(MNT_SELF, owner_of(self->fd, id, MNT_DISCARD, area));
	}
	churn_stop(&churn);
	EXPECT_LT(0, (int)churn.rounds);
}

TEST_HARNESS_MAIN
