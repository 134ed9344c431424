// SPDX-License-Identifier: GPL-2.0
/*
 * P3 and P4 against the life of a process: subscriptions come and go while it
 * forks, executes, exits or is killed by the OOM killer.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "fixture.h"
#include "klog.h"

#define LEN		(8 * PAGE)
#define ROUNDS		15
#define EXEC_LEFT	"MMU_NOTIFIER_EXEC_LEFT"
#define OOM_LIMIT	(8 << 20)

/* A process that is executed over and over, see run_exec(). */
__attribute__((constructor(101))) static void again(void)
{
	const char *left = getenv(EXEC_LEFT);
	char text[16];
	int nr;

	if (!left)
		return;
	nr = atoi(left);
	if (!nr)
		_exit(0);
	snprintf(text, sizeof(text), "%d", nr - 1);
	setenv(EXEC_LEFT, text, 1);
	execl("/proc/self/exe", "races", NULL);
	_exit(1);
}

static void run_exec(char *area)
{
	setenv(EXEC_LEFT, "5", 1);
	execl("/proc/self/exe", "races", NULL);
	_exit(1);
}

static void run_fork(char *area)
{
	int i;
	pid_t pid;

	for (i = 0; i < 6; i++) {
		touch(area);
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	_exit(0);
}

static void run_exit(char *area)
{
	do_dontneed(area, LEN);
	_exit(0);
}

static void run_for_ever(char *area)
{
	for (;;) {
		do_dontneed(area, LEN);
		do_protect(area, LEN);
	}
}

struct tally {
	unsigned int subscribed;
	unsigned int late;
};

/* Subscribe and end it, as often as the process lets us. */
static bool harass(int fd, pid_t pid, unsigned int kind, const char *area,
		   struct tally *tally)
{
	int ids[4] = { -1, -1, -1, -1 }, i, status;
	bool there = true;
	struct mnt_stats stats;
	uint64_t until = now_ns() + 60000 * MSEC;

	while (there && now_ns() < until) {
		for (i = 0; i < 4; i++)
			ids[i] = dev_add(fd, pid, kind, area, LEN, NULL);
		there = waitpid(pid, &status, WNOHANG) != pid;
		for (i = 0; i < 4; i++) {
			if (ids[i] < 0)
				continue;
			if (dev_del(fd, ids[i], NULL))
				return false;
			stats = dev_stats(fd, ids[i]);
			tally->subscribed++;
			/* mmu_notifier_put() is not done yet. */
			if (kind == MNT_GET)
				continue;
			tally->late += stats.after_del + stats.stray +
				       stats.open_at_del;
			if (kind != MNT_INTERVAL &&
			    stats.calls[MNT_OP_RELEASE] != 1)
				tally->late++;
		}
	}
	return !there;
}

FIXTURE(race) {
	int fd;
};

FIXTURE_VARIANT(race) {
	unsigned int kind;
	void (*run)(char *area);
};

FIXTURE_SETUP(race)
{
	self->fd = fixture_open(_metadata);
}

FIXTURE_TEARDOWN(race)
{
	close(self->fd);
}

FIXTURE_VARIANT_ADD(race, list_fork) {
	.kind = MNT_LIST,
	.run = run_fork,
};

FIXTURE_VARIANT_ADD(race, list_exec) {
	.kind = MNT_LIST,
	.run = run_exec,
};

FIXTURE_VARIANT_ADD(race, list_exit) {
	.kind = MNT_LIST,
	.run = run_exit,
};

FIXTURE_VARIANT_ADD(race, interval_fork) {
	.kind = MNT_INTERVAL,
	.run = run_fork,
};

FIXTURE_VARIANT_ADD(race, interval_exec) {
	.kind = MNT_INTERVAL,
	.run = run_exec,
};

FIXTURE_VARIANT_ADD(race, interval_exit) {
	.kind = MNT_INTERVAL,
	.run = run_exit,
};

FIXTURE_VARIANT_ADD(race, secondary_fork) {
	.kind = MNT_SECONDARY,
	.run = run_fork,
};

FIXTURE_VARIANT_ADD(race, secondary_exec) {
	.kind = MNT_SECONDARY,
	.run = run_exec,
};

FIXTURE_VARIANT_ADD(race, secondary_exit) {
	.kind = MNT_SECONDARY,
	.run = run_exit,
};

FIXTURE_VARIANT_ADD(race, get_fork) {
	.kind = MNT_GET,
	.run = run_fork,
};

FIXTURE_VARIANT_ADD(race, get_exec) {
	.kind = MNT_GET,
	.run = run_exec,
};

FIXTURE_VARIANT_ADD(race, get_exit) {
	.kind = MNT_GET,
	.run = run_exit,
};

TEST_F_TIMEOUT(race, comes_and_goes, LIMIT_S)
{
	char *area = map_anon(LEN);
	struct tally tally = {};
	unsigned int i;
	pid_t pid;

	ASSERT_NE(NULL, area);
	for (i = 0; i < ROUNDS; i++) {
		pid = fork();
		if (!pid) {
			/* Some are away before anybody looks. */
			usleep(i * 200);
			variant->run(area);
		}
		ASSERT_TRUE(harass(self->fd, pid, variant->kind, area, &tally));
	}
	EXPECT_EQ(0, tally.late);
	EXPECT_LT(ROUNDS / 2, tally.subscribed);
}

/* Killed at any time, in any place. */
TEST_F_TIMEOUT(mm, list_races_kill, LIMIT_S)
{
	char *area = map_anon(LEN);
	int keep, other, i, status;
	pid_t pid;

	for (i = 0; i < ROUNDS; i++) {
		pid = fork();
		if (!pid)
			run_for_ever(area);
		keep = dev_add(self->fd, pid, MNT_LIST, NULL, 0, NULL);
		other = dev_add(self->fd, pid, MNT_LIST, NULL, 0, NULL);
		ASSERT_LE(0, keep);
		ASSERT_LE(0, other);
		usleep(i % 5 * 300);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(0, dev_del(self->fd, other, NULL));
		ASSERT_TRUE(wait_child(pid, 2 * PATIENCE_MS, &status));
		EXPECT_EQ(1, dev_stats(self->fd, keep).calls[MNT_OP_RELEASE]);
		EXPECT_EQ(1, dev_stats(self->fd, other).calls[MNT_OP_RELEASE]);
		ASSERT_EQ(0, dev_del(self->fd, keep, NULL));
		EXPECT_EQ(1, dev_stats(self->fd, keep).calls[MNT_OP_RELEASE]);
		EXPECT_PAIRED(dev_stats(self->fd, keep));
		EXPECT_PAIRED(dev_stats(self->fd, other));
	}
}

/* The device is closed by an exit while the mm is still in use by others. */
TEST_F_TIMEOUT(mm, closed_by_exit, LIMIT_S)
{
	char *area = map_anon(LEN);
	int status, kind, i, fd;
	pid_t pid;

	for (i = 0; i < ROUNDS; i++) {
		pid = fork();
		if (!pid) {
			fd = dev_open();
			for (kind = 0; kind < MNT_NR_KINDS; kind++) {
				dev_add(fd, 0, kind, area, LEN, NULL);
				dev_add(fd, getppid(), kind, area, LEN, NULL);
			}
			touch(area);
			do_dontneed(area, LEN);
			_exit(fd < 0);
		}
		ASSERT_EQ(0, do_dontneed(area, LEN));
		ASSERT_TRUE(wait_child(pid, 2 * PATIENCE_MS, &status));
		ASSERT_EQ(0, status);
	}
}

static void run_hog(const char *cgroup, char *area, size_t len)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	if (write_file(path, "0") < 0)
		_exit(1);
	sleep_ms(50);
	memset(area, 1, len);
	_exit(2);
}

static void oom(struct __test_metadata *_metadata, int fd, bool refuse)
{
	const char *cgroup = cgroup_make("mmu_notifier_oom");
	char *area = mmap(NULL, 4 * OOM_LIMIT, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int list, start, interval, status;
	char path[160];
	pid_t pid;

	ASSERT_NE(NULL, cgroup);
	snprintf(path, sizeof(path), "%s/memory.max", cgroup);
	ASSERT_EQ(0, write_file(path, "8M"));
	snprintf(path, sizeof(path), "%s/memory.swap.max", cgroup);
	ASSERT_EQ(0, write_file(path, "0"));

	pid = fork();
	if (!pid)
		run_hog(cgroup, area, 4 * OOM_LIMIT);
	list = dev_add(fd, pid, MNT_LIST, NULL, 0, NULL);
	start = dev_add(fd, pid, MNT_LIST_START, NULL, 0, NULL);
	interval = dev_add(fd, pid, MNT_INTERVAL, area, OOM_LIMIT, NULL);
	ASSERT_LE(0, list);
	ASSERT_LE(0, start);
	ASSERT_LE(0, interval);
	ASSERT_EQ(0, dev_rule(fd, (struct mnt_rule) {
		.id = start, .op = MNT_OP_START, .answer = refuse }));
	ASSERT_TRUE(wait_child(pid, 60000, &status));
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));

	EXPECT_EQ(1, dev_stats(fd, list).calls[MNT_OP_RELEASE]);
	EXPECT_EQ(1, dev_stats(fd, start).calls[MNT_OP_RELEASE]);
	EXPECT_EQ(1, dev_stats(fd, interval).events[RELEASE]);
	EXPECT_EQ(0, dev_del(fd, interval, NULL));
	EXPECT_EQ(0, dev_del(fd, start, NULL));
	EXPECT_EQ(0, dev_del(fd, list, NULL));
	EXPECT_PAIRED(dev_stats(fd, list));
}

FIXTURE(oom) {
	int fd;
	struct klog klog;
};

FIXTURE_SETUP(oom)
{
	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	ASSERT_TRUE(klog_begin(&self->klog));
}

FIXTURE_TEARDOWN(oom)
{
	const char *trouble = klog_trouble(&self->klog);

	klog_end(&self->klog);
	close(self->fd);
	EXPECT_EQ(NULL, trouble);
	if (trouble)
		TH_LOG("the kernel says: %s", trouble);
}

TEST_F_TIMEOUT(oom, kills, LIMIT_S)
{
	oom(_metadata, self->fd, false);
}

TEST_F_TIMEOUT(oom, kills_what_refuses, LIMIT_S)
{
	oom(_metadata, self->fd, true);
}

TEST_HARNESS_MAIN
