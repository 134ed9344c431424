// SPDX-License-Identifier: GPL-2.0
/*
 * Runs each test in a process of its own, with a time limit, so that one that
 * hangs or is stopped by a sanitizer is a result and not the end.
 *
 *	mn_test [-s SEED] [-t SECONDS] [NAME]...
 */
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "test.h"

static const struct test *const suites[] = {
	tracker_tests, pairing_tests, leaving_tests, register_tests,
	interval_tests, exit_tests, inside_tests,
	filter_tests, age_tests,
};

static unsigned long seed = 1;
static __thread unsigned long random_state;
static atomic_t random_threads;

void test_failed(const char *file, int line, const char *what)
{
	printf("# %s:%d: failed: %s\n", file, line, what);
	fflush(stdout);
	_exit(1);
}

unsigned long test_random(unsigned long limit)
{
	unsigned long x = random_state;

	if (!x)
		x = seed * 0x9e3779b97f4a7c15UL +
			atomic_inc(&random_threads) * 0xbf58476d1ce4e5b9UL;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	random_state = x;
	return (x >> 11) % limit;
}

pthread_t start_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_t thread;

	check(!pthread_create(&thread, NULL, fn, arg));
	return thread;
}

void join_thread(pthread_t thread)
{
	check(!pthread_join(thread, NULL));
}

unsigned long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000UL + t.tv_nsec / 1000;
}

static bool run_one(const struct test *test, int number, int limit)
{
	int status, waited;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	check(pid >= 0);
	if (!pid) {
		test->run();
		check(!atomic_read(&shim_warnings));
		exit(0);
	}
	for (waited = 0; !waitpid(pid, &status, WNOHANG); waited++) {
		if (waited == limit * 500)
			kill(pid, SIGKILL);
		usleep(2000);
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		printf("ok %d - %s\n", number, test->name);
		return true;
	}
	printf("not ok %d - %s # %s\n", number, test->name,
	       WIFEXITED(status) ? "failed" : waited >= limit * 500 ?
	       "timed out" : "crashed");
	return false;
}

static bool wanted(const char *name, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strcmp(*names, name))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	int opt, limit = 60, number = 0, bad = 0;
	const struct test *test;
	size_t i;

	while ((opt = getopt(argc, argv, "s:t:")) != -1) {
		if (opt == 's')
			seed = strtoul(optarg, NULL, 0);
		else if (opt == 't')
			limit = atoi(optarg);
		else
			return 2;
	}
	for (i = 0; i < ARRAY_SIZE(suites); i++)
		for (test = suites[i]; test->name; test++)
			number += wanted(test->name, argv + optind);
	printf("KTAP version 1\n1..%d\n", number);
	number = 0;
	for (i = 0; i < ARRAY_SIZE(suites); i++)
		for (test = suites[i]; test->name; test++)
			if (wanted(test->name, argv + optind))
				bad += !run_one(test, ++number, limit);
	printf("# %d passed, %d failed, seed %lu\n", number - bad, bad, seed);
	/* A name that is none would otherwise pass. */
	return bad || !number;
}
