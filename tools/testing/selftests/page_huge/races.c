// SPDX-License-Identifier: GPL-2.0
/*
 * Threads and processes that read, write, discard, move and fork the same few
 * pages at the same time: the page of zeroes is never written to, nobody reads
 * what another process wrote, and nothing is lost.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "device.h"

#define SECONDS		3
#define THREADS		4

struct race {
	char *base;
	atomic_bool stop;
	atomic_ulong wrong;
	atomic_ulong writes;
};

/* Each thread has its own word of every page; what is in it is 0 or its own. */
struct racer {
	struct race *race;
	unsigned int number;
	pthread_t thread;
};

static void *race_words(void *arg)
{
	struct racer *racer = arg;
	struct race *race = racer->race;
	unsigned int seed = racer->number, page;
	uint64_t *word, seen;

	while (!atomic_load(&race->stop)) {
		page = rand_r(&seed) % PAGES;
		word = (uint64_t *)(race->base + page * HUGE) +
		       64 * racer->number;
		seen = get_word(word);
		if (seen && seen != racer->number + 1)
			atomic_fetch_add(&race->wrong, 1);
		/* A word that nobody writes to. */
		if (get_word(race->base + (page + 1) * HUGE - 8))
			atomic_fetch_add(&race->wrong, 1);
		switch (rand_r(&seed) % 8) {
		case 0:
			madvise(race->base + page * HUGE, HUGE, MADV_DONTNEED);
			break;
		case 1 ... 3:
			set_word(word, racer->number + 1);
			atomic_fetch_add(&race->writes, 1);
			break;
		}
	}
	return NULL;
}

static bool run_race(char *base, unsigned int ms)
{
	struct race race = { .base = base };
	struct racer racers[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		racers[i].race = &race;
		racers[i].number = i;
		pthread_create(&racers[i].thread, NULL, race_words, &racers[i]);
	}
	sleep_ms(ms);
	atomic_store(&race.stop, true);
	for (i = 0; i < THREADS; i++)
		pthread_join(racers[i].thread, NULL);
	return !race.wrong && race.writes;
}

TEST_F_TIMEOUT(device, threads, LIMIT_S)
{
	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	EXPECT_TRUE(run_race(self->base, SECONDS * 1000));
	/* The page of zeroes is what it was. */
	ASSERT_NE(NULL, map_device(self->fd, self->base + GIGA, HUGE, 0));
	EXPECT_TRUE(is_zero(self->base + GIGA, HUGE));
}

/* One writes its pages while another who has the same page of zeroes watches. */
TEST_F_TIMEOUT(device, processes, LIMIT_S)
{
	pid_t pid;
	int i;

	ASSERT_NE(NULL, map_device(self->fd, self->base, LEN, 0));
	ASSERT_NE(NULL, map_device(self->fd, self->base + GIGA, LEN,
				   MAP_NORESERVE));
	for (i = 0; i < PAGES; i++)
		EXPECT_EQ(0, self->base[GIGA + i * HUGE]);
	pid = fork();
	if (!pid)
		_exit(!run_race(self->base + GIGA, SECONDS * 1000));
	EXPECT_TRUE(run_race(self->base, SECONDS * 1000));
	EXPECT_TRUE(is_killed(pid, 0));
	EXPECT_TRUE(is_zero(self->base + GIGA, LEN));
}

/* The last close gives the page back while others are about to map it. */
TEST_F_TIMEOUT(device, opened_and_closed, LIMIT_S)
{
	uint64_t until = now_ns() + SECONDS * 1000 * MSEC;
	pid_t pids[2];
	char *base;
	int i, fd;

	for (i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i])
			continue;
		base = self->base + i * GIGA;
		while (now_ns() < until) {
			fd = open(DEVICE, O_RDWR | O_CLOEXEC);
			if (!map_device(fd, base, HUGE, MAP_NORESERVE))
				_exit(1);
			if (base[0] || base[HUGE - 1])
				_exit(2);
			munmap(base, HUGE);
			close(fd);
		}
		_exit(0);
	}
	EXPECT_TRUE(is_killed(pids[0], 0));
	EXPECT_TRUE(is_killed(pids[1], 0));
}

TEST_HARNESS_MAIN
