// SPDX-License-Identifier: GPL-2.0
/*
 * P4: unregister, interval remove and exit wait for callouts that run on
 * their own subscription, and for no others.
 *
 * The bar is 20 ms on a plain kernel. Whatever else the machine does can only
 * add to a time, so the best of a few counts.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "fixture.h"

#define LEN		(4 * PAGE)
#define TRIES		4
#define BAR		bound_ns(20 * MSEC)

/* Somebody whose callout is held. */
struct sleeper {
	char *area;
	int fd;
	int id;
	unsigned int op;
	pid_t pid;
	struct churn churn;
};

/* A process of its own, in a callout of its own. */
static bool sleep_elsewhere(struct sleeper *sleeper, int fd, unsigned int kind)
{
	sleeper->area = map_anon(LEN);
	sleeper->fd = fd;
	sleeper->op = kind == MNT_INTERVAL ? MNT_OP_INVALIDATE : MNT_OP_START;
	sleeper->pid = fork();
	if (!sleeper->pid) {
		for (;;)
			do_dontneed(sleeper->area, LEN);
	}
	sleeper->id = dev_add(fd, sleeper->pid, kind, sleeper->area, LEN, NULL);
	return sleeper->id >= 0 &&
	       !dev_hold(fd, sleeper->id, sleeper->op, sleeper->area, LEN) &&
	       dev_wait_held(fd, sleeper->id);
}

/* A thread of this process, in a callout of another subscriber. */
static bool sleep_here(struct sleeper *sleeper, int fd, unsigned int kind)
{
	sleeper->area = map_anon(LEN);
	sleeper->fd = fd;
	sleeper->pid = 0;
	sleeper->op = kind == MNT_INTERVAL ? MNT_OP_INVALIDATE : MNT_OP_START;
	sleeper->id = dev_add(fd, 0, kind, sleeper->area, LEN, NULL);
	if (sleeper->id < 0 ||
	    dev_hold(fd, sleeper->id, sleeper->op, sleeper->area, LEN))
		return false;
	churn_start(&sleeper->churn, sleeper->area, LEN, do_dontneed);
	return dev_wait_held(fd, sleeper->id);
}

/* Was it asleep all the time?  Otherwise nothing has been shown. */
static bool wake(struct sleeper *sleeper)
{
	bool held = dev_still_held(sleeper->fd, sleeper->id);
	int status;

	if (sleeper->pid)
		kill(sleeper->pid, SIGKILL);
	else
		sleeper->churn.stop = true;
	dev_let_go(sleeper->fd, sleeper->id, sleeper->op);
	if (sleeper->pid)
		wait_child(sleeper->pid, PATIENCE_MS, &status);
	else
		churn_stop(&sleeper->churn);
	return held;
}

static void expect_fast(struct __test_metadata *_metadata, uint64_t best,
			const char *what)
{
	TH_LOG("%s: %llu us, bar %llu us", what,
	       (unsigned long long)best / 1000,
	       (unsigned long long)BAR / 1000);
	EXPECT_LE(best, BAR);
}

/* End subscriptions of one kind that stand on this mm, @area of theirs idle. */
static void end_some(struct __test_metadata *_metadata, int fd, int ids[TRIES],
		     const char *what)
{
	uint64_t best = UINT64_MAX, ns;
	unsigned int i;

	for (i = 0; i < TRIES; i++) {
		ASSERT_EQ(0, dev_del(fd, ids[i], &ns));
		if (ns < best)
			best = ns;
	}
	expect_fast(_metadata, best, what);
}

static void add_some(struct __test_metadata *_metadata, int fd, int ids[TRIES],
		     unsigned int kind)
{
	char *idle = map_anon(LEN);
	unsigned int i;

	ASSERT_NE(NULL, idle);
	for (i = 0; i < TRIES; i++) {
		ids[i] = dev_add(fd, 0, kind, idle, LEN, NULL);
		ASSERT_LE(0, ids[i]);
		/* An interval that has seen something of its own. */
		ASSERT_EQ(0, do_dontneed(idle, LEN));
	}
}

TEST_F_TIMEOUT(mm, unregister_while_another_mm_sleeps, LIMIT_S)
{
	struct sleeper sleeper;
	int ids[TRIES];

	add_some(_metadata, self->fd, ids, MNT_LIST);
	ASSERT_TRUE(sleep_elsewhere(&sleeper, self->fd, MNT_LIST));
	end_some(_metadata, self->fd, ids, "unregister");
	EXPECT_TRUE(wake(&sleeper));
}

TEST_F_TIMEOUT(mm, unregister_while_another_subscriber_sleeps, LIMIT_S)
{
	struct sleeper sleeper;
	int ids[TRIES];

	add_some(_metadata, self->fd, ids, MNT_LIST);
	ASSERT_TRUE(sleep_here(&sleeper, self->fd, MNT_LIST));
	end_some(_metadata, self->fd, ids, "unregister");
	EXPECT_TRUE(wake(&sleeper));
}

TEST_F_TIMEOUT(mm, unregister_nonsleeping_while_another_sleeps, LIMIT_S)
{
	struct sleeper sleeper;
	int ids[TRIES];

	add_some(_metadata, self->fd, ids, MNT_SECONDARY);
	ASSERT_TRUE(sleep_here(&sleeper, self->fd, MNT_LIST));
	end_some(_metadata, self->fd, ids, "unregister");
	EXPECT_TRUE(wake(&sleeper));
}

TEST_F_TIMEOUT(mm, remove_while_another_interval_sleeps, LIMIT_S)
{
	struct sleeper sleeper;
	int ids[TRIES];

	add_some(_metadata, self->fd, ids, MNT_INTERVAL);
	ASSERT_TRUE(sleep_here(&sleeper, self->fd, MNT_INTERVAL));
	end_some(_metadata, self->fd, ids, "remove");
	EXPECT_TRUE(wake(&sleeper));
}

TEST_F_TIMEOUT(mm, insert_while_another_interval_sleeps, LIMIT_S)
{
	struct sleeper sleeper;
	struct mnt_read read;
	char *area = map_anon(LEN);
	int id;

	ASSERT_TRUE(sleep_here(&sleeper, self->fd, MNT_INTERVAL));
	id = dev_add(self->fd, 0, MNT_INTERVAL, area, LEN, NULL);
	ASSERT_LE(0, id);
	/* In force at once: it is called, and its reader reads. */
	ASSERT_EQ(0, do_dontneed(area, LEN));
	EXPECT_EQ(1, dev_stats(self->fd, id).calls[MNT_OP_INVALIDATE]);
	ASSERT_EQ(0, dev_read(self->fd, id, TRIES, &read));
	EXPECT_LT(read.max_ns, bound_ns(1000 * MSEC));
	EXPECT_EQ(0, dev_del(self->fd, id, NULL));
	EXPECT_TRUE(wake(&sleeper));
}

/* Exit of a process that has a subscriber, from fork to wait. */
static uint64_t time_exit(int fd)
{
	int status, go[2], id;
	uint64_t began;
	char byte = 0;
	pid_t pid;

	if (pipe(go))
		return UINT64_MAX;
	pid = fork();
	if (!pid) {
		if (read(go[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	id = dev_add(fd, pid, MNT_LIST, NULL, 0, NULL);
	began = now_ns();
	if (id < 0 || write(go[1], &byte, 1) != 1 ||
	    !wait_child(pid, 2 * HOLD_MS, &status))
		return UINT64_MAX;
	began = now_ns() - began;
	close(go[0]);
	close(go[1]);
	if (dev_stats(fd, id).calls[MNT_OP_RELEASE] != 1)
		return UINT64_MAX;
	return began;
}

TEST_F_TIMEOUT(mm, exit_while_another_mm_sleeps, LIMIT_S)
{
	uint64_t best = UINT64_MAX, ns;
	struct sleeper sleeper;
	unsigned int i;

	ASSERT_TRUE(sleep_elsewhere(&sleeper, self->fd, MNT_LIST));
	for (i = 0; i < TRIES; i++) {
		ns = time_exit(self->fd);
		ASSERT_NE(UINT64_MAX, ns);
		if (ns < best)
			best = ns;
	}
	expect_fast(_metadata, best, "exit");
	EXPECT_TRUE(wake(&sleeper));
}

struct remover {
	atomic_bool go;
	int fd;
	int id;
	atomic_bool done;
};

static void *remove_sub(void *arg)
{
	struct remover *remover = arg;

	wait_flag(&remover->go, HOLD_MS);
	dev_del(remover->fd, remover->id, NULL);
	remover->done = true;
	return NULL;
}

/* The wait that must be there: for a callout of one's own. */
static void wait_for_own(struct __test_metadata *_metadata, int fd,
			 unsigned int kind)
{
	struct remover remover = { .fd = fd };
	struct sleeper sleeper;
	pthread_t thread;

	ASSERT_EQ(0, pthread_create(&thread, NULL, remove_sub, &remover));
	ASSERT_TRUE(sleep_here(&sleeper, fd, kind));
	remover.id = sleeper.id;
	remover.go = true;
	EXPECT_FALSE(wait_flag(&remover.done, 100));
	EXPECT_TRUE(dev_still_held(fd, sleeper.id));
	sleeper.churn.stop = true;
	ASSERT_EQ(0, dev_let_go(fd, sleeper.id, sleeper.op));
	EXPECT_TRUE(wait_flag(&remover.done, PATIENCE_MS));
	churn_stop(&sleeper.churn);
	pthread_join(thread, NULL);
	EXPECT_PAIRED(dev_stats(fd, sleeper.id));
}

TEST_F_TIMEOUT(mm, unregister_waits_for_its_own_callout, LIMIT_S)
{
	wait_for_own(_metadata, self->fd, MNT_LIST);
}

TEST_F_TIMEOUT(mm, remove_waits_for_its_own_callout, LIMIT_S)
{
	wait_for_own(_metadata, self->fd, MNT_INTERVAL);
}

TEST_HARNESS_MAIN
