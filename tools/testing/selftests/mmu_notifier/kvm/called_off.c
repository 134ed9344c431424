// SPDX-License-Identifier: GPL-2.0
/*
 * An invalidation that must not block is called off after KVM has seen its
 * start: the others pair, and the VM is taken down in peace.
 *
 * Only the reaper of a process that is being killed makes such invalidations,
 * so the VM belongs to a process that is, and no fault is left to show whether
 * KVM itself got the end.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"

#define SIZE		HUGE
#define SEED		5
#define NEW_SEED	6

/* What the process with the VM and its parent tell each other. */
struct victim {
	char *held;
	atomic_bool watched;
	atomic_bool ready;
	atomic_bool go;
};

FIXTURE(vm) {
	int fd;
	struct victim *victim;
	pid_t pid;
	int pidfd;
	int refuses;	/* is called after KVM */
	int holds;	/* keeps the process from its exit */
};

/* The VM has mapped all of its memory when the process is killed. */
static void victim_run(struct victim *victim)
{
	const struct guest_make make = { .vcpus = 1, .size = SIZE };
	struct guest guest;

	while (!victim->watched)
		sleep_ms(1);
	guest_make(&guest, &make);
	guest_fill(&guest, MEM_GPA, SIZE, SEED);
	job_start(&guest, 0, (struct job) {
		.gpa = MEM_GPA,
		.stride = PAGE,
		.count = SIZE / PAGE,
		.want = SEED,
		.store = NEW_SEED,
	});
	victim->ready = job_wait(&guest, 0, GUEST_PATIENCE_MS) &&
			!job_trouble(&guest, 0);
	while (!victim->go)
		sleep_ms(1);
	do_dontneed(victim->held, PAGE);
	_exit(0);
}

FIXTURE_SETUP(vm)
{
	struct mnt_rule hold = { .op = MNT_OP_START, .hold_ms = GUEST_HOLD_MS,
				 .flags = MNT_UNKILLABLE };

	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	self->victim = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->victim);
	self->victim->held = map_anon(PAGE);
	self->pid = fork();
	if (!self->pid)
		victim_run(self->victim);
	ASSERT_LT(0, self->pid);
	self->pidfd = syscall(SYS_pidfd_open, self->pid, 0);
	ASSERT_LE(0, self->pidfd);
	/* The latest one is called first, and that will be KVM. */
	self->refuses = dev_add(self->fd, self->pid, MNT_LIST_START, NULL, 0,
				NULL);
	ASSERT_LE(0, self->refuses);
	self->holds = dev_add(self->fd, self->pid, MNT_LIST, NULL, 0, NULL);
	ASSERT_LE(0, self->holds);
	hold.id = self->holds;
	hold.start = (uintptr_t)self->victim->held;
	hold.end = hold.start + PAGE;
	ASSERT_EQ(0, dev_rule(self->fd, hold));
	self->victim->watched = true;
	ASSERT_TRUE(wait_flag(&self->victim->ready, GUEST_PATIENCE_MS));
}

FIXTURE_TEARDOWN(vm)
{
	kill(self->pid, SIGKILL);
	close(self->fd);
	close(self->pidfd);
}

TEST_F_TIMEOUT(vm, refused_beside_it, LIMIT_S)
{
	struct mnt_stats refuser, holder;
	int status;

	ASSERT_EQ(0, dev_rule(self->fd, (struct mnt_rule) {
		.id = self->refuses, .op = MNT_OP_START, .answer = 1 }));
	self->victim->go = true;
	ASSERT_TRUE(dev_wait_held(self->fd, self->holds));
	ASSERT_EQ(0, kill(self->pid, SIGKILL));
	EXPECT_EQ(-1, syscall(SYS_process_mrelease, self->pidfd, 0));
	EXPECT_EQ(EAGAIN, errno);
	refuser = dev_stats(self->fd, self->refuses);
	holder = dev_stats(self->fd, self->holds);
	EXPECT_LT(0, refuser.refused);
	EXPECT_EQ(refuser.nonblock, holder.nonblock);
	EXPECT_EQ(0, holder.stray);
	ASSERT_EQ(0, dev_let_go(self->fd, self->holds, MNT_OP_START));
	ASSERT_TRUE(wait_child(self->pid, GUEST_PATIENCE_MS, &status));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EXPECT_PAIRED(dev_stats(self->fd, self->refuses));
	EXPECT_PAIRED(dev_stats(self->fd, self->holds));
}

/* Nobody refuses, and the memory of the VM is reaped under its vCPU. */
TEST_F_TIMEOUT(vm, reaped_beneath_it, LIMIT_S)
{
	int status;

	self->victim->go = true;
	ASSERT_TRUE(dev_wait_held(self->fd, self->holds));
	ASSERT_EQ(0, kill(self->pid, SIGKILL));
	EXPECT_EQ(0, syscall(SYS_process_mrelease, self->pidfd, 0));
	EXPECT_LT(0, dev_stats(self->fd, self->refuses).nonblock);
	ASSERT_EQ(0, dev_let_go(self->fd, self->holds, MNT_OP_START));
	ASSERT_TRUE(wait_child(self->pid, GUEST_PATIENCE_MS, &status));
	EXPECT_PAIRED(dev_stats(self->fd, self->refuses));
}

TEST_HARNESS_MAIN
