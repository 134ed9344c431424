// SPDX-License-Identifier: GPL-2.0
/*
 * The end of an address space.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "matrix.h"

#define LIMIT		"64M"
#define MUCH		(64UL << 20)
#define MORE_THAN_LIMIT	(256UL << 20)

static int do_exec(struct area *area)
{
	execl("/proc/self/exe", "matrix", "--after-exec", (char *)NULL);
	return failed(area, "exec");
}

static int do_exit(struct area *area)
{
	(void)area;
	_exit(0);
}

/* Nothing to swap to, or that is what would happen instead. */
static int be_killed_for_memory(struct area *area)
{
	char path[160];
	char *more;
	size_t at;

	if (!cgroup)
		return lacking(area, "no memory cgroup");
	snprintf(path, sizeof(path), "%s/memory.swap.max", cgroup);
	if (write_file(path, "0"))
		return failed(area, path);
	snprintf(path, sizeof(path), "%s/memory.max", cgroup);
	if (write_file(path, LIMIT))
		return failed(area, path);
	more = mmap(NULL, MORE_THAN_LIMIT, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (at = 0; at < MORE_THAN_LIMIT; at += PAGE)
		touch(more + at);
	errno = 0;
	return failed(area, "not killed");
}

/* The owner is not in that cgroup. */
static int lift_limit(struct area *area, pid_t pid)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/memory.max", cgroup);
	write_file(path, "max");
	snprintf(path, sizeof(path), "%s/memory.swap.max", cgroup);
	write_file(path, "max");
	(void)area;
	(void)pid;
	return DONE;
}

static int kill_it(struct area *area, pid_t pid)
{
	return kill(pid, SIGKILL) ? failed(area, "kill") : DONE;
}

/* So much that to unmap it takes a while. */
static int grow(struct area *area)
{
	char *more = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	return more == MAP_FAILED ? failed(area, "mmap") : DONE;
}

/* Until it has been reaped, or has gone by itself. */
static int reap(struct area *area, int fd)
{
	int ret;

	do {
		ret = syscall(SYS_process_mrelease, fd, 0);
	} while (ret && errno == EAGAIN);
	if (ret && errno != ESRCH)
		ret = failed(area, "process_mrelease");
	else
		ret = DONE;
	return ret;
}

static int kill_and_reap(struct area *area, pid_t pid)
{
	int fd = syscall(SYS_pidfd_open, pid, 0), ret;

	if (fd < 0 || kill(pid, SIGKILL))
		return failed(area, "kill");
	ret = reap(area, fd);
	close(fd);
	return ret;
}

static void *drop_other(void *arg)
{
	struct area *area = arg;

	while (!__atomic_load_n(&area->go, __ATOMIC_ACQUIRE))
		sleep_ms(1);
	madvise(area->other, PAGE, MADV_DONTNEED);
	return NULL;
}

/* A thread that can be held where no signal gets it out. */
static int start_thread(struct area *area)
{
	pthread_t thread;

	area->other = map_anon(PAGE);
	if (!area->other || pthread_create(&thread, NULL, drop_other, area))
		return failed(area, "pthread_create");
	return DONE;
}

/*
 * While it is held, the address space stays: then the reaper takes away the
 * pages of what is there to be compared.
 */
static int reap_while_held(struct area *area, pid_t pid)
{
	struct mnt_rule hold = {
		.op = MNT_OP_START,
		.start = (uintptr_t)area->other,
		.end = (uintptr_t)area->other + PAGE,
		.hold_ms = HOLD_MS,
		.flags = MNT_UNKILLABLE,
	};
	int fd = dev_open(), pidfd = syscall(SYS_pidfd_open, pid, 0), ret;

	hold.id = dev_add(fd, pid, MNT_LIST, area->other, 0, NULL);
	ret = dev_rule(fd, hold);
	__atomic_store_n(&area->go, 1, __ATOMIC_RELEASE);
	if (ret || !dev_wait_held(fd, hold.id) || kill(pid, SIGKILL))
		ret = failed(area, "holding a thread");
	else
		ret = reap(area, pidfd);
	cell_look();
	if (!ret && !dev_still_held(fd, hold.id))
		ret = failed(area, "not held for so long");
	close(pidfd);
	close(fd);
	return ret;
}

const struct op ops_end[] = {
	{ "exec", ANY, .after = DEAD, .run = do_exec,
	  .why = BY(RELEASE) },
	{ "exit", ANY, .after = DEAD, .run = do_exit,
	  .why = BY(RELEASE) },
	{ "kill", ANY, .after = DEAD, .remote = kill_it,
	  .why = BY(RELEASE) },
	/* Its own exit may come first. */
	{ "process-mrelease", ANY, .after = DEAD, .run = grow,
	  .remote = kill_and_reap,
	  .also = BY(OOM) | BY(RELEASE) },
	{ "mrelease-held", ANY & ~HUGETLB_ANY, "hugetlb is not reaped",
	  .after = DEAD, .run = start_thread, .remote = reap_while_held,
	  .why = BY(OOM),
	  .also = BY(RELEASE),
	  .keeps = HUGETLB_ANY | SHARED_ANY },
	{ "oom-kill", ANY & ~HUGETLB_ANY, "hugetlb is not charged",
	  .after = DEAD, .loud = true, .run = be_killed_for_memory,
	  .remote = lift_limit,
	  .why = BY(RELEASE), .also = BY(OOM) | BY(RECLAIM) | BY(CLEAN) },
	{ }
};
