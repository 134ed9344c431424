// SPDX-License-Identifier: GPL-2.0
/*
 * Keepers: for each target one, which has another take its place when it has
 * died; and one that disturbs all of them, as the rest of a system does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

#define KSM	"/sys/kernel/mm/ksm/"
#define HUGEPAGED "/sys/kernel/mm/transparent_hugepage/khugepaged/"

static pthread_t keepers[MAX_TARGETS], disturber;
static const char *cgroup;
static char procs[160], reclaim[160];

static void join_cgroup(void)
{
	if (cgroup)
		write_file(procs, "0");
}

/* At once another program: what runs here has threads. */
static pid_t start_target(unsigned int place)
{
	char name[16];
	pid_t pid;

	snprintf(name, sizeof(name), "%u", place);
	pid = fork();
	if (!pid) {
		die_with_parent();
		join_cgroup();
		execl("/proc/self/exe", "stress", "-T", name, NULL);
		_exit(1);
	}
	return pid;
}

static void *keep(void *arg)
{
	unsigned int place = (struct place *)arg - state->places;
	int status;
	pid_t pid;

	while (!state->stop) {
		pid = start_target(place);
		if (pid < 0 || waitpid(pid, &status, 0) != pid) {
			complain(place, "no process to be had");
			break;
		}
		state->places[place].pid = 0;
		if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
			complain(place, "died of signal %d", WTERMSIG(status));
	}
	return NULL;
}

/* As a system does that is short of memory: kill, and reap at once. */
static void kill_and_reap(uint64_t *random)
{
	pid_t pid = state->places[below(random, state->targets)].pid;
	int fd = syscall(SYS_pidfd_open, pid, 0);

	if (fd < 0)
		return;
	kill(pid, SIGKILL);
	syscall(SYS_process_mrelease, fd, 0);
	close(fd);
}

static const struct {
	const char *path;
	const char *text;
} disturbances[] = {
	{ reclaim, "4M" },
	{ reclaim, "16M" },
	{ reclaim, "16M" },
	{ "/proc/sys/vm/compact_memory", "1" },
	{ "/proc/sys/vm/drop_caches", "1" },
	{ "/sys/kernel/mm/lru_gen/enabled", "y" },
	{ "/sys/kernel/mm/lru_gen/enabled", "n" },
	{ "/sys/kernel/debug/split_huge_pages", "1" },
	{ KSM "run", "1" },
	{ KSM "run", "1" },
	{ KSM "run", "2" },
	{ KSM "use_zero_pages", "1" },
	{ KSM "use_zero_pages", "0" },
	{ "/proc/sys/kernel/numa_balancing", "1" },
	{ "/proc/sys/kernel/numa_balancing", "1" },
	{ "/proc/sys/kernel/numa_balancing", "0" },
};

static void *disturb(void *arg)
{
	uint64_t random = random_of(MAX_TARGETS, 0, 0);
	unsigned int which;

	while (!state->stop) {
		which = below(&random, ARRAY_SIZE(disturbances) + 1);
		if (which == ARRAY_SIZE(disturbances))
			kill_and_reap(&random);
		else
			write_file(disturbances[which].path,
				   disturbances[which].text);
		sleep_ms(below(&random, 50));
	}
	return NULL;
}

/* Others at work too: often, and on everything. */
static void hurry(void)
{
	write_file(KSM "pages_to_scan", "500");
	write_file(KSM "sleep_millisecs", "20");
	write_file(HUGEPAGED "scan_sleep_millisecs", "50");
	write_file(HUGEPAGED "alloc_sleep_millisecs", "50");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_delay_ms", "10");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_period_min_ms",
		   "20");
	write_file("/sys/kernel/debug/sched/numa_balancing/scan_period_max_ms",
		   "50");
	write_file("/sys/kernel/mm/transparent_hugepage/hugepages-64kB/enabled",
		   "madvise");
}

static void calm_down(void)
{
	write_file(KSM "run", "2");
	write_file("/proc/sys/kernel/numa_balancing", "0");
	write_file("/sys/kernel/mm/lru_gen/enabled", "n");
}

/**
 * keepers_start() - have targets, and unrest
 *
 * Return: true if that was possible.
 */
bool keepers_start(void)
{
	unsigned int i;

	cgroup = cgroup_make("stress");
	if (!cgroup || !swap_is_on())
		return false;
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", cgroup);
	snprintf(reclaim, sizeof(reclaim), "%s/memory.reclaim", cgroup);
	hurry();
	for (i = 0; i < state->targets; i++)
		if (pthread_create(&keepers[i], NULL, keep, &state->places[i]))
			return false;
	return !pthread_create(&disturber, NULL, disturb, NULL);
}

/**
 * keepers_stop() - end all targets, when state->stop is set
 */
void keepers_stop(void)
{
	unsigned int i;

	for (i = 0; i < state->targets; i++)
		pthread_join(keepers[i], NULL);
	pthread_join(disturber, NULL);
	calm_down();
}
