// SPDX-License-Identifier: GPL-2.0
/*
 * P6: a reader waits or retries only because of an invalidation that overlaps
 * its interval, and is never starved by others.
 */
#define _GNU_SOURCE
#include "fixture.h"

#define LEN		(4 * PAGE)
#define NR_CHURNS	8
#define CALLOUT_US	1000
#define ROUNDS		60
/* On average; the worst case below. */
#define BAR		bound_ns(5 * MSEC)
/*
 * One wait is at most for the callouts that overlap, of which there are none,
 * so its length says how long the reader was kept off a CPU by the threads
 * that invalidate and by the machine. Ten times the bar leaves room for that
 * and is far below the time of a reader that is starved.
 */
#define WORST		(10 * BAR)

struct disjoint {
	char *area;
	int ids[NR_CHURNS];
	struct churn churns[NR_CHURNS];
};

/* Threads that invalidate an interval each, all with a slow callout. */
static bool disjoint_start(struct disjoint *disjoint, int fd)
{
	struct mnt_rule slow = { .op = MNT_OP_INVALIDATE,
				 .delay_us = CALLOUT_US };
	unsigned int i;
	char *addr;
	int id;

	disjoint->area = map_anon(NR_CHURNS * LEN);
	for (i = 0; i < NR_CHURNS; i++) {
		addr = disjoint->area + i * LEN;
		id = dev_add(fd, 0, MNT_INTERVAL, addr, LEN, NULL);
		if (id < 0)
			return false;
		slow.id = id;
		if (dev_rule(fd, slow))
			return false;
		disjoint->ids[i] = id;
	}
	for (i = 0; i < NR_CHURNS; i++)
		churn_start(&disjoint->churns[i], disjoint->area + i * LEN, LEN,
			    do_dontneed);
	return true;
}

static unsigned long disjoint_stop(struct disjoint *disjoint)
{
	unsigned long least = -1UL;
	unsigned int i;

	for (i = 0; i < NR_CHURNS; i++)
		disjoint->churns[i].stop = true;
	for (i = 0; i < NR_CHURNS; i++) {
		churn_stop(&disjoint->churns[i]);
		if (disjoint->churns[i].rounds < least)
			least = disjoint->churns[i].rounds;
	}
	return least;
}

TEST_F_TIMEOUT(mm, disjoint_invalidators_do_not_starve, LIMIT_S)
{
	uint64_t worst = 0, sum = 0, began = now_ns();
	unsigned int rounds, retries = 0;
	struct disjoint disjoint;
	struct mnt_read read;
	char *own;
	int id;

	own = map_anon(LEN);
	id = dev_add(self->fd, 0, MNT_INTERVAL, own, LEN, NULL);
	ASSERT_LE(0, id);
	ASSERT_TRUE(disjoint_start(&disjoint, self->fd));
	/* As often as this, and until all of them have come round. */
	for (rounds = 0; (rounds < ROUNDS || now_ns() - began < 500 * MSEC) &&
	     sum < 60000 * MSEC; rounds++) {
		/* One of its own, which is over when the reader begins. */
		ASSERT_EQ(0, do_dontneed(own, LEN));
		ASSERT_EQ(0, dev_read(self->fd, id, 1, &read));
		retries += read.retries;
		sum += read.total_ns;
		if (read.max_ns > worst)
			worst = read.max_ns;
	}
	EXPECT_LT(2, disjoint_stop(&disjoint));
	TH_LOG("%u invalidators, callouts of %u us", NR_CHURNS, CALLOUT_US);
	TH_LOG("wait: mean %llu us (bar %llu), max %llu us (limit %llu)",
	       (unsigned long long)sum / rounds / 1000,
	       (unsigned long long)BAR / 1000,
	       (unsigned long long)worst / 1000,
	       (unsigned long long)WORST / 1000);
	EXPECT_EQ(0, retries);
	EXPECT_LE(sum, rounds * BAR);
	EXPECT_LE(worst, WORST);
}

/* A reader in a thread of its own. */
struct reader {
	int fd;
	int id;
	unsigned int rounds;
	struct mnt_read read;
	pthread_t thread;
	atomic_bool go;
	atomic_bool done;
};

static void *reader_run(void *arg)
{
	struct reader *reader = arg;

	wait_flag(&reader->go, HOLD_MS);
	dev_read(reader->fd, reader->id, reader->rounds, &reader->read);
	reader->done = true;
	return NULL;
}

static void reader_prepare(struct reader *reader, int fd, int id)
{
	*reader = (struct reader) { .fd = fd, .id = id, .rounds = 1 };
	if (pthread_create(&reader->thread, NULL, reader_run, reader))
		abort();
}

/* Someone who holds the start of an invalidation of [addr, addr + LEN). */
struct holder {
	int fd;
	int id;
	struct churn churn;
};

static int dontneed_once(char *addr, size_t len)
{
	do_dontneed(addr, len);
	return -1;
}

static bool holder_prepare(struct holder *holder, int fd, char *addr)
{
	holder->fd = fd;
	holder->id = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);
	churn_prepare(&holder->churn, addr, LEN, dontneed_once);
	return holder->id >= 0 &&
	       !dev_hold(fd, holder->id, MNT_OP_START, addr, LEN);
}

static bool holder_start(struct holder *holder)
{
	holder->churn.go = true;
	return dev_wait_held(holder->fd, holder->id);
}

static void holder_stop(struct holder *holder)
{
	dev_let_go(holder->fd, holder->id, MNT_OP_START);
	churn_stop(&holder->churn);
}

/* One range open at each end; the reader in the middle does not care. */
TEST_F_TIMEOUT(mm, disjoint_ranges_are_not_waited_for, LIMIT_S)
{
	struct holder low, high;
	struct reader reader;
	char *area = map_anon(3 * LEN);
	int ids[3], i;

	for (i = 0; i < 3; i++) {
		ids[i] = dev_add(self->fd, 0, MNT_INTERVAL, area + i * LEN, LEN,
				 NULL);
		ASSERT_LE(0, ids[i]);
	}
	ASSERT_TRUE(holder_prepare(&low, self->fd, area));
	ASSERT_TRUE(holder_prepare(&high, self->fd, area + 2 * LEN));
	reader_prepare(&reader, self->fd, ids[1]);
	ASSERT_TRUE(holder_start(&low));
	ASSERT_TRUE(holder_start(&high));
	ASSERT_EQ(0, do_dontneed(area + LEN, LEN));
	reader.go = true;
	EXPECT_TRUE(wait_flag(&reader.done, PATIENCE_MS));
	EXPECT_TRUE(dev_still_held(self->fd, low.id));
	EXPECT_TRUE(dev_still_held(self->fd, high.id));
	holder_stop(&low);
	holder_stop(&high);
	pthread_join(reader.thread, NULL);
	EXPECT_EQ(1, reader.read.done);
	EXPECT_EQ(0, reader.read.retries);
}

/* The wait that must be there. */
TEST_F_TIMEOUT(mm, an_overlapping_range_is_waited_for, LIMIT_S)
{
	struct holder holder;
	struct reader reader;
	char *area = map_anon(2 * LEN);
	int id;

	/* They have one page in common. */
	id = dev_add(self->fd, 0, MNT_INTERVAL, area + LEN - PAGE, LEN, NULL);
	ASSERT_LE(0, id);
	ASSERT_TRUE(holder_prepare(&holder, self->fd, area));
	reader_prepare(&reader, self->fd, id);
	ASSERT_TRUE(holder_start(&holder));
	EXPECT_EQ(1, dev_stats(self->fd, id).calls[MNT_OP_INVALIDATE]);
	reader.go = true;
	EXPECT_FALSE(wait_flag(&reader.done, 200));
	holder_stop(&holder);
	EXPECT_TRUE(wait_flag(&reader.done, PATIENCE_MS));
	pthread_join(reader.thread, NULL);
	EXPECT_LE(150 * MSEC, reader.read.max_ns);
	EXPECT_EQ(0, reader.read.retries);
}

/* A later overlapping range is not waited for: it makes the reader retry. */
TEST_F_TIMEOUT(mm, reader_retries_after_a_collision, LIMIT_S)
{
	struct churn churn;
	struct mnt_read read = {};
	char *area = map_anon(LEN);
	unsigned int retries = 0;
	uint64_t until;
	int id;

	id = dev_add(self->fd, 0, MNT_INTERVAL, area, LEN, NULL);
	ASSERT_LE(0, id);
	churn_start(&churn, area, LEN, do_dontneed);
	until = now_ns() + PATIENCE_MS * MSEC;
	while (!retries && now_ns() < until) {
		ASSERT_EQ(0, dev_read(self->fd, id, 2000, &read));
		EXPECT_EQ(2000, read.done);
		retries += read.retries;
	}
	churn_stop(&churn);
	EXPECT_LT(0, retries);
	/* And when nothing goes on, none. */
	ASSERT_EQ(0, dev_read(self->fd, id, 1000, &read));
	EXPECT_EQ(0, read.retries);
}

TEST_HARNESS_MAIN
