// SPDX-License-Identifier: GPL-2.0
/*
 * Times both cores by turns:
 *
 *	native OLD.so NEW.so ROUNDS COUNT
 *
 * For each kind, number of subscribers, number of threads, core and round a
 * line "@@N core kind number threads ns" with the time of one invalidation.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_THREADS	2

struct core {
	const char *name;
	void *(*mm)(unsigned int list, unsigned int intervals);
	void (*run)(void *mm, unsigned int thread, unsigned long count);
};

struct job {
	const struct core *core;
	pthread_barrier_t *barrier;
	void *mm;
	unsigned int thread;
	unsigned long count;
	pthread_t id;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void load(struct core *core, const char *name, const char *path)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	core->name = name;
	if (library) {
		core->mm = dlsym(library, "native_mm");
		core->run = dlsym(library, "native_run");
	}
	if (!library || !core->mm || !core->run) {
		printf("native: %s\n", dlerror());
		exit(1);
	}
}

static void *run(void *arg)
{
	struct job *job = arg;

	pthread_barrier_wait(job->barrier);
	job->core->run(job->mm, job->thread, job->count);
	return NULL;
}

/* All threads work on one address space; each does as much. */
static double measure(const struct core *core, void *mm, unsigned int threads,
		      unsigned long count)
{
	struct job jobs[MOST_THREADS];
	pthread_barrier_t barrier;
	unsigned int i;
	uint64_t began;

	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (i = 0; i < threads; i++) {
		jobs[i] = (struct job) {
			.core = core,
			.barrier = &barrier,
			.mm = mm,
			.thread = i,
			.count = count,
		};
		if (pthread_create(&jobs[i].id, NULL, run, &jobs[i]))
			exit(1);
	}
	pthread_barrier_wait(&barrier);
	began = now_ns();
	for (i = 0; i < threads; i++)
		pthread_join(jobs[i].id, NULL);
	pthread_barrier_destroy(&barrier);
	return (double)(now_ns() - began) / count;
}

static void compare(const struct core *cores, const char *kind,
		    unsigned int number, unsigned int rounds,
		    unsigned long count)
{
	bool interval = !strcmp(kind, "interval");
	unsigned int i, core, threads;
	void *mms[2];

	for (core = 0; core < 2; core++) {
		mms[core] = cores[core].mm(interval ? 0 : number,
					   interval ? number : 0);
		if (!mms[core])
			exit(1);
	}
	/* Less for many, so that all take about the same time. */
	count = count / (number + 1) + 1;
	for (threads = 1; threads <= MOST_THREADS; threads++)
		for (i = 0; i < 2 * rounds; i++)
			printf("@@N %s %s %u %u %.2f\n", cores[i % 2].name,
			       kind, number, threads,
			       measure(&cores[i % 2], mms[i % 2], threads,
				       count));
}

int main(int argc, char **argv)
{
	static const unsigned int numbers[] = { 1, 8, 64 };
	struct core cores[2];
	unsigned int i;

	if (argc != 5)
		return 2;
	load(&cores[0], "old", argv[1]);
	load(&cores[1], "new", argv[2]);
	for (i = 0; i < 3; i++) {
		compare(cores, "list", numbers[i], atoi(argv[3]), atol(argv[4]));
		compare(cores, "interval", numbers[i], atoi(argv[3]),
			atol(argv[4]));
	}
	return 0;
}
