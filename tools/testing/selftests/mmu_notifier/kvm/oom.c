// SPDX-License-Identifier: GPL-2.0
/*
 * A process with a VM is killed for want of memory, while a subscriber's
 * callout sleeps: its memory comes free all the same, others in its cgroup go
 * on, and it exits as soon as the callout lets it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "check.h"
#include "../klog.h"

#define CGROUP		"mmu_notifier_kvm_oom"
#define LIMIT		(16UL << 20)
#define LIMIT_TEXT	"16M"
#define MEM		LIMIT
/* What the victim has before a test begins, and has no longer at its end. */
#define FULL		(LIMIT - (3UL << 19))
#define FREED		(LIMIT / 2)
/* What the guest touches before. */
#define TOUCHED		(64 * PAGE)
#define LEN		(4 * PAGE)
#define CHUNK		(64 * PAGE)
#define NR_CHUNKS	10
#define DELAY_US	100000

/* What the processes tell each other. */
struct shared {
	char *area;
	atomic_bool ready;
	atomic_bool churn;
	atomic_bool go;
	atomic_ulong chunks;	/* of the neighbour */
};

FIXTURE(victim) {
	int fd;
	int id;
	struct klog klog;
	struct shared *shared;
	const char *cgroup;
	uint64_t began;
	pid_t pid;
	pid_t neighbour;
};

static bool cgroup_write(const char *cgroup, const char *name, const char *text)
{
	char path[192];

	snprintf(path, sizeof(path), "%s/%s", cgroup, name);
	return write_file(path, text) >= 0;
}

static unsigned long cgroup_read(const char *cgroup, const char *name,
				 const char *key)
{
	char path[192], text[1024], *at = text;

	snprintf(path, sizeof(path), "%s/%s", cgroup, name);
	if (read_file(path, text, sizeof(text)))
		return 0;
	if (key)
		at = strstr(text, key);
	return at ? strtoul(at + (key ? strlen(key) : 0), NULL, 10) : 0;
}

static unsigned long kills(const char *cgroup)
{
	return cgroup_read(cgroup, "memory.events", "oom_kill ");
}

static bool wait_kill(const char *cgroup, unsigned long before)
{
	uint64_t until = now_ns() + 2 * GUEST_PATIENCE_MS * MSEC;

	while (kills(cgroup) == before && now_ns() < until)
		sleep_ms(1);
	return kills(cgroup) > before;
}

static unsigned long usage(const char *cgroup)
{
	return cgroup_read(cgroup, "memory.current", NULL);
}

static bool wait_freed(const char *cgroup)
{
	uint64_t until = now_ns() + 2 * GUEST_PATIENCE_MS * MSEC;

	while (usage(cgroup) > FREED && now_ns() < until)
		sleep_ms(1);
	return usage(cgroup) <= FREED;
}

/* Allocates for ever, in the same cgroup; never the one that is killed. */
static void run_neighbour(struct _test_data_victim *self)
{
	char *chunk;

	if (write_file("/proc/self/oom_score_adj", "-1000") < 0 ||
	    !cgroup_write(self->cgroup, "cgroup.procs", "0"))
		_exit(1);
	for (;;) {
		chunk = map_anon(CHUNK);
		if (!chunk || munmap(chunk, CHUNK))
			_exit(1);
		self->shared->chunks++;
		sleep_ms(1);
	}
}

static bool neighbour_goes_on(const struct shared *shared)
{
	uint64_t until = now_ns() + GUEST_PATIENCE_MS * MSEC;
	unsigned long before = shared->chunks;

	while (shared->chunks < before + NR_CHUNKS && now_ns() < until)
		sleep_ms(1);
	return shared->chunks >= before + NR_CHUNKS;
}

static void *run_churn(void *arg)
{
	struct shared *shared = arg;

	while (!shared->churn)
		sleep_ms(1);
	for (;;) {
		touch(shared->area);
		do_dontneed(shared->area, LEN);
	}
	return NULL;
}

static void store(struct guest *guest, size_t from, size_t to)
{
	job_start(guest, 0, (struct job) {
		.gpa = MEM_GPA + from,
		.stride = PAGE,
		.count = (to - from) / PAGE,
		.want = NOTHING,
		.store = 1,
	});
}

/* The guest touches some of its memory, the host more. Returns how much. */
static size_t fill(struct _test_data_victim *self, struct guest *guest)
{
	size_t done = TOUCHED;

	store(guest, 0, done);
	if (!job_wait(guest, 0, GUEST_PATIENCE_MS))
		_exit(1);
	for (; done < MEM && usage(self->cgroup) < FULL; done += CHUNK)
		memset(guest_host(guest, MEM_GPA + done), 1, CHUNK);
	return done;
}

/* Its guest writes to more memory than the cgroup may have. */
static void run_victim(struct _test_data_victim *self)
{
	const struct guest_make make = { .vcpus = 1, .size = MEM };
	struct shared *shared = self->shared;
	struct guest guest;
	pthread_t thread;
	size_t filled;

	if (!cgroup_write(self->cgroup, "cgroup.procs", "0"))
		_exit(1);
	guest_make(&guest, &make);
	shared->area = map_anon(LEN);
	if (pthread_create(&thread, NULL, run_churn, shared))
		_exit(1);
	filled = fill(self, &guest);
	shared->ready = true;
	while (!shared->go)
		sleep_ms(1);
	store(&guest, filled, MEM);
	for (;;)
		pause();
}

static pid_t start(struct _test_data_victim *self,
		   void (*run)(struct _test_data_victim *self))
{
	pid_t pid = fork();

	if (!pid) {
		run(self);
		_exit(1);
	}
	return pid;
}

FIXTURE_SETUP(victim)
{
	self->klog.fd = -1;
	self->fd = fixture_open(_metadata);
	if (self->fd < 0)
		return;
	self->shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->shared);
	self->cgroup = cgroup_make(CGROUP);
	ASSERT_NE(NULL, self->cgroup);
	ASSERT_TRUE(cgroup_write(self->cgroup, "memory.max", LIMIT_TEXT));
	ASSERT_TRUE(cgroup_write(self->cgroup, "memory.swap.max", "0"));
	ASSERT_TRUE(klog_begin(&self->klog));
	self->began = now_ns();
}

FIXTURE_TEARDOWN(victim)
{
	const char *trouble;

	if (self->pid)
		kill(self->pid, SIGKILL);
	/* What it holds is let go. */
	close(self->fd);
	if (self->neighbour) {
		kill(self->neighbour, SIGKILL);
		waitpid(self->neighbour, NULL, 0);
	}
	if (self->klog.fd < 0)
		return;
	trouble = klog_trouble(&self->klog);
	klog_end(&self->klog);
	EXPECT_EQ(NULL, trouble);
	if (trouble)
		TH_LOG("the kernel says: %s", trouble);
}

/* The victim exists, and its callouts do what @rule says. */
static bool begin(struct _test_data_victim *self, struct mnt_rule rule)
{
	struct shared *shared = self->shared;

	self->pid = start(self, run_victim);
	if (!wait_real(&shared->ready, 2 * GUEST_PATIENCE_MS))
		return false;
	self->neighbour = start(self, run_neighbour);
	self->id = dev_add(self->fd, self->pid, MNT_LIST, NULL, 0, NULL);
	rule.id = self->id;
	rule.op = MNT_OP_START;
	rule.start = (uintptr_t)shared->area;
	rule.end = rule.start + LEN;
	if (self->id < 0 || dev_rule(self->fd, rule))
		return false;
	shared->churn = true;
	return !rule.hold_ms || dev_wait_held(self->fd, self->id);
}

static void tell(struct __test_metadata *_metadata,
		 struct _test_data_victim *self, const char *what)
{
	TH_LOG("%s after %lu ms", what,
	       (unsigned long)((now_ns() - self->began) / MSEC));
}

static void expect_dies(struct __test_metadata *_metadata,
			struct _test_data_victim *self)
{
	struct mnt_stats stats;
	int status = 0;

	ASSERT_TRUE(wait_child(self->pid, GUEST_PATIENCE_MS, &status));
	self->pid = 0;
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
	tell(_metadata, self, "dead");
	stats = dev_stats(self->fd, self->id);
	EXPECT_EQ(1, stats.calls[MNT_OP_RELEASE]);
	EXPECT_EQ(0, stats.after_release);
	EXPECT_PAIRED(stats);
	EXPECT_TRUE(neighbour_goes_on(self->shared));
}

/* Each callout takes its time. */
TEST_F_TIMEOUT(victim, killed_beside_slow_callouts, LIMIT_S)
{
	const struct mnt_rule slow = { .delay_us = DELAY_US };
	unsigned long before = kills(self->cgroup);

	ASSERT_TRUE(begin(self, slow));
	tell(_metadata, self, "ready");
	self->shared->go = true;
	EXPECT_TRUE(wait_kill(self->cgroup, before));
	tell(_metadata, self, "killed");
	expect_dies(_metadata, self);
}

/* One does not return at all; the reaper is not kept by it. */
TEST_F_TIMEOUT(victim, killed_in_a_held_callout, LIMIT_S)
{
	const struct mnt_rule hold = {
		.hold_ms = GUEST_HOLD_MS,
		.flags = MNT_UNKILLABLE,
	};
	unsigned long before = kills(self->cgroup);

	ASSERT_TRUE(begin(self, hold));
	tell(_metadata, self, "ready");
	self->shared->go = true;
	EXPECT_TRUE(wait_kill(self->cgroup, before));
	tell(_metadata, self, "killed");
	EXPECT_TRUE(wait_freed(self->cgroup));
	tell(_metadata, self, "freed");
	EXPECT_TRUE(neighbour_goes_on(self->shared));
	/* All that without an end of the callout. */
	EXPECT_TRUE(dev_still_held(self->fd, self->id));
	EXPECT_EQ(0, waitpid(self->pid, NULL, WNOHANG));
	ASSERT_EQ(0, dev_let_go(self->fd, self->id, MNT_OP_START));
	expect_dies(_metadata, self);
}

/* The same by hand. */
TEST_F_TIMEOUT(victim, reaped_in_a_held_callout, LIMIT_S)
{
	const struct mnt_rule hold = {
		.hold_ms = GUEST_HOLD_MS,
		.flags = MNT_UNKILLABLE,
	};
	int pidfd;

	ASSERT_TRUE(begin(self, hold));
	tell(_metadata, self, "ready");
	ASSERT_LT(FREED, usage(self->cgroup));
	pidfd = syscall(SYS_pidfd_open, self->pid, 0);
	ASSERT_LE(0, pidfd);
	ASSERT_EQ(0, kill(self->pid, SIGKILL));
	self->began = now_ns();
	EXPECT_TRUE(!syscall(SYS_process_mrelease, pidfd, 0) ||
		    errno == EAGAIN);
	tell(_metadata, self, "reaped");
	EXPECT_GT(GUEST_PATIENCE_MS * MSEC, now_ns() - self->began);
	EXPECT_TRUE(wait_freed(self->cgroup));
	tell(_metadata, self, "freed");
	EXPECT_TRUE(dev_still_held(self->fd, self->id));
	EXPECT_EQ(0, waitpid(self->pid, NULL, WNOHANG));
	ASSERT_EQ(0, dev_let_go(self->fd, self->id, MNT_OP_START));
	expect_dies(_metadata, self);
}

TEST_HARNESS_MAIN
