// SPDX-License-Identifier: GPL-2.0
/*
 * P3: a subscriber sees one end for each start it saw, and no end without a
 * start, whatever registers, unregisters, fails or exits meanwhile.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "fixture.h"

#define LEN		(16 * PAGE)
#define ROUNDS		150

/* Register and unregister while other threads invalidate. */
static void come_and_go(struct __test_metadata *_metadata, int fd,
			unsigned int kind)
{
	struct churn churn[3];
	char *area = map_anon(3 * LEN);
	unsigned int i;
	int id;

	ASSERT_NE(NULL, area);
	churn_start(&churn[0], area, LEN, do_dontneed);
	churn_start(&churn[1], area + LEN, LEN, do_protect);
	churn_start(&churn[2], area + 2 * LEN, LEN, do_cow);
	for (i = 0; i < ROUNDS; i++) {
		id = dev_add(fd, 0, kind, area, 3 * LEN, NULL);
		ASSERT_LE(0, id);
		/* Some rounds end at once, some in the middle of things. */
		usleep(i % 7 * 300);
		ASSERT_EQ(0, dev_del(fd, id, NULL));
		if (kind == MNT_GET)
			ASSERT_TRUE(dev_wait_freed(fd, id));
		EXPECT_PAIRED(dev_stats(fd, id));
		if (!__test_passed(_metadata))
			break;
	}
	for (i = 0; i < 3; i++) {
		churn_stop(&churn[i]);
		EXPECT_LT(0, churn[i].rounds);
	}
}

TEST_F_TIMEOUT(mm, list_comes_and_goes, LIMIT_S)
{
	/* One that stays, so that the others are not the first. */
	int id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);

	ASSERT_LE(0, id);
	come_and_go(_metadata, self->fd, MNT_LIST);
	EXPECT_LT(0, dev_stats(self->fd, id).calls[MNT_OP_START]);
	EXPECT_PAIRED(dev_stats(self->fd, id));
}

TEST_F_TIMEOUT(mm, first_list_comes_and_goes, LIMIT_S)
{
	come_and_go(_metadata, self->fd, MNT_LIST);
}

TEST_F_TIMEOUT(mm, interval_comes_and_goes, LIMIT_S)
{
	come_and_go(_metadata, self->fd, MNT_INTERVAL);
}

TEST_F_TIMEOUT(mm, get_put_comes_and_goes, LIMIT_S)
{
	come_and_go(_metadata, self->fd, MNT_GET);
}

/*
 * The walk of a start goes from the youngest subscriber to the oldest. Hold
 * it in the oldest: the youngest has seen the start, and leaves before the
 * end.
 */
TEST_F_TIMEOUT(mm, unregister_between_start_and_end, LIMIT_S)
{
	char *area = map_anon(LEN);
	struct mnt_stats stats;
	struct churn churn;
	int oldest, youngest;

	ASSERT_NE(NULL, area);
	oldest = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	youngest = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	ASSERT_EQ(0, dev_hold(self->fd, oldest, MNT_OP_START, area, LEN));
	churn_start(&churn, area, LEN, do_dontneed);
	ASSERT_TRUE(dev_wait_held(self->fd, oldest));
	ASSERT_EQ(1, dev_stats(self->fd, youngest).open);

	ASSERT_EQ(0, dev_del(self->fd, youngest, NULL));
	stats = dev_stats(self->fd, youngest);
	EXPECT_EQ(stats.calls[MNT_OP_START], stats.calls[MNT_OP_END]);
	EXPECT_TRUE(dev_still_held(self->fd, oldest));

	ASSERT_EQ(0, dev_let_go(self->fd, oldest, MNT_OP_START));
	churn_stop(&churn);
	EXPECT_PAIRED(dev_stats(self->fd, youngest));
	EXPECT_PAIRED(dev_stats(self->fd, oldest));
}

static int do_punch(char *addr, size_t len)
{
	int fd = (int)(uintptr_t)addr;

	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
			 len);
}

struct late {
	atomic_bool go;
	int fd;
	int id;
	atomic_bool done;
};

static void *register_late(void *arg)
{
	struct late *late = arg;

	wait_flag(&late->go, HOLD_MS);
	late->id = dev_add(late->fd, 0, MNT_LIST, NULL, 0, NULL);
	late->done = true;
	return NULL;
}

/*
 * A hole punched in a file invalidates under the reverse map lock alone, so
 * a registration can come between its start and its end.
 */
TEST_F_TIMEOUT(mm, register_between_start_and_end, LIMIT_S)
{
	int memfd = memfd_create("pairing", MFD_CLOEXEC);
	struct late late = { .fd = self->fd };
	struct churn churn;
	pthread_t thread;
	char *area;
	int id;

	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, ftruncate(memfd, LEN));
	area = map_fd(memfd, LEN);
	ASSERT_NE(NULL, area);
	memset(area, 1, LEN);
	id = dev_add(self->fd, 0, MNT_LIST, NULL, 0, NULL);
	ASSERT_EQ(0, dev_hold(self->fd, id, MNT_OP_START, area, LEN));
	ASSERT_EQ(0, pthread_create(&thread, NULL, register_late, &late));
	churn_start(&churn, (char *)(uintptr_t)memfd, LEN, do_punch);
	ASSERT_TRUE(dev_wait_held(self->fd, id));

	late.go = true;
	/* It may wait for the range; give it the chance to err. */
	wait_flag(&late.done, 200);
	churn.stop = true;
	ASSERT_EQ(0, dev_let_go(self->fd, id, MNT_OP_START));
	pthread_join(thread, NULL);
	churn_stop(&churn);
	ASSERT_LE(0, late.id);
	EXPECT_PAIRED(dev_stats(self->fd, late.id));
	EXPECT_PAIRED(dev_stats(self->fd, id));
}

/* What the victim of a reaping tells its parent. */
struct victim {
	char *area;
	char *held;
	atomic_bool ready;
	atomic_bool go;
};

/*
 * A thread of the victim sits in a callout that SIGKILL does not end, so that
 * the mm is there for process_mrelease() for as long as it takes.
 */
static void victim_run(struct victim *shared, int fd)
{
	int own = dev_open();

	/* Whatever happens to the parent's pipes must not depend on us. */
	close(STDOUT_FILENO);
	close(STDERR_FILENO);
	/* Ended by the exit of this process: stock waits there for ever. */
	if (dev_add(own, 0, MNT_INTERVAL, shared->area, LEN, NULL) < 0)
		_exit(1);
	shared->ready = true;
	while (!shared->go)
		sleep_ms(1);
	do_dontneed(shared->held, LEN);
	_exit(0);
}

static void reap_with(struct __test_metadata *_metadata, int fd,
		      unsigned int refusing)
{
	struct victim *shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct mnt_rule hold = { .op = MNT_OP_START, .hold_ms = HOLD_MS,
				 .flags = MNT_UNKILLABLE };
	struct mnt_stats refuser, witness;
	int pidfd, status, refuses, sees;
	pid_t pid;

	ASSERT_NE(MAP_FAILED, shared);
	shared->area = map_anon(LEN);
	shared->held = map_anon(LEN);
	pid = fork();
	if (!pid)
		victim_run(shared, fd);
	ASSERT_TRUE(wait_flag(&shared->ready, PATIENCE_MS));
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	ASSERT_LE(0, pidfd);

	/* The younger one sees the start before the older one refuses it. */
	refuses = dev_add(fd, pid, refusing, NULL, 0, NULL);
	ASSERT_LE(0, refuses);
	sees = dev_add(fd, pid, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, sees);
	hold.id = sees;
	hold.start = (uintptr_t)shared->held;
	hold.end = hold.start + LEN;
	ASSERT_EQ(0, dev_rule(fd, hold));
	ASSERT_EQ(0, dev_rule(fd, (struct mnt_rule) {
		.id = refuses, .op = MNT_OP_START, .answer = 1 }));
	shared->go = true;
	ASSERT_TRUE(dev_wait_held(fd, sees));

	ASSERT_EQ(0, kill(pid, SIGKILL));
	EXPECT_EQ(-1, syscall(SYS_process_mrelease, pidfd, 0));
	EXPECT_EQ(EAGAIN, errno);
	refuser = dev_stats(fd, refuses);
	witness = dev_stats(fd, sees);
	EXPECT_LT(0, refuser.refused);
	EXPECT_EQ(refuser.nonblock, witness.nonblock);
	/* The start that was called off has got its end. */
	EXPECT_EQ(0, witness.open);
	EXPECT_EQ(0, witness.stray);

	ASSERT_EQ(0, dev_let_go(fd, sees, MNT_OP_START));
	/* Never a plain wait here: on failure the victim cannot die. */
	EXPECT_TRUE(wait_child(pid, PATIENCE_MS, &status)) {
		TH_LOG("the reaped process hangs in its exit");
	}
	EXPECT_PAIRED(dev_stats(fd, sees));
	EXPECT_EQ(1, dev_stats(fd, sees).calls[MNT_OP_RELEASE]);
	EXPECT_EQ(0, dev_stats(fd, sees).after_release);
}

TEST_F_TIMEOUT(mm, reaping_is_called_off, LIMIT_S)
{
	reap_with(_metadata, self->fd, MNT_LIST_START);
}

/* The same with a subscriber that has ends: it gets none for its refusal. */
TEST_F_TIMEOUT(mm, refused_start_gets_no_end, LIMIT_S)
{
	reap_with(_metadata, self->fd, MNT_LIST);
}

/* A process dies while one of its callouts is held: it pairs all the same. */
TEST_F_TIMEOUT(mm, killed_in_a_callout, LIMIT_S)
{
	char *area = map_anon(LEN);
	int id, status;
	pid_t pid;

	ASSERT_NE(NULL, area);
	pid = fork();
	if (!pid) {
		for (;;)
			do_dontneed(area, LEN);
	}
	id = dev_add(self->fd, pid, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, id);
	ASSERT_EQ(0, dev_hold(self->fd, id, MNT_OP_START, area, LEN));
	ASSERT_TRUE(dev_wait_held(self->fd, id));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_TRUE(wait_child(pid, PATIENCE_MS, &status));
	EXPECT_EQ(1, dev_stats(self->fd, id).calls[MNT_OP_RELEASE]);
	EXPECT_EQ(0, dev_stats(self->fd, id).after_release);
	EXPECT_EQ(0, dev_del(self->fd, id, NULL));
	EXPECT_EQ(1, dev_stats(self->fd, id).calls[MNT_OP_RELEASE]);
	EXPECT_PAIRED(dev_stats(self->fd, id));
}

TEST_HARNESS_MAIN
