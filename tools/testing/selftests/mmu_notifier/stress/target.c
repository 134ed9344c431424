// SPDX-License-Identifier: GPL-2.0
/*
 * A target: a process that works on its arena until it dies in one way or
 * another.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stress.h"

/* Operations of the worker that ends it all, and how many more it may be. */
#define SHORTEST	20
#define MORE		300

/**
 * die_with_parent() - leave nobody behind, whatever becomes of the parent
 */
void die_with_parent(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* An old kernel may not have all of it; then that is found out in the end. */
static int open_uffd(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_WP_ASYNC |
			    UFFD_FEATURE_WP_UNPOPULATED |
			    UFFD_FEATURE_WP_HUGETLBFS_SHMEM | UFFD_FEATURE_MOVE,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	ioctl(fd, UFFDIO_API, &api);
	return fd;
}

/* In each of these ways the others are in the middle of something. */
static void die(struct worker *worker)
{
	char place[16];

	if (state->stop)
		_exit(0);
	switch (below(&worker->random, 3)) {
	case 0:
		kill(getpid(), SIGKILL);
		break;
	case 1:
		snprintf(place, sizeof(place), "%d", worker->target->place);
		execl("/proc/self/exe", "stress", "-T", place, NULL);
		break;
	}
	_exit(0);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	unsigned int left = -1;

	if (!worker->number)
		left = SHORTEST + below(&worker->random, MORE);
	while (left-- && !state->stop)
		operate(worker);
	if (!worker->number)
		die(worker);
	return NULL;
}

/* Threads begin with what is theirs alone. */
static void start_workers(struct target *target, unsigned int life)
{
	static struct worker workers[MAX_WORKERS];
	struct place *place = &state->places[target->place];
	pthread_t thread;
	unsigned int i;

	for (i = 0; i < state->workers; i++)
		workers[i] = (struct worker) {
			.random = random_of(target->place, i + 1, life),
			.number = i,
			.trail = &place->trails[i],
			.target = target,
		};
	for (i = 1; i < state->workers; i++)
		if (pthread_create(&thread, NULL, work, &workers[i]))
			complain(target->place, "no more threads");
	work(&workers[0]);
}

/**
 * target_main() - be a target
 * @place: which
 *
 * Return: exit status, if it does not die.
 */
int target_main(int place)
{
	struct target target = {
		.pid = getpid(),
		.place = place,
		.uffd = open_uffd(),
		.mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC),
		.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC),
	};
	unsigned int life = state->places[place].lives++;

	if (!arena_make(&target)) {
		complain(place, "no memory for the arena");
		return 1;
	}
	state->places[place].pid = target.pid;
	start_workers(&target, life);
	return 0;
}
