// SPDX-License-Identifier: GPL-2.0
/*
 * P1: after the last subscriber an mm is as it was before the first.
 * P5: registration after the first is O(1); the first holds no more than one
 * reverse map lock at a time and no lock of the whole machine, and can be
 * interrupted.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "fixture.h"

#define LEN		(4 * PAGE)
#define NR_VMAS		30000UL
#define TRIES		8
#define BAR_SECOND	bound_ns(MSEC / 10)

/* As NR_VMAS VMAs, with one anon_vma in common. */
static char *map_many(void)
{
	char *area = map_anon(NR_VMAS * PAGE);
	unsigned long i;

	for (i = 0; area && i < NR_VMAS; i += 2)
		if (mprotect(area + i * PAGE, PAGE, PROT_READ))
			return NULL;
	return area;
}

static void come_and_go(struct __test_metadata *_metadata, int fd,
			unsigned int kind)
{
	char *area = map_anon(LEN);
	int id;

	ASSERT_EQ(0, dev_subscribed(fd, 0));
	id = dev_add(fd, 0, kind, area, LEN, NULL);
	ASSERT_LE(0, id);
	EXPECT_EQ(1, dev_subscribed(fd, 0));
	ASSERT_EQ(0, do_dontneed(area, LEN));
	ASSERT_EQ(0, dev_del(fd, id, NULL));
	EXPECT_TRUE(dev_wait_unsubscribed(fd));
}

TEST_F_TIMEOUT(mm, back_to_zero_after_list, LIMIT_S)
{
	come_and_go(_metadata, self->fd, MNT_LIST);
	come_and_go(_metadata, self->fd, MNT_LIST);
}

TEST_F_TIMEOUT(mm, back_to_zero_after_secondary, LIMIT_S)
{
	come_and_go(_metadata, self->fd, MNT_SECONDARY);
}

TEST_F_TIMEOUT(mm, back_to_zero_after_get, LIMIT_S)
{
	come_and_go(_metadata, self->fd, MNT_GET);
}

TEST_F_TIMEOUT(mm, back_to_zero_after_interval, LIMIT_S)
{
	come_and_go(_metadata, self->fd, MNT_INTERVAL);
	come_and_go(_metadata, self->fd, MNT_INTERVAL);
}

/* The last of several kinds, in the order of their registration. */
TEST_F_TIMEOUT(mm, back_to_zero_after_all, LIMIT_S)
{
	char *area = map_anon(LEN);
	int ids[MNT_NR_KINDS];
	unsigned int kind;

	for (kind = 0; kind < MNT_NR_KINDS; kind++) {
		ids[kind] = dev_add(self->fd, 0, kind, area, LEN, NULL);
		ASSERT_LE(0, ids[kind]);
	}
	for (kind = 0; kind < MNT_NR_KINDS; kind++) {
		EXPECT_EQ(1, dev_subscribed(self->fd, 0));
		ASSERT_EQ(0, dev_del(self->fd, ids[kind], NULL));
	}
	EXPECT_TRUE(dev_wait_unsubscribed(self->fd));
}

/* Two users of one subscription; it goes with the second. */
TEST_F_TIMEOUT(mm, get_finds_what_is_there, LIMIT_S)
{
	char *area = map_anon(LEN);
	int one, two;

	one = dev_add(self->fd, 0, MNT_GET, NULL, 0, NULL);
	two = dev_add(self->fd, 0, MNT_GET, NULL, 0, NULL);
	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	ASSERT_EQ(0, dev_del(self->fd, one, NULL));
	ASSERT_EQ(0, do_dontneed(area, LEN));
	EXPECT_EQ(1, dev_stats(self->fd, two).calls[MNT_OP_START]);
	EXPECT_EQ(0, dev_stats(self->fd, two).frees);
	ASSERT_EQ(0, dev_del(self->fd, two, NULL));
	ASSERT_TRUE(dev_wait_unsubscribed(self->fd));
	EXPECT_EQ(1, dev_stats(self->fd, two).frees);
	EXPECT_EQ(0, dev_stats(self->fd, two).after_del);
}

TEST_F_TIMEOUT(mm, second_registration_is_constant, LIMIT_S)
{
	uint64_t first, best = UINT64_MAX, ns;
	unsigned int i;
	int id;

	ASSERT_NE(NULL, map_many());
	id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, &first);
	ASSERT_LE(0, id);
	for (i = 0; i < TRIES; i++) {
		id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, &ns);
		ASSERT_LE(0, id);
		/* Other work of the machine can only add to it. */
		if (ns < best)
			best = ns;
	}
	TH_LOG("%lu VMAs: first %llu us, later %llu ns, bar %llu ns", NR_VMAS,
	       (unsigned long long)first / 1000,
	       (unsigned long long)best,
	       (unsigned long long)BAR_SECOND);
	EXPECT_LE(best, BAR_SECOND);
}

static void on_signal(int sig)
{
}

static struct mnt_totals totals_of(int fd)
{
	struct mnt_totals totals = {};

	ioctl(fd, MNT_TOTALS, &totals);
	return totals;
}

TEST_F_TIMEOUT(mm, a_signal_interrupts_the_first, LIMIT_S)
{
	struct mnt_totals before = totals_of(self->fd);
	struct mnt_add add = { .flags = MNT_SIGNALLED, .length = LEN };
	char *area = map_anon(LEN);
	int id;

	add.start = (uintptr_t)area;
	ASSERT_NE(SIG_ERR, signal(SIGUSR1, on_signal));
	for (add.kind = 0; add.kind < MNT_NR_KINDS; add.kind++) {
		EXPECT_EQ(-1, ioctl(self->fd, MNT_ADD, &add));
		EXPECT_EQ(EINTR, errno);
		/* It has left nothing behind. */
		EXPECT_EQ(0, dev_subscribed(self->fd, 0));
		EXPECT_EQ(before.subs, totals_of(self->fd).subs);
	}
	EXPECT_EQ(before.unpaired, totals_of(self->fd).unpaired);
	id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, do_dontneed(area, LEN));
	EXPECT_EQ(1, dev_stats(self->fd, id).calls[MNT_OP_START]);
	EXPECT_PAIRED(dev_stats(self->fd, id));
}

/* mmu_notifier_put() is allowed where mmu_notifier_unregister() is not. */
static void put_inside(struct __test_metadata *_metadata, int fd,
		       unsigned int op)
{
	char *area = map_anon(LEN);
	struct mnt_stats stats;
	int id, other;

	id = dev_add(fd, 0, MNT_GET, NULL, 0, NULL);
	other = dev_add(fd, 0, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, dev_rule(fd, (struct mnt_rule) {
		.id = id, .op = op, .flags = MNT_PUT }));
	ASSERT_EQ(0, do_dontneed(area, LEN));
	EXPECT_TRUE(dev_wait_freed(fd, id));
	stats = dev_stats(fd, id);
	EXPECT_EQ(1, stats.calls[MNT_OP_START]);
	EXPECT_EQ(1, stats.calls[MNT_OP_END]);
	EXPECT_EQ(0, stats.calls[MNT_OP_RELEASE]);
	EXPECT_EQ(1, stats.frees);
	/* It is over, and there is nothing left to put. */
	ASSERT_EQ(0, do_dontneed(area, LEN));
	ASSERT_EQ(0, dev_del(fd, id, NULL));
	EXPECT_EQ(1, dev_stats(fd, id).calls[MNT_OP_START]);
	EXPECT_EQ(2, dev_stats(fd, other).calls[MNT_OP_START]);
	EXPECT_PAIRED(dev_stats(fd, id));
	EXPECT_PAIRED(dev_stats(fd, other));
}

TEST_F_TIMEOUT(mm, put_inside_start, LIMIT_S)
{
	put_inside(_metadata, self->fd, MNT_OP_START);
}

TEST_F_TIMEOUT(mm, put_inside_end, LIMIT_S)
{
	put_inside(_metadata, self->fd, MNT_OP_END);
}

/* One of two users goes: the subscription stays for the other. */
TEST_F_TIMEOUT(mm, put_inside_leaves_the_other_user, LIMIT_S)
{
	char *area = map_anon(LEN);
	int one, two, i;

	one = dev_add(self->fd, 0, MNT_GET, NULL, 0, NULL);
	two = dev_add(self->fd, 0, MNT_GET, NULL, 0, NULL);
	ASSERT_LE(0, one);
	ASSERT_LE(0, two);
	ASSERT_EQ(0, dev_rule(self->fd, (struct mnt_rule) {
		.id = one, .op = MNT_OP_START, .flags = MNT_PUT }));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, do_dontneed(area, LEN));
	EXPECT_EQ(2, dev_stats(self->fd, two).calls[MNT_OP_START]);
	EXPECT_EQ(0, dev_stats(self->fd, two).frees);
	ASSERT_EQ(0, dev_del(self->fd, one, NULL));
	EXPECT_EQ(1, dev_subscribed(self->fd, 0));
	ASSERT_EQ(0, dev_del(self->fd, two, NULL));
	EXPECT_TRUE(dev_wait_freed(self->fd, two));
	EXPECT_PAIRED(dev_stats(self->fd, two));
}

/* The exit completes what its own callout has put. */
TEST_F_TIMEOUT(mm, put_inside_release, LIMIT_S)
{
	struct mnt_stats stats;
	int id, status;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	id = dev_add(self->fd, pid, MNT_GET, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, dev_rule(self->fd, (struct mnt_rule) {
		.id = id, .op = MNT_OP_RELEASE, .flags = MNT_PUT }));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_TRUE(wait_child(pid, PATIENCE_MS, &status));
	EXPECT_TRUE(dev_wait_freed(self->fd, id));
	stats = dev_stats(self->fd, id);
	EXPECT_EQ(1, stats.calls[MNT_OP_RELEASE]);
	EXPECT_EQ(1, stats.frees);
	EXPECT_EQ(0, dev_del(self->fd, id, NULL));
	EXPECT_PAIRED(dev_stats(self->fd, id));
}

/*
 * A reverse map lock can be held for long: by punching a hole in a file that
 * a process has mapped whose subscriber's callout is held.  A registration in
 * the mm of another process that has the file mapped then has to wait.
 *
 * The test itself must not map the file, or it could not even fork.
 */
struct blocker {
	int memfd;
	int other;		/* a file that is not held */
	int id;
	pid_t holder;
	pid_t target;
	pid_t puncher;
	pid_t registrar;
	atomic_int *mapped;
};

static void run_mapper(struct blocker *blocker)
{
	char *held = map_fd(blocker->memfd, LEN);
	char *other = map_fd(blocker->other, LEN);

	/* Predecessors locked files by address: the free one comes first. */
	if (!held || !other || other > held)
		_exit(1);
	*held = 1;
	*other = 1;
	(*blocker->mapped)++;
	for (;;)
		pause();
}

static pid_t start_mapper(struct blocker *blocker)
{
	int before = *blocker->mapped, ms;
	pid_t pid = fork();

	if (!pid)
		run_mapper(blocker);
	for (ms = 0; ms < PATIENCE_MS && *blocker->mapped == before; ms++)
		sleep_ms(1);
	return *blocker->mapped == before ? -1 : pid;
}

static void run_puncher(struct blocker *blocker)
{
	_exit(fallocate(blocker->memfd,
			FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, LEN));
}

static bool block(struct blocker *blocker, int fd)
{
	blocker->mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	blocker->memfd = memfd_create("held", MFD_CLOEXEC);
	blocker->other = memfd_create("free", MFD_CLOEXEC);
	if (ftruncate(blocker->memfd, LEN) || ftruncate(blocker->other, LEN))
		return false;
	blocker->target = start_mapper(blocker);
	blocker->holder = start_mapper(blocker);
	if (blocker->target < 0 || blocker->holder < 0)
		return false;
	blocker->id = dev_add(fd, blocker->holder, MNT_LIST, NULL, 0, NULL);
	if (blocker->id < 0 ||
	    dev_hold(fd, blocker->id, MNT_OP_START, NULL, 0))
		return false;
	blocker->puncher = fork();
	if (!blocker->puncher)
		run_puncher(blocker);
	if (!dev_wait_held(fd, blocker->id))
		return false;
	blocker->registrar = fork();
	if (!blocker->registrar)
		_exit(dev_add(dev_open(), blocker->target, MNT_LIST, NULL, 0,
			      NULL) < 0);
	sleep_ms(300);
	return !waitpid(blocker->registrar, NULL, WNOHANG);
}

static void unblock(struct blocker *blocker, int fd)
{
	dev_let_go(fd, blocker->id, MNT_OP_START);
	kill(blocker->holder, SIGKILL);
	kill(blocker->target, SIGKILL);
	waitpid(blocker->puncher, NULL, 0);
	waitpid(blocker->holder, NULL, 0);
	waitpid(blocker->target, NULL, 0);
}

TEST_F_TIMEOUT(mm, a_kill_ends_a_waiting_first, LIMIT_S)
{
	struct blocker blocker;
	int status;

	ASSERT_TRUE(block(&blocker, self->fd));
	ASSERT_EQ(0, kill(blocker.registrar, SIGKILL));
	EXPECT_TRUE(wait_child(blocker.registrar, PATIENCE_MS, &status));
	EXPECT_TRUE(dev_still_held(self->fd, blocker.id));
	unblock(&blocker, self->fd);
}

TEST_F_TIMEOUT(mm, a_waiting_first_holds_no_other_lock, LIMIT_S)
{
	struct blocker blocker;
	int status = -1;
	pid_t pid;

	ASSERT_TRUE(block(&blocker, self->fd));

	/* Another process maps a file that the registration has to lock... */
	pid = fork();
	if (!pid)
		_exit(!map_fd(blocker.other, LEN));
	EXPECT_TRUE(wait_child(pid, PATIENCE_MS, &status));
	EXPECT_EQ(0, status);
	/* ...and one registers a subscriber of its own. */
	pid = fork();
	if (!pid)
		_exit(dev_add(dev_open(), 0, MNT_LIST, NULL, 0, NULL) < 0);
	EXPECT_TRUE(wait_child(pid, PATIENCE_MS, &status));
	EXPECT_EQ(0, status);

	/* All that while the hold was on; or else nothing has been shown. */
	EXPECT_TRUE(dev_still_held(self->fd, blocker.id));
	unblock(&blocker, self->fd);
	EXPECT_TRUE(wait_child(blocker.registrar, PATIENCE_MS, &status));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
